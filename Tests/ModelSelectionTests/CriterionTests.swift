import Foundation
import ModelSelection
import Testing

@Suite("Criteria")
struct CriterionTests {
    /// One entry of the fit XB, of a solution polished to the last digits by Newton steps on its support: their fixed point
    /// does not depend on the curvature they use.
    private func fit(_ problem: RegressionProblem, _ penalty: some BlockPenalty, _ row: Int, _ sample: Int) -> Double {
        let solution = AutomaticSolver().solve(problem, penalty, stop: StopRule(relativeGap: 1e-15))
        var value = 0.0
        for support in Fit(solution, of: problem, under: penalty).supports where support.samples.contains(sample) {
            guard support.active.count > 0, let hessian = support.hessian else { continue }
            var coefficients = support.active.coefficients
            for _ in 0..<4 {
                let b = ActiveSet(
                    blocks: support.active.blocks, offsets: support.active.offsets, coefficients: coefficients)
                let residual =
                    support.response
                    - Matrix.product(support.columns, transposed: false, coefficients, transposed: true)
                var gradient = Matrix.product(residual, transposed: true, support.columns) * -1
                for (j, norm) in b.norms.enumerated() {
                    let slope = penalty.derivatives(norm: norm, block: b.blocks[j]).first / norm
                    for c in b.offsets[j]..<b.offsets[j + 1] {
                        for t in 0..<gradient.rows { gradient[t, c] += slope * coefficients[t, c] }
                    }
                }
                coefficients = coefficients - hessian.solve(gradient)
            }
            // Unreduced: there are fewer samples than rows.
            let own = sample - support.samples.lowerBound
            for c in 0..<coefficients.columns { value += support.columns[row, c] * coefficients[own, c] }
        }
        return value
    }

    /// The divergence of the fit by central differences, entry by entry.
    private func divergence(_ problem: RegressionProblem, _ penalty: some BlockPenalty) throws -> Double {
        let response = problem.response
        try #require(problem.reduction == nil)
        var sum = 0.0
        for row in 0..<response.rows {
            for column in 0..<response.columns {
                let step = 1e-4
                let ends = try [step, -step].map { shift in
                    var moved = response
                    moved[row, column] += shift
                    return fit(try problem.with(response: moved, keepsSamples: true), penalty, row, column)
                }
                sum += (ends[0] - ends[1]) / (2 * step)
            }
        }
        return sum
    }

    private func check(_ penalty: some BlockPenalty, _ problem: RegressionProblem) throws {
        let solution = AutomaticSolver().solve(problem, penalty, stop: StopRule(relativeGap: 1e-16))
        let exact = try #require(degreesOfFreedom(of: solution, in: problem, under: penalty))
        let brute = try divergence(problem, penalty)
        #expect(exact > 1)
        #expect(abs(exact - brute) <= 1e-6 * exact, "\(exact) against \(brute)")
    }

    @Test(
        "exact degrees of freedom are the divergence of the fit to 1e-6: orientations, weights, elastic net",
        arguments: [1, 3], [false, true])
    func freedom(_ width: Int, _ isWeighted: Bool) throws {
        let (problem, _) = try noisyProblem(
            n: 10, blocks: BlockStructure(count: width == 1 ? 20 : 8, size: width), samples: 3, seed: 62, amplitude: 3)
        let weights = isWeighted ? (0..<problem.blocks.count).map { 0.7 + 0.1 * Double($0 % 5) } : nil
        let lambda = 0.3 * problem.largestLambda(weights: weights)
        try check(try GroupLasso(lambda: lambda, weights: weights), problem)
        try check(try ElasticNet(lambda: lambda, ridge: 2, weights: weights), problem)
        if width == 1 {
            try check(Entrywise(try ElasticNet(lambda: lambda / 2, ridge: 2, weights: weights)), problem)
        }
    }

    @Test("Monte-Carlo degrees of freedom converge to the exact ones", arguments: [1, 3])
    func monteCarlo(_ width: Int) throws {
        let (problem, _) = try noisyProblem(
            n: 25, blocks: BlockStructure(count: 20, size: width), samples: 8, seed: 63)
        let penalty = try GroupLasso(lambda: 0.25 * problem.largestLambda())
        func freedom(_ criterion: any Criterion) throws -> Double {
            let fits = try criterion.problems(for: problem).map {
                Fit(AutomaticSolver().solve($0, penalty, stop: StopRule(relativeGap: 1e-12)), of: $0, under: penalty)
            }
            return criterion.judge(fits, of: problem, wantsGradient: false).degreesOfFreedom
        }
        let exact = try freedom(SteinRisk())
        var errors: [Double] = []
        for draws in [1, 400] {
            // Averages over seeds, so that one lucky draw does not decide.
            let mean =
                try (0..<3).map { seed in
                    abs(try freedom(MonteCarloSteinRisk(draws: draws, seed: UInt64(seed), step: 1e-3)) / exact - 1)
                }.reduce(0, +) / 3
            errors.append(mean)
        }
        #expect(errors[1] < 0.02, "\(errors)")
        #expect(errors[1] < errors[0])
    }

    @Test("folds share out rows and labels evenly, by seed")
    func folds() throws {
        let labels = (0..<53).map { $0 < 31 ? 0 : 1 }
        let split = try RowSplit(rowCount: 53, folds: 5, labels: labels, seed: 3)
        #expect(split.folds.joined().sorted() == Array(0..<53))
        for label in [0, 1] {
            let counts = split.folds.map { $0.filter { labels[$0] == label }.count }
            #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1)
        }
        let sizes = split.folds.map(\.count)
        #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1)
        #expect(try split == RowSplit(rowCount: 53, folds: 5, labels: labels, seed: 3))
        #expect(try split != RowSplit(rowCount: 53, folds: 5, labels: labels, seed: 4))
        #expect(throws: InvalidCriterion.self) { try RowSplit(rowCount: 4, folds: 5) }
        #expect(throws: InvalidCriterion.self) { try RowSplit(rowCount: 4, folds: 2, labels: [1]) }
    }

    @Test("the error of held-out rows is what it says", arguments: [4, 40])
    func heldOut(_ samples: Int) throws {
        let (problem, _) = try noisyProblem(
            n: 20, blocks: BlockStructure(count: 12, size: 3), samples: samples, seed: 64)
        let penalty = try GroupLasso(lambda: 0.3 * problem.largestLambda())
        let criterion = HeldOutRows([2, 5, 11])
        let training = try #require(try criterion.problems(for: problem).first)
        let solution = AutomaticSolver().solve(training, penalty, stop: StopRule(relativeGap: 1e-12))
        let judged = criterion.judge(
            [Fit(solution, of: training, under: penalty)], of: problem, wantsGradient: false)
        let fit = Matrix.product(
            solution.active.designColumns(of: problem), transposed: false,
            solution.active.coefficientsInOriginalSamples(of: training), transposed: true)
        let error = (problem.unreducedResponse - fit).rows([2, 5, 11]).squaredNorm / Double(3 * samples)
        #expect(abs(judged.value - error) < 1e-10 * error)
        #expect(throws: InvalidCriterion.self) { try HeldOutRows([1, 1]).problems(for: problem) }
        #expect(throws: InvalidCriterion.self) { try HeldOutRows([20]).problems(for: problem) }
        #expect(throws: InvalidCriterion.self) { try HeldOutRows(Array(0..<20)).problems(for: problem) }
    }

    @Test("at a kink, where a source is about to enter, every method gives a number")
    func kink() throws {
        let (problem, _) = try noisyProblem(n: 14, blocks: BlockStructure(count: 12, size: 3), samples: 4, seed: 65)
        let stop = StopRule(relativeGap: 1e-15)
        // Bisection on the number of active sources.
        func count(_ log: Double) throws -> Int {
            AutomaticSolver().solve(problem, try GroupLasso(lambda: exp(log)), stop: stop).active.count
        }
        var (high, low) = (log(problem.largestLambda()) - 0.1, log(problem.largestLambda()) - 1.5)
        let few = try count(high)
        try #require(try count(low) > few)
        for _ in 0..<45 {
            let middle = 0.5 * (low + high)
            if try count(middle) > few { low = middle } else { high = middle }
        }
        var limit = SweepLimit()
        limit.maximumSweeps = 20_000
        let methods: [any Hypergradient] = [
            ImplicitGradient(), ImplicitForwardGradient(limit: limit), ForwardGradient(limit: limit),
            BackwardGradient(limit: limit),
        ]
        for method in methods {
            for point in [low, high, 0.5 * (low + high)] {
                for criterion in [SteinRisk(), HeldOutRows([1, 6])] as [any Criterion] {
                    let objective = try SelectionObjective(
                        problem: problem, family: SharedLambda<GroupLasso>(), criterion: criterion,
                        hypergradient: .analytic(method))
                    let found = try objective.evaluate([point], wantsGradient: true, stop: stop)
                    #expect(found.value.isFinite)
                    #expect(found.gradient?[0].isFinite ?? false, "\(method.name), \(criterion.name)")
                }
            }
        }
    }
}
