import Testing

@testable import SparseRegression

@Suite("Designs in single precision")
struct SinglePrecisionTests {
    private func pair(_ width: Int, samples: Int) throws -> (single: RegressionProblem, double: RegressionProblem) {
        let base = try randomProblem(n: 20, blocks: 70, width: width, samples: samples, seed: 8, correlation: 0.9)
        let rounded = base.design.matrix.elements.map(Float.init)
        let single = Design(rows: 20, columns: base.design.columns, elements: rounded)
        #expect(single.isSinglePrecision && single.matrix.elements == rounded.map(Double.init))
        return (
            try RegressionProblem(design: single, response: base.response, blocks: base.blocks),
            try RegressionProblem(design: single.matrix, response: base.response, blocks: base.blocks)
        )
    }

    @Test("the optimum is that of the rounded numbers in double precision", arguments: Engine.main, [1, 3])
    func optimum(_ engine: Engine, _ width: Int) throws {
        for samples in [1, 6] {
            let (single, double) = try pair(width, samples: samples)
            #expect(abs(single.largestLambda() - double.largestLambda()) <= 1e-14 * double.largestLambda())
            for ratio in [0.5, 0.05] {
                let penalty = try GroupLasso(lambda: ratio * double.largestLambda())
                let stop = StopRule(relativeGap: 1e-12)
                let (a, b) = (
                    engine.solver.solve(single, penalty, stop: stop), engine.solver.solve(double, penalty, stop: stop)
                )
                #expect(a.reason == .converged && a.active.blocks == b.active.blocks)
                #expect(
                    abs(a.certificate.objective - b.certificate.objective) <= 1e-12 * 0.5 * double.squaredResponseNorm)
            }
        }
    }

    @Test("some of its rows are the same rows, in the same precision", arguments: [1, 3])
    func rows(_ width: Int) throws {
        for samples in [1, 30] {
            let (single, double) = try pair(width, samples: samples)
            let kept = [0, 3, 4, 11, 19]
            let (a, b) = (try single.restricted(toRows: kept), try double.restricted(toRows: kept))
            #expect(a.design.isSinglePrecision && a.design.matrix == b.design.matrix)
            #expect(a.design.matrix == double.design.matrix.rows(kept))
            let difference = a.unreducedResponse - double.unreducedResponse.rows(kept)
            #expect(difference.squaredNorm <= 1e-24 * double.squaredResponseNorm)
            #expect(a.blocks == single.blocks && a.rowCount == 5 && a.sampleCount == double.sampleCount)
            #expect(throws: RegressionProblem.Invalid.empty) { try single.restricted(toRows: []) }
        }
    }

    @Test("what a session holds grows with the working set, not with the design")
    func memory() throws {
        var random = SeededGenerator(seed: 1)
        let (n, q) = (50, 40_000)
        let elements = (0..<n * q).map { _ in Float(random.normal()) }
        let problem = try RegressionProblem(
            design: Design(rows: n, columns: q, elements: elements), response: random.normal(rows: n, columns: 4),
            blocks: BlockStructure(count: q, size: 1))
        let allocations = AllocationCount()
        let correlations = Correlations(
            design: problem.design, blocks: problem.blocks, samples: 4, parallelism: .serial, allocations: allocations)
        let context = WorkingSetContext(
            problem: problem, norms: correlations.norms, parallelism: .serial, allocations: allocations)
        context.working.insert(Array(0..<100))
        context.working.formGram()
        // Scratch of one worker, the residual, the working set and its Gram matrix, in doubles.
        #expect(allocations.capacity < 400 * (n + 4 + 1) + 1000 * (n + 4) + 100 * 100 + 64)
        #expect(allocations.capacity < n * q / 20)
    }
}
