/// Estimates with their intervals, a row each: which effects there are, how large, and how sure.
public enum ForestFigure {
    /// One row.
    public struct Row: Sendable, Equatable {
        /// What is estimated.
        public let name: String
        /// The estimate; not finite where there is none.
        public let estimate: Double
        /// Where it lies with the confidence that the axis says; nil where that is unknown.
        public let interval: ClosedRange<Double>?
        /// Whether it is part of the model; others are drawn pale.
        public let isSelected: Bool
        /// What stands right of it, such as the number; may be empty.
        public let note: String

        /// See the properties.
        public init(
            name: String, estimate: Double, interval: ClosedRange<Double>?, isSelected: Bool = true, note: String = ""
        ) {
            self.name = name
            self.estimate = estimate
            self.interval = interval
            self.isSelected = isSelected
            self.note = note
        }
    }

    /// How many rows are drawn.
    static let shownRows = 60
    private static let rowHeight = 24.0
    private static let (width, top, left, right) = (760.0, 88.0, 232.0, 580.0)

    /// The figure as an SVG document; one that says so where there are no rows.
    ///
    /// - Parameters:
    ///   - rows: from top to bottom; the first ``shownRows`` are drawn.
    ///   - title: what the figure shows.
    ///   - axis: what is drawn along the axis, with its unit.
    ///   - noteTitle: what the notes are.
    /// - Complexity: O(rows).
    public static func svg(_ rows: [Row], title: String, axis: String, noteTitle: String = "") -> String {
        let shown = rows.prefix(shownRows)
        let bottom = top + max(1, Double(shown.count)) * rowHeight
        let subtitle =
            "Dots: estimates; lines: intervals" + (rows.contains { !$0.isSelected } ? "; pale: not in the model" : "")
            + (rows.count > shown.count ? "; \((rows.count - shown.count).counted("more row")) not shown" : "")
        var canvas = SVGCanvas(
            width: width, height: bottom + 56, title: title, subtitle: subtitle,
            description: subtitle + ". " + shown.map(description).joined(separator: " "))
        guard !shown.isEmpty else {
            canvas.message("There is no effect to draw", at: Point(width / 2, (top + bottom) / 2))
            return canvas.document
        }
        let values = shown.flatMap { row in
            [row.estimate] + (row.interval.map { [$0.lowerBound, $0.upperBound] } ?? [])
        }
        let panel = Panel(
            x: .covering((values.finiteRange ?? 0...1).including(0), from: left, to: right, intervals: 5),
            y: .exact(0...1, from: bottom, to: top, intervals: 1))
        canvas.horizontalAxis(panel, hasGrid: true)
        canvas.text(
            axis, at: Point((left + right) / 2, bottom + 38), TextStyle(size: 12, anchor: .middle))
        canvas.text(noteTitle, at: Point(right + 14, top - 10), TextStyle(size: 12, bold: true))
        let zero = panel.x.position(0)
        canvas.line(Point(zero, top), Point(zero, bottom), Stroke(colour: Palette.quiet, width: 1, dash: [4, 3]))
        for (place, row) in shown.enumerated() {
            draw(row, at: top + (Double(place) + 0.5) * rowHeight, panel, &canvas)
        }
        return canvas.document
    }

    private static func draw(_ row: Row, at y: Double, _ panel: Panel, _ canvas: inout SVGCanvas) {
        let colour = row.isSelected ? Palette.explained : Palette.measured
        let style = TextStyle(size: 12, colour: row.isSelected ? Palette.ink : Palette.quiet)
        canvas.text(
            TextMetrics.fitted(row.name.onOneLine, size: 12, within: left - SVGCanvas.margin - 16, keepsEnd: true),
            at: Point(SVGCanvas.margin, y + 4), style)
        if let interval = row.interval {
            let (first, last) = (panel.x.position(interval.lowerBound), panel.x.position(interval.upperBound))
            canvas.line(Point(first, y), Point(last, y), Stroke(colour: colour, width: 2))
            for x in [first, last] { canvas.line(Point(x, y - 4), Point(x, y + 4), Stroke(colour: colour, width: 1.4)) }
        }
        canvas.circle(
            Point(panel.x.position(row.estimate), y), radius: 4.2, fill: row.isSelected ? colour : "#ffffff",
            Stroke(colour: colour, width: 1.4))
        canvas.text(
            TextMetrics.fitted(row.note.onOneLine, size: 12, within: width - right - 14 - SVGCanvas.margin / 2),
            at: Point(panel.right + 14, y + 4), style)
    }

    private static func description(_ row: Row) -> String {
        let interval = row.interval.map {
            " (\(NumberText.readable($0.lowerBound)) to \(NumberText.readable($0.upperBound)))"
        }
        return "\(row.name): \(NumberText.readable(row.estimate))\(interval ?? "")"
            + (row.isSelected ? "." : ", not in the model.")
    }
}
