import Glibc
import HDF5
import LinearAlgebra
import TestSupport
import Testing

@testable import MixedEffects

/// Problems of the benchmark of Sholokhov et al. (2022): 20 effects of either sort, nine groups.
struct BenchmarkProblems {
    let problems: [MixedEffectsProblem]
    /// Effects that are not zero are those to be found, fixed and random alike.
    let truth: [Double]

    /// - Parameter version: `paper` or `talk`.
    init(_ version: String, count: Int) throws {
        let file = try HDF5File(Shared.path("reference/mixed-effects/benchmark-100.h5"))
        let (x, y) = (try file.doubles("\(version)/X"), try file.doubles("\(version)/y").elements)
        let (rows, columns) = (x.shape[1], x.shape[2])
        let offsets = try file.integers("\(version)/offsets").elements
        let variance = try file.doubles("\(version)/variance").elements
        truth = try file.doubles("\(version)/true").elements
        problems = try (0..<count).map { k in
            let design = Matrix(rows: rows, columns: columns) { x.elements[(k * rows + $0) * columns + $1] }
            return try MixedEffectsProblem(
                fixed: design, random: design, response: Array(y[(k * rows)..<((k + 1) * rows)]), offsets: offsets,
                noiseVariance: variance)
        }
    }

    /// The share of right decisions, over fixed and random effects.
    func accuracy(_ support: Support) -> Double {
        let right = zip(support.fixed + support.random, truth + truth).count { $0 == ($1 != 0) }
        return Double(right) / Double(2 * truth.count)
    }

    /// γ = 1 and β = 0.
    var start: Effects {
        Effects(fixed: truth.map { _ in 0 }, variances: truth.map { _ in 1 })
    }
}

@Suite("Choice of λ by searches")
struct LambdaSearchTests {
    @Test("golden section ends at the minimum, after 15 values of the published bracket")
    func goldenSection() {
        var asked: [Double] = []
        GoldenSection.minimize(within: -2...4, resolution: 0.01) { x in
            asked.append(x)
            return (x - 1.3) * (x - 1.3)
        }
        #expect(asked.count == 15)
        #expect(asked.contains { abs($0 - 1.3) < 0.01 })
        #expect(asked.allSatisfy { -2...4 ~= $0 })
    }

    @Test(
        "MSR3-fast with the published search finds 88 % of the effects of the benchmark",
        .enabled(if: Shared.isPresent))
    func published() throws {
        let benchmark = try BenchmarkProblems("paper", count: 25)
        let search = RelaxedSearch(isWarm: true)
        var accuracy = 0.0
        for problem in benchmark.problems {
            let objective = try PenalizedLikelihood(Likelihood(problem), penalty: L1Penalty(lambda: 1))
            let choice = try #require(
                try search.run(objective, from: benchmark.start) { lambda throws(InvalidEffectPenalty) in
                    try L1Penalty(lambda: lambda)
                })
            accuracy += benchmark.accuracy(choice.support) / 25
            #expect(choice.trials.count == 150)
            #expect(choice.trials.allSatisfy { $0.value >= choice.best.value })
            #expect(choice.support == Support(choice.solution.selected, threshold: 0.0099999999))
        }
        #expect(accuracy >= 0.88, "\(accuracy)")
    }

    @Test("a path with refits, adaptive weights", .enabled(if: Shared.isPresent))
    func path() throws {
        let benchmark = try BenchmarkProblems("paper", count: 25)
        let solver = try MSR3Fast(strength: 1)
        var accuracy = 0.0
        for problem in benchmark.problems {
            let likelihood = Likelihood(problem)
            let full = try BoundedNewton().fit(problem, noise: .known, from: benchmark.start)
            let weights = AdaptiveWeights(full.effects)
            let objective = try PenalizedLikelihood(
                likelihood, penalty: L1Penalty(lambda: 1), fixedWeights: weights.fixed,
                varianceWeights: weights.variances)
            let fits = SupportFits(problem, noise: .known)
            let points = try PenaltyPath().run(objective, solver: solver, fits: fits, from: full.effects) {
                lambda throws(InvalidEffectPenalty) in try L1Penalty(lambda: lambda)
            }
            #expect(points.count == 41 && points.allSatisfy { $0.solution.residual < 1e-5 })
            #expect(zip(points, points.dropFirst()).allSatisfy { $0.lambda < $1.lambda })
            let best = try #require(PenaltyPath.best(points))
            #expect(points.allSatisfy { $0.refit.bic >= best.refit.bic })
            accuracy += benchmark.accuracy(best.refit.support) / 25
        }
        #expect(accuracy >= 0.9, "\(accuracy)")
    }

    static let penalties: [(name: String, at: @Sendable (Double) throws(InvalidEffectPenalty) -> any EffectPenalty)] = [
        ("L1", { lambda throws(InvalidEffectPenalty) in try L1Penalty(lambda: lambda) }),
        ("SCAD", { lambda throws(InvalidEffectPenalty) in try SCADPenalty(lambda: lambda, knot: 1.1) }),
        ("MCP", { lambda throws(InvalidEffectPenalty) in try MCPPenalty(lambda: lambda, knot: 3) }),
        (
            "elastic",
            { lambda throws(InvalidEffectPenalty) in try ElasticPenalty(L1Penalty(lambda: lambda), ridge: 0.3) }
        ),
        ("Huber", { lambda throws(InvalidEffectPenalty) in try L1Penalty(lambda: lambda).relaxed(strength: 4) }),
    ]
    static let sharp = ProximalGradient(stop: .residual(1e-9), iterationLimit: 100_000)

    @Test("how effects move with λ and the weights", arguments: penalties.indices)
    func sensitivity(_ index: Int) throws {
        let problem = try RandomModel.problem(sizes: [9, 6, 12, 7, 8, 10, 5], fixed: 4, random: 3, seed: 12)
        let weights = [0.7, 1, 1.3, 0.4, 1, 0.8, 1.2]
        let make = Self.penalties[index].at
        func objective(_ change: Double = 0, weight j: Int = -1) throws -> PenalizedLikelihood {
            var weights = weights
            if j >= 0 { weights[j] *= exp(change) }
            return try PenalizedLikelihood(
                Likelihood(problem), penalty: make(1.5 * exp(j < 0 ? change : 0)), fixedWeights: Array(weights[..<4]),
                varianceWeights: Array(weights[4...]))
        }
        let at = Self.sharp.solve(try objective(), from: SolverTests.start(problem)).effects
        let sensitivity = try #require(EffectSensitivity(try objective(), at: at))
        // A criterion that is linear in the effects.
        let criterion = Effects(fixed: [1, -2, 0.5, 3], variances: [2, -1, 0.7])
        func value(_ x: Effects) -> Double {
            zip(x.fixed + x.variances, criterion.fixed + criterion.variances).reduce(0) { $0 + $1.0 * $1.1 }
        }
        func difference(_ j: Int) throws -> Double {
            let h = 1e-4
            let ends = try [h, -h].map { value(Self.sharp.solve(try objective($0, weight: j), from: at).effects) }
            return (ends[0] - ends[1]) / (2 * h)
        }
        let gradient = sensitivity.gradient(of: criterion)
        #expect(abs(gradient.byLogLambda - (try difference(-1))) < 1e-5 * (1 + abs(gradient.byLogLambda)))
        #expect(abs(value(sensitivity.byLogLambda) - gradient.byLogLambda) < 1e-10)
        let byWeights = gradient.byLogWeights.fixed + gradient.byLogWeights.variances
        for j in 0..<7 {
            #expect(abs(byWeights[j] - (try difference(j))) < 1e-5 * (1 + abs(byWeights[j])), "weight \(j)")
        }
        #expect(byWeights.contains { abs($0) > 1e-3 })
    }

    @Test("cross-validation over groups: slopes by finite differences, and the bottom of the valley")
    func heldOut() throws {
        let problem = try RandomModel.problem(sizes: [9, 6, 12, 7, 8, 10, 5, 9, 11, 6], fixed: 8, random: 5, seed: 13)
        let start = SolverTests.start(problem)
        let objective = try PenalizedLikelihood(Likelihood(problem), penalty: L1Penalty(lambda: 1))
        let groups = try HeldOutGroups(objective, folds: 4)
        var starts = [start, start, start, start]
        let at = try groups.evaluate(2, penalty: L1Penalty(lambda: 2), solver: Self.sharp, starts: &starts)
        let ends = try [1e-4, -1e-4].map {
            let lambda = 2 * exp($0)
            return try groups.evaluate(lambda, penalty: L1Penalty(lambda: lambda), solver: Self.sharp, starts: &starts)
        }
        let slope = try #require(at.slope)
        #expect(abs(slope - (ends[0].value - ends[1].value) / 2e-4) < 1e-5 * (1 + abs(slope)))
        let grid = (0..<7).map { exp(-3 + Double($0)) }
        let trials = try groups.search(grid, solver: Self.sharp, from: start) { lambda throws(InvalidEffectPenalty) in
            try L1Penalty(lambda: lambda)
        }
        let best = try #require(trials.min { $0.value < $1.value })
        let bestOfGrid = try #require(trials[..<7].min { $0.value < $1.value })
        #expect(best.value <= bestOfGrid.value && trials.count <= 20)
        #expect(best.value < trials[0].value && best.value < trials[6].value)
        // Nothing around is lower.
        var nearby = [start, start, start, start]
        for factor in [0.93, 0.97, 1.03, 1.07] {
            let lambda = best.lambda * factor
            let other = try groups.evaluate(
                lambda, penalty: L1Penalty(lambda: lambda), solver: Self.sharp, starts: &nearby)
            #expect(other.value >= best.value - 1e-3)
        }
        let one = try RandomModel.problem(sizes: [9], fixed: 2, random: 1, seed: 1)
        #expect(throws: MixedEffectsProblem.Invalid.groups) {
            try HeldOutGroups(PenalizedLikelihood(Likelihood(one), penalty: L1Penalty(lambda: 1)))
        }
    }
}
