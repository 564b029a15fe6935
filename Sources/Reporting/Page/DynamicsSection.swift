import Requests
import SourceImaging

/// Who drives whom, as a section of a page.
public enum DynamicsSection {
    /// Connections that are listed at most.
    private static let listed = 60

    /// All figures that there are, by the names of their files without an ending.
    ///
    /// - Parameters:
    ///   - answer: what was found.
    ///   - frame: of its positions.
    ///   - candidates: of the sources, m, likewise, for the outline of the brain; may be empty.
    public static func figures(
        _ answer: DynamicsAnswer, frame: CoordinateFrame = .head, candidates: [SIMD3<Double>] = []
    ) -> [(name: String, svg: String)] {
        [
            ("connections", ConnectionsFigure.svg(answer.graph, frame: frame, candidates: candidates)),
            ("influence", InfluenceFigure.svg(answer.graph)), ("spectrum", DynamicsCurves.spectrum(answer)),
            ("forecast", DynamicsCurves.forecast(answer.summary)),
        ].compactMap { name, svg in svg.map { (name, $0) } }
    }

    /// The section.
    ///
    /// - Parameters:
    ///   - summary: what was found.
    ///   - figures: see ``figures(_:frame:candidates:)``.
    public static func section(_ summary: DynamicsSummary, figures: [String]) -> PageSection {
        var section = PageSection(
            id: "dynamics", title: "Who drives whom", paragraphs: [DynamicsReading.opening(summary)])
        section.warnings = summary.warnings
        section.figures = figures
        section.tables = [table(summary)]
        section.notes = notes(summary)
        return section
    }

    /// A page of that section alone. Parameters: those of ``section(_:figures:)``, and what the page is of.
    public static func page(_ summary: DynamicsSummary, figures: [String], heading: String) -> PageContent {
        SectionsPage.content([section(summary, figures: figures)], heading: heading, run: "foci \(fociVersion)")
    }

    private static func table(_ summary: DynamicsSummary) -> PageSection.Table {
        let sorted = summary.connections.sorted {
            ($0.selected ? 1 : 0, $0.influence) > ($1.selected ? 1 : 0, $1.influence)
        }
        let shown = sorted.prefix(listed)
        func cell(_ text: String?) -> PageSection.Cell { .init(text ?? "n/a") }
        return PageSection.Table(
            title: "Connections"
                + (sorted.count > shown.count ? " (\(shown.count) of \(sorted.count), all in connections.tsv)" : ""),
            columns: [
                .init("from → to", isNumber: false), .init("influence"), .init("p"), .init("p (FDR)"), .init("claimed"),
                .init("confirmed"), .init("in resamples"),
            ],
            rows: shown.map { connection in
                [
                    .init("\(connection.from) → \(connection.to)", isMarked: connection.selected),
                    .init(NumberText.significant(connection.influence, 3)),
                    cell(connection.p.map(MixedReading.probability)),
                    cell(connection.fdr.map(MixedReading.probability)),
                    .init(connection.selected ? "yes" : "no", isMarked: connection.selected),
                    cell(connection.confirmed.map { $0 ? "yes" : "no" }),
                    cell(connection.frequency.map { NumberText.percent($0) }),
                ]
            })
    }

    private static func notes(_ summary: DynamicsSummary) -> [String] {
        let tested = summary.connections.contains { $0.p != nil }
        return [
            tested
                ? "Claimed: p, corrected so that at most \(NumberText.percent(summary.falseDiscoveryRate)) of what is claimed is "
                    + "false on average, and an influence of at least \(NumberText.percent(summary.smallestInfluence)) of the "
                    + "strongest: with enough samples any influence is significant. Influence: ln of how many times as large the "
                    + "error of prediction is without the past of the one that drives."
                : "Claimed: what the model holds, with an influence of at least "
                    + "\(NumberText.percent(summary.smallestInfluence)) of the strongest.",
            summary.connections.contains { $0.confirmed != nil }
                ? "Confirmed: in reversed time the other direction is the stronger one, as leakage and noise do not make it."
                : nil,
            summary.resamples > 0 && summary.connections.contains { $0.frequency != nil }
                ? "In resamples: how many of \(summary.resamples) bootstraps of the epochs claim it, too." : nil,
        ].compactMap(\.self)
    }
}
