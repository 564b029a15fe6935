import Foci
import Foundation

/// Files listed in a table, `subjects.tsv`: columns subject, forward, recording, and optionally covariance, session, task,
/// condition, window and averages, separated by tabs. Paths are relative to the table.
public struct TableLayout: DatasetLayout {
    let table: String
    let shared: SharedInputs

    /// The files of a table.
    public init(_ table: String, shared: SharedInputs) {
        self.table = absolutePath(table)
        self.shared = shared
    }

    /// A recording and what belongs to it.
    struct Row {
        let subject: String
        var session: String?
        var task: String?
        var forward: String?
        let recording: String
        var covariance: String?
        var condition: String?
        /// Whether the whole file is of ``condition``, which then names it and chooses nothing.
        var isConditionOfFile = false
        var own: [String] = []
    }

    private static let columns = [
        "subject", "forward", "recording", "covariance", "session", "task", "condition", "window", "averages",
    ]

    /// Finds what can be localized; see ``DatasetLayout/find()``.
    public func find() throws(InputError) -> DatasetFindings {
        let text = try TextTable.read(table, separator: .tab)
        if let unknown = text.header.first(where: { !Self.columns.contains($0) }) {
            throw InputError(
                "\(table) line 1", found: "column '\(unknown)'",
                expected: "columns among \(Self.columns.joined(separator: ", ")), separated by tabs")
        }
        for name in ["subject", "recording"] + (shared.forward == nil ? ["forward"] : [])
        where !text.header.contains(name) {
            throw InputError(
                "\(table) line 1", found: "no column '\(name)'", expected: "subject, forward and recording")
        }
        var rows: [Row] = []
        var problems: [DatasetFindings.Problem] = []
        for (k, line) in text.lines.enumerated() {
            let values = Dictionary(uniqueKeysWithValues: zip(text.header, text.row(k))).filter {
                !TextTable.isMissing($0.value)
            }
            let row = try row(values, line: line)
            if shared.wants(row.subject) { rows.append(row) }
        }
        guard !rows.isEmpty || !shared.subjects.isEmpty else {
            throw InputError(table, found: "no line below the header", expected: "a line a recording")
        }
        for row in rows where row.forward == nil && shared.forward == nil {
            problems.append(.init(name: row.subject, reason: "no forward model in \(table)"))
        }
        return try Self.findings(rows.filter { $0.forward != nil || shared.forward != nil }, problems, shared)
    }

    private func row(_ values: [String: String], line: Int) throws(InputError) -> Row {
        let place = "\(table) line \(line)"
        guard let subject = values["subject"], let recording = values["recording"] else {
            throw InputError(place, found: "no subject or no recording", expected: "both")
        }
        var own: [String] = []
        if let window = values["window"] {
            let numbers = window.split { " ,;".contains($0) }.compactMap { Double($0) }
            guard numbers.count == 2, numbers[0] <= numbers[1] else {
                throw InputError(
                    place, found: "window '\(window)'", expected: "two times in seconds, such as 0.05 0.15")
            }
            own.append("--window=\(numbers[0])..\(numbers[1])")
        }
        if let averages = values["averages"] {
            guard let number = Double(averages), number > 0, number.isFinite else {
                throw InputError(place, found: "averages '\(averages)'", expected: "a positive number")
            }
            own.append("--averages=\(averages)")
        }
        func path(_ name: String) -> String? {
            values[name].map { value in
                value.hasPrefix("/")
                    ? value
                    : (table.contains("/") ? "\((table as NSString).deletingLastPathComponent)/\(value)" : value)
            }
        }
        return Row(
            subject: subject, session: values["session"], task: values["task"], forward: path("forward"),
            recording: path("recording") ?? recording, covariance: path("covariance"), condition: values["condition"],
            own: own)
    }

    /// Units of rows that share subject, session, task, forward and covariance.
    static func findings(
        _ rows: [Row], _ problems: [DatasetFindings.Problem], _ shared: SharedInputs
    ) throws(InputError) -> DatasetFindings {
        var findings = DatasetFindings()
        findings.problems = problems
        var places: [String: Int] = [:]
        var spelling: [String: String] = [:]
        for row in rows {
            let subject = BIDSName.subject(row.subject)
            if let other = spelling[subject], other != row.subject {
                throw InputError(
                    "subject '\(row.subject)'", found: "the same letters and digits as of '\(other)'",
                    expected: "names that differ in these")
            }
            spelling[subject] = row.subject
            do throws(InputError) {
                let unit = try unit(row, subject, shared)
                // Recordings of other forwards or covariances are units of their own, with numbers as runs.
                var name = unit.name
                var run = 1
                while let place = places[name.text] {
                    let other = findings.units[place]
                    if other.forward == unit.forward, other.covariance == unit.covariance { break }
                    run += 1
                    name["run"] = String(run)
                }
                if let place = places[name.text] {
                    findings.units[place].add(unit.entries)
                } else {
                    places[name.text] = findings.units.count
                    var unit = unit
                    unit.name = name
                    findings.units.append(unit)
                }
            } catch {
                findings.problems.append(.init(name: row.subject, reason: error.text(naming: { "--\($0.rawValue)" })))
            }
        }
        findings.sort()
        return findings
    }

    private static func unit(_ row: Row, _ subject: String, _ shared: SharedInputs) throws(InputError) -> BatchUnit {
        var shared = shared
        if let condition = row.condition, !row.isConditionOfFile { shared.conditions = [condition] }
        var name = BIDSName(["sub": subject])
        name["ses"] = row.session.map { BIDSName.label($0.replacingPrefix("ses-", with: "")) }
        name["task"] = row.task.map { BIDSName.label($0.replacingPrefix("task-", with: "")) }
        var entries = try ConditionList(shared: shared).entries(of: row.recording)
        if row.isConditionOfFile, let condition = row.condition, entries.count == 1 {
            entries[0].label = BIDSName.label(condition)
            entries[0].condition = condition
        }
        for k in entries.indices { entries[k].own = row.own }
        var unit = BatchUnit(
            name: name, datatype: try ConditionList.datatype(of: row.recording),
            forward: row.forward ?? shared.forward ?? "",
            covariance: row.covariance, entries: entries)
        switch shared.covariance {
        case .none: unit.covariance = nil
        case .file(let path): unit.covariance = path
        case .kind(let kind):
            throw InputError("--covariance", found: "'\(kind)'", expected: "a file or none: this layout knows no kinds")
        case .found: break
        }
        if unit.covariance == nil { unit.notes.append("no covariance: the noise is estimated from the recording") }
        return unit
    }
}

extension BatchUnit {
    /// Adds recordings, with labels that stay unique.
    mutating func add(_ more: [BatchEntry]) {
        for var entry in more {
            let base = entry.label
            var number = 1
            while entries.contains(where: { $0.label == entry.label }) {
                number += 1
                entry.label = "\(base)\(number)"
            }
            entries.append(entry)
        }
    }
}
