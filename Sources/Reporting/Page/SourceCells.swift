import SourceImaging

/// The table of sources of a page: a row a source, with error bars where they are known.
struct SourceCells {
    /// Sources listed at most.
    private static let shownSources = 50

    struct Column: Encodable {
        let title, unit: Markup
        let meaning: Markup?
        let isNumber: Bool

        init(title: String, unit: String, meaning: String?, isNumber: Bool) {
            (self.title, self.unit, self.meaning) = (Markup(title), Markup(unit), meaning.map { Markup($0) })
            self.isNumber = isNumber
        }
    }

    struct Cell: Encodable {
        let text: Markup
        /// Its 95 % interval.
        let interval: Markup?
        let isNumber: Bool
    }

    struct Row: Encodable {
        let rank: Int
        let colour, ink: String
        let cells: [Cell]
    }

    /// Headings, that of the rank first.
    let columns: [Column]
    let rows: [Row]
    let caption: String
    /// What the table needs to be said, a sentence each.
    let notes: [String]

    /// - Complexity: O(sources · samples).
    init(_ estimate: Estimate) {
        let shown = Array(estimate.sources.prefix(Self.shownSources))
        // What nobody has reckoned is no column of dashes.
        let kept = Self.quantities(estimate).filter { quantity in shown.contains { quantity.text($0) != nil } }
        columns =
            [Column(title: "#", unit: "", meaning: "rank by the field explained", isNumber: false)]
            + kept.map(\.column)
        rows = shown.enumerated().map { place, source in
            Row(
                rank: place + 1, colour: Palette.source(place), ink: Palette.text(on: Palette.source(place)),
                cells: kept.map {
                    Cell(
                        text: Markup($0.text(source) ?? "–"), interval: $0.interval(source).map { Markup($0) },
                        isNumber: $0.column.isNumber)
                })
        }
        caption =
            "Positions in the \(estimate.frame.rawValue) frame"
            + (shown.contains { $0.amplitudeInterval != nil } ? "; small below a number, and of regions: 95 %" : "")
            + ". A number shows its source in the brain above."
        notes = Self.notes(estimate)
    }

    /// A column and how a source reads in it.
    private struct Quantity {
        let column: Column
        var interval: (EstimatedSource) -> String? = { _ in nil }
        let text: (EstimatedSource) -> String?
    }

    private static func quantities(_ estimate: Estimate) -> [Quantity] {
        let places = [
            Quantity(column: Column(title: "side", unit: "", meaning: nil, isNumber: false)) {
                $0.hemisphere?.name
            },
            Quantity(column: Column(title: "position", unit: "x, y, z in mm", meaning: nil, isNumber: true)) { source in
                (0..<3).map { NumberText.typographic(NumberText.fixed(source.position[$0] * 1000, 0)) }
                    .joined(separator: ", ")
            },
        ]
        // The half-axes stand together below.
        let numbers = SourceColumn.all.filter {
            estimate.has($0) && $0.heading != nil && !$0.name.hasPrefix("half_axis")
        }
        let isRepeated = { (column: SourceColumn) in column.presence == .repeated }
        return places + numbers.filter { !isRepeated($0) }.compactMap { quantity($0, estimate) } + regions
            + numbers.filter(isRepeated).compactMap { quantity($0, estimate) }
    }

    private static var regions: [Quantity] {
        [
            Quantity(
                column: Column(
                    title: "region", unit: "half-axes, mm", meaning: "ellipsoid that holds the source", isNumber: true)
            ) { $0.regionText?.split(separator: " mm").first.map(String.init) },
            Quantity(
                column: Column(
                    title: "volume", unit: "cm³", meaning: "volume of the candidates that hold the source",
                    isNumber: true)
            ) { $0.region?.volume.finite.map { NumberText.readable($0 * 1e6, 2) } },
        ]
    }

    /// A number of sources as it is told everywhere, with its interval where there is one.
    private static func quantity(_ column: SourceColumn, _ estimate: Estimate) -> Quantity? {
        guard let heading = column.heading else { return nil }
        let interval = SourceInterval.all.first { $0.name == column.name }
        let title = titles[column.name] ?? heading.name
        return Quantity(
            column: Column(title: title, unit: heading.unit, meaning: column.meaning, isNumber: true),
            interval: { source in
                interval.flatMap { source[keyPath: $0.path] }.map {
                    NumberText.typographic(
                        NumberText.range($0.lowerBound * heading.factor, $0.upperBound * heading.factor))
                }
            },
            text: { source in
                guard let value = column.value(source, estimate.times), value.isFinite else { return nil }
                let text = heading.hidesZero && value == 0 ? "point" : PlainSummary.cell(value, under: heading)
                return NumberText.typographic(text)
            })
    }

    /// Names of columns where there is more room than in a terminal.
    private static let titles = [
        "peak_time": "latency", "extent": "extent", "times_noise": "times noise", "found_fraction": "found again",
        "peak_spread": "peak spread",
    ]

    private static func notes(_ estimate: Estimate) -> [String] {
        var notes: [String] = []
        let hidden = estimate.sources.count - shownSources
        if hidden > 0 {
            notes.append("And \(hidden.counted("source")) that explain\(hidden == 1 ? "s" : "") less field.")
        }
        var legend = "Share: of the power of the whitened data, by that source alone."
        if estimate.refinement != nil {
            legend +=
                " Extent: of the patch of cortex that acts together. Times noise: what the source explains beyond the "
                + "others, in times what noise makes a source explain."
        }
        if let stability = estimate.stability {
            legend +=
                " Found again: in that part of \(stability.repeats) repeats of the whole choice, within "
                + "\(NumberText.readable(stability.radius * 1000)) mm."
        }
        notes.append(legend)
        if let cancelling = PlainSummary.cancelling(estimate.sources) {
            notes.append(cancelling.prefix(1).uppercased() + cancelling.dropFirst() + ".")
        }
        if let stability = estimate.stability {
            notes += stability.others.map {
                "Not in this result, but in \(NumberText.percent($0.found)) of the repeats: a source near "
                    + "\($0.position.place)."
            }
        }
        return notes
    }
}
