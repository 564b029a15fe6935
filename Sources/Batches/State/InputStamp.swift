import Foci
import Foundation

/// What tells whether a file is the one that a result was made of.
public struct InputStamp: Codable, Sendable, Equatable {
    /// Its path.
    public let path: String
    /// Bytes.
    public let size: Int
    /// When it was written, ns since 1970.
    public let modified: Int
    /// SHA-256 of its content; nil until somebody needed it.
    public var sha256: String?

    /// A file as it is now, not read.
    ///
    /// - Throws: ``InputError`` when it is not there.
    init(_ path: String) throws(InputError) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw InputError(path, found: "cannot be read: \(String(cString: strerror(errno)))")
        }
        self.path = path
        size = Int(status.st_size)
        modified = status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec
    }

    /// Those of some files that can be read.
    static func readable(_ paths: [String]) -> [InputStamp] {
        paths.filter(isReadable).compactMap { try? InputStamp($0) }
    }

    /// Whether a file is there and may be read.
    static func isReadable(_ path: String) -> Bool { access(path, R_OK) == 0 }

    /// Whether a file is still the same, be it at another place: by size and time where it lay, else by size and content.
    func isCurrent(at path: String) -> Bool {
        guard let now = try? InputStamp(path), now.size == size else { return false }
        if path == self.path, now.modified == modified { return true }
        guard let sha256, let content = try? SHA256.hex(ofFile: path) else { return false }
        return content == sha256
    }
}

/// Stamps with content, each file read once by a process.
final class StampCache {
    private var known: [String: InputStamp] = [:]

    /// The stamp of a file with its content.
    ///
    /// - Throws: ``InputError`` when it cannot be read.
    func stamp(_ path: String) throws(InputError) -> InputStamp {
        var stamp = try InputStamp(path)
        if let old = known[path], old.size == stamp.size, old.modified == stamp.modified { return old }
        stamp.sha256 = try SHA256.hex(ofFile: path)
        known[path] = stamp
        return stamp
    }
}
