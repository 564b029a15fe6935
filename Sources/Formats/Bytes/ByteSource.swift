import Foundation
import Glibc
import SourceImaging

/// Bytes that are read piece by piece, of an open file or in memory.
final class ByteSource: Sendable {
    private enum Storage {
        case file(Int32)
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

    /// The bytes of a file, which stays open as long as this value.
    ///
    /// - Throws: ``InputError`` when it cannot be opened.
    init(path: String) throws(InputError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw InputError(path, found: "cannot be read: \(String(cString: strerror(errno)))")
        }
        var status = stat()
        count = fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
        storage = .file(descriptor)
    }

    deinit {
        if case .file(let descriptor) = storage { close(descriptor) }
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
        case .file(let descriptor):
            var failure: Int32 = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, done in
                while done < length, let start = buffer.baseAddress {
                    let got = pread(descriptor, start + done, length - done, off_t(offset + done))
                    if got < 0, errno == EINTR { continue }
                    if got <= 0 {
                        failure = got < 0 ? errno : ENODATA
                        return
                    }
                    done += got
                }
            }
            guard failure == 0 else {
                throw InputError("", found: "cannot be read: \(String(cString: strerror(failure)))")
            }
            return bytes
        }
    }
}
