import Foundation
import Glibc
import HDF5
import SourceImaging

/// An HDF5 file that several values read from; it closes when the last of them goes away.
final class SharedHDF5File: Sendable {
    let file: HDF5File

    init(_ file: consuming HDF5File) { self.file = file }
}

/// A file whose format is yet to be told: what the formats look at.
public struct FileCandidate: Sendable {
    /// Bytes of the beginning that are looked at.
    static let headCount = 4096

    /// The path as the caller gave it.
    let path: String
    /// Size in bytes.
    let byteCount: Int
    /// The first bytes, at most ``headCount``.
    let head: [UInt8]
    /// The file as HDF5; nil when it is not HDF5.
    let hdf5: SharedHDF5File?
    /// Why the file is not HDF5, with what it looks like.
    let notHDF5: InputError?

    /// Opens a file far enough to tell what it is.
    ///
    /// - Throws: ``InputError`` when it is missing, empty, no regular file or unreadable, or HDF5 that is damaged.
    init(_ path: String) throws(InputError) {
        self.path = path
        do {
            hdf5 = SharedHDF5File(try HDF5File(path))
            notHDF5 = nil
        } catch {
            guard error.kind == .notHDF5 else { throw InputError(error) }
            hdf5 = nil
            notHDF5 = InputError(error)
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        var status = stat()
        guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
            throw InputError(path, found: "cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        byteCount = Int(status.st_size)
        var head = [UInt8](repeating: 0, count: min(Self.headCount, byteCount))
        let got = pread(descriptor, &head, head.count, 0)
        self.head = Array(head.prefix(max(0, got)))
    }
}
