import Foci
import Foundation

/// The page of a subject, of all that is done of it in any session and task.
struct SubjectPages {
    let folder: BatchFolder

    init(_ folder: BatchFolder) { self.folder = folder }

    /// What a page was made of: it is made anew when that is different.
    private struct Record: Codable, Equatable {
        var program = fociVersion
        var entries: [String] = []
    }

    private struct Content {
        var record = Record()
        var done: [(stem: String, condition: String, result: String)] = []
        var failed: [(name: String, reason: String)] = []
    }

    private func content(_ subject: String) throws(InputError) -> Content {
        var content = Content()
        for state in try folder.states(of: subject) {
            for entry in state.unit.entries {
                guard let end = state.entries[entry.label] else { continue }
                let place = ResultFolder(batch: folder, unit: state.unit, entry: entry)
                content.record.entries.append("\(place.stem) \(end.estimate ?? end.reason)")
                if end.status == .done, let result = end.result {
                    content.done.append((place.stem, Self.title(state.unit, entry), result))
                } else {
                    content.failed.append((Self.title(state.unit, entry), end.reason))
                }
            }
        }
        return content
    }

    /// What an entry is called on the page.
    private static func title(_ unit: BatchUnit, _ entry: BatchEntry) -> String {
        var rest = unit.name
        rest["sub"] = nil
        let condition = entry.condition.isEmpty ? entry.label : entry.condition
        return rest.text.isEmpty ? condition : "\(condition) (\(rest.text))"
    }

    /// Makes the page where it is missing or older than what it tells.
    ///
    /// - Returns: whether it was made.
    /// - Throws: ``InputError`` when an estimate cannot be read or the page not be written.
    func update(_ subject: String) throws -> Bool {
        let page = folder.place("sub-\(subject).html")
        let recordPath = folder.place("\(BatchFolder.own)/pages/sub-\(subject).json")
        var wrote = false
        // Another process may finish a session of the subject meanwhile: the last one to look tells all.
        for _ in 0..<10 {
            let content = try content(subject)
            let old = FileManager.default.contents(atPath: recordPath).flatMap {
                try? JSON.value(Record.self, from: $0)
            }
            if old == content.record, FileManager.default.fileExists(atPath: page) { return wrote }
            let entries = try content.done.map { done in
                SubjectPage.Entry(
                    name: done.condition, estimate: try EstimateFile.read(folder.place("\(done.result)/estimate.h5")),
                    links: [
                        ("Folder of results", "\(done.result)/"), ("Table of sources", "\(done.result)/sources.tsv"),
                    ])
            }
            var options = SubjectPage.Options()
            options.failures = content.failed.map { (condition: $0.name, reason: $0.reason) }
            let html = try SubjectPage.html(entries, heading: "Subject \(subject)", options: options)
            try AtomicFile.write(Array(html.utf8), to: page)
            try AtomicFile.write(Array(try JSON.text(content.record, isIndented: true).utf8), to: recordPath)
            wrote = true
        }
        return wrote
    }
}
