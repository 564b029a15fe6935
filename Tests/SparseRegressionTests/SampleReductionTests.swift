import SparseRegression
import Testing

@Suite("Exact reduction of the samples")
struct SampleReductionTests {
    /// A response of a given rank.
    private func problems(
        n: Int, samples: Int, rank: Int, width: Int
    ) throws -> (reduced: RegressionProblem, full: RegressionProblem) {
        var random = SeededGenerator(seed: UInt64(n + 10 * samples + rank))
        let design = random.normal(rows: n, columns: 30 * width)
        let response = random.normal(rows: n, columns: rank) * random.normal(rows: rank, columns: samples)
        let blocks = BlockStructure(count: 30, size: width)
        return (
            try RegressionProblem(design: design, response: response, blocks: blocks),
            try RegressionProblem(design: design, response: response, blocks: blocks, keepsSamples: true)
        )
    }

    @Test(
        "the rank decides, the optimum stays",
        arguments: [(10, 6, 2), (10, 10, 9), (10, 40, 10), (10, 40, 3), (12, 300, 1), (5, 1, 1), (8, 7, 7)], [1, 3])
    func optimum(_ size: (n: Int, samples: Int, rank: Int), _ width: Int) throws {
        let (reduced, full) = try problems(n: size.n, samples: size.samples, rank: size.rank, width: width)
        #expect(reduced.response.columns == size.rank && reduced.sampleCount == size.samples)
        #expect(full.response.columns == size.samples)
        #expect((reduced.reduction == nil) == (size.rank == size.samples))
        #expect(abs(reduced.largestLambda() - full.largestLambda()) <= 1e-12 * full.largestLambda())
        let penalty = try GroupLasso(lambda: 0.2 * full.largestLambda())
        for engine in Engine.main {
            let stop = StopRule(relativeGap: 1e-12)
            let (a, b) = (
                engine.solver.solve(reduced, penalty, stop: stop), engine.solver.solve(full, penalty, stop: stop)
            )
            #expect(a.active.blocks == b.active.blocks)
            #expect(abs(a.certificate.objective - b.certificate.objective) <= 2e-12 * full.squaredResponseNorm)
            let restored = a.active.coefficientsInOriginalSamples(of: reduced)
            #expect(restored.rows == size.samples)
            let difference = (restored - b.active.coefficients).squaredNorm
            #expect(difference <= 1e-9 * b.active.coefficients.squaredNorm)
        }
    }

    @Test("entries are solved in the original samples, reduced or not", arguments: Engine.main + [.proximalGradient])
    func entries(_ engine: Engine) throws {
        let (reduced, full) = try problems(n: 6, samples: 15, rank: 2, width: 1)
        let penalty = try Lasso(lambda: 0.1 * full.largestLambda())
        let stop = StopRule(relativeGap: 1e-10)
        let (a, b) = (engine.solver.solve(reduced, penalty, stop: stop), engine.solver.solve(full, penalty, stop: stop))
        #expect(a.reason == .converged && b.reason == .converged)
        #expect(a.active.coefficients.rows == 15 && a.active.coefficientsInOriginalSamples(of: reduced).rows == 15)
        #expect(abs(a.certificate.objective - b.certificate.objective) <= 2e-10 * full.squaredResponseNorm)
        // And a solution is a start.
        let again = engine.solver.solve(reduced, penalty, from: a.active, stop: stop)
        #expect(again.reason == .converged)
        #expect(again.certificate.objective <= a.certificate.objective * (1 + 1e-14))
    }

    @Test("a response of zeros", arguments: Engine.main + [.proximalGradient])
    func zero(_ engine: Engine) throws {
        let problem = try RegressionProblem(
            design: .identity(4), response: Matrix(rows: 4, columns: 9), blocks: BlockStructure(count: 4, size: 1))
        #expect(problem.sampleCount == 9 && problem.largestLambda() == 0)
        for penalty in [try GroupLasso(lambda: 1), try Lasso(lambda: 1), try SquareRootPenalty(lambda: 1)]
            as [any BlockPenalty]
        {
            let solution = engine.solver.solve(problem, penalty)
            #expect(solution.reason == .converged && solution.active.count == 0)
            #expect(solution.certificate.objective == 0)
            #expect(solution.active.coefficientsInOriginalSamples(of: problem).rows == 9)
        }
    }

    @Test("a problem of fewer blocks keeps its samples, as many as they were and in the form they have")
    func restriction() throws {
        let (reduced, full) = try problems(n: 10, samples: 40, rank: 3, width: 3)
        let penalty = try GroupLasso(lambda: 0.3 * full.largestLambda())
        let active = AutomaticSolver().solve(reduced, penalty, stop: StopRule(relativeGap: 1e-13)).active
        #expect(active.count > 1)
        for problem in [reduced, full] {
            let restricted = problem.restricted(to: active.blocks)
            #expect(restricted.sampleCount == 40 && restricted.blocks.count == active.count)
            #expect(restricted.response == problem.response && restricted.reduction == problem.reduction)
            #expect(problem.restricted(to: []).sampleCount == 40)
            let again = AutomaticSolver().solve(restricted, penalty, stop: StopRule(relativeGap: 1e-13)).active
            #expect(again.coefficientsInOriginalSamples(of: restricted).rows == 40)
            // Blocks at zero have no part in the degrees of freedom.
            let freedom = try [(active, reduced), (again, restricted)].map { active, problem in
                let columns = active.designColumns(of: problem)
                let hessian = try #require(
                    SupportHessian(
                        gram: Matrix.product(columns, transposed: true, columns), coefficients: active.coefficients,
                        offsets: active.offsets,
                        slopes: active.norms.map { penalty.derivatives(norm: $0, block: 0) }))
                return hessian.degreesOfFreedom(samples: problem.sampleCount)
            }
            #expect(abs(freedom[0] - freedom[1]) < 1e-6 * freedom[0], "\(freedom)")
        }
    }
}
