import CAllocationCount
import Testing

@testable import SparseRegression

@Suite("Heap allocations")
struct AllocationTests {
    /// Allocations of this thread while `body` runs.
    static func count(_ body: () -> Void) -> Int {
        allocation_count_begin()
        body()
        return allocation_count_end()
    }

    @Test("the counter counts")
    func counter() {
        #expect(Self.count {} == 0)
        var list: [Double] = []
        #expect(Self.count { list.append(1) } == 1)
        #expect(list.count == 1)
    }

    @Test(
        "a sweep and a round, extrapolation and Newton step included, allocate nothing after the first",
        arguments: AndersonDescent.Order.allCases, [SupportDescent.Form.gram, .residual])
    func rounds(_ order: AndersonDescent.Order, _ form: SupportDescent.Form) throws {
        for width in [1, 3] {
            for samples in [1, 4, 60] {
                try check(order, form, width: width, samples: samples)
            }
        }
    }

    private func check(
        _ order: AndersonDescent.Order, _ form: SupportDescent.Form, width: Int, samples: Int
    ) throws {
        let problem = try randomProblem(
            n: 60, blocks: 100, width: width, samples: samples, seed: 3, correlation: 0.9, active: 10)
        let largest = problem.largestLambda()
        let allocations = AllocationCount()
        let correlations = Correlations(
            design: problem.design, blocks: problem.blocks, samples: problem.response.columns, parallelism: .serial,
            allocations: allocations)
        let context = WorkingSetContext(
            problem: problem, norms: correlations.norms, parallelism: .serial, allocations: allocations)
        context.working.insert(Array(0..<100))
        context.iterate.rebuild(adding: Array(0..<100), working: context.working)
        var settings = AndersonDescent()
        settings.order = order
        let descent = SupportDescent(
            problem: { problem }, iterate: context.iterate, settings: settings, parallelism: .serial,
            allocations: allocations)
        let penalties: [any BlockPenalty] = [
            try GroupLasso(lambda: 0.1 * largest), try ElasticNet(lambda: 0.1 * largest, ridge: 1),
            try MinimaxConcavePenalty(lambda: 0.1 * largest, gamma: 3),
        ]
        var steps = 0
        func run(_ penalty: some BlockPenalty) {
            descent.prepare(form, working: context.working, norms: correlations.norms)
            _ = descent.round(penalty) { _ in }
            #expect(Self.count { _ = descent.sweep(penalty) } == 0)
            for _ in 0..<20 {
                #expect(Self.count { steps += descent.round(penalty) { _ in }.newton ? 1 : 0 } == 0)
            }
        }
        for penalty in penalties { run(penalty) }
        #expect(steps > 0, "no Newton step was measured")
    }

    @Test("dual Newton steps for one multiplier allocate nothing after the first", arguments: [1, 3], [1, 6])
    func dualNewton(_ width: Int, _ samples: Int) throws {
        let problem = try randomProblem(
            n: 40, blocks: 80, width: width, samples: samples, seed: 4, correlation: 0.9, active: 10)
        let allocations = AllocationCount()
        let correlations = Correlations(
            design: problem.design, blocks: problem.blocks, samples: problem.response.columns, parallelism: .serial,
            allocations: allocations)
        let context = WorkingSetContext(
            problem: problem, norms: correlations.norms, parallelism: .serial, allocations: allocations)
        context.working.insert(Array(0..<80))
        let engine = DualNewtonEngine(context, settings: DualNewton())
        let penalty = try GroupLasso(lambda: 0.1 * problem.largestLambda())
        let limit = InnerLimit(epochs: 3) { false }
        _ = engine.descend(penalty, from: InnerStart(distance: .infinity, violators: []), target: 1e-9, limit: limit)
        engine.prepare()
        var steps = 0
        for strength in [1e-3, 1e-2, 1e-1, 1, 10] {
            let allocated = Self.count {
                steps += engine.minimize(penalty, strength, tolerance: 1e-12, limit).steps
            }
            #expect(allocated == 0)
        }
        #expect(steps > 2, "no Newton step was measured")
    }
}
