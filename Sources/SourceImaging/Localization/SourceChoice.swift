import Glibc

/// From a whitened problem to its active sources: the choice of λ or of a λ_j for every source, and what follows it.
///
/// One value for the estimate itself and for every repeat that measures its stability.
struct SourceChoice: Sendable {
    /// Criterion and search; the noise variance is that of the recording, see ``with(noiseVariance:)``.
    var method: SelectionMethod
    let weights: SourceWeights
    /// The penalty of the λ that is searched for or given, and its number of shape.
    let penalty: PenaltyKind
    let shape: Double?
    let lambda: LambdaChoice
    let rounds: Int
    let scale: Reweighting.Scale
    let stop: StopRule
    let parallelism: Parallelism

    /// What was chosen.
    struct Outcome {
        var atoms: ActiveAtoms
        let curve: SelectionCurve
        /// Largest relative gap behind it; NaN where nothing convex was solved.
        let relativeGap: Double
        let epochs: Int
        let fullPasses: Int
        /// What the user should know, one line each.
        var warnings: [String]
        /// How the sources were refined, and what each active block is worth; nil where they were not.
        var refined: Refined?
        /// The solution under the penalty that λ was chosen for, before any reweighting; nil where there was none.
        var convex: ActiveSet?

        /// The same without a source.
        func withoutSources(of problem: RegressionProblem) -> Outcome {
            var none = self
            none.atoms = ActiveAtoms(.empty(samples: problem.response.columns))
            return none
        }
    }

    /// What a problem is made of, as far as criteria ask.
    struct Origin: Sendable {
        /// The problem whose sources are wanted, all samples of it.
        let problem: RegressionProblem
        /// The block of the whitener that each row is of.
        let rowLabels: [Int]
        /// Whitened epochs, where they are needed, reduced as ``searched`` is.
        let replicates: Replicates?
        /// Where sources are refined.
        let refining: Refining?
        /// The problem that λ is chosen for: where sources are refined, reduced to the band of the response.
        let searched: RegressionProblem

        /// - Throws: ``RegressionProblem/Invalid`` where the response is impossible.
        init(
            _ problem: RegressionProblem, rowLabels: [Int], replicates: Replicates?, refining: Refining?
        ) throws(RegressionProblem.Invalid) {
            self.problem = problem
            self.rowLabels = rowLabels
            self.refining = refining
            if let temporal = refining?.temporal {
                searched = try problem.with(response: problem.unreducedResponse * temporal)
                self.replicates = replicates?.map { $0 * temporal }
            } else {
                searched = problem
                self.replicates = replicates
            }
        }
    }

    /// The same choice at a noise level.
    func with(noiseVariance: Double) -> SourceChoice {
        var choice = self
        choice.method.noiseVariance = noiseVariance
        return choice
    }

    /// Whether the choice compares single epochs.
    var needsReplicates: Bool {
        (lambda == .automatic || weights == .learned) && method.criterion.needsReplicates
    }

    /// Criterion, search and weights by name, and what they depend on.
    var described: [(String, String)] {
        var described: [(String, String)] = [("weights", weights.rawValue)]
        if penalty != GroupLasso.kind {
            described.append(("penalty", penalty.name))
            if let known = penalty.shape, let value = shape ?? known.usual {
                described.append((known.option.rawValue, "\(value)"))
            }
        }
        let isGiven = lambda != .automatic && weights != .learned
        if !isGiven {
            described.append(("criterion", method.criterion.name))
            if method.criterion.isSearched { described.append(("search", method.search.name)) }
            if method.criterion.hasFolds { described.append(("folds", "\(method.folds)")) }
            if method.criterion.hasDraws { described.append(("draws", "\(method.drawCount)")) }
        }
        described.append(("seed", "\(method.seed)"))
        return described
    }

    /// Chooses.
    ///
    /// - Parameter session: of the problem that ``Origin/searched`` is; criteria that look at other problems open sessions of
    ///   their own.
    /// - Throws: ``InputError`` where the criterion does not suit the problem, `CancellationError`.
    func run(_ session: some SolverSession, _ origin: Origin, monitor: Monitor) throws -> Outcome {
        let chosen = try penalized(session, origin, monitor: monitor)
        guard let refining = origin.refining else { return chosen }
        // Where noise makes no source explain anything, no sensor sees any.
        guard refining.charge.value > 0 else { return chosen.withoutSources(of: origin.problem) }
        return try refined(chosen, try selected(chosen, origin, refining, monitor: monitor), origin, refining)
    }

    /// The sources before they are refined; see ``run(_:_:monitor:)``.
    func penalized(_ session: some SolverSession, _ origin: Origin, monitor: Monitor) throws -> Outcome {
        do {
            return weights == .evidence
                ? try byEvidence(session.problem, monitor) : try bySearch(penalty.type, session, origin, monitor)
        } catch let error as InvalidCriterion {
            throw InputError(method.criterion.hasFolds ? .folds : .criterion, found: "\(error)")
        }
    }

    // MARK: - One λ

    /// What to say of a solution that is not convex and not as exact as asked for: it has no gap that would tell.
    private static func warnings(_ solution: Solution) -> [String] {
        solution.reason == .converged || solution.certificate.relativeGap.isFinite
            ? [] : ["the solver stopped (\(solution.reason.rawValue)) before the violation asked for"]
    }

    /// The relative gap of a solution; NaN where nothing convex was solved.
    private static func gap(_ solution: Solution) -> Double {
        solution.certificate.relativeGap.isFinite ? solution.certificate.relativeGap : .nan
    }

    private func bySearch<Penalty: NamedPenalty>(
        _ penalty: Penalty.Type, _ session: some SolverSession, _ origin: Origin, _ monitor: Monitor
    ) throws -> Outcome {
        let shape = self.penalty.shape(shape, for: session.problem, parallelism: parallelism)
        let shared = try sharedLambda(session, SharedLambda<Penalty>(shape: shape), origin, monitor)
        var warnings = Self.warnings(shared.end, shared.curve) + Self.warnings(shared.solution)
        if weights == .learned, shared.largest > 0 {
            let family = LearnedWeights<Penalty>(blockCount: session.problem.blocks.count, shape: shape)
            return try learned(session, family, origin, shared, monitor)
        }
        guard rounds > 0 else {
            return Outcome(
                atoms: ActiveAtoms(shared.solution.active), curve: shared.curve,
                relativeGap: Self.gap(shared.solution), epochs: shared.epochs,
                fullPasses: shared.fullPasses, warnings: warnings, convex: shared.solution.active)
        }
        let reweighted = try Reweighting(rounds: rounds, scale: scale).run(
            shared.problem, from: shared.solution, lambda: shared.curve.chosen.lambda, solver: AutomaticSolver(),
            stop: stop, parallelism: parallelism, monitor: monitor)
        if monitor.isCancelled() { throw CancellationError() }
        if reweighted.active.count == 0, shared.solution.active.count > 0 {
            warnings.append(
                "reweighting left none of the \(shared.solution.active.count) sources of the convex solution")
        }
        return Outcome(
            atoms: ActiveAtoms(reweighted.active), curve: shared.curve,
            relativeGap: max(shared.solution.certificate.relativeGap, reweighted.relativeGap),
            epochs: shared.epochs + reweighted.epochs, fullPasses: shared.fullPasses, warnings: warnings,
            convex: shared.solution.active)
    }

    /// Searches for one λ, or takes the one that was given.
    private func sharedLambda(
        _ session: some SolverSession, _ family: SharedLambda<some NamedPenalty>, _ origin: Origin, _ monitor: Monitor
    ) throws -> SharedChoice {
        if case .ratio(let ratio) = lambda {
            return try method.judgeLambda(
                ratio: ratio, session, family: family, stop: stop, parallelism: parallelism, monitor: monitor)
        }
        var method = method
        // Searches over a λ_j for every source begin at the λ that a path finds for all.
        if weights == .learned { method.search = .path }
        let chosen = try method.chooseLambda(
            session, family: family, labels: origin.rowLabels, replicates: origin.replicates, stop: stop,
            parallelism: parallelism, monitor: monitor)
        guard let chosen else { throw notComputed("λ") }
        return chosen
    }

    /// The error of a criterion that is finite nowhere.
    private func notComputed(_ what: String) -> InputError {
        InputError(
            .criterion, found: "no \(what) at which \(method.criterion.name) could be computed",
            expected: "a recording that it suits", advice: "use another criterion")
    }

    private static func warnings(_ end: SearchEnd?, _ curve: SelectionCurve) -> [String] {
        end == .evaluationLimit
            ? ["the search (\(curve.search)) ended with its \(curve.points.count) evaluations, not at a minimum"] : []
    }

    // MARK: - A λ_j for every source

    private func learned(
        _ session: some SolverSession, _ family: LearnedWeights<some NamedPenalty>, _ origin: Origin,
        _ shared: SharedChoice, _ monitor: Monitor
    ) throws -> Outcome {
        let problem = session.problem
        let criterion = try method.makeCriterion(
            rowCount: problem.rowCount, labels: origin.rowLabels, replicates: origin.replicates)
        let objective = try method.objective(session, family: family, criterion: criterion, parallelism: parallelism)
        let start = [Double](repeating: log(shared.curve.chosen.lambda), count: problem.blocks.count)
        let domain = method.learnedDomain(largest: shared.largest, count: problem.blocks.count)
        let record = try method.minimize(objective, from: start, in: domain, stop: stop, monitor: monitor)
        if record.end == .cancelled { throw CancellationError() }
        guard let curve = SelectionCurve(learned: record, criterion: criterion, largest: shared.largest),
            let best = record.best, best.value.isFinite
        else { throw notComputed("weights") }
        let solution = try objective.solution(at: best.logs, stop: stop, monitor: monitor)
        if solution.reason == .cancelled { throw CancellationError() }
        let edge =
            shared.curve.atGridEdge
            ? [
                "the shared λ that the weights are learned from lies at the edge of the values tried "
                    + String(printf: "(%.2g of λ_max)", shared.curve.chosen.ratio)
            ] : []
        return Outcome(
            atoms: ActiveAtoms(solution.active), curve: curve, relativeGap: Self.gap(solution),
            epochs: record.points.reduce(shared.epochs + solution.certificate.epochs) { $0 + $1.epochs },
            fullPasses: record.points.reduce(shared.fullPasses + solution.certificate.fullPasses) {
                $0 + $1.fullPasses
            },
            warnings: Self.warnings(shared.end, shared.curve) + edge + Self.warnings(record.end, curve)
                + Self.warnings(solution))
    }

    private func byEvidence(_ problem: RegressionProblem, _ monitor: Monitor) throws -> Outcome {
        let learning = SparseBayesianLearning(noiseVariance: method.noiseVariance)
        let found = try learning.run(problem, parallelism: parallelism, monitor: monitor)
        if found.end == .cancelled { throw CancellationError() }
        let largest = problem.largestLambda(parallelism: parallelism)
        let seen = found.weights.filter { $0 > 0 && $0.isFinite }
        let mean = seen.isEmpty ? .nan : exp(seen.reduce(0) { $0 + log($1) } / Double(seen.count))
        let last = found.history.count - 1
        guard last >= 0 else {
            throw InputError(
                .criterion, found: "an evidence that cannot be computed", expected: "a recording that it suits",
                advice: "use another criterion")
        }
        let squaredResidual = (problem.response - found.active.fit(in: problem)).squaredNorm
        let points = found.history.indices.map { k in
            SelectionPoint(
                lambda: k == last ? mean : .nan, ratio: k == last && largest > 0 ? mean / largest : .nan,
                criterion: found.history[k], degreesOfFreedom: .nan,
                squaredResidual: k == last ? squaredResidual : .nan, activeCount: found.counts[k], relativeGap: .nan,
                seconds: .nan)
        }
        let limit = found.end == .evaluationLimit ? ["the evidence was still rising after \(last) updates"] : []
        return Outcome(
            atoms: ActiveAtoms(found.active),
            curve: SelectionCurve(
                origin: .updates, criterion: CriterionKind.evidence.name, points: points, chosenIndex: last,
                atGridEdge: false), relativeGap: .nan, epochs: 0, fullPasses: 0, warnings: limit)
    }
}
