import Foci
import Foundation

/// The group level: the estimates of all subjects that are done, brought together.
public struct GroupRun {
    /// How subjects are brought together.
    public struct Settings: Sendable {
        /// How near sources are that count as one, m; nil by the common space.
        public var radius: Double?
        /// Where a subject's transform to MNI space is, with `{subject}`; nil for none.
        public var transform: String?
        /// Draws that tell what chance makes.
        public var permutations: Int

        /// See the properties.
        public init(radius: Double?, transform: String?, permutations: Int) {
            self.radius = radius
            self.transform = transform
            self.permutations = permutations
        }
    }

    /// What was made.
    public struct Made: Sendable {
        /// In plain English, one line.
        public let summary: String
    }

    private let folder: BatchFolder
    private let settings: Settings

    /// The group level of a folder of results.
    public init(_ folder: BatchFolder, _ settings: Settings) {
        self.folder = folder
        self.settings = settings
    }

    /// A recording with the name of what it is of.
    private struct Part {
        let unit: BatchUnit
        let entry: BatchEntry
        let state: EntryState?
        var condition: String
    }

    /// Reads all estimates and writes `group.html` and `group/`.
    ///
    /// - Throws: ``InputError`` where nothing is done yet, positions cannot be compared, or files cannot be written;
    ///   `CancellationError` when it was cancelled.
    public func run(monitor: Monitor) throws -> Made {
        let parts = try parts()
        var members: [GroupMember] = []
        var pages: [String: String] = [:]
        var failures: [(name: String, reason: String)] = []
        var skipped: [(name: String, reason: String)] = []
        for part in parts {
            if monitor.isCancelled() { throw CancellationError() }
            let name = "\(part.unit.key) \(part.entry.label)"
            guard let state = part.state else {
                skipped.append((name, "not done yet"))
                continue
            }
            guard state.status == .done, let result = state.result else {
                failures.append((name, state.reason))
                continue
            }
            monitor.report(.init(stage: "reading", detail: result))
            do {
                let estimate = try EstimateFile.read(folder.place("\(result)/estimate.h5"))
                let member = GroupMember(estimate, subject: part.unit.subject, condition: part.condition)
                members.append(member)
                pages[member.key] = "sub-\(part.unit.subject).html"
            } catch {
                failures.append((name, error.text { $0.rawValue }))
            }
        }
        guard !members.isEmpty else {
            throw InputError(
                folder.path, found: "no recording that is done", expected: "at least one",
                advice: "see 'foci batch status'")
        }
        var own = GroupSettings()
        own.radius = settings.radius
        own.permutations = settings.permutations
        monitor.report(.init(stage: "bringing subjects together", detail: "\(members.count) recordings"))
        let group = try GroupResult(members, transforms: try transforms(members), settings: own)
        try write(group, pages, failures, skipped)
        let found = group.pooled.clusters.count
        return Made(
            summary: "\(Set(members.map(\.subject)).count) subjects, \(members.count) recordings: "
                + (found == 1 ? "1 region shows a source" : "\(found) regions show a source")
                + " in several subjects; see "
                + folder.place("group.html"))
    }

    /// All recordings that were ever planned. Where a subject has several of one condition, sessions and tasks tell them apart.
    private func parts() throws(InputError) -> [Part] {
        var parts: [Part] = []
        for state in try folder.states() {
            for entry in state.unit.entries {
                let condition = entry.condition.isEmpty ? entry.label : entry.condition
                parts.append(
                    Part(unit: state.unit, entry: entry, state: state.entries[entry.label], condition: condition))
            }
        }
        let keys = parts.map { GroupMember.key(subject: $0.unit.subject, condition: $0.condition) }
        guard Set(keys).count < keys.count else { return parts }
        for k in parts.indices {
            var rest = parts[k].unit.name
            rest["sub"] = nil
            let others = parts.indices.contains {
                $0 != k && keys[$0] == keys[k] && parts[$0].unit.key == parts[k].unit.key
            }
            parts[k].condition = [
                others ? parts[k].entry.label : parts[k].condition, rest.text.isEmpty ? "" : "(\(rest.text))",
            ].filter { !$0.isEmpty }.joined(separator: " ")
        }
        return parts
    }

    private func write(
        _ group: GroupResult, _ pages: [String: String], _ failures: [(name: String, reason: String)],
        _ skipped: [(name: String, reason: String)]
    ) throws {
        let files = try GroupFiles.files(
            group, heading: "All subjects", pages: pages, failures: failures, skipped: skipped)
        try folder.make("group")
        for file in files {
            // The page stands beside those of subjects, which it leads to.
            let isPage = file.name.hasSuffix(".html")
            try DerivativeFiles.put(file.text, at: folder.place(isPage ? file.name : "group/\(file.name)"))
        }
    }

    /// The transforms of subjects to MNI space: 16 numbers in a text file each, rows of a 4 × 4 matrix, from m to mm.
    private func transforms(_ members: [GroupMember]) throws(InputError) -> [String: BrainTransform] {
        guard let pattern = settings.transform else { return [:] }
        guard pattern.contains("{subject}") else {
            throw InputError("--transform", found: "'\(pattern)'", expected: "{subject} in it")
        }
        var transforms: [String: BrainTransform] = [:]
        for subject in Set(members.map(\.subject)).sorted() {
            let path = pattern.replacing("{subject}", with: subject)
            guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
                throw InputError(path, found: "no file that can be read", expected: "a transform of subject \(subject)")
            }
            let numbers = text.split { $0.isWhitespace || $0 == "," }.compactMap { Double($0) }
            guard numbers.count == 16 else {
                throw InputError(path, found: "\(numbers.count) numbers", expected: "16, the rows of a 4 × 4 matrix")
            }
            do {
                transforms[subject] = try BrainTransform(Matrix(rows: 4, columns: 4) { numbers[4 * $0 + $1] })
            } catch {
                throw error.within(path)
            }
        }
        return transforms
    }
}
