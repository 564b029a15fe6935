import Foundation
import HDF5
import SourceImaging
import TestSupport
import Testing

@testable import Formats

/// Files that MNE-Python writes, compared number by number with what it reads of them.
@Suite(
    "Files of MNE-Python", .enabled(if: PythonEnvironment.isPresent, Comment(rawValue: PythonEnvironment.absence)))
struct MNEReadingTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    func make(_ functions: String...) throws {
        let calls = functions.map { "mnefiles.\($0)()" }.joined(separator: "\n")
        try PythonEnvironment.run("import mnefiles\n\(calls)", in: folder.path)
    }

    func reader(_ name: String) throws -> any FormatReader { try FileFormats.open(folder.file(name)) }

    /// Largest difference of two matrices, relative to the largest number.
    func difference(_ one: Matrix, _ other: Matrix) -> Double {
        guard one.rows == other.rows, one.columns == other.columns else { return .infinity }
        let largest = max(other.elements.reduce(0) { max($0, abs($1)) }, .leastNormalMagnitude)
        return zip(one.elements, other.elements).reduce(0) { max($0, abs($1.0 - $1.1)) } / largest
    }

    func difference(_ one: [SIMD3<Double>], _ other: [SIMD3<Double>]) -> Double {
        guard one.count == other.count else { return .infinity }
        return zip(one, other).reduce(0) { largest, pair in
            let d = pair.0 - pair.1
            return max(largest, abs(d.x), abs(d.y), abs(d.z))
        }
    }

    func expectSame(_ one: Sensors, _ other: Sensors) {
        #expect(one.names == other.names)
        #expect(one.kinds == other.kinds)
        #expect(one.bad == other.bad)
        if let expected = other.locations {
            #expect(one.locations.map { difference($0, expected) } ?? .infinity <= 1e-12)
        }
    }

    func expectSame(_ one: Recording, _ other: Recording) {
        #expect(one.epochs.count == other.epochs.count)
        for (epoch, expected) in zip(one.epochs, other.epochs) { #expect(difference(epoch, expected) <= 1e-15) }
        #expect(one.samplingFrequency == other.samplingFrequency)
        #expect(abs(one.firstTime - other.firstTime) <= 1e-12)
        #expect(one.averages == other.averages && one.isProjected == other.isProjected)
        #expect(one.condition == other.condition)
        #expect(difference(one.projectors, other.projectors) <= 1e-15)
        expectSame(one.sensors, other.sensors)
    }

    func expectSame(_ one: Forward, _ other: Forward, tolerance: Double) throws {
        #expect(one.subject == other.subject && one.orientations == other.orientations)
        #expect(difference(one.gain, other.gain) <= tolerance)
        #expect(one.sources.frame == other.sources.frame)
        #expect(one.sources.hemispheres == other.sources.hemispheres)
        #expect(one.sources.vertices == other.sources.vertices)
        #expect(one.sources.triangles == other.sources.triangles)
        #expect(difference(one.sources.positions, other.sources.positions) <= 1e-12)
        #expect((one.sources.normals == nil) == (other.sources.normals == nil))
        if let normals = one.sources.normals, let expected = other.sources.normals {
            #expect(difference(normals, expected) <= 1e-12)
        }
        expectSame(one.sensors, other.sensors)
    }

    @Test("Averages: conditions, bad channels, projectors, packed files, long names, kinds of channels")
    func evoked() throws {
        try make("evokeds")
        let several = try reader("several-ave.fif")
        #expect(several.conditions.map(\.name) == ["left/tone", "Ωmega ü", "left/tone (standard error)"])
        for (file, condition) in [
            ("several-ave.fif", "0"), ("several-ave.fif", "1"), ("packed-ave.fif.gz", "0"), ("named-ave.fif", "0"),
            ("mag-ave.fif", "0"),
        ] {
            let recording = try reader(file).recording(ReadingOptions(conditions: [condition]))
            expectSame(recording, try RecordingFile.read(folder.file("\(file).\(condition).h5")))
            #expect(!recording.sensors.names.contains("EOG 001"))
        }
        // By name, and refusals that say what there is.
        let named = try several.recording(ReadingOptions(conditions: ["Ωmega ü"]))
        #expect(named.averages == 8)
        for (conditions, says) in [
            ([], "3 conditions: 0 'left/tone'"), (["right"], "no condition 'right'"), (["2"], "standard error"),
        ] as [([String], String)] {
            #expect { try several.recording(ReadingOptions(conditions: conditions)) } throws: { error in
                "\(error)".hasPrefix(folder.file("several-ave.fif")) && "\(error)".contains(says)
            }
        }
        let facts = try FileInspection.describe(folder.file("several-ave.fif")).facts
        #expect(facts.contains { $0.name == "left out" && $0.value == "1 EOG channels, 1 trigger channels" })
    }

    @Test("Averages of old programs, 16-bit integers channel by channel")
    func oldEvoked() throws {
        try make("old_evoked")
        let recording = try reader("old-ave.fif").recording(ReadingOptions())
        #expect(recording.averages == 42)
        expectSame(recording, try RecordingFile.read(folder.file("old-ave.fif.0.h5")))
    }

    @Test("Epochs of each event, in single and double precision", arguments: ["single", "double"])
    func epochs(precision: String) throws {
        try make("epochs")
        let file = try reader("\(precision)-epo.fif")
        #expect(file.conditions == [Condition("a:b", amount: "3 epochs"), Condition("other", amount: "2 epochs")])
        for (name, count) in [("a:b", 3), ("other", 2)] {
            let recording = try file.recording(ReadingOptions(conditions: [name]))
            #expect(recording.epochs.count == count)
            expectSame(recording, try RecordingFile.read(folder.file("\(precision)-epo.fif.\(name).h5")))
        }
    }

    @Test("Covariances, full and diagonal, with the kinds of a recording", arguments: ["full", "diagonal"])
    func covariance(kind: String) throws {
        try make("covariances")
        let file = try reader("\(kind)-cov.fif")
        let expected = try CovarianceFile.read(folder.file("\(kind)-cov.fif.h5"))
        for options in [
            ReadingOptions(channels: folder.file("kinds-ave.fif")), ReadingOptions(sensors: expected.sensors),
        ] {
            let covariance = try file.covariance(options)
            #expect(difference(covariance.matrix, expected.matrix) == 0)
            #expect(covariance.samples == 199)
            #expect(difference(covariance.projectors, expected.projectors) <= 1e-15)
            expectSame(covariance.sensors, expected.sensors)
        }
        // Alone it does not say what its channels measure, and nothing is guessed.
        #expect { try file.covariance(ReadingOptions()) } throws: {
            ($0 as? InputError)?.text { "--\($0.rawValue)" }.contains("give one with --channels FILE") == true
        }
        let description = try FileInspection.describe(folder.file("\(kind)-cov.fif"))
        #expect(description.missing.count == 2 && description.contents == [.covariance])
    }

    @Test("Forward models: every kind of source space, free and fixed, FIF, packed and HDF5")
    func forwards() throws {
        try make("forwards")
        for kind in ["surface", "volume", "discrete", "mixed"] {
            for ending in ["fif", "fif.gz", "h5"] {
                let name = "\(kind)-fwd.\(ending)"
                let forward = try reader(name).forward(ReadingOptions())
                try expectSame(forward, try ForwardFile.read(folder.file("\(name).h5")), tolerance: 0)
            }
        }
        for name in ["named-fwd.fif", "turned-fwd.h5", "fixed-fwd.h5", "fixed-fwd.fif"] {
            let forward = try reader(name).forward(ReadingOptions())
            try expectSame(forward, try ForwardFile.read(folder.file("\(name).h5")), tolerance: 1e-12)
            #expect(forward.orientations == (name.hasPrefix("fixed") ? 1 : 3))
        }
        let mixed = try reader("mixed-fwd.fif").forward(ReadingOptions())
        #expect(Set(mixed.sources.hemispheres ?? []) == [.left, .right, .volume])
        // Three of the whole left surface have all corners in use; of the thinned right one, all but one of four.
        #expect(mixed.sources.triangles.count == 6 && mixed.sources.triangles.last == [52, 51, 50])
        #expect(try reader("volume-fwd.fif").forward(ReadingOptions()).sources.triangles.isEmpty)
        #expect(
            (0..<mixed.sources.count).allSatisfy { j in
                (mixed.sources.normal(j) == nil) == (mixed.sources.hemispheres?[j] == .volume)
            })
        // Through the own layout and back, volumes without normals included.
        try folder.write("own.h5", ForwardFile.encode(mixed))
        try expectSame(try ForwardFile.read(folder.file("own.h5")), mixed, tolerance: 0)
        let facts = try FileInspection.describe(folder.file("mixed-fwd.fif")).facts
        #expect(facts.contains { $0.name == "coordinates" && $0.value.contains("MRI") && $0.value.contains("head") })
        #expect(facts.contains { $0.name == "source spaces" && $0.value.hasPrefix("surface (") })
    }

    @Test("Triangles of the wrong shape, of no whole numbers or between points that are not there are left out")
    func malformedTriangles() throws {
        try make("odd_triangles")
        for name in ["shape", "type", "far", "sparse"] {
            let forward = try reader("\(name)-fwd.fif").forward(ReadingOptions())
            #expect(forward.sources.count == 98)
            // Three of the left surface and, for want of others, one of the whole right one; or the only one that is sound.
            #expect(forward.sources.triangles.count == (name == "far" ? 1 : 4), "\(name)")
        }
        let forward = try reader("none-fwd.h5").forward(ReadingOptions())
        #expect(forward.sources.count == 98 && forward.sources.triangles.isEmpty)
    }

    @Test(
        "Triangles of real forwards are those that MNE-Python reads",
        .enabled(if: Shared.isPresent, Comment(rawValue: Shared.absence)),
        arguments: [
            ("sample-audvis/sample-fwd.fif", 4013), ("sample-audvis/sample-fwd.h5", 4013),
            ("erp-core-p3/template-fwd.fif", 0),
        ])
    func realTriangles(name: String, count: Int) throws {
        let path = Shared.path("data/\(name)")
        let sources = try FileFormats.open(path).forward(ReadingOptions()).sources
        try PythonEnvironment.run(
            """
            import h5py, mne, mnefiles
            with h5py.File("triangles.h5", "w") as f:
                f["t"] = mnefiles.triangles(mne.read_forward_solution("\(path)", verbose="error")["src"])
            """, in: folder.path)
        let expected = try HDF5File(folder.file("triangles.h5")).integers("t").elements
        #expect(sources.triangles.count == count)
        #expect(sources.triangles.flatMap { [Int($0.x), Int($0.y), Int($0.z)] } == expected)
    }

    @Test("A raw recording, half an archive and a first part of two say what to do")
    func refusals() throws {
        try make("evokeds", "refused")
        for (name, says) in [
            ("raw.fif", "a raw recording"), ("cut-ave.fif.gz", "cut off"), ("cut-ave.fif", "copy or download it again"),
            ("first-epo.fif", "goes on in another file"), ("bomb-ave.fif.gz", "gunzip"),
            ("microvolt-ave.fif", "unit multiplier"),
        ] {
            #expect { try FileFormats.open(folder.file(name)).recording(ReadingOptions(conditions: ["0"])) } throws: {
                let line = "\($0)"
                return line.hasPrefix(folder.file(name) + ": ") && line.contains(says) && !line.contains("\n")
            }
        }
    }
}
