import SparseRegression
import Testing

@Suite("Threads")
struct ThreadTests {
    @Test("the number of threads changes no bit", arguments: Engine.main + [.proximalGradient], [false, true])
    func bits(_ engine: Engine, _ isSingle: Bool) throws {
        let base = try randomProblem(n: 40, blocks: 500, width: 3, samples: 25, seed: 51, active: 40)
        let design =
            isSingle
            ? Design(rows: 40, columns: 1500, elements: base.design.matrix.elements.map(Float.init)) : base.design
        let problem = try RegressionProblem(design: design, response: base.response, blocks: base.blocks)
        let largest = problem.largestLambda()
        for penalty in [
            try GroupLasso(lambda: 0.1 * largest), try ElasticNet(lambda: 0.2 * largest, ridge: 1),
            try MinimaxConcavePenalty(lambda: 0.3 * largest, gamma: 0.5),
        ] as [any BlockPenalty] {
            let stop = StopRule(maximumEpochs: 60)
            let one = engine.solver.solve(problem, penalty, stop: stop, parallelism: .serial)
            for threads in [2, 3] {
                let more = engine.solver.solve(
                    problem, penalty, stop: stop, parallelism: Parallelism(threads: threads))
                #expect(one.active == more.active && one.squaredResidual == more.squaredResidual)
                #expect(one.reason == more.reason)
                // Each thread has scratch memory of its own; nothing else may differ.
                var (first, second) = (one.certificate, more.certificate)
                (first.allocations, second.allocations) = (0, 0)
                #expect(first == second)
            }
        }
        #expect(
            problem.largestLambda(parallelism: Parallelism(threads: 3)) == largest)
    }
}
