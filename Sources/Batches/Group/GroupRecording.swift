import Foci
import Foundation

/// A recording of a batch: whose it is, in which condition, and what became of it.
public struct GroupRecording: Sendable {
    /// The unit that it is of.
    public let unit: BatchUnit
    /// The recording.
    public let entry: BatchEntry
    /// What became of it; nil where it was not tried yet.
    public let state: EntryState?
    /// Its condition; where a subject has several of one condition, sessions and tasks tell them apart.
    public internal(set) var condition: String

    /// Label of the subject, without `sub-`.
    public var subject: String { unit.subject }
    /// What tells it from the others, as ``GroupMember/key`` does.
    public var key: String { GroupMember.key(subject: subject, condition: condition) }
    /// Its name in messages.
    public var name: String { "\(unit.key) \(entry.label)" }

    /// Last part of the path of its results: `sub-01_desc-tones_mxne`.
    public var resultName: String { state?.result.map { ($0 as NSString).lastPathComponent } ?? "" }

    /// All recordings that were ever planned in a folder, by unit.
    ///
    /// - Throws: ``InputError`` for a folder without a batch.
    static func all(in folder: BatchFolder) throws(InputError) -> [GroupRecording] {
        var all: [GroupRecording] = []
        for state in try folder.states() {
            for entry in state.unit.entries {
                let condition = entry.condition.isEmpty ? entry.label : entry.condition
                all.append(
                    GroupRecording(
                        unit: state.unit, entry: entry, state: state.entries[entry.label], condition: condition))
            }
        }
        let keys = all.map(\.key)
        guard Set(keys).count < keys.count else { return all }
        for k in all.indices {
            var rest = all[k].unit.name
            rest["sub"] = nil
            let others = all.indices.contains {
                $0 != k && keys[$0] == keys[k] && all[$0].unit.key == all[k].unit.key
            }
            all[k].condition = [
                others ? all[k].entry.label : all[k].condition, rest.text.isEmpty ? "" : "(\(rest.text))",
            ].filter { !$0.isEmpty }.joined(separator: " ")
        }
        return all
    }
}
