import Foundation
import HDF5
import SourceImaging
import TestSupport
import Testing

@testable import Formats

@Suite("Formats: reading back what was written")
struct RoundTripTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test("what cannot be used stays so in a copy: NaN is written as NaN")
    func defects() throws {
        let sensors = try Sensors(names: ["a", "b", "c"], kinds: [.eeg, .eeg, .eeg])
        let sources = try SourceSpace(positions: [[0, 0, 0.07], [0, 0.07, 0]], frame: .head)
        let forward = try Forward(
            gain: Matrix(rows: 3, columns: 2) { $0 == 1 && $1 == 0 ? .nan : Double($0 + 2 * $1 + 1) }, orientations: 1,
            sensors: sensors, sources: sources)
        let covariance = try NoiseCovariance(
            matrix: Matrix(rows: 3, columns: 3) { $0 == 2 || $1 == 2 ? .nan : $0 == $1 ? 1 : 0 }, samples: 9,
            sensors: sensors)
        try folder.write("f.h5", try ForwardFile.encode(forward, singlePrecision: true))
        try folder.write("c.h5", try CovarianceFile.encode(covariance))
        let (copy, noise) = (
            try ForwardFile.read(folder.file("f.h5")), try CovarianceFile.read(folder.file("c.h5"))
        )
        #expect(copy.gainWithDefects.row(1).allSatisfy(\.isNaN) && noise.matrixWithDefects[2, 0].isNaN)
        #expect(copy.gain == forward.gain && noise.matrix == covariance.matrix)
    }

    @Test("Frames in time and frequency that cannot be are refused", arguments: [0, -1, .nan, .infinity])
    func frames(_ frequency: Double) throws {
        var estimate = try Samples.estimate()
        let record = try #require(estimate.timeFrequency)
        func read() throws -> Estimate {
            try EstimateFile.write(estimate, to: folder.file("e.h5"), programVersion: "1")
            return try EstimateFile.read(folder.file("e.h5"))
        }
        #expect(try read().timeFrequency == record)
        estimate.timeFrequency = TimeFrequencyRecord(
            frame: record.frame, samplingFrequency: frequency, firstTime: 0, rho: 0.3)
        #expect(throws: InputError.self) { try read() }
        // Of other samples than there are times.
        estimate.timeFrequency = TimeFrequencyRecord(
            frame: try GaborFrame(record.frame.windows, samples: 5), samplingFrequency: 100, firstTime: 0, rho: 0.3)
        for s in estimate.sources.indices { estimate.sources[s].coefficients = nil }
        #expect(throws: InputError.self) { try read() }
    }

    @Test("A forward comes back exactly", arguments: [1, 3])
    func forward(orientations: Int) throws {
        let forward = try Samples.forward(orientations: orientations)
        try folder.write("f.h5", ForwardFile.encode(forward))
        let read = try ForwardFile.read(folder.file("f.h5"))
        #expect(read.gain == forward.gain)
        #expect(read.orientations == orientations)
        #expect(read.subject == "Zoë")
        #expect(read.sensors == forward.sensors)
        #expect(read.sources == forward.sources)
        #expect(read.acquisition == forward.acquisition)
        #expect(try FileFormats.open(folder.file("f.h5")).contents == [.forward])
    }

    @Test("A forward in single precision comes back rounded to floats")
    func single() throws {
        let forward = try Samples.forward()
        try folder.write("f.h5", ForwardFile.encode(forward, singlePrecision: true))
        #expect(
            try ForwardFile.read(folder.file("f.h5")).gain.elements == forward.gain.elements.map { Double(Float($0)) })
        var huge = forward.gain
        huge[0, 0] = 1e200
        let tooLarge = try Forward(gain: huge, orientations: 3, sensors: forward.sensors, sources: forward.sources)
        #expect(throws: InputError.self) { try ForwardFile.encode(tooLarge, singlePrecision: true) }
    }

    @Test("A recording comes back exactly, average or epochs", arguments: [1, 3])
    func recording(epochs: Int) throws {
        let recording = try Samples.recording(epochs: epochs)
        try folder.write("r.h5", RecordingFile.encode(recording))
        let read = try RecordingFile.read(folder.file("r.h5"))
        #expect(read.epochs == recording.epochs)
        #expect(read.samplingFrequency == recording.samplingFrequency)
        #expect(read.firstTime == recording.firstTime)
        #expect(read.averages == 55)
        #expect(read.condition == "left/auditory")
        #expect(read.isProjected)
        #expect(read.sensors == recording.sensors)
        #expect(read.acquisition == recording.acquisition)
        #expect(read.projectors == recording.projectors)
    }

    @Test("A covariance comes back exactly")
    func covariance() throws {
        let covariance = try Samples.covariance()
        try folder.write("c.h5", CovarianceFile.encode(covariance))
        let read = try CovarianceFile.read(folder.file("c.h5"))
        #expect(read.matrix == covariance.matrix)
        #expect(read.samples == 2904)
        #expect(read.sensors == covariance.sensors)
        #expect(read.projectors == covariance.projectors)
    }

    @Test("A problem comes back exactly")
    func problem() throws {
        var random = SeededGenerator(seed: 1)
        let problem = try ProblemContents(
            gain: random.normal(rows: 6, columns: 9), data: random.normal(rows: 6, columns: 2), orientations: 3)
        try folder.write("p.h5", ProblemFile.encode(problem))
        #expect(try ProblemFile.read(folder.file("p.h5")) == problem)
    }

    @Test("A truth comes back exactly, its settings in order")
    func truth() throws {
        try folder.write("t.h5", TruthFile.encode(Samples.truth()))
        let read = try TruthFile.read(folder.file("t.h5"))
        #expect(read == Samples.truth())
        #expect(read.settings.map(\.name) == ["snr", "seed", "depth"])
        #expect(read.settings.map(\.value) == ["3 dB", "42", "0.8"])
    }

    @Test(
        "An estimate comes back exactly, with any number of axes a source, or no source, refined or not",
        arguments: [false, true], [false, true])
    func estimate(empty: Bool, isRefined: Bool) throws {
        let estimate = try Samples.estimate(empty: empty, isRefined: isRefined)
        try EstimateFile.write(estimate, to: folder.file("e.h5"), programVersion: "1.2.3")
        let read = try EstimateFile.read(folder.file("e.h5"))
        // The file tells what wrote it.
        var expected = estimate
        expected.versions = read.versions
        #expect(read == expected)
        #expect(read.versions.first == Setting("foci", "1.2.3"))
        #expect(read.settings.map(\.name) == ["window", "depth", "lambda"])
        #expect(read.candidates?.triangles.count == 398 && read.sensorData?.sensors.bad[1] == true)
        #expect(read.stability != nil && (read.refinement != nil) == isRefined)
        #expect(read.sources.allSatisfy { $0.stability != nil && ($0.timesNoise != nil) == isRefined })
    }

    @Test("An estimate of an earlier build, without candidates and data of sensors, is read without them")
    func withoutCandidates() throws {
        var estimate = try Samples.estimate()
        estimate.candidates = nil
        estimate.sensorData = nil
        try EstimateFile.write(estimate, to: folder.file("e.h5"), programVersion: "1")
        let file = try HDF5File(folder.file("e.h5"))
        for group in ["candidates", "sensors"] { #expect(try file.kind(of: group) == nil) }
        var read = try EstimateFile.read(folder.file("e.h5"))
        read.versions = []
        #expect(read == estimate)
    }

    @Test("Candidates come back without normals and without triangles that are none; what is unknown stays so")
    func partsOfCandidates() throws {
        var estimate = try Samples.estimate()
        estimate.candidateCount = 3
        estimate.candidates = try SourceSpace(
            positions: [[0, 0, 0.07], [0, 0.07, 0], [0.07, 0, 0]], normals: [[0, 0, 1], [0, 1, 0], [1, 0, 0]],
            frame: .ctf)
        estimate.candidates?.triangles = [[0, 1, 3], [2, 1, 0], [-1, 0, 1]]
        let read = try #require(
            try EstimateFile.read(folder.write("e.h5", EstimateFile.encode(estimate, programVersion: "1"))).candidates)
        #expect(read.positions == estimate.candidates?.positions && read.triangles == [[2, 1, 0]])
        #expect(read.normals == nil && read.hemispheres == nil && read.vertices == nil && read.frame == .ctf)
        estimate.candidates?.triangles = [[3, 3, 3]]
        try folder.write("e.h5", EstimateFile.encode(estimate, programVersion: "1"))
        #expect(try HDF5File(folder.file("e.h5")).kind(of: "candidates/triangles") == nil)
    }

    @Test("Whole numbers of candidates and flags take few bytes, and the same estimate gives the same bytes")
    func narrowNumbers() throws {
        let estimate = try Samples.estimate()
        let bytes = try EstimateFile.encode(estimate, programVersion: "1", timing: false)
        #expect(try bytes == EstimateFile.encode(Samples.estimate(), programVersion: "1", timing: false))
        let file = try HDF5File(try folder.write("e.h5", bytes))
        #expect(try file.describe("candidates/hemisphere").type == .integer(bytes: 1))
        #expect(try file.describe("candidates/vertex").type == .integer(bytes: 2))
        #expect(try file.describe("candidates/triangles").type == .integer(bytes: 2))
        #expect(try file.describe("sensors/bad").type == .integer(bytes: 1))
    }

    @Test("Candidates and data of sensors that do not fit the rest are not written")
    func misfits() throws {
        let sample = try Samples.estimate()
        let data = try #require(sample.sensorData)
        func place(_ change: (inout Estimate) -> Void) -> String {
            var estimate = sample
            change(&estimate)
            do {
                _ = try EstimateFile.encode(estimate, programVersion: "1")
                return ""
            } catch {
                return "\(error)"
            }
        }
        let wrong = SensorData(sensors: data.sensors, measured: data.measured, explained: data.measured.transposed)
        let (few, short) = (place { $0.candidateCount = 399 }, data.measured.columns([0, 1]))
        let (narrow, turned) = (place { $0.sensorData?.measured = short }, place { $0.sensorData = wrong })
        #expect(few.hasPrefix("candidates/position: 400 candidates; expected 399"))
        #expect(narrow.hasPrefix("sensors/measured: 5 × 2; expected 5 × 4"))
        #expect(turned.hasPrefix("sensors/explained: 4 × 5"))
    }

    @Test(
        "Candidates and data of sensors that are corrupt are refused", .enabled(if: PythonEnvironment.isPresent),
        arguments: [
            ("candidates/position", "np.zeros((399, 3))", "399 × 3"),
            ("candidates/position", "np.zeros((400, 2))", "400 × 2"),
            ("candidates/position", "np.full((400, 3), np.nan)", "source 0 is at NaN"),
            ("candidates/hemisphere", "np.full(400, 3)", "3 for source 0"), ("candidates/vertex", "[1, 2]", "2"),
            ("candidates/triangles", "[[0, 1, 400]]", "source 400; expected 0 to 399"),
            ("candidates/triangles", "[[0, 1, -1]]", "source -1"), ("candidates/triangles", "[0, 1, 2]", "3"),
            ("sensors/name", "['a', 'b']", "5"), ("sensors/bad", "[0, 0]", "2"),
            ("sensors/kind", "['mag'] * 4 + ['sound']", "'sound'"),
            ("sensors/location", "np.zeros((5, 11))", "5 × 11"), ("sensors/measured", "np.zeros((4, 4))", "4 × 4"),
            ("sensors/explained", "np.zeros((5, 3))", "5 × 3"), ("sensors/explained", "None", "not in the file"),
            ("candidates@frame", "'device'", "'device'"),
        ])
    func corruptGroups(name: String, value: String, finding: String) throws {
        try EstimateFile.write(try Samples.estimate(), to: folder.file("e.h5"), programVersion: "1")
        let script = """
            import h5py, numpy as np
            name, value = "\(name)", \(value)
            with h5py.File("e.h5", "r+") as f:
                if "@" in name:
                    group, name = name.split("@")
                    f[group].attrs[name] = value
                else:
                    del f[name]
                    if value is not None:
                        f[name] = value
            """
        try PythonEnvironment.run(script, in: folder.path)
        #expect { try EstimateFile.read(folder.file("e.h5")) } throws: { error in
            let line = "\(error)"
            // Too few names are too few for the kinds that are told after them.
            let place = name == "sensors/name" ? "sensors/kind" : name
            return line.contains(place) && line.contains(finding) && line.hasPrefix(folder.file("e.h5"))
        }
    }

    @Test("An estimate of an earlier build, without error bars, is read without them")
    func withoutErrorBars() throws {
        var estimate = try Samples.estimate()
        let refinement = try #require(estimate.refinement)
        for s in estimate.sources.indices {
            estimate.sources[s].region = nil
            estimate.sources[s].probability = nil
            for interval in SourceInterval.all { estimate.sources[s][keyPath: interval.path] = nil }
        }
        estimate.refinement = Refinement(
            charge: refinement.charge, objectives: refinement.objectives, isSettled: true, looks: 42)
        try EstimateFile.write(estimate, to: folder.file("e.h5"), programVersion: "1")
        let file = try HDF5File(folder.file("e.h5"))
        for name in ["offsets", "vertices", "axes", "centre", "level", "volume"] {
            #expect(try file.kind(of: "sources/region_\(name)") == nil)
        }
        for name in ["gain_error", "held_out_sensors"] {
            #expect(try !file.attributeNames(of: "refinement").contains(name))
        }
        let read = try EstimateFile.read(folder.file("e.h5"))
        #expect(read.sources == estimate.sources && read.refinement == estimate.refinement)
    }

    @Test(
        "Offsets that do not part the vertices of regions are refused", .enabled(if: PythonEnvironment.isPresent),
        arguments: [[0, 5, 2, 6], [1, 2, 2, 6], [0, 2, 2, 7]])
    func faultyOffsets(offsets: [Int]) throws {
        let estimate = try Samples.estimate()
        try EstimateFile.write(estimate, to: folder.file("e.h5"), programVersion: "1")
        let script = """
            import h5py
            with h5py.File("e.h5", "r+") as f:
                f["sources/region_offsets"][:] = \(offsets)
            """
        try PythonEnvironment.run(script, in: folder.path)
        #expect { try EstimateFile.read(folder.file("e.h5")) } throws: { error in
            "\(error)".contains("sources/region_offsets: offsets that do not part")
        }
    }

    @Test("Python reads the region of each source from estimate.h5", .enabled(if: PythonEnvironment.isPresent))
    func regionsInPython() throws {
        try EstimateFile.write(Samples.estimate(), to: folder.file("e.h5"), programVersion: "1")
        try PythonEnvironment.run(
            """
            import h5py, numpy as np
            with h5py.File("e.h5") as f:
                s = f["sources"]
                o, v = s["region_offsets"][()], s["region_vertices"][()]
                assert [v[a:b].tolist() for a, b in zip(o, o[1:])] == [[100, 101], [], [300, 301, 302, 303]]
                assert s["region_axes"].shape == (3, 3, 3) and np.isnan(s["region_axes"][1]).all()
                assert s["region_axes"][0, 1].tolist() == [0, 0.008, 0], s["region_axes"][0]
                assert s["region_centre"][0, 0] == s["position"][0, 0] + 0.001 and np.isnan(s["region_level"][1])
                assert s["peak_amplitude_low"][0] == 1e-8 and s["peak_time_high"][2] == 0.07
                assert np.isinf(s["extent_high"][2]) and s["probability"][0] == 0.9
                assert f["refinement"].attrs["gain_error"] == 0.05
                assert f["refinement"].attrs["held_out_sensors"] == 0.375
            """, in: folder.path)
    }

    @Test("Estimates that differ in time spent alone give the same bytes without timing")
    func timing() throws {
        let (a, b) = (try Samples.estimate(seconds: 1), try Samples.estimate(seconds: 2))
        let bare = try EstimateFile.encode(a, programVersion: "1", timing: false)
        #expect(try bare == EstimateFile.encode(b, programVersion: "1", timing: false))
        #expect(try EstimateFile.encode(a, programVersion: "1") != EstimateFile.encode(b, programVersion: "1"))
        let read = try EstimateFile.read(try folder.write("bare.h5", bare))
        #expect(read.seconds == StageSeconds())
    }

    @Test("Every format is described, with its name and facts")
    func inspection() throws {
        try folder.write("forward", ForwardFile.encode(Samples.forward()))
        try folder.write("recording", RecordingFile.encode(Samples.recording()))
        try folder.write("covariance", CovarianceFile.encode(Samples.covariance()))
        try folder.write("truth", TruthFile.encode(Samples.truth()))
        try EstimateFile.write(Samples.estimate(), to: folder.file("estimate"), programVersion: "1")
        for content in [FileContent.forward, .recording, .covariance, .truth, .estimate] {
            let description = try FileInspection.describe(folder.file(content.rawValue))
            #expect(description.contents == [content])
            #expect(description.format == "Foci HDF5")
            #expect(!description.facts.isEmpty)
        }
        let facts = try FileInspection.describe(folder.file("recording")).facts
        #expect(facts.contains { $0.name == "bad channels" && $0.value == "CH 1" })
        #expect(facts.contains { $0.name == "projectors" && $0.value.contains("applied") })
    }
}

@Suite("Formats: files as others write them")
struct ForeignWriterTests {
    static let python = ["/usr/bin/env", "python3"]

    /// Runs a Python script with h5py; nil where there is none.
    static func run(_ script: String) -> Int32? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script]
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        process.waitUntilExit()
        return process.terminationStatus
    }

    static let hasH5py = run("import h5py, numpy") == 0

    static let script = """
        import h5py, numpy as np, sys
        f = h5py.File(PATH, 'w')
        f.attrs['format'] = np.bytes_('recording'); f.attrs['version'] = [1]
        f.attrs['sampling_frequency'] = np.array([250.0], '>f8'); f.attrs['first_time'] = -1
        f.attrs['averages'] = 2.0
        f.create_dataset('data', data=np.arange(12).reshape(2, 3, 2).astype('>f4'), chunks=(2, 1, 1), compression='gzip')
        f['sensors/name'] = np.array(['a', 'bb', 'ccc'], 'S8')
        f.create_dataset('sensors/kind', data=['mag', 'eeg', 'grad'], chunks=(2,), compression='gzip')
        f['sensors/bad'] = np.array([True, False, True])
        """

    @Test(
        "Big-endian, fixed strings, booleans, chunked and packed strings, attributes of shape (1,)",
        .enabled(if: hasH5py, "there is no Python with h5py"))
    func python() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("r.h5")
        #expect(Self.run(Self.script.replacingOccurrences(of: "PATH", with: "'\(path)'") + "\nf.close()") == 0)
        let read = try RecordingFile.read(path)
        #expect(read.epochs.map(\.elements) == [[0, 2, 4, 1, 3, 5], [6, 8, 10, 7, 9, 11]])
        #expect(read.sensors.names == ["a", "bb", "ccc"])
        #expect(read.sensors.kinds == [.mag, .eeg, .grad])
        #expect(read.sensors.bad == [true, false, true])
        #expect(read.samplingFrequency == 250 && read.firstTime == -1 && read.averages == 2)
    }

    @Test(
        "Links out of the file, external storage, virtual datasets and foreign filters are refused",
        .enabled(if: hasH5py, "there is no Python with h5py"))
    func refused() throws {
        let folder = try TemporaryFolder()
        let (path, other) = (folder.file("links.h5"), folder.file("other.h5"))
        let script = """
            import h5py, numpy as np
            g = h5py.File('\(other)', 'w'); g['x'] = np.ones((3, 3)); g.close()
            f = h5py.File('\(path)', 'w')
            f['external'] = h5py.ExternalLink('\(other)', '/x')
            f['soft'] = h5py.SoftLink('/external')
            f['loop'] = h5py.SoftLink('/loop')
            f['fine'] = h5py.SoftLink('/real'); f['real'] = np.ones((2, 2))
            f.create_dataset('stored', shape=(3, 3), dtype='f8', external=[('\(folder.file("raw.bin"))', 0, 72)])
            f.create_dataset('lzf', data=np.ones((50, 50)), compression='lzf')
            v = h5py.VirtualLayout((3, 3), 'f8'); v[:] = h5py.VirtualSource('\(other)', 'x', (3, 3))
            f.create_virtual_dataset('virtual', v)
            f.create_dataset('sparse', shape=(1 << 40,), dtype='f8', chunks=(1 << 10,))
            f.create_dataset('unwritten', shape=(10,), dtype='u1')
            f.close()
            """
        #expect(Self.run(script) == 0)
        let file = try HDF5File(path)
        #expect(try file.matrix("fine").elements == [1, 1, 1, 1])
        #expect(try file.integers("unwritten").elements == [Int](repeating: 0, count: 10))
        for name in ["external", "soft", "loop", "stored", "lzf", "virtual"] {
            do {
                _ = try file.doubles(name)
                Issue.record("'\(name)' was read")
            } catch {
                #expect(error.kind == .refused, "\(error)")
            }
        }
        do {
            _ = try file.doubles("sparse")
            Issue.record("a sparse dataset of 8 TB was read")
        } catch {
            #expect(error.kind == .implausibleSize)
        }
    }
}
