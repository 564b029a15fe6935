import SourceImaging

/// What the sensors measured, what the sources explain of it, and what is left: a row a kind of sensor, every channel a
/// line.
public enum ButterflyFigure {
    /// Steps of all lines together, so that the file stays near a megabyte whatever was recorded.
    private static let pointBudget = 160_000

    /// The figure as an SVG document; one that says so when there is nothing to draw.
    ///
    /// - Complexity: O(sensors · samples).
    public static func svg(_ estimate: Estimate) -> String {
        let rows = SensorKind.allCases.compactMap { Row($0, estimate) }
        let title = "Sensors: measured and explained" + (estimate.name.isEmpty ? "" : " · " + estimate.name)
        let fit = NumberText.percent(estimate.goodnessOfFit)
        let subtitle =
            "Goodness of fit \(fit) of the whitened data, \(estimate.sourceCountText), \(estimate.windowText)"
        let description =
            "Butterfly plot. " + rows.map { "\($0.caption)." }.joined(separator: " ")
            + " Left: measured data in grey and the field of the estimated sources in blue. Right: their difference. "
            + subtitle + "."
        let (top, rowHeight, rowGap, left) = (106.0, 150.0, 34.0, 84.0)
        let columnGap = 34.0
        let width = 900.0
        let plotWidth = (width - left - columnGap - SVGCanvas.margin) / 2
        let height = top + Double(max(1, rows.count)) * (rowHeight + rowGap) - rowGap + 52
        var canvas = SVGCanvas(width: width, height: height, title: title, description: description)
        canvas.heading(title, subtitle)
        guard let window = estimate.windowInMilliseconds, !rows.isEmpty else {
            canvas.message("No samples to draw", at: Point(width / 2, height / 2))
            return canvas.document
        }

        let lines = 3 * rows.reduce(0) { $0 + $1.channels.count }
        let limit = max(8, min(Int(plotWidth), pointBudget / max(1, lines)))
        let times = estimate.times.map { $0 * 1000 }
        let columns = [left, left + plotWidth + columnGap]
        // A single sample is a dot, and a dot as wide as a hairline cannot be seen.
        let thickness = times.count > 1 ? 1.0 : 6
        let styles = (
            measured: Stroke(colour: Palette.measured, width: 0.7 * thickness, opacity: 0.8),
            explained: Stroke(colour: Palette.explained, width: 0.6 * thickness, opacity: 0.65),
            residual: Stroke(colour: Palette.residual, width: 0.6 * thickness, opacity: 0.65)
        )
        func swatch(_ stroke: Stroke) -> Stroke { Stroke(colour: stroke.colour, width: 2) }
        let next = canvas.legendLine("measured", swatch(styles.measured), at: Point(columns[0], 72))
        _ = canvas.legendLine("explained by the sources", swatch(styles.explained), at: Point(next, 72))
        _ = canvas.legendLine("residual (same scale)", swatch(styles.residual), at: Point(columns[1], 72))

        for (place, row) in rows.enumerated() {
            let y = top + Double(place) * (rowHeight + rowGap)
            let isLast = place == rows.count - 1
            for (column, start) in columns.enumerated() {
                let panel = Panel(
                    x: .exact(window, from: start, to: start + plotWidth),
                    y: .covering(row.range, from: y + rowHeight, to: y, intervals: 6))
                canvas.axes(
                    panel, xTitle: isLast ? [.plain("Time (ms)")] : nil, yTitle: column == 0 ? row.unit : nil,
                    yLabels: column == 0)
                func curves(_ channels: [[Double]]) -> [[Point]] {
                    channels.map { Curve.decimated(Curve.points($0, at: times, panel.x, panel.y), limit: limit) }
                }
                if column == 0 {
                    canvas.polylines(curves(row.measured), styles.measured)
                    canvas.polylines(curves(row.explained), styles.explained)
                    canvas.text(row.caption, at: Point(start, y - 9), TextStyle(size: 12, bold: true))
                } else {
                    canvas.polylines(curves(row.residual), styles.residual)
                    canvas.text(
                        row.residualCaption, at: Point(start, y - 9), TextStyle(size: 12, colour: Palette.quiet))
                }
            }
        }
        return canvas.document
    }

    /// The channels of one kind in the unit that people read.
    private struct Row {
        let channels: [Int]
        let measured: [[Double]]
        let explained: [[Double]]
        let residual: [[Double]]
        let range: ClosedRange<Double>
        let unit: String
        let caption: String
        let residualCaption: String

        /// Nil when the estimate has no channel of that kind, or no sample.
        init?(_ kind: SensorKind, _ estimate: Estimate) {
            let count = min(estimate.sensors.count, estimate.measured.rows, estimate.explained.rows)
            let channels = (0..<count).filter { estimate.sensors.kinds[$0] == kind }
            let samples = min(estimate.times.count, estimate.measured.columns, estimate.explained.columns)
            guard !channels.isEmpty, samples > 0 else { return nil }
            let (unit, factor) = kind.display
            func rows(_ matrix: Matrix) -> [[Double]] {
                channels.map { channel in (0..<samples).map { matrix[channel, $0] * factor } }
            }
            let measured = rows(estimate.measured)
            let explained = rows(estimate.explained)
            let residual = zip(measured, explained).map { zip($0, $1).map { $0 - $1 } }
            let range = [measured, explained, residual].joined().joined().finiteRange ?? 0...0
            self.channels = channels
            self.measured = measured
            self.explained = explained
            self.residual = residual
            self.range = range.including(0)
            self.unit = unit
            caption = "\(channels.count) \(channels.count == 1 ? String(kind.plural.dropLast()) : kind.plural)"
            let scale = max(abs(range.lowerBound), abs(range.upperBound))
            func power(_ values: [[Double]]) -> Double {
                values.joined().reduce(0) { $1.isFinite ? $0 + ($1 / scale) * ($1 / scale) : $0 }
            }
            let total = scale > 0 ? power(measured) : 0
            residualCaption = total > 0 ? "\(NumberText.percent(power(residual) / total)) of the power left" : ""
        }
    }
}
