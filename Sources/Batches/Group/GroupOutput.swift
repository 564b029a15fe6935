import Foci
import Foundation

/// What an analysis found and of which estimates, so that the page and other analyses can tell of it later.
struct KeptFindings: Codable {
    static let file = "section.json"
    var program = fociVersion
    let estimates: [String]
    let sections: [PageSection]

    /// Those of an analysis in a folder; nil where there are none that can be read.
    static func read(_ name: String, in folder: BatchFolder) -> KeptFindings? {
        FileManager.default.contents(atPath: folder.place("group/\(name)/\(file)")).flatMap {
            try? JSON.value(KeptFindings.self, from: $0)
        }
    }
}

/// The folder that an analysis over all subjects writes: it appears whole, in the place of an older one.
public final class GroupOutput {
    private let folder: BatchFolder
    private let name: String
    private let staging: String

    /// Path of the folder relative to that of the batch, where its files will be.
    public var relative: String { "group/\(name)" }

    /// An empty folder beside its place.
    ///
    /// - Throws: ``InputError`` when it cannot be made.
    init(_ folder: BatchFolder, _ name: String) throws(InputError) {
        self.folder = folder
        self.name = name
        // Of this process alone: two runs at once do not meet; what a killed one left is swept up.
        staging = "\(BatchFolder.own)/staging/group-\(name).partial-\(getpid())"
        Self.sweep(folder.place("\(BatchFolder.own)/staging"))
        discard()
        try folder.make(staging)
    }

    deinit { discard() }

    /// Where a file or folder is to be written, by its path relative to the folder of the analysis.
    ///
    /// - Throws: ``InputError`` when the folder above it cannot be made.
    public func place(_ path: String) throws(InputError) -> String {
        let parent = (path as NSString).deletingLastPathComponent
        if !parent.isEmpty { try folder.make("\(staging)/\(parent)") }
        return folder.place("\(staging)/\(path)")
    }

    /// Writes a text file.
    ///
    /// - Parameter path: relative to the folder of the analysis.
    /// - Throws: ``InputError`` when it cannot be written.
    public func add(_ path: String, text: String) throws(InputError) { try add(path, bytes: Array(text.utf8)) }

    /// Writes a file.
    ///
    /// - Parameter path: relative to the folder of the analysis.
    /// - Throws: ``InputError`` when it cannot be written.
    public func add(_ path: String, bytes: [UInt8]) throws(InputError) { try AtomicFile.write(bytes, to: place(path)) }

    /// Puts it in its place.
    ///
    /// - Throws: ``InputError`` when that cannot be; an older one then stays.
    func commit() throws(InputError) {
        try folder.make("group")
        let (new, place) = (folder.place(staging), folder.place(relative))
        let old = new + ".old"
        if FileManager.default.fileExists(atPath: place), rename(place, old) != 0 {
            throw InputError(place, found: "cannot be replaced: \(String(cString: strerror(errno)))")
        }
        guard rename(new, place) == 0 else {
            let reason = errno
            _ = rename(old, place)
            throw InputError(place, found: "cannot be written: \(String(cString: strerror(reason)))")
        }
        try? FileManager.default.removeItem(atPath: old)
    }

    /// Removes what runs left that were killed.
    private static func sweep(_ staging: String) {
        for file in (try? FileManager.default.contentsOfDirectory(atPath: staging)) ?? [] where file.hasPrefix("group-")
        {
            var status = stat()
            guard let writer = Writer(of: file), stat("\(staging)/\(file)", &status) == 0,
                writer.isGone(since: status.st_mtim, beside: "\(staging)/group")
            else { continue }
            try? FileManager.default.removeItem(atPath: "\(staging)/\(file)")
        }
    }

    private func discard() {
        for path in [staging, staging + ".old"] { try? FileManager.default.removeItem(atPath: folder.place(path)) }
    }
}
