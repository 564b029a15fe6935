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
    var solver = SolveRequest.Engine.auto

    @Option(help: ArgumentHelp("Longest time to solve, in seconds.", valueName: "s"))
    var timeLimit: Double?

    @OptionGroup var computing: ComputingOptions

    func run() throws {
        try show(try solved())
    }

    /// Solves what the options ask for.
    ///
    /// - Throws: ``InputError``, and `CancellationError` where the user interrupted.
    func solved() throws -> SolveSummary {
        let request = try request()
        let clock = Stopwatch()
        let regression = try Self.read(problem, keepsSamples: request.penalty.scope == .entry)
        let loaded = clock.seconds
        let monitor = Terminal.monitor(quiet: computing.quiet)
        let answer = try naming(problem) { try request.run(regression, monitor: monitor) }
        var summary = SolveSummary(answer, of: request, blocks: regression.blocks.count)
        (summary.seconds, summary.loadSeconds) = (clock.seconds - loaded, loaded)
        return summary
    }

    /// What the options ask for.
    private func request() throws(InputError) -> SolveRequest {
        var request = SolveRequest()
        request.penalty = penalizing.penalty
        request.shapes = penalizing.shapes
        request.lambda = .ratio(lambdaRatio)
        request.count = path
        request.engine = solver
        request.stop = try computing.stop(maximumSeconds: timeLimit ?? .infinity)
        request.parallelism = try computing.parallelism()
        try request.check()
        return request
    }

    private func show(_ result: SolveSummary) throws {
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
            try Terminal.result(String(format: "%.3f s", result.seconds ?? 0))
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
            time           \(String(format: "%.3f", result.seconds ?? 0)) s
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
