/// Estimates along a path of λ, a line an effect: which effects come in, in what order, and where the choice was made.
public enum CoefficientPathFigure {
    /// One effect.
    public struct Line: Sendable, Equatable {
        /// What it is.
        public let name: String
        /// One value for each λ.
        public let values: [Double]
        /// Whether it is part of the model that was chosen; others are drawn pale, without a name.
        public let isSelected: Bool

        /// See the properties.
        public init(name: String, values: [Double], isSelected: Bool) {
            self.name = name
            self.values = values
            self.isSelected = isSelected
        }
    }

    /// Panels one below the other, such as fixed effects and variances.
    public struct Part: Sendable, Equatable {
        /// What is along its vertical axis.
        public let axis: String
        /// Its lines.
        public let lines: [Line]

        /// See the properties.
        public init(axis: String, lines: [Line]) {
            self.axis = axis
            self.lines = lines
        }
    }

    private static let (width, top, left, right) = (760.0, 72.0, 96.0, 540.0)
    private static let (height, gap) = (230.0, 30.0)

    /// The figure as an SVG document; one that says so where there are fewer than two λ.
    ///
    /// - Parameters:
    ///   - parts: from top to bottom.
    ///   - lambdas: positive, one for each value of a line.
    ///   - chosen: the λ of the choice, if it is one of the path.
    ///   - title: what the figure shows.
    /// - Complexity: O(lines · λ).
    public static func svg(_ parts: [Part], lambdas: [Double], chosen: Double?, title: String) -> String {
        let parts = parts.filter { !$0.lines.isEmpty }
        let order = lambdas.indices.filter { lambdas[$0] > 0 && lambdas[$0].isFinite }.sorted {
            lambdas[$0] < lambdas[$1]
        }
        let bottom = top + Double(max(1, parts.count)) * (height + gap) - gap
        let subtitle =
            "\(order.count) values of λ" + (chosen.map { "; dashed: the choice, λ = \(NumberText.readable($0))" } ?? "")
        var canvas = SVGCanvas(
            width: width, height: bottom + 52, title: title, subtitle: subtitle,
            description: subtitle + ". Estimates shrink to zero from left to right.")
        guard order.count > 1, !parts.isEmpty, let span = order.map({ lambdas[$0] }).finiteRange else {
            canvas.message("There is no path of λ to draw", at: Point(width / 2, (top + bottom) / 2))
            return canvas.document
        }
        let x = Axis.logarithmic(span, from: left, to: right)
        for (place, part) in parts.enumerated() {
            let upper = top + Double(place) * (height + gap)
            let values = part.lines.flatMap(\.values).finiteRange ?? 0...1
            let panel = Panel(
                x: x, y: .covering(values.including(0), from: upper + height, to: upper, intervals: 5))
            canvas.axes(
                panel, xTitle: place == parts.count - 1 ? [.plain("λ")] : nil, yTitle: part.axis)
            if let chosen {
                let at = x.position(chosen)
                canvas.line(
                    Point(at, panel.top), Point(at, panel.bottom),
                    Stroke(colour: Palette.residual, width: 1.2, dash: [4, 3]))
            }
            draw(part, panel, lambdas, order, &canvas)
        }
        return canvas.document
    }

    private static func draw(
        _ part: Part, _ panel: Panel, _ lambdas: [Double], _ order: [Int], _ canvas: inout SVGCanvas
    ) {
        func points(_ line: Line) -> [Point] {
            order.map { k in
                let value = line.values.indices.contains(k) ? line.values[k] : .nan
                let point = Point(panel.x.position(lambdas[k]), panel.y.position(value))
                return point.isFinite ? point : .gap
            }
        }
        let pale = part.lines.filter { !$0.isSelected }.map(points)
        canvas.polylines(pale, Stroke(colour: Palette.measured, width: 1, opacity: 0.6))
        let selected = part.lines.filter(\.isSelected)
        var labels = LabelColumn(top: panel.top, bottom: panel.bottom)
        // Names stand where the lines end on the left, in their order there, moved apart where they would overlap.
        let ends = selected.enumerated().map { ($0.offset, points($0.element).first { $0.isFinite } ?? .gap) }
        for (place, line) in selected.enumerated() {
            canvas.polylines(
                [points(line)],
                Stroke(colour: Palette.source(place), width: 1.8, dash: Palette.dash(place)))
        }
        let sorted = ends.filter(\.1.isFinite).sorted { ($0.1.y, $0.0) < ($1.1.y, $1.0) }
        for (rank, (place, end)) in sorted.enumerated() {
            guard let y = labels.place(near: end.y, before: sorted.count - 1 - rank) else { break }
            let name = selected[place].name.onOneLine
            canvas.line(
                Point(panel.right + 12, y - 4), Point(panel.right + 30, y - 4),
                Stroke(colour: Palette.source(place), width: 1.8, dash: Palette.dash(place)))
            canvas.text(
                TextMetrics.fitted(
                    name, size: 12, within: width - panel.right - 36 - SVGCanvas.margin / 2, keepsEnd: true),
                at: Point(panel.right + 36, y), .legend)
        }
    }

    /// Places for names one below the other.
    private struct LabelColumn {
        let bottom: Double
        private var next: Double

        init(top: Double, bottom: Double) {
            self.bottom = bottom
            next = top + 10
        }

        /// At a height or, where that is taken, below, with room left for so many more; nil where there is none.
        mutating func place(near y: Double, before more: Int) -> Double? {
            let y = max(next, min(y + 4, bottom - 15 * Double(more)))
            guard y <= bottom + 6 else { return nil }
            next = y + 15
            return y
        }
    }
}
