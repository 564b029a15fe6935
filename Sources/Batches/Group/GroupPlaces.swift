import Foci

/// The places of a group at which every recording is looked at again.
struct GroupPlaces {
    /// What the batch left, but for conditions that are made of others: these are no observations beside them, and would choose
    /// places where they differ.
    let input: GroupInput
    /// The places, those of most subjects first.
    let clusters: [SourceCluster]
    /// Whether they are of all subjects localized together.
    let areJoint: Bool
    /// What was left out, one line each.
    let notes: [String]

    /// - Parameter most: places at most.
    /// - Throws: ``InputError`` for places that are asked for and are not there.
    init(_ input: GroupInput, most: Int) throws(InputError) {
        let (input, combined) = try input.withoutCombined()
        let settings = input.settings.statistics
        let together = settings.places == .alone ? nil : try input.together()
        if settings.places == .joint, together == nil {
            throw InputError(
                "--places", found: "joint, without a joint localization of these estimates",
                advice: "add joint to the analyses")
        }
        let least = max(2, Int((settings.leastShare * Double(input.subjects.count)).rounded(.up)))
        let all = (together ?? input.group).pooled.clusters.filter { $0.subjects.count >= least }
        self.input = input
        clusters = Array(all.prefix(most))
        areJoint = together != nil
        notes =
            combined.map { "'\($0)' is left out: its name says that it is made of the others" }
            + (all.count > most
                ? ["of \(all.count) places the \(most) of most subjects are looked at, the others left out"] : [])
    }

    /// Why there is nothing to model, see ``GroupAnalysis/reasonAgainst(_:)``.
    ///
    /// - Parameter fewest: places that are needed.
    static func reasonAgainst(_ input: GroupInput, fewest: Int) -> String? {
        let subjects = ((try? input.withoutCombined().input) ?? input).subjects.count
        if subjects < 3 { return "there are \(subjects) subjects: models of what differs between them need three" }
        guard let found = try? Self(input, most: fewest), found.clusters.count < fewest else { return nil }
        return found.clusters.isEmpty
            ? "there is no place where several subjects have a source"
            : "there is one place where several subjects have a source, and nothing that could drive it"
    }

    /// Which sources they are those of.
    var kind: StatisticsSettings.Places { areJoint ? .joint : .alone }

    /// The same in words.
    var origin: String { areJoint ? "all subjects localized together" : "subjects, each localized alone," }

    /// Where each is, mm.
    var positions: [[Double]] { clusters.map { [$0.centre.x * 1000, $0.centre.y * 1000, $0.centre.z * 1000] } }

    /// The places as a table of a page.
    ///
    /// - Parameters:
    ///   - subjects: how many there are.
    ///   - more: a column more, and its cells.
    func table(
        of subjects: Int, _ more: (column: PageSection.Column, cell: (Int) -> PageSection.Cell)? = nil
    ) -> PageSection.Table {
        PageSection.Table(
            title: "Places",
            columns: [
                .init("place", isNumber: false), .init("where, mm (x, y, z)"), .init("subjects with a source"),
            ] + (more.map { [$0.column] } ?? []),
            rows: zip(clusters.indices, positions).map { place, position in
                let position = position.map { String(printf: "%.1f", $0) }.joined(separator: ", ")
                return [
                    .init(String(place + 1)), .init(NumberText.typographic(position)),
                    .init("\(clusters[place].subjects.count) of \(subjects)"),
                ] + (more.map { [$0.cell(place)] } ?? [])
            })
    }

    /// What a recording is called in a table of all.
    struct Row {
        let subject, condition, session: String
        /// In words, for messages.
        var name: String { [subject, session, condition].filter { !$0.isEmpty }.joined(separator: " ") }
        /// The labels that the name of its files has, but for the subject's.
        let labels: BIDSName
    }

    /// Reads recordings again, subject by subject: of one at a time a gain is in memory.
    ///
    /// - Parameters:
    ///   - isWanted: which recordings.
    ///   - view: what is kept of one; candidates are the subject's sources at the places.
    ///   - fit: what is done with all of a subject.
    /// - Throws: what these throw, ``InputError`` for files that cannot be read, `CancellationError`.
    func forEachSubject<View>(
        _ monitor: Monitor, where isWanted: (GroupMember) -> Bool = { _ in true },
        view: (_ contents: UnitReader.Contents, _ candidates: [Int?]) throws -> View,
        fit: (_ views: [(row: Row, view: View)]) throws -> Void
    ) throws {
        let reader = input.reader()
        let wanted = zip(input.recordings, input.group.members).filter { isWanted($1) }.map(\.0)
        for (subject, recordings) in Dictionary(grouping: wanted, by: \.subject).sorted(by: { $0.key < $1.key }) {
            var views: [(row: Row, view: View)] = []
            for recording in recordings {
                if monitor.isCancelled() { throw CancellationError() }
                monitor.report(.init(stage: "fitting places", detail: recording.name))
                let contents = try input.read(recording, by: reader)
                let candidates = PlaceCandidates.find(
                    clusters, of: subject, among: contents.files.forward.sources, in: input.group.space,
                    within: input.group.pooled.radius)
                views.append((Self.row(recording), try view(contents, candidates)))
            }
            try fit(views)
        }
    }

    private static func row(_ recording: GroupRecording) -> Row {
        let entry = recording.entry
        // Labels are unique in a unit, conditions need not be.
        let isAlone = recording.unit.entries.count { $0.condition == entry.condition } < 2
        var rest = recording.unit.name
        rest["sub"] = nil
        return Row(
            subject: recording.subject, condition: isAlone && !entry.condition.isEmpty ? entry.condition : entry.label,
            session: rest.text, labels: rest)
    }

    /// A line about places that were left out in subjects; none where there are none.
    static func note(_ mergers: [(subject: String, merger: PlaceFit.Merger)]) -> [String] {
        guard !mergers.isEmpty else { return [] }
        let merged = mergers.map { "\($0): place \($1.place + 1) from place \($1.other + 1)" }
        return [
            "Places that the sensors cannot tell apart in a subject are left out there: "
                + merged.prefix(6).joined(separator: "; ") + (merged.count > 6 ? "; …" : "") + "."
        ]
    }
}
