import Foundation
import Testing

@testable import Simulation
@testable import SourceImaging

@Suite("Simulated cortex, helmet and cap")
struct HeadTests {
    static func nearest(_ points: [SIMD3<Double>]) -> [Double] {
        points.indices.map { i in
            points.indices.filter { $0 != i }.map { (points[$0] - points[i]).length }.min() ?? .infinity
        }
    }

    @Test("as many sources as asked, half a hemisphere, with ascending vertices", arguments: [50, 51, 200, 641])
    func count(sources: Int) throws {
        let surface = CorticalSurface(sourceCount: sources, seed: 1)
        let left = surface.hemispheres.count { $0 == .left }
        #expect(surface.positions.count == sources)
        #expect(surface.normals.count == sources)
        #expect(left == sources - sources / 2)
        #expect(surface.hemispheres.prefix(left).allSatisfy { $0 == .left })
        let sides = [surface.vertices.prefix(left), surface.vertices.suffix(sources - left)]
        for vertices in sides { #expect(zip(vertices, vertices.dropFirst()).allSatisfy { $0 < $1 }) }
        #expect(try surface.sourceSpace.count == sources)
    }

    @Test("two hemispheres inside of the skull, apart from each other", arguments: [1, 2, 3])
    func extent(seed: UInt64) {
        let surface = CorticalSurface(sourceCount: 400, seed: seed)
        let head = HeadModel.adult
        for (position, hemisphere) in zip(surface.positions, surface.hemispheres) {
            #expect((hemisphere == .left ? -position.x : position.x) >= FoldedHemisphere.midlineGap - 1e-12)
            #expect((position - head.centre).length <= head.cortexRadius)
        }
        #expect(surface.positions.contains { ($0 - head.centre).length > 0.068 })
        #expect(surface.positions.map(\.z).min() ?? 1 > head.centre.z - 0.05)
    }

    @Test("sources lie evenly: none near another, no hole")
    func spacing() {
        let surface = CorticalSurface(sourceCount: 500, seed: 4)
        for side in [Hemisphere.left, .right] {
            let points = surface.positions.indices.filter { surface.hemispheres[$0] == side }.map {
                surface.positions[$0]
            }
            let distances = Self.nearest(points).sorted()
            #expect(distances[0] > 0.006)
            #expect((distances.last ?? 1) < 2 * distances[0])
        }
    }

    @Test("normals are orthogonal to the surface, outward, of length one")
    func normals() {
        var generator = SeededGenerator(seed: 2)
        let folds = FoldPattern(&generator)
        for side in [Hemisphere.left, .right] {
            let hemisphere = FoldedHemisphere(side, head: .adult, folds: folds)
            for _ in 0..<50 {
                let direction = generator.direction()
                let normal = hemisphere.normal(direction)
                #expect(abs(normal.length - 1) < 1e-12)
                #expect(normal.dot(direction) > 0)
                // Along the surface the normal displacement is of second order in the step.
                let tangent = direction.cross(generator.direction()).unit
                let here = hemisphere.point(direction)
                let steps = [1e-4, 1e-5].map { hemisphere.point((direction + $0 * tangent).unit) - here }
                #expect(abs(steps[1].dot(normal)) < 0.02 * steps[1].length)
                #expect(abs(steps[0].dot(normal)) < 0.2 * steps[0].length)
            }
        }
    }

    @Test("folds turn normals from radial to tangential", arguments: [1, 5])
    func folding(seed: UInt64) {
        let surface = CorticalSurface(sourceCount: 1000, seed: seed)
        let outer = surface.positions.indices.filter { (surface.positions[$0] - HeadModel.adult.centre).length > 0.055 }
        let cosines = outer.map { surface.normals[$0].dot((surface.positions[$0] - HeadModel.adult.centre).unit) }
        let count = Double(cosines.count)
        #expect(Double(cosines.count { $0 > 0.9 }) > 0.2 * count)
        #expect(Double(cosines.count { abs($0) < 0.6 }) > 0.15 * count)
        // A hull of 72 mm with sulci of 10 mm: both crowns and fundi occur.
        let radii = outer.map { (surface.positions[$0] - HeadModel.adult.centre).length }
        #expect((radii.max() ?? 0) - (radii.min() ?? 0) > 0.012)
    }

    @Test("a seed is one head")
    func reproducible() {
        let one = CorticalSurface(sourceCount: 100, seed: 3)
        #expect(CorticalSurface(sourceCount: 100, seed: 3).positions == one.positions)
        #expect(CorticalSurface(sourceCount: 100, seed: 3).normals == one.normals)
        #expect(CorticalSurface(sourceCount: 100, seed: 4).positions != one.positions)
    }

    @Test("an even subset has the size that was asked for, whatever the points")
    func evenSubset() {
        let same = [SIMD3<Double>](repeating: SIMD3(0.1, 0, 0), count: 9)
        #expect(EvenSubset.choose(4, of: same) == [0, 1, 2, 3])
        #expect(EvenSubset.choose(9, of: same) == Array(0..<9))
        #expect(EvenSubset.choose(3, of: []) == [])
        let line = (0..<101).map { SIMD3(Double($0), 0, 0) }
        let chosen = EvenSubset.choose(11, of: line)
        #expect(chosen.count == 11)
        #expect(zip(chosen, chosen.dropFirst()).allSatisfy { $1 - $0 >= 5 })
    }

    @Test("three coils a site with unique names", arguments: [1, 26, 102, 410])
    func helmetNames(sites: Int) {
        let helmet = SensorHelmet(sites: sites)
        #expect(helmet.coils.count == 3 * sites)
        #expect(Set(helmet.coils.map(\.name)).count == 3 * sites)
        #expect(helmet.coils.prefix(3).map(\.name) == ["MEG 0111", "MEG 0112", "MEG 0113"])
        #expect(helmet.coils.prefix(3).map(\.kind) == [.mag, .grad, .grad])
    }

    @Test("coils lie on the helmet, look outward and leave the face free")
    func helmetGeometry() {
        let head = HeadModel.adult
        let coils = SensorHelmet(sites: 102).coils
        for coil in coils {
            let radial = coil.position - head.centre
            #expect(abs(radial.length - head.helmetRadius) < 1e-12)
            #expect((coil.axes[0].cross(coil.axes[1]) - coil.axes[2]).length < 1e-12)
            #expect((coil.axes[2] - radial.unit).length < 1e-12)
            for a in coil.axes { #expect(abs(a.length - 1) < 1e-12) }
            #expect(abs(coil.axes[0].dot(coil.axes[1])) < 1e-12)
            // A coil's response to a constant field and to a linear one.
            let sum = coil.integration.reduce(0) { $0 + $1.weight }
            let slope = coil.integration.reduce(0) { $0 + $1.weight * ($1.point - coil.position).dot(coil.axes[0]) }
            #expect(abs(sum - (coil.kind == .mag ? 1 : 0)) < 1e-12)
            #expect(abs(slope - (coil.kind == .mag ? 0 : 1)) < 1e-12)
        }
        let directions = coils.map { ($0.position - head.centre).unit }
        #expect(!directions.contains { $0.y > 0.8 && $0.z < 0 })
        #expect(directions.contains { $0.x < -0.9 })
        #expect(directions.contains { $0.x > 0.9 })
        #expect(directions.contains { $0.y < -0.9 })
        // The two gradiometers of a site are orthogonal.
        for site in 0..<102 { #expect(abs(coils[3 * site + 1].axes[0].dot(coils[3 * site + 2].axes[0])) < 1e-12) }
        let distances = Self.nearest((0..<102).map { coils[3 * $0].position })
        #expect((distances.min() ?? 0) > 0.02)
    }

    @Test("electrodes lie on the scalp, apart from each other", arguments: [4, 60, 128])
    func cap(electrodes: Int) {
        let head = HeadModel.adult
        let cap = ElectrodeCap(electrodes: electrodes)
        #expect(cap.names.count == electrodes)
        #expect(Set(cap.names).count == electrodes)
        #expect(cap.positions.allSatisfy { abs(($0 - head.centre).length - 0.09) < 1e-12 })
        #expect((Self.nearest(cap.positions).min() ?? 0) > 0.1 / Double(electrodes).squareRoot())
    }
}
