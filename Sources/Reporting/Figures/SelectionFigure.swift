import SourceImaging

/// How λ was chosen: the criterion, the number of active sources and the degrees of freedom against λ.
public enum SelectionFigure {
    private static let ratioTitle: [TextRun] = [.plain("λ / λ"), .sub("max")]

    /// The figure as an SVG document.
    ///
    /// Points whose criterion or λ is not finite are left out of the panel that would show them. Where the caller gave λ
    /// there is no curve: the figure then states the one solution.
    /// - Complexity: O(points).
    public static func svg(_ estimate: Estimate) -> String {
        let curve = estimate.selection
        let drawn = curve.points.filter { $0.ratio.isFinite && $0.ratio > 0 }
        let title = "Choice of λ" + (estimate.name.isEmpty ? "" : " · " + estimate.name)
        guard !curve.isFixed, Set(drawn.filter(\.criterion.isFinite).map(\.ratio)).count > 1,
            let ratios = drawn.map(\.ratio).finiteRange
        else { return statement(curve, title: title) }

        let name = curve.criterion.onOneLine
        let chosen = curve.chosen
        let (width, left, right) = (720.0, 96.0, 720 - SVGCanvas.margin)
        let tops = (criterion: 72.0, active: 354.0, freedom: 462.0)
        let heights = (main: 250.0, small: 78.0)
        let height = tops.freedom + heights.small + 52
        let subtitle =
            "\(name) at \(curve.points.count) values of λ; the choice has "
            + "\(chosen.activeCount) active source\(chosen.activeCount == 1 ? "" : "s")"
        var canvas = SVGCanvas(
            width: width, height: height, title: title,
            description:
                "Criterion, number of active sources and degrees of freedom against the ratio of λ to its maximum. "
                + subtitle + ". Chosen: \(NumberText.readable(chosen.ratio)) of the maximum."
                + (curve.atGridEdge ? " The choice is at the edge of the values tried." : ""))
        canvas.heading(title, subtitle)

        let x = Axis.logarithmic(ratios, from: left, to: right)
        func panel(_ values: [Double], top: Double, height: Double, zero: Bool, intervals: Int) -> Panel {
            var range = values.finiteRange ?? 0...0
            // The lowest point, which is the choice, stays clear of the axis.
            let padding = 0.04 * (range.upperBound / 2 - range.lowerBound / 2)
            range = zero ? range.including(0) : range.including(range.lowerBound - padding)
            return Panel(x: x, y: .covering(range, from: top + height, to: top, intervals: intervals))
        }
        let panels = [
            (
                panel(drawn.map(\.criterion), top: tops.criterion, height: heights.main, zero: false, intervals: 5),
                name,
                drawn.map(\.criterion), Palette.explained
            ),
            (
                panel(
                    drawn.map { Double($0.activeCount) }, top: tops.active, height: heights.small, zero: true,
                    intervals: 2),
                "Active sources", drawn.map { Double($0.activeCount) }, "#009e73"
            ),
            (
                panel(
                    drawn.map(\.degreesOfFreedom), top: tops.freedom, height: heights.small, zero: true, intervals: 2),
                "Deg. of freedom", drawn.map(\.degreesOfFreedom), "#882255"
            ),
        ]
        let choice = x.position(chosen.ratio)
        for (place, (panel, yTitle, values, colour)) in panels.enumerated() {
            canvas.axes(panel, xTitle: place == panels.count - 1 ? ratioTitle : nil, yTitle: yTitle)
            canvas.line(
                Point(choice, panel.top), Point(choice, panel.bottom),
                Stroke(colour: Palette.residual, width: 1.2, dash: [4, 3]))
            let points = zip(drawn, values).map { Point(panel.x.position($0.ratio), panel.y.position($1)) }
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
            [.plain("chosen: λ = \(NumberText.readable(chosen.ratio)) λ"), .sub("max")], at: text,
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
