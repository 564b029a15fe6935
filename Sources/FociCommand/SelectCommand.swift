import ArgumentParser
import Foci
import Foundation

/// `foci select`: the choice of hyperparameters, numerics alone.
struct SelectCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "select",
            abstract: "Choose the hyperparameters of a whitened problem.",
            discussion: """
                Minimizes a criterion over λ, over λ and μ of the elastic net, or over a λ_j for every source. The penalties are
                \(listed(PenaltyKind.all.map { ($0.name, $0.help) }))
                the criteria
                \(listed(CriterionKind.all.filter { !$0.needsReplicates }.map { ($0.name, $0.help) }))
                and the searches
                \(listed(SearchKind.all.map { ($0.name, $0.help) }))

                EXAMPLES
                  foci select --problem p.h5 --criterion sure --json
                  foci select --problem p.h5 --criterion sure-mc --weights learned \\
                      --search l-bfgs --sigma 0.577
                  foci select --problem p.h5 --criterion kfold --penalty elastic-net \\
                      --search brent
                """)
    }

    enum WeightsName: String, CaseIterable, ExpressibleByArgument { case shared, learned }

    @Option(help: ArgumentHelp("Problem: datasets gain and data, attribute orientations.", valueName: "file"))
    var problem: String

    @Option(help: "What makes a choice good.")
    var criterion = CriterionKind.sure

    @Option(help: "How it is searched for; brent by default, line-search for learned weights.")
    var search: SearchKind?

    @OptionGroup var penalizing: PenaltyOptions

    @Option(help: "One λ for all sources, or one learned for each.")
    var weights = WeightsName.shared

    @Option(help: "Standard deviation of an entry of the noise; 1 after whitening.")
    var sigma = 1.0

    @Option(help: "How gradients are computed.")
    var hypergradient = GradientSource.analytic(ImplicitGradient())

    @Option(
        help: ArgumentHelp(
            "Where to begin, as a fraction of λ_max: 0.5 by default, 0.1 for learned weights.", valueName: "ratio"))
    var start: Double?

    @Option(help: ArgumentHelp("Most evaluations; points of a grid along each side.", valueName: "n"))
    var evaluations: Int?

    @Option(help: ArgumentHelp("Folds of kfold; held-out holds out the first of them.", valueName: "n"))
    var folds = 5

    @Option(help: ArgumentHelp("Random directions of sure-mc.", valueName: "n"))
    var draws = 1

    @Option(help: "Seed of folds, directions and draws.")
    var seed: UInt64 = 0

    @Option(
        help: ArgumentHelp(
            "Keeps the search in this file, and takes it up from there when the file exists.", valueName: "file"))
    var state: String?

    @OptionGroup var computing: ComputingOptions

    func run() throws {
        let result = try selected()
        if computing.json {
            try Terminal.result(JSON.text(result, isIndented: false, keys: .convertToSnakeCase))
        } else {
            try Terminal.result(result.text)
        }
    }

    /// Chooses what the options ask for.
    ///
    /// - Throws: ``InputError``, and `CancellationError` where the user interrupted.
    func selected() throws -> Selected {
        let parallelism = try computing.parallelism()
        try validateOptions()
        let clock = Stopwatch()
        let penalty = penalizing.penalty
        let regression = try SolveCommand.read(problem, keepsSamples: penalty.scope == .entry)
        let largest = penalty.largestLambda(of: regression, parallelism: parallelism)
        guard largest > 0, largest.isFinite else {
            throw InputError(
                problem, found: "data that no column of the gain explains (λ_max is \(largest))",
                expected: "data that are not zero")
        }
        var result: Selected
        do {
            result =
                criterion == .evidence
                ? try learnEvidence(regression, largest, parallelism)
                : try choose(penalty.type, regression, largest, parallelism)
        } catch let error as InvalidCriterion {
            throw InputError(problem, found: "\(error)")
        } catch let error as InvalidPenalty {
            throw InputError(problem, found: "\(error)")
        } catch let error as InvalidRecord {
            throw InputError(state ?? "--state", found: "\(error)")
        } catch let error as RegressionProblem.Invalid {
            throw InputError(problem, found: "\(error)")
        }
        result.seconds = clock.seconds
        return result
    }

    private func validateOptions() throws(InputError) {
        let shape = try penalizing.shape(isNeeded: false)
        guard sigma.isFinite, sigma > 0 else {
            throw InputError("--sigma", found: "\(sigma)", expected: "a positive number")
        }
        if let start, !(start > 0 && start <= 1) {
            throw InputError("--start", found: "\(start)", expected: "a number above 0 and at most 1")
        }
        _ = try computing.stop()
        if let evaluations, !(1...100_000).contains(evaluations) {
            throw InputError("--evaluations", found: "\(evaluations)", expected: "1 to 100000")
        }
        guard (2...10_000).contains(folds) else {
            throw InputError("--folds", found: "\(folds)", expected: "2 to as many as rows")
        }
        guard (1...10_000).contains(draws) else {
            throw InputError("--draws", found: "\(draws)", expected: "1 to 10000")
        }
        if criterion.needsReplicates {
            throw InputError(
                "--criterion \(criterion.name)", found: "a problem of one response", expected: "another criterion",
                advice: "foci localize holds out epochs")
        }
        if criterion == .evidence {
            guard penalizing.penalty == GroupLasso.kind, search == nil, state == nil else {
                throw InputError(
                    "--criterion evidence", found: "a penalty, a search or a state",
                    expected: "none: the evidence has updates of its own, over sources as a whole")
            }
            return
        }
        let isShapeSearched = penalizing.penalty.searchesShape(given: shape)
        let needed: SearchKind.Reach = weights == .learned ? .many : isShapeSearched ? .few : .one
        if let search, search.reach < needed {
            throw InputError(
                "--search \(search.name)",
                found: needed == .many ? "one hyperparameter a source" : "two hyperparameters",
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
        _ penalty: Penalty.Type, _ problem: RegressionProblem, _ largest: Double, _ parallelism: Parallelism
    ) throws -> Selected {
        let (method, top) = (method, log(largest))
        let shape = Penalty.kind.shape(try penalizing.shape(isNeeded: false), for: problem, parallelism: parallelism)
        let isShapeSearched = Penalty.kind.searchesShape(given: shape)
        // What a ridge is compared with: the mean squared norm of a column of the gain.
        let scale = log(max(problem.design.matrix.squaredNorm / Double(problem.design.columns), 1e-200))
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
                parallelism)
        case .learned:
            let count = Penalty.kind.scope == .entry ? problem.design.columns : problem.blocks.count
            return try minimize(
                problem, LearnedWeights<Penalty>(blockCount: count, shape: shape),
                from: withShape([Double](repeating: first, count: count), -4),
                in: box(method.learnedDomain(largest: largest, count: count)), top, shape, parallelism)
        }
    }

    private func minimize<Family: PenaltyFamily>(
        _ problem: RegressionProblem, _ family: Family, from start: [Double], in domain: SearchDomain, _ top: Double,
        _ shape: Double?, _ parallelism: Parallelism
    ) throws -> Selected {
        let method = method
        let objective = try SelectionObjective(
            problem: problem, family: family, criterion: try method.makeCriterion(rowCount: problem.rowCount),
            hypergradient: method.hypergradient, parallelism: parallelism)
        let record = try run(method, objective, start, domain)
        guard let best = record.best, best.value.isFinite else {
            throw InputError(
                self.problem, found: "no hyperparameters at which \(objective.criterion.name) could be computed",
                expected: "a problem it suits")
        }
        let monitor = Terminal.monitor(quiet: computing.quiet)
        let (stop, solvesBefore) = (try computing.stop(), objective.solves)
        // The values along the way may be inexact; what is reported is not.
        let final = try objective.evaluate(best.logs, wantsGradient: true, stop: stop, monitor: monitor)
        let solution = try objective.solution(at: best.logs, stop: stop, monitor: monitor)
        if final.isCancelled || solution.reason == .cancelled { throw CancellationError() }
        warn(record, domain, best)
        let known = penalizing.penalty.shape
        // Where a shape is searched over, its logarithm comes last.
        let isShapeSearched = penalizing.penalty.searchesShape(given: shape)
        let lambdas = isShapeSearched ? best.logs.dropLast() : best.logs[...]
        let ratios = lambdas.map { exp($0 - top) }
        func shaped(_ logs: [Double], _ option: PenaltyKind.Shape.Option) -> Double? {
            guard known?.option == option else { return nil }
            return isShapeSearched ? logs.last.map { exp($0) } : shape
        }
        return Selected(
            criterion: objective.criterion.name, search: record.search, penalty: family.name, end: record.end?.rawValue,
            value: final.value, lambdaRatio: weights == .learned ? nil : ratios[0],
            weights: weights == .learned ? ratios : nil, ridge: shaped(best.logs, .ridge),
            gamma: shaped(best.logs, .gamma),
            lambdaMax: exp(top), degreesOfFreedom: final.degreesOfFreedom.isFinite ? final.degreesOfFreedom : nil,
            gradientNorm: final.gradient.map(Self.norm), support: solution.active.blocks,
            evaluations: record.points.count, innerSolves: record.innerSolves + objective.solves - solvesBefore,
            history: record.points.map { point in
                Selected.Point(
                    value: point.value, lambdaRatio: weights == .learned ? nil : exp(point.logs[0] - top),
                    ridge: isShapeSearched ? shaped(point.logs, .ridge) : nil,
                    gradientNorm: point.gradient.map(Self.norm), nonzero: point.activeCount,
                    relativeGap: point.relativeGap.isFinite ? point.relativeGap : nil, seconds: point.seconds)
            })
    }

    private static func norm(_ values: [Double]) -> Double {
        values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }

    /// Runs a search, or takes it up from its file.
    private func run(
        _ method: SelectionMethod, _ objective: SelectionObjective<some PenaltyFamily>, _ start: [Double],
        _ domain: SearchDomain
    ) throws -> SearchRecord {
        let saved = try state.flatMap { FileManager.default.fileExists(atPath: $0) ? try Self.saved($0) : nil }
        let record = try method.minimize(
            objective, from: start, in: domain,
            stop: try computing.stop(), resuming: saved,
            monitor: Terminal.monitor(quiet: computing.quiet))
        if let state { try AtomicFile.write(Array(try record.json()), to: state) }
        if record.end == .cancelled {
            guard let state else { throw CancellationError() }
            Terminal.fail("interrupted; the search is kept in \(state), run the same command to go on", code: 130)
        }
        return record
    }

    private static func saved(_ path: String) throws(InputError) -> SearchRecord {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw InputError(path, found: "a file that cannot be read", expected: "a search kept by --state")
        }
        guard let record = try? SearchRecord(json: data) else {
            throw InputError(path, found: "no search", expected: "a file written by --state")
        }
        return record
    }

    private func warn(_ record: SearchRecord, _ domain: SearchDomain, _ best: SearchPoint) {
        let logger = Terminal.logger(quiet: computing.quiet)
        if record.end == .evaluationLimit {
            logger.warning("the search ended with its \(record.points.count) evaluations, not at a minimum")
        }
        guard weights == .shared else { return }
        let isAtBound = best.logs.indices.contains {
            best.logs[$0] == domain.lower[$0] || best.logs[$0] == domain.upper[$0]
        }
        if isAtBound || record.end == .edge {
            logger.warning("the choice lies at the edge of what was looked at; the minimum may lie beyond")
        }
    }

    private func learnEvidence(
        _ problem: RegressionProblem, _ largest: Double, _ parallelism: Parallelism
    ) throws -> Selected {
        var method = SparseBayesianLearning(noiseVariance: sigma * sigma)
        if let evaluations { method.maximumUpdates = evaluations }
        let found = try method.run(
            problem, parallelism: parallelism, monitor: Terminal.monitor(quiet: computing.quiet))
        if found.end == .cancelled { throw CancellationError() }
        return Selected(
            criterion: "evidence", search: "convexity bound", penalty: "l21", end: found.end.rawValue,
            value: found.history.last ?? .nan, lambdaRatio: nil, weights: found.weights.map { $0 / largest },
            ridge: nil, gamma: nil,
            lambdaMax: largest, degreesOfFreedom: nil, gradientNorm: found.gradientNorm,
            support: found.active.blocks, evaluations: found.history.count, innerSolves: 0,
            history: found.history.map {
                Selected.Point(
                    value: $0, lambdaRatio: nil, ridge: nil, gradientNorm: nil, nonzero: nil, relativeGap: nil,
                    seconds: nil)
            })
    }
}

/// What `foci select` prints.
struct Selected: Encodable {
    let criterion: String
    let search: String
    let penalty: String
    let end: String?
    let value: Double
    let lambdaRatio: Double?
    /// λ_j over λ_max.
    let weights: [Double]?
    /// The penalty's number of shape, in units of the problem, under the name of its option.
    let ridge: Double?
    let gamma: Double?
    let lambdaMax: Double
    let degreesOfFreedom: Double?
    let gradientNorm: Double?
    let support: [Int]
    let evaluations: Int
    let innerSolves: Int
    let history: [Point]
    var seconds = 0.0

    struct Point: Encodable {
        let value: Double
        let lambdaRatio: Double?
        let ridge: Double?
        let gradientNorm: Double?
        let nonzero: Int?
        let relativeGap: Double?
        let seconds: Double?
    }

    var text: String {
        let choice = lambdaRatio.map { String(format: "λ = %.4g of λ_max", $0) } ?? "one λ a source"
        return """
            choice         \(choice)\(ridge.map { String(format: ", μ = %.4g", $0) } ?? "")\(gamma.map { String(format: ", γ = %.4g", $0) } ?? "")
            criterion      \(criterion) = \(String(format: "%.6g", value))
            sources        \(support.count)
            search         \(search): \(evaluations) evaluations, \(innerSolves) solves, \(end ?? "")
            time           \(String(format: "%.3f", seconds)) s
            """
    }
}
