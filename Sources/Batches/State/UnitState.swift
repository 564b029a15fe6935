import Foci
import Foundation

/// What became of the recordings of a unit: one JSON file, `.foci/state/UNIT.json`, replaced as a whole.
public struct UnitState: Codable, Sendable, Equatable {
    /// Layout of the file.
    public var version = 1
    /// The unit, as it was last planned.
    public var unit: BatchUnit
    /// By label of the entry.
    public var entries: [String: EntryState] = [:]

    /// Of a unit that nothing was done for yet.
    public init(_ unit: BatchUnit) { self.unit = unit }

    /// The same after a newer plan of the unit. Recordings that it leaves out, since other conditions were asked for, stay.
    func replanned(_ newer: BatchUnit) -> UnitState {
        var state = self
        state.unit = newer
        state.unit.entries += unit.entries.filter { old in !newer.entries.contains { $0.label == old.label } }
        return state
    }
}

/// What became of one recording.
public struct EntryState: Codable, Sendable, Equatable {
    /// How it ended.
    public enum Status: String, Codable, Sendable {
        /// Its results are there, whole.
        case done
        /// There are none, for a reason.
        case failed
    }

    /// How it ended.
    public var status: Status
    /// Why it failed; empty where it did not.
    public var reason = ""
    /// The files it was made of, as far as they could be read.
    public var inputs: [InputStamp]
    /// The options, as `foci localize` takes them.
    public var arguments: [String]
    /// Version of the program.
    public var program: String
    /// Folder of the results, relative to the folder of the batch; nil where there is none.
    public var result: String?
    /// SHA-256 of `estimate.h5`.
    public var estimate: String?
    /// Number of sources.
    public var sources = 0
    /// Number of warnings.
    public var warnings = 0
    /// Wall time, s.
    public var seconds = 0.0
    /// Largest memory of the process so far, bytes.
    public var peakMemory = 0
    /// When it ended, ISO 8601.
    public var ended = ""
    /// On which machine.
    public var host = ""

    /// An end without numbers.
    public init(status: Status, inputs: [InputStamp], arguments: [String], program: String = fociVersion) {
        self.status = status
        self.inputs = inputs
        self.arguments = arguments
        self.program = program
    }
}

/// The folder of a batch: where its state, locks, logs and results lie.
public struct BatchFolder: Sendable {
    /// Its path.
    public let path: String

    /// A folder, which need not be there yet.
    public init(_ path: String) {
        var path = path[...]
        while path.count > 1, path.last == "/" { path.removeLast() }
        self.path = String(path)
    }

    /// Path of something in it.
    func place(_ name: String) -> String { "\(path)/\(name)" }

    /// Makes a folder in it, and those above.
    ///
    /// - Throws: ``InputError`` when that cannot be, for example on a drive that is read-only.
    func make(_ name: String) throws(InputError) {
        do {
            try FileManager.default.createDirectory(atPath: place(name), withIntermediateDirectories: true)
        } catch {
            throw InputError(
                place(name), found: "cannot be written: \(String(cString: strerror(errno)))",
                advice: "choose a folder that you may write to")
        }
    }

    /// What the program keeps for itself.
    static let own = ".foci"

    func statePath(_ key: String) -> String { place("\(Self.own)/state/\(key).json") }
    func lockPath(_ key: String) -> String { place("\(Self.own)/locks/\(key).lock") }
    func logPath(_ key: String) -> String { place("logs/\(key).log") }

    /// The state of a unit; nil where nothing was planned yet.
    ///
    /// - Throws: ``InputError`` for a file that is not such a state.
    public func state(_ key: String) throws(InputError) -> UnitState? {
        let path = statePath(key)
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        do {
            let state = try JSON.value(UnitState.self, from: data)
            guard state.version == 1 else {
                throw InputError(
                    path, found: "version \(state.version)", expected: "1", advice: "use the program that wrote it")
            }
            return state
        } catch let error as InputError {
            throw error
        } catch {
            throw InputError(
                path, found: "not the state of a unit", advice: "remove the file: its recordings are then done again")
        }
    }

    /// Writes the state of a unit, whole or not at all.
    ///
    /// - Throws: ``InputError`` when it cannot be written.
    func write(_ state: UnitState) throws(InputError) {
        let path = statePath(state.unit.key)
        guard let text = try? JSON.text(state, isIndented: true) else {
            throw InputError(path, found: "a state that cannot be written")
        }
        try AtomicFile.write(Array((text + "\n").utf8), to: path)
    }

    /// The states of all units that were ever planned here, by name.
    ///
    /// - Parameter subject: of this subject alone; nil for all.
    /// - Throws: ``InputError`` for a folder without a batch, and for a file that is not a state.
    public func states(of subject: String? = nil) throws(InputError) -> [UnitState] {
        let folder = place("\(Self.own)/state")
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
            throw InputError(path, found: "no batch in it", expected: "the output folder of 'foci batch'")
        }
        var states: [UnitState] = []
        for name in names.sorted() where name.hasSuffix(".json") {
            if let subject, name != "sub-\(subject).json", !name.hasPrefix("sub-\(subject)_") { continue }
            if let state = try state(String(name.dropLast(5))) { states.append(state) }
        }
        return states
    }

    /// Removes what processes left that were killed: files that were not finished, and claims.
    ///
    /// Of a process of another machine only its number can be seen: what it writes is left alone for some seconds, and who
    /// writes tries again.
    ///
    /// - Returns: whether there are files that may be such, too young to tell.
    @discardableResult
    func sweep() -> Bool {
        var isUncertain = false
        for name in ["", "group", "code", "\(Self.own)/state", "\(Self.own)/pages", "\(Self.own)/slurm"] {
            let folder = name.isEmpty ? path : place(name)
            for file in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
                guard let writer = Writer(of: file) else { continue }
                let path = "\(folder)/\(file)"
                var status = stat()
                guard stat(path, &status) == 0 else { continue }
                guard writer.isGone(since: status.st_mtim, beside: lockPath("sweep")) else { continue }
                if time(nil) - status.st_mtim.tv_sec >= Self.patience {
                    unlink(path)
                } else {
                    isUncertain = true
                }
            }
        }
        for file in (try? FileManager.default.contentsOfDirectory(atPath: place("\(Self.own)/locks"))) ?? [] {
            let path = place("\(Self.own)/locks/\(file)")
            guard file.hasSuffix(".lock"), Claim.holder(path) == nil else { continue }
            if let attempt = try? Claim.take(path), case .taken(let claim) = attempt { claim.release() }
        }
        return isUncertain
    }

    /// How long a file may be unfinished that some process of another machine may write, s.
    static let patience = 2

    /// Makes the folders of the program.
    ///
    /// - Throws: ``InputError`` when they cannot be made, for example on a drive that is read-only.
    func prepare() throws(InputError) {
        for name in ["\(Self.own)/state", "\(Self.own)/locks", "\(Self.own)/staging", "\(Self.own)/pages", "logs"] {
            try make(name)
        }
        guard access(place(Self.own), W_OK | X_OK) == 0 else {
            throw InputError(
                path, found: "cannot be written: \(String(cString: strerror(errno)))",
                advice: "choose a folder that you may write to")
        }
    }
}
