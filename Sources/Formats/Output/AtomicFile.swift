import Foundation
import Glibc
import SourceImaging
import Synchronization

/// Writing of a file that is either complete or not there.
public enum AtomicFile {
    private static let counter = Atomic<Int>(0)

    /// Writes bytes beside their place, makes sure that they are on the disk, and moves them there.
    ///
    /// A file that was there is replaced; whoever has it open keeps the old one. On failure nothing is left behind and
    /// what was there is untouched. With a limit on file sizes (`ulimit -f`) the process must ignore `SIGXFSZ` to
    /// receive an error instead of ending.
    /// - Parameters:
    ///   - bytes: the content.
    ///   - path: its place.
    ///   - replacing: whether it takes the place of a file that is there; otherwise that stays, and this is not written.
    /// - Throws: ``InputError`` with the path and the system's reason.
    public static func write(_ bytes: [UInt8], to path: String, replacing: Bool = true) throws(InputError) {
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            throw InputError(
                path, found: status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "not a regular file",
                expected: "a file to write")
        }
        guard !path.isEmpty, !path.hasSuffix("/"), !path.utf8.contains(0) else {
            throw InputError("'\(path)'", found: "not the name of a file", expected: "a path to write to")
        }
        let partial = unusedName(beside: path)
        try create(partial, bytes, named: path)
        // A link, unlike a rename, fails where something stands.
        let isPlaced = replacing ? rename(partial, path) == 0 : link(partial, path) == 0 || errno == EEXIST
        let reason = errno
        if !isPlaced || !replacing { unlink(partial) }
        guard isPlaced else { throw failure(path, reason) }
        synchronizeFolder(of: path)
    }

    /// A name beside a path that nobody uses: of this process, and not left by a killed one of the same number.
    static func unusedName(beside path: String) -> String {
        while true {
            let number = counter.add(1, ordering: .relaxed).newValue
            let name = "\(path).partial-\(getpid())" + (number == 1 ? "" : "-\(number)")
            var status = stat()
            if lstat(name, &status) != 0 { return name }
        }
    }

    /// Makes a new file with all of its bytes on the disk.
    static func create(_ path: String, _ bytes: [UInt8], named name: String) throws(InputError) {
        // Exclusive: what stands there already belongs to somebody else and is neither written to nor removed.
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw failure(name, errno) }
        let reason = fill(descriptor, bytes)
        guard reason == 0 else {
            unlink(path)
            throw failure(name, reason)
        }
    }

    /// Writes all bytes to the disk and closes; gives the system's reason for a failure, else 0.
    static func fill(_ descriptor: Int32, _ bytes: [UInt8]) -> Int32 {
        var reason: Int32 = 0
        var written = 0
        bytes.withUnsafeBytes { buffer in
            while written < buffer.count {
                let count = Glibc.write(descriptor, buffer.baseAddress.map { $0 + written }, buffer.count - written)
                if count < 0, errno == EINTR { continue }
                if count <= 0 {
                    reason = count < 0 ? errno : ENOSPC
                    break
                }
                written += count
            }
        }
        if reason == 0, fsync(descriptor) != 0, errno != EINVAL { reason = errno }
        // Network drives report a full disk as late as this.
        if close(descriptor) != 0, reason == 0, errno != EINTR { reason = errno }
        return reason
    }

    /// Asks for the new name to be on the disk too; a drive that cannot is no reason to fail.
    static func synchronizeFolder(of path: String) {
        let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let descriptor = open(folder.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : folder, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    /// An error with the system's reason.
    static func failure(_ path: String, _ reason: Int32) -> InputError {
        let advice: Message =
            switch reason {
            case ENOSPC, EDQUOT: "free some space or write elsewhere"
            case EFBIG: "the file is larger than the limit for files ('ulimit -f')"
            case EACCES, EPERM, EROFS: "choose a folder that you may write to"
            case ENOENT, ENOTDIR: "make the folder first"
            default: ""
            }
        return InputError(path, found: "cannot be written: \(String(cString: strerror(reason)))", advice: advice)
    }
}
