import Foundation
import Glibc
import SourceImaging

/// A folder of results that appears complete or not at all.
///
/// Files are collected in memory; ``commit()`` writes them. A new folder is written under another name beside its place
/// and then renamed. An existing one is used only by force: each file is then replaced atomically, and other files in
/// it stay.
public struct OutputFolder: Sendable {
    /// The path as the caller gave it.
    public let path: String
    /// Whether an existing folder may be used.
    public let force: Bool
    private var files: [(name: String, bytes: [UInt8])] = []

    /// A folder to be written, checked early so that nobody computes for an hour before hearing of it.
    ///
    /// - Throws: ``InputError`` when the path is a file, a folder that exists without `force`, or lies where nothing may be
    ///   written.
    public init(_ path: String, force: Bool = false) throws(InputError) {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw InputError("'\(path)'", found: "not the name of a folder", expected: "a path to write to")
        }
        self.path = path
        self.force = force
        if try !exists() { try checkNearestParent() }
    }

    /// Throws unless the nearest folder above the path that exists may be written to.
    private func checkNearestParent() throws(InputError) {
        var place = trimmed[...]
        while true {
            place = place.lastIndex(of: "/").map { place[..<$0] } ?? ""
            let folder = place.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : String(place)
            var status = stat()
            if stat(folder, &status) == 0 {
                guard status.st_mode & S_IFMT == S_IFDIR else { throw AtomicFile.failure(path, ENOTDIR) }
                guard access(folder, W_OK | X_OK) == 0 else { throw AtomicFile.failure(path, errno) }
                return
            }
            if place.isEmpty { return }
        }
    }

    /// Adds a file.
    ///
    /// - Parameters:
    ///   - name: its name in the folder; a later file of the same name takes its place.
    ///   - bytes: its content.
    /// - Throws: ``InputError`` when the name is empty or leads out of the folder.
    public mutating func add(_ name: String, bytes: [UInt8]) throws(InputError) {
        guard !name.isEmpty, name != ".", name != "..", !name.contains("/"), !name.utf8.contains(0) else {
            throw InputError(path, found: "'\(name)' as the name of a file", expected: "a plain name")
        }
        files.removeAll { $0.name == name }
        files.append((name, bytes))
    }

    /// Adds a text file in UTF-8.
    ///
    /// - Throws: ``InputError`` as ``add(_:bytes:)`` does.
    public mutating func add(_ name: String, text: String) throws(InputError) {
        try add(name, bytes: Array(text.utf8))
    }

    /// Writes everything.
    ///
    /// - Throws: ``InputError`` with the path and the system's reason; a new folder is then not there, nor a part of it.
    public func commit() throws(InputError) {
        let place = trimmed
        if try exists() {
            for file in files { try AtomicFile.write(file.bytes, to: "\(place)/\(file.name)") }
            return
        }
        var parents: [String] = []
        do throws(InputError) {
            try makeParents(of: place, made: &parents)
            try commitNew(place)
        } catch {
            for parent in parents.reversed() { rmdir(parent) }
            throw error
        }
    }

    /// Writes a folder that is not there yet, under another name first.
    private func commitNew(_ place: String) throws(InputError) {
        let partial = AtomicFile.unusedName(beside: place)
        // Fails when something stands there: only a folder made here is ever removed.
        guard mkdir(partial, 0o777) == 0 else { throw AtomicFile.failure(path, errno) }
        do throws(InputError) {
            for file in files {
                try AtomicFile.create("\(partial)/\(file.name)", file.bytes, named: "\(path)/\(file.name)")
            }
            AtomicFile.synchronizeFolder(of: "\(partial)/.")
            guard rename(partial, place) == 0 else { throw AtomicFile.failure(path, errno) }
        } catch {
            for file in files { unlink("\(partial)/\(file.name)") }
            rmdir(partial)
            throw error
        }
        AtomicFile.synchronizeFolder(of: place)
    }

    /// The path without slashes at its end.
    private var trimmed: String {
        var place = path[...]
        while place.count > 1, place.last == "/" { place.removeLast() }
        return String(place)
    }

    /// Whether the folder exists and may be used; throws when something stands in the way.
    private func exists() throws(InputError) -> Bool {
        var status = stat()
        guard stat(trimmed, &status) == 0 else {
            // A link that leads nowhere would be replaced silently.
            var link = stat()
            if lstat(trimmed, &link) == 0 {
                throw InputError(path, found: "a link that leads nowhere", expected: "a folder, or nothing")
            }
            return false
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw InputError(
                path, found: "a file of this name", expected: "a folder to write to", advice: "choose another name")
        }
        guard force else {
            throw InputError(
                path, found: "a folder that exists", expected: "a new one",
                advice: "choose another name, or replace its files with \(.force)")
        }
        return true
    }

    /// Makes the folders above a place that are not there, and tells which.
    private func makeParents(of place: String, made parents: inout [String]) throws(InputError) {
        let parent = place.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        guard !parent.isEmpty else { return }
        var made = parent.hasPrefix("/") ? "" : "."
        for component in parent.split(separator: "/") {
            made += "/\(component)"
            if mkdir(made, 0o777) == 0 {
                parents.append(made)
            } else {
                let reason = errno
                var status = stat()
                guard stat(made, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
                    throw AtomicFile.failure(path, reason == EEXIST ? ENOTDIR : reason)
                }
            }
        }
    }
}
