import Foundation
import SparseRegression
import Testing

@Suite("Engines agree")
struct EngineAgreementTests {
    /// Plans drawn at random from every combination of what can differ; the seed is the number of the plan.
    static func plan(_ number: Int) -> ConvexCase.Plan {
        var random = SeededGenerator(seed: UInt64(1000 + number))
        func one<T>(_ list: [T]) -> T { list[Int(random.next() % UInt64(list.count))] }
        let isOfEntries = number % 4 == 3
        let rows = one([1, 5, 12, 30])
        let count = one([1, 4, 25, 60])
        let width = one([1, 3, 0])
        return ConvexCase.Plan(
            rows: rows, sizes: (0..<count).map { width > 0 ? width : 1 + $0 % 3 },
            samples: isOfEntries ? one([1, 2, 6]) : one([1, 2, 7, 40, 300]), correlation: one([0, 0.5, 0.999]),
            weighting: one(ConvexCase.Weighting.allCases), ratio: one([1, 0.999, 0.5, 0.1, 0.02, 1e-4]),
            isRidged: number % 2 == 1 && one([true, false, true]), isOfEntries: isOfEntries, hasCopies: one([false, true]),
            seed: UInt64(number))
    }

    @Test("random problems: one optimum, certified, optimal by an independent check", arguments: 0..<150)
    func random(_ number: Int) throws {
        let own = try ConvexCase(Self.plan(number))
        let reference = try own.solve(AutomaticSolver(), stop: StopRule(relativeGap: 1e-12))
        let dense = own.dense(reference.active)
        #expect(reference.reason == .converged, "\(own)")
        #expect(own.objective(dense) - own.dualBound(dense) <= 1e-10 * own.unit, "\(own)")
        #expect(own.violation(dense) <= 1e-5, "\(own)")
        // The optimum lies between these two.
        let high = own.objective(dense)
        let low = high - 1e-12 * own.unit
        for engine in Engine.all {
            let stop = StopRule(relativeGap: 1e-11, maximumEpochs: engine.isExact ? 200_000 : 3_000)
            let solution = try own.solve(engine.solver, stop: stop)
            let b = own.dense(solution.active)
            let value = own.objective(b)
            let label = "\(engine.name): \(own)"
            // The certificate speaks of the point that is returned, and its gap bounds the distance to the optimum.
            let certificate = solution.certificate
            #expect(abs(certificate.objective - value) <= 1e-13 * max(own.unit, value), "\(label)")
            #expect(
                abs(solution.squaredResidual - (own.response - own.problem.design.matrix * b).squaredNorm) <= 1e-12
                    * own.unit, "\(label)")
            #expect((value - high) / own.unit <= certificate.relativeGap + 1e-14, "\(label)")
            #expect(value >= low - 1e-14 * own.unit, "\(label)")
            #expect(
                abs(certificate.relativeViolation - own.violation(b)) <= 1e-10 + 1e-6 * own.violation(b), "\(label)")
            if engine.isExact {
                #expect(solution.reason == .converged, "\(label): gap \(certificate.relativeGap)")
                #expect(abs(value - high) <= 1e-10 * own.unit, "\(label)")
            } else if solution.reason != .limit {
                #expect(solution.reason == .converged, "\(label): gap \(certificate.relativeGap)")
            }
        }
    }
}
