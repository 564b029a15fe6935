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
        /// What the statistics depend on beside.
        public var statistics = StatisticsSettings()
        /// How subjects are coupled that are localized together.
        public var joint = JointSettings()

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

    /// Reads all estimates and writes `group.html` and `group/`.
    ///
    /// What analyses found before stays on the page while it is of the same estimates.
    ///
    /// - Throws: ``InputError`` where nothing is done yet, positions cannot be compared, or files cannot be written;
    ///   `CancellationError` when it was cancelled.
    public func run(monitor: Monitor) throws -> Made {
        let gathered = try gather(monitor)
        try write(gathered, sections: try kept(gathered.input))
        let group = gathered.input.group
        let found = group.pooled.clusters.count
        return Made(
            summary: "\(group.pooled.subjects.count) subjects, \(group.members.count) recordings: "
                + (found == 1 ? "1 region shows a source" : "\(found) regions show a source")
                + " in several subjects; see "
                + folder.place("group.html"))
    }

    /// Runs analyses over all that is done, and writes the page of the group with what they found.
    ///
    /// - Parameters:
    ///   - analyses: to run, in this order.
    ///   - areWanted: whether somebody asked for these: one that has nothing to work on is then an error, else left out.
    ///   - recipe: what options of recordings mean.
    ///   - monitor: progress, cancellation and warnings.
    /// - Returns: by name of the analysis what it found, or why it was left out.
    /// - Throws: ``InputError`` as ``run(monitor:)`` does, and where an analysis cannot be done; those before it stay.
    public func run(
        _ analyses: [any GroupAnalysis], areWanted: Bool, recipe: @escaping @Sendable ([String]) throws -> Recipe,
        monitor: Monitor
    ) throws -> [(name: String, outcome: AnalysisOutcome)] {
        let gathered = try gather(monitor, recipe: recipe)
        var outcomes: [(name: String, outcome: AnalysisOutcome)] = []
        for analysis in analyses {
            let output: GroupOutput
            let findings: GroupFindings
            do {
                if let reason = analysis.reasonAgainst(gathered.input) { throw NothingToAnalyse(reason: reason) }
                output = try GroupOutput(folder, analysis.name)
                findings = try analysis.run(gathered.input, into: output, monitor: monitor)
            } catch let nothing as NothingToAnalyse {
                if areWanted { throw InputError("--analysis \(analysis.name)", found: nothing.reason) }
                outcomes.append((analysis.name, .leftOut(nothing.reason)))
                continue
            }
            if monitor.isCancelled() { throw CancellationError() }
            let record = KeptFindings(estimates: gathered.input.fingerprint, sections: findings.sections)
            try output.add(KeptFindings.file, text: try JSON.text(record, isIndented: true) + "\n")
            try output.commit()
            outcomes.append((analysis.name, .found(findings)))
        }
        try write(gathered, sections: try kept(gathered.input))
        return outcomes
    }

    /// How an analysis ended.
    public enum AnalysisOutcome: Sendable {
        /// What it found.
        case found(GroupFindings)
        /// Why it had nothing to work on.
        case leftOut(String)
    }

    /// All that is done, and why the rest is not.
    private struct Gathered {
        let input: GroupInput
        let pages: [String: String]
        let failures: [(name: String, reason: String)]
        let skipped: [(name: String, reason: String)]
    }

    private func gather(
        _ monitor: Monitor,
        recipe: @escaping @Sendable ([String]) throws -> Recipe = { _ in
            Recipe(settings: LocalizationSettings(), reading: ReadingOptions())
        }
    ) throws -> Gathered {
        var members: [(member: GroupMember, recording: GroupRecording)] = []
        var pages: [String: String] = [:]
        var failures: [(name: String, reason: String)] = []
        var skipped: [(name: String, reason: String)] = []
        for recording in try GroupRecording.all(in: folder) {
            if monitor.isCancelled() { throw CancellationError() }
            guard let state = recording.state else {
                skipped.append((recording.name, "not done yet"))
                continue
            }
            guard state.status == .done, let result = state.result else {
                failures.append((recording.name, state.reason))
                continue
            }
            monitor.report(.init(stage: "reading", detail: result))
            do {
                let estimate = try EstimateFile.read(folder.place("\(result)/estimate.h5"))
                let member = GroupMember(estimate, subject: recording.subject, condition: recording.condition)
                members.append((member, recording))
                pages[member.key] = "sub-\(recording.subject).html"
            } catch {
                failures.append((recording.name, error.text { $0.rawValue }))
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
        let transforms = try transforms(members.map(\.member))
        let group = try GroupResult(members.map(\.member), transforms: transforms, settings: own)
        let recordings = Dictionary(members.map { ($0.member.key, $0.recording) }, uniquingKeysWith: { $1 })
        let ordered = group.members.compactMap { recordings[$0.key] }
        let input = GroupInput(
            folder: folder, recordings: ordered, group: group, settings: settings, transforms: transforms,
            recipe: recipe,
            fingerprint: ordered.map { "\($0.name) \($0.state?.estimate ?? "")" })
        return Gathered(input: input, pages: pages, failures: failures, skipped: skipped)
    }

    /// What analyses found before, as far as it is of the estimates that are there now.
    private func kept(_ input: GroupInput) throws -> [PageSection] {
        let fingerprint = input.fingerprint
        return GroupAnalyses.names.flatMap { name -> [PageSection] in
            guard let kept = KeptFindings.read(name, in: folder) else { return [] }
            if kept.estimates == fingerprint { return kept.sections }
            return kept.sections.prefix(1).map { section in
                PageSection(
                    id: section.id, title: section.title,
                    paragraphs: [
                        "What group/\(name) holds is of other estimates than those of this page: run 'foci group' again."
                    ])
            }
        }
    }

    private func write(_ gathered: Gathered, sections: [PageSection]) throws {
        let files = try GroupFiles.files(
            gathered.input.group, heading: "All subjects", pages: gathered.pages, failures: gathered.failures,
            skipped: gathered.skipped, sections: sections)
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
