import Glibc
import LinearAlgebra
import Testing

@testable import SparseRegression

/// Reweighting of problems that share a map, against its formulas.
@Suite struct CoupledReweightingTests {
    /// Problems of different sizes, two of whose blocks act.
    private static func problems(_ sizes: [(rows: Int, blocks: Int, width: Int, samples: Int)]) throws
        -> [RegressionProblem]
    {
        try sizes.enumerated().map { number, size in
            var random = SeededGenerator(seed: 40 + UInt64(number))
            let design = random.normal(rows: size.rows, columns: size.blocks * size.width)
            var truth = Matrix(rows: design.columns, columns: size.samples)
            for block in [2, 5] {
                for k in 0..<size.width {
                    for t in 0..<size.samples { truth[block * size.width + k, t] = random.normal() }
                }
            }
            return try RegressionProblem(
                design: design, response: design * truth + random.normal(rows: size.rows, columns: size.samples) * 0.5,
                blocks: BlockStructure(count: size.blocks, size: size.width))
        }
    }

    private static let sizes = [
        (rows: 12, blocks: 20, width: 1, samples: 4), (rows: 15, blocks: 16, width: 3, samples: 2),
        (rows: 9, blocks: 12, width: 1, samples: 7),
    ]

    /// Solutions of the problems alone at a tenth of λ_max, and λ.
    private static func starts(_ problems: [RegressionProblem]) throws -> (active: [ActiveSet], lambdas: [Double]) {
        let lambdas = problems.map { 0.1 * $0.largestLambda() }
        let active = try zip(problems, lambdas).map { problem, lambda in
            AutomaticSolver().solve(problem, try GroupLasso(lambda: lambda), stop: stop).active
        }
        return (active, lambdas)
    }

    private static let stop = StopRule(relativeGap: 1e-12, relativeViolation: 1e-12)

    /// The mean over problems of the power at the first twelve blocks.
    private static func mean(_ powers: [[Double]]) -> [[Double]] {
        let mean = (0..<12).map { j in powers.reduce(0) { $0 + $1[j] } / Double(powers.count) }
        return powers.map { own in own.indices.map { $0 < 12 ? mean[$0] : 0 } }
    }

    private func run(_ rounds: Int, _ coupling: Double, _ problems: [RegressionProblem], threads: Int = 1) throws
        -> CoupledReweighting.Outcome
    {
        let (active, lambdas) = try Self.starts(problems)
        return try CoupledReweighting(rounds: rounds, coupling: coupling).run(
            problems, from: active, lambdas: lambdas, map: Self.mean, solver: AutomaticSolver(), stop: Self.stop,
            parallelism: Parallelism(threads: threads))
    }

    @Test("powers are parts of what blocks explain alone")
    func powers() throws {
        let problem = try Self.problems(Self.sizes)[1]
        let active = try Self.starts([problem]).active[0]
        let powers = CoupledReweighting.powers(of: active, in: problem)
        var expected = [Double](repeating: 0, count: 16)
        for (i, block) in active.blocks.enumerated() {
            let alone = ActiveSet(
                blocks: [block], offsets: [0, 3],
                coefficients: active.coefficients.columns(active.offsets[i]..<active.offsets[i + 1]))
            expected[block] = alone.fit(in: problem).squaredNorm
        }
        let total = expected.reduce(0, +)
        for (a, b) in zip(powers, expected) { #expect(abs(a - b / total) < 1e-13) }
        #expect(active.count > 1 && abs(powers.reduce(0, +) - 1) < 1e-12)
        #expect(CoupledReweighting.powers(of: .empty(samples: 2), in: problem).allSatisfy { $0 == 0 })
    }

    @Test("weights are g^(−1/4) of the mixture, and what is below a thousandth is out")
    func weights() {
        let coupled = CoupledReweighting(coupling: 0.7)
        let weights = coupled.weights([1, 0, 0, 0], [0.5, 0.5, 0.0005, 0], norms: [2, 3, 1, 1])
        let mixed = [0.65, 0.35, 0.00035, 0].map { $0 / 0.65 }
        #expect(weights?[0] == 1)
        #expect(abs((weights?[1] ?? 0) - 1.5 * pow(mixed[1], -0.25)) < 1e-14)
        #expect(weights?[2] == .infinity && weights?[3] == .infinity)
        #expect(coupled.weights([0, 0], [0, 0], norms: [1, 1]) == nil)
        #expect(coupled.weights([1, 1], [1, 1], norms: [0, 0]) == nil)
        #expect(coupled.weights([1, 1], [1, 1], norms: [0, 2]) == [.infinity, 1])
        // Without own power the map alone decides.
        #expect(coupled.weights([0, 0], [0.1, 0.2], norms: [1, 1])?[1] == 1)
    }

    @Test("each part is the optimum under the weights of the powers before", arguments: [0, 0.7])
    func optimum(_ coupling: Double) throws {
        let problems = try Self.problems(Self.sizes)
        let (before, after) = (try run(2, coupling, problems), try run(3, coupling, problems))
        #expect(after.roundsDone == 3)
        let maps = Self.mean(zip(problems, before.parts).map { CoupledReweighting.powers(of: $1.active, in: $0) })
        let lambdas = try Self.starts(problems).lambdas
        for (s, problem) in problems.enumerated() {
            let own = CoupledReweighting.powers(of: before.parts[s].active, in: problem)
            let expected = try #require(
                CoupledReweighting(coupling: coupling).weights(
                    own, maps[s], norms: problem.blockNorms()))
            #expect(after.parts[s].weights == expected)
            let alone = AutomaticSolver().solve(
                problem, try GroupLasso(lambda: lambdas[s], weights: expected), stop: Self.stop)
            let fit = after.parts[s].active.fit(in: problem)
            #expect((fit - alone.active.fit(in: problem)).squaredNorm < 1e-18 * problem.squaredResponseNorm)
            #expect(after.parts[s].active.blocks == alone.active.blocks)
            #expect(abs(after.parts[s].squaredResidual - (problem.response - fit).squaredNorm) < 1e-9)
        }
    }

    @Test("without coupling nobody matters to anybody; with it, neither order nor threads do")
    func independence() throws {
        let problems = try Self.problems(Self.sizes)
        let together = try run(6, 0, problems)
        for (s, problem) in problems.enumerated() {
            let alone = try run(6, 0, [problem])
            #expect(alone.parts[0].active.blocks == together.parts[s].active.blocks)
            let difference = alone.parts[0].active.fit(in: problem) - together.parts[s].active.fit(in: problem)
            #expect(difference.squaredNorm < 1e-12 * problem.squaredResponseNorm)
        }
        let one = try run(6, 0.7, problems)
        let two = try run(6, 0.7, problems, threads: 3)
        let turned = try run(6, 0.7, problems.reversed())
        for s in problems.indices {
            #expect(one.parts[s].active == two.parts[s].active)
            #expect(one.parts[s].active.blocks == turned.parts[problems.count - 1 - s].active.blocks)
        }
    }

    @Test("a problem that shows nothing takes the map, and all that show nothing stay so")
    func silence() throws {
        var problems = try Self.problems(Self.sizes)
        problems[2] = try problems[2].with(response: Matrix(rows: 9, columns: 7))
        let (active, _) = try Self.starts(Array(problems.prefix(2)))
        func run(_ problems: [RegressionProblem], _ active: [ActiveSet]) throws -> CoupledReweighting.Outcome {
            try CoupledReweighting().run(
                problems, from: active, lambdas: problems.map { max(1, 0.1 * $0.largestLambda()) }, map: Self.mean,
                solver: AutomaticSolver(), stop: Self.stop)
        }
        let silent = ActiveSet.empty(samples: problems[2].response.columns)
        let outcome = try run(problems, active + [silent])
        #expect(outcome.parts[2].active.count == 0 && outcome.parts[2].weights != nil)
        #expect(outcome.parts[0].active.count > 0)
        let none = try run([problems[2]], [silent])
        #expect(none.parts[0].active.count == 0 && none.parts[0].weights == nil && none.roundsDone == 1)
        let cancelled = try CoupledReweighting().run(
            problems, from: active + [silent], lambdas: [1, 1, 1], map: Self.mean, solver: AutomaticSolver(),
            stop: Self.stop, monitor: Monitor(isCancelled: { true }))
        #expect(cancelled.roundsDone == 0 && cancelled.parts[0].active == active[0])
    }
}
