import Foci
import Foundation

extension BatchFolder {
    /// Ends a run: pages that a killed one left undone are made, and what it left is removed.
    ///
    /// - Throws: ``InputError`` when a page cannot be written.
    public func end(_ plan: BatchPlan) throws {
        for subject in Set(plan.items.map(\.unit.subject)).sorted() { _ = try SubjectPages(self).update(subject) }
        // A run that was killed a moment ago may have left files that are too young to tell whose they are.
        if sweep() {
            Thread.sleep(forTimeInterval: Double(Self.patience))
            sweep()
        }
    }

    /// Makes the folder, the files of a derivative, and a state for each unit that has none.
    ///
    /// - Parameters:
    ///   - plan: what is to be done.
    ///   - source: folder of the data.
    ///   - settings: of this run, as text.
    /// - Throws: ``InputError`` when it cannot be written.
    public func begin(_ plan: BatchPlan, source: String, settings: String) throws(InputError) {
        try prepare()
        sweep()
        var conditions: [String: String] = [:]
        for item in plan.items {
            for entry in item.unit.entries {
                conditions[entry.label] = entry.condition.isEmpty ? "the recording" : "condition \(entry.condition)"
            }
            guard !FileManager.default.fileExists(atPath: statePath(item.unit.key)),
                let text = try? JSON.text(UnitState(item.unit), isIndented: true)
            else { continue }
            // Only where nothing is: another run may have finished it meanwhile, or swept up what is written here.
            let (bytes, path) = (Array((text + "\n").utf8), statePath(item.unit.key))
            do throws(InputError) { try AtomicFile.write(bytes, to: path, replacing: false) } catch {
                try AtomicFile.write(bytes, to: path, replacing: false)
            }
        }
        try DerivativeFiles.write(to: self, source: source, conditions: conditions, settings: settings)
    }
}
