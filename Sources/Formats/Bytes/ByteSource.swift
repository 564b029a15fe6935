import HDF5
import SourceImaging

/// Bytes that are read piece by piece, of an open file or in memory.
struct ByteSource: Sendable {
    private enum Storage {
        case file(InputFile)
        case memory([UInt8])
    }

    /// Number of bytes.
    let count: Int
    private let storage: Storage

    /// Bytes in memory.
    init(_ bytes: [UInt8]) {
        count = bytes.count
        storage = .memory(bytes)
    }

    /// The bytes of a file.
    init(_ file: InputFile) {
        count = file.byteCount
        storage = .file(file)
    }

    /// Bytes from an offset on.
    ///
    /// - Throws: ``InputError`` when not all of them are there; its place is empty.
    func read(_ length: Int, at offset: Int) throws(InputError) -> [UInt8] {
        guard offset >= 0, length >= 0, offset <= count, length <= count - offset else {
            throw InputError(
                "", found: "\(length) bytes at byte \(offset) of a file of \(count) bytes",
                expected: "a complete file", advice: "copy or download it again")
        }
        switch storage {
        case .memory(let bytes): return Array(bytes[offset..<offset + length])
        case .file(let file):
            do { return try file.bytes(length, at: offset) } catch {
                throw InputError("", found: "cannot be read: \(error.reason)")
            }
        }
    }
}
