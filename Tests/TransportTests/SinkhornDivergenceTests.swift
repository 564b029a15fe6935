import Glibc
import LinearAlgebra
import Testing

@testable import Transport

@Test(arguments: [0.0, 1, 5, 20, 200])
func divergenceOfTwoPlacesIsThatOfTheReach(distance: Double) throws {
    let settings = TransportSettings(blur: 4, reach: 30, tolerance: 1e-13)
    let problem = try TransportProblem(
        source: [1], target: [1],
        cost: .squaredDistance(Matrix(rows: 1, columns: 1), Matrix(rows: 1, columns: 1, repeating: distance)))
    let value = try SinkhornDivergence(problem, settings).value
    #expect(abs(value - 900 * (1 - exp(-distance * distance / 900))) < 1e-9)
}

@Test(arguments: [(Double.infinity, 1.0), (0.3, 1.0), (0.3, 2.5)])
func divergenceIsZeroForEqualsPositiveElseAndSymmetric(penalty: Double, mass: Double) throws {
    let measures = try Measures(60, 50, seed: 12, masses: (1, mass))
    let settings = TransportSettings(epsilon: 0.05, marginalPenalty: penalty)
    guard case .squaredDistance(let x, let y) = measures.problem.cost else { return }
    let (a, b) = (measures.problem.source, measures.problem.target)
    let same = try SinkhornDivergence(
        TransportProblem(source: a, target: a, cost: .squaredDistance(x, x)), settings)
    #expect(abs(same.value) < 1e-12)
    let (there, back) = (
        try SinkhornDivergence(measures.problem, settings),
        try SinkhornDivergence(TransportProblem(source: b, target: a, cost: .squaredDistance(y, x)), settings)
    )
    #expect(there.converged && there.marginalError <= 1e-9)
    #expect(there.value > 0.01)
    #expect(abs(there.value - back.value) < 1e-12)
}

@Test(arguments: [Double.infinity, 0.3])
func gradientIsThatOfFiniteDifferences(penalty: Double) throws {
    let measures = try Measures(7, 9, seed: 13, masses: (1, penalty.isInfinite ? 1 : 2))
    let settings = TransportSettings(epsilon: 0.1, marginalPenalty: penalty, tolerance: 1e-13)
    func value(_ source: [Double]) throws -> Double {
        try SinkhornDivergence(
            TransportProblem(source: source, target: measures.problem.target, cost: measures.problem.cost), settings
        ).value
    }
    let gradient = try SinkhornDivergence(measures.problem, settings).sourceGradient
    // Mass goes from the last place to another where the sum must stay.
    let (last, step) = (6, 1e-4)
    for i in 0..<last {
        var (more, less) = (measures.problem.source, measures.problem.source)
        more[i] += step
        less[i] -= step
        if penalty.isInfinite {
            more[last] -= step
            less[last] += step
        }
        let difference = (try value(more) - value(less)) / (2 * step)
        let expected = gradient[i] - (penalty.isInfinite ? gradient[last] : 0)
        #expect(abs(difference - expected) < 1e-6)
    }
}

@Test
func divergenceTakesSymmetricCostsOnCommonPlacesOnly() throws {
    var generator = SeededGenerator(seed: 3)
    let x = generator.normal(rows: 15, columns: 2)
    let (a, b) = ((0..<15).map { _ in generator.uniform() }, (0..<15).map { _ in generator.uniform() })
    let settings = TransportSettings(epsilon: 0.3, marginalPenalty: 1)
    let places = try SinkhornDivergence(
        TransportProblem(source: a, target: b, cost: .squaredDistance(x, x)), settings)
    let matrix = try SinkhornDivergence(
        TransportProblem(source: a, target: b, cost: .matrix(squaredDistances(x, x))), settings)
    #expect(abs(places.value - matrix.value) < 1e-11)
    #expect(throws: TransportProblem.Invalid.self) {
        try SinkhornDivergence(
            TransportProblem(source: a, target: b, cost: .matrix(Matrix(rows: 15, columns: 15) { i, _ in Double(i) })),
            settings)
    }
}
