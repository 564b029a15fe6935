import SparseRegression
import Testing

@Suite("Small λ over single precision")
struct SmallLambdaTests {
    /// The rounding of a single-precision product is far above λ here; no part of it may reach the dual bound.
    @Test("the gap that was asked for is reached and holds against the double design", arguments: [1, 5])
    func gap(_ samples: Int) throws {
        let base = try randomProblem(n: 60, blocks: 900, width: 1, samples: samples, seed: 5, correlation: 0.98)
        let rounded = base.design.matrix.elements.map(Float.init)
        let single = try RegressionProblem(
            design: Design(rows: 60, columns: 900, elements: rounded), response: base.response, blocks: base.blocks)
        let double = try RegressionProblem(
            design: single.design.matrix, response: base.response, blocks: base.blocks)
        let penalty = try GroupLasso(lambda: 2e-5 * double.largestLambda())
        let stop = StopRule(relativeGap: 1e-9)
        let low = AutomaticSolver().solve(single, penalty, stop: stop)
        let high = AutomaticSolver().solve(double, penalty, stop: stop)
        #expect(low.reason == .converged && high.reason == .converged)
        #expect(
            abs(low.certificate.objective - high.certificate.objective) <= 1e-9 * 0.5 * double.squaredResponseNorm)
    }
}
