import SparseRegression
import Testing

@Suite("Reweighting and debiasing")
struct ReweightingTests {
    @Test("the nonconvex objective never rises from round to round", arguments: Reweighting.Scale.allCases, [1, 3])
    func descent(_ scale: Reweighting.Scale, _ width: Int) throws {
        let problem = try randomProblem(n: 30, blocks: 100, width: width, samples: 6, seed: 13, correlation: 0.8)
        let lambda = 0.15 * problem.largestLambda()
        let stop = StopRule(relativeGap: 1e-10)
        let first = AndersonDescent().solve(problem, try GroupLasso(lambda: lambda), stop: stop)
        let roots = first.active.norms.map { $0.squareRoot() }.sorted()
        let c = scale == .strongest ? roots[roots.count - 1] : roots[roots.count / 2]
        func objective(_ active: ActiveSet, _ squaredResidual: Double) -> Double {
            0.5 * squaredResidual + 2 * lambda * c * active.norms.reduce(0) { $0 + $1.squareRoot() }
        }
        var last = objective(first.active, first.squaredResidual)
        var counts = [first.active.count]
        for rounds in 1...5 {
            let outcome = try Reweighting(rounds: rounds, scale: scale).run(
                problem, from: first, lambda: lambda, solver: AndersonDescent(), stop: stop, parallelism: .serial)
            let value = objective(outcome.active, outcome.squaredResidual)
            #expect(value <= last + 1e-8 * problem.squaredResponseNorm)
            #expect(outcome.relativeGap <= 1e-10)
            #expect(Set(outcome.active.blocks).isSubset(of: Set(first.active.blocks)))
            last = value
            counts.append(outcome.active.count)
        }
        #expect(counts == counts.sorted(by: >))
        #expect(counts[5] < counts[0])
    }

    @Test("no rounds leave the solution as it is, and no source stays no source")
    func trivial() throws {
        let problem = try randomProblem(n: 20, blocks: 30, width: 1, samples: 3, seed: 17)
        let largest = problem.largestLambda()
        for ratio in [0.3, 1.0] {
            let first = AndersonDescent().solve(problem, try GroupLasso(lambda: ratio * largest))
            let outcome = try Reweighting(rounds: ratio == 1 ? 5 : 0).run(
                problem, from: first, lambda: ratio * largest, solver: AndersonDescent(), stop: StopRule(),
                parallelism: .serial)
            #expect(outcome.active == first.active)
        }
    }

    @Test("debiasing solves its bounded least squares", arguments: [1, 3])
    func debiasing(_ width: Int) throws {
        let problem = try randomProblem(n: 30, blocks: 60, width: width, samples: 5, seed: 19, correlation: 0.7)
        let solution = AndersonDescent().solve(
            problem, try GroupLasso(lambda: 0.4 * problem.largestLambda()), stop: StopRule(relativeGap: 1e-12))
        let factors = Debiasing.factors(solution.active, in: problem)
        #expect(factors.count == solution.active.count && factors.allSatisfy { $0 >= 1 })
        // The field of each block, one long vector, built from the definition.
        let dense = problem.dense(solution.active)
        let fields = solution.active.blocks.map { block -> [Double] in
            let columns = Array(problem.blocks.columns(of: block))
            return (problem.design.columns(columns) * dense.rows(columns)).elements
        }
        var residual = problem.response.elements
        for (field, factor) in zip(fields, factors) {
            for k in residual.indices { residual[k] -= factor * field[k] }
        }
        // Optimality of a bounded least squares: slope zero above the bound, pointing below it at the bound.
        for (field, factor) in zip(fields, factors) {
            let slope = zip(field, residual).reduce(0) { $0 + $1.0 * $1.1 }
            let scale = field.reduce(0) { $0 + $1 * $1 }
            #expect(factor > 1 + 1e-9 ? abs(slope) < 1e-6 * scale : slope < 1e-6 * scale)
        }
        #expect(factors.contains { $0 > 1.01 })
        #expect(residual.reduce(0) { $0 + $1 * $1 } < solution.squaredResidual)
    }
}
