import SourceImaging

/// How λ was chosen: the criterion, the number of active sources and the degrees of freedom against λ, or against the
/// number of the evaluation where every source has a λ of its own.
public enum SelectionFigure {
    private static let ratioTitle: [TextRun] = [.plain("λ / λ"), .sub("max")]
    private static let width = 720.0
    private static let (left, right) = (96.0, width - SVGCanvas.margin)

    /// What was tried, and where along the axis: at its λ, or at the number of its evaluation.
    private typealias Drawn = (x: Double, point: SelectionPoint)

    /// One quantity along the axis.
    private struct Row {
        let title: String
        let colour: String
        let values: [Double]
        let panel: Panel
    }

    /// The figure as an SVG document.
    ///
    /// Points whose criterion or λ is not finite are left out of the panel that would show them. Where the caller gave λ
    /// there is no curve: the figure then states the one solution.
    /// - Complexity: O(points).
    public static func svg(_ estimate: Estimate) -> String {
        let curve = estimate.selection
        let isOne = curve.axis == .lambda
        let title = estimate.title(
            isOne ? "Choice of λ" : curve.notes == nil ? "Choice of a λ for every source" : "Choice of λ, ρ and windows"
        )
        let drawn: [Drawn] = curve.points.enumerated().compactMap { place, point in
            guard isOne else { return (Double(place + 1), point) }
            return point.ratio.isFinite && point.ratio > 0 ? (point.ratio, point) : nil
        }
        guard !curve.isFixed, Set(drawn.filter(\.point.criterion.isFinite).map(\.x)).count > 1,
            let span = drawn.map(\.x).finiteRange
        else { return statement(curve, title: title) }

        let x =
            isOne
            ? Axis.logarithmic(span, from: left, to: right)
            : Axis.exact(span.including(0.5).including(span.upperBound + 0.5), from: left, to: right)
        let rows = rows(drawn, along: x, criterion: judge(curve))
        let shape = curve.shape()
        let subtitle = subtitle(curve, shape)
        var canvas = SVGCanvas(
            width: width, height: rows[rows.count - 1].panel.bottom + 52, title: title, subtitle: subtitle,
            description: description(curve, subtitle))
        let choice = x.position(isOne ? curve.chosen.ratio : Double(curve.chosenIndex + 1))
        for (place, row) in rows.enumerated() {
            let panel = row.panel
            if let shape {
                canvas.rectangle(
                    Box(
                        left: x.position(shape.flatFrom), top: panel.top, right: x.position(shape.flatTo),
                        bottom: panel.bottom), fill: Palette.shade)
            }
            canvas.axes(
                panel, xTitle: place == rows.count - 1 ? (isOne ? ratioTitle : [.plain("Evaluation")]) : nil,
                yTitle: row.title)
            canvas.line(
                Point(choice, panel.top), Point(choice, panel.bottom),
                Stroke(colour: Palette.residual, width: 1.2, dash: [4, 3]))
            let points = zip(drawn, row.values).map { Point(x.position($0.x), panel.y.position($1)) }
            canvas.polylines([points.filter(\.isFinite)], Stroke(colour: row.colour, width: 1.6))
            for point in points { canvas.circle(point, radius: 2.4, fill: row.colour) }
        }
        mark(curve, at: choice, in: rows[0].panel, &canvas)
        return canvas.document
    }

    /// What the values of the criterion are: where λ is a quantile of noise, ρ and windows are judged by Stein's risk.
    private static func judge(_ curve: SelectionCurve) -> String {
        curve.quantile == nil || curve.notes == nil ? curve.criterion.onOneLine : "Stein's risk"
    }

    private static func subtitle(_ curve: SelectionCurve, _ shape: CurveShape?) -> String {
        let count = curve.points.count
        let (judge, rule) = (judge(curve), curve.criterion.onOneLine)
        return judge + (judge == rule ? " " : ", λ by \(rule), ")
            + (curve.axis == .lambda ? "at \(count) values of λ" : "in \(count) evaluations")
            + "; the choice has \(curve.chosen.activeCount.counted("active source"))"
            + (shape.map { "; shaded: within \(NumberText.percent($0.tolerance)) of the gain" } ?? "")
    }

    private static func description(_ curve: SelectionCurve, _ subtitle: String) -> String {
        let isOne = curve.axis == .lambda
        return "Criterion, number of active sources and degrees of freedom against "
            + (isOne ? "the ratio of λ to its maximum. " : "the number of the evaluation. ") + subtitle + ". "
            + (isOne
                ? "Chosen: \(NumberText.readable(curve.chosen.ratio)) of the maximum."
                : "Chosen: evaluation \(curve.chosenIndex + 1).")
            + (curve.atGridEdge ? " The choice is at the edge of the values tried." : "")
    }

    /// The criterion, and below it what is active and, where it is known, the degrees of freedom.
    private static func rows(_ drawn: [Drawn], along x: Axis, criterion name: String) -> [Row] {
        func row(
            _ title: String, _ colour: String, top: Double, height: Double = 78, hasZero: Bool = true,
            intervals: Int = 2, _ value: (SelectionPoint) -> Double
        ) -> Row {
            let values = drawn.map { value($0.point) }
            var range = values.finiteRange ?? 0...0
            // The lowest point, which is the choice, stays clear of the axis.
            let padding = 0.04 * (range.upperBound / 2 - range.lowerBound / 2)
            range = range.including(hasZero ? 0 : range.lowerBound - padding)
            return Row(
                title: title, colour: colour, values: values,
                panel: Panel(x: x, y: .covering(range, from: top + height, to: top, intervals: intervals)))
        }
        let rows = [
            row(name, Palette.explained, top: 72, height: 250, hasZero: false, intervals: 5, \.criterion),
            row("Active sources", "#009e73", top: 354) { Double($0.activeCount) },
        ]
        guard drawn.contains(where: { $0.point.degreesOfFreedom.isFinite }) else { return rows }
        return rows + [row("Deg. of freedom", "#882255", top: 462, \.degreesOfFreedom)]
    }

    /// A ring around the choice, and what it is in words.
    private static func mark(_ curve: SelectionCurve, at choice: Double, in panel: Panel, _ canvas: inout SVGCanvas) {
        let centre = Point(choice, panel.y.position(curve.chosen.criterion))
        canvas.circle(centre, radius: 5.5, fill: "none", Stroke(colour: Palette.residual, width: 2))
        let onLeft = choice.isFinite && choice > (left + right) / 2
        let text = Point(choice + (onLeft ? -9 : 9), panel.top + 14)
        let anchor = onLeft ? TextStyle.Anchor.end : .start
        canvas.rimmedText(
            curve.axis == .lambda
                ? [.plain("chosen: λ = \(NumberText.readable(curve.chosen.ratio)) λ"), .sub("max")]
                : [.plain("chosen: " + (curve.chosenNote?.onOneLine ?? "evaluation \(curve.chosenIndex + 1)"))],
            at: text,
            TextStyle(size: 12, anchor: anchor, bold: true))
        if curve.atGridEdge {
            canvas.rimmedText(
                "at the edge of the values tried: the minimum may lie outside", at: text + Point(0, 16),
                TextStyle(size: 11, anchor: anchor, bold: true, colour: Palette.alarm))
        }
    }

    /// The one solution there is, in words.
    private static func statement(_ curve: SelectionCurve, title: String) -> String {
        let chosen = curve.chosen
        var facts = [
            ("Active sources", String(chosen.activeCount)),
            ("Degrees of freedom", NumberText.readable(chosen.degreesOfFreedom)),
            ("Squared residual, whitened", NumberText.readable(chosen.squaredResidual, 4)),
            ("Relative duality gap", NumberText.readable(chosen.relativeGap, 2)),
        ]
        if chosen.criterion.isFinite {
            facts.insert(
                (curve.isFixed ? "Criterion" : judge(curve), NumberText.readable(chosen.criterion, 4)),
                at: 0)
        }
        let subtitle =
            curve.isFixed ? "λ was given, nothing was selected" : "There is no curve of finite values to draw"
        var canvas = SVGCanvas(
            width: width, height: 120 + 24 * Double(facts.count + 1), title: title, subtitle: subtitle,
            description: subtitle + ". λ/λ_max \(NumberText.readable(chosen.ratio)). "
                + facts.map { "\($0): \($1)." }.joined(separator: " "))
        let style = TextStyle(size: 13)
        canvas.text(ratioTitle, at: Point(SVGCanvas.margin, 92), style)
        canvas.text(NumberText.readable(chosen.ratio), at: Point(240, 92), TextStyle(size: 13, bold: true))
        for (place, fact) in facts.enumerated() {
            let y = 92 + 24 * Double(place + 1)
            canvas.text(TextMetrics.fitted(fact.0, size: 13, within: 200), at: Point(SVGCanvas.margin, y), style)
            canvas.text(fact.1, at: Point(240, y), style)
        }
        if curve.atGridEdge {
            canvas.text(
                "The choice is at the edge of the values tried.",
                at: Point(SVGCanvas.margin, 92 + 24 * Double(facts.count + 1)),
                TextStyle(size: 12, bold: true, colour: Palette.alarm))
        }
        return canvas.document
    }
}
