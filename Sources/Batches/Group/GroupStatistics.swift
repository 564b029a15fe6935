import Foci
import Foundation
import MixedEffects

/// What the statistics of a group depend on beside its results.
public struct StatisticsSettings: Sendable {
    /// The model, as `amplitude ~ condition*age + (condition | subject)`, of connections also `influence ~ …`; nil: the
    /// conditions, where there are several.
    public var formula: String?
    /// A table of subjects, `participants.tsv`; nil: that of the data set, where it has one.
    public var participants: String?
    /// Over which times amplitudes are averaged.
    public var averaging = PlaceAmplitudes.Averaging.peak(halfWidth: 0.01)
    /// Which sources the places are those of.
    public var places = Places.automatic
    /// First and last time over which connections are fitted, s; nil: of each recording all from time 0 on.
    public var connectionWindow: ClosedRange<Double>?
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

    /// The model of all responses: the mean of all subjects, and how they differ from it, are in it whatever the data say.
    func model(of design: RepeatedDesign) -> ResponseModel {
        ResponseModel(
            keptFixed: Set(design.intercept.map { [$0] } ?? []),
            keptRandom: Set(design.randomNames.indices.filter { design.partners[$0] == design.intercept }),
            selects: selects, seed: seed)
    }

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
    public func reasonAgainst(_ input: GroupInput) -> String? { GroupPlaces.reasonAgainst(input, fewest: 1) }

    /// See the protocol.
    public func run(_ input: GroupInput, into output: GroupOutput, monitor: Monitor) throws -> GroupFindings {
        let settings = input.settings.statistics
        let places = try GroupPlaces(input, most: Self.mostPlaces)
        let fitted = try fit(places, monitor)
        let amplitudes = try PlaceAmplitudes(fitted.recordings, averaging: settings.averaging)
        let rows = amplitudes.rows.compactMap { fitted.rows[Self.key($0.subject, $0.condition, $0.session)] }
        let table = try StatisticsTable(rows, of: "amplitude", settings, input.folder)
        let design = try table.design()
        monitor.report(
            .init(stage: "modelling", detail: "\(places.clusters.count) places, \(design.fixedNames.count) effects"))
        let model = settings.model(of: design)
        let (result, path): (ResponseModel.Result, ResponsePath?)
        do {
            let responses = try ResponseTable(
                fixed: design.fixed, random: design.random, offsets: design.offsets,
                responses: Matrix(rows: design.rows.count, columns: places.clusters.count) {
                    amplitudes.rows[design.rows[$0]].amplitudes[$1]
                }, errors: .correlated(design.rows.map { amplitudes.rows[$0].covariance }))
            result = try model.fit(
                responses, parallelism: settings.parallelism, isCancelled: monitor.isCancelled)
            path = settings.selects ? try model.path(responses, isCancelled: monitor.isCancelled) : nil
        } catch let error as ResponseTable.Invalid {
            throw InputError(name, found: "\(error)")
        }
        let findings = StatisticsFindings(
            places: places, amplitudes: amplitudes, design: design, formula: table.formulaText, result: result,
            path: path, warnings: places.notes + amplitudes.warnings + fitted.notes)
        for warning in findings.warnings { monitor.warn(warning) }
        for file in findings.files { try output.add(file.name, text: file.text) }
        return findings.told
    }

    /// All recordings, and what is said of them.
    private struct Fitted {
        var recordings: [PlaceAmplitudes.Recording] = []
        /// By subject, condition and session.
        var rows: [String: GroupPlaces.Row] = [:]
        var notes: [String] = []
    }

    /// Fits all recordings again.
    private func fit(_ places: GroupPlaces, _ monitor: Monitor) throws -> Fitted {
        var fitted = Fitted()
        var merged: [(subject: String, merger: PlaceFit.Merger)] = []
        let parallelism = places.input.settings.statistics.parallelism
        try places.forEachSubject(monitor) { contents, candidates in
            let prepared = try PreparedProblem(
                recording: contents.files.recording, forward: contents.files.forward,
                covariance: contents.files.covariance, settings: contents.recipe.settings.preparation,
                parallelism: parallelism, shared: contents.shared)
            return try PlaceRecording(prepared, candidates: candidates)
        } fit: { views in
            let (fits, mergers) = try PlaceFit.fit(views.map(\.view))
            merged += mergers.map { (views[0].row.subject, $0) }
            for (fit, (row, _)) in zip(fits, views) {
                fitted.rows[Self.key(row.subject, row.condition, row.session)] = row
                fitted.recordings.append(
                    .init(subject: row.subject, condition: row.condition, session: row.session, fit: fit))
            }
        }
        fitted.notes = GroupPlaces.note(merged)
        return fitted
    }

    private static func key(_ subject: String, _ condition: String, _ session: String) -> String {
        "\(subject)\t\(condition)\t\(session)"
    }
}

/// The rows of the statistics as a table: whose, in which condition and session, and what is known of the subject.
struct StatisticsTable {
    static let subject = "subject"
    let table: DataTable
    let formula: Formula
    let formulaText: String

    /// - Parameters:
    ///   - rows: in the order of the responses.
    ///   - response: what is explained; a formula that says `amplitude` before ~ means it, too.
    /// - Throws: ``InputError`` for a formula or a table of subjects that cannot be read.
    init(
        _ rows: [GroupPlaces.Row], of response: String, _ settings: StatisticsSettings, _ folder: BatchFolder
    ) throws(InputError) {
        var columns = [
            DataTable.Column(Self.subject, texts: rows.map(\.subject)),
            DataTable.Column("condition", texts: rows.map(\.condition)),
        ]
        for (entity, name) in [("ses", "session"), ("task", "task"), ("run", "run")] {
            let labels = rows.map { $0.labels[entity] }
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
            ?? (hasConditions ? "\(response) ~ condition + (condition | subject)" : "\(response) ~ 1 + (1 | subject)")
        formula = try Formula(formulaText)
        if let found = formula.response, found != response, found != "amplitude" {
            throw InputError(
                .formula, found: "'\(found)' before ~",
                expected: response == "amplitude" ? response : "amplitude or \(response)")
        }
    }

    /// The design of all responses.
    ///
    /// - Throws: ``InputError`` where the formula does not fit the table, or fewer than three subjects are left.
    func design() throws(InputError) -> RepeatedDesign {
        let design = try RepeatedDesign(formula, of: table, group: Self.subject)
        guard design.groups.count > 2 else {
            throw InputError(
                .formula, found: "\(design.groups.count) subjects of whom all is known that it names",
                expected: "three at least")
        }
        return design
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
