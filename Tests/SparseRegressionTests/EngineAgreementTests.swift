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
            isRidged: number % 2 == 1 && one([true, false, true]), isOfEntries: isOfEntries,
            hasCopies: one([false, true]),
            seed: UInt64(number))
    }

    /// What is wrong with a solution, in words; nothing where all is well.
    static func complaints(
        _ solution: Solution, of own: ConvexCase, optimum: Double, isExact: Bool, label: String
    ) -> [String] {
        var list: [String] = []
        func check(_ holds: Bool, _ text: @autoclosure () -> String) {
            if !holds { list.append("\(label): \(text())") }
        }
        let b = own.dense(solution.active)
        let value = own.objective(b)
        let certificate = solution.certificate
        let distance = (value - optimum) / own.unit
        // The certificate speaks of the point that is returned, and its gap bounds the distance to the optimum.
        check(
            abs(certificate.objective - value) <= 1e-13 * max(own.unit, value),
            "objective \(certificate.objective) is \(value)")
        let squared = (own.response - own.problem.design.matrix * b).squaredNorm
        check(
            abs(solution.squaredResidual - squared) <= 1e-12 * own.unit,
            "squared residual \(solution.squaredResidual) is \(squared)")
        check(
            distance <= certificate.relativeGap + 1e-13, "gap \(certificate.relativeGap), but distance \(distance)")
        let violation = own.violation(b)
        check(
            abs(certificate.relativeViolation - violation) <= 1e-9 + 1e-6 * violation
                // Blocks at zero are judged by the residual off the span of unpenalized columns, which has converged first.
                || (own.weights?.contains(0) == true && abs(certificate.relativeViolation - violation) <= 1e-5),
            "violation \(certificate.relativeViolation) is \(violation)")
        if isExact || solution.reason != .limit {
            check(solution.reason == .converged, "\(solution.reason) at a gap of \(certificate.relativeGap)")
            check(abs(distance) <= 1e-10, "distance \(distance)")
        }
        return list
    }

    @Test("random problems: one optimum, certified, optimal by an independent check", arguments: 0..<40)
    func random(_ number: Int) throws {
        let own = try ConvexCase(Self.plan(number))
        var complaints: [String] = []
        // The optimum lies between what is reached and its bound, both from the definitions.
        let reference = try own.solve(AutomaticSolver(), stop: StopRule(relativeGap: 1e-11))
        let dense = own.dense(reference.active)
        let (optimum, bound) = (own.objective(dense), own.dualBound(dense))
        if !(optimum - bound <= 1e-10 * own.unit) {
            complaints.append(
                "independent gap \((optimum - bound) / own.unit), certified \(reference.certificate.relativeGap), \(reference.reason)"
            )
        }
        for engine in Engine.all {
            let stop = StopRule(relativeGap: 1e-11, maximumEpochs: engine.isExact ? 200_000 : 1_000)
            let solution = try own.solve(engine.solver, stop: stop)
            complaints += Self.complaints(
                solution, of: own, optimum: optimum, isExact: engine.isExact, label: engine.name)
        }
        #expect(complaints.isEmpty, "\(own)\n\(complaints.joined(separator: "\n"))")
    }
}
