import Foundation
import TestSupport
import Testing

@testable import HDF5

/// Data in one piece are read without the library: the same bits must come out as by the library.
@Suite("HDF5: matrices that lie in the file as in memory")
struct PlainStorageTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Numbers whose bits show a mistake: also signed zeros, infinities, NaN and the smallest ones.
    private func numbers(_ count: Int) -> [Float] {
        let special: [Float] = [0, -0.0, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, .greatestFiniteMagnitude]
        return (0..<count).map { $0 % 41 < 7 ? special[$0 % 41] : Float($0 &* 2_654_435_761 % 1_000_003) / 7 }
    }

    /// Shapes below, at and above the sizes of tiles, wide and tall; with a user block as MATLAB's and without.
    @Test(
        "Single and double precision equal the library's reading bit for bit",
        arguments: [[1, 1], [7, 4097], [71, 8300], [9000, 41], [67, 4096], [8, 1]], [0, 512])
    func bits(shape: [Int], userBlock: Int) throws {
        let (rows, columns) = (shape[0], shape[1])
        let singles = numbers(rows * columns)
        let doubles = singles.map { Double($0) * 1.1 }
        let writer = try HDF5Writer(userBlock: [UInt8](repeating: 0x20, count: userBlock))
        try writer.dataset("single", singles.map { Double($0) }, shape: shape, as: .float32)
        try writer.dataset("double", doubles, shape: shape)
        let file = try HDF5File(try folder.write("plain.h5", try writer.finish()))
        for name in ["single", "double"] {
            // What the library itself gives, by the way of all datasets that are not plain.
            let expected = try HDF5Library.locked { () throws(HDF5Error) -> [Double] in
                let opened = try OpenDataset(file, name)
                return try opened.readAll(0.0, as: Double.memoryType)
            }
            let bits = expected.map(\.bitPattern)
            #expect(try file.doubles(name).elements.map(\.bitPattern) == bits)
            let matrix = try file.matrix(name)
            #expect(matrix.rows == rows && matrix.columns == columns)
            #expect(
                (0..<bits.count).allSatisfy {
                    matrix.elements[$0 / columns + $0 % columns * rows].bitPattern == bits[$0]
                })
            var slabs: [UInt64] = []
            try file.slabs(name) { _, _, elements in slabs += elements.map(\.bitPattern) }
            #expect(slabs == bits)
        }
        let bits = singles.map(\.bitPattern)
        let elements = try file.withDataset("single") { opened throws(HDF5Error) in try opened.readAll(as: Float.self) }
        #expect(elements.map(\.bitPattern) == bits)
        let matrix = try file.singleMatrix("single").elements
        #expect((0..<bits.count).allSatisfy { matrix[$0 / columns + $0 % columns * rows].bitPattern == bits[$0] })
    }

    @Test("Which datasets are read so")
    func choice() throws {
        let writer = try HDF5Writer()
        try writer.dataset("double", [1, 2], shape: [1, 2])
        try writer.dataset("single", [1, 2], shape: [1, 2], as: .float32)
        try writer.dataset("integers", integers: [1, 2], shape: [1, 2])
        try writer.matrix("packed", rows: 2, columns: 1, columnMajor: [1, 2], compressed: true)
        let file = try HDF5File(try folder.write("choice.h5", try writer.finish()))
        for (name, size) in [("double", 8), ("single", 4), ("integers", nil), ("packed", nil)] {
            let found = try HDF5Library.locked { () throws(HDF5Error) -> Int? in
                try OpenDataset(file, name).plain?.elementSize
            }
            #expect(found == size, "\(name)")
            #expect(try file.matrix(name).elements == [1, 2])
        }
    }

    @Test("A file that is cut off below its data while it is open is an error of one line")
    func cutOff() throws {
        let writer = try HDF5Writer()
        try writer.dataset("data", [Double](repeating: 1, count: 100_000), shape: [100, 1000])
        let path = try folder.write("cut.h5", try writer.finish())
        let file = try HDF5File(path)
        #expect(truncate(path, 400_000) == 0)
        for read in [{ _ = try file.matrix("data") }, { _ = try file.doubles("data") }] as [() throws -> Void] {
            let error = #expect(throws: HDF5Error.self) { try read() }
            let message = error.map { "\($0)" } ?? ""
            #expect(message.contains("data") && !message.contains("\n"), "\(message)")
        }
        #expect(throws: HDF5Error.self) { try HDF5File(path).matrix("data") }
    }
}
