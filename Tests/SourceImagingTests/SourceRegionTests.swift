import Foundation
import Testing

@testable import SourceImaging

@Suite("Regions of sources")
struct SourceRegionTests {
    private static let spacing = 0.005

    /// Random members in a flat box, m, with random weights.
    private func members(_ count: Int, seed: UInt64 = 1) -> [SourceRegion.Member] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { k in
            let offset = SIMD3(random.uniform(), random.uniform(), random.uniform()) - 0.5
            return (1000 - 7 * k, SIMD3(0.03, -0.02, 0.05) + SIMD3(0.03, 0.02, 0.01) * offset, random.uniform())
        }
    }

    private func region(_ members: [SourceRegion.Member]) throws -> SourceRegion {
        try SourceRegion(members: members, cellVolumes: members.map { _ in 1.25e-7 }, spacing: Self.spacing)
    }

    /// Σ u_k² of a position, 1 on the surface of the ellipsoid.
    private func distance(_ position: SIMD3<Double>, _ region: SourceRegion) -> Double {
        region.axes.reduce(0) {
            let along = ((position - region.centre) * $1).sum() / ($1 * $1).sum()
            return $0 + along * along
        }
    }

    /// Σ a_k·a_kᵀ, which says all of an ellipsoid but where it is, whatever the signs of its axes.
    private func shape(_ axes: [SIMD3<Double>]) -> [Double] {
        (0..<9).map { k in axes.reduce(0) { $0 + $1[k / 3] * $1[k % 3] } }
    }

    @Test("the ellipsoid holds all members, one of them on its surface", arguments: [2, 5, 40])
    func inside(count: Int) throws {
        let members = members(count)
        let region = try region(members)
        let distances = members.map { distance($0.position, region) }
        #expect(distances.allSatisfy { $0 <= 1 + 1e-12 })
        // Unless a half-axis is as short as it may be.
        if region.halfAxes[2] > 1.01 * Self.spacing / 2 { #expect(abs((distances.max() ?? 0) - 1) < 1e-9) }
        #expect(region.vertices == members.map(\.index).sorted() && region.level == 0.95)
        #expect(abs(region.volume - 1.25e-7 * Double(count)) < 1e-18)
    }

    @Test("the axes are perpendicular, the longest first, and the centre is the weighted mean")
    func axes() throws {
        let members = members(300)
        let region = try region(members)
        for (a, b) in [(0, 1), (0, 2), (1, 2)] { #expect(abs((region.axes[a] * region.axes[b]).sum()) < 1e-15) }
        #expect(region.halfAxes == region.halfAxes.sorted(by: >))
        // The box is three times as long as it is high.
        #expect(abs(region.axes[0].x) > 0.9 * region.halfAxes[0] && abs(region.axes[2].z) > 0.9 * region.halfAxes[2])
        let total = members.reduce(0) { $0 + $1.weight }
        let mean = members.reduce(SIMD3.zero) { $0 + $1.position * ($1.weight / total) }
        #expect(region.centre.distance(to: mean) < 1e-15)
    }

    @Test("a rotation and a shift of the members rotate and shift the ellipsoid")
    func equivariance() throws {
        let members = members(12)
        let (c, s) = (cos(0.7), sin(0.7))
        func rotated(_ p: SIMD3<Double>) -> SIMD3<Double> {
            let q = SIMD3(c * p.x - s * p.y, s * p.x + c * p.y, p.z)
            return SIMD3(q.x, c * q.y - s * q.z, s * q.y + c * q.z)
        }
        let shift = SIMD3(0.01, 0.04, -0.03)
        let region = try region(members)
        let moved = try self.region(members.map { ($0.index, rotated($0.position) + shift, $0.weight) })
        #expect(moved.centre.distance(to: rotated(region.centre) + shift) < 1e-14)
        for (a, b) in zip(shape(moved.axes), shape(region.axes.map(rotated))) { #expect(abs(a - b) < 1e-15) }
    }

    @Test("one member alone is a ball of half the spacing")
    func single() throws {
        let region = try region(members(1))
        #expect(region.halfAxes.allSatisfy { abs($0 - Self.spacing / 2) < 1e-15 })
        #expect(region.vertices == [1000] && region.centre.distance(to: members(1)[0].position) < 1e-15)
    }

    @Test("members on a line, in a plane or in one place make an ellipsoid as thick as the spacing")
    func degenerate() throws {
        let direction = SIMD3(0.6, 0.0, 0.8)
        let line = try region((0..<5).map { ($0, direction * (0.005 * Double($0)), 1) })
        #expect(abs((line.axes[0] * direction).sum()).distance(to: line.halfAxes[0]).magnitude < 1e-12)
        #expect(line.halfAxes[0] >= 0.01 && line.halfAxes[0] < 0.0125)
        for k in 1..<3 { #expect(line.halfAxes[k] < 0.005 && line.halfAxes[k] >= 0.0025) }
        let plane = try region((0..<25).map { ($0, SIMD3(0.004 * Double($0 % 5), 0.003 * Double($0 / 5), 0.1), 1) })
        #expect(abs(plane.axes[2].z) > 0.999 * plane.halfAxes[2] && plane.halfAxes[2] < 0.006)
        let place = try region((0..<4).map { ($0, SIMD3(0.01, 0.02, 0.03), 1) })
        #expect(place.halfAxes.allSatisfy { abs($0 - Self.spacing / 2) < 1e-12 })
    }

    @Test("weights of zero count alike; what is not finite is an error")
    func weights() throws {
        let some = members(9)
        let zero = try region(some.map { ($0.index, $0.position, 0) })
        let same = try region(some.map { ($0.index, $0.position, 3) })
        for (a, b) in zip(shape(zero.axes), shape(same.axes)) { #expect(abs(a - b) < 1e-15) }
        #expect(throws: LinearAlgebraError.notFinite) { try region([(0, SIMD3(.nan, 0, 0), 1), (1, .zero, 1)]) }
        #expect(throws: LinearAlgebraError.notFinite) { try region([(0, .zero, .infinity), (1, .zero, 1)]) }
    }
}
