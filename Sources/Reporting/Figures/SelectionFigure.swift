import SourceImaging

/// How λ was chosen: the criterion, the number of active sources and the degrees of freedom against λ, or against the
/// number of the evaluation where every source has a λ of its own.
public enum SelectionFigure {
    private static let ratioTitle: [TextRun] = [.plain("λ / λ"), .sub("max")]

    /// The figure as an SVG document.
    ///
    /// Points whose criterion or λ is not finite are left out of the panel that would show them. Where the caller gave λ
    /// there is no curve: the figure then states the one solution.
    /// - Complexity: O(points).
    public static func svg(_ estimate: Estimate) -> String {
        let curve = estimate.selection
        let isOne = curve.axis == .lambda
        let title =
            (isOne ? "Choice of λ" : "Choice of a λ for every source")
            + (estimate.name.isEmpty ? "" : " · " + estimate.name)
        // Where a point lies along the axis: at its λ, or at the number of its evaluation.
        let drawn: [(x: Double, point: SelectionPoint)] = curve.points.enumerated().compactMap { place, point in
            guard isOne else { return (Double(place + 1), point) }
            return point.ratio.isFinite && point.ratio > 0 ? (point.ratio, point) : nil
        }
        guard !curve.isFixed, Set(drawn.filter(\.point.criterion.isFinite).map(\.x)).count > 1,
            let span = drawn.map(\.x).finiteRange
        else { return statement(curve, title: title) }

        let name = curve.criterion.onOneLine
        let chosen = curve.chosen
        let (width, left, right) = (720.0, 96.0, 720 - SVGCanvas.margin)
        let tops = (criterion: 72.0, active: 354.0, freedom: 462.0)
        let heights = (main: 250.0, small: 78.0)
        let hasFreedom = drawn.contains { $0.point.degreesOfFreedom.isFinite }
        let height = (hasFreedom ? tops.freedom : tops.active) + heights.small + 52
        let shape = curve.shape()
        let subtitle =
            "\(name) \(isOne ? "at \(curve.points.count) values of λ" : "in \(curve.points.count) evaluations"); "
            + "the choice has \(chosen.activeCount) active source\(chosen.activeCount == 1 ? "" : "s")"
            + (shape.map { "; shaded: within \(NumberText.percent($0.tolerance)) of the gain" } ?? "")
        var canvas = SVGCanvas(
            width: width, height: height, title: title,
            description:
                "Criterion, number of active sources and degrees of freedom against "
                + (isOne ? "the ratio of λ to its maximum. " : "the number of the evaluation. ") + subtitle + ". "
                + (isOne
                    ? "Chosen: \(NumberText.readable(chosen.ratio)) of the maximum."
                    : "Chosen: evaluation \(curve.chosenIndex + 1).")
                + (curve.atGridEdge ? " The choice is at the edge of the values tried." : ""))
        canvas.heading(title, subtitle)

        let x =
            isOne
            ? Axis.logarithmic(span, from: left, to: right)
            : Axis.exact(span.including(0.5).including(span.upperBound + 0.5), from: left, to: right)
        func panel(_ values: [Double], top: Double, height: Double, zero: Bool, intervals: Int) -> Panel {
            var range = values.finiteRange ?? 0...0
            // The lowest point, which is the choice, stays clear of the axis.
            let padding = 0.04 * (range.upperBound / 2 - range.lowerBound / 2)
            range = zero ? range.including(0) : range.including(range.lowerBound - padding)
            return Panel(x: x, y: .covering(range, from: top + height, to: top, intervals: intervals))
        }
        let values = drawn.map(\.point)
        var panels = [
            (
                panel(values.map(\.criterion), top: tops.criterion, height: heights.main, zero: false, intervals: 5),
                name,
                values.map(\.criterion), Palette.explained
            ),
            (
                panel(
                    values.map { Double($0.activeCount) }, top: tops.active, height: heights.small, zero: true,
                    intervals: 2),
                "Active sources", values.map { Double($0.activeCount) }, "#009e73"
            ),
        ]
        if hasFreedom {
            panels.append(
                (
                    panel(
                        values.map(\.degreesOfFreedom), top: tops.freedom, height: heights.small, zero: true,
                        intervals: 2),
                    "Deg. of freedom", values.map(\.degreesOfFreedom), "#882255"
                ))
        }
        let choice = x.position(isOne ? chosen.ratio : Double(curve.chosenIndex + 1))
        for (place, (panel, yTitle, values, colour)) in panels.enumerated() {
            if let shape {
                canvas.rectangle(
                    Box(
                        left: x.position(shape.flatFrom), top: panel.top, right: x.position(shape.flatTo),
                        bottom: panel.bottom), fill: Palette.shade)
            }
            canvas.axes(
                panel, xTitle: place == panels.count - 1 ? (isOne ? ratioTitle : [.plain("Evaluation")]) : nil,
                yTitle: yTitle)
            canvas.line(
                Point(choice, panel.top), Point(choice, panel.bottom),
                Stroke(colour: Palette.residual, width: 1.2, dash: [4, 3]))
            let points = zip(drawn, values).map { Point(panel.x.position($0.x), panel.y.position($1)) }
            canvas.polylines([points.filter(\.isFinite)], Stroke(colour: colour, width: 1.6))
            for point in points { canvas.circle(point, radius: 2.4, fill: colour) }
        }

        let main = panels[0].0
        let mark = Point(choice, main.y.position(chosen.criterion))
        canvas.circle(mark, radius: 5.5, fill: "none", Stroke(colour: Palette.residual, width: 2))
        let onLeft = choice.isFinite && choice > (left + right) / 2
        let text = Point(choice + (onLeft ? -9 : 9), main.top + 14)
        let anchor = onLeft ? TextStyle.Anchor.end : .start
        canvas.rimmedText(
            isOne
                ? [.plain("chosen: λ = \(NumberText.readable(chosen.ratio)) λ"), .sub("max")]
                : [.plain("chosen: evaluation \(curve.chosenIndex + 1)")], at: text,
            TextStyle(size: 12, anchor: anchor, bold: true))
        if curve.atGridEdge {
            canvas.rimmedText(
                "at the edge of the values tried: the minimum may lie outside", at: text + Point(0, 16),
                TextStyle(size: 11, anchor: anchor, bold: true, colour: Palette.alarm))
        }
        return canvas.document
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
                (curve.isFixed ? "Criterion" : curve.criterion.onOneLine, NumberText.readable(chosen.criterion, 4)),
                at: 0)
        }
        let subtitle =
            curve.isFixed ? "λ was given, nothing was selected" : "There is no curve of finite values to draw"
        var canvas = SVGCanvas(
            width: 720, height: 120 + 24 * Double(facts.count + 1), title: title,
            description: subtitle + ". λ/λ_max \(NumberText.readable(chosen.ratio)). "
                + facts.map { "\($0): \($1)." }.joined(separator: " "))
        canvas.heading(title, subtitle)
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
