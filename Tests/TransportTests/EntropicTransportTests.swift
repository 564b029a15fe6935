import Glibc
import LinearAlgebra
import Testing

@testable import Transport

private struct Case: CustomTestStringConvertible, Sendable {
    let n: Int
    let m: Int
    /// Over the largest cost, about 4.
    let epsilon: Double
    let penalty: Double
    var masses = (1.0, 1.0)

    var testDescription: String { "\(n) × \(m), ε \(epsilon), ρ \(penalty), masses \(masses)" }

    static let all = [
        Case(n: 1, m: 1, epsilon: 0.1, penalty: .infinity), Case(n: 1, m: 9, epsilon: 0.1, penalty: .infinity),
        Case(n: 30, m: 40, epsilon: 0.5, penalty: .infinity), Case(n: 30, m: 40, epsilon: 0.01, penalty: .infinity),
        Case(n: 30, m: 40, epsilon: 0.0005, penalty: .infinity),
        Case(n: 30, m: 40, epsilon: 0.5, penalty: 0.3, masses: (2, 0.5)),
        Case(n: 30, m: 40, epsilon: 0.01, penalty: 0.3, masses: (1, 3)),
        Case(n: 30, m: 40, epsilon: 0.0005, penalty: 0.1, masses: (1, 1)),
        Case(n: 300, m: 260, epsilon: 0.002, penalty: .infinity),
        Case(n: 300, m: 260, epsilon: 0.002, penalty: 1, masses: (7, 5)),
        Case(n: 1100, m: 1000, epsilon: 0.01, penalty: .infinity),
    ]
}

@Test(arguments: Case.all)
private func dualMeetsPrimalAndMarginalsAreRight(_ item: Case) throws {
    let measures = try Measures(item.n, item.m, seed: 3, masses: item.masses)
    let (problem, costs) = (measures.problem, measures.costs)
    let settings = TransportSettings(
        epsilon: item.epsilon, marginalPenalty: item.penalty, parallelism: Parallelism(threads: 2))
    let answer = try EntropicTransport(problem, settings)
    #expect(answer.converged)
    // All from the dense plan and the definition: the kernel that leaves tiles out has no part in it.
    let plan = answer.plan(of: problem, epsilon: item.epsilon)
    let relaxation = 1 / item.penalty
    let error =
        zip(zip(rowSums(plan), problem.source), answer.sourcePotential).reduce(0) {
            $0 + abs($1.0.0 - $1.0.1 * exp(-$1.1 * relaxation))
        }
        + zip(zip(columnSums(plan), problem.target), answer.targetPotential).reduce(0) {
            $0 + abs($1.0.0 - $1.0.1 * exp(-$1.1 * relaxation))
        }
    #expect(error <= 1.01e-9 * item.masses.0 + 1e-12)
    #expect(abs(objective(plan, problem, costs, settings) - answer.value) < 1e-8 * (1 + abs(answer.value)))
    for (sum, marginal) in zip(rowSums(plan), answer.sourceMarginal) { #expect(abs(sum - marginal) < 1e-9) }
}

@Test
func noOtherPlanIsBetter() throws {
    let measures = try Measures(6, 8, seed: 5, masses: (1, 2))
    let settings = TransportSettings(epsilon: 0.05, marginalPenalty: 0.4)
    let answer = try EntropicTransport(measures.problem, settings)
    let plan = answer.plan(of: measures.problem, epsilon: 0.05)
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<200 {
        var other = plan
        for k in other.elements.indices { other.elements[k] *= exp(0.2 * generator.normal()) }
        #expect(objective(other, measures.problem, measures.costs, settings) > answer.value)
    }
}

@Test(arguments: [(.infinity, 1.0, 1.0), (0.5, 1.0, 2.0)])
func newtonAndSinkhornEndAtOnePlace(penalty: Double, a: Double, b: Double) throws {
    let measures = try Measures(50, 60, seed: 9, masses: (a, b))
    var settings = TransportSettings(epsilon: 0.02, marginalPenalty: penalty, tolerance: 1e-12)
    let newton = try EntropicTransport(measures.problem, settings)
    settings.usesNewton = false
    let sinkhorn = try EntropicTransport(measures.problem, settings)
    #expect(newton.converged && sinkhorn.converged)
    #expect(newton.newtonSteps > 0 && sinkhorn.newtonSteps == 0)
    #expect(2 * newton.sweeps < sinkhorn.sweeps)
    #expect(abs(newton.value - sinkhorn.value) < 1e-12)
    for (p, q) in zip(newton.sourceMarginal, sinkhorn.sourceMarginal) { #expect(abs(p - q) < 1e-12) }
}

@Test(arguments: [0.05, 0.005])
func valueNearsExactTransportAsBlurFalls(epsilon: Double) throws {
    let measures = try Measures(25, 30, seed: 11)
    let exact = try ExactTransport(measures.problem).cost
    let answer = try EntropicTransport(measures.problem, TransportSettings(epsilon: epsilon))
    let plan = answer.plan(of: measures.problem, epsilon: epsilon)
    let cost = zip(plan.elements, measures.costs.elements).reduce(0) { $0 + $1.0 * $1.1 }
    // The entropy of a plan relative to the product is between 0 and log 25.
    #expect(cost >= exact - 1e-9 && cost <= exact + epsilon * log(25))
    #expect(answer.value >= exact && answer.value <= exact + epsilon * log(25))
}

@Test
func penaltyGoesFromNoTransportToAll() throws {
    let measures = try Measures(20, 20, seed: 2)
    func solve(_ penalty: Double) throws -> EntropicTransport {
        try EntropicTransport(measures.problem, TransportSettings(epsilon: 0.02, marginalPenalty: penalty))
    }
    let balanced = try solve(.infinity)
    // The objective grows with ρ to that of balanced transport, as 1/ρ.
    let (far, farther) = (try solve(1e3), try solve(1e4))
    #expect(far.value < farther.value && farther.value < balanced.value)
    #expect(abs((balanced.value - far.value) / (balanced.value - farther.value) - 10) < 0.1)
    // Without any penalty the plan is the product times exp(−C/ε).
    let none = try solve(1e-9)
    let product = Matrix(rows: 20, columns: 20) { i, j in
        measures.problem.source[i] * measures.problem.target[j] * exp(-measures.costs[i, j] / 0.02)
    }
    for (p, q) in zip(none.sourceMarginal, rowSums(product)) { #expect(abs(p - q) < 1e-6) }
}

@Test
func massOfTwoPlacesIsThatOfTheFormula() throws {
    let (m1, m2, epsilon, rho, d2) = (2.0, 0.3, 0.1, 0.7, 0.25)
    let answer = try EntropicTransport(
        TransportProblem(source: [m1], target: [m2], cost: .matrix(Matrix(rows: 1, columns: 1, repeating: d2))),
        TransportSettings(epsilon: epsilon, marginalPenalty: rho, tolerance: 1e-13))
    let mass = exp(((epsilon + rho) * (log(m1) + log(m2)) - d2) / (epsilon + 2 * rho))
    #expect(abs(answer.sourceMarginal[0] - mass) < 1e-12)
}

@Test
func answersDoNotDependOnThreadsNorOnHowCostsAreGiven() throws {
    let measures = try Measures(400, 380, seed: 4)
    func solve(_ cost: TransportCost, _ threads: Int) throws -> EntropicTransport {
        try EntropicTransport(
            TransportProblem(source: measures.problem.source, target: measures.problem.target, cost: cost),
            TransportSettings(epsilon: 0.003, tolerance: 1e-11, parallelism: Parallelism(threads: threads)))
    }
    let (one, three) = (try solve(measures.problem.cost, 1), try solve(measures.problem.cost, 3))
    #expect(one == three)
    let matrix = try solve(.matrix(measures.costs), 2)
    #expect(matrix.converged)
    #expect(abs(matrix.value - one.value) < 1e-11)
    // Potentials are known up to a constant.
    let shift = matrix.sourcePotential[0] - one.sourcePotential[0]
    for (p, q) in zip(matrix.sourcePotential, one.sourcePotential) { #expect(abs(p - q - shift) < 1e-8) }
}

@Test
func emptyPlacesChangeNothingButHavePotentials() throws {
    let measures = try Measures(12, 14, seed: 6, masses: (1, 2))
    var (a, b) = (measures.problem.source, measures.problem.target)
    a[3] = 0
    b[0] = 0
    let settings = TransportSettings(epsilon: 0.05, marginalPenalty: 0.5, tolerance: 1e-12)
    func solve(_ a: [Double], _ b: [Double]) throws -> EntropicTransport {
        try EntropicTransport(
            TransportProblem(source: a, target: b, cost: measures.problem.cost), settings)
    }
    let answer = try solve(a, b)
    #expect(answer.sourceMarginal[3] == 0 && answer.targetMarginal[0] == 0)
    // A mass too small to matter has the same potential.
    var (aNear, bNear) = (a, b)
    (aNear[3], bNear[0]) = (1e-13, 1e-13)
    let near = try solve(aNear, bNear)
    #expect(abs(answer.sourcePotential[3] - near.sourcePotential[3]) < 1e-9)
    #expect(abs(answer.targetPotential[0] - near.targetPotential[0]) < 1e-9)
}

@Test
func exponentialsAreThoseOfTheLibrary() {
    var generator = SeededGenerator(seed: 1)
    var values = (0..<1001).map { _ in 1400 * generator.uniform() - 700 } + [0, -1e-300, 1e-9, -800, 900]
    let expected = values.map { exp(min(700, max(-700, $0))) }
    values.withUnsafeMutableBufferPointer { Exponential.replace($0.baseAddress!, $0.count) }
    for (value, expected) in zip(values, expected) { #expect(abs(value - expected) <= 4e-16 * expected) }
}

@Test
func senselessProblemsAndSettingsAreRefused() throws {
    let one = Matrix(rows: 1, columns: 1)
    func expectInvalid(_ source: [Double], _ target: [Double], _ cost: TransportCost, _ text: String) {
        let error = #expect(throws: TransportProblem.Invalid.self) {
            try TransportProblem(source: source, target: target, cost: cost)
        }
        #expect(error?.description.contains(text) == true, "\(String(describing: error))")
    }
    expectInvalid([1, -1], [1], .matrix(Matrix(rows: 2, columns: 1)), "negative")
    expectInvalid([.nan], [1], .matrix(one), "NaN")
    expectInvalid([0], [1], .matrix(one), "no mass")
    expectInvalid([], [1], .matrix(Matrix(rows: 0, columns: 1)), "no mass")
    expectInvalid([1], [.greatestFiniteMagnitude, .greatestFiniteMagnitude], .matrix(one), "no mass")
    expectInvalid([1], [1], .matrix(Matrix(rows: 2, columns: 1)), "expected 1 × 1")
    expectInvalid([1], [1], .matrix(Matrix(rows: 1, columns: 1, repeating: -1)), "negative")
    expectInvalid([1], [1], .squaredDistance(one, Matrix(rows: 1, columns: 2)), "same columns")
    expectInvalid([1], [1], .squaredDistance(one, Matrix(rows: 1, columns: 1, repeating: .infinity)), "infinite")
    expectInvalid([1], [1], .squaredDistance(one, Matrix(rows: 1, columns: 1, repeating: 1e200)), "far apart")
    let problem = try TransportProblem(source: [1], target: [2], cost: .matrix(one))
    for (settings, text) in [
        (TransportSettings(epsilon: 0), "epsilon"), (TransportSettings(epsilon: .nan), "epsilon"),
        (TransportSettings(epsilon: 1, marginalPenalty: 0), "penalty"),
        (TransportSettings(epsilon: 1, tolerance: 0), "tolerance"),
        (TransportSettings(epsilon: 1, maximumSweeps: 0), "sweeps"),
        (TransportSettings(epsilon: 1), "masses 1.0 and 2.0"),
    ] {
        let error = #expect(throws: TransportProblem.Invalid.self) { try EntropicTransport(problem, settings) }
        #expect(error?.description.contains(text) == true, "\(String(describing: error))")
    }
}

@Test
func whatCannotBeReachedIsSaidSo() throws {
    let measures = try Measures(40, 40, seed: 8)
    let answer = try EntropicTransport(
        measures.problem, TransportSettings(epsilon: 0.001, maximumSweeps: 5, usesNewton: false))
    #expect(!answer.converged && answer.marginalError > 1e-9)
}
