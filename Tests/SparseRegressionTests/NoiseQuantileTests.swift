import Glibc
import Testing

@testable import SparseRegression

@Suite("λ by the quantile of noise")
struct NoiseQuantileTests {
    private static func problem(_ response: Matrix, width: Int = 2, seed: UInt64 = 1) throws -> RegressionProblem {
        var random = SeededGenerator(seed: seed)
        return try RegressionProblem(
            design: random.normal(rows: response.rows, columns: 40 * width), response: response,
            blocks: BlockStructure(count: 40, size: width))
    }

    private static let weights = (0..<40).map { 0.5 + 0.05 * Double($0) }

    @Test("fresh noise of the law makes nothing active in 95 of 100 cases", arguments: [5, 30], [0.0, 0.8])
    func coverage(_ samples: Int, _ memory: Double) throws {
        let rows = 12
        let problem = try Self.problem(Matrix(rows: rows, columns: samples, repeating: 1))
        // Autoregressive noise of variance one.
        let autocorrelation = memory > 0 ? (0..<samples).map { pow(memory, Double($0)) } : [1]
        let quantile = try NoiseQuantile(draws: 999, seed: 3, autocorrelation: autocorrelation)
        let found = try quantile.value(for: problem, weights: Self.weights)
        var random = SeededGenerator(seed: 77)
        let count = 1000
        var quiet = 0
        for _ in 0..<count {
            var noise = random.normal(rows: rows, columns: samples)
            for t in 1..<samples {
                for i in 0..<rows {
                    noise[i, t] = memory * noise[i, t - 1] + (1 - memory * memory).squareRoot() * noise[i, t]
                }
            }
            if try problem.with(response: noise).largestLambda(weights: Self.weights) <= found { quiet += 1 }
        }
        // Both sides are sampled: a deviation of 0.0097.
        #expect(abs(Double(quiet) / Double(count) - 0.95) < 0.03, "\(quiet)")
        if memory > 0 {
            #expect(try NoiseQuantile(draws: 999, seed: 3).value(for: problem, weights: Self.weights) < 0.9 * found)
        }
    }

    @Test("the default number of draws is as good on average over seeds")
    func fewDraws() throws {
        let problem = try Self.problem(Matrix(rows: 8, columns: 3, repeating: 1))
        let all = try NoiseQuantile(draws: 4000, seed: 9).largest(
            for: problem, weights: nil, parallelism: .serial, monitor: .silent)
        let shares = try (0..<100).map { seed in
            let found = try NoiseQuantile(seed: UInt64(1000 + 1000 * seed)).value(for: problem)
            return Double(all.count { $0 <= found }) / Double(all.count)
        }
        #expect(abs(shares.reduce(0, +) / 100 - 0.95) < 0.012)
    }

    @Test("neither threads nor a wide window change the law; blocks that are free or excluded do not count")
    func exactness() throws {
        let problem = try Self.problem(Matrix(rows: 10, columns: 6, repeating: 1))
        let quantile = try NoiseQuantile(draws: 30, seed: 5)
        let serial = try quantile.value(for: problem, weights: Self.weights)
        #expect(try quantile.value(for: problem, weights: Self.weights, parallelism: Parallelism(threads: 3)) == serial)
        #expect(try quantile.value(for: problem, weights: Self.weights.map { 2 * $0 }) == serial / 2)
        var some = [Double](repeating: 1, count: 40)
        (some[3], some[7]) = (0, .infinity)
        let rest = (0..<40).filter { $0 != 3 && $0 != 7 }
        #expect(try quantile.value(for: problem, weights: some) == quantile.value(for: problem.restricted(to: rest)))
        // Each draw by itself, where samples outnumber rows and are replaced by a factor.
        let wide = try Self.problem(Matrix(rows: 10, columns: 25, repeating: 1))
        let values = try quantile.largest(for: wide, weights: nil, parallelism: .serial, monitor: .silent)
        for (draw, value) in values.enumerated() {
            var random = SeededGenerator(seed: 5 &+ UInt64(draw) &* 0x9E37_79B9_7F4A_7C15)
            let other = try wide.with(response: random.normal(rows: 10, columns: 25)).largestLambda()
            #expect(abs(value - other) < 1e-10 * other)
        }
    }

    @Test("the autocorrelation of recorded noise is found")
    func autocorrelation() throws {
        var random = SeededGenerator(seed: 2)
        var noise = random.normal(rows: 20, columns: 400)
        for i in 0..<20 {
            for t in 1..<400 { noise[i, t] = 0.7 * noise[i, t - 1] + 0.51.squareRoot() * noise[i, t] }
            for t in 0..<400 { noise[i, t] *= Double(i) }
        }
        let found = NoiseQuantile.autocorrelation(of: noise)
        #expect(found.count == 400 && found[0] == 1)
        for lag in 1..<5 { #expect(abs(found[lag] - pow(0.7, Double(lag))) < 0.05) }
        let problem = try Self.problem(Matrix(rows: 10, columns: 30, repeating: 1))
        let theirs = try NoiseQuantile(autocorrelation: found).value(for: problem)
        let exact = try NoiseQuantile(autocorrelation: (0..<30).map { pow(0.7, Double($0)) }).value(for: problem)
        #expect(abs(theirs - exact) < 0.05 * exact)
        #expect(NoiseQuantile.autocorrelation(of: Matrix(rows: 2, columns: 5)) == [1])
    }

    @Test("under noise alone the concomitant estimates are empty in about 95 of 100 cases")
    func emptiness() throws {
        let (rows, samples, count) = (8, 5, 16)
        let problem = try Self.problem(Matrix(rows: rows, columns: samples, repeating: 1))
        let quantile = try NoiseQuantile(draws: 999).value(for: problem)
        var random = SeededGenerator(seed: 4)
        let mixing = Matrix.diagonal((0..<rows).map { $0 < 4 ? 1 : 3 })
        var quiet = [0, 0, 0]
        for _ in 0..<300 {
            var epochs: [Matrix] = []
            for _ in 0..<count { epochs.append(mixing * random.normal(rows: rows, columns: samples)) }
            let statistics = try EpochStatistics(epochs)
            let models: [NoiseShape] = [.full, .blocks([0, 0, 0, 0, 1, 1, 1, 1]), .scalar]
            for (k, noise) in models.enumerated() {
                let lasso = try ConcomitantLasso(
                    design: problem.design, epochs: statistics, blocks: problem.blocks, noise: noise)
                if lasso.largestLambda() <= quantile / Double(count).squareRoot() { quiet[k] += 1 }
            }
        }
        let lasso = try ConcomitantLasso(
            design: problem.design,
            epochs: EpochStatistics([problem.unreducedResponse, problem.unreducedResponse]), blocks: problem.blocks,
            noise: .scalar)
        #expect(try lasso.lambda(by: NoiseQuantile(draws: 999)) == quantile / 2.0.squareRoot())
        // A deviation of 0.014 for 300 cases at 0.95. Rows three times as loud as others are no matter but to a scalar.
        for found in quiet[0...1] { #expect(abs(Double(found) / 300 - 0.95) < 0.045, "\(quiet)") }
        #expect(quiet[2] < 270, "\(quiet)")
    }

    @Test("the σ that settles is the residual's, and the estimate that of the scalar concomitant Lasso")
    func settled() throws {
        let problem = try randomProblem(n: 20, blocks: 60, width: 1, samples: 6, seed: 8)
        let quantile = try NoiseQuantile().value(for: problem)
        let found = try SettledNoise(
            quantile: quantile, AutomaticSolver().session(for: problem, parallelism: .serial),
            penalty: { try GroupLasso(lambda: $0) }, stop: StopRule(relativeGap: 1e-12))
        let last = try #require(found.rounds.last)
        #expect(found.isAtRest && (3...20).contains(found.rounds.count))
        let sigma = (last.solution.squaredResidual / 120).squareRoot()
        #expect(found.deviation == sigma && abs(last.lambda - sigma * quantile) < 2e-4 * last.lambda)
        #expect(zip(found.rounds, found.rounds.dropFirst()).allSatisfy { $1.objective <= $0.objective * (1 + 1e-9) })
        let lasso = try ConcomitantLasso(
            design: problem.design, epochs: EpochStatistics([problem.unreducedResponse]), blocks: problem.blocks,
            noise: .scalar)
        let other = try lasso.solve(lambda: quantile, stop: StopRule(relativeGap: 1e-12))
        #expect(other.active.blocks == last.solution.active.blocks && other.active.count > 0)
        #expect(abs(other.noise.values[0] - sigma) < 2e-3 * sigma)
        #expect(abs(other.objective - last.objective) < 1e-6 * other.objective)
        // Nothing to explain.
        let silent = try SettledNoise(
            quantile: quantile,
            AutomaticSolver().session(for: problem.with(response: problem.response * 0), parallelism: .serial),
            penalty: { try GroupLasso(lambda: $0) })
        #expect(silent.isAtRest && silent.rounds.count == 1 && silent.rounds[0].solution.active.count == 0)
    }

    @Test("what is impossible is told")
    func refusals() throws {
        #expect(throws: NoiseQuantile.Invalid.draws(found: 18, needed: 19)) { try NoiseQuantile(draws: 18) }
        #expect(try NoiseQuantile(draws: 19).draws == 19)
        for probability in [0, 1, -1, Double.nan] {
            #expect(throws: NoiseQuantile.Invalid.self) { try NoiseQuantile(probability: probability) }
        }
        for autocorrelation in [[], [2.0], [1, 2], [1, .nan]] {
            #expect(throws: NoiseQuantile.Invalid.autocorrelation) {
                try NoiseQuantile(autocorrelation: autocorrelation)
            }
        }
        let problem = try Self.problem(Matrix(rows: 4, columns: 6, repeating: 1))
        #expect(throws: NoiseQuantile.Invalid.autocorrelation) {
            try NoiseQuantile(autocorrelation: [1, -0.9, -0.9]).value(for: problem)
        }
        #expect(throws: CancellationError.self) {
            try NoiseQuantile().value(for: problem, monitor: Monitor(isCancelled: { true }))
        }
    }
}
