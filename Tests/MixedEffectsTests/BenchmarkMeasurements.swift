import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import MixedEffects

/// Number of problems to measure, of FOCI_MEASURE; none unless set.
private let measured = min(100, ProcessInfo.processInfo.environment["FOCI_MEASURE"].flatMap(Int.init) ?? 0)

/// Times and accuracies on all problems of the benchmark: minutes of work, printed. Runs where FOCI_MEASURE is set, to the number
/// of problems.
@Suite("Measurements of the benchmark", .enabled(if: measured > 0 && Shared.isPresent), .serialized)
struct BenchmarkMeasurements {
    /// CPU seconds of the process.
    private static func seconds(_ body: () throws -> Void) rethrows -> Double {
        func now() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
            return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
        }
        let start = now()
        try body()
        return now() - start
    }

    private static func row(_ name: String, _ values: [Double], _ unit: String) -> String {
        let sorted = values.sorted()
        let mean = values.reduce(0, +) / Double(values.count)
        return String(
            format: "%@ median %.4g, mean %.4g, largest %.4g %@",
            name.padding(toLength: 34, withPad: " ", startingAt: 0), sorted[sorted.count / 2], mean,
            sorted[sorted.count - 1], unit)
    }

    @Test("the published search with every penalty", arguments: ["paper", "talk"])
    func searches(_ version: String) throws {
        let benchmark = try BenchmarkProblems(version, count: measured)
        for kind in EffectPenaltyKind.all {
            for isWarm in [false, true] {
                var (accuracies, times): ([Double], [Double]) = ([], [])
                for problem in benchmark.problems {
                    let likelihood = Likelihood(problem)
                    var choice: RelaxedSearch.Choice?
                    times.append(
                        try Self.seconds {
                            let weights =
                                kind.isAdaptive
                                ? AdaptiveWeights(
                                    try BoundedNewton().fit(problem, noise: .known, from: benchmark.start).effects)
                                : nil
                            let objective = try PenalizedLikelihood(
                                likelihood, penalty: kind.penalty(lambda: 1), fixedWeights: weights?.fixed,
                                varianceWeights: weights?.variances)
                            choice = try RelaxedSearch(isWarm: isWarm).run(objective, from: benchmark.start) {
                                lambda throws(InvalidEffectPenalty) in try kind.penalty(lambda: lambda)
                            }
                        })
                    accuracies.append(100 * benchmark.accuracy(try #require(choice).support))
                }
                let name = "\(version) \(kind.name)\(isWarm ? ", warm" : "")"
                print(Self.row("\(name): selection", times, "s"))
                print(Self.row("\(name): accuracy", accuracies, "%"))
            }
        }
    }

    /// The relaxed objective, by four routes from one start, at the λ and η that the published search chooses; and the plain one.
    @Test("one fit", arguments: ["paper", "talk"])
    func fits(_ version: String) throws {
        let benchmark = try BenchmarkProblems(version, count: measured)
        let names = [
            "MSR3-fast", "MSR3-fast, published schedule", "MSR3 exact", "proximal Newton, relaxed", "proximal gradient",
            "proximal gradient, published step", "proximal Newton",
        ]
        var times = names.map { _ in [Double]() }
        var excess = times
        var iterations = times
        for (number, problem) in benchmark.problems.enumerated() {
            let likelihood = Likelihood(problem)
            let given = try PenalizedLikelihood(likelihood, penalty: L1Penalty(lambda: 1))
            let choice = try #require(
                try RelaxedSearch(isWarm: true).run(given, from: benchmark.start) {
                    lambda throws(InvalidEffectPenalty) in try L1Penalty(lambda: lambda)
                })
            let (strength, lambda) = (choice.best.strength, choice.best.lambda)
            let fast = given.with(penalty: try L1Penalty(lambda: lambda))
            let exact = given.with(penalty: try L1Penalty(lambda: choice.best.effectiveLambda))
            let envelope = given.with(penalty: try exact.penalty.relaxed(strength: strength))
            let routes: [(any EffectSolver, PenalizedLikelihood)] = [
                (try MSR3Fast(strength: strength), fast), (try MSR3Fast.published(strength: strength), fast),
                (try MSR3(strength: strength), exact), (ProximalNewton(), envelope), (ProximalGradient(), exact),
                (ProximalGradient.published, exact), (ProximalNewton(), exact),
            ]
            var objectives: [Double] = []
            for (k, (solver, objective)) in routes.enumerated() {
                // The published step takes seconds.
                if k == 5, number >= 5 { continue }
                var found: EffectSolution?
                times[k].append(1e3 * Self.seconds { found = solver.solve(objective, from: benchmark.start) })
                let solution = try #require(found)
                objectives.append(solution.objective)
                iterations[k].append(Double(solution.iterations))
                let reference = k < 4 ? objectives[0] : objectives[4]
                excess[k].append(solution.objective - reference)
            }
        }
        for (k, name) in names.enumerated() {
            print(Self.row("\(version) \(name)", times[k], "ms"))
            print(Self.row("    steps", iterations[k], ""))
            print(Self.row("    objective above the first", excess[k], ""))
        }
    }
}
