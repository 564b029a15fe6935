import Foci
import Foundation

extension BatchFolder {
    /// Makes the folder, the files of a derivative, and a state for each unit that has none.
    ///
    /// - Parameters:
    ///   - plan: what is to be done.
    ///   - source: folder of the data.
    ///   - settings: of this run, as text.
    /// - Throws: ``InputError`` when it cannot be written.
    public func begin(_ plan: BatchPlan, source: String, settings: String) throws(InputError) {
        try prepare()
        var conditions: [String: String] = [:]
        for item in plan.items {
            for entry in item.unit.entries {
                conditions[entry.label] = entry.condition.isEmpty ? "the recording" : "condition \(entry.condition)"
            }
            guard !FileManager.default.fileExists(atPath: statePath(item.unit.key)),
                let text = try? JSON.text(UnitState(item.unit), isIndented: true)
            else { continue }
            // Only where nothing is: another run may have finished it meanwhile.
            try AtomicFile.write(Array((text + "\n").utf8), to: statePath(item.unit.key), replacing: false)
        }
        try DerivativeFiles.write(to: self, source: source, conditions: conditions, settings: settings)
    }
}
