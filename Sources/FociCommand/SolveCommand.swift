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

                With --method tf B is sparse in time and frequency, too (TF-MxNE): λ Σ_j (1−ρ)‖Z_j‖ + ρ Σ|Z_j| of its coefficients Z
                in windows.

                EXAMPLES
                  foci solve --problem p.h5 --lambda-ratio 0.2 --json
                  foci solve --problem p.h5 --lambda-ratio 0.4 --method tf --rho 0.3 --windows 4,16 --steps 2,4
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

    @Option(help: "What is minimized: mixed-norm or tf.")
    var method = SolveRequest.Method.mixedNorm

    @Option(help: ArgumentHelp("Of method tf: which part of the penalty is of single coefficients.", valueName: "part"))
    var rho: Double?

    @Option(
        help: ArgumentHelp(
            "Of method tf: lengths of windows in samples, even, by commas. (default: 16)", valueName: "n,n"))
    var windows: SampleCounts?

    @Option(
        help: ArgumentHelp(
            "Of method tf: samples from one window to the next; each divides its window. (default: a quarter of it)",
            valueName: "n,n"))
    var steps: SampleCounts?

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
        let regression = try Self.read(problem, keepsSamples: request.keepsSamples)
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
        request.method = method
        request.rho = rho
        request.windows = windows?.values
        request.steps = steps?.values
        request.count = path
        request.engine = solver
        request.stop = try computing.stop(maximumSeconds: timeLimit ?? .infinity)
        request.parallelism = try computing.parallelism()
        request.windowTransforms = .fftw
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
                let gap = point.relativeGap ?? point.relativeViolation ?? .nan
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
            ?? "violation      \(String(format: "%.1e", last.relativeViolation ?? .nan))"
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

/// Numbers of samples by commas: `4,16`.
struct SampleCounts: ExpressibleByArgument {
    let values: [Int]

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.allSatisfy({ $0 != nil }) else { return nil }
        values = parts.compactMap(\.self)
    }
}

extension SolveRequest.Method: ExpressibleByArgument {}
