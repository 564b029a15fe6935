import Foci
import Foundation

/// What a run is to do: which recordings are new, changed or failed, and which are as they should be.
public struct BatchPlan: Sendable {
    /// What is to be done with an entry.
    public enum Decision: Sendable, Equatable {
        /// To be done, for a reason.
        case run(String)
        /// Done before, from the same files with the same settings.
        case unchanged
        /// Failed before; left alone unless failed ones are to be tried again, or something changed.
        case failedBefore(String)

        /// Whether it is to be done.
        public var isRun: Bool { if case .run = self { true } else { false } }
    }

    /// A unit and what is to be done with it.
    public struct Item: Sendable {
        /// The unit.
        public let unit: BatchUnit
        /// Options of each entry, by label, as `foci localize` takes them.
        public let arguments: [String: [String]]
        /// What is to be done with each entry, by label.
        public let decisions: [String: Decision]

        /// Entries to be done.
        public var toRun: [BatchEntry] { unit.entries.filter { decisions[$0.label]?.isRun == true } }
    }

    /// All units.
    public let items: [Item]

    /// Compares units with what a folder holds.
    ///
    /// - Parameters:
    ///   - units: what a layout found.
    ///   - folder: the folder of the batch.
    ///   - retriesFailed: whether what failed is tried again.
    ///   - arguments: options of an entry of a unit.
    /// - Throws: ``InputError`` for settings that are wrong, and a state that cannot be read.
    public init(
        _ units: [BatchUnit], in folder: BatchFolder, retriesFailed: Bool,
        arguments: (BatchUnit, BatchEntry) throws -> [String]
    ) throws {
        items = try units.map { unit in
            let state = try folder.state(unit.key)
            var all: [String: [String]] = [:]
            var decisions: [String: Decision] = [:]
            for entry in unit.entries {
                let own = try arguments(unit, entry)
                all[entry.label] = own
                decisions[entry.label] = Self.decision(
                    state?.entries[entry.label], unit, entry, own, folder, retriesFailed)
            }
            return Item(unit: unit, arguments: all, decisions: decisions)
        }
    }

    /// The files that an entry is made of.
    static func inputs(of unit: BatchUnit, _ entry: BatchEntry) -> [String] {
        var paths: [String] = []
        for path in [unit.forward, entry.recording] + (unit.covariance.map { [$0] } ?? []) + unit.implying
        where !paths.contains(path) {
            paths.append(path)
        }
        return paths
    }

    private static func decision(
        _ state: EntryState?, _ unit: BatchUnit, _ entry: BatchEntry, _ arguments: [String], _ folder: BatchFolder,
        _ retriesFailed: Bool
    ) -> Decision {
        guard let state else { return .run("new") }
        if let change = change(state, unit, entry, arguments) { return .run(change) }
        if state.status == .failed { return retriesFailed ? .run("failed before") : .failedBefore(state.reason) }
        let place = ResultFolder(batch: folder, unit: unit, entry: entry)
        guard state.result == place.relative, place.exists else { return .run("its results are gone") }
        return .unchanged
    }

    /// What is different from when an entry was done; nil for nothing.
    private static func change(
        _ state: EntryState, _ unit: BatchUnit, _ entry: BatchEntry, _ arguments: [String]
    ) -> String? {
        if state.program != fociVersion { return "done by version \(state.program), this is \(fociVersion)" }
        if state.arguments != arguments {
            let (old, new) = (Set(state.arguments), Set(arguments))
            let gone = state.arguments.filter { !new.contains($0) }.map { "without \($0)" }
            let added = arguments.filter { !old.contains($0) }.map { "with \($0)" }
            return "settings: " + (gone + added).joined(separator: ", ")
        }
        let paths = inputs(of: unit, entry)
        // Of a failure only what could be read was written down, so the files are told by their paths.
        let known = Dictionary(state.inputs.map { ($0.path, $0) }, uniquingKeysWith: { $1 })
        guard state.status == .done else {
            return paths.first { path in
                known[path].map { !$0.isCurrent(at: path) } ?? InputStamp.isReadable(path)
            }.map { "\($0) changed" }
        }
        guard state.inputs.count == paths.count else {
            let gone = state.inputs.map(\.path).filter { !paths.contains($0) }.map { "without \($0)" }
            let added = paths.filter { known[$0] == nil }.map { "with \($0)" }
            return (gone + added).joined(separator: ", ")
        }
        for (stamp, path) in zip(state.inputs, paths) where !stamp.isCurrent(at: path) {
            return FileManager.default.fileExists(atPath: path) ? "\(path) changed" : "\(path) is gone"
        }
        return nil
    }
}
