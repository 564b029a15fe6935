import Foci

/// What is done, running, waiting and failed in a folder of results.
public struct BatchStatus: Encodable, Sendable {
    /// One recording.
    public struct Entry: Encodable, Sendable {
        let unit: String
        let entry: String
        let condition: String
        /// `done`, `failed`, `running` or `waiting`.
        let status: String
        let text: String
        let sources: Int?
        let seconds: Double?
    }

    /// All, by unit, in the order of their files.
    public let entries: [Entry]

    /// The status of a folder as it is now.
    ///
    /// - Throws: ``InputError`` where there is no batch.
    public init(_ folder: BatchFolder) throws(InputError) {
        var entries: [Entry] = []
        for state in try folder.states() {
            let holder = Claim.holder(folder.lockPath(state.unit.key))
            for entry in state.unit.entries {
                let end = state.entries[entry.label]
                let status = end?.status.rawValue ?? (holder == nil ? "waiting" : "running")
                entries.append(
                    Entry(
                        unit: state.unit.key, entry: entry.label, condition: entry.condition, status: status,
                        text: end.map { $0.reason.isEmpty ? ($0.result ?? "") : $0.reason } ?? holder ?? "",
                        sources: end?.status == .done ? end?.sources : nil, seconds: end?.seconds))
            }
        }
        self.entries = entries
    }

    /// How many there are of a status.
    func count(_ status: String) -> Int { entries.count { $0.status == status } }

    /// A line a recording that is not done, and the numbers of all.
    public var text: String {
        var lines = entries.filter { $0.status != "done" }.map { entry in
            "\(entry.status)\t\(entry.unit) \(entry.entry)" + (entry.text.isEmpty ? "" : ": \(entry.text)")
        }
        lines.append(
            ["done", "running", "waiting", "failed"].map { "\(count($0)) \($0)" }.joined(separator: ", ")
                + " of \(entries.count) recordings")
        return lines.joined(separator: "\n")
    }

    /// All as JSON.
    ///
    /// - Throws: `EncodingError`.
    public func json() throws -> String {
        struct Whole: Encodable {
            let done, running, waiting, failed: Int
            let entries: [Entry]
        }
        return try JSON.text(
            Whole(
                done: count("done"), running: count("running"), waiting: count("waiting"), failed: count("failed"),
                entries: entries), isIndented: true)
    }
}
