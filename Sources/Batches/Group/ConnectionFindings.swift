import Foci
import MixedEffects

/// What the models of a group's connections found, as tables, as a section of its page and for programs.
struct ConnectionFindings {
    let places: GroupPlaces
    let pairs: [(source: Int, target: Int)]
    let recordings: [ConnectionAnalysis.Fitted]
    let order: Int
    /// Of each pair.
    let influences: [InfluenceResponses]
    let formula: String
    let warnings: [String]
    private let responses: ResponseFindings
    private let means: [Mean]

    /// One connection over the group.
    private struct Mean {
        let from, to: String
        let influence: Double
        let error, p, fdr: Double?
        let isClaimed: Bool
        let recordings: Int
    }

    init(
        places: GroupPlaces, pairs: [(source: Int, target: Int)], recordings: [ConnectionAnalysis.Fitted], order: Int,
        influences: [InfluenceResponses], design: RepeatedDesign, formula: String, result: ResponseModel.Result,
        warnings: [String]
    ) {
        (self.places, self.pairs, self.recordings, self.order) = (places, pairs, recordings, order)
        (self.influences, self.formula, self.warnings) = (influences, formula, warnings)
        responses = ResponseFindings(
            .init(
                response: "influence", subject: "connection", unit: "", suffix: "", factor: 1,
                columns: ["from", "to"], cells: { [String(pairs[$0].source + 1), String(pairs[$0].target + 1)] },
                name: { "\(pairs[$0].source + 1) → \(pairs[$0].target + 1)" }), design, result)
        means = Self.means(pairs, influences, responses)
    }

    /// Each connection's mean of all subjects: that of the model where it has an intercept, tested for being above 0; claimed
    /// by the rule of one recording (``DynamicsSettings``).
    private static func means(
        _ pairs: [(source: Int, target: Int)], _ influences: [InfluenceResponses], _ responses: ResponseFindings
    ) -> [Mean] {
        let effects = pairs.indices.map { pair in
            responses.result.effects.first { $0.response == pair && $0.column == responses.design.intercept }
        }
        let values = zip(effects, influences).map { effect, influence in
            let known = influence.values.filter(\.isFinite)
            return effect?.estimate ?? known.reduce(0, +) / Double(known.count)
        }
        let p = effects.map { effect -> Double in
            guard let effect else { return .nan }
            let half =
                StudentDistribution.twoSided(
                    effect.estimate / effect.standardError, freedom: effect.degreesOfFreedom) / 2
            return effect.estimate > 0 ? half : 1 - half
        }
        let rule = DynamicsSettings()
        let strongest = values.filter(\.isFinite).max() ?? 0
        return zip(pairs.indices, FalseDiscoveryRate.adjusted(p)).map { pair, fdr in
            Mean(
                from: "place \(pairs[pair].source + 1)", to: "place \(pairs[pair].target + 1)",
                influence: values[pair], error: effects[pair]?.standardError, p: p[pair].isNaN ? nil : p[pair],
                fdr: fdr.isNaN ? nil : fdr,
                isClaimed: fdr <= rule.falseDiscoveryRate && values[pair] >= rule.smallestInfluence * strongest,
                recordings: influences[pair].values.count(where: \.isFinite))
        }
    }

    // MARK: - Tables and figures

    /// The files of the analysis.
    var files: [(name: String, text: String)] {
        let effects = responses.figures(most: Self.drawn)
        return [
            ("connections.tsv", connections), ("means.tsv", meansTable), ("effects.tsv", responses.effects),
            ("deviations.tsv", responses.deviations(responses.naming.columns, responses.naming.cells)),
            ("forest.svg", effects.forest), ("inclusion.svg", effects.inclusion), ("connections.svg", arrows),
            ("influence.svg", InfluenceFigure.svg(graph)),
        ]
    }

    /// Effects that are drawn at most.
    private static let drawn = 20

    /// A row for each recording and connection: influence beyond chance, and p of the recording alone.
    private var connections: String {
        ResponseFindings.text(
            ["subject", "condition", "session", "from", "to", "influence", "standard_error", "p"],
            recordings.indices.flatMap { number in
                let row = recordings[number].row
                return pairs.indices.map { pair in
                    let own = recordings[number].connection(pairs[pair])
                    return [row.subject, row.condition, row.session.isEmpty ? NumberText.missing : row.session].map(
                        \.onOneLine) + responses.naming.cells(pair)
                        + [
                            influences[pair].values[number],
                            own.map { _ in influences[pair].variances[number].squareRoot() }, own?.p,
                        ].map(ResponseFindings.number)
                }
            })
    }

    private var meansTable: String {
        ResponseFindings.text(
            ["from", "to", "influence", "standard_error", "p", "p_fdr", "claimed", "recordings"],
            zip(pairs.indices, means).map { pair, mean in
                responses.naming.cells(pair)
                    + [mean.influence, mean.error, mean.p, mean.fdr].map(ResponseFindings.number)
                    + [mean.isClaimed ? "yes" : "no", String(mean.recordings)]
            })
    }

    private var graph: ConnectionGraph {
        ConnectionGraph(
            variables: places.clusters.indices.map { "place \($0 + 1)" }, positions: places.clusters.map(\.centre),
            connections: means.map {
                // Less than chance makes is none.
                .init(
                    from: $0.from, to: $0.to, influence: max($0.influence, 0), p: $0.p, fdr: $0.fdr,
                    selected: $0.isClaimed)
            })
    }

    private var arrows: String { ConnectionsFigure.svg(graph, in: places.input.group) }

    // MARK: - The page

    /// What is told.
    var told: GroupFindings { GroupFindings(summary: summary, sections: [section], answer: Answer(self)) }

    private var summary: String {
        let claimed = means.count(where: \.isClaimed)
        return
            "\(responses.design.groups.count) subjects, \(places.clusters.count) places, \(claimed) of \(pairs.count) "
            + "connections over the group; \(responses.summary)"
    }

    private var section: PageSection {
        let window = places.input.settings.statistics.connectionWindow
        let effects = responses.figures(most: Self.drawn)
        var section = PageSection(
            id: "connections", title: "Who drives whom in the group, and what changes it",
            paragraphs: [
                summary + ".",
                "In every epoch of every recording, "
                    + (window.map { String(printf: "from %g to %g s", $0.lowerBound, $0.upperBound) }
                        ?? "from time 0 on")
                    + ", the places were fitted again by least squares, all together; the evoked response, the mean over the epochs of "
                    + "a recording, was taken from each; and what is left was fitted by autoregression on one another’s past, of \(order == 1 ? "one lag" : "\(order) lags") in all recordings: the median of what "
                    + "each chooses by BIC. Influence is ln of how many times as large the error of prediction is without the "
                    + "past of the place that drives, less what chance makes of it. The model of each connection is \(formula).",
                "Places are those where sources of \(places.origin) lie together, over all conditions pooled.",
            ])
        section.warnings = warnings + responses.failures
        section.figures =
            [arrows, InfluenceFigure.svg(graph)]
            + (responses.tested.isEmpty ? [] : [effects.forest] + (responses.isAveraged ? [effects.inclusion] : []))
        section.tables = [
            places.table(of: responses.design.groups.count), meanTable, responses.effectTable, responses.departureTable,
        ].compactMap(\.self)
        section.notes = notes
        return section
    }

    /// The connections that are there over the group; nil without any.
    private var meanTable: PageSection.Table? {
        let claimed = means.filter(\.isClaimed).sorted { $0.influence > $1.influence }
        guard !claimed.isEmpty else { return nil }
        return PageSection.Table(
            title: "Connections over the group (\(claimed.count) of \(means.count), all in means.tsv)",
            columns: [
                .init("from → to", isNumber: false), .init("mean influence"), .init("± s.e."), .init("p"),
                .init("p (FDR)"), .init("recordings"),
            ],
            rows: claimed.map { mean in
                [
                    .init("\(mean.from) → \(mean.to)"),
                    ResponseFindings.cell("%.2g", mean.influence), ResponseFindings.cell("%.2g", mean.error),
                    ResponseFindings.cell("%.2g", mean.p), ResponseFindings.cell("%.2g", mean.fdr),
                    .init(String(mean.recordings)),
                ]
            })
    }

    private var notes: [String] {
        let rule = DynamicsSettings()
        func percent(_ part: Double) -> String { String(printf: "%.0f %%", 100 * part) }
        let trust =
            "An arrow is predictive influence among these places: one that was not found can fake it, and so can places that leak into each other, and noise that differs between "
            + "conditions. Filtered or resampled data change orders and p values (Barnett & Seth 2011): at most 250 Hz without "
            + "a band-pass is expected."
        let claimed =
            "Connections over the group (claimed): the mean over all subjects is above 0, tested one-sided and corrected so that at "
            + "most \(percent(rule.falseDiscoveryRate)) of what is claimed is false on average, and at least "
            + "\(percent(rule.smallestInfluence)) of the strongest: with enough samples any influence is significant."
        let tests = responses.notes(untested: "The mean influence of a connection is tested by itself, above.")
        return [trust, claimed] + tests + [responses.departureNote] + responses.design.notes
    }

    // MARK: - For programs

    /// The value of `connections` in the answer.
    struct Answer: Encodable, Sendable {
        struct Mean: Encodable {
            let from, to: Int
            let influence: Double
            let standard_error, p, p_fdr: Double?
            let claimed: Bool
            let recordings: Int
        }

        struct Effect: Encodable {
            let from, to: Int
            let effect: String
            let estimate, standard_error: Double
            let p, p_holm, p_fdr, inclusion, sd_between_subjects, sd_inclusion: Double?
        }

        let formula, places: String
        let subjects: [String]
        let positions_mm: [[Double]]
        let order, recordings, tests: Int
        let connections: [Mean]
        let effects: [Effect]
        let warnings, notes: [String]

        init(_ findings: ConnectionFindings) {
            let (pairs, responses) = (findings.pairs, findings.responses)
            formula = findings.formula
            places = findings.places.kind.rawValue
            subjects = responses.design.groups
            positions_mm = findings.places.positions
            (order, recordings, tests) = (findings.order, findings.recordings.count, responses.result.tests)
            connections = zip(pairs, findings.means).compactMap { pair, mean in
                mean.influence.isFinite
                    ? Mean(
                        from: pair.source + 1, to: pair.target + 1, influence: mean.influence,
                        standard_error: mean.error, p: mean.p, p_fdr: mean.fdr, claimed: mean.isClaimed,
                        recordings: mean.recordings) : nil
            }
            effects = responses.result.effects.map { effect in
                let (pair, spread) = (pairs[effect.response], responses.spread(of: effect))
                func known(_ value: Double?) -> Double? { effect.p.isNaN ? nil : value }
                return Effect(
                    from: pair.source + 1, to: pair.target + 1, effect: responses.design.fixedNames[effect.column],
                    estimate: effect.estimate, standard_error: effect.standardError, p: known(effect.p),
                    p_holm: known(effect.correctedP), p_fdr: known(responses.adjusted(effect)),
                    inclusion: effect.inclusion, sd_between_subjects: spread?.deviation,
                    sd_inclusion: spread?.inclusion)
            }
            warnings = findings.warnings
            notes = responses.design.notes
        }
    }
}
