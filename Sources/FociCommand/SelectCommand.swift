import ArgumentParser
import Foci
import Foundation

/// `foci select`: the choice of hyperparameters, numerics alone.
struct SelectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "select",
        abstract: "Choose the hyperparameters of a whitened problem.",
        discussion: """
            Minimizes a criterion over λ, over λ and μ of the elastic net, or over a λ_j for every source.
            The evidence has updates of its own and learns a λ_j for every source.

            EXAMPLES
              foci select --problem p.h5 --criterion sure --json
              foci select --problem p.h5 --criterion sure-mc --weights learned --search l-bfgs --sigma 0.577
              foci select --problem p.h5 --criterion kfold --penalty elastic-net --search brent
            """)

    enum CriterionName: String, CaseIterable, ExpressibleByArgument {
        case sure
        case monteCarlo = "sure-mc"
        case heldOut = "held-out"
        case kfold, gcv, aic, bic, ebic, evidence
    }
    enum SearchName: String, CaseIterable, ExpressibleByArgument {
        case brent, path, grid, random, bayesian, gradient
        case lineSearch = "line-search"
        case quasiNewton = "l-bfgs"
        case adam
    }
    enum PenaltyName: String, CaseIterable, ExpressibleByArgument {
        case l21, l1
        case elasticNet = "elastic-net"
    }
    enum WeightsName: String, CaseIterable, ExpressibleByArgument { case shared, learned }
    enum HypergradientName: String, CaseIterable, ExpressibleByArgument {
        case implicit
        case implicitForward = "implicit-forward"
        case forward, backward
        case finiteDifferences = "finite-differences"
    }

    @Option(help: ArgumentHelp("Problem: datasets gain and data, attribute orientations.", valueName: "file"))
    var problem: String

    @Option(help: "What makes a choice good.")
    var criterion = CriterionName.sure

    @Option(help: "How it is searched for; brent by default, line-search for learned weights.")
    var search: SearchName?

    @Option(help: "The penalty.")
    var penalty = PenaltyName.l21

    @Option(help: "One λ for all sources, or one learned for each.")
    var weights = WeightsName.shared

    @Option(help: "Standard deviation of an entry of the noise; 1 after whitening.")
    var sigma = 1.0

    @Option(help: "How gradients are computed.")
    var hypergradient = HypergradientName.implicit

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

    mutating func run() throws {
        let parallelism = try computing.parallelism()
        try validateOptions()
        let began = DispatchTime.now().uptimeNanoseconds
        let regression = try SolveCommand.read(problem, keepsSamples: penalty == .l1)
        let largest =
            penalty == .l1
            ? regression.largestEntryLambda(parallelism: parallelism)
            : regression.largestLambda(parallelism: parallelism)
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
                : try choose(regression, largest, parallelism)
        } catch let error as InvalidCriterion {
            throw InputError(problem, found: "\(error)")
        } catch let error as InvalidPenalty {
            throw InputError(problem, found: "\(error)")
        } catch let error as InvalidRecord {
            throw InputError(state ?? "--state", found: "\(error)")
        } catch let error as RegressionProblem.Invalid {
            throw InputError(problem, found: "\(error)")
        }
        result.seconds = Double(DispatchTime.now().uptimeNanoseconds - began) * 1e-9
        if computing.json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.nonConformingFloatEncodingStrategy = .convertToString(
                positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
            try Terminal.result(String(decoding: try encoder.encode(result), as: UTF8.self))
        } else {
            try Terminal.result(result.text)
        }
    }

    private func validateOptions() throws(InputError) {
        guard sigma.isFinite, sigma > 0 else {
            throw InputError("--sigma", found: "\(sigma)", expected: "a positive number")
        }
        if let start, !(start > 0 && start <= 1) {
            throw InputError("--start", found: "\(start)", expected: "a number above 0 and at most 1")
        }
        guard computing.gap.isFinite, computing.gap >= 1e-14, computing.gap < 1 else {
            throw InputError("--gap", found: "\(computing.gap)", expected: "a number from 1e-14 to below 1")
        }
        if let evaluations, !(1...100_000).contains(evaluations) {
            throw InputError("--evaluations", found: "\(evaluations)", expected: "1 to 100000")
        }
        guard (2...10_000).contains(folds) else {
            throw InputError("--folds", found: "\(folds)", expected: "2 to as many as rows")
        }
        guard (1...10_000).contains(draws) else {
            throw InputError("--draws", found: "\(draws)", expected: "1 to 10000")
        }
        if criterion == .evidence {
            guard penalty == .l21, search == nil, state == nil else {
                throw InputError(
                    "--criterion evidence", found: "a penalty, a search or a state",
                    expected: "none: the evidence has updates of its own, over sources as a whole")
            }
            return
        }
        let forFew: Set<SearchName> = [.brent, .path, .grid, .bayesian]
        if weights == .learned, let search, forFew.contains(search) {
            throw InputError(
                "--search \(search.rawValue)", found: "one hyperparameter a source",
                expected: "line-search, l-bfgs, adam, gradient or random")
        }
        if search == .path, penalty == .elasticNet {
            throw InputError("--search path", found: "two hyperparameters", expected: "another search")
        }
    }

    // MARK: - The parts of a choice

    private func criterion(for rows: Int) throws(InvalidCriterion) -> any Criterion {
        let variance = sigma * sigma
        switch criterion {
        case .sure, .evidence: return SteinRisk(noiseVariance: variance)
        case .monteCarlo: return MonteCarloSteinRisk(noiseVariance: variance, draws: draws, seed: seed)
        case .heldOut: return HeldOutRows(try RowSplit(rowCount: rows, folds: folds, seed: seed).folds[0])
        case .kfold: return HeldOutRows(crossValidating: try RowSplit(rowCount: rows, folds: folds, seed: seed))
        case .gcv: return GeneralizedCrossValidation()
        case .aic: return InformationCriterion(.akaike, noiseVariance: variance)
        case .bic: return InformationCriterion(.bayesian, noiseVariance: variance)
        case .ebic: return InformationCriterion(.extended(gamma: 0.5), noiseVariance: variance)
        }
    }

    private func choose(
        _ problem: RegressionProblem, _ largest: Double, _ parallelism: Parallelism
    ) throws -> Selected {
        let top = log(largest)
        // Searches that look everywhere would spend their time where solves are slow; the others go there with a reason.
        let looksEverywhere = search == .grid || search == .random || search == .bayesian
        let floor = top + log(looksEverywhere ? 0.01 : 0.001)
        let first = top + log(start ?? (weights == .learned ? 0.1 : 0.5))
        switch (penalty, weights) {
        case (.elasticNet, .shared):
            let scale = ridgeScale(problem)
            return try minimize(
                problem, ElasticNetFamily(), from: [first, scale - 4],
                in: SearchDomain(lower: [floor, scale - 10], upper: [top, scale + 4]), top, parallelism)
        case (.elasticNet, .learned):
            let (scale, family) = (ridgeScale(problem), LearnedElasticNet(blockCount: problem.blocks.count))
            let (lower, upper) = (top - 5, top + log(0.9))
            return try minimize(
                problem, family, from: even(family, first).dropLast() + [scale - 4],
                in: SearchDomain(
                    lower: even(family, lower).dropLast() + [scale - 10],
                    upper: even(family, upper).dropLast() + [scale + 4]), top, parallelism)
        case (.l21, .shared):
            return try minimize(
                problem, SharedLambda(), from: [first], in: SearchDomain(lower: [floor], upper: [top]), top,
                parallelism)
        case (.l1, .shared):
            return try minimize(
                problem, EntrywiseFamily(SharedLambda()), from: [first],
                in: SearchDomain(lower: [floor], upper: [top]), top, parallelism)
        case (.l21, .learned):
            let family = LearnedWeights(blockCount: problem.blocks.count)
            return try minimize(
                problem, family, from: even(family, first), in: box(family, top), top, parallelism)
        case (.l1, .learned):
            let family = EntrywiseFamily(LearnedWeights(blockCount: problem.design.columns))
            return try minimize(
                problem, family, from: even(family, first), in: box(family, top), top, parallelism)
        }
    }

    /// log of what μ is compared with: the mean squared norm of a column of the gain.
    private func ridgeScale(_ problem: RegressionProblem) -> Double {
        log(max(problem.design.matrix.squaredNorm / Double(problem.design.columns), 1e-200))
    }

    private func even(_ family: some PenaltyFamily, _ log: Double) -> [Double] {
        [Double](repeating: log, count: family.parameterCount)
    }

    private func box(_ family: some PenaltyFamily, _ top: Double) -> SearchDomain {
        SearchDomain(lower: even(family, top - 5), upper: even(family, top + log(0.9)))
    }

    private func minimize<Family: PenaltyFamily>(
        _ problem: RegressionProblem, _ family: Family, from start: [Double], in domain: SearchDomain, _ top: Double,
        _ parallelism: Parallelism
    ) throws -> Selected {
        let source: SelectionObjective<Family>.GradientSource =
            switch hypergradient {
            case .implicit: .analytic(ImplicitGradient())
            case .implicitForward: .analytic(ImplicitForwardGradient())
            case .forward: .analytic(ForwardGradient())
            case .backward: .analytic(BackwardGradient())
            case .finiteDifferences: .finiteDifferences(step: 1e-3)
            }
        let objective = try SelectionObjective(
            problem: problem, family: family, criterion: try criterion(for: problem.rowCount), hypergradient: source,
            parallelism: parallelism)
        let side = family.parameterCount == 1 ? 30 : 12
        let record: SearchRecord =
            switch search ?? (weights == .learned ? .lineSearch : .brent) {
            case .brent: try run(BrentSearch(), objective, start, domain, evaluations ?? 100)
            case .path: try run(PathSearch(), objective, start, domain, evaluations ?? 100)
            case .grid: try run(GridSearch(count: evaluations ?? side), objective, start, domain, .max)
            case .random: try run(RandomSearch(count: evaluations ?? 30, seed: seed), objective, start, domain, .max)
            case .bayesian:
                try run(BayesianSearch(count: evaluations ?? 25, seed: seed), objective, start, domain, .max)
            case .gradient: try run(GradientDescent(), objective, start, domain, evaluations ?? 100)
            case .lineSearch: try run(LineSearch(), objective, start, domain, evaluations ?? 100)
            case .quasiNewton: try run(QuasiNewtonSearch(), objective, start, domain, evaluations ?? 100)
            case .adam: try run(AdamSearch(), objective, start, domain, evaluations ?? 100)
            }
        guard let best = record.best, best.value.isFinite else {
            throw InputError(
                self.problem, found: "no hyperparameters at which \(objective.criterion.name) could be computed",
                expected: "a problem it suits")
        }
        let monitor = Terminal.monitor(quiet: computing.quiet)
        let stop = StopRule(relativeGap: computing.gap)
        let solvesBefore = objective.solves
        // The values along the way may be inexact; what is reported is not.
        let final = try objective.evaluate(best.logs, wantsGradient: true, stop: stop, monitor: monitor)
        let solution = try objective.solution(at: best.logs, stop: stop, monitor: monitor)
        if final.isCancelled || solution.reason == .cancelled { throw CancellationError() }
        warn(record, domain, best)
        let ridge = penalty == .elasticNet ? best.logs.last.map { exp($0) } : nil
        let ratios = (ridge == nil ? best.logs : best.logs.dropLast()).map { exp($0 - top) }
        return Selected(
            criterion: objective.criterion.name, search: record.search, penalty: family.name, end: record.end?.rawValue,
            value: final.value, lambdaRatio: weights == .learned ? nil : ratios[0],
            weights: weights == .learned ? ratios : nil, ridge: ridge,
            lambdaMax: exp(top), degreesOfFreedom: final.degreesOfFreedom.isFinite ? final.degreesOfFreedom : nil,
            gradientNorm: final.gradient.map(Self.norm), support: solution.active.blocks,
            evaluations: record.points.count, innerSolves: record.innerSolves + objective.solves - solvesBefore,
            history: record.points.map { point in
                Selected.Point(
                    value: point.value, lambdaRatio: weights == .learned ? nil : exp(point.logs[0] - top),
                    ridge: ridge == nil ? nil : point.logs.last.map { exp($0) },
                    gradientNorm: point.gradient.map(Self.norm), nonzero: point.activeCount,
                    relativeGap: point.relativeGap, seconds: point.seconds)
            })
    }

    private static func norm(_ values: [Double]) -> Double {
        values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }

    /// Runs a search, or takes it up from its file.
    private func run(
        _ search: some Search, _ objective: SelectionObjective<some PenaltyFamily>, _ start: [Double],
        _ domain: SearchDomain, _ evaluations: Int
    ) throws -> SearchRecord {
        let limit = SearchLimit(maximumEvaluations: evaluations, stop: StopRule(relativeGap: computing.gap))
        let monitor = Terminal.monitor(quiet: computing.quiet)
        let record: SearchRecord
        if let state, FileManager.default.fileExists(atPath: state) {
            record = try search.resume(try Self.saved(state), objective, limit: limit, monitor: monitor)
        } else {
            record = try search.run(objective, from: start, in: domain, limit: limit, monitor: monitor)
        }
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
            ridge: nil,
            lambdaMax: largest, degreesOfFreedom: nil, gradientNorm: found.gradientNorm,
            support: found.active.blocks, evaluations: found.history.count, innerSolves: found.innerSolves,
            history: found.history.map {
                Selected.Point(
                    value: $0, lambdaRatio: nil, ridge: nil, gradientNorm: nil, nonzero: nil, relativeGap: nil,
                    seconds: nil)
            })
    }
}

/// What `foci select` prints.
private struct Selected: Encodable {
    let criterion: String
    let search: String
    let penalty: String
    let end: String?
    let value: Double
    let lambdaRatio: Double?
    /// λ_j over λ_max.
    let weights: [Double]?
    let ridge: Double?
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
            choice         \(choice)\(ridge.map { String(format: ", μ = %.4g", $0) } ?? "")
            criterion      \(criterion) = \(String(format: "%.6g", value))
            sources        \(support.count)
            search         \(search): \(evaluations) evaluations, \(innerSolves) solves, \(end ?? "")
            time           \(String(format: "%.3f", seconds)) s
            """
    }
}
