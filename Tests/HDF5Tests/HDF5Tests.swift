import Foundation
import TestSupport
import Testing

@testable import HDF5

/// A small file with every kind of content.
private func sampleBytes() throws -> [UInt8] {
    let writer = try HDF5Writer()
    try writer.attribute("format", "sample")
    try writer.attribute("count", 42)
    try writer.attribute("scale", of: "group/numbers", 2.5)
    try writer.dataset("group/vector", [1.5, -2, .infinity, 1e-300], shape: [4])
    try writer.dataset("group/single", [1.5, -2], shape: [2], as: .float32)
    try writer.dataset("group/cube", (0..<24).map(Double.init), shape: [2, 3, 4])
    try writer.dataset("group/bytes", integers: [0, 1, 255], shape: [3], as: .uint8)
    try writer.dataset("group/long", integers: [.min, -1, .max], shape: [3])
    try writer.dataset("group/names", strings: ["MEG 0113", "", "Größe µV"])
    try writer.matrix(
        "group/packed", rows: 40, columns: 50, columnMajor: (0..<2000).map { Double($0 % 7) }, compressed: true)
    try writer.dataset("group/nothing", [], shape: [0, 4])
    return try writer.finish()
}

@Suite("HDF5: reading back what was written")
struct HDF5RoundTripTests {
    let folder: TemporaryFolder
    let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = try folder.write("sample.h5", sampleBytes())
    }

    @Test("Attributes of every type come back; a missing one is nil")
    func attributes() throws {
        let file = try HDF5File(path)
        #expect(try file.string(attribute: "format") == "sample")
        #expect(try file.integer(attribute: "count") == 42)
        #expect(try file.double(attribute: "count") == 42)
        #expect(try file.double(attribute: "scale", of: "group/numbers") == 2.5)
        #expect(try file.string(attribute: "absent") == nil)
        #expect(try file.attributeNames() == ["format", "count"])
    }

    @Test("Datasets of every type come back exactly, with their shapes")
    func datasets() throws {
        let file = try HDF5File(path)
        #expect(try file.doubles("group/vector").elements == [1.5, -2, .infinity, 1e-300])
        #expect(try file.doubles("/group/single").elements == [1.5, -2])
        #expect(try file.describe("group/single").type == .float(bytes: 4))
        #expect(try file.describe("group/cube") == HDF5Description(shape: [2, 3, 4], type: .float(bytes: 8)))
        #expect(try file.integers("group/bytes").elements == [0, 1, 255])
        #expect(try file.integers("group/long").elements == [.min, -1, .max])
        #expect(try file.strings("group/names").elements == ["MEG 0113", "", "Größe µV"])
        #expect(try file.doubles("group/nothing").shape == [0, 4])
        #expect(try file.matrix("group/nothing").columns == 4)
        #expect(try file.kind(of: "group") == .group)
        #expect(try file.kind(of: "group/cube") == .dataset)
        #expect(try file.kind(of: "group/cube/deeper") == nil)
        #expect(try file.kind(of: "nowhere/at/all") == nil)
    }

    @Test("A matrix is turned from row-major to column-major, and a stack matrix by matrix")
    func matrices() throws {
        let file = try HDF5File(path)
        #expect(try file.matrix("group/packed").elements == (0..<2000).map { Double($0 % 7) })
        #expect(try file.doubles("group/packed").elements[1] == Double(40 % 7))
        let stack = try file.matrices("group/cube")
        #expect(stack.count == 2)
        #expect(stack[1].elements == [12, 16, 20, 13, 17, 21, 14, 18, 22, 15, 19, 23])
    }

    @Test("Large matrices, read in many blocks, equal a plain read", arguments: [true, false])
    func blocks(compressed: Bool) throws {
        let (rows, columns) = (311, 997)
        let values = (0..<(rows * columns)).map { Double(($0 &* 2_654_435_761) % 1_000_003) }
        let writer = try HDF5Writer()
        try writer.matrix("m", rows: rows, columns: columns, columnMajor: values, compressed: compressed)
        try writer.matrices(
            "s", rows: columns, columns: 100,
            columnMajor: (0..<3).map { e in (0..<(columns * 100)).map { Double($0 + e) } },
            compressed: compressed)
        let file = try HDF5File(try folder.write("large.h5", try writer.finish()))
        #expect(try file.matrix("m").elements == values)
        let plain = try file.doubles("m").elements
        #expect(plain[1] == values[rows] && plain[columns] == values[1])
        #expect(try file.matrices("s").map { $0.elements[101] } == [101, 102, 103])
    }

    @Test("The same calls give the same bytes")
    func reproducible() throws {
        #expect(try sampleBytes() == sampleBytes())
    }

    @Test("Attributes of a group keep the order in which they were written")
    func order() throws {
        let names = ["zulu", "alpha", "mike", "bravo", "yankee", "charlie", "xray", "delta", "whiskey", "echo"]
        let writer = try HDF5Writer()
        for name in names { try writer.attribute(name, of: "settings", name + "!") }
        let file = try HDF5File(try folder.write("order.h5", try writer.finish()))
        #expect(try file.attributeNames(of: "settings") == names)
        #expect(try file.string(attribute: "echo", of: "settings") == "echo!")
    }

    @Test("Many threads may read many files at once")
    func threads() async throws {
        let path = path
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<16 {
                group.addTask {
                    guard let file = try? HDF5File(path) else { return false }
                    return (try? file.matrix("group/packed").elements.count) == 2000
                }
            }
            for await fine in group { #expect(fine) }
        }
    }

    @Test("Numbers out of range and wrong counts are refused when writing")
    func refusedWriting() throws {
        let writer = try HDF5Writer()
        #expect(throws: HDF5Error.self) { try writer.dataset("a", integers: [256], shape: [1], as: .uint8) }
        #expect(throws: HDF5Error.self) { try writer.dataset("a", [1, 2, 3], shape: [2]) }
        #expect(throws: HDF5Error.self) { try writer.attribute("", "x") }
    }
}

@Suite("HDF5: bad files")
struct HDF5BadFileTests {
    let folder: TemporaryFolder
    let sample: [UInt8]

    init() throws {
        folder = try TemporaryFolder()
        sample = try sampleBytes()
    }

    private func kind(_ path: String) -> HDF5Error.Kind? {
        do {
            _ = try HDF5File(path)
            return nil
        } catch {
            return error.kind
        }
    }

    private func message(_ bytes: [UInt8]) throws -> String {
        let path = try folder.write("other", bytes)
        do {
            _ = try HDF5File(path)
            return ""
        } catch {
            return error.description
        }
    }

    @Test("Missing, folder, empty, foreign and unreadable files are told apart")
    func kinds() throws {
        #expect(kind(folder.file("absent.h5")) == .missingFile)
        #expect(kind("") == .missingFile)
        #expect(kind(folder.path) == .notRegularFile)
        #expect(kind("/dev/null") == .notRegularFile)
        #expect(kind(try folder.write("empty.h5", [])) == .emptyFile)
        #expect(kind(try folder.write("noise.h5", [UInt8](repeating: 7, count: 4096))) == .notHDF5)
        let closed = try folder.write("closed.h5", sample)
        try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: closed)
        if !FileManager.default.isReadableFile(atPath: closed) { #expect(kind(closed) == .unreadable) }
    }

    @Test("The message says what a foreign file looks like")
    func signatures() throws {
        #expect(try message(Array("MATLAB 5.0 MAT-file, Platform: GLNXA64".utf8)).contains("-v7.3"))
        #expect(try message([0, 0, 0, 100, 0, 0, 0, 31, 0, 0, 0, 20, 0, 0]).contains("FIF"))
        #expect(try message([0x1F, 0x8B, 8, 0, 0, 0, 0, 0]).contains("gunzip"))
        #expect(try message(Array("channel,value\nFP1,3\n".utf8)).contains("text file"))
        #expect(try message([0x50, 0x4B, 3, 4, 0, 0, 0, 0]).contains("zip"))
    }

    @Test("A file cut off at any length is an error, and says so")
    func truncated() throws {
        var lengths = Set(1...40)
        for k in 1..<60 { lengths.insert(sample.count * k / 60) }
        lengths.insert(sample.count - 1)
        for length in lengths.sorted() {
            let path = try folder.write("cut.h5", sample.prefix(length))
            #expect(kind(path) == .truncated, "cut after \(length) of \(sample.count) bytes")
        }
    }

    @Test("Wrong names, kinds, types and shapes name file and object")
    func wrongUse() throws {
        let path = try folder.write("sample.h5", sample)
        let file = try HDF5File(path)
        func expect(_ kind: HDF5Error.Kind, _ object: String, _ body: () throws(HDF5Error) -> Void) {
            do {
                try body()
                Issue.record("no error for \(object)")
            } catch {
                #expect(error.kind == kind)
                #expect(error.file == path)
                #expect(error.object == object)
            }
        }
        expect(.missingObject, "group/absent") { () throws(HDF5Error) in _ = try file.doubles("group/absent") }
        expect(.wrongType, "group") { () throws(HDF5Error) in _ = try file.doubles("group") }
        expect(.wrongType, "group/names") { () throws(HDF5Error) in _ = try file.doubles("group/names") }
        expect(.wrongType, "group/cube") { () throws(HDF5Error) in _ = try file.strings("group/cube") }
        expect(.wrongType, "group/vector") { () throws(HDF5Error) in _ = try file.integers("group/vector") }
        expect(.wrongShape, "group/vector") { () throws(HDF5Error) in _ = try file.matrix("group/vector") }
        expect(.wrongType, "@format") { () throws(HDF5Error) in _ = try file.double(attribute: "format") }
        expect(.wrongType, "@count") { () throws(HDF5Error) in _ = try file.string(attribute: "count") }
    }

    @Test("A dataset that claims more than its file holds is refused before memory is taken")
    func absurdSizes() throws {
        // The dimensions of `vector` stand as 64-bit numbers in its dataspace message: 4 there, twice (size, maximum).
        let four: [UInt8] = [4, 0, 0, 0, 0, 0, 0, 0]
        let writer = try HDF5Writer()
        try writer.dataset("vector", [1, 2, 3, 4], shape: [4])
        var bytes = try writer.finish()
        var replaced = 0
        for start in 0..<(bytes.count - 16) where Array(bytes[start..<(start + 8)]) == four {
            bytes.replaceSubrange(start..<(start + 8), with: [0, 0, 0, 0, 0, 0, 4, 0])
            replaced += 1
        }
        #expect(replaced > 0)
        let file = try HDF5File(try folder.write("absurd.h5", bytes))
        #expect(throws: HDF5Error.self) { try file.doubles("vector") }
        do {
            _ = try file.doubles("vector")
        } catch {
            #expect(error.kind == .implausibleSize)
        }
    }

    @Test("Flipped bits give values or errors, never a crash", arguments: 0..<4)
    func mutations(seed: Int) throws {
        var state = UInt64(seed &+ 1) &* 0x9E37_79B9_7F4A_7C15
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        var errors = 0
        for _ in 0..<150 {
            var bytes = sample
            for _ in 0...random(3) { bytes[random(bytes.count)] ^= UInt8(1 << random(8)) }
            let path = try folder.write("mutated-\(seed).h5", bytes)
            do {
                let file = try HDF5File(path)
                _ = try file.string(attribute: "format")
                _ = try file.attributeNames(of: "group/numbers")
                for name in ["vector", "cube", "packed", "nothing"] { _ = try file.doubles("group/\(name)") }
                _ = try file.matrix("group/packed")
                _ = try file.integers("group/bytes")
                _ = try file.strings("group/names")
            } catch {
                errors += 1
                #expect(!"\(error)".isEmpty)
            }
        }
        #expect(errors > 0)
    }
}
