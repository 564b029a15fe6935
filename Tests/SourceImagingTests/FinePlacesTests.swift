import Foundation
import LinearAlgebra
import Simulation
import TestSupport
import Testing

@testable import SourceImaging
@testable import SparseRegression

@Suite("Places between sources")
struct FinePlacesTests {
    typealias Atom = AtomDictionary.Atom

    /// Fields that change slowly over the sheet, those of some sources turned around.
    private func design(_ shapes: PatchShapes, opposed: Set<Int> = []) -> Design {
        let positions = shapes.sources.positions
        return Design(
            Matrix(rows: 12, columns: positions.count) { i, j in
                let phase = 20 * Double(1 + i % 3) * (i < 6 ? positions[j].x : positions[j].y) + Double(i)
                return (opposed.contains(j) ? -1 : 1) * shapes.weight(of: j) * (2 + sin(phase))
            })
    }

    /// The sheet of the tests of patches with columns of any scale.
    private func shapes(hidden: Set<Int> = []) throws -> PatchShapes {
        let space = try PatchesTests.sheet.get()
        var random = SeededGenerator(seed: 3)
        return PatchShapes(
            space, BlockStructure(count: space.count, size: 1), axes: nil,
            columnWeights: (0..<space.count).map { hidden.contains($0) ? 0 : 0.2 + random.uniform() })
    }

    @Test("candidates are sources within reach, and points midway to neighbours in their hemisphere, each once")
    func candidates() throws {
        let (hidden, opposed): (Set, Set) = ([66, 79], [76, 88])
        let shapes = try shapes(hidden: hidden)
        let (positions, hemispheres) = (shapes.sources.positions, shapes.sources.hemispheres)
        // 1.5 mm left of the middle.
        let j = try #require(positions.firstIndex { $0.x > -0.003 && $0.x < 0 && abs($0.y) < 1e-9 })
        let places = FinePlaces(around: [j, j + 2], shapes, design(shapes, opposed: opposed))
        let near = positions.indices.filter { i in
            hemispheres?[i] == .left && !hidden.contains(i)
                && [j, j + 2].contains { positions[$0].distance(to: positions[i]) <= 0.012 }
        }
        #expect(
            Set(near)
                == Set(
                    places.centres.indices.filter { positions.contains(places.centres[$0]) }
                        .map { places.nearest[$0] }))
        #expect(Set(places.centres.map { "\($0)" }).count == places.centres.count)
        var between = 0
        for (c, i) in places.nearest.enumerated() where positions[i] != places.centres[c] {
            let centre = places.centres[c]
            between += 1
            let other = 2 * centre - positions[i]
            let k = try #require(positions.indices.first { positions[$0].distance(to: other) < 1e-12 })
            #expect(hemispheres?[k] == .left && !hidden.contains(k) && near.contains(i))
            #expect(positions[k].distance(to: positions[i]) <= 0.012)
            // Of opposed fields there is no mean.
            #expect(places.families[0].column(c).count == (opposed.contains(i) == opposed.contains(k) ? 2 : 0))
        }
        // Each is joined with at most six; a pair is one place.
        #expect(between > near.count && between < 6 * near.count)
        // All that patches and errors of their fields reach has its columns.
        for centre in places.centres {
            for i in positions.indices where !hidden.contains(i) && positions[i].distance(to: centre) < 0.016 {
                let own = try #require(places.columns(of: i, in: shapes.blocks))
                #expect(own.map { places.columns[$0] } == Array(shapes.blocks.columns(of: i)))
            }
        }
    }

    @Test("a point midway is half of both; amplitudes are moments; atoms of the space are told as themselves")
    func fields() throws {
        let shapes = try shapes()
        let positions = shapes.sources.positions
        let places = FinePlaces(around: [40], shapes, design(shapes))
        let patches = Patches(shapes)
        for (e, family) in places.families.enumerated() {
            for c in places.centres.indices {
                let parts = family.column(c).map { (row: places.columns[$0.row], weight: $0.weight) }
                let own = places.nearest[c]
                #expect(e > 0 || parts.count == (positions[own] == places.centres[c] ? 1 : 2))
                // Weights undo the scale of columns: moments add to one.
                let moments = parts.map { $0.weight * shapes.weight(of: $0.row) / shapes.weight(of: own) }
                #expect(abs(moments.reduce(0, +) - 1) < 1e-12)
                if e == 0, parts.count == 2 { #expect(moments.allSatisfy { abs($0 - 0.5) < 1e-12 }) }
            }
        }
        for family in Patches.extents.indices {
            for block in [40, 41, 53] {
                let atom = Atom(family: family, block: block)
                let fine = places.atoms([atom])[0]
                #expect(places.patch(fine) == atom)
                let (one, other) = (
                    places.families[fine.family].column(fine.block), patches.families[family].column(block)
                )
                #expect(
                    one.map { places.columns[$0.row] } == other.map(\.row) && one.map(\.weight) == other.map(\.weight))
                let alone = places.family([fine], as: [block + 1], of: shapes.blocks)
                #expect(alone.column(block + 1).map(\.row) == other.map(\.row))
                #expect(alone.column(block + 1).map(\.weight) == one.map(\.weight))
                #expect(alone.column(block).isEmpty)
            }
        }
    }

    @Test("each atom is told as a source of its own")
    func owners() throws {
        let shapes = try shapes()
        let places = FinePlaces(around: [40], shapes, design(shapes))
        // All candidates next to one source: the second and further ones are told as others nearby.
        let own = places.centres.indices.filter { places.nearest[$0] == 40 }.map { Atom(family: 0, block: $0) }
        #expect(own.count > 2)
        let owners = places.owners(own, shapes)
        #expect(Set(owners).count == own.count && owners[0] == 40)
        for (atom, owner) in zip(own, owners) {
            #expect(shapes.sources.positions[owner].distance(to: places.centres[atom.block]) < 0.008)
        }
    }

    @Test(
        "a patch is found as what it is, at a source and between two: its place, extent, moment, its field at the sensors",
        arguments: [(3000, 40, 0.008, false), (1500, 60, 0.010, true)])
    func found(sourceCount: Int, megSites: Int, extent: Double, isBetween: Bool) throws {
        let simulated = try Simulation.run(
            SimulationSettings(
                sourceCount: sourceCount, activeCount: 0, seed: 5, megSites: megSites, eegElectrodes: 0,
                samplingFrequency: 300, covarianceSamples: 0))
        let (forward, recording) = (simulated.forward, simulated.recording)
        let sources = forward.sources
        let (positions, normals) = (sources.positions, try #require(sources.normals))
        let shapes = PatchShapes(
            sources, BlockStructure(count: sources.count, size: 1), axes: normals.map { [$0] },
            columnWeights: [Double](repeating: 1, count: sources.count))
        // The source that the sensors see best, or midway from it to its nearest neighbour.
        let strengths = (0..<sources.count).map { j in forward.gain.columns((3 * j)..<(3 * j + 3)).squaredNorm }
        let best = try #require(strengths.indices.max { strengths[$0] < strengths[$1] })
        let other = try #require(
            positions.indices.filter { $0 != best && sources.hemispheres?[$0] == sources.hemispheres?[best] }
                .min { positions[$0].distance(to: positions[best]) < positions[$1].distance(to: positions[best]) })
        let centre = isBetween ? 0.5 * (positions[best] + positions[other]) : positions[best]
        let parts = PatchShapes.patch(
            extent, of: shapes.surroundings(of: centre, beside: best, upTo: extent))
        #expect(parts.count > 3)
        let field = (0..<forward.gain.rows).map { i in
            parts.reduce(0) { sum, part in
                sum
                    + (0..<3).reduce(0) {
                        $0 + part.weight * forward.gain[i, 3 * part.index + $1] * normals[part.index][$1]
                    }
            }
        }
        // So strong that no patch beside it, with other parts that cancel, explains the data as well.
        let (data, moment) = (recording.average, 200e-9)
        let spoken = Matrix(rows: data.rows, columns: data.columns) { i, t in
            let phase = (recording.time(t) - 0.1) / 0.02
            return data[i, t] + moment * exp(-phase * phase) * field[i]
        }
        var settings = LocalizationSettings()
        settings.preparation.window = 0.05...0.15
        settings.preparation.orientation = .fixed
        let estimate = try Localization(settings).run(
            recording: Recording(
                epochs: [spoken], samplingFrequency: recording.samplingFrequency, firstTime: recording.firstTime,
                averages: recording.averages, sensors: recording.sensors),
            forward: forward, covariance: simulated.covariance)
        #expect(estimate.sources.count == 1)
        let source = try #require(estimate.sources.first)
        #expect(source.position.distance(to: centre) < 1e-9, "\(source.position) \(centre)")
        #expect(source.index == best || isBetween && source.index == other)
        #expect(source.extent == extent)
        #expect(abs(source.peakAmplitude / moment - 1) < 0.05, "\(source.peakAmplitude)")
        #expect(try #require(source.amplitudeInterval).contains(moment))
        #expect(try #require(source.region).vertices.contains(source.index))
        #expect(try #require(source.timesNoise) > 5)
        // What it explains is the field of the whole patch, in SI units.
        let explained = try #require(estimate.sensorData).explained
        for (t, amplitude) in source.timeCourse.enumerated() {
            for i in 0..<data.rows {
                #expect(abs(explained[i, t] - amplitude * field[i]) <= 1e-9 * abs(moment * field[i]) + 1e-22)
            }
        }
    }
}
