import Foci
import Foundation
import MixedEffects

/// What the statistics of a group depend on beside its results.
public struct StatisticsSettings: Sendable {
    /// The model, as `amplitude ~ condition*age + (condition | subject)`; nil: the conditions, where there are several.
    public var formula: String?
    /// A table of subjects, `participants.tsv`; nil: that of the data set, where it has one.
    public var participants: String?
    /// Over which times amplitudes are averaged.
    public var averaging = PlaceAmplitudes.Averaging.peak(halfWidth: 0.01)
    /// Which sources the places are those of.
    public var places = Places.automatic
    /// Part of the subjects that have to have a source at a place for it to be modelled.
    public var leastShare = 0.25
    /// Whether models are averaged.
    public var selects = true
    /// Of the sampler.
    public var seed: UInt64 = 1
    /// Threads; no result depends on them.
    public var parallelism = Parallelism.allCores

    /// The usual settings.
    public init() {}

    /// Which sources the places of a group are those of.
    public enum Places: String, Sendable, CaseIterable {
        /// Of all subjects localized together where that was done, else of each alone.
        case automatic = "auto"
        /// Of all subjects localized together.
        case joint
        /// Of each subject alone.
        case alone
    }
}

/// Which conditions and covariates change which place of the group: amplitudes fitted again at the same places for every
/// recording, with the covariance of their errors, and mixed models of them.
public struct GroupStatistics: GroupAnalysis {
    /// See the protocol.
    public let name = "statistics"
    /// See the protocol.
    public let help =
        "mixed-effects models of the amplitudes at the group's places: conditions, covariates, subjects that depart"

    /// The statistics.
    public init() {}

    /// Places at most, those of most subjects first.
    static let mostPlaces = 50

    /// See the protocol.
    public func reasonAgainst(_ input: GroupInput) -> String? {
        let input = (try? input.withoutCombined().input) ?? input
        let subjects = input.subjects.count
        if subjects < 3 { return "there are \(subjects) subjects: models of what differs between them need three" }
        if let found = try? places(input), found.clusters.isEmpty {
            return "there is no place where several subjects have a source"
        }
        return nil
    }

    /// See the protocol.
    public func run(_ input: GroupInput, into output: GroupOutput, monitor: Monitor) throws -> GroupFindings {
        let settings = input.settings.statistics
        // What is made of others is no observation beside them, and would choose places where they differ.
        let (input, combined) = try input.withoutCombined()
        let (clusters, areJoint) = try places(input)
        let fitted = try fit(clusters, input, monitor)
        let amplitudes = try PlaceAmplitudes(fitted.recordings, averaging: settings.averaging)
        let table = try StatisticsTable(amplitudes, fitted.names, settings, input.folder)
        let design = try RepeatedDesign(table.formula, of: table.table, group: StatisticsTable.subject)
        guard design.groups.count > 2 else {
            throw InputError(
                .formula, found: "\(design.groups.count) subjects of whom all is known that it names",
                expected: "three at least")
        }
        monitor.report(
            .init(stage: "modelling", detail: "\(clusters.count) places, \(design.fixedNames.count) effects"))
        let model = ResponseModel(
            keptFixed: Set(design.intercept.map { [$0] } ?? []),
            keptRandom: Set(design.randomNames.indices.filter { design.partners[$0] == design.intercept }),
            selects: settings.selects, seed: settings.seed)
        let (result, path): (ResponseModel.Result, ResponsePath?)
        do {
            let responses = try ResponseTable(
                fixed: design.fixed, random: design.random, offsets: design.offsets,
                responses: Matrix(rows: design.rows.count, columns: clusters.count) {
                    amplitudes.rows[design.rows[$0]].amplitudes[$1]
                }, errors: .correlated(design.rows.map { amplitudes.rows[$0].covariance }))
            result = try model.fit(
                responses, parallelism: settings.parallelism, isCancelled: monitor.isCancelled)
            path = settings.selects ? try model.path(responses, isCancelled: monitor.isCancelled) : nil
        } catch let error as ResponseTable.Invalid {
            throw InputError(name, found: "\(error)")
        }
        let findings = StatisticsFindings(
            input: input, clusters: clusters, areJoint: areJoint, amplitudes: amplitudes, design: design,
            formula: table.formulaText, result: result, path: path,
            warnings: combined.map { "'\($0)' is left out: its name says that it is made of the others" }
                + amplitudes.warnings + fitted.notes)
        for warning in findings.warnings { monitor.warn(warning) }
        for file in findings.files { try output.add(file.name, text: file.text) }
        return findings.told
    }

    /// The places that are modelled, and whether they are of all subjects localized together.
    private func places(_ input: GroupInput) throws(InputError) -> (clusters: [SourceCluster], areJoint: Bool) {
        let settings = input.settings.statistics
        let together = settings.places == .alone ? nil : try input.together()
        if settings.places == .joint, together == nil {
            throw InputError(
                "--places", found: "joint, without a joint localization of these estimates",
                advice: "add joint to the analyses")
        }
        let least = max(2, Int((settings.leastShare * Double(input.subjects.count)).rounded(.up)))
        let all = (together ?? input.group).pooled.clusters
        return (Array(all.filter { $0.subjects.count >= least }.prefix(Self.mostPlaces)), together != nil)
    }

    /// What recordings are called, and what is said of them.
    private struct Fitted {
        var recordings: [PlaceAmplitudes.Recording] = []
        /// By subject, session and condition the labels that the name of its files has.
        var names: [String: BIDSName] = [:]
        var notes: [String] = []
    }

    /// Fits all recordings again, subject by subject: of one at a time a gain is in memory.
    private func fit(_ clusters: [SourceCluster], _ input: GroupInput, _ monitor: Monitor) throws -> Fitted {
        let reader = input.reader()
        var fitted = Fitted()
        var merged: [String] = []
        for (subject, recordings) in Dictionary(grouping: input.recordings, by: \.subject).sorted(by: {
            $0.key < $1.key
        }) {
            var views: [PlaceRecording] = []
            var names: [(condition: String, session: String)] = []
            for recording in recordings {
                if monitor.isCancelled() { throw CancellationError() }
                monitor.report(.init(stage: "fitting places", detail: recording.name))
                let contents = try input.read(recording, by: reader)
                let prepared = try PreparedProblem(
                    recording: contents.files.recording, forward: contents.files.forward,
                    covariance: contents.files.covariance, settings: contents.recipe.settings.preparation,
                    parallelism: input.settings.statistics.parallelism, shared: contents.shared)
                let candidates = PlaceCandidates.find(
                    clusters, of: subject, among: contents.files.forward.sources, in: input.group.space,
                    within: input.group.pooled.radius)
                views.append(try PlaceRecording(prepared, candidates: candidates))
                let entry = recording.entry
                // Labels are unique in a unit, conditions need not be.
                let isAlone = recording.unit.entries.count { $0.condition == entry.condition } < 2
                let condition = isAlone && !entry.condition.isEmpty ? entry.condition : entry.label
                var rest = recording.unit.name
                rest["sub"] = nil
                names.append((condition, rest.text))
                fitted.names[Self.key(subject, condition, rest.text)] = rest
            }
            let (fits, mergers) = try PlaceFit.fit(views)
            merged += mergers.map { "\(subject): place \($0.place + 1) from place \($0.other + 1)" }
            for (fit, name) in zip(fits, names) {
                fitted.recordings.append(
                    .init(subject: subject, condition: name.condition, session: name.session, fit: fit))
            }
        }
        if !merged.isEmpty {
            fitted.notes.append(
                "Places that the sensors cannot tell apart in a subject are left out there: "
                    + merged.prefix(6).joined(separator: "; ") + (merged.count > 6 ? "; …" : "") + ".")
        }
        return fitted
    }

    static func key(_ subject: String, _ condition: String, _ session: String) -> String {
        "\(subject)\t\(condition)\t\(session)"
    }
}

/// The rows of the statistics as a table: whose, in which condition and session, and what is known of the subject.
struct StatisticsTable {
    static let subject = "subject"
    let table: DataTable
    let formula: Formula
    let formulaText: String

    /// - Throws: ``InputError`` for a formula or a table of subjects that cannot be read.
    init(
        _ amplitudes: PlaceAmplitudes, _ names: [String: BIDSName], _ settings: StatisticsSettings,
        _ folder: BatchFolder
    ) throws(InputError) {
        let rows = amplitudes.rows
        var columns = [
            DataTable.Column(Self.subject, texts: rows.map(\.subject)),
            DataTable.Column("condition", texts: rows.map(\.condition)),
        ]
        for (entity, name) in [("ses", "session"), ("task", "task"), ("run", "run")] {
            let labels = rows.map { names[GroupStatistics.key($0.subject, $0.condition, $0.session)]?[entity] }
            if labels.contains(where: { $0 != nil }) { columns.append(DataTable.Column(name, texts: labels)) }
        }
        if let path = settings.participants ?? folder.participants {
            let known = Set(columns.map(\.name))
            columns += try Self.covariates(path, of: rows.map(\.subject)).filter { !known.contains($0.name) }
        }
        table = try DataTable(columns)
        let hasConditions = Set(rows.map(\.condition)).count > 1
        formulaText =
            settings.formula
            ?? (hasConditions ? "amplitude ~ condition + (condition | subject)" : "amplitude ~ 1 + (1 | subject)")
        formula = try Formula(formulaText)
        if let response = formula.response, response != "amplitude" {
            throw InputError(.formula, found: "'\(response)' before ~", expected: "amplitude")
        }
    }

    /// The columns of a table of subjects, spread over rows.
    private static func covariates(_ path: String, of subjects: [String]) throws(InputError) -> [DataTable.Column] {
        let table = try TextTable.read(path)
        guard let place = table.header.firstIndex(of: "participant_id") ?? table.header.firstIndex(of: subject) else {
            throw InputError(path, found: "no column 'participant_id'", expected: "one, as in participants.tsv of BIDS")
        }
        var rowOf: [String: Int] = [:]
        for (row, cell) in table.columns[place].enumerated() {
            guard rowOf.updateValue(row, forKey: BIDSName.subject(cell)) == nil else {
                throw InputError(
                    "\(path) line \(table.lines[row])", found: "'\(cell)' a second time", expected: "each once")
            }
        }
        return table.header.indices.filter { $0 != place && !table.header[$0].isEmpty }.map { column in
            DataTable.Column(
                table.header[column],
                texts: subjects.map { name in
                    rowOf[name].flatMap { row in
                        let cell = table.columns[column][row]
                        return TextTable.isMissing(cell) ? nil : cell
                    }
                })
        }
    }
}

extension BatchFolder {
    /// The table of subjects of the data set that the batch is of, or of its own; nil where there is none.
    fileprivate var participants: String? {
        struct Description: Decodable {
            struct Source: Decodable { let URL: String }
            let SourceDatasets: [Source]?
        }
        var folders = [path]
        if let data = FileManager.default.contents(atPath: place("dataset_description.json")),
            let description = try? JSON.value(Description.self, from: data)
        {
            folders += (description.SourceDatasets ?? []).map { $0.URL.replacingPrefix("file://", with: "") }
        }
        return folders.map { "\($0)/participants.tsv" }.first { FileManager.default.fileExists(atPath: $0) }
    }
}
