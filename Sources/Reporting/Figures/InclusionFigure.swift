/// How probable it is that each effect is part of the model: bars from 0 to 1, fixed and random effects side by side.
public enum InclusionFigure {
    /// An effect by its name.
    public struct Row: Sendable, Equatable {
        /// Name of the column.
        public let name: String
        /// Probability of its fixed effect; nil where there is none.
        public let fixed: Double?
        /// Probability of its random effect; nil where there is none.
        public let random: Double?

        /// See the properties.
        public init(name: String, fixed: Double?, random: Double?) {
            self.name = name
            self.fixed = fixed
            self.random = random
        }
    }

    /// How many rows are drawn.
    static let shownRows = 60
    private static let rowHeight = 22.0
    private static let (width, top) = (760.0, 88.0)

    /// The figure as an SVG document; one that says so where there are no rows.
    ///
    /// - Parameters:
    ///   - rows: from top to bottom; the first ``shownRows`` are drawn.
    ///   - title: what the figure shows.
    /// - Complexity: O(rows).
    public static func svg(_ rows: [Row], title: String) -> String {
        let shown = rows.prefix(shownRows)
        let bottom = top + max(1, Double(shown.count)) * rowHeight
        let subtitle =
            "Effects above one half are selected"
            + (rows.count > shown.count ? "; \((rows.count - shown.count).counted("more row")) not shown" : "")
        var canvas = SVGCanvas(
            width: width, height: bottom + 40, title: title, subtitle: subtitle,
            description: subtitle + ". "
                + shown.map { row in
                    let parts = [row.fixed.map { ("fixed", $0) }, row.random.map { ("random", $0) }].compactMap(\.self)
                    return "\(row.name): "
                        + parts.map { "\($0.0) \(NumberText.percent($0.1))" }.joined(separator: ", ") + "."
                }.joined(separator: " "))
        guard !shown.isEmpty else {
            canvas.message("There is no effect to draw", at: Point(width / 2, (top + bottom) / 2))
            return canvas.document
        }
        let y = Axis.exact(0...1, from: bottom, to: top, intervals: 1)
        let panels = [
            (
                panel: Panel(x: .exact(0...1, from: 232, to: 432, intervals: 4), y: y), name: "Fixed effect",
                value: \Row.fixed
            ),
            (
                panel: Panel(x: .exact(0...1, from: 500, to: 700, intervals: 4), y: y), name: "Random effect",
                value: \Row.random
            ),
        ]
        // Where nothing was asked of one kind, there is nothing to draw of it.
        for (panel, name, value) in panels where shown.contains(where: { $0[keyPath: value] != nil }) {
            canvas.horizontalAxis(panel, hasGrid: true)
            canvas.text(name, at: Point(panel.left, top - 10), TextStyle(size: 12, bold: true))
            for (place, row) in shown.enumerated() {
                guard let share = row[keyPath: value], share.isFinite else { continue }
                let middle = top + (Double(place) + 0.5) * rowHeight
                canvas.rectangle(
                    Box(left: panel.left, top: middle - 6, right: panel.x.position(share), bottom: middle + 6),
                    fill: share > 0.5 ? Palette.explained : Palette.measured)
                canvas.text(NumberText.fixed(share, 2), at: Point(panel.right + 8, middle + 4), .legend)
            }
            let half = panel.x.position(0.5)
            canvas.line(
                Point(half, top), Point(half, bottom), Stroke(colour: Palette.residual, width: 1.2, dash: [4, 3]))
        }
        for (place, row) in shown.enumerated() {
            canvas.text(
                TextMetrics.fitted(row.name.onOneLine, size: 12, within: 192, keepsEnd: true),
                at: Point(SVGCanvas.margin, top + (Double(place) + 0.5) * rowHeight + 4), .legend)
        }
        return canvas.document
    }
}
