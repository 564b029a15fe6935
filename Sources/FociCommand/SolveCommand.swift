import ArgumentParser
import Foci
import Foundation

/// `foci solve`: the numerics alone.
struct SolveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "solve",
        abstract: "Solve a whitened problem at one λ.",
        discussion: """
            Minimizes ½‖Y − XB‖² + λ Σ‖B_j‖ for the gain X and data Y of a problem file.

            EXAMPLE
              foci solve --problem p.h5 --lambda-ratio 0.2 --json
            """)

    @Option(help: ArgumentHelp("Problem: datasets gain and data, attribute orientations.", valueName: "file"))
    var problem: String

    @Option(help: ArgumentHelp("λ as a fraction of λ_max, above 0 and at most 1.", valueName: "ratio"))
    var lambdaRatio: Double

    @OptionGroup var computing: ComputingOptions

    /// What is printed.
    struct Result: Encodable {
        let objective: Double
        let relativeGap: Double
        let nonzero: Int
        let support: [Int]
        let epochs: Int
        let newtonSteps: Int
        let fullPasses: Int
        let passesOverGain: Double
        let lambda: Double
        let lambdaMax: Double
        let reason: String
        let seconds: Double
        let loadSeconds: Double
    }

    mutating func run() throws {
        let parallelism = try computing.parallelism()
        guard lambdaRatio > 0, lambdaRatio <= 1 else {
            throw InputError("--lambda-ratio", found: "\(lambdaRatio)", expected: "a number above 0 and at most 1")
        }
        guard computing.gap.isFinite, computing.gap >= 1e-14, computing.gap < 1 else {
            throw InputError("--gap", found: "\(computing.gap)", expected: "a number from 1e-14 to below 1")
        }
        let began = DispatchTime.now().uptimeNanoseconds
        let regression = try Self.read(problem, keepsSamples: false)
        let loaded = DispatchTime.now().uptimeNanoseconds
        let largest = regression.largestLambda(parallelism: parallelism)
        guard largest.isFinite, lambdaRatio * largest > 0 || largest == 0 else {
            throw InputError(
                problem, found: "λ_max is \(largest)", expected: "a positive number", advice: "scale gain and data")
        }
        guard largest > 0 else {
            throw InputError(
                problem, found: "data that no column of the gain explains (λ_max is 0)",
                expected: "data that are not zero")
        }
        let solution = AutomaticSolver().solve(
            regression, try GroupLasso(lambda: lambdaRatio * largest), stop: StopRule(relativeGap: computing.gap),
            parallelism: parallelism, monitor: Terminal.monitor(quiet: computing.quiet))
        if solution.reason == .cancelled { throw CancellationError() }
        let solved = DispatchTime.now().uptimeNanoseconds
        let certificate = solution.certificate
        let result = Result(
            objective: certificate.objective, relativeGap: certificate.relativeGap, nonzero: solution.active.count,
            support: solution.active.blocks, epochs: certificate.epochs, newtonSteps: certificate.newtonSteps,
            fullPasses: certificate.fullPasses, passesOverGain: certificate.passesOverGain,
            lambda: lambdaRatio * largest, lambdaMax: largest,
            reason: solution.reason.rawValue, seconds: Double(solved - loaded) * 1e-9,
            loadSeconds: Double(loaded - began) * 1e-9)
        if solution.reason != .converged {
            Terminal.logger(quiet: computing.quiet).warning(
                "the solver stopped (\(solution.reason.rawValue)) at a relative gap of \(certificate.relativeGap), not \(computing.gap)"
            )
        }
        if computing.json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            encoder.keyEncodingStrategy = .convertToSnakeCase
            try Terminal.result(String(decoding: try encoder.encode(result), as: UTF8.self))
        } else {
            try Terminal.result(
                """
                objective      \(result.objective)
                relative gap   \(String(format: "%.1e", result.relativeGap)) (\(result.reason))
                nonzero        \(result.nonzero) of \(regression.blocks.count) sources
                λ              \(String(format: "%.5g, %.3g of λ_max", result.lambda, lambdaRatio))
                work           \(result.fullPasses) full passes, \(result.epochs) epochs, \(result.newtonSteps) Newton steps
                time           \(String(format: "%.3f", result.seconds)) s
                """)
        }
    }

    /// The problem of a file.
    ///
    /// - Parameter keepsSamples: whether the samples stay as they are, as a penalty of entries needs it.
    static func read(_ path: String, keepsSamples: Bool) throws(InputError) -> RegressionProblem {
        let contents = try ProblemFile.read(path)
        do {
            return try RegressionProblem(
                design: contents.gain, response: contents.data,
                blocks: BlockStructure(
                    count: contents.gain.columns / contents.orientations, size: contents.orientations),
                keepsSamples: keepsSamples)
        } catch {
            throw InputError(path, found: "\(error)")
        }
    }
}
