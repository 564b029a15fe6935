import Foci
import MixedEffects

/// What the statistics of a group found, as tables, as a section of its page and for programs. Amplitudes are in nA·m.
struct StatisticsFindings {
    let places: GroupPlaces
    let amplitudes: PlaceAmplitudes
    let design: RepeatedDesign
    let formula: String
    let result: ResponseModel.Result
    /// Nil where no models were chosen.
    let path: ResponsePath?
    let warnings: [String]

    /// Places whose paths are drawn at most.
    private static let mostPaths = 4

    private var clusters: [SourceCluster] { places.clusters }

    private var responses: ResponseFindings {
        ResponseFindings(
            .init(
                response: "amplitude", subject: "place", unit: "nA·m", suffix: "_nAm", factor: 1e9,
                columns: ["place", "x_mm", "y_mm", "z_mm", "latency_s"], cells: place,
                name: { "place \($0 + 1)" }), design, result)
    }

    // MARK: - Tables

    /// The files of the analysis.
    var files: [(name: String, text: String)] {
        let (responses, figures) = (responses, responses.figures())
        return [
            ("effects.tsv", responses.effects), ("amplitudes.tsv", fittedAmplitudes),
            ("deviations.tsv", responses.deviations(["place"]) { [String($0 + 1)] }),
            ("forest.svg", figures.forest), ("inclusion.svg", figures.inclusion),
        ] + (path.map { [("paths.tsv", paths($0)), ("paths.svg", pathFigure($0))] } ?? [])
    }

    private func place(_ number: Int) -> [String] {
        [String(number + 1)] + places.positions[number].map { String(printf: "%.1f", $0) }
            + [ResponseFindings.number(amplitudes.latencies[number])]
    }

    /// A row for each recording and place, with the correlations of its error with those of the other places.
    private var fittedAmplitudes: String {
        let header =
            ["subject", "condition", "session", "place", "amplitude_nAm", "standard_error_nAm"]
            + clusters.indices.map { "error_correlation_\($0 + 1)" }
        return ResponseFindings.text(
            header,
            amplitudes.rows.flatMap { row in
                clusters.indices.map { p in
                    let variance = row.covariance[p, p]
                    return [
                        row.subject, row.condition, row.session.isEmpty ? NumberText.missing : row.session,
                        String(p + 1),
                    ].map(
                        \.onOneLine)
                        + [
                            ResponseFindings.number(row.amplitudes[p] * 1e9),
                            ResponseFindings.number(variance.squareRoot() * 1e9),
                        ]
                        + clusters.indices.map {
                            ResponseFindings.number(
                                row.covariance[p, $0] / (variance * row.covariance[$0, $0]).squareRoot())
                        }
                }
            })
    }

    // MARK: - Figures

    /// A row for each place, effect and λ of the path.
    private func paths(_ path: ResponsePath) -> String {
        ResponseFindings.text(
            ["place", "effect", "lambda", "bic", "estimate_nAm", "sd_between_subjects_nAm"],
            clusters.indices.flatMap { place in
                design.fixedNames.indices.flatMap { column in
                    let random = design.partners.firstIndex(of: column)
                    return path.lambdas.indices.map { l in
                        [String(place + 1), design.fixedNames[column]]
                            + [
                                path.lambdas[l], path.bic[l], path.fixed[place][column, l] * 1e9,
                                random.map { path.deviations[place][$0, l] * 1e9 },
                            ].map(ResponseFindings.number)
                    }
                }
            })
    }

    /// Paths at the places whose effects stay longest, the first of them on top.
    private func pathFigure(_ path: ResponsePath) -> String {
        let columns = design.fixedNames.indices.filter { $0 != design.intercept }
        func length(_ place: Int) -> Int {
            columns.map { column in path.lambdas.indices.last { !(path.fixed[place][column, $0] == 0) } ?? -1 }.max()
                ?? -1
        }
        let shown = clusters.indices.sorted { (length($1), $0) < (length($0), $1) }.prefix(Self.mostPaths)
        return CoefficientPathFigure.svg(
            shown.map { place in
                .init(
                    axis: "place \(place + 1), nA·m",
                    lines: columns.map { column in
                        .init(
                            name: design.fixedNames[column],
                            values: path.lambdas.indices.map { path.fixed[place][column, $0] * 1e9 },
                            isSelected: path.chosen.map { path.fixed[place][column, $0] != 0 } ?? false)
                    })
            }, lambdas: path.lambdas, chosen: path.chosen.map { path.lambdas[$0] },
            title: "Effects by strength of the penalty"
                + (shown.count < clusters.count ? ", \(shown.count) places" : ""))
    }

    // MARK: - The page

    /// What is told.
    var told: GroupFindings {
        GroupFindings(summary: summary, sections: [section], answer: Answer(self))
    }

    private var summary: String {
        "\(design.groups.count) subjects, \(clusters.count) places, \(responses.summary)"
    }

    private var section: PageSection {
        let (responses, figures) = (responses, responses.figures())
        var section = PageSection(
            id: "statistics", title: "Which effects there are, and who departs from them",
            paragraphs: [
                summary + ".",
                "The model of each place is \(formula). Amplitudes were fitted again at the same places for every recording, by "
                    + "least squares with all places together, and the covariance of their errors is part of the model: unequal "
                    + "numbers of averages and cross-talk count as what they are.",
                "Places are those where sources of \(places.origin) lie together, over all conditions pooled. " + times,
            ])
        section.warnings = warnings + responses.failures
        section.figures =
            [figures.forest] + (responses.isAveraged ? [figures.inclusion] : []) + (path.map { [pathFigure($0)] } ?? [])
        section.tables = [
            places.table(
                of: design.groups.count,
                (
                    .init("at, ms"),
                    { ResponseFindings.cell("%.0f", amplitudes.latencies[$0].map { $0 * 1000 }) }
                )), responses.effectTable, responses.departureTable,
        ].compactMap(\.self)
        section.notes = notes
        return section
    }

    private var times: String {
        guard amplitudes.latencies.contains(where: { $0 != nil }),
            case .peak(let half) = places.input.settings.statistics.averaging
        else {
            return "An amplitude is the mean over a window of time that is the same for all."
        }
        return "An amplitude is the mean over " + String(printf: "%.0f ms", half * 1000)
            + " to either side of the time at which all conditions of all subjects pooled are strongest at a place."
    }

    private var notes: [String] {
        responses.notes(
            untested:
                "Places and times were taken from all conditions pooled, signs likewise, so that they favour no difference of "
                + "conditions; the mean amplitude of a place, which is positive by choice, is not tested.")
            + [
                path == nil
                    ? nil
                    : "Paths: what the adaptive Lasso leaves of each effect as its penalty grows, the same at all places; the dashed "
                        + "line is where the models that are left, fitted again, have the smallest BIC together. A second opinion on "
                        + "what is selected."
                        + (clusters.count > Self.mostPaths
                            ? " Drawn are the \(Self.mostPaths) places where effects stay longest; all are in paths.tsv."
                            : ""),
                responses.departureNote,
            ].compactMap(\.self) + design.notes
    }

    // MARK: - For programs

    /// The value of `statistics` in the answer.
    struct Answer: Encodable, Sendable {
        struct Effect: Encodable {
            let place: Int
            let effect: String
            let estimate, standardError: Double
            let p, correctedP, inclusion, deviation, deviationInclusion: Double?

            enum CodingKeys: String, CodingKey {
                case place, effect, p, inclusion
                case estimate = "estimate_nAm"
                case standardError = "standard_error_nAm"
                case correctedP = "p_holm"
                case deviation = "sd_between_subjects_nAm"
                case deviationInclusion = "sd_inclusion"
            }
        }

        let formula: String
        let places: String
        let subjects: [String]
        let positions: [[Double]]
        let latencies: [Double?]
        let tests: Int
        let effects: [Effect]
        let warnings, notes: [String]

        enum CodingKeys: String, CodingKey {
            case formula, places, subjects, tests, effects, warnings, notes
            case positions = "positions_mm"
            case latencies = "latencies_s"
        }

        init(_ findings: StatisticsFindings) {
            let responses = findings.responses
            formula = findings.formula
            places = findings.places.kind.rawValue
            subjects = findings.design.groups
            positions = findings.places.positions
            latencies = findings.amplitudes.latencies
            tests = findings.result.tests
            effects = findings.result.effects.map { effect in
                let spread = responses.spread(of: effect)
                return Effect(
                    place: effect.response + 1, effect: findings.design.fixedNames[effect.column],
                    estimate: effect.estimate * 1e9, standardError: effect.standardError * 1e9,
                    p: effect.p.isNaN ? nil : effect.p, correctedP: effect.p.isNaN ? nil : effect.correctedP,
                    inclusion: effect.inclusion, deviation: spread.map { $0.deviation * 1e9 },
                    deviationInclusion: spread?.inclusion)
            }
            warnings = findings.warnings
            notes = findings.design.notes
        }
    }
}
