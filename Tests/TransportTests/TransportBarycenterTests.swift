import Glibc
import LinearAlgebra
import Testing

@testable import Transport

private func members(_ sizes: [Int], places: Int, masses: [Double], seed: UInt64) -> [TransportBarycenter.Member] {
    var generator = SeededGenerator(seed: seed)
    let y = Matrix(rows: places, columns: 2) { _, _ in generator.uniform() }
    return zip(sizes, masses).map { size, sum in
        let x = Matrix(rows: size, columns: 2) { _, _ in generator.uniform() }
        let mass = (0..<size).map { _ in 0.1 + generator.uniform() }
        let total = mass.reduce(0, +)
        return TransportBarycenter.Member(
            mass: mass.map { $0 * sum / total }, costs: squaredDistances(x, y), weight: 0.5 + generator.uniform())
    }
}

/// The barycentre by the plain scaling iteration of Chizat et al. 2018, which shares nothing with the one tested.
private func scaled(
    _ members: [TransportBarycenter.Member], _ epsilon: Double, _ rho: Double, iterations: Int
) -> [Double] {
    let places = members[0].costs.columns
    let share = rho.isInfinite ? 1 : rho / (rho + epsilon)
    let total = members.reduce(0) { $0 + $1.weight }
    let spread = members.reduce(0) { sum, member in
        sum + member.weight
            * member.mass.indices.reduce(0) { sum, i in
                sum + member.mass[i] * (0..<places).reduce(0) { $0 + exp(-member.costs[i, $1] / epsilon) }
            }
    }
    let density = members.reduce(0) { $0 + $1.weight * $1.mass.reduce(0, +) } / spread
    var targets = members.map { _ in [Double](repeating: 1, count: places) }
    var barycenter = [Double](repeating: 1, count: places)
    for _ in 0..<iterations {
        var columns: [[Double]] = []
        for (member, target) in zip(members, targets) {
            let kernel = Matrix(rows: member.mass.count, columns: places) { i, j in
                member.mass[i] * density * exp(-member.costs[i, j] / epsilon)
            }
            let source = member.mass.indices.map { i -> Double in
                let sum = (0..<places).reduce(0) { $0 + kernel[i, $1] * target[$1] }
                return pow(member.mass[i] / sum, share)
            }
            columns.append((0..<places).map { j in (0..<source.count).reduce(0) { $0 + kernel[$1, j] * source[$1] } })
        }
        for j in 0..<places {
            let mean = zip(members, columns).reduce(0) { sum, pair in
                let value = pair.1[j]
                return sum + pair.0.weight / total * (share == 1 ? log(value) : pow(value, 1 - share))
            }
            barycenter[j] = share == 1 ? exp(mean) : pow(mean, 1 / (1 - share))
            for s in members.indices { targets[s][j] = pow(barycenter[j] / columns[s][j], share) }
        }
    }
    return barycenter
}

@Test(arguments: [
    (0.05, Double.infinity, [1.0, 1, 1]), (0.05, 0.3, [1.0, 1, 1]), (0.02, 0.1, [1.0, 2, 0.5]), (0.2, 2, [1.0, 3, 1]),
])
func barycenterIsThatOfPlainScaling(epsilon: Double, rho: Double, masses: [Double]) throws {
    let members = members([3, 8, 5], places: 40, masses: masses, seed: 21)
    let settings = TransportSettings(epsilon: epsilon, marginalPenalty: rho, tolerance: 1e-11)
    let answer = try TransportBarycenter(members, settings)
    #expect(answer.converged && answer.newtonSteps > 0)
    let expected = scaled(members, epsilon, rho, iterations: 2000)
    for (value, expected) in zip(answer.mass, expected) { #expect(abs(value - expected) < 1e-8) }
    var plain = settings
    plain.usesNewton = false
    let sinkhorn = try TransportBarycenter(members, plain)
    for (value, other) in zip(answer.mass, sinkhorn.mass) { #expect(abs(value - other) < 1e-9) }
    #expect(answer.sweeps < sinkhorn.sweeps)
}

@Test
func barycenterOfTwoPlacesLiesBetweenThem() throws {
    // On a line, sources at ±10: a Gaussian about the weighted mean, of variance ε/2.
    let line = Matrix(rows: 81, columns: 1) { i, _ in Double(i - 40) }
    func member(_ place: Double, _ weight: Double) -> TransportBarycenter.Member {
        TransportBarycenter.Member(
            mass: [1], costs: squaredDistances(Matrix(rows: 1, columns: 1, repeating: place), line), weight: weight)
    }
    let answer = try TransportBarycenter([member(-10, 1), member(10, 3)], TransportSettings(epsilon: 25))
    let expected = (0..<81).map { exp(-pow(Double($0 - 40) - 5, 2) / 25) }
    let sum = expected.reduce(0, +)
    for (value, expected) in zip(answer.mass, expected) { #expect(abs(value - expected / sum) < 1e-12) }
    #expect(answer.transported.allSatisfy { abs($0 - 1) < 1e-9 })
}

@Test
func whatFewMembersHaveFades() throws {
    // Of four members at 0 one has half its mass at 100, far beyond the reach of 20. Apart from transport and blur the mean is
    // the square of the mean root (that of Hellinger's distance).
    let line = Matrix(rows: 181, columns: 1) { i, _ in Double(i - 40) }
    func member(_ places: [Double]) -> TransportBarycenter.Member {
        TransportBarycenter.Member(
            mass: places.map { _ in 1 / Double(places.count) },
            costs: squaredDistances(Matrix(rows: places.count, columns: 1) { i, _ in places[i] }, line))
    }
    let settings = TransportSettings(blur: 3, reach: 20)
    let alike = try TransportBarycenter([member([0]), member([0])], settings)
    #expect(abs(alike.mass.reduce(0, +) - 1) < 1e-9)
    #expect(alike.transported.allSatisfy { abs($0 - 1) < 1e-9 })
    let answer = try TransportBarycenter([member([0]), member([0]), member([0]), member([0, 100])], settings)
    #expect(answer.converged)
    let (near, far) = (answer.mass[0..<80].reduce(0, +), answer.mass[100...].reduce(0, +))
    #expect(abs(near - pow(0.75 + 0.25 * 0.5.squareRoot(), 2)) < 0.01)
    #expect(abs(far - pow(0.25 * 0.5.squareRoot(), 2)) < 0.01)
}

@Test
func barycenterIsTheSameOnAnyNumberOfThreads() throws {
    let members = members([40, 50], places: 700, masses: [1, 1], seed: 5)
    func solve(_ threads: Int) throws -> TransportBarycenter {
        try TransportBarycenter(
            members,
            TransportSettings(epsilon: 0.01, marginalPenalty: 0.2, parallelism: Parallelism(threads: threads)))
    }
    #expect(try solve(1) == solve(4))
}

@Test
func senselessMembersAreRefused() {
    let good = TransportBarycenter.Member(mass: [1], costs: Matrix(rows: 1, columns: 3))
    for (members, text) in [
        ([], "no members"), ([.init(mass: [1], costs: Matrix(rows: 1, columns: 0))], "no places"),
        ([good, .init(mass: [0], costs: Matrix(rows: 1, columns: 3))], "member 1: no mass"),
        ([good, .init(mass: [1], costs: Matrix(rows: 2, columns: 3))], "expected 1 × 3"),
        ([good, .init(mass: [1], costs: Matrix(rows: 1, columns: 3), weight: 0)], "weight"),
        ([good, .init(mass: [2], costs: Matrix(rows: 1, columns: 3))], "masses 1.0 and 2.0"),
        ([good, .init(mass: [1], costs: Matrix(rows: 1, columns: 3, repeating: .nan))], "cost"),
    ] as [([TransportBarycenter.Member], String)] {
        let error = #expect(throws: TransportProblem.Invalid.self) {
            try TransportBarycenter(members, TransportSettings(epsilon: 1))
        }
        #expect(error?.description.contains(text) == true, "\(String(describing: error))")
    }
}
