import Foci
import MixedEffects

/// Which conditions and covariates change who drives whom: of every recording of single epochs the influence of each of the
/// group's places on each other one, and mixed models of them.
struct ConnectionAnalysis: GroupAnalysis {
    let name = "connections"
    let help = "mixed-effects models of who drives whom among the group's places, from single epochs"

    /// Places at most, those of most subjects first: a model of n places has n²p coefficients.
    static let mostPlaces = 8

    func reasonAgainst(_ input: GroupInput) -> String? {
        input.group.members.contains(where: Self.hasEpochs)
            ? GroupPlaces.reasonAgainst(input, fewest: 2)
            : "no recording has several epochs: who drives whom cannot be told from averages"
    }

    private static func hasEpochs(_ member: GroupMember) -> Bool { member.epochs ?? 1 > 1 }

    func run(_ input: GroupInput, into output: GroupOutput, monitor: Monitor) throws -> GroupFindings {
        let settings = input.settings.statistics
        let places = try GroupPlaces(input, most: Self.mostPlaces)
        let read = try read(places, monitor)
        let fitted = try fit(read.recordings, settings.parallelism, monitor)
        let subjects = Set(fitted.recordings.map(\.row.subject)).count
        guard subjects > 2 else {
            throw NothingToAnalyse(
                reason: "there are \(subjects) subjects with enough epochs and places: three are needed"
                    + ((read.notes + fitted.notes).first.map { " (\($0))" } ?? ""))
        }
        let table = try StatisticsTable(fitted.recordings.map(\.row), of: "influence", settings, input.folder)
        let design = try table.design()
        let pairs = Connection.pairs(of: places.clusters.count)
        let samples = fitted.recordings.map(\.samples)
        let responses = pairs.map { pair in
            InfluenceResponses(
                influences: fitted.recordings.map { $0.connection(pair)?.influence ?? .nan }, samples: samples,
                order: fitted.order)
        }
        monitor.report(
            .init(stage: "modelling", detail: "\(pairs.count) connections, \(design.fixedNames.count) effects"))
        func matrix(_ value: (InfluenceResponses) -> [Double]) -> Matrix {
            let columns = responses.map(value)
            return Matrix(rows: design.rows.count, columns: pairs.count) { columns[$1][design.rows[$0]] }
        }
        let result: ResponseModel.Result
        do {
            let rows = try ResponseTable(
                fixed: design.fixed, random: design.random, offsets: design.offsets, responses: matrix(\.values),
                errors: .independent(matrix(\.variances)))
            result = try settings.model(of: design).fit(
                rows, parallelism: settings.parallelism, isCancelled: monitor.isCancelled)
        } catch let error as ResponseTable.Invalid {
            throw InputError(name, found: "\(error)")
        }
        let findings = ConnectionFindings(
            places: places, pairs: pairs, recordings: fitted.recordings, order: fitted.order, influences: responses,
            design: design, formula: table.formulaText, result: result,
            warnings: places.notes + read.notes + fitted.notes)
        for warning in findings.warnings { monitor.warn(warning) }
        for file in findings.files { try output.add(file.name, text: file.text) }
        return findings.told
    }

    /// The places of one recording over time.
    private struct Courses {
        let row: GroupPlaces.Row
        let data: NamedTrajectories
        /// Which places its variables are.
        let places: [Int]
    }

    /// Fits the places of all recordings that have epochs, subject by subject.
    private func read(_ places: GroupPlaces, _ monitor: Monitor) throws -> (recordings: [Courses], notes: [String]) {
        let settings = places.input.settings.statistics
        var recordings: [Courses] = []
        var notes: [String] = []
        let averages = places.input.group.members.count { !Self.hasEpochs($0) }
        if averages > 0 { notes.append("\(averages) recordings are averages, and left out") }
        var merged: [(subject: String, merger: PlaceFit.Merger)] = []
        try places.forEachSubject(monitor, where: Self.hasEpochs) { contents, candidates in
            var preparation = contents.recipe.settings.preparation
            // What was localized is too short for dynamics.
            preparation.window = settings.connectionWindow
            do throws(InputError) {
                return try PlaceEpochs(
                    recording: contents.files.recording, forward: contents.files.forward,
                    covariance: contents.files.covariance, settings: preparation, candidates: candidates,
                    parallelism: settings.parallelism, shared: contents.shared)
            } catch {
                var named = error
                if error.place == .setting(.window) { named.place = .named("--connection-window") }
                throw named
            }
        } fit: { views in
            let (courses, mergers) = try SourceCourses.fit(views.map(\.view))
            merged += mergers.map { (views[0].row.subject, $0) }
            for ((row, _), own) in zip(views, courses) {
                guard own.sources.count > 1 else {
                    notes.append("\(row.name) is left out: it has fewer than two of the places")
                    continue
                }
                let induced = own.handlingEvoked()
                // What preparing said of the recording was said when it was localized.
                notes += induced.warnings.dropFirst(own.warnings.count).map { "\(row.name): \($0)" }
                recordings.append(
                    Courses(row: row, data: try NamedTrajectories(induced, called: "place"), places: own.sources))
            }
        }
        let rates = Set(recordings.map { (1 / $0.data.trajectories.interval).rounded() }).sorted()
        if rates.count > 1 {
            notes.append(
                "recordings are sampled at \(rates.map { String(printf: "%g", $0) }.joined(separator: ", ")) Hz: their "
                    + "lags are of different times, and their influences do not compare")
        }
        return (recordings, GroupPlaces.note(merged) + notes)
    }

    /// One recording's connections.
    struct Fitted {
        let row: GroupPlaces.Row
        /// Which places its variables are.
        let places: [Int]
        /// Rows of its regression.
        let samples: Int
        let model: any DynamicalModel

        /// That of two places of the group; nil where the recording has not both.
        func connection(_ pair: (source: Int, target: Int)) -> Connection? {
            model.connections.first { (places[$0.source], places[$0.target]) == pair }
        }
    }

    /// Fits every recording with the same number of lags: the median of what each chooses.
    private func fit(
        _ recordings: [Courses], _ parallelism: Parallelism, _ monitor: Monitor
    ) throws -> (recordings: [Fitted], order: Int, notes: [String]) {
        var notes: [String] = []
        var warnings: [(row: GroupPlaces.Row, text: String)] = []
        func fit(_ recording: Courses, order: Int?) throws -> (any DynamicalModel)? {
            if monitor.isCancelled() { throw CancellationError() }
            monitor.report(.init(stage: "fitting connections", detail: recording.row.name))
            var settings = DynamicsSettings()
            settings.order = order
            settings.recording = recording.data.facts
            settings.parallelism = parallelism
            do { return try DynamicsKind.plain.fit(recording.data.trajectories, settings) } catch {
                notes.append("\(recording.row.name) is left out: \(error.text { recording.data.names[$0] })")
                return nil
            }
        }
        let chosen = try recordings.compactMap { recording in
            try fit(recording, order: nil).map { (recording: recording, model: $0) }
        }
        let order = InfluenceResponses.commonOrder(chosen.map(\.model.order)) ?? 1
        var fitted: [Fitted] = []
        for (recording, own) in chosen {
            let samples = recording.data.trajectories.windowCount(lags: order)
            let needed = AutoregressiveModel.fewestSamplesPerCoefficient * recording.places.count * order
            guard samples >= needed else {
                notes.append(
                    "\(recording.row.name) is left out: \(samples) samples are too few for order \(order) and "
                        + "\(recording.places.count) places; expected \(needed) at least")
                continue
            }
            guard let model = own.order == order ? own : try fit(recording, order: order) else { continue }
            for warning in model.warnings {
                switch warning {
                // Said of all; and what one recording alone could not claim.
                case .predictiveOnly, .cannotTell: break
                default: warnings.append((recording.row, warning.text { recording.data.names[$0] }))
                }
            }
            fitted.append(
                Fitted(row: recording.row, places: recording.places, samples: samples, model: model))
        }
        return (fitted, order, notes + Self.told(warnings, of: fitted.count))
    }

    /// Warnings of recordings, those that differ in a measured number alone once.
    private static func told(_ warnings: [(row: GroupPlaces.Row, text: String)], of count: Int) -> [String] {
        let decimal = /[-−]?[0-9]+\.[0-9]+/
        var lines: [(key: String, rows: [GroupPlaces.Row], texts: [String])] = []
        for (row, text) in warnings {
            let key = text.replacing(decimal, with: "")
            if let place = lines.firstIndex(where: { $0.key == key }) {
                lines[place].rows.append(row)
                lines[place].texts.append(text)
            } else {
                lines.append((key, [row], [text]))
            }
        }
        // Those of most recordings first; the sort is stable.
        let shown = lines.sorted { $0.rows.count > $1.rows.count }.prefix(8)
        return shown.map { _, rows, texts in
            // The numbers of all as a range, in the place of the first one's.
            let values = texts.compactMap { $0.firstMatch(of: decimal).map { String($0.output) } }
            let sorted = values.sorted { (Double($0) ?? 0, $0) < (Double($1) ?? 0, $1) }
            var text = texts[0]
            if let least = sorted.first, let most = sorted.last, least != most {
                text = text.replacing(decimal, with: "\(least) to \(most)", maxReplacements: 1)
            }
            return (rows.count == 1 ? rows[0].name : "\(rows.count) of \(count) recordings") + ": \(text)"
        } + (lines.count > shown.count ? ["\(lines.count - shown.count) more warnings of single recordings"] : [])
    }
}
