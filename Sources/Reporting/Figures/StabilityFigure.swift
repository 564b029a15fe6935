import SourceImaging

/// How often each source is found when the choice is repeated, where, and how strong: a row a source.
public enum StabilityFigure {
    /// How many sources are drawn: as many as there are colours.
    static let shownSources = Palette.sources.count
    /// How many places are drawn where repeats find a source that the estimate does not have.
    static let shownOthers = 4

    private static let rowHeight = 40.0
    private static let top = 92.0

    /// The figure as an SVG document; one that says so when no repeat finds anything.
    ///
    /// - Complexity: O(sources · repeats).
    public static func svg(_ estimate: Estimate, _ stability: Stability) -> String {
        let sources = Array(zip(estimate.sources, stability.sources).prefix(shownSources))
        let others = Array(stability.others.prefix(shownOthers))
        let rows = sources.count + others.count
        let title = "Stability of the sources" + (estimate.name.isEmpty ? "" : " · " + estimate.name)
        let subtitle = subtitle(stability, hidden: stability.sources.count - sources.count)
        let plotHeight = max(1, Double(rows)) * rowHeight
        var canvas = SVGCanvas(
            width: 900, height: top + plotHeight + 56, title: title,
            description: subtitle + ". "
                + sources.enumerated().map { place, pair in
                    "\(place + 1): \(pair.0.place), found in \(NumberText.percent(pair.1.found))."
                }.joined(separator: " "))
        canvas.heading(title, subtitle)
        guard rows > 0 else {
            canvas.message(estimate.noSourcesText, at: Point(450, top + plotHeight / 2))
            return canvas.document
        }
        let bottom = top + plotHeight
        let radius = stability.radius * 1000
        let peaks = sources.map { source, found in
            found.amplitudes.compactMap(\.self).map { $0 * 1e9 }
                + (source.peak(times: estimate.times).map { [$0.moment] } ?? [])
        }
        let y = Axis.exact(0...1, from: bottom, to: top, intervals: 1)
        let found = Panel(x: .exact(0...100, from: 226, to: 404, intervals: 4), y: y)
        let place = Panel(x: .exact(-0.04 * radius...max(radius, 1e-9), from: 480, to: 640, intervals: 4), y: y)
        let peak = Panel(
            x: .covering((peaks.joined().finiteRange ?? 0...1).including(0), from: 704, to: 872, intervals: 3), y: y)
        for (panel, name) in [
            (found, "Found in % of repeats"), (place, "Distance (mm)"), (peak, "Peak (nAm)"),
        ] {
            frame(&canvas, panel, name)
        }
        for row in 0..<rows where row > 0 {
            let y = top + Double(row) * rowHeight
            canvas.line(Point(SVGCanvas.margin, y), Point(872, y), Stroke(colour: Palette.grid, width: 1))
        }
        for (row, (source, repeats)) in sources.enumerated() {
            let middle = top + (Double(row) + 0.5) * rowHeight
            let colour = Palette.source(row)
            canvas.badge(row, at: Point(SVGCanvas.margin + 10, middle))
            label(&canvas, source.place, at: middle)
            bar(&canvas, found, repeats.found, at: middle, colour)
            dots(&canvas, place, repeats.distances.map { $0.map { $0 * 1000 } }, at: middle, colour)
            mark(&canvas, place, repeats.positionSpread.map { $0 * 1000 }, at: middle)
            dots(&canvas, peak, repeats.amplitudes.map { $0.map { $0 * 1e9 } }, at: middle, colour)
            mark(&canvas, peak, source.peak(times: estimate.times)?.moment, at: middle)
        }
        for (row, other) in others.enumerated() {
            let middle = top + (Double(sources.count + row) + 0.5) * rowHeight
            let p = [other.position.x, other.position.y, other.position.z].map {
                NumberText.typographic(NumberText.fixed($0 * 1000, 0))
            }
            label(&canvas, "(\(p.joined(separator: ", "))) mm", at: middle - 7)
            canvas.text(
                "not in the result", at: Point(SVGCanvas.margin + 26, middle + 12),
                TextStyle(size: 11, colour: Palette.alarm))
            bar(&canvas, found, other.found, at: middle, Palette.weak)
            mark(&canvas, place, other.positionSpread * 1000, at: middle)
        }
        let key = TextStyle(size: 11, colour: Palette.quiet)
        canvas.text(
            "Dots: single repeats. Ticks: root mean square distance; peak of the result.",
            at: Point(SVGCanvas.margin, bottom + 46), key)
        return canvas.document
    }

    private static func subtitle(_ stability: Stability, hidden: Int) -> String {
        let what =
            switch stability.method {
            case .epochs: "a bootstrap of epochs"
            case .sensors: "sensors left out"
            case .noise: "fresh noise on the explained field"
            }
        return "\(stability.repeats) repeats of the whole choice with \(what); found: within "
            + "\(NumberText.readable(stability.radius * 1000)) mm"
            + (hidden > 0 ? "; \(hidden) weaker source\(hidden == 1 ? "" : "s") not shown" : "")
    }

    /// The axes of a column: numbers below, the name above, grid lines between.
    private static func frame(_ canvas: inout SVGCanvas, _ panel: Panel, _ name: String) {
        let thin = Stroke(colour: Palette.ink, width: 1)
        for (value, text) in zip(panel.x.ticks.values, panel.x.ticks.labels) {
            let x = panel.x.position(value)
            canvas.line(Point(x, panel.top), Point(x, panel.bottom), Stroke(colour: Palette.grid, width: 1))
            canvas.line(Point(x, panel.bottom), Point(x, panel.bottom + 4), thin)
            canvas.text(text, at: Point(x, panel.bottom + 17), TextStyle(size: 11, anchor: .middle))
        }
        canvas.line(Point(panel.left, panel.top), Point(panel.left, panel.bottom), thin)
        canvas.line(Point(panel.left, panel.bottom), Point(panel.right, panel.bottom), thin)
        canvas.text(name, at: Point(panel.left, panel.top - 10), TextStyle(size: 12, bold: true))
    }

    private static func label(_ canvas: inout SVGCanvas, _ text: String, at y: Double) {
        canvas.text(
            TextMetrics.fitted(text, size: 12, within: 172), at: Point(SVGCanvas.margin + 26, y + 4),
            TextStyle(size: 12))
    }

    private static func bar(
        _ canvas: inout SVGCanvas, _ panel: Panel, _ part: Double, at y: Double, _ colour: String
    ) {
        let end = panel.x.position(100 * part)
        canvas.rectangle(Box(left: panel.left, top: y - 8, right: end, bottom: y + 8), fill: colour)
        canvas.text(NumberText.percent(part), at: Point(panel.right + 8, y + 4), TextStyle(size: 12))
    }

    /// A dot a repeat, spread over the height of the row in the order of the repeats.
    private static func dots(
        _ canvas: inout SVGCanvas, _ panel: Panel, _ values: [Double?], at y: Double, _ colour: String
    ) {
        let count = Double(max(1, values.count - 1))
        for (r, value) in values.enumerated() {
            guard let value else { continue }
            let height = (Double(r) / count - 0.5) * (rowHeight - 18)
            canvas.circle(Point(panel.x.position(value), y + height), radius: 2, fill: colour, opacity: 0.6)
        }
    }

    private static func mark(_ canvas: inout SVGCanvas, _ panel: Panel, _ value: Double?, at y: Double) {
        guard let value else { return }
        let x = panel.x.position(value)
        canvas.line(Point(x, y - 13), Point(x, y + 13), Stroke(colour: Palette.ink, width: 1.6))
    }
}
