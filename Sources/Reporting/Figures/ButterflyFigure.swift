import SourceImaging

/// What the sensors measured, what the sources explain of it, and what is left: a row a kind of sensor, every channel a
/// line.
public enum ButterflyFigure {
    /// How much of every line is drawn.
    public enum Detail: Sendable {
        /// To a tenth of a pixel: near a megabyte at most, whatever was recorded.
        case full
        /// To a pixel, points left out where lines stay within one: for pages, 200 kB at most.
        case compact

        /// Steps of all lines together.
        fileprivate var pointBudget: Int { self == .full ? 160_000 : 42_000 }
        /// What coordinates are rounded to, tenths of a px.
        fileprivate var grid: Int { self == .full ? 1 : 10 }
        /// How far a line may be from its points, px.
        fileprivate var tolerance: Double { self == .full ? 0 : 0.6 }
    }

    private static let width = 900.0
    private static let (top, rowHeight, rowGap) = (106.0, 150.0, 34.0)
    private static let (left, columnGap) = (84.0, 34.0)
    private static let plotWidth = (width - left - columnGap - SVGCanvas.margin) / 2
    /// Where the data and what is left of them start.
    private static let columns = (data: left, residual: left + plotWidth + columnGap)

    /// How the lines are drawn.
    private struct Styles {
        let measured, explained, residual: Stroke

        init(samples: Int) {
            // A single sample is a dot, and a dot as wide as a hairline cannot be seen.
            let thickness = samples > 1 ? 1.0 : 6
            measured = Stroke(colour: Palette.measured, width: 0.7 * thickness, opacity: 0.8)
            explained = Stroke(colour: Palette.explained, width: 0.6 * thickness, opacity: 0.65)
            residual = Stroke(colour: Palette.residual, width: 0.6 * thickness, opacity: 0.65)
        }
    }

    /// The figure as an SVG document; one that says so when there is nothing to draw.
    ///
    /// - Complexity: O(sensors · samples).
    public static func svg(_ estimate: Estimate, detail: Detail = .full) -> String {
        let rows =
            estimate.sensorData.map { data in
                SensorKind.allCases.compactMap { Row($0, data, samples: estimate.times.count) }
            } ?? []
        let subtitle =
            "Goodness of fit \(NumberText.percent(estimate.goodnessOfFit)) of the whitened data, "
            + "\(estimate.sourceCountText), \(estimate.windowText)"
        let height = top + Double(max(1, rows.count)) * (rowHeight + rowGap) - rowGap + 52
        var canvas = SVGCanvas(
            width: width, height: height, title: estimate.title("Sensors: measured and explained"),
            subtitle: subtitle,
            description: "Butterfly plot. " + rows.map { "\($0.caption)." }.joined(separator: " ")
                + " Left: measured data in grey and the field of the estimated sources in blue. "
                + "Right: their difference. " + subtitle + ".")
        guard let window = estimate.windowInMilliseconds, !rows.isEmpty else {
            canvas.message("No samples to draw", at: Point(width / 2, height / 2))
            return canvas.document
        }
        let times = estimate.times.map { $0 * 1000 }
        let styles = Styles(samples: times.count)
        legend(styles, &canvas)
        let lines = 3 * rows.reduce(0) { $0 + $1.measured.count }
        let limit = max(8, min(Int(plotWidth), detail.pointBudget / max(1, lines)))
        for (place, row) in rows.enumerated() {
            let y = top + Double(place) * (rowHeight + rowGap)
            let xTitle: [TextRun]? = place == rows.count - 1 ? [.plain("Time (ms)")] : nil
            func panel(from start: Double) -> Panel {
                Panel(
                    x: .exact(window, from: start, to: start + plotWidth),
                    y: .covering(row.range, from: y + rowHeight, to: y, intervals: 6))
            }
            func draw(_ channels: [[Double]], _ stroke: Stroke, in panel: Panel) {
                let lines = channels.map {
                    Curve.decimated(
                        Curve.simplified(Curve.points($0, at: times, panel.x, panel.y), tolerance: detail.tolerance),
                        limit: limit)
                }
                canvas.polylines(lines, stroke, grid: detail.grid)
            }
            let data = panel(from: columns.data)
            canvas.axes(data, xTitle: xTitle, yTitle: row.unit)
            draw(row.measured, styles.measured, in: data)
            draw(row.explained, styles.explained, in: data)
            canvas.text(row.caption, at: Point(columns.data, y - 9), TextStyle(size: 12, bold: true))
            let residual = panel(from: columns.residual)
            canvas.axes(residual, xTitle: xTitle, yTitle: nil, yLabels: false)
            draw(row.residual, styles.residual, in: residual)
            canvas.text(row.residualCaption, at: Point(columns.residual, y - 9), .note)
        }
        return canvas.document
    }

    private static func legend(_ styles: Styles, _ canvas: inout SVGCanvas) {
        func swatch(_ stroke: Stroke) -> Stroke { Stroke(colour: stroke.colour, width: 2) }
        let next = canvas.legendLine("measured", swatch(styles.measured), at: Point(columns.data, 72))
        _ = canvas.legendLine("explained by the sources", swatch(styles.explained), at: Point(next, 72))
        _ = canvas.legendLine("residual (same scale)", swatch(styles.residual), at: Point(columns.residual, 72))
    }

    /// The channels of one kind in the unit that people read.
    private struct Row {
        let measured: [[Double]]
        let explained: [[Double]]
        let residual: [[Double]]
        let range: ClosedRange<Double>
        let unit: String
        let caption: String
        let residualCaption: String

        /// Nil when the estimate has no channel of that kind, or no sample.
        init?(_ kind: SensorKind, _ data: SensorData, samples: Int) {
            let count = min(data.sensors.count, data.measured.rows, data.explained.rows)
            let channels = (0..<count).filter { data.sensors.kinds[$0] == kind }
            let samples = min(samples, data.measured.columns, data.explained.columns)
            guard !channels.isEmpty, samples > 0 else { return nil }
            let (unit, factor) = kind.display
            func rows(_ matrix: Matrix) -> [[Double]] {
                channels.map { channel in (0..<samples).map { matrix[channel, $0] * factor } }
            }
            let measured = rows(data.measured)
            let explained = rows(data.explained)
            let residual = zip(measured, explained).map { zip($0, $1).map { $0 - $1 } }
            let range = [measured, explained, residual].joined().joined().finiteRange ?? 0...0
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
