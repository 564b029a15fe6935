import ArgumentParser
import Foci
import Foundation

/// `foci solve`: the numerics alone.
struct SolveCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "solve",
            abstract: "Solve a whitened problem at one λ, or along a path of λ.",
            discussion: """
                Minimizes ½‖Y − XB‖² + penalty(B) for the gain X and data Y of a problem file. The penalties are
                \(listed(PenaltyKind.all.map { ($0.name, $0.help) }))

                EXAMPLES
                  foci solve --problem p.h5 --lambda-ratio 0.2 --json
                  foci solve --problem p.h5 --lambda-ratio 0.1 --path 30
                """)
    }

    @Option(help: ArgumentHelp("Problem: datasets gain and data, attribute orientations.", valueName: "file"))
    var problem: String

    @Option(help: ArgumentHelp("λ as a fraction of λ_max, above 0 and at most 1.", valueName: "ratio"))
    var lambdaRatio: Double

    @Option(
        help: ArgumentHelp(
            "Solve for this many λ, from λ_max to the ratio given, each starting from the one before.",
            valueName: "count"))
    var path: Int?

    @OptionGroup var penalizing: PenaltyOptions

    @Option(help: ArgumentHelp("Engine: auto, descent, dual or gradient.", valueName: "name"))
    var solver = SolverName.auto

    @Option(help: ArgumentHelp("Longest time to solve, in seconds.", valueName: "s"))
    var timeLimit: Double?

    @OptionGroup var computing: ComputingOptions

    /// Engines by name.
    enum SolverName: String, ExpressibleByArgument, CaseIterable {
        case auto
        case descent
        case dual
        case gradient
    }

    /// What is printed of one solution.
    struct Point: Encodable {
        let lambda: Double
        let objective: Double
        let relativeGap: Double?
        let relativeViolation: Double
        let nonzero: Int
        let support: [Int]
        let epochs: Int
        let newtonSteps: Int
        let fullPasses: Int
        let passesOverGain: Double
        let screened: Int
        let allocations: Int
        let reason: String

        init(_ lambda: Double, _ solution: Solution) {
            let certificate = solution.certificate
            self.lambda = lambda
            objective = certificate.objective
            relativeGap = certificate.relativeGap.isFinite ? certificate.relativeGap : nil
            relativeViolation = certificate.relativeViolation
            nonzero = solution.active.count
            support = solution.active.blocks
            epochs = certificate.epochs
            newtonSteps = certificate.newtonSteps
            fullPasses = certificate.fullPasses
            passesOverGain = certificate.passesOverGain
            screened = certificate.screenedBlocks
            allocations = certificate.allocations
            reason = solution.reason.rawValue
        }
    }

    /// What is printed of all: the last solution, and every point of a path.
    struct Result: Encodable {
        let last: Point
        let path: [Point]?
        let penalty: String
        let solver: String
        let lambdaMax: Double
        /// How many there are; not printed.
        let sources: Int
        let seconds: Double
        let loadSeconds: Double

        enum CodingKeys: CodingKey {
            case path, penalty, solver, lambdaMax, seconds, loadSeconds
        }

        func encode(to encoder: any Encoder) throws {
            try last.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encodeIfPresent(path, forKey: .path)
            try container.encode(penalty, forKey: .penalty)
            try container.encode(solver, forKey: .solver)
            try container.encode(lambdaMax, forKey: .lambdaMax)
            try container.encode(seconds, forKey: .seconds)
            try container.encode(loadSeconds, forKey: .loadSeconds)
        }
    }

    func run() throws {
        try show(try solved())
    }

    /// Solves what the options ask for.
    ///
    /// - Throws: ``InputError``, and `CancellationError` where the user interrupted.
    func solved() throws -> Result {
        let parallelism = try computing.parallelism()
        try checkOptions()
        _ = try computing.stop()
        let (penalty, shape) = (penalizing.penalty, try penalizing.shape(isNeeded: true))
        let clock = Stopwatch()
        let regression = try Self.read(problem, keepsSamples: penalty.scope == .entry)
        let loaded = clock.seconds
        let answer: (largest: Double, points: [PathPoint])
        switch solver {
        case .auto: answer = try solve(AutomaticSolver().session(for: regression, parallelism: parallelism), shape)
        case .descent: answer = try solve(AndersonDescent().session(for: regression, parallelism: parallelism), shape)
        case .dual: answer = try solve(DualNewton().session(for: regression, parallelism: parallelism), shape)
        case .gradient:
            answer = try solve(ProximalGradient().session(for: regression, parallelism: parallelism), shape)
        }
        let solved = clock.seconds
        guard let last = answer.points.last else { throw CancellationError() }
        if answer.points.contains(where: { $0.solution.reason == .cancelled }) { throw CancellationError() }
        warn(answer.points)
        return Result(
            last: Point(last.lambda, last.solution),
            path: path == nil ? nil : answer.points.map { Point($0.lambda, $0.solution) }, penalty: penalty.name,
            solver: solver.rawValue, lambdaMax: answer.largest, sources: regression.blocks.count,
            seconds: solved - loaded, loadSeconds: loaded)
    }

    private func checkOptions() throws(InputError) {
        guard lambdaRatio > 0, lambdaRatio <= 1 else {
            throw InputError("--lambda-ratio", found: "\(lambdaRatio)", expected: "a number above 0 and at most 1")
        }
        if let path, !(2...10_000).contains(path) {
            throw InputError("--path", found: "\(path)", expected: "2 to 10000 values of λ")
        }
        if let timeLimit, !(timeLimit > 0) {
            throw InputError("--time-limit", found: "\(timeLimit)", expected: "a positive number of seconds")
        }
    }

    /// Solves at one λ, or along the path.
    private func solve(
        _ session: some SolverSession, _ shape: Double?
    ) throws -> (largest: Double, points: [PathPoint]) {
        let (penalty, threads) = (penalizing.penalty, try computing.parallelism())
        let largest = session.largestLambda(under: penalty, parallelism: threads)
        guard largest.isFinite, lambdaRatio * largest > 0 || largest == 0 else {
            throw InputError(
                problem, found: "λ_max is \(largest)", expected: "a positive number", advice: "scale gain and data")
        }
        guard largest > 0 else {
            throw InputError(
                problem, found: "data that no column of the gain explains (λ_max is 0)",
                expected: "data that are not zero")
        }
        let grid =
            path.map { LambdaGrid(from: largest, toRatio: lambdaRatio, count: $0) }
            ?? LambdaGrid([lambdaRatio * largest])
        let stop = try computing.stop(maximumSeconds: timeLimit ?? .infinity)
        let monitor = Terminal.monitor(quiet: computing.quiet)
        let scaled = penalty.shape(shape, for: session.problem, parallelism: threads)
        func points<Penalty: NamedPenalty>(_ type: Penalty.Type) throws -> [PathPoint] {
            try session.path(
                over: grid, penalty: { try Penalty(lambda: $0, shape: scaled, weights: nil) }, stop: stop,
                monitor: monitor)
        }
        do {
            return (largest, try points(penalty.type))
        } catch let error as InvalidPenalty {
            throw InputError("--penalty \(penalty.name)", found: "\(error)")
        }
    }

    private func warn(_ points: [PathPoint]) {
        for point in points where point.solution.reason != .converged {
            let certificate = point.solution.certificate
            let reached =
                certificate.relativeGap.isFinite
                ? "a relative gap of \(certificate.relativeGap)" : "a violation of \(certificate.relativeViolation)"
            Terminal.logger(quiet: computing.quiet).warning(
                "the solver stopped (\(point.solution.reason.rawValue)) at \(reached), not \(computing.gap)")
        }
    }

    private func show(_ result: Result) throws {
        if computing.json {
            try Terminal.result(JSON.text(result, isIndented: false, keys: .convertToSnakeCase))
            return
        }
        if let path = result.path {
            try Terminal.result("λ/λ_max   gap      sources  passes  objective")
            for point in path {
                let gap = point.relativeGap ?? point.relativeViolation
                try Terminal.result(
                    String(
                        format: "%-8.4g  %.0e  %7d  %6.2f  %.10g", point.lambda / result.lambdaMax, gap, point.nonzero,
                        point.passesOverGain, point.objective))
            }
            try Terminal.result(String(format: "%.3f s", result.seconds))
            return
        }
        let last = result.last
        let quality =
            last.relativeGap.map { "relative gap   \(String(format: "%.1e", $0))" }
            ?? "violation      \(String(format: "%.1e", last.relativeViolation))"
        let ratio = String(format: "%.5g, %.3g of λ_max", last.lambda, lambdaRatio)
        let passes = String(format: "%.2f", last.passesOverGain)
        try Terminal.result(
            """
            objective      \(last.objective)
            \(quality) (\(last.reason))
            nonzero        \(last.nonzero) of \(result.sources) sources
            λ              \(ratio)
            work           \(last.fullPasses) looks at all sources in \(passes) passes over the gain, \(last.epochs) epochs, \(last.newtonSteps) Newton steps
            time           \(String(format: "%.3f", result.seconds)) s
            """)
    }

    /// The problem of a file.
    ///
    /// - Parameter keepsSamples: whether the samples stay as they are, as a penalty of entries needs it.
    /// - Throws: ``InputError`` that names the file.
    static func read(_ path: String, keepsSamples: Bool) throws(InputError) -> RegressionProblem {
        let contents = try ProblemFile.read(path)
        do {
            return try RegressionProblem(
                design: contents.design, response: contents.data,
                blocks: BlockStructure(
                    count: contents.design.columns / contents.orientations, size: contents.orientations),
                keepsSamples: keepsSamples)
        } catch {
            throw InputError(path, found: "\(error)")
        }
    }
}
