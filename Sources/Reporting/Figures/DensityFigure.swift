import Glibc
import SourceImaging

/// Where the sources of a group are dense, and its clusters, seen from the left, from behind and from above.
public enum DensityFigure {
    /// How many clusters are drawn.
    static let drawnClusters = 15
    /// Standard deviation of the kernel that stands for a source, mm.
    static let kernel = 10.0
    /// Side of a cell, mm.
    static let cell = 2.5
    /// Colours of rising density; below a ninth of the largest there is none.
    static let shades = ["#e1e7ed", "#cfd9e2", "#bac8d5", "#a3b6c7", "#8ba3b8", "#7390a8", "#5b7c97", "#436783"]

    private static let (width, top) = (900.0, 78.0)
    private static let lineHeight = 22.0

    /// The figure as an SVG document; one that says so when there is no source.
    ///
    /// Every subject weighs as much as any other: its sources share one kernel, a Gaussian of 10 mm standard deviation,
    /// seen through the brain. Discs are clusters over all conditions, the area growing with the number of subjects; filled
    /// where chance makes as much in one of twenty groups at most.
    ///
    /// - Complexity: O(candidates + sources · cells within 40 mm).
    public static func svg(_ group: GroupResult) -> String {
        let marks = weighted(group)
        let listed = Array(group.pooled.clusters.prefix(drawnClusters))
        let views = BrainViews(brain: group.outline, marks: marks.map(\.position), width: width, top: top)
        let legendTop = top + views.height + 92
        let lines = (listed.count + 1) / 2
        let hidden = group.pooled.clusters.count - listed.count
        var canvas = SVGCanvas(
            width: width, height: legendTop + Double(lines + (hidden > 0 ? 1 : 0)) * lineHeight + 4,
            title: "Sources of \(group.pooled.subjects.count.counted("subject"))", subtitle: subtitle(group),
            description: "Three orthogonal views of the brain's outline, shaded by the density of sources. "
                + listed.enumerated().map { number, cluster in
                    "\(number + 1): \(legend(cluster, group))."
                }.joined(separator: " "))
        let fields = views.projections.map { Field(marks, $0) }
        let largest = fields.map(\.largest).max() ?? 0
        for (projection, field) in zip(views.projections, fields) {
            let outline = views.outline(projection)
            canvas.area(outline, fill: Palette.brain, Stroke(colour: "none"))
            shade(field, below: largest, within: outline, projection, &canvas)
            canvas.area(outline, fill: "none", Stroke(colour: Palette.outline, width: 1.3))
            views.drawDirections(projection, &canvas)
            draw(listed, group, projection, &canvas)
            views.drawName(projection, &canvas)
        }
        views.drawScale(&canvas)
        if largest > 0 { key(largest, at: Point(SVGCanvas.margin, top + views.height + 48), &canvas) }
        if marks.isEmpty { canvas.message("No sources", at: Point(width / 2, legendTop - 10)) }
        list(listed, group, hidden: hidden, lines: lines, from: legendTop, &canvas)
        return canvas.document
    }

    private static func subtitle(_ group: GroupResult) -> String {
        let sources = group.members.reduce(0) { $0 + $1.sources.count }
        return "\(sources.counted("source")), \(group.space.name) coordinates; shade: density; disc: cluster"
            + (group.pooled.largestByChance.isEmpty ? "" : ", filled where p ≤ 0.05")
    }

    /// A cluster in words.
    private static func legend(_ cluster: SourceCluster, _ group: GroupResult) -> String {
        "\(cluster.place), \(cluster.subjects.count) of \(group.pooled.subjects.count.counted("subject"))"
            + (cluster.chance == nil ? "" : ", " + cluster.chanceText)
    }

    // MARK: Density

    /// Where a source is to the right, in front and above, mm, and what part of its subject it is.
    private typealias Mark = (position: SIMD3<Double>, weight: Double)

    private static func weighted(_ group: GroupResult) -> [Mark] {
        let bySubject = Dictionary(grouping: group.members, by: \.subject).sorted { $0.key < $1.key }
        return bySubject.flatMap { subject, members in
            let positions = members.flatMap(\.sources).map { group.space.position($0.position, of: subject) }
                .filter(BrainViews.isInHead)
            return positions.map {
                (group.space.axes.rightAnteriorSuperior($0) * 1000, 1 / Double(positions.count))
            }
        }
    }

    /// The density over the cells of a view, subjects a mm².
    private struct Field {
        let columns, rows: Int
        private(set) var values: [Double]

        var largest: Double { values.max() ?? 0 }

        init(_ marks: [Mark], _ projection: BrainProjection) {
            let size = Point(
                projection.box.right - projection.box.left, projection.box.bottom - projection.box.top)
            let extent = size / (projection.scale * cell)
            columns = Int(extent.x.rounded(.up))
            rows = Int(extent.y.rounded(.up))
            values = [Double](repeating: 0, count: columns * rows)
            for mark in marks {
                let place = projection.shadow(mark.position)
                let across = Self.profile(place.x, count: columns)
                let upwards = Self.profile(place.y, count: rows)
                let weight = mark.weight / (2 * .pi * kernel * kernel)
                for (row, height) in upwards {
                    for (column, width) in across { values[column + columns * row] += weight * height * width }
                }
            }
        }

        /// The kernel along one axis, in the cells that are not too far.
        private static func profile(_ centre: Double, count: Int) -> [(Int, Double)] {
            let low = max(0, Int((centre - 4 * kernel) / cell))
            let high = min(count, Int((centre + 4 * kernel) / cell) + 1)
            guard low < high else { return [] }
            return (low..<high).map { place in
                let distance = ((Double(place) + 0.5) * cell - centre) / kernel
                return (place, exp(-distance * distance / 2))
            }
        }
    }

    /// Cells in the colour of their density, as far as they lie in the brain: runs of a row, one path a shade.
    private static func shade(
        _ field: Field, below largest: Double, within outline: [[Point]], _ projection: BrainProjection,
        _ canvas: inout SVGCanvas
    ) {
        guard largest > 0 else { return }
        let steps = Double(shades.count + 1)
        var rings = [[[Point]]](repeating: [], count: shades.count)
        for row in 0..<field.rows {
            let inside = crossings(outline, y: projection.place(Point(0, (Double(row) + 0.5) * cell)).y)
            var run: (shade: Int, start: Int)?
            for column in 0...field.columns {
                let x = projection.place(Point((Double(column) + 0.5) * cell, 0)).x
                var shade: Int?
                if column < field.columns, outline.isEmpty || inside.count(where: { $0 < x }) % 2 == 1 {
                    let level = Int(steps * field.values[column + field.columns * row] / largest) - 1
                    if level >= 0 { shade = min(level, shades.count - 1) }
                }
                guard shade != run?.shade else { continue }
                if let run { rings[run.shade].append(rectangle(run.start..<column, row, projection)) }
                run = shade.map { ($0, column) }
            }
        }
        for (colour, rings) in zip(shades, rings) { canvas.area(rings, fill: colour, Stroke(colour: "none")) }
    }

    /// Where a horizontal line crosses rings, px.
    private static func crossings(_ rings: [[Point]], y: Double) -> [Double] {
        rings.flatMap { ring in
            ring.indices.compactMap { k -> Double? in
                let (a, b) = (ring[k], ring[(k + 1) % ring.count])
                guard (a.y > y) != (b.y > y) else { return nil }
                return a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x)
            }
        }
    }

    private static func rectangle(_ columns: Range<Int>, _ row: Int, _ projection: BrainProjection) -> [Point] {
        let low = projection.place(Point(Double(columns.lowerBound), Double(row)) * cell)
        let high = projection.place(Point(Double(columns.upperBound), Double(row + 1)) * cell)
        return [low, Point(high.x, low.y), high, Point(low.x, high.y)]
    }

    /// What the shades mean.
    private static func key(_ largest: Double, at corner: Point, _ canvas: inout SVGCanvas) {
        let side = 14.0
        for (place, colour) in ([Palette.brain] + shades).enumerated() {
            let left = corner.x + Double(place) * side
            canvas.rectangle(
                Box(left: left, top: corner.y, right: left + side, bottom: corner.y + 9), fill: colour)
        }
        let right = corner.x + Double(shades.count + 1) * side
        canvas.text(
            "0–\(NumberText.readable(largest * 100, 2)) subjects a cm²", at: Point(right + 6, corner.y + 9),
            TextStyle(size: 11, colour: Palette.quiet))
    }

    // MARK: Clusters

    private static func draw(
        _ clusters: [SourceCluster], _ group: GroupResult, _ projection: BrainProjection, _ canvas: inout SVGCanvas
    ) {
        let most = Double(clusters.map(\.subjects.count).max() ?? 1)
        let knowsChance = !group.pooled.largestByChance.isEmpty
        // Large ones come first, and the small ones lie on them; of like size the first must be seen.
        for (number, cluster) in clusters.enumerated().sorted(by: {
            ($0.element.subjects.count, $0.offset) > ($1.element.subjects.count, $1.offset)
        }) {
            let centre = projection.place(group.space.axes.rightAnteriorSuperior(cluster.centre) * 1000)
            let isFilled = !knowsChance || cluster.isBeyondChance
            let colour = Palette.source(number)
            canvas.circle(
                centre, radius: max(8, 16 * (Double(cluster.subjects.count) / most).squareRoot()),
                fill: isFilled ? colour : "#ffffff", opacity: 0.9,
                Stroke(colour: isFilled ? "#ffffff" : colour, width: isFilled ? 1 : 1.6))
            canvas.rimmedText(
                String(number + 1), at: centre + Point(0, 4.2), TextStyle(size: 12, anchor: .middle, bold: true))
        }
    }

    /// The numbered clusters in words, and how many more there are.
    private static func list(
        _ listed: [SourceCluster], _ group: GroupResult, hidden: Int, lines: Int, from top: Double,
        _ canvas: inout SVGCanvas
    ) {
        let columnWidth = (width - 2 * SVGCanvas.margin) / 2
        for (place, cluster) in listed.enumerated() {
            let x = SVGCanvas.margin + 8 + Double(place / max(1, lines)) * columnWidth
            let y = top + Double(place % max(1, lines)) * lineHeight
            canvas.badge(place, at: Point(x, y))
            canvas.text(
                TextMetrics.fitted(legend(cluster, group), size: 12, within: columnWidth - 26),
                at: Point(x + 16, y + 4), .legend)
        }
        if hidden > 0 {
            canvas.text(
                "and \(hidden.counted("cluster")) of no more subjects, not drawn",
                at: Point(SVGCanvas.margin, top + Double(lines) * lineHeight + 4), .note)
        }
    }
}
