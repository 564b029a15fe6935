import Glibc

/// Choosing hyperparameters of a problem: what `foci select` and the library's callers ask for.
public struct SelectRequest: Sendable {
    /// One λ for all blocks, or one learned for each.
    public enum Weights: String, Sendable, CaseIterable { case shared, learned }

    /// What makes a choice good.
    public var criterion = CriterionKind.sure
    /// How it is searched for; nil takes Brent's method, or a line search for learned weights.
    public var search: SearchKind?
    /// How gradients are computed.
    public var hypergradient = GradientSource.analytic(ImplicitGradient())
    /// The penalty.
    public var penalty = GroupLasso.kind
    /// Its number of shape under the name of its option; none looks for it where the penalty's kind says so, else takes the
    /// usual value.
    public var shapes: [PenaltyKind.Shape.Option: Double] = [:]
    /// One λ, or many.
    public var weights = Weights.shared
    /// Standard deviation of an entry of the noise.
    public var sigma = 1.0
    /// Where to begin, as a fraction of λ_max; nil for a half, or a tenth for learned weights.
    public var start: Double?
    /// Most evaluations, points of a grid along each side; nil for the default of the search.
    public var evaluations: Int?
    /// Folds of cross-validation.
    public var folds = 5
    /// Random directions of Monte-Carlo SURE, noise of its quantile; nil for the usual number of the criterion.
    public var draws: Int?
    /// Seed of folds, directions and draws.
    public var seed: UInt64 = 0
    /// How exactly to solve.
    public var stop = StopRule()
    /// Threads; no result depends on them.
    public var parallelism = Parallelism.allCores

    /// The default request.
    public init() {}

    /// What was chosen.
    public struct Answer: Sendable {
        /// What is printed of it.
        public var summary: SelectSummary
        /// The solution at the choice, in the samples of the problem.
        public let active: ActiveSet
        /// Where the search went, for taking it up again; nil where nothing is searched.
        public let record: SearchRecord?
    }

    /// Chooses.
    ///
    /// - Parameters:
    ///   - problem: of the caller; one of a penalty of entries keeps its samples.
    ///   - record: a search to take up; it must be of the same search, criterion, penalty and problem.
    ///   - monitor: progress, cancellation, and warnings.
    ///   - keep: given the record of a search that ended or was cancelled.
    /// - Throws: ``InputError`` for settings or a problem that cannot be worked with, ``InvalidRecord`` for a record of
    ///   another search, `CancellationError`, and what `keep` throws.
    public func run(
        _ problem: RegressionProblem, resuming record: SearchRecord? = nil, monitor: Monitor = .silent,
        keep: (SearchRecord) throws -> Void = { _ in }
    ) throws -> Answer {
        try check()
        let clock = Stopwatch()
        let largest = penalty.largestLambda(of: problem, parallelism: parallelism)
        guard largest > 0, largest.isFinite else {
            throw InputError(
                at: .input(.problem), found: "data that no column of the gain explains (λ_max is \(largest))",
                expected: "data that are not zero")
        }
        do {
            var answer =
                criterion == .evidence
                ? try learnEvidence(problem, largest, monitor)
                : criterion == .noiseQuantile
                    ? try chooseByQuantile(penalty.type, problem, largest, monitor)
                    : try choose(penalty.type, problem, largest, record, monitor, keep)
            answer.summary.seconds = clock.seconds
            return answer
        } catch let error as InvalidCriterion {
            throw InputError(at: .input(.problem), found: "\(error)")
        } catch let error as InvalidPenalty {
            throw InputError(at: .input(.problem), found: "\(error)")
        } catch let error as RegressionProblem.Invalid {
            throw InputError(at: .input(.problem), found: "\(error)")
        }
    }

    /// Throws for settings out of their range, or that contradict each other.
    ///
    /// - Throws: ``InputError``.
    public func check() throws(InputError) {
        let shape = try penalty.shape(among: shapes, isNeeded: false)
        guard sigma.isFinite, sigma > 0 else {
            throw InputError(.sigma, found: "\(sigma)", expected: "a positive number")
        }
        if let start, !(start > 0 && start <= 1) {
            throw InputError(.start, found: "\(start)", expected: "a number above 0 and at most 1")
        }
        if let evaluations, !(1...100_000).contains(evaluations) {
            throw InputError(.evaluations, found: "\(evaluations)", expected: "1 to 100000")
        }
        guard (2...10_000).contains(folds) else {
            throw InputError(.folds, found: "\(folds)", expected: "2 to as many as rows")
        }
        if let draws, !(1...10_000).contains(draws) {
            throw InputError(.draws, found: "\(draws)", expected: "1 to 10000")
        }
        if criterion.needsReplicates {
            throw InputError(
                .criterion, found: "\(criterion.name) for a problem of one response", expected: "another criterion",
                advice: "a localization holds out epochs")
        }
        if criterion == .evidence {
            guard penalty == GroupLasso.kind, search == nil else {
                throw InputError(
                    .criterion, found: "evidence with a penalty or a search",
                    expected: "neither: the evidence has updates of its own, over sources as a whole")
            }
            return
        }
        if criterion == .noiseQuantile {
            guard search == nil, weights == .shared else {
                throw InputError(
                    .criterion, found: "noise-quantile with a search or learned weights",
                    expected: "neither: λ follows from the noise, without a search or a gradient")
            }
            guard penalty.scope == .block, !penalty.searchesShape(given: shape) else {
                throw InputError(
                    .criterion, found: "noise-quantile with \(penalty.name)",
                    expected: "a penalty of blocks, its number of shape given")
            }
            return
        }
        let needed: SearchKind.Reach =
            weights == .learned ? .many : penalty.searchesShape(given: shape) ? .few : .one
        if let search, search.reach < needed {
            throw InputError(
                .search,
                found: "\(search.name) for \(needed == .many ? "one hyperparameter a source" : "two hyperparameters")",
                expected: "one of \(SearchKind.names(reaching: needed))")
        }
    }

    // MARK: - The parts of a choice

    private var method: SelectionMethod {
        var method = SelectionMethod()
        method.criterion = criterion
        method.search = search ?? (weights == .learned ? .lineSearch : .brent)
        method.hypergradient = hypergradient
        method.noiseVariance = sigma * sigma
        method.folds = folds
        method.draws = draws
        method.seed = seed
        method.evaluations = evaluations
        return method
    }

    private func choose<Penalty: NamedPenalty>(
        _ type: Penalty.Type, _ problem: RegressionProblem, _ largest: Double, _ record: SearchRecord?,
        _ monitor: Monitor, _ keep: (SearchRecord) throws -> Void
    ) throws -> Answer {
        let (method, top) = (method, log(largest))
        let given = try penalty.shape(among: shapes, isNeeded: false)
        let shape = Penalty.kind.shape(given, for: problem, parallelism: parallelism)
        let isShapeSearched = Penalty.kind.searchesShape(given: shape)
        // What a ridge is compared with: the mean squared norm of a column of the gain.
        let scale = log(max(problem.design.squaredNorm / Double(problem.design.columns), 1e-200))
        func withShape(_ logs: [Double], _ offset: Double) -> [Double] {
            isShapeSearched ? logs + [scale + offset] : logs
        }
        func box(_ domain: SearchDomain) -> SearchDomain {
            SearchDomain(lower: withShape(domain.lower, -10), upper: withShape(domain.upper, 4))
        }
        let (domain, first) = method.sharedDomain(largest: largest, start: start ?? (weights == .learned ? 0.1 : 0.5))
        switch weights {
        case .shared:
            return try minimize(
                problem, SharedLambda<Penalty>(shape: shape), from: withShape([first], -4), in: box(domain), top, shape,
                record, monitor, keep)
        case .learned:
            let count = Penalty.kind.scope == .entry ? problem.design.columns : problem.blocks.count
            return try minimize(
                problem, LearnedWeights<Penalty>(blockCount: count, shape: shape),
                from: withShape([Double](repeating: first, count: count), -4),
                in: box(method.learnedDomain(largest: largest, count: count)), top, shape, record, monitor, keep)
        }
    }

    private func minimize<Family: PenaltyFamily>(
        _ problem: RegressionProblem, _ family: Family, from start: [Double], in domain: SearchDomain, _ top: Double,
        _ shape: Double?, _ saved: SearchRecord?, _ monitor: Monitor, _ keep: (SearchRecord) throws -> Void
    ) throws -> Answer {
        let method = method
        let objective = try SelectionObjective(
            problem: problem, family: family, criterion: try method.makeCriterion(rowCount: problem.rowCount),
            hypergradient: method.hypergradient, parallelism: parallelism)
        let record = try method.minimize(
            objective, from: start, in: domain, stop: stop, resuming: saved, monitor: monitor)
        try keep(record)
        if record.end == .cancelled { throw CancellationError() }
        guard let best = record.best, best.value.isFinite else {
            throw InputError(
                at: .input(.problem),
                found: "no hyperparameters at which \(objective.criterion.name) could be computed",
                expected: "a problem it suits")
        }
        let solvesBefore = objective.solves
        // The values along the way may be inexact; what is reported is not.
        let final = try objective.evaluate(best.logs, wantsGradient: true, stop: stop, monitor: monitor)
        let solution = try objective.solution(at: best.logs, stop: stop, monitor: monitor)
        if final.isCancelled || solution.reason == .cancelled { throw CancellationError() }
        warn(record, domain, best, monitor)
        // Where a shape is searched over, its logarithm comes last.
        let isShapeSearched = penalty.searchesShape(given: shape)
        let lambdas = isShapeSearched ? best.logs.dropLast() : best.logs[...]
        let ratios = lambdas.map { exp($0 - top) }
        func shaped(_ logs: [Double], _ option: PenaltyKind.Shape.Option) -> Double? {
            guard penalty.shape?.option == option else { return nil }
            return isShapeSearched ? logs.last.map { exp($0) } : shape
        }
        let summary = SelectSummary(
            criterion: objective.criterion.name, search: record.search, penalty: family.name, end: record.end?.rawValue,
            value: final.value, lambdaRatio: weights == .learned ? nil : ratios[0],
            weights: weights == .learned ? ratios : nil, ridge: shaped(best.logs, .ridge),
            gamma: shaped(best.logs, .gamma), lambdaMax: exp(top),
            degreesOfFreedom: final.degreesOfFreedom.isFinite ? final.degreesOfFreedom : nil,
            gradientNorm: final.gradient.map(Self.norm), support: solution.active.blocks,
            evaluations: record.points.count, innerSolves: record.innerSolves + objective.solves - solvesBefore,
            history: record.points.map { point in
                SelectSummary.Point(
                    value: point.value, lambdaRatio: weights == .learned ? nil : exp(point.logs[0] - top),
                    ridge: isShapeSearched ? shaped(point.logs, .ridge) : nil,
                    gradientNorm: point.gradient.map(Self.norm), nonzero: point.activeCount,
                    relativeGap: point.relativeGap.isFinite ? point.relativeGap : nil, seconds: point.seconds)
            })
        return Answer(summary: summary, active: solution.active, record: record)
    }

    private static func norm(_ values: [Double]) -> Double {
        values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }

    private func warn(_ record: SearchRecord, _ domain: SearchDomain, _ best: SearchPoint, _ monitor: Monitor) {
        if record.end == .evaluationLimit {
            monitor.warn("the search ended with its \(record.points.count) evaluations, not at a minimum")
        }
        guard weights == .shared else { return }
        let isAtBound = best.logs.indices.contains {
            best.logs[$0] == domain.lower[$0] || best.logs[$0] == domain.upper[$0]
        }
        if isAtBound || record.end == .edge {
            monitor.warn("the choice lies at the edge of what was looked at; the minimum may lie beyond")
        }
    }

    private func chooseByQuantile<Penalty: NamedPenalty>(
        _ type: Penalty.Type, _ problem: RegressionProblem, _ largest: Double, _ monitor: Monitor
    ) throws -> Answer {
        let given = try penalty.shape(among: shapes, isNeeded: false)
        let shape = Penalty.kind.shape(given, for: problem, parallelism: parallelism)
        let chosen = try method.chooseByQuantile(
            AutomaticSolver().session(for: problem, parallelism: parallelism),
            family: SharedLambda<Penalty>(shape: shape), largest: largest, stop: stop, parallelism: parallelism,
            monitor: monitor)
        let curve = chosen.curve
        if chosen.end != nil { monitor.warn("the noise level did not come to rest in \(curve.points.count) rounds") }
        var summary = SelectSummary(
            criterion: curve.criterion, search: "rounds", penalty: Penalty.kind.name,
            end: (chosen.end ?? .converged).rawValue, value: curve.chosen.criterion, lambdaRatio: curve.chosen.ratio,
            weights: nil, ridge: penalty.shape?.option == .ridge ? shape : nil,
            gamma: penalty.shape?.option == .gamma ? shape : nil, lambdaMax: largest, degreesOfFreedom: nil,
            gradientNorm: nil, support: chosen.solution.active.blocks, evaluations: curve.points.count,
            innerSolves: curve.points.count,
            history: curve.points.map { point in
                SelectSummary.Point(
                    value: point.criterion, lambdaRatio: point.ratio, ridge: nil, gradientNorm: nil,
                    nonzero: point.activeCount, relativeGap: point.relativeGap.isFinite ? point.relativeGap : nil,
                    seconds: point.seconds)
            })
        summary.noiseQuantile = curve.quantile
        return Answer(summary: summary, active: chosen.solution.active, record: nil)
    }

    private func learnEvidence(
        _ problem: RegressionProblem, _ largest: Double, _ monitor: Monitor
    ) throws -> Answer {
        var method = SparseBayesianLearning(noiseVariance: sigma * sigma)
        if let evaluations { method.maximumUpdates = evaluations }
        let found = try method.run(problem, parallelism: parallelism, monitor: monitor)
        if found.end == .cancelled { throw CancellationError() }
        let summary = SelectSummary(
            criterion: "evidence", search: "convexity bound", penalty: "l21", end: found.end.rawValue,
            value: found.history.last ?? .nan, lambdaRatio: nil, weights: found.weights.map { $0 / largest },
            ridge: nil, gamma: nil, lambdaMax: largest, degreesOfFreedom: nil, gradientNorm: found.gradientNorm,
            support: found.active.blocks, evaluations: found.history.count, innerSolves: 0,
            history: found.history.map {
                SelectSummary.Point(
                    value: $0, lambdaRatio: nil, ridge: nil, gradientNorm: nil, nonzero: nil, relativeGap: nil,
                    seconds: nil)
            })
        return Answer(summary: summary, active: found.active, record: nil)
    }
}

/// What is printed of a choice of hyperparameters.
public struct SelectSummary: Encodable, Sendable {
    package let criterion: String
    package let search: String
    package let penalty: String
    /// Why the search ended.
    public let end: String?
    /// The criterion at the choice.
    public let value: Double
    /// λ over λ_max; nil where each block has one.
    public let lambdaRatio: Double?
    /// λ_j over λ_max.
    public let weights: [Double]?
    /// The penalty's number of shape, in units of the problem, under the name of its option.
    public let ridge: Double?
    package let gamma: Double?
    package let lambdaMax: Double
    package let degreesOfFreedom: Double?
    package let gradientNorm: Double?
    /// Active blocks.
    public let support: [Int]
    package let evaluations: Int
    package let innerSolves: Int
    /// All that was tried, in order.
    public let history: [Point]
    package var seconds = 0.0
    /// What λ follows from, by the quantile of noise.
    public var noiseQuantile: QuantileRecord?

    /// One evaluation.
    public struct Point: Encodable, Sendable {
        package let value: Double
        package let lambdaRatio: Double?
        package let ridge: Double?
        package let gradientNorm: Double?
        package let nonzero: Int?
        package let relativeGap: Double?
        package let seconds: Double?
    }
}
