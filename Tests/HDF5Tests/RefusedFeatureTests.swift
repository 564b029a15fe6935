import Foundation
import TestSupport
import Testing

@testable import HDF5

@Suite("HDF5: what is never followed, allocated or locked")
struct RefusedFeatureTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// Files that h5py makes, each with something that is refused under the name `data`.
    private static let script = """
        import h5py, numpy as np, os
        with h5py.File("other.h5", "w") as f:
            f["data"] = np.arange(4.0)
        np.arange(4.0).tofile("outside.bin")
        with h5py.File("link.h5", "w") as f:
            f["data"] = h5py.ExternalLink("other.h5", "data")
        with h5py.File("soft.h5", "w") as f:
            f["away"] = h5py.ExternalLink("other.h5", "/")
            f["data"] = h5py.SoftLink("/away/data")
        with h5py.File("storage.h5", "w") as f:
            f.create_dataset("data", (4,), "f8", external=[("outside.bin", 0, 32)])
        with h5py.File("virtual.h5", "w") as f:
            layout = h5py.VirtualLayout((4,), "f8")
            layout[:] = h5py.VirtualSource("other.h5", "data", (4,))
            f.create_virtual_dataset("data", layout)
        with h5py.File("filter.h5", "w") as f:
            f.create_dataset("data", data=np.arange(100.0), compression="lzf")
        with h5py.File("scaled.h5", "w") as f:
            f.create_dataset("data", data=np.arange(100), scaleoffset=0)
        with h5py.File("petabyte.h5", "w") as f:
            f.create_dataset("data", (1 << 23, 1 << 24), "f8")
        with h5py.File("petabyte-chunks.h5", "w") as f:
            f.create_dataset("data", (1 << 23, 1 << 24), "f8", chunks=(64, 64), compression="gzip")
        with h5py.File("petabyte-fill.h5", "w") as f:
            f.create_dataset("data", (1 << 47,), "f8", chunks=(1 << 16,), fillvalue=7.0)
        with h5py.File("region.h5", "w") as f:
            d = f.create_dataset("numbers", data=np.arange(4.0))
            f.create_dataset("data", data=np.array([d.regionref[0:2]], dtype=h5py.regionref_dtype))
        assert max(os.path.getsize(n) for n in os.listdir(".") if n.endswith(".h5")) < 20000
        """

    @Test(
        "Other files, unknown filters and sizes that no file holds are refused with one line",
        .enabled(if: PythonEnvironment.isPresent, Comment(rawValue: PythonEnvironment.absence)))
    func refused() throws {
        try PythonEnvironment.run(Self.script, in: folder.path)
        let cases: [(String, HDF5Error.Kind, String)] = [
            ("link", .refused, "a link to another file"), ("soft", .refused, "a link"),
            ("storage", .refused, "data stored in another file"), ("storage", .refused, "h5repack -l CONTI"),
            ("virtual", .refused, "a virtual dataset"),
            ("filter", .refused, "data packed with filter 32000"), ("filter", .refused, "h5py: compression='gzip'"),
            ("scaled", .refused, "data packed with filter 6"), ("scaled", .refused, "h5repack -f GZIP=4"),
            ("petabyte", .implausibleSize, "8388608 × 16777216 elements in a file of"),
            ("petabyte-chunks", .implausibleSize, "elements in a file of"),
            ("petabyte-fill", .implausibleSize, "elements in a file of"),
            ("region", .wrongType, "references to regions"),
        ]
        for (name, kind, text) in cases {
            let file = try HDF5File(folder.file("\(name).h5"))
            let error = #expect(throws: HDF5Error.self, "\(name)") { try file.doubles("data") }
            #expect(error?.kind == kind, "\(name)")
            #expect(error?.description.contains(text) == true, "\(error?.description ?? name)")
            // It cannot unpack filters of others either.
            if name == "filter" { #expect(error?.description.contains("h5repack") == false) }
        }
    }

    @Test(
        "Files of every age and shape are sound: soft links, loops, large and small indices, new structures",
        .enabled(if: PythonEnvironment.isPresent, Comment(rawValue: PythonEnvironment.absence)))
    func sound() throws {
        try PythonEnvironment.run(
            """
            import h5py, numpy as np
            def fill(f):
                f["data"] = np.arange(5.0)
                f["soft"] = h5py.SoftLink("/data")
                f["nowhere"] = h5py.SoftLink("/absent")
                g = f.create_group("a/b/c")
                g["up"] = f["a"]
                g["type"] = np.dtype("f4")
                g.create_dataset("typed", data=np.zeros(3, "f4"), dtype=g["type"])
                for k in range(300):
                    g[f"number {k}"] = k
                f.create_dataset("chunks", data=np.arange(90000.0).reshape(300, 300), chunks=(7, 9), compression="gzip", fletcher32=True)
                f.create_dataset("growing", data=np.arange(90.0), chunks=(4,), maxshape=(None,))
                for k in range(40):
                    f["data"].attrs[f"attribute {k}"] = "x" * 100
            for name, options in dict(
                old=dict(libver="earliest"), new=dict(libver="v110"), block=dict(userblock_size=2048),
                ordered=dict(track_order=True)).items():
                with h5py.File(f"{name}.h5", "w", **options) as f:
                    fill(f)
            # Other sizes of indices, which h5py cannot ask for: by the library that it has loaded.
            import ctypes, re
            library = ctypes.CDLL(re.search(r"(/\\S*libhdf5-\\S+)", open("/proc/self/maps").read()).group(1))
            library.H5Pcreate.restype = library.H5Fcreate.restype = ctypes.c_int64
            created = ctypes.c_int64.in_dll(library, "H5P_CLS_FILE_CREATE_ID_g").value
            creation = ctypes.c_int64(library.H5Pcreate(ctypes.c_int64(created)))
            assert library.H5Pset_sym_k(creation, 3, 2) >= 0 and library.H5Pset_istore_k(creation, 100) >= 0
            file = library.H5Fcreate(b"sizes.h5", 2, creation, ctypes.c_int64(0))
            assert file >= 0 and library.H5Fclose(ctypes.c_int64(file)) >= 0
            with h5py.File("sizes.h5", "r+") as f:
                fill(f)
            """, in: folder.path)
        for name in ["old", "new", "block", "ordered", "sizes"] {
            let file = try HDF5File(folder.file("\(name).h5"))
            #expect(try file.doubles("soft").elements == [0, 1, 2, 3, 4], "\(name)")
            #expect(try file.doubles("a/b/c/up/b/c/number 299").elements == [299], "\(name)")
            #expect(try file.doubles("a/b/c/typed").elements == [0, 0, 0], "\(name)")
            #expect(try file.matrix("chunks").elements[1] == 300, "\(name)")
            #expect(try file.doubles("growing").elements.last == 89, "\(name)")
            #expect(try file.links(in: "a/b/c").count == 303, "\(name)")
        }
    }

    @Test("A file that somebody has locked is read, and is left without a lock")
    func locks() throws {
        let writer = try HDF5Writer()
        try writer.dataset("data", [1, 2, 3], shape: [3])
        let path = try folder.write("locked.h5", try writer.finish())
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        try #require(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
        let file = try HDF5File(path)
        #expect(try file.doubles("data").elements == [1, 2, 3])
        flock(descriptor, LOCK_UN)
        #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
    }

    @Test("References lead to the objects that links name; empty ones are 0")
    func references() throws {
        let writer = try HDF5Writer(userBlock: [UInt8](repeating: 0x20, count: 1024))
        try writer.dataset("#refs#/a", [1], shape: [1])
        try writer.dataset("#refs#/b", [2], shape: [1])
        try writer.dataset("cells", references: ["#refs#/b", "#refs#/a"], shape: [2, 1])
        let bytes = try writer.finish()
        #expect(bytes.prefix(1024).allSatisfy { $0 == 0x20 })
        let file = try HDF5File(try folder.write("references.h5", bytes))
        let links = try file.links(in: "#refs#")
        #expect(links.map(\.name) == ["a", "b"])
        let references = try file.references("cells")
        #expect(references.shape == [2, 1])
        #expect(references.elements == [links[1].address, links[0].address])
        #expect(throws: HDF5Error.self) { try file.references("#refs#/a") }
        #expect(throws: HDF5Error.self) { try file.doubles("cells") }
    }

    @Test("Slabs hold every element once, in order", arguments: [false, true])
    func slabs(compressed: Bool) throws {
        let (rows, columns) = (700, 300)
        let values = (0..<(rows * columns)).map { Double($0) }
        let writer = try HDF5Writer()
        // Row-major in the file: element (i, j) is i + j·rows.
        try writer.matrix("m", rows: rows, columns: columns, columnMajor: values, compressed: compressed)
        let file = try HDF5File(try folder.write("slabs.h5", try writer.finish()))
        var (next, wrong) = (0, 0)
        try file.slabs("m") { start, height, elements in
            if start != next || elements.count != height * columns { wrong += 1 }
            next = start + height
            for (k, value) in elements.enumerated() where value != values[start + k / columns + k % columns * rows] {
                wrong += 1
            }
        }
        #expect(next == rows && wrong == 0)
    }
}
