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
        let legendOfWhiskers =
            sources.contains { $0.amplitudeInterval != nil } ? "; whiskers: 95 % intervals of peak and time" : ""
        let height = top + plotHeight + 52
        var canvas = SVGCanvas(
            width: width, height: height, title: estimate.title("Source time courses"),
            subtitle: sources.isEmpty ? estimate.windowText : subtitle + legendOfWhiskers,
            description: "Dipole moment over time of each source. "
                + sources.enumerated().map { "\($0 + 1): \(caption($1, estimate))." }.joined(separator: " "))
        let times = estimate.times.map { $0 * 1000 }
        let courses = sources.map { Array($0.moments.prefix(times.count)) }
        guard let window = estimate.windowInMilliseconds, !sources.isEmpty else {
            canvas.message(estimate.noSourcesText, at: Point(width / 2, height / 2))
            return canvas.document
        }

        let free = sources.contains { $0.amplitudes.rows > 1 }
        let values = courses + sources.compactMap { interval($0).map { [$0.lowerBound, $0.upperBound] } }
        let panel = Panel(
            x: .exact(window, from: left, to: right),
            y: .covering(
                (values.joined().finiteRange ?? 0...0).including(0), from: top + plotHeight, to: top, intervals: 5))
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
        let peaks = zip(sources, courses).map { source, course in
            let sample = source.peakSample
            guard times.indices.contains(sample), course.indices.contains(sample) else { return Point.gap }
            return Point(panel.x.position(times[sample]), panel.y.position(course[sample]))
        }
        let whiskers = zip(sources, peaks).map { Self.whiskers($0, at: $1, in: panel) }
        for place in whiskers.indices.reversed() {
            let line = Stroke(colour: Palette.source(place), width: 1.2)
            for whisker in whiskers[place] {
                canvas.line(whisker.from, whisker.to, line)
                for end in [whisker.from, whisker.to] { canvas.line(end - whisker.cap, end + whisker.cap, line) }
            }
        }
        markPeaks(peaks, around: whiskers.joined().map(\.box), in: panel, &canvas)
        legend(sources, estimate, &canvas)
        return canvas.document
    }

    /// The interval of the peak's magnitude with the sign of the peak, nAm; nil where nobody reckoned it.
    private static func interval(_ source: EstimatedSource) -> ClosedRange<Double>? {
        guard let bounds = source.amplitudeInterval, bounds.upperBound.isFinite, source.amplitudes.columns > 0 else {
            return nil
        }
        let (low, high) = (bounds.lowerBound * 1e9, bounds.upperBound * 1e9)
        return source.timeCourse[source.peakSample] < 0 ? (-high)...(-low) : low...high
    }

    /// A line over an interval, with a bar across each end.
    private struct Whisker {
        let from: Point
        let to: Point
        /// From the middle of a bar to its end, px.
        let cap: Point

        /// What it covers.
        var box: Box {
            Box(
                left: min(from.x, to.x) - cap.x, top: min(from.y, to.y) - cap.y, right: max(from.x, to.x) + cap.x,
                bottom: max(from.y, to.y) + cap.y)
        }
    }

    /// Whiskers over the intervals of a peak: of its height, and of its time.
    private static func whiskers(_ source: EstimatedSource, at peak: Point, in panel: Panel) -> [Whisker] {
        let height = interval(source).map {
            Whisker(
                from: Point(peak.x, panel.y.position($0.lowerBound)),
                to: Point(peak.x, panel.y.position($0.upperBound)),
                cap: Point(4, 0))
        }
        let time = source.latencyInterval.map {
            Whisker(
                from: Point(panel.x.position($0.lowerBound * 1000), peak.y),
                to: Point(panel.x.position($0.upperBound * 1000), peak.y), cap: Point(0, 4))
        }
        return [height, time].compactMap(\.self).filter { $0.from.isFinite && $0.to.isFinite }
    }

    /// A badge near each peak, where it hides no other and little of the whiskers.
    private static func markPeaks(_ peaks: [Point], around obstacles: [Box], in panel: Panel, _ canvas: inout SVGCanvas)
    {
        var layout = LabelLayout(
            bounds: Box(left: panel.left, top: panel.top - 12, right: panel.right + 12, bottom: panel.bottom),
            obstacles: obstacles)
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
                TextMetrics.fitted(peakText(source, estimate), size: 11, within: width - x - 48),
                at: Point(x + 48, y + 15), TextStyle(size: 11, colour: Palette.quiet))
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
        let height = NumberText.readable(peak, 2)
        guard let range = source.amplitudeInterval else { return "peak \(height) nAm\(time ?? "")" }
        let bounds = NumberText.range(range.lowerBound * 1e9, range.upperBound * 1e9)
        return "\(height) (\(bounds)) nAm\(time ?? "")"
    }

    private static func caption(_ source: EstimatedSource, _ estimate: Estimate) -> String {
        "\(source.place), \(peakText(source, estimate))"
    }
}
