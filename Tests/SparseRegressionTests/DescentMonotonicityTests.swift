import Testing

@testable import SparseRegression

@Suite("Descent never rises")
struct DescentMonotonicityTests {
    /// A case whose working set holds every block, with what descends on it.
    struct Inner {
        let own: ConvexCase
        let context: WorkingSetContext
        let norms: [Double]

        init(_ own: ConvexCase) {
            self.own = own
            let allocations = AllocationCount()
            let problem = own.problem
            norms =
                Correlations(
                    design: problem.design, blocks: problem.blocks, samples: problem.response.columns,
                    parallelism: .serial, allocations: allocations
                ).norms
            context = WorkingSetContext(
                problem: problem, norms: norms, parallelism: .serial, allocations: allocations)
            let all = Array(0..<problem.blocks.count)
            context.working.insert(all)
            context.iterate.rebuild(adding: all, working: context.working)
        }

        var objective: Double { own.objective(own.dense(context.iterate.activeSet)) }

        func descent(_ settings: AndersonDescent) -> SupportDescent {
            let problem = own.problem
            return SupportDescent(
                problem: { problem }, iterate: context.iterate, settings: settings, parallelism: .serial,
                allocations: AllocationCount())
        }
    }

    static func plan(_ number: Int) -> ConvexCase.Plan {
        var random = SeededGenerator(seed: UInt64(900 + number))
        func one<T>(_ list: [T]) -> T { list[Int(random.next() % UInt64(list.count))] }
        let width = one([1, 2, 3])
        return ConvexCase.Plan(
            rows: one([6, 15, 30]), sizes: (0..<one([10, 40])).map { _ in width }, samples: one([1, 4]),
            correlation: one([0, 0.9, 0.999]), weighting: one([.none, .random]), ratio: one([0.5, 0.1, 0.01]),
            isRidged: one([false, true]), hasCopies: one([false, true]), seed: UInt64(number))
    }

    @Test(
        "neither sweeps nor extrapolations nor Newton steps raise the objective", arguments: 0..<30,
        AndersonDescent.Order.allCases)
    func rounds(_ number: Int, _ order: AndersonDescent.Order) throws {
        for form in [SupportDescent.Form.gram, .residual] {
            for usesNewton in [false, true] {
                let inner = Inner(try ConvexCase(Self.plan(number)))
                var settings = AndersonDescent()
                settings.order = order
                settings.usesNewton = usesNewton
                let descent = inner.descent(settings)
                var last = inner.objective
                func follow(_ penalty: some BlockPenalty) {
                    for round in 0..<25 {
                        descent.prepare(form, working: inner.context.working, norms: inner.norms)
                        if round % 3 == 0 { _ = descent.sweep(penalty) } else { _ = descent.round(penalty) { _ in } }
                        let value = inner.objective
                        #expect(value <= last + 1e-14 * inner.own.unit, "\(inner.own), \(form), round \(round)")
                        last = value
                    }
                }
                let penalty = try inner.own.penalty()
                follow(penalty)
            }
        }
    }

    @Test("Anderson on is never worse than off by more than one window of sweeps", arguments: 0..<60)
    func window(_ number: Int) throws {
        let own = try ConvexCase(Self.plan(number))
        /// Sweeps until the objective is within a part of the optimum; up to a limit.
        let optimum = try own.solve(AutomaticSolver(), stop: StopRule(relativeGap: 1e-12)).certificate.objective
        func sweeps(_ extrapolates: Bool, within part: Double) throws -> Int {
            let inner = Inner(own)
            var settings = AndersonDescent()
            settings.usesNewton = false
            settings.extrapolates = extrapolates
            let descent = inner.descent(settings)
            var count = 0
            func run(_ penalty: some BlockPenalty) {
                while count < 3000, inner.objective - optimum > part * own.unit {
                    descent.prepare(.residual, working: inner.context.working, norms: inner.norms)
                    count += descent.round(penalty) { _ in }.epochs
                }
            }
            let penalty = try own.penalty()
            run(penalty)
            return count
        }
        for part in [1e-3, 1e-6, 1e-9] {
            let (on, off) = (try sweeps(true, within: part), try sweeps(false, within: part))
            #expect(on <= off + 5, "\(own) to \(part): \(on) sweeps with, \(off) without")
        }
    }

    @Test("ψ falls with every Newton step of the dual engine", arguments: 0..<30)
    func dual(_ number: Int) throws {
        let inner = Inner(try ConvexCase(Self.plan(number)))
        var settings = DualNewton()
        settings.maximumSteps = 1
        let engine = DualNewtonEngine(inner.context, settings: settings)
        func run(_ penalty: some BlockPenalty) {
            for strength in [0.01, 1, 100] {
                engine.prepare()
                var last = engine.objective(penalty, strength)
                for _ in 0..<20 {
                    _ = engine.minimize(penalty, strength, tolerance: 0, InnerLimit(epochs: 1) { false })
                    let value = engine.objective(penalty, strength)
                    // ψ is rounded as its terms are, which cancel: ½‖Ξ‖², ⟨Y, Ξ⟩, and ‖W_j‖²/2s of every block.
                    let size = inner.context.problem.response.elements.count
                    let xi = engine.dual.pointer
                    let terms =
                        0.5 * BLAS.dot(size, xi, xi) + abs(inner.context.fitted(xi))
                        + engine.norms.reduce(0) { $0 + $1 * $1 } / (2 * strength)
                    #expect(value <= last + 1e-13 * max(inner.own.unit, terms))
                    last = value
                }
            }
        }
        let penalty = try inner.own.penalty()
        run(penalty)
    }
}
