import Foundation
import Simulation
import TestSupport
import Testing

@testable import SourceImaging

@Suite("Patches of cortex as sources")
struct PatchesTests {
    /// A bumpy sheet of points 3 mm apart in two hemispheres that touch at x = 0, and one point far from all others.
    static let sheet = Result { () throws -> SourceSpace in
        var positions: [SIMD3<Double>] = []
        var normals: [SIMD3<Double>] = []
        for a in -8..<8 {
            for b in -6..<6 {
                let (x, y) = (0.003 * (Double(a) + 0.5), 0.003 * Double(b))
                positions.append(SIMD3(x, y, 0.05 + 0.004 * sin(200 * x) * cos(150 * y)))
                normals.append(SIMD3(-0.8 * cos(200 * x) * cos(150 * y), 0.6 * sin(200 * x) * sin(150 * y), 1))
            }
        }
        positions.append(SIMD3(0.02, 0, -0.06))
        normals.append(SIMD3(1, 2, -2))
        return try SourceSpace(
            positions: positions, normals: normals, hemispheres: positions.map { $0.x < 0 ? .left : .right },
            frame: .head)
    }

    /// The moment of each part of a patch, for an amplitude of one along axis k of source j.
    private func moments(
        _ family: AtomFamily, _ j: Int, _ k: Int, _ axes: [[SIMD3<Double>]], _ columnWeights: [Double]
    ) -> [Int: SIMD3<Double>] {
        let width = axes[j].count
        let own = width * j + k
        return family.column(own).reduce(into: [:]) { moments, part in
            let (i, l) = (part.row / width, part.row % width)
            let amplitude = part.weight * columnWeights[part.row] / columnWeights[own]
            moments[i, default: .zero] += amplitude * axes[i][l]
        }
    }

    @Test(
        "weights add to one along each part's own normal, or along one axis for all: the amplitude is the moment",
        arguments: ["fixed", "loose:0.2", "free"])
    func weights(_ name: String) throws {
        let (space, orientation) = (try Self.sheet.get(), try Orientation(name: name))
        let axes = (0..<space.count).map { orientation.axes(normal: space.normal($0)).axes }
        let width = axes[0].count
        var random = SeededGenerator(seed: 2)
        let columnWeights = (0..<(width * space.count)).map { _ in 0.2 + random.uniform() }
        let patches = Patches(
            PatchShapes(
                space, BlockStructure(count: space.count, size: width), axes: axes, columnWeights: columnWeights))
        #expect(patches.families.count == Patches.extents.count && Patches.extents[0] == 0)
        #expect(patches.families[0] == .identity(BlockStructure(count: space.count, size: width)))
        for (extent, family) in zip(Patches.extents, patches.families).dropFirst() {
            for j in 0..<space.count {
                let normal = try #require(space.normal(j))
                for (k, axis) in axes[j].enumerated() {
                    let moments = moments(family, j, k, axes, columnWeights)
                    let isNormal = axis == normal && name != "free"
                    func distance(_ i: Int) -> Double {
                        let d = space.positions[i] - space.positions[j]
                        return (d * d).sum().squareRoot()
                    }
                    let near = (0..<space.count).filter {
                        distance($0) <= 1.5 * extent && space.hemispheres?[$0] == space.hemispheres?[j]
                    }
                    // Neither fewer nor others, the other hemisphere included.
                    #expect(moments.keys.sorted() == (near.count > 1 ? near : []))
                    let total = near.reduce(0) { $0 + exp(-pow(distance($1) / extent, 2)) }
                    var sum = 0.0
                    for (i, moment) in moments {
                        let direction = isNormal ? try #require(space.normal(i)) : axis
                        let weight = (moment * direction).sum()
                        let off = moment - weight * direction
                        #expect((off * off).sum().squareRoot() < 1e-12)
                        #expect(abs(weight - exp(-pow(distance(i) / extent, 2)) / total) < 1e-12)
                        sum += weight
                    }
                    #expect(abs(sum - 1) < 1e-12 || near == [j])
                }
            }
        }
    }

    @Test("hemispheres that touch are kept apart, unless they are unknown")
    func hemispheres() throws {
        let known = try Self.sheet.get()
        let unknown = try SourceSpace(positions: known.positions, normals: known.normals, frame: .head)
        let weights = [Double](repeating: 1, count: known.count)
        let blocks = BlockStructure(count: known.count, size: 1)
        func widest(_ space: SourceSpace) throws -> AtomFamily {
            try #require(Patches(PatchShapes(space, blocks, axes: nil, columnWeights: weights)).families.last)
        }
        let (apart, together) = (try widest(known), try widest(unknown))
        // 1.5 mm left of the middle.
        let j = try #require(known.positions.firstIndex { $0.x > -0.003 && $0.x < 0 })
        #expect(apart.column(j).allSatisfy { known.positions[$0.row].x < 0 })
        #expect(together.column(j).contains { known.positions[$0.row].x > 0 })
    }

    @Test("what no sensor sees is in no patch; a source without neighbours has none, and is a point")
    func unseen() throws {
        let space = try Self.sheet.get()
        let hidden = Set(stride(from: 0, to: space.count, by: 5))
        let weights = (0..<space.count).map { hidden.contains($0) ? 0.0 : 2 }
        let patches = Patches(
            PatchShapes(space, BlockStructure(count: space.count, size: 1), axes: nil, columnWeights: weights))
        for family in patches.families.dropFirst() {
            for j in 0..<space.count {
                let parts = family.column(j)
                #expect(parts.allSatisfy { !hidden.contains($0.row) })
                if hidden.contains(j) || j == space.count - 1 {
                    #expect(parts.isEmpty)
                } else {
                    #expect(abs(parts.reduce(0) { $0 + $1.weight } - 1) < 1e-12)
                }
            }
        }
    }
}
