import HDF5
import SourceImaging
import TestSupport
import Testing

@testable import Formats

@Suite(
    "Estimates in the formats of others",
    .enabled(if: PythonEnvironment.isPresent, Comment(rawValue: PythonEnvironment.absence)))
struct EstimateWritingTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// Sources by hemisphere and vertex, with so many axes each, in the order in which they explain field.
    private func stored(
        _ places: [(Hemisphere?, Int?)], axes count: Int, frame: CoordinateFrame = .head, subject: String = "s01",
        isRefined: Bool = false
    ) throws -> Estimate {
        var random = SeededGenerator(seed: 4)
        let sample = try Samples.estimate()
        let sources = places.enumerated().map { k, place in
            EstimatedSource(
                index: 5 * k, position: SIMD3(0.01, 0.02, 0.03 + 0.01 * Double(k)), hemisphere: place.0,
                vertex: place.1,
                amplitudes: random.normal(rows: count, columns: 4) * 1e-8,
                axes: count == 1
                    ? [SIMD3(0.6, 0.8, 0)] : Array([[1, 0, 0], [0, 0.8, 0.6], [0, -0.6, 0.8]].prefix(count)),
                field: 10 / Double(k + 1), share: 0.5 / Double(k + 1), extent: isRefined ? 0.005 * Double(k % 2) : nil,
                timesNoise: isRefined ? 8 / Double(k + 1) : nil)
        }
        var estimate = Estimate(
            sources: sources, times: sample.times, frame: frame, selection: sample.selection,
            preparation: sample.preparation, certificate: sample.certificate)
        estimate.subject = subject
        estimate.condition = "left"
        estimate.candidateCount = 400
        estimate.goodnessOfFit = 0.75
        estimate.settings = sample.settings
        estimate.warnings = sample.warnings
        estimate.seconds = sample.seconds
        if isRefined {
            estimate.refinement = sample.refinement
            for (s, source) in zip(sources.indices, sample.sources) {
                (estimate.sources[s].region, estimate.sources[s].probability) = (source.region, source.probability)
                estimate.sources[s].latencyInterval = source.latencyInterval
            }
        }
        try EstimateFile.write(estimate, to: folder.file("estimate.h5"), programVersion: "1")
        return try EstimateFile.read(folder.file("estimate.h5"))
    }

    private func write(_ estimate: Estimate, to name: String) throws {
        for file in try FileFormats.encode(.estimate(estimate), to: folder.file(name)) {
            try AtomicFile.write(file.bytes, to: file.path)
        }
    }

    /// Reads a source estimate by MNE-Python: its class, data, vertices and times.
    private func readByMNE(_ name: String) throws -> (kind: String, data: [Double], vertices: [[Int]], times: [Double])
    {
        let kind = try PythonEnvironment.run(
            """
            import mne, h5py
            stc = mne.read_source_estimate("\(name)")
            assert stc.data.shape[0] == sum(len(v) for v in stc.vertices)
            with h5py.File("read.h5", "w") as f:
                f["data"], f["times"] = stc.data, stc.times
                for k, v in enumerate(stc.vertices):
                    f[f"vertices{k}"] = v
            print(type(stc).__name__, stc.subject, len(stc.vertices), end="")
            """, in: folder.path)
        let words = kind.split(separator: " ")
        let file = try HDF5File(folder.file("read.h5"))
        var vertices: [[Int]] = []
        for k in 0..<(Int(words[2]) ?? 0) { vertices.append(try file.integers("vertices\(k)").elements) }
        return (
            "\(words[0]) \(words[1])", try file.doubles("data").elements, vertices, try file.doubles("times").elements
        )
    }

    private let surface: [(Hemisphere?, Int?)] = [(.right, 900), (.left, 70), (.right, 8), (.left, 12)]
    /// Positions in `surface` in MNE-Python's order.
    private let surfaceOrder = [3, 1, 2, 0]

    @Test("-stc.h5 of a surface: vertices ascend in each hemisphere, amplitudes go with them exactly")
    func scalarSurface() throws {
        let estimate = try stored(surface, axes: 1)
        try write(estimate, to: "a-stc.h5")
        let read = try readByMNE("a-stc.h5")
        #expect(read.kind == "SourceEstimate s01")
        #expect(read.vertices == [[12, 70], [8, 900]])
        #expect(read.data == surfaceOrder.flatMap { estimate.sources[$0].amplitudes.row(0) })
        #expect(zip(read.times, estimate.times).allSatisfy { abs($0 - $1) < 1e-15 })
    }

    @Test("-stc.h5 of dipoles that turn is a vector estimate along x, y and z", arguments: [2, 3])
    func vectorSurface(axes: Int) throws {
        let estimate = try stored(surface, axes: axes, subject: "")
        try write(estimate, to: "a-stc.h5")
        let read = try readByMNE("a-stc.h5")
        #expect(read.kind == "VectorSourceEstimate None")
        let expected = try surfaceOrder.flatMap { k in
            let moments = try estimate.sources[k].moments()
            return (0..<3).flatMap { moments.row($0) }
        }
        #expect(read.data == expected)
        // The axes are orthonormal: the length of the vector is that of the amplitudes.
        let vector = (0..<3).map { read.data[4 * $0] }
        let amplitudes = estimate.sources[3].amplitudes.column(0)
        func squaredLength(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 } }
        #expect(abs(squaredLength(vector) - squaredLength(amplitudes)) < 1e-30)
    }

    @Test("-stc.h5 of volumes, of surfaces with volumes, and of one hemisphere")
    func otherSpaces() throws {
        try write(try stored([(.volume, 9), (.volume, 2)], axes: 3), to: "v-stc.h5")
        let volume = try readByMNE("v-stc.h5")
        #expect(volume.kind == "VolVectorSourceEstimate s01")
        #expect(volume.vertices == [[2, 9]])
        try write(try stored([(.volume, 9), (.right, 4), (.left, 70)], axes: 1), to: "m-stc.h5")
        let mixed = try readByMNE("m-stc.h5")
        #expect(mixed.kind == "MixedSourceEstimate s01")
        #expect(mixed.vertices == [[70], [4], [9]])
        try write(try stored([(.right, 4)], axes: 1), to: "r-stc.h5")
        #expect(try readByMNE("r-stc.h5").vertices == [[], [4]])
        try write(try stored([], axes: 1), to: "none-stc.h5")
        #expect(try readByMNE("none-stc.h5").vertices == [[], []])
    }

    @Test("A pair of .stc files holds the same, in single precision")
    func binary() throws {
        let estimate = try stored(surface, axes: 1)
        try write(estimate, to: "b.stc")
        #expect(folder.contents.contains("b-lh.stc") && folder.contents.contains("b-rh.stc"))
        let read = try readByMNE("b-lh.stc")
        #expect(read.vertices == [[12, 70], [8, 900]])
        let expected = surfaceOrder.flatMap { estimate.sources[$0].amplitudes.row(0).map { Double(Float($0)) } }
        #expect(read.data == expected)
        try write(try stored([(.volume, 9), (.volume, 2)], axes: 1), to: "c.stc")
        #expect(try readByMNE("c-vl.stc").vertices == [[2, 9]])
    }

    @Test("Of dipoles that turn a pair of .stc files holds magnitudes")
    func magnitudes() throws {
        let estimate = try stored(surface, axes: 3)
        try write(estimate, to: "m.stc")
        let read = try readByMNE("m-rh.stc")
        #expect(read.kind == "SourceEstimate None" && read.vertices == [[12, 70], [8, 900]])
        let expected = surfaceOrder.flatMap { k in
            let amplitudes = estimate.sources[k].amplitudes
            return (0..<amplitudes.columns).map { t in
                amplitudes.column(t).reduce(0) { $0 + $1 * $1 }.squareRoot()
            }
        }
        #expect(read.data.count == expected.count)
        #expect(zip(read.data, expected).allSatisfy { abs($0 - $1) <= 1e-7 * $1 })
        #expect(zip(read.times, estimate.times).allSatisfy { abs($0 - $1) < 1e-9 })
    }

    @Test("A single sample is written and read like many", arguments: ["a-stc.h5", "a.stc", "a.dip", "a.mat"])
    func single(name: String) throws {
        let many = try stored(surface, axes: 1)
        let sources = many.sources.map { source in
            EstimatedSource(
                index: source.index, position: source.position, hemisphere: source.hemisphere, vertex: source.vertex,
                amplitudes: source.amplitudes.columns([2]), axes: source.axes, field: source.field, share: source.share)
        }
        let estimate = Estimate(
            sources: sources, times: [many.times[2]], frame: .head, selection: many.selection,
            preparation: many.preparation, certificate: many.certificate)
        try write(estimate, to: name)
        let read = try PythonEnvironment.run(
            """
            import mat73, mne, numpy as np
            name = "\(name)"
            if name.endswith(".mat"):
                e = mat73.loadmat(name)["estimate"]
                times, values = e["time"], e["timecourse"]
            elif name.endswith(".dip"):
                d = mne.read_dipole(name, verbose="error")
                times, values = d.times[:1], d.amplitude
            else:
                stc = mne.read_source_estimate(name.replace(".stc", "-lh.stc"))
                times, values = stc.times, stc.data
            print(*np.ravel(times), *np.sort(np.abs(np.ravel(values))))
            """, in: folder.path
        ).split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        let expected = [many.times[2]] + sources.map { abs($0.amplitudes[0, 0]) }.sorted()
        #expect(read.count == expected.count)
        #expect(zip(read, expected).allSatisfy { abs($0 - $1) <= 1e-7 * abs($1) }, "\(read) \(expected)")
    }

    @Test(".dip holds position, moment and direction of each source at each sample", arguments: [1, 3])
    func dipoles(axes: Int) throws {
        let estimate = try stored(surface, axes: axes)
        try write(estimate, to: "d.dip")
        try PythonEnvironment.run(
            """
            import mne, h5py, warnings
            warnings.simplefilter("error")
            d = mne.read_dipole("d.dip")
            assert d.name == "left"
            with h5py.File("read.h5", "w") as f:
                f["times"], f["pos"], f["q"], f["gof"] = d.times, d.pos, d.ori * d.amplitude[:, None], d.gof
            """, in: folder.path)
        let file = try HDF5File(folder.file("read.h5"))
        let (times, gof) = (try file.doubles("times").elements, try file.doubles("gof").elements)
        let (positions, moments) = (try file.doubles("pos").elements, try file.doubles("q").elements)
        #expect(times.count == 16)
        for (s, source) in estimate.sources.enumerated() {
            let expected = try source.moments()
            for t in 0..<4 {
                let row = 4 * s + t
                #expect(abs(times[row] - estimate.times[t]) < 1e-10)
                #expect(abs(gof[row] - 100 * source.share) < 1e-6)
                for k in 0..<3 {
                    #expect(abs(positions[3 * row + k] - source.position[k]) < 1e-10)
                    #expect(abs(moments[3 * row + k] - expected[k, t]) < 1e-16)
                }
            }
        }
    }

    @Test("MATLAB 7.3 holds how the sources were refined, where they were")
    func refinedMATLAB() throws {
        let places: [(Hemisphere?, Int?)] = [(.right, 900), (.left, 4), (.left, 3)]
        try write(try stored(places, axes: 1, isRefined: true), to: "r.mat")
        try write(try stored(places, axes: 1), to: "p.mat")
        try PythonEnvironment.run(
            """
            import mat73, numpy as np
            r, p = (mat73.loadmat(f)["estimate"] for f in ("r.mat", "p.mat"))
            assert r["extent"].tolist() == [0, 0.005, 0] and r["times_noise"].tolist() == [8, 4, 8 / 3]
            n = r["refinement"]
            assert set(n) == {"charge", "stretches", "length", "objectives", "settled", "looks", "gain_error",
                              "charge_uncertainty", "held_out_sensors"}, set(n)
            assert n["gain_error"] == 0.05 and n["charge_uncertainty"] == 12.25 and n["held_out_sensors"] == 0.375
            assert n["charge"] == 359.5 and n["stretches"] == 3 and n["length"] == 61 and n["looks"] == 42
            assert n["objectives"].tolist() == [500.25, 499.5] and bool(n["settled"]) is True
            o, v = (r[f"region_{name}"].astype(int) for name in ("offsets", "vertices"))
            regions = [v[a - 1 : b - 1].tolist() for a, b in zip(o, o[1:])]
            assert regions == [[101, 102], [], [301, 302, 303, 304]], regions
            assert r["region_axes"].shape == (3, 3, 3) and np.isnan(r["region_axes"][1]).all()
            assert r["region_axes"][2].tolist() == [[0.012, 0, 1e-3 / 3], [0, 0.008, 0], [-1e-4, 0, 0.004]]
            assert r["region_centre"][0].tolist() == [0.011, 0.02 - 1e-4 / 3, 0.03], r["region_centre"]
            assert r["probability"].tolist() == [0.9, 0.8, 1 - 0.1 * 3] and r["peak_time_high"].tolist() == [0.07] * 3
            assert np.isnan(r["extent_low"]).all()
            bars = {f"region_{k}" for k in ("offsets", "vertices", "axes", "centre", "level", "volume")} | {"probability"}
            bars |= {f"{k}_{side}" for k in ("peak_amplitude", "peak_time", "extent") for side in ("low", "high")}
            assert set(r) - set(p) == {"extent", "times_noise", "refinement"} | bars and not set(p) - set(r)
            """, in: folder.path)
    }

    @Test("MATLAB 7.3 holds candidates and what sensors measured, triangles counted from 1")
    func candidatesInMATLAB() throws {
        let sample = try Samples.estimate()
        try EstimateFile.write(sample, to: folder.file("e.h5"), programVersion: "1")
        try write(sample, to: "e.mat")
        try PythonEnvironment.run(
            """
            import h5py, mat73, numpy as np
            e = mat73.loadmat("e.mat")["estimate"]
            c, s = e["candidates"], e["sensors"]
            with h5py.File("e.h5") as f:
                for name in ("position", "hemisphere", "vertex"):
                    assert np.array_equal(c[name], f[f"candidates/{name}"]), name
                assert np.array_equal(c["triangles"], f["candidates/triangles"][()] + 1) and c["frame"] == "head"
                for name in ("bad", "location", "measured", "explained"):
                    assert np.array_equal(s[name], f[f"sensors/{name}"]), name
                assert [n[0] for n in s["kind"]] == [k.decode() for k in f["sensors/kind"]], s["kind"]
                assert f["candidates"].attrs["frame"] == "head" and f["candidates/triangles"].dtype == "u2"
            """, in: folder.path)
    }

    @Test("MATLAB 7.3 is read alike by mat73, pymatreader and h5py, and recognized by SciPy")
    func matlab() throws {
        let estimate = try stored([(.right, 900), (nil, nil), (.left, 3)], axes: 2)
        try write(estimate, to: "e.mat")
        let output = try PythonEnvironment.run(
            """
            import h5py, mat73, numpy as np, pymatreader, scipy.io
            a = mat73.loadmat("e.mat")["estimate"]
            b = pymatreader.read_mat("e.mat")["estimate"]
            assert list(a) != [] and set(a) == set(b), (set(a) ^ set(b))
            assert a["subject"] == b["subject"] == "s01" and a["condition"] == "left" and a["frame"] == "head"
            assert a["warnings"] == ["λ lies at the edge of the grid"] and bool(a["selection"]["at_grid_edge"]) is True
            assert a["hemisphere"] == [["right"], [""], ["left"]], a["hemisphere"]
            assert a["settings"][2] == ["lambda", "auto"], a["settings"]
            for name in ("time", "index", "position", "vertex", "timecourse", "field", "share"):
                assert np.array_equal(a[name], b[name], equal_nan=True), name
            assert a["index"].tolist() == [1, 6, 11] and a["selection"]["chosen"] == 2
            try:
                scipy.io.loadmat("e.mat")
                raise AssertionError("SciPy reads HDF5 now")
            except NotImplementedError:
                pass
            with h5py.File("e.mat") as f, h5py.File("read.h5", "w") as g:
                assert f.userblock_size == 512
                e = f["estimate"]
                # Transposed, as MATLAB stores it.
                assert e["position"].shape == (3, 3) and np.array_equal(e["position"][()].T, a["position"])
                g["position"], g["timecourse"] = a["position"], a["timecourse"]
                g["moment"] = np.stack([f[r][()].T for r in e["moment"][0]])
                g["axis"] = np.stack([np.asarray(x) for x in a["axis"]])
            print(a["goodness_of_fit"], end="")
            """, in: folder.path)
        #expect(output == "0.75")
        let file = try HDF5File(folder.file("read.h5"))
        let positions = estimate.sources.map(\.position).flatMap { [$0.x, $0.y, $0.z] }
        let axes = estimate.sources.flatMap { $0.axes ?? [] }.flatMap { [$0.x, $0.y, $0.z] }
        #expect(try file.doubles("position").elements == positions)
        #expect(try file.doubles("timecourse").elements == estimate.sources.flatMap(\.timeCourse))
        #expect(try file.matrices("moment").map { Matrix($0) } == estimate.sources.map(\.amplitudes))
        #expect(try file.doubles("axis").elements == axes)
    }
}

@Suite("MATLAB 7.3 and estimate.h5")
struct EstimateFieldTests {
    /// Below a group the paths of datasets, and the names of attributes after `@`.
    private func values(_ file: borrowing HDF5File, in group: String, as prefix: String = "") throws -> Set<String> {
        var found = Set(try file.attributeNames(of: group).map { "\(prefix)@\($0)" })
        for link in try file.links(in: group) {
            let (object, name) = ("\(group)/\(link.name)", prefix + link.name)
            if try file.kind(of: object) == .group {
                found.formUnion(try values(file, in: object, as: name + "/"))
            } else {
                found.insert(name)
            }
        }
        return found
    }

    @Test("MATLAB holds what estimate.h5 holds, and time courses", arguments: [false, true])
    func sameFields(isRefined: Bool) throws {
        let folder = try TemporaryFolder()
        let sample = try Samples.estimate(isRefined: isRefined)
        try EstimateFile.write(sample, to: folder.file("e.h5"), programVersion: "1")
        let stored = try EstimateFile.read(folder.file("e.h5"))
        for file in try FileFormats.encode(.estimate(stored), to: folder.file("e.mat")) {
            try AtomicFile.write(file.bytes, to: file.path)
        }
        // What MATLAB calls otherwise: structs have no attributes, and a cell says how many axes a source has.
        let names = [
            "sources/amplitudes": "moment", "sources/axis_count": "moment", "sources/axes": "axis", "times": "time",
            "selection/@criterion": "selection/criterion_name", "selection/@chosen_index": "selection/chosen",
        ]
        let expected = try values(try HDF5File(folder.file("e.h5")), in: "/").subtracting(["@format", "@version"]).map {
            path in
            if let name = names[path] { return name }
            if path.hasPrefix("settings/") || path.hasPrefix("versions/") { return String(path.prefix(8)) }
            return (path.hasPrefix("sources/") ? path.dropFirst(8) : path[...]).filter { $0 != "@" }
        }
        let written = try values(try HDF5File(folder.file("e.mat")), in: "/estimate").filter { !$0.contains("@") }
        #expect(written == Set(expected + ["timecourse"]))
    }
}

@Suite("Estimates that a format cannot hold")
struct EstimateRefusalTests {
    private func message(_ change: (inout [EstimatedSource]) -> Void, to path: String) throws -> String {
        let folder = try TemporaryFolder()
        try EstimateFile.write(try Samples.estimate(), to: folder.file("e.h5"), programVersion: "1")
        let stored = try EstimateFile.read(folder.file("e.h5"))
        var estimate = Estimate(
            sources: stored.sources, times: stored.times, frame: .mri, selection: stored.selection,
            preparation: stored.preparation, certificate: stored.certificate)
        change(&estimate.sources)
        do {
            _ = try FileFormats.encode(.estimate(estimate), to: path)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("Sources without vertices, two at one vertex, and dipoles outside the head frame are told")
    func refusals() throws {
        #expect(try message({ _ in }, to: "a-stc.h5").contains("no vertex or hemisphere of source 200"))
        #expect(try message({ $0 = [$0[0], $0[0]] }, to: "a.stc").contains("sources 100 and 100 at vertex 7"))
        #expect(try message({ _ in }, to: "a.dip").contains("expected head coordinates"))
        #expect(try message({ _ in }, to: "a.nii").contains("a name whose ending tells no format"))
    }
}
