import Foci
import Foundation

/// The folder of one recording and condition, which appears whole or not at all, also where an older one stands.
struct ResultFolder {
    let batch: BatchFolder
    let unit: BatchUnit
    let entry: BatchEntry

    /// `sub-01_task-a_desc-auditoryLeft`.
    var stem: String {
        var name = unit.name
        name["desc"] = entry.label
        return name.text
    }

    /// Its path relative to the folder of the batch.
    var relative: String {
        let session = unit.name["ses"].map { "ses-\($0)/" } ?? ""
        return "sub-\(unit.subject)/\(session)\(unit.datatype)/\(stem)_mxne"
    }

    /// Whether results are there.
    var exists: Bool { FileManager.default.fileExists(atPath: batch.place("\(relative)/estimate.h5")) }

    private var staging: String { batch.place("\(BatchFolder.own)/staging/\(stem)") }
    private var old: String { staging + ".old" }

    /// Removes what a run left that was ended in the middle; to be called by who holds the claim of the unit.
    func clear() {
        for path in [staging, old] { try? FileManager.default.removeItem(atPath: path) }
        // Partial folders of `OutputFolder` bear the name of what they were to become.
        let folder = batch.place("\(BatchFolder.own)/staging")
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        where name.hasPrefix("\(stem).partial-") {
            try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
        }
    }

    /// Removes older results: those of inputs or settings that are no longer so must not pass for those of a run that failed.
    func withdraw() {
        let place = batch.place(relative)
        guard FileManager.default.fileExists(atPath: place), rename(place, old) == 0 else { return }
        try? FileManager.default.removeItem(atPath: old)
    }

    /// Writes an estimate and all that belongs to it, and puts it in place.
    ///
    /// Nothing in it differs from run to run: no times of the clock, no seconds.
    /// - Returns: SHA-256 of `estimate.h5`.
    /// - Throws: ``InputError`` when it cannot be written; older results then stay as they were.
    func publish(
        _ estimate: Estimate, forward: Forward, inputs: [InputStamp], arguments: [String], isStillMine: () -> Bool
    ) throws(InputError) -> String {
        clear()
        var folder = try OutputFolder(staging)
        let bytes = try folder.addResult(
            estimate, candidates: forward.sources, stem: stem, inputs: inputs, arguments: arguments)
        try folder.commit()
        guard isStillMine() else {
            clear()
            throw InputError(relative, found: "another run took it over meanwhile", advice: "let one run end")
        }
        try move()
        return SHA256.hex(of: bytes)
    }

    private func move() throws(InputError) {
        let place = batch.place(relative)
        try batch.make((relative as NSString).deletingLastPathComponent)
        // A folder cannot be renamed onto one that is not empty, and drives over a network cannot exchange two.
        if FileManager.default.fileExists(atPath: place) { _ = rename(place, old) }
        guard rename(staging, place) == 0 else {
            let reason = errno
            _ = rename(old, place)
            clear()
            throw InputError(place, found: "cannot be written: \(String(cString: strerror(reason)))")
        }
        try? FileManager.default.removeItem(atPath: old)
    }
}

extension OutputFolder {
    /// Adds all that a batch keeps of an estimate; the same estimate gives the same bytes.
    ///
    /// - Parameter stem: what the file for other programs is named by.
    /// - Returns: the bytes of `estimate.h5`.
    /// - Throws: ``InputError`` when the estimate cannot be encoded.
    @discardableResult
    mutating func addResult(
        _ estimate: Estimate, candidates: SourceSpace, stem: String, inputs: [InputStamp], arguments: [String]
    ) throws(InputError) -> [UInt8] {
        let bytes = try EstimateFile.encode(estimate, programVersion: fociVersion, timing: false)
        try add(estimate, candidates: candidates, file: bytes, timing: false)
        let sidecar = SourcesSidecar(estimate: estimate, inputs: inputs, arguments: arguments)
        try add("sources.json", text: ((try? JSON.text(sidecar, isIndented: true)) ?? "{}") + "\n")
        if !estimate.sources.isEmpty, let files = try? FileFormats.encode(.estimate(estimate), to: "\(stem)-stc.h5") {
            for file in files { try add(file.path, bytes: file.bytes) }
        }
        return bytes
    }
}
