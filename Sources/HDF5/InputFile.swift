import Foundation
import Glibc

/// A regular file that is open for reading: once, for all that look into it.
///
/// Whoever holds this value reads the same file, even where another takes its name meanwhile. It closes when the last of
/// them goes away. Nothing keeps others from writing to it or cutting it off.
public final class InputFile: Sendable {
    /// The path as the caller gave it.
    public let path: String
    /// Size in bytes when it was opened; not zero.
    public let byteCount: Int

    let descriptor: Int32

    /// Opens a file.
    ///
    /// - Throws: ``HDF5Error`` of kind `missingFile`, `notRegularFile`, `unreadable` or `emptyFile`.
    public init(_ path: String) throws(HDF5Error) {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw HDF5Error(.missingFile, file: path, found: "not the name of a file", expected: "a path")
        }
        self.path = path
        // Without waiting: to open a pipe would be to wait for who writes to it.
        descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        var status = stat()
        let reason = descriptor < 0 || fstat(descriptor, &status) < 0 ? errno : 0
        byteCount = Int(status.st_size)
        if reason == ENOENT || reason == ENOTDIR {
            throw HDF5Error(.missingFile, file: path, found: "no such file", advice: "check the path")
        }
        guard reason == 0 else {
            throw HDF5Error(
                .unreadable, file: path, found: "cannot be read: \(String(cString: strerror(reason)))",
                advice: "check its permissions")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let found = status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "not a regular file"
            throw HDF5Error(.notRegularFile, file: path, found: found, expected: "a file")
        }
        guard byteCount > 0 else {
            throw HDF5Error(.emptyFile, file: path, found: "an empty file (0 bytes)", expected: "a file")
        }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Fills a buffer with the bytes from an offset on.
    ///
    /// - Returns: 0, or the system's reason why not all of them could be read; `ENODATA` where the file ends before.
    func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int32 {
        var done = 0
        while done < buffer.count {
            let got = pread(
                descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, off_t(offset + done))
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { return got < 0 ? errno : ENODATA }
            done += got
        }
        return 0
    }

    /// Bytes from an offset on.
    ///
    /// - Throws: ``ReadFailure`` where not all of them can be read.
    public func bytes(_ count: Int, at offset: Int) throws(ReadFailure) -> [UInt8] {
        var reason: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            reason = read(UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count), at: offset)
            initialized = reason == 0 ? count : 0
        }
        guard reason == 0 else { throw ReadFailure(reason: String(cString: strerror(reason))) }
        return bytes
    }

    /// A part of a file that could not be read, though it was there when the file was opened.
    public struct ReadFailure: Error {
        /// The system's reason.
        public let reason: String
    }
}
