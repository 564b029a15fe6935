import Foundation
import TestSupport
import Testing

@testable import HDF5

/// Structures that HDF5 1.10 follows without looking: each of these made it hang or read where nothing is.
@Suite("HDF5: structures that contradict themselves")
struct DamagedStructureTests {
    let folder: TemporaryFolder
    /// A file with groups in symbol tables and a dataset in chunks.
    let bytes: [UInt8]

    init() throws {
        folder = try TemporaryFolder()
        let writer = try HDF5Writer()
        for k in 0..<20 { try writer.dataset("numbers \(k)", [Double(k)], shape: [1]) }
        try writer.matrix(
            "packed", rows: 400, columns: 500, columnMajor: (0..<200_000).map { Double($0 % 7) }, compressed: true)
        bytes = try writer.finish()
    }

    /// Places of a signature.
    private func places(_ signature: String) -> [Int] {
        let data = Data(bytes)
        var places: [Int] = []
        var from = data.startIndex
        while let found = data.range(of: Data(signature.utf8), in: from..<data.endIndex) {
            places.append(found.lowerBound)
            from = found.upperBound
        }
        return places
    }

    private func number(_ place: Int) -> Int {
        bytes[place..<(place + 8)].reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    private func storing(_ value: UInt64, at place: Int, in other: [UInt8]? = nil) -> [UInt8] {
        var result = other ?? bytes
        for k in 0..<8 { result[place + k] = UInt8(truncatingIfNeeded: value >> UInt64(8 * k)) }
        return result
    }

    private func expectDamage(_ bytes: [UInt8], _ text: String, _ location: SourceLocation = #_sourceLocation) throws {
        let path = try folder.write("damaged.h5", bytes)
        let error = #expect(throws: HDF5Error.self, sourceLocation: location) { _ = try HDF5File(path) }
        #expect(error?.kind == .damaged, sourceLocation: location)
        #expect(error?.description.contains(text) == true, "\(error?.description ?? "")", sourceLocation: location)
    }

    @Test("The file itself is sound")
    func sound() throws {
        let file = try HDF5File(try folder.write("sound.h5", bytes))
        #expect(try file.doubles("numbers 7").elements == [7])
        #expect(try file.matrix("packed").elements[9] == 2)
        #expect(try file.links().count == 21)
    }

    @Test("A list of free space in circles, too long, or outside its heap")
    func heaps() throws {
        let heap = try #require(places("HEAP").first)
        let data = number(heap + 24)
        // The first free piece at 0 leads to itself.
        var circle = storing(0, at: heap + 16)
        circle = storing(0, at: data, in: circle)
        circle = storing(16, at: data + 8, in: circle)
        try expectDamage(circle, "a damaged heap of names")
        try expectDamage(storing(1 << 40, at: heap + 16), "a damaged heap of names")
        try expectDamage(storing(1 << 50, at: heap + 8), "a heap of names beyond the end")
        try expectDamage(storing(UInt64.max - 4, at: heap + 24), "a heap of names beyond the end")
    }

    @Test("Indices and lists of links that lie elsewhere, have another kind or go in circles")
    func groups() throws {
        let trees = places("TREE")
        let group = try #require(trees.first { bytes[$0 + 4] == 0 })
        try expectDamage(storing(UInt64(group), at: group + 32), "an index that goes in circles")
        let heap = try #require(places("HEAP").first)
        try expectDamage(storing(UInt64(heap), at: group + 32), "something else where a list of links should be")
        try expectDamage(storing(UInt64(bytes.count) - 8, at: group + 32), "a list of links beyond the end")
        try expectDamage(storing(UInt64(number(group + 32)), at: group + 48), "an index that goes in circles")
        var many = bytes
        (many[group + 6], many[group + 7]) = (0xFF, 0xFF)
        try expectDamage(many, "a damaged index")
        let leaf = try #require(places("SNOD").first)
        try expectDamage(storing(UInt64.max - 8, at: leaf + 16), "an object header beyond the end")
        try expectDamage(storing(1 << 33, at: leaf + 8), "a name outside its heap")
    }

    @Test("Chunks beyond the end, and an index of chunks in circles")
    func chunks() throws {
        let tree = try #require(places("TREE").first { bytes[$0 + 4] == 1 })
        // A key: size, mask, three offsets; then the child.
        let child = tree + 24 + 8 + 24
        try expectDamage(storing(1 << 60, at: child), "a chunk of data beyond the end")
        var inner = storing(UInt64(tree), at: child)
        inner[tree + 5] = 1
        try expectDamage(inner, "an index that goes in circles")
    }

    @Test("A superblock that says it was moved, by which the library moves the end of the file, hides nothing")
    func moved() throws {
        try #require(bytes[8] == 0, "a superblock of version 0")
        func moved(_ bytes: [UInt8], by distance: UInt64, end: UInt64) -> [UInt8] {
            storing(end &+ distance, at: 40, in: storing(distance, at: 24, in: bytes))
        }
        let end = UInt64(bytes.count)
        let group = try #require(places("TREE").first { bytes[$0 + 4] == 0 })
        let circle = storing(UInt64(group), at: group + 32)
        let heap = storing(1 << 50, at: try #require(places("HEAP").first) + 8)
        for distance: UInt64 in [512, 4096, 1 << 40, UInt64.max - 511] {
            let file = try HDF5File(try folder.write("moved.h5", moved(bytes, by: distance, end: end)))
            #expect(try file.doubles("numbers 7").elements == [7])
            try expectDamage(moved(circle, by: distance, end: end), "an index that goes in circles")
            try expectDamage(moved(heap, by: distance, end: end), "a heap of names beyond the end")
            let path = try folder.write("short.h5", moved(bytes, by: distance, end: end + 1))
            let error = #expect(throws: HDF5Error.self) { _ = try HDF5File(path) }
            #expect(error?.kind == .truncated)
        }
    }

    @Test(
        "Chunks of no dimensions, by which the library divides, or of more than there can be", arguments: [0, 34, 255])
    func rank(dimensions: UInt8) throws {
        let tree = try #require(places("TREE").first { bytes[$0 + 4] == 1 })
        // Version 3, in chunks, of a dimension more than the data; then where their index is.
        let address = withUnsafeBytes(of: UInt64(tree).littleEndian) { Array($0) }
        let layout = try #require(Data(bytes).range(of: Data([3, 2, 3] + address))).lowerBound
        var damaged = bytes
        damaged[layout + 2] = dimensions
        try expectDamage(damaged, "a dataset of \(dimensions) dimensions")

        // With data of one dimension no other check of the library stands before the division.
        let sizes = [400, 500].flatMap { size in withUnsafeBytes(of: UInt64(size).littleEndian) { Array($0) } }
        let space = try #require(Data(bytes).range(of: Data([1, 2, 1, 0, 0, 0, 0, 0] + sizes))).lowerBound
        damaged[space + 1] = 1
        try expectDamage(damaged, "a dataset of \(dimensions) dimensions")
    }
}
