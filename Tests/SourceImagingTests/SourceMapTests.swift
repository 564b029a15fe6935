import Foundation
import Testing

@testable import SourceImaging

@Suite("Transport between source maps")
struct SourceMapTests {
    static func map(_ count: Int, seed: UInt64, spread: Double = 0.03) throws -> SourceMap {
        var generator = SeededGenerator(seed: seed)
        let positions = (0..<count).map { _ in
            SIMD3(generator.normal(), generator.normal(), generator.normal()) * spread
        }
        return try #require(
            SourceMap(positions, amplitudes: (0..<count).map { _ in 1e-9 + 1e-8 * generator.uniform() }))
    }

    @Test("a single source moves by its distance, at most the reach", arguments: [0.0, 1, 12, 29.9, 30, 100])
    func single(millimetres: Double) throws {
        let one = try #require(SourceMap([SIMD3(0.01, 0.02, 0.03)], amplitudes: [3e-8]))
        let other = try #require(SourceMap([SIMD3(0.01, 0.02, 0.03 + millimetres / 1000)], amplitudes: [1e-9]))
        #expect(abs(one.distance(to: other, reach: 0.03) * 1000 - min(millimetres, 30)) < 1e-9)
    }

    @Test("a metric: zero for equals alone, symmetric, no way round is shorter", arguments: 0..<20 as Range<UInt64>)
    func metric(seed: UInt64) throws {
        let maps = try (0..<3).map { try Self.map(4 + Int(seed % 5) + $0, seed: 3 * seed + UInt64($0)) }
        func distance(_ i: Int, _ j: Int) -> Double { maps[i].distance(to: maps[j], reach: 0.03) }
        #expect(distance(0, 0) == 0)
        #expect(distance(0, 1) > 0.001)
        #expect(abs(distance(0, 1) - distance(1, 0)) < 1e-12)
        #expect(distance(0, 2) <= distance(0, 1) + distance(1, 2) + 1e-12)
        // The order of sources means nothing.
        let turned = try #require(
            SourceMap(maps[1].positions.reversed(), amplitudes: maps[1].shares.reversed().map { $0 * 7 }))
        #expect(abs(maps[0].distance(to: turned, reach: 0.03) - distance(0, 1)) < 1e-12)
    }

    @Test("amplitude counts: a weak false source costs its share")
    func amplitude() throws {
        let truth = try #require(SourceMap([.zero], amplitudes: [1]))
        for share in [0.5, 0.1, 0.01] {
            let found = try #require(
                SourceMap([.zero, SIMD3(0.1, 0, 0)], amplitudes: [1 - share, share].map { $0 * 1e-8 }))
            #expect(abs(found.distance(to: truth, reach: 0.03) - 0.03 * share.squareRoot()) < 1e-12)
        }
    }

    @Test("what is zero, negative or not finite is left out")
    func leftOut() throws {
        #expect(SourceMap([], amplitudes: []) == nil)
        #expect(SourceMap([.zero, .zero], amplitudes: [0, .nan]) == nil)
        let map = try #require(
            SourceMap(
                [.zero, SIMD3(1, 0, 0), SIMD3(2, 0, 0), SIMD3(3, 0, 0)], amplitudes: [-1, 1e308, .infinity, 1e308]))
        #expect(map.positions == [SIMD3(1, 0, 0), SIMD3(3, 0, 0)])
        #expect(map.shares == [0.5, 0.5])
        #expect(SourceMap.distance(nil, map, reach: 0.03) == 0.03)
        #expect(SourceMap.distance(map, nil, reach: 0.03) == 0.03)
        #expect(SourceMap.distance(nil, nil, reach: 0.03) == nil)
    }

    @Test("many sources are moved by entropic transport, nearly as well", arguments: [20, 150])
    func many(count: Int) throws {
        let (one, other) = (try Self.map(count, seed: 1), try Self.map(count + 20, seed: 2))
        let costs = Matrix(rows: one.positions.count, columns: other.positions.count) { i, j in
            min(1, pow(one.positions[i].distance(to: other.positions[j]) / 0.03, 2))
        }
        let exact = SourceMap.leastCost(costs, one.shares, other.shares, isExact: true)
        let entropic = SourceMap.leastCost(costs, one.shares, other.shares, isExact: false)
        #expect(entropic >= exact - 1e-6 && entropic <= exact + 1e-3)
    }
}
