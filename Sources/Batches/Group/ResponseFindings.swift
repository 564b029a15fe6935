import Foci
import MixedEffects

/// What models of several responses found, as tables, figures and sentences: the same for amplitudes at places and for
/// influences between them.
struct ResponseFindings {
    /// What the responses are.
    struct Naming {
        /// `amplitude`.
        let response: String
        /// What there is one response of: `place`.
        let subject: String
        /// `nA·m`; empty for a pure number.
        let unit: String
        /// The unit in names of columns: `_nAm`.
        let suffix: String
        /// What numbers of the models are multiplied by.
        let factor: Double
        /// Columns of tables that tell a response, and their cells for one.
        let columns: [String]
        let cells: (_ response: Int) -> [String]
        /// What a response is called: `place 1`.
        let name: (_ response: Int) -> String
    }

    let naming: Naming
    let design: RepeatedDesign
    let result: ResponseModel.Result
    /// Of the effects, by their share of false ones (Benjamini & Hochberg 1995).
    private let discovery: [Double]

    init(_ naming: Naming, _ design: RepeatedDesign, _ result: ResponseModel.Result) {
        (self.naming, self.design, self.result) = (naming, design, result)
        discovery = FalseDiscoveryRate.adjusted(result.effects.map(\.p))
    }

    /// Error rate that is told of.
    static let level = 0.05

    // MARK: - Tables

    static func text(_ header: [String], _ rows: [[String]]) -> String {
        ([header] + rows).map { $0.joined(separator: "\t") + "\n" }.joined()
    }

    static func number(_ value: Double?) -> String {
        guard let value, value.isFinite else { return NumberText.missing }
        return String(printf: "%.6g", value)
    }

    static func cell(_ format: String, _ value: Double?) -> PageSection.Cell {
        .init(
            value.flatMap { $0.isFinite ? NumberText.typographic(String(printf: format, $0)) : nil }
                ?? NumberText.missing)
    }

    /// A row for each response and effect; what is not tested has no p.
    var effects: String {
        let suffix = naming.suffix
        let header =
            naming.columns + [
                "effect", "estimate\(suffix)", "standard_error\(suffix)", "df", "p", "p_holm", "p_fdr", "inclusion",
                "sd_between_subjects\(suffix)", "sd_inclusion",
            ]
        return Self.text(
            header,
            zip(result.effects, discovery).map { effect, discovery in
                let spread = spread(of: effect)
                return naming.cells(effect.response) + [design.fixedNames[effect.column]]
                    + [
                        effect.estimate * naming.factor, effect.standardError * naming.factor,
                        effect.degreesOfFreedom, effect.p, effect.correctedP, discovery, effect.inclusion,
                        spread.map { $0.deviation * naming.factor }, spread?.inclusion,
                    ].map(Self.number)
            })
    }

    /// The same effect between subjects.
    func spread(of effect: ResponseModel.Effect) -> ResponseModel.Spread? {
        result.spreads.first { $0.response == effect.response && design.partners[$0.column] == effect.column }
    }

    /// What a normal number as far as the score would have as its probability, corrected by Holm over all of them.
    private var judged: [(departure: ResponseModel.Departure, p: Double, corrected: Double)] {
        let values = result.departures.map { StudentDistribution.twoSided($0.score, freedom: .infinity) }
        return zip(result.departures, zip(values, HolmCorrection.adjusted(values))).map { ($0, $1.0, $1.1) }
    }

    /// A row for each subject, response and effect that differs between subjects.
    ///
    /// - Parameters:
    ///   - columns: that tell a response.
    ///   - cells: of them for one.
    func deviations(_ columns: [String], _ cells: (_ response: Int) -> [String]) -> String {
        Self.text(
            ["subject"] + columns + ["effect", "prediction\(naming.suffix)", "standardized", "p", "p_holm"],
            judged.map { departure, p, corrected in
                [design.groups[departure.group].onOneLine] + cells(departure.response)
                    + [design.randomNames[departure.column]]
                    + [departure.prediction * naming.factor, departure.score, p, corrected].map(Self.number)
            })
    }

    // MARK: - Figures

    private func name(_ effect: ResponseModel.Effect) -> String {
        "\(naming.name(effect.response)): \(design.fixedNames[effect.column])"
    }

    /// The effects that are tested.
    var tested: [ResponseModel.Effect] { result.effects.filter { !$0.p.isNaN } }

    /// Whether models were averaged.
    var isAveraged: Bool { tested.contains { $0.inclusion != nil } }

    /// All effects with their intervals, and the probabilities of each where models were averaged.
    ///
    /// - Parameter most: effects of the least p that are drawn.
    func figures(most: Int = .max) -> (forest: String, inclusion: String) {
        let shown = tested.count > most ? Array(ordered.prefix(most)) : tested
        let part = shown.count < tested.count ? ", \(shown.count) of \(tested.count)" : ""
        let forest = ForestFigure.svg(
            shown.map { effect in
                let half =
                    StudentDistribution.twoSidedQuantile(Self.level, freedom: effect.degreesOfFreedom)
                    * effect.standardError
                return ForestFigure.Row(
                    name: name(effect), estimate: effect.estimate * naming.factor,
                    interval: ((effect.estimate - half) * naming.factor)...((effect.estimate + half) * naming.factor),
                    isSelected: effect.inclusion.map { $0 > 0.5 } ?? true,
                    note: String(printf: "%.2g", effect.correctedP))
            }, title: "Effects on \(naming.response)\(part)",
            axis: (naming.unit.isEmpty ? naming.response : naming.unit) + ", with 95 % intervals, not corrected",
            noteTitle: "p (Holm)")
        let inclusion = InclusionFigure.svg(
            shown.map { effect in
                InclusionFigure.Row(name: name(effect), fixed: effect.inclusion, random: spread(of: effect)?.inclusion)
            }, title: "Probability of each effect, and of its differing between subjects\(part)")
        return (forest, inclusion)
    }

    // MARK: - The page

    /// How many there are and what was found, a line.
    var summary: String {
        let significant = tested.count { $0.correctedP < Self.level }
        let selected = tested.count { $0.inclusion.map { $0 > 0.5 } ?? false }
        return "\(result.tests) effects tested: \(significant) with p < 0.05 corrected for all of them"
            + (isAveraged ? ", \(selected) selected" : "")
    }

    /// Responses that could not be modelled.
    var failures: [String] {
        result.failures.map {
            let name = naming.name($0.response)
            return name.prefix(1).uppercased() + name.dropFirst() + " could not be modelled: \($0.reason)."
        }
    }

    /// How effects were tested and chosen.
    ///
    /// - Parameter untested: what is said of effects that are not.
    func notes(untested: String) -> [String] {
        [
            "p: Wald's test in the model of all effects, whose variances between subjects are by restricted maximum likelihood; "
                + "Student's t with the number of subjects less the number of effects between them. Corrected by Holm's method over "
                + "all \(result.tests) effects of all \(naming.subject)s on this page, not over other formulas or windows that were "
                + "tried; p (FDR): by Benjamini and Hochberg's over the same. " + untested,
            "S.d.: between subjects. Probability: of an effect over models with and without each effect, weighted by exp(−BIC/2); selected above one half. That "
                + "is not a test with an error rate of 5 %: with many effects some are selected that are not there."
                + (result.choosesRandom
                    ? ""
                    : " With fewer than \(ResponseModel.fewestGroups) subjects it is not asked which effects differ between them: "
                        + "all are taken to."),
        ]
    }

    /// Who departs, in words.
    var departureNote: String {
        "Who departs: the score of a subject is a standard normal number where the model holds; corrected by Holm's method over all "
            + "subjects, \(naming.subject)s and effects."
    }

    private var ordered: [ResponseModel.Effect] {
        tested.sorted { ($0.correctedP, $0.p) < ($1.correctedP, $1.p) }
    }

    private func heading(_ text: String) -> String { naming.unit.isEmpty ? text : "\(text), \(naming.unit)" }

    /// The effects, those of the least p first; nil where none is tested.
    var effectTable: PageSection.Table? {
        let shown = ordered.prefix(40)
        guard !shown.isEmpty else { return nil }
        // Numbers of a unit have two places, pure ones two digits.
        let format = naming.unit.isEmpty ? "%.2g" : "%.2f"
        return PageSection.Table(
            title: "Effects"
                + (tested.count > shown.count ? " (\(shown.count) of \(tested.count), all in effects.tsv)" : ""),
            columns: [
                .init("effect", isNumber: false), .init(heading("estimate")), .init("± s.e."), .init("p"),
                .init("p (Holm)"), .init("p (FDR)"), .init("probability"), .init("s.d."), .init("its probability"),
            ],
            rows: shown.map { effect in
                let spread = spread(of: effect)
                return [
                    .init(name(effect), isMarked: effect.correctedP < Self.level),
                    Self.cell(format, effect.estimate * naming.factor),
                    Self.cell(format, effect.standardError * naming.factor), Self.cell("%.2g", effect.p),
                    .init(String(printf: "%.2g", effect.correctedP), isMarked: effect.correctedP < Self.level),
                    Self.cell("%.2g", adjusted(effect)), Self.cell("%.2f", effect.inclusion),
                    Self.cell(format, spread.map { $0.deviation * naming.factor }),
                    Self.cell("%.2f", spread?.inclusion),
                ]
            })
    }

    /// p by the false discovery rate.
    func adjusted(_ effect: ResponseModel.Effect) -> Double? {
        zip(result.effects, discovery).first { $0.0.response == effect.response && $0.0.column == effect.column }?.1
    }

    /// The subjects that depart; nil where none does.
    var departureTable: PageSection.Table? {
        let shown = judged.filter { $0.corrected < Self.level }.sorted { $0.p < $1.p }.prefix(20)
        guard !shown.isEmpty else { return nil }
        return PageSection.Table(
            title: "Subjects that depart",
            columns: [
                .init("subject", isNumber: false), .init(naming.subject, isNumber: false),
                .init("effect", isNumber: false), .init(heading("departs by")), .init("score"), .init("p (Holm)"),
            ],
            rows: shown.map { departure, _, corrected in
                [
                    .init(design.groups[departure.group]), .init(naming.name(departure.response)),
                    .init(design.randomNames[departure.column]),
                    Self.cell(
                        naming.unit.isEmpty ? "%.2g" : "%.2f", departure.prediction * naming.factor),
                    Self.cell("%.1f", departure.score), Self.cell("%.2g", corrected),
                ]
            })
    }
}
