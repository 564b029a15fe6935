import ArgumentParser
import Foci
import Foundation

/// `foci solve`: the numerics alone.
struct SolveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "solve",
        abstract: "Solve a whitened problem at one λ, or along a path of λ.",
        discussion: """
            Minimizes ½‖Y − XB‖² + penalty(B) for the gain X and data Y of a problem file. The penalties are
              l21          λ Σ‖B_j‖ over sources (all orientations and samples together)
              l1           λ Σ|b| over single entries
              elastic-net  l21 plus ½μ‖B‖²
              mcp, scad    l21 that levels off for strong sources (not convex: a local minimum, no gap)

            EXAMPLES
              foci solve --problem p.h5 --lambda-ratio 0.2 --json
              foci solve --problem p.h5 --lambda-ratio 0.1 --path 30
            """)

    @Option(help: ArgumentHelp("Problem: datasets gain and data, attribute orientations.", valueName: "file"))
    var problem: String

    @Option(help: ArgumentHelp("λ as a fraction of λ_max, above 0 and at most 1.", valueName: "ratio"))
    var lambdaRatio: Double

    @Option(
        help: ArgumentHelp(
            "Solve for this many λ, from λ_max to the ratio given, each starting from the one before.",
            valueName: "count"))
    var path: Int?

    @Option(help: ArgumentHelp("Penalty: l21, l1, elastic-net, mcp or scad.", valueName: "name"))
    var penalty = PenaltyName.l21

    @Option(help: ArgumentHelp("μ of the elastic net.", valueName: "μ"))
    var ridge: Double?

    @Option(help: ArgumentHelp("γ of mcp (3 by default, in units of 1/‖X_j‖²) or scad (3.7).", valueName: "γ"))
    var gamma: Double?

    @Option(help: ArgumentHelp("Engine: auto, descent, dual or gradient.", valueName: "name"))
    var solver = SolverName.auto

    @Option(help: ArgumentHelp("Longest time to solve, in seconds.", valueName: "s"))
    var timeLimit: Double?

    @OptionGroup var computing: ComputingOptions

    /// Penalties by name.
    enum PenaltyName: String, ExpressibleByArgument, CaseIterable {
        case l21
        case l1
        case elasticNet = "elastic-net"
        case mcp
        case scad
    }

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

    mutating func run() throws {
        let parallelism = try computing.parallelism()
        try checkOptions()
        let clock = Stopwatch()
        let regression = try Self.read(problem, keepsSamples: penalty == .l1)
        let loaded = clock.seconds
        let answer: (largest: Double, points: [PathPoint])
        switch solver {
        case .auto: answer = try solve(AutomaticSolver().session(for: regression, parallelism: parallelism))
        case .descent: answer = try solve(AndersonDescent().session(for: regression, parallelism: parallelism))
        case .dual: answer = try solve(DualNewton().session(for: regression, parallelism: parallelism))
        case .gradient: answer = try solve(ProximalGradient().session(for: regression, parallelism: parallelism))
        }
        let solved = clock.seconds
        guard let last = answer.points.last else { throw CancellationError() }
        if answer.points.contains(where: { $0.solution.reason == .cancelled }) { throw CancellationError() }
        let result = Result(
            last: Point(last.lambda, last.solution),
            path: path == nil ? nil : answer.points.map { Point($0.lambda, $0.solution) }, penalty: penalty.rawValue,
            solver: solver.rawValue, lambdaMax: answer.largest, seconds: solved - loaded,
            loadSeconds: loaded)
        warn(answer.points)
        try show(result, blocks: regression.blocks.count)
    }

    private func checkOptions() throws(InputError) {
        guard lambdaRatio > 0, lambdaRatio <= 1 else {
            throw InputError("--lambda-ratio", found: "\(lambdaRatio)", expected: "a number above 0 and at most 1")
        }
        guard computing.gap.isFinite, computing.gap >= 1e-14, computing.gap < 1 else {
            throw InputError("--gap", found: "\(computing.gap)", expected: "a number from 1e-14 to below 1")
        }
        if let path, !(2...10_000).contains(path) {
            throw InputError("--path", found: "\(path)", expected: "2 to 10000 values of λ")
        }
        if let timeLimit, !(timeLimit > 0) {
            throw InputError("--time-limit", found: "\(timeLimit)", expected: "a positive number of seconds")
        }
        if penalty == .elasticNet {
            guard let ridge, ridge > 0, ridge.isFinite else {
                throw InputError(
                    "--ridge", found: ridge.map { "\($0)" } ?? "nothing", expected: "a positive number for elastic-net")
            }
        } else if ridge != nil {
            throw InputError("--ridge", found: "penalty \(penalty.rawValue)", expected: "--penalty elastic-net")
        }
        if gamma != nil, penalty != .mcp, penalty != .scad {
            throw InputError("--gamma", found: "penalty \(penalty.rawValue)", expected: "--penalty mcp or scad")
        }
    }

    /// Solves at one λ, or along the path.
    private func solve(_ session: some SolverSession) throws -> (largest: Double, points: [PathPoint]) {
        let threads = try computing.parallelism()
        let largest =
            penalty == .l1
            ? session.problem.largestEntryLambda(parallelism: threads) : session.largestLambda(weights: nil)
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
            path.map { LambdaGrid(from: largest, to: lambdaRatio, count: $0) } ?? LambdaGrid([lambdaRatio * largest])
        let stop = StopRule(
            relativeGap: computing.gap, relativeViolation: computing.gap, maximumSeconds: timeLimit ?? .infinity)
        let monitor = Terminal.monitor(quiet: computing.quiet)
        func points(_ make: (Double) throws -> some BlockPenalty) throws -> [PathPoint] {
            try session.path(over: grid, penalty: make, stop: stop, monitor: monitor)
        }
        do {
            switch penalty {
            case .l21: return (largest, try points { try GroupLasso(lambda: $0) })
            case .l1: return (largest, try points { try Lasso(lambda: $0) })
            case .elasticNet: return (largest, try points { try ElasticNet(lambda: $0, ridge: ridge ?? 0) })
            case .mcp:
                // γ is meaningful beside the curvature ‖X_j‖² of a source's own fit; the median stands for all.
                let norms = session.problem.blockNorms(parallelism: threads).filter { $0 > 0 }.sorted()
                let typical = norms.isEmpty ? 1 : norms[norms.count / 2]
                let scaled = (gamma ?? 3) / (typical * typical)
                return (largest, try points { try MinimaxConcavePenalty(lambda: $0, gamma: scaled) })
            case .scad:
                return (largest, try points { try SmoothlyClippedPenalty(lambda: $0, gamma: gamma ?? 3.7) })
            }
        } catch let error as InvalidPenalty {
            throw InputError("--penalty \(penalty.rawValue)", found: "\(error)")
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

    private func show(_ result: Result, blocks: Int) throws {
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
            nonzero        \(last.nonzero) of \(blocks) sources
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
