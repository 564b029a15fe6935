import Requests

/// Influence by frequency, and how far ahead a model tells what comes.
public enum DynamicsCurves {
    private static let (width, height) = (760.0, 360.0)
    private static let (left, right, top, bottom) = (84.0, 560.0, 72.0, 306.0)
    /// Connections that are drawn at most.
    private static let lines = 8

    /// Generalized partial directed coherence of the connections that are claimed; nil without any, and for models without a
    /// spectrum.
    ///
    /// - Complexity: O(connections · frequencies).
    public static func spectrum(_ answer: DynamicsAnswer) -> String? {
        guard let spectrum = answer.spectrum, let highest = spectrum.frequencies.last, highest > 0 else { return nil }
        let summary = answer.summary
        let places = Dictionary(summary.variables.enumerated().map { ($1, $0) }) { first, _ in first }
        let claimed = summary.connections.filter(\.selected).sorted { $0.influence > $1.influence }
        guard !claimed.isEmpty else { return nil }
        let subtitle =
            "Generalized partial directed coherence, 0 to 1"
            + (claimed.count > lines ? "; the strongest \(lines) of \(claimed.count) connections" : "")
        var canvas = SVGCanvas(
            width: width, height: height, title: "Influence by frequency", subtitle: subtitle, description: subtitle)
        let panel = Panel(
            x: .exact(0...highest, from: left, to: right, intervals: 6),
            y: .exact(0...1, from: bottom, to: top, intervals: 5))
        canvas.axes(panel, xTitle: [.plain("frequency, Hz")], yTitle: "coherence")
        for (number, connection) in claimed.prefix(lines).enumerated() {
            guard let from = places[connection.from], let to = places[connection.to] else { continue }
            let stroke = Stroke(
                colour: Palette.source(number), width: 1.8, dash: Palette.dash(number))
            canvas.polylines(
                [
                    zip(spectrum.frequencies, spectrum.coherence).map {
                        Point(panel.x.position($0), panel.y.position($1[to, from]))
                    }
                ], stroke)
            _ = canvas.legendLine(
                "\(from + 1) → \(to + 1)", stroke, at: Point(right + 24, top + 12 + 20 * Double(number)))
        }
        return canvas.document
    }

    /// What is explained of epochs that the model has not seen, by how far ahead; nil where nothing was held out.
    public static func forecast(_ summary: DynamicsSummary) -> String? {
        guard summary.forecast.count > 1, let last = summary.forecast.last else { return nil }
        let subtitle = "Part of the variance explained on what was held out; 0 is as good as the mean"
        var canvas = SVGCanvas(
            width: width, height: height, title: "Forecast", subtitle: subtitle, description: subtitle)
        let values = summary.forecast.map { max($0.explained, -1) }
        let panel = Panel(
            x: .covering(0...(1000 * last.time), from: left, to: right, intervals: 6),
            y: .covering((values.finiteRange ?? 0...1).including(0).including(1), from: bottom, to: top, intervals: 5))
        canvas.axes(panel, xTitle: [.plain("ahead, ms")], yTitle: "explained")
        let points = zip(summary.forecast, values).map {
            Point(panel.x.position(1000 * $0.time), panel.y.position($1))
        }
        canvas.polylines([points], Stroke(colour: Palette.explained, width: 1.8))
        canvas.dots(points, diameter: 6, colour: Palette.explained)
        return canvas.document
    }
}
