import Foundation
import ModelSelection
import Testing

@Suite("Evidence")
struct EvidenceTests {
    /// log det Σ + tr(Σ⁻¹YYᵀ)/T from its definition.
    private func evidence(_ problem: RegressionProblem, _ variances: [Double], _ noise: Double) throws -> Double {
        var sigma = Matrix.identity(problem.rowCount) * noise
        for j in 0..<problem.blocks.count where variances[j] > 0 {
            let columns = problem.design.columns(Array(problem.blocks.columns(of: j)))
            sigma = sigma + Matrix.product(columns, transposed: false, columns, transposed: true) * variances[j]
        }
        let response = problem.unreducedResponse
        let eigen = try SymmetricEigen(sigma)
        let rotated = Matrix.product(eigen.vectors, transposed: true, response)
        var value = 0.0
        for (i, lambda) in eigen.values.enumerated() {
            value += log(lambda) + rotated.row(i).reduce(0) { $0 + $1 * $1 } / lambda / Double(response.columns)
        }
        return value
    }

    @Test(
        "it finds the true sources, its objective is what it says, and it is at rest",
        arguments: [(1, 8), (3, 8), (1, 40)])
    func recovery(_ shape: (width: Int, samples: Int)) throws {
        let blocks = BlockStructure(count: 60, size: shape.width)
        let (problem, _) = try noisyProblem(n: 30, blocks: blocks, samples: shape.samples, seed: 51)
        var method = SparseBayesianLearning(noiseVariance: 1)
        method.tolerance = 1e-5
        method.improvement = 0
        method.maximumUpdates = 5000
        let found = try method.run(problem)
        #expect(found.end == .converged)
        // noisyProblem puts a source into every fifteenth block.
        let strong = found.active.blocks.filter { found.variances[$0] > 0.1 * (found.variances.max() ?? 0) }
        #expect(strong == [0, 15, 30, 45])
        let last = try #require(found.history.last)
        #expect(abs(last - (try evidence(problem, found.variances, 1))) < 1e-8 * abs(last))
        // Stationary in log γ_j of every source kept: central differences.
        for j in found.active.blocks {
            var (up, down) = (found.variances, found.variances)
            up[j] *= exp(1e-4)
            down[j] *= exp(-1e-4)
            let slope = (try evidence(problem, up, 1) - evidence(problem, down, 1)) / 2e-4
            #expect(abs(slope) < 2e-3, "source \(j): \(slope)")
        }
        #expect(zip(found.history, found.history.dropFirst()).allSatisfy { $1 <= $0 + 1e-2 })
        #expect((found.history.first ?? 0) > last)
    }

    @Test("the multitask Lasso with its weights has the posterior means as its solution", arguments: [1, 3])
    func weights(_ width: Int) throws {
        let (problem, _) = try noisyProblem(
            n: 30, blocks: BlockStructure(count: 60, size: width), samples: 10, seed: 52)
        var method = SparseBayesianLearning(noiseVariance: 1)
        method.tolerance = 1e-8
        method.improvement = 0
        method.maximumUpdates = 20_000
        let found = try method.run(problem)
        // Dropped sources stay out: at a fixed point of the kept ones alone the two solutions are the same.
        let weights = found.weights.indices.map { found.variances[$0] > 0 ? found.weights[$0] : .infinity }
        let solution = AutomaticSolver().solve(
            problem, try GroupLasso(lambda: 1, weights: weights), stop: StopRule(relativeGap: 1e-13))
        #expect(solution.active.blocks == found.active.blocks)
        let difference = (solution.active.coefficients - found.active.coefficients).squaredNorm.squareRoot()
        #expect(difference < 1e-3 * found.active.coefficients.squaredNorm.squareRoot())
    }

    @Test("impossible settings are refused, and cancellation is said")
    func refusals() throws {
        let (problem, _) = try noisyProblem(n: 10, blocks: BlockStructure(count: 12, size: 1), samples: 2, seed: 53)
        #expect(throws: InvalidCriterion.self) { try SparseBayesianLearning(noiseVariance: 0).run(problem) }
        #expect(throws: InvalidCriterion.self) { try SparseBayesianLearning().run(problem, from: [1, 2]) }
        let found = try SparseBayesianLearning().run(problem, monitor: Monitor(isCancelled: { true }))
        #expect(found.end == .cancelled)
        // Before each update and at the end, each once.
        var short = SparseBayesianLearning()
        short.maximumUpdates = 3
        let cut = try short.run(problem)
        #expect(cut.end == .evaluationLimit && cut.history.count == 4)
    }
}
