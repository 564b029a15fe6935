import SourceImaging

/// How often each source is found when the choice is repeated, where, and how strong: a row a source.
public enum StabilityFigure {
    /// How many sources are drawn: as many as there are colours.
    static let shownSources = Palette.sources.count
    /// How many places are drawn where repeats find a source that the estimate does not have.
    static let shownOthers = 4

    private static let rowHeight = 40.0
    private static let (top, right) = (92.0, 872.0)

    /// The three quantities of a row, side by side.
    private struct Panels {
        /// Part of the repeats, %; distance, mm; peak, nAm.
        let found, distance, peak: Panel

        /// - Parameters:
        ///   - radius: within which a source counts as found, mm.
        ///   - peaks: all that will be drawn, nAm.
        init(radius: Double, peaks: [Double], bottom: Double) {
            let y = Axis.exact(0...1, from: bottom, to: top, intervals: 1)
            found = Panel(x: .exact(0...100, from: 226, to: 404, intervals: 4), y: y)
            distance = Panel(x: .exact(-0.04 * radius...max(radius, 1e-9), from: 480, to: 640, intervals: 4), y: y)
            peak = Panel(
                x: .covering((peaks.finiteRange ?? 0...1).including(0), from: 704, to: right, intervals: 3), y: y)
        }

        func draw(_ canvas: inout SVGCanvas) {
            for (panel, name) in [
                (found, "Found in % of repeats"), (distance, "Distance (mm)"), (peak, "Peak (nAm)"),
            ] {
                canvas.horizontalAxis(panel, hasGrid: true)
                canvas.text(name, at: Point(panel.left, panel.top - 10), TextStyle(size: 12, bold: true))
            }
        }
    }

    /// The figure as an SVG document; one that says so when no repeat finds anything.
    ///
    /// - Complexity: O(sources · repeats).
    public static func svg(_ estimate: Estimate, _ stability: Stability) -> String {
        let all = estimate.sources.compactMap { source in source.stability.map { (source: source, found: $0) } }
        let sources = all.prefix(shownSources)
        let others = stability.others.prefix(shownOthers)
        let rows = sources.count + others.count
        let subtitle = subtitle(stability, hidden: all.count - sources.count)
        let plotHeight = max(1, Double(rows)) * rowHeight
        let bottom = top + plotHeight
        var canvas = SVGCanvas(
            width: 900, height: bottom + 56, title: estimate.title("Stability of the sources"), subtitle: subtitle,
            description: subtitle + ". "
                + sources.enumerated().map { place, pair in
                    "\(place + 1): \(pair.source.place), found in \(NumberText.percent(pair.found.found))."
                }.joined(separator: " "))
        guard rows > 0 else {
            canvas.message(estimate.noSourcesText, at: Point(450, top + plotHeight / 2))
            return canvas.document
        }
        let peaks = sources.flatMap { source, found in
            found.amplitudes.compactMap(\.self).map { $0 * 1e9 } + [source.peakMoment].compactMap(\.self)
        }
        let panels = Panels(radius: stability.radius * 1000, peaks: peaks, bottom: bottom)
        panels.draw(&canvas)
        for row in 0..<rows where row > 0 {
            let y = top + Double(row) * rowHeight
            canvas.line(Point(SVGCanvas.margin, y), Point(right, y), Stroke(colour: Palette.grid))
        }
        for (row, pair) in sources.enumerated() {
            let (source, repeats) = pair
            let middle = top + (Double(row) + 0.5) * rowHeight
            let colour = Palette.source(row)
            canvas.badge(row, at: Point(SVGCanvas.margin + 10, middle))
            label(&canvas, source.place, at: middle)
            bar(&canvas, panels.found, repeats.found, at: middle, colour)
            dots(&canvas, panels.distance, repeats.distances.map { $0.map { $0 * 1000 } }, at: middle, colour)
            mark(&canvas, panels.distance, repeats.positionSpread.map { $0 * 1000 }, at: middle)
            dots(&canvas, panels.peak, repeats.amplitudes.map { $0.map { $0 * 1e9 } }, at: middle, colour)
            mark(&canvas, panels.peak, source.peakMoment, at: middle)
        }
        for (row, other) in others.enumerated() {
            let middle = top + (Double(sources.count + row) + 0.5) * rowHeight
            label(&canvas, other.position.place, at: middle - 7)
            canvas.text(
                "not in the result", at: Point(SVGCanvas.margin + 26, middle + 12),
                TextStyle(size: 11, colour: Palette.alarm))
            bar(&canvas, panels.found, other.found, at: middle, Palette.weak)
            mark(&canvas, panels.distance, other.positionSpread * 1000, at: middle)
        }
        canvas.text(
            "Dots: single repeats. Ticks: root mean square distance; peak of the result.",
            at: Point(SVGCanvas.margin, bottom + 46), TextStyle(size: 11, colour: Palette.quiet))
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
            + (hidden > 0 ? "; \(hidden.counted("weaker source")) not shown" : "")
    }

    private static func label(_ canvas: inout SVGCanvas, _ text: String, at y: Double) {
        canvas.text(TextMetrics.fitted(text, size: 12, within: 172), at: Point(SVGCanvas.margin + 26, y + 4), .legend)
    }

    private static func bar(
        _ canvas: inout SVGCanvas, _ panel: Panel, _ part: Double, at y: Double, _ colour: String
    ) {
        let end = panel.x.position(100 * part)
        canvas.rectangle(Box(left: panel.left, top: y - 8, right: end, bottom: y + 8), fill: colour)
        canvas.text(NumberText.percent(part), at: Point(panel.right + 8, y + 4), .legend)
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
        canvas.line(Point(x, y - 13), Point(x, y + 13), Stroke(width: 1.6))
    }
}
