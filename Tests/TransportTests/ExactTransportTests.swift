import LinearAlgebra
import Testing

@testable import Transport

/// The least cost of pairing as many sources as targets, by trying all ways.
private func leastPairing(_ costs: Matrix) -> Double {
    func least(_ row: Int, _ left: [Int]) -> Double {
        left.isEmpty
            ? 0
            : left.indices.reduce(.infinity) { best, k in
                var others = left
                others.remove(at: k)
                return min(best, costs[row, left[k]] + least(row + 1, others))
            }
    }
    return least(0, Array(0..<costs.columns))
}

@Test(arguments: 0..<20 as Range<UInt64>)
func exactTransportIsTheBestOfAllWays(seed: UInt64) throws {
    // Whole masses are as many atoms of mass one; among plans between atoms a pairing is best (Birkhoff).
    var generator = SeededGenerator(seed: seed)
    func masses(_ places: Int) -> [Double] {
        var masses = [Double](repeating: 0, count: places)
        for _ in 0..<7 { masses[Int(generator.uniform() * Double(places))] += 1 }
        return masses
    }
    let (a, b) = (masses(4), masses(5))
    let costs = Matrix(rows: 4, columns: 5) { _, _ in generator.uniform() }
    func atoms(_ masses: [Double]) -> [Int] {
        masses.indices.flatMap { [Int](repeating: $0, count: Int(masses[$0])) }
    }
    let (rows, columns) = (atoms(a), atoms(b))
    let best = leastPairing(Matrix(rows: 7, columns: 7) { costs[rows[$0], columns[$1]] })
    let exact = try ExactTransport(TransportProblem(source: a, target: b, cost: .matrix(costs)))
    #expect(abs(exact.cost - best) < 1e-13)
}

@Test(arguments: [(1, 1), (3, 5), (40, 25), (120, 150)])
func exactTransportHasNoDualityGap(sizes: (Int, Int)) throws {
    let measures = try Measures(sizes.0, sizes.1, seed: 7)
    let (problem, costs) = (measures.problem, measures.costs)
    let exact = try ExactTransport(problem)
    #expect(exact.plan.elements.allSatisfy { $0 >= 0 })
    for (sum, mass) in zip(rowSums(exact.plan), problem.source) { #expect(abs(sum - mass) < 1e-13) }
    for (sum, mass) in zip(columnSums(exact.plan), problem.target) { #expect(abs(sum - mass) < 1e-13) }
    for i in 0..<sizes.0 {
        for j in 0..<sizes.1 {
            #expect(exact.sourcePotential[i] + exact.targetPotential[j] <= costs[i, j] + 1e-12)
        }
    }
    let dual =
        zip(problem.source, exact.sourcePotential).reduce(0) { $0 + $1.0 * $1.1 }
        + zip(problem.target, exact.targetPotential).reduce(0) { $0 + $1.0 * $1.1 }
    #expect(abs(dual - exact.cost) < 1e-12)
}

@Test
func exactTransportLeavesEmptyPlacesAloneAndRefusesUnequalMasses() throws {
    let costs = Matrix(rows: 3, columns: 2) { Double($0 + 2 * $1) }
    let exact = try ExactTransport(TransportProblem(source: [0, 2, 0], target: [2, 0], cost: .matrix(costs)))
    #expect(exact.cost == 2)
    #expect(exact.plan.elements == [0, 2, 0, 0, 0, 0])
    #expect(throws: TransportProblem.Invalid.unequalMasses(2, 3)) {
        try ExactTransport(TransportProblem(source: [0, 2, 0], target: [3, 0], cost: .matrix(costs)))
    }
}
