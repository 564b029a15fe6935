import Foci
import MixedEffects

/// What the statistics of a group found, as tables, as a section of its page and for programs. Amplitudes are in nA·m.
struct StatisticsFindings {
    let input: GroupInput
    let clusters: [SourceCluster]
    /// Whether these are of all subjects localized together.
    let areJoint: Bool
    let amplitudes: PlaceAmplitudes
    let design: RepeatedDesign
    let formula: String
    let result: ResponseModel.Result
    /// Nil where no models were chosen.
    let path: ResponsePath?
    let warnings: [String]

    /// Error rate that is told of.
    private static let level = 0.05
    /// Places whose paths are drawn at most.
    private static let mostPaths = 4

    // MARK: - Tables

    /// The files of the analysis.
    var files: [(name: String, text: String)] {
        [
            ("effects.tsv", effects), ("amplitudes.tsv", fittedAmplitudes), ("deviations.tsv", deviations),
            ("forest.svg", forest), ("inclusion.svg", inclusion),
        ] + (path.map { [("paths.tsv", paths($0)), ("paths.svg", pathFigure($0))] } ?? [])
    }

    private static func text(_ header: [String], _ rows: [[String]]) -> String {
        ([header] + rows).map { $0.joined(separator: "\t") + "\n" }.joined()
    }

    private static func number(_ value: Double?) -> String {
        guard let value, value.isFinite else { return NumberText.missing }
        return String(printf: "%.6g", value)
    }

    private func place(_ number: Int) -> [String] {
        let centre = clusters[number].centre * 1000
        return [String(number + 1)] + [centre.x, centre.y, centre.z].map { String(printf: "%.1f", $0) }
            + [Self.number(amplitudes.latencies[number])]
    }

    /// A row for each place and effect; what is not tested (the mean, whose sign was chosen) has no p.
    private var effects: String {
        let header = [
            "place", "x_mm", "y_mm", "z_mm", "latency_s", "effect", "estimate_nAm", "standard_error_nAm", "df", "p",
            "p_holm", "inclusion", "sd_between_subjects_nAm", "sd_inclusion",
        ]
        return Self.text(
            header,
            result.effects.map { effect in
                let spread = spread(of: effect)
                return place(effect.response) + [design.fixedNames[effect.column]]
                    + [
                        effect.estimate * 1e9, effect.standardError * 1e9, effect.degreesOfFreedom, effect.p,
                        effect.correctedP, effect.inclusion, spread.map { $0.deviation * 1e9 }, spread?.inclusion,
                    ].map(Self.number)
            })
    }

    /// The same effect between subjects.
    private func spread(of effect: ResponseModel.Effect) -> ResponseModel.Spread? {
        result.spreads.first { $0.response == effect.response && design.partners[$0.column] == effect.column }
    }

    /// A row for each recording and place, with the correlations of its error with those of the other places.
    private var fittedAmplitudes: String {
        let header =
            ["subject", "condition", "session", "place", "amplitude_nAm", "standard_error_nAm"]
            + clusters.indices.map { "error_correlation_\($0 + 1)" }
        return Self.text(
            header,
            amplitudes.rows.flatMap { row in
                clusters.indices.map { p in
                    let variance = row.covariance[p, p]
                    return [
                        row.subject, row.condition, row.session.isEmpty ? NumberText.missing : row.session,
                        String(p + 1),
                    ].map(
                        \.onOneLine)
                        + [Self.number(row.amplitudes[p] * 1e9), Self.number(variance.squareRoot() * 1e9)]
                        + clusters.indices.map {
                            Self.number(row.covariance[p, $0] / (variance * row.covariance[$0, $0]).squareRoot())
                        }
                }
            })
    }

    /// What a normal number as far as the score would have as its probability, corrected by Holm over all of them.
    private var judged: [(departure: ResponseModel.Departure, p: Double, corrected: Double)] {
        let values = result.departures.map { StudentDistribution.twoSided($0.score, freedom: .infinity) }
        return zip(result.departures, zip(values, HolmCorrection.adjusted(values))).map { ($0, $1.0, $1.1) }
    }

    private var deviations: String {
        Self.text(
            ["subject", "place", "effect", "prediction_nAm", "standardized", "p", "p_holm"],
            judged.map { departure, p, corrected in
                [
                    design.groups[departure.group].onOneLine, String(departure.response + 1),
                    design.randomNames[departure.column],
                ] + [departure.prediction * 1e9, departure.score, p, corrected].map(Self.number)
            })
    }

    // MARK: - Figures

    private func name(_ effect: ResponseModel.Effect) -> String {
        "place \(effect.response + 1): \(design.fixedNames[effect.column])"
    }

    private var tested: [ResponseModel.Effect] { result.effects.filter { !$0.p.isNaN } }

    private func isSelected(_ effect: ResponseModel.Effect) -> Bool { effect.inclusion.map { $0 > 0.5 } ?? true }

    private var forest: String {
        ForestFigure.svg(
            tested.map { effect in
                let half =
                    StudentDistribution.twoSidedQuantile(Self.level, freedom: effect.degreesOfFreedom)
                    * effect.standardError
                return ForestFigure.Row(
                    name: name(effect), estimate: effect.estimate * 1e9,
                    interval: ((effect.estimate - half) * 1e9)...((effect.estimate + half) * 1e9),
                    isSelected: isSelected(effect), note: String(printf: "%.2g", effect.correctedP))
            }, title: "Effects on amplitude", axis: "nA·m, with 95 % intervals, not corrected",
            noteTitle: "p (Holm)")
    }

    private var inclusion: String {
        InclusionFigure.svg(
            tested.map { effect in
                InclusionFigure.Row(name: name(effect), fixed: effect.inclusion, random: spread(of: effect)?.inclusion)
            }, title: "Probability of each effect, and of its differing between subjects")
    }

    /// A row for each place, effect and λ of the path.
    private func paths(_ path: ResponsePath) -> String {
        Self.text(
            ["place", "effect", "lambda", "bic", "estimate_nAm", "sd_between_subjects_nAm"],
            clusters.indices.flatMap { place in
                design.fixedNames.indices.flatMap { column in
                    let random = design.partners.firstIndex(of: column)
                    return path.lambdas.indices.map { l in
                        [String(place + 1), design.fixedNames[column]]
                            + [
                                path.lambdas[l], path.bic[l], path.fixed[place][column, l] * 1e9,
                                random.map { path.deviations[place][$0, l] * 1e9 },
                            ].map(Self.number)
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
        let significant = tested.filter { $0.correctedP < Self.level }
        let selected = tested.filter { $0.inclusion.map { $0 > 0.5 } ?? false }
        return "\(design.groups.count) subjects, \(clusters.count) places, \(result.tests) effects tested: "
            + "\(significant.count) with p < 0.05 corrected for all of them"
            + (tested.contains { $0.inclusion != nil } ? ", \(selected.count) selected" : "")
    }

    private var section: PageSection {
        var section = PageSection(
            id: "statistics", title: "Which effects there are, and who departs from them",
            paragraphs: [
                summary + ".",
                "The model of each place is \(formula). Amplitudes were fitted again at the same places for every recording, by "
                    + "least squares with all places together, and the covariance of their errors is part of the model: unequal "
                    + "numbers of averages and cross-talk count as what they are.",
                "Places are those where sources of \(areJoint ? "all subjects localized together" : "subjects, each localized alone,") "
                    + "lie together, over all conditions pooled. " + times,
            ])
        section.warnings =
            warnings + result.failures.map { "Place \($0.response + 1) could not be modelled: \($0.reason)." }
        section.figures =
            [forest] + (tested.contains { $0.inclusion != nil } ? [inclusion] : [])
            + (path.map { [pathFigure($0)] } ?? [])
        section.tables = [placeTable, effectTable, departureTable].compactMap(\.self)
        section.notes = notes
        return section
    }

    private var times: String {
        guard amplitudes.latencies.contains(where: { $0 != nil }),
            case .peak(let half) = input.settings.statistics.averaging
        else {
            return "An amplitude is the mean over a window of time that is the same for all."
        }
        return "An amplitude is the mean over " + String(printf: "%.0f ms", half * 1000)
            + " to either side of the time at which all conditions of all subjects pooled are strongest at a place."
    }

    private var notes: [String] {
        [
            "p: Wald's test in the model of all effects, whose variances between subjects are by restricted maximum likelihood; "
                + "Student's t with the number of subjects less the number of effects between them. Corrected by Holm's method over "
                + "all \(result.tests) effects of all places on this page, not over other formulas or windows that were tried. "
                + "Places and times were taken from all conditions pooled, signs likewise, so that they favour no difference of "
                + "conditions; the mean amplitude of a place, which is positive by choice, is not tested.",
            "S.d.: between subjects. Probability: of an effect over models with and without each effect, weighted by exp(−BIC/2); selected above one half. That "
                + "is not a test with an error rate of 5 %: with many effects some are selected that are not there."
                + (result.choosesRandom
                    ? ""
                    : " With fewer than \(ResponseModel.fewestGroups) subjects it is not asked which effects differ between them: "
                        + "all are taken to."),
            path == nil
                ? nil
                : "Paths: what the adaptive Lasso leaves of each effect as its penalty grows, the same at all places; the dashed "
                    + "line is where the models that are left, fitted again, have the smallest BIC together. A second opinion on "
                    + "what is selected."
                    + (clusters.count > Self.mostPaths
                        ? " Drawn are the \(Self.mostPaths) places where effects stay longest; all are in paths.tsv."
                        : ""),
            "Who departs: the score of a subject is a standard normal number where the model holds; corrected by Holm's method over all "
                + "subjects, places and effects.",
        ].compactMap(\.self) + design.notes
    }

    private var placeTable: PageSection.Table {
        PageSection.Table(
            title: "Places",
            columns: [
                .init("place", isNumber: false), .init("where, mm (x, y, z)"), .init("subjects with a source"),
                .init("at, ms"),
            ],
            rows: clusters.indices.map { place in
                [
                    .init(String(place + 1)),
                    .init(NumberText.typographic(self.place(place)[1...3].joined(separator: ", "))),
                    .init("\(clusters[place].subjects.count) of \(design.groups.count)"),
                    Self.cell("%.0f", amplitudes.latencies[place].map { $0 * 1000 }),
                ]
            })
    }

    private static func cell(_ format: String, _ value: Double?) -> PageSection.Cell {
        .init(value.map { NumberText.typographic(String(printf: format, $0)) } ?? NumberText.missing)
    }

    private var effectTable: PageSection.Table? {
        let shown = tested.sorted { ($0.correctedP, $0.p) < ($1.correctedP, $1.p) }.prefix(40)
        guard !shown.isEmpty else { return nil }
        return PageSection.Table(
            title: "Effects"
                + (tested.count > shown.count ? " (\(shown.count) of \(tested.count), all in effects.tsv)" : ""),
            columns: [
                .init("effect", isNumber: false), .init("estimate, nA·m"), .init("± s.e."), .init("p"),
                .init("p (Holm)"), .init("probability"), .init("s.d."), .init("its probability"),
            ],
            rows: shown.map { effect in
                let spread = spread(of: effect)
                return [
                    .init(name(effect), isMarked: effect.correctedP < Self.level),
                    Self.cell("%.2f", effect.estimate * 1e9), Self.cell("%.2f", effect.standardError * 1e9),
                    Self.cell("%.2g", effect.p),
                    .init(String(printf: "%.2g", effect.correctedP), isMarked: effect.correctedP < Self.level),
                    Self.cell("%.2f", effect.inclusion), Self.cell("%.2f", spread.map { $0.deviation * 1e9 }),
                    Self.cell("%.2f", spread?.inclusion),
                ]
            })
    }

    private var departureTable: PageSection.Table? {
        let shown = judged.filter { $0.corrected < Self.level }.sorted { $0.p < $1.p }.prefix(20)
        guard !shown.isEmpty else { return nil }
        return PageSection.Table(
            title: "Subjects that depart",
            columns: [
                .init("subject", isNumber: false), .init("place"), .init("effect", isNumber: false),
                .init("departs by, nA·m"), .init("score"), .init("p (Holm)"),
            ],
            rows: shown.map { departure, _, corrected in
                [
                    .init(design.groups[departure.group]), .init(String(departure.response + 1)),
                    .init(design.randomNames[departure.column]),
                    Self.cell("%.2f", departure.prediction * 1e9), Self.cell("%.1f", departure.score),
                    Self.cell("%.2g", corrected),
                ]
            })
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
            formula = findings.formula
            let kind: StatisticsSettings.Places = findings.areJoint ? .joint : .alone
            places = kind.rawValue
            subjects = findings.design.groups
            positions = findings.clusters.map { [$0.centre.x * 1000, $0.centre.y * 1000, $0.centre.z * 1000] }
            latencies = findings.amplitudes.latencies
            tests = findings.result.tests
            effects = findings.result.effects.map { effect in
                let spread = findings.spread(of: effect)
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
