import SourceImaging

/// The dipole moments of the strongest sources over time.
public enum TimeCourseFigure {
    /// How many sources are drawn: as many as there are colours.
    static let shownSources = Palette.sources.count

    private static let (width, top, plotHeight, left, right) = (900.0, 72.0, 300.0, 84.0, 640.0)

    /// The figure as an SVG document; one that says so when there is no source.
    ///
    /// - Complexity: O(samples) for the sources drawn.
    public static func svg(_ estimate: Estimate) -> String {
        let sources = Array(estimate.sources.prefix(shownSources))
        let subtitle =
            sources.count < estimate.sources.count
            ? "The \(sources.count) sources that explain most field, of \(estimate.sources.count)"
            : estimate.sourceCountText + (sources.count > 1 ? ", ranked by the field they explain" : "")
        let height = top + plotHeight + 52
        var canvas = SVGCanvas(
            width: width, height: height, title: estimate.title("Source time courses"),
            subtitle: sources.isEmpty ? estimate.windowText : subtitle,
            description: "Dipole moment over time of each source. "
                + sources.enumerated().map { "\($0 + 1): \(caption($1, estimate))." }.joined(separator: " "))
        let times = estimate.times.map { $0 * 1000 }
        let courses = sources.map { Array($0.moments.prefix(times.count)) }
        guard let window = estimate.windowInMilliseconds, !sources.isEmpty else {
            canvas.message(estimate.noSourcesText, at: Point(width / 2, height / 2))
            return canvas.document
        }

        let free = sources.contains { $0.amplitudes.rows > 1 }
        let panel = Panel(
            x: .exact(window, from: left, to: right),
            y: .covering(
                (courses.joined().finiteRange ?? 0...0).including(0), from: top + plotHeight, to: top, intervals: 5))
        canvas.axes(
            panel, xTitle: [.plain("Time (ms)")],
            yTitle: free ? "Dipole moment, magnitude (nAm)" : "Dipole moment (nAm)")
        // The weakest first, so that the strongest lies on top.
        for place in courses.indices.reversed() {
            let points = Curve.points(courses[place], at: times, panel.x, panel.y)
            var line = stroke(place)
            if points.count == 1 { line.width = 6 }
            canvas.polylines([Curve.decimated(points, limit: Int(right - left))], line)
        }
        markPeaks(
            zip(sources, courses).map { source, course in
                let sample = source.peakSample
                guard times.indices.contains(sample), course.indices.contains(sample) else { return .gap }
                return Point(panel.x.position(times[sample]), panel.y.position(course[sample]))
            }, in: panel, &canvas)
        legend(sources, estimate, &canvas)
        return canvas.document
    }

    /// A badge near each peak, where it hides no other.
    private static func markPeaks(_ peaks: [Point], in panel: Panel, _ canvas: inout SVGCanvas) {
        var layout = LabelLayout(
            bounds: Box(left: panel.left, top: panel.top - 12, right: panel.right + 12, bottom: panel.bottom))
        let size = 2 * SVGCanvas.badgeRadius
        for (place, peak) in peaks.enumerated() where peak.isFinite {
            let centre = layout.place(width: size, height: size, near: peak, clearance: 3)
            canvas.line(peak, centre, Stroke(colour: Palette.source(place), width: 0.8))
            canvas.badge(place, at: centre)
        }
    }

    private static func legend(_ sources: [EstimatedSource], _ estimate: Estimate, _ canvas: inout SVGCanvas) {
        for (place, source) in sources.enumerated() {
            let y = top + 12 + Double(place) * 36
            let x = right + 28
            canvas.badge(place, at: Point(x, y))
            canvas.line(Point(x + 14, y), Point(x + 40, y), stroke(place))
            canvas.text(source.place, at: Point(x + 48, y + 1), .legend)
            canvas.text(
                peakText(source, estimate), at: Point(x + 48, y + 15), TextStyle(size: 11, colour: Palette.quiet))
        }
    }

    private static func stroke(_ place: Int) -> Stroke {
        Stroke(colour: Palette.source(place), width: 1.8, dash: Palette.dash(place))
    }

    private static func peakText(_ source: EstimatedSource, _ estimate: Estimate) -> String {
        guard let peak = source.peakMoment else { return "no samples" }
        let time = source.peakTime(in: estimate.times)?.finite.map {
            " at " + NumberText.typographic(NumberText.fixed($0 * 1000, 0)) + " ms"
        }
        return "peak \(NumberText.readable(peak, 2)) nAm\(time ?? "")"
    }

    private static func caption(_ source: EstimatedSource, _ estimate: Estimate) -> String {
        "\(source.place), \(peakText(source, estimate))"
    }
}
