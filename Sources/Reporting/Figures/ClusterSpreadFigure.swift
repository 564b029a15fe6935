import SourceImaging

/// How strong the sources of one cluster are in each subject, and when: a row a condition.
public enum ClusterSpreadFigure {
    /// How many conditions are drawn.
    static let shownConditions = 8

    private static let rowHeight = 28.0
    private static let (width, top) = (480.0, 84.0)

    /// The figure of a cluster over all conditions, as an SVG document. All clusters of a group have the same axes. Nil where
    /// there is no such cluster.
    ///
    /// - Parameter number: of the cluster, from 0.
    /// - Complexity: O(findings).
    public static func svg(_ group: GroupResult, cluster number: Int) -> String? {
        guard group.pooled.clusters.indices.contains(number) else { return nil }
        let cluster = group.pooled.clusters[number]
        let names = group.conditions.map(\.name).prefix(shownConditions)
        let bottom = top + Double(names.count) * rowHeight
        let subtitle = subtitle(cluster, group, hidden: group.conditions.count - names.count)
        var canvas = SVGCanvas(
            width: width, height: bottom + 46, title: "Cluster \(number + 1) · \(cluster.place)", subtitle: subtitle,
            description: "Peak amplitude and its time, a dot a subject, a tick their median, a row a condition. "
                + subtitle)
        let panels = panels(group, bottom: bottom)
        for (panel, name) in [(panels.peak, "Peak (nAm)"), (panels.latency, "At (ms)")] {
            canvas.horizontalAxis(panel, hasGrid: true)
            canvas.text(name, at: Point(panel.left, panel.top - 10), TextStyle(size: 12, bold: true))
        }
        for (row, name) in names.enumerated() {
            let middle = top + (Double(row) + 0.5) * rowHeight
            let findings = cluster.findings.filter { $0.condition == name }
            let label = group.conditions.count > 1 ? group.conditionName(name) : "all subjects"
            canvas.text(
                TextMetrics.fitted(label, size: 12, within: 92, keepsEnd: true),
                at: Point(SVGCanvas.margin, middle + 4), .legend)
            strip(&canvas, panels.peak, findings.map { $0.amplitude * 1e9 }, at: middle, number)
            strip(&canvas, panels.latency, findings.compactMap { $0.latency.map { $0 * 1000 } }, at: middle, number)
        }
        return canvas.document
    }

    private static func subtitle(_ cluster: SourceCluster, _ group: GroupResult, hidden: Int) -> String {
        let parts = [
            "\(cluster.subjects.count) of \(group.pooled.subjects.count.counted("subject"))",
            cluster.amplitude.map { $0.text(1e9, decimals: 1) + " nAm" },
            cluster.latency.map { "at " + $0.text(1000, decimals: 0) + " ms" },
            hidden > 0 ? "\(hidden.counted("condition")) not shown" : nil,
        ]
        return parts.compactMap(\.self).joined(separator: "; ")
    }

    /// The two axes, which hold the values of all clusters.
    private static func panels(_ group: GroupResult, bottom: Double) -> (peak: Panel, latency: Panel) {
        let findings = group.pooled.clusters.flatMap(\.findings)
        let y = Axis.exact(0...1, from: bottom, to: top, intervals: 1)
        let peaks = (findings.map { $0.amplitude * 1e9 }.finiteRange ?? 0...1).including(0)
        let latencies = findings.compactMap { $0.latency.map { $0 * 1000 } }.finiteRange ?? 0...1
        return (
            Panel(x: .covering(peaks, from: 124, to: 282, intervals: 3), y: y),
            Panel(x: .covering(latencies, from: 306, to: 456, intervals: 3), y: y)
        )
    }

    /// A dot a subject, spread over the height of the row in the order of the subjects, and their median.
    private static func strip(
        _ canvas: inout SVGCanvas, _ panel: Panel, _ values: [Double], at y: Double, _ number: Int
    ) {
        let values = values.filter(\.isFinite)
        guard !values.isEmpty else { return }
        let count = Double(max(1, values.count - 1))
        canvas.dots(
            values.enumerated().map { place, value in
                // Steps of a golden section: neighbours in the order lie apart.
                let height =
                    values.count == 1 ? 0 : (Double(place) * 0.618_034).truncatingRemainder(dividingBy: 1) - 0.5
                return Point(panel.x.position(value), y + height * min(rowHeight - 14, 4 * count))
            }, diameter: 4, colour: Palette.source(number))
        let sorted = values.sorted()
        let x = panel.x.position((sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2)
        canvas.line(Point(x, y - 11), Point(x, y + 11), Stroke(width: 1.6))
    }
}
