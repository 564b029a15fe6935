import Glibc
import Requests
import SourceImaging

/// Who drives whom as arrows: between the places of sources in three views of the brain, of variables that are nowhere around a
/// circle.
public enum ConnectionsFigure {
    private static let (width, top) = (900.0, 78.0)
    private static let lineHeight = 20.0
    /// Arrows in the list below, and drawn, at most.
    private static let listed = 24

    /// The figure as an SVG document; one that says so where there is no connection.
    ///
    /// - Parameters:
    ///   - graph: its connections that are selected are drawn, the strongest widest.
    ///   - frame: of its positions.
    ///   - candidates: positions of all candidate sources, m, likewise, for the outline; may be empty.
    /// - Complexity: O(candidates + connections).
    public static func svg(
        _ graph: ConnectionGraph, frame: CoordinateFrame = .head, candidates: [SIMD3<Double>] = []
    ) -> String {
        let brain = candidates.filter(BrainViews.isInHead).map { frame.rightAnteriorSuperior($0) * 1000 }
        return svg(graph, frame: frame, brain: brain)
    }

    /// The same in the common space of a group.
    ///
    /// - Parameter graph: its positions are of that space.
    public static func svg(_ graph: ConnectionGraph, in group: GroupResult) -> String {
        svg(graph, frame: group.space.axes, brain: group.outline)
    }

    private static func svg(_ graph: ConnectionGraph, frame: CoordinateFrame, brain: [SIMD3<Double>]) -> String {
        let drawn = graph.connections.filter(\.selected).sorted { $0.influence > $1.influence }
        let isPlaced =
            graph.positions.count == graph.variables.count && graph.positions.allSatisfy(BrainViews.isInHead)
        func mm(_ position: SIMD3<Double>) -> SIMD3<Double> { frame.rightAnteriorSuperior(position) * 1000 }
        let views = BrainViews(
            brain: isPlaced ? brain : [], marks: isPlaced ? graph.positions.map(mm) : [], width: width, top: top)
        let height = isPlaced ? views.height : 320
        let rows = Double((min(drawn.count, listed) + 1) / 2)
        let subtitle = subtitle(graph, drawn.count)
        var canvas = SVGCanvas(
            width: width, height: top + height + 74 + max(1, rows) * lineHeight, title: "Who drives whom",
            subtitle: subtitle,
            description: subtitle + ". " + drawn.prefix(listed).map { words($0) }.joined(separator: "; ") + ".")
        let places = Dictionary(graph.variables.enumerated().map { ($1, $0) }) { first, _ in first }
        func draw(_ points: [Point]) {
            for connection in drawn.prefix(listed).reversed() {
                guard let from = places[connection.from], let to = places[connection.to] else { continue }
                arrow(points[from], points[to], connection, of: drawn[0].influence, Palette.source(from), &canvas)
            }
            for (place, point) in points.enumerated() { canvas.badge(place, at: point) }
        }
        if isPlaced {
            for projection in views.projections {
                views.drawBrain(projection, &canvas)
                draw(graph.positions.map { projection.place(mm($0)) })
                views.drawName(projection, &canvas)
            }
            views.drawScale(&canvas)
        } else {
            let (centre, radius) = (Point(width / 2, top + height / 2), height / 2 - 24)
            let points = graph.variables.indices.map { place in
                let angle = 2 * Double.pi * Double(place) / Double(graph.variables.count)
                return centre + Point(radius * sin(angle), -radius * cos(angle))
            }
            draw(points)
            for (place, name) in graph.variables.enumerated() where name != String(place + 1) {
                let isLeft = points[place].x < centre.x - 1
                canvas.text(
                    TextMetrics.fitted(name.onOneLine, size: 12, within: 240, keepsEnd: true),
                    at: points[place] + Point(isLeft ? -14 : 14, 4), TextStyle(size: 12, anchor: isLeft ? .end : .start)
                )
            }
        }
        list(Array(drawn.prefix(listed)), places, from: top + height + 62, &canvas)
        return canvas.document
    }

    private static func subtitle(_ graph: ConnectionGraph, _ count: Int) -> String {
        guard count > 0 else {
            return "No connection is claimed between \(graph.variables.count.counted("variable"))"
        }
        return "\(count) of \(graph.connections.count) possible connections; width: influence"
            + (graph.connections.contains { $0.confirmed == false && $0.selected }
                ? "; dashed: not confirmed by reversed time" : "")
            + (count > listed ? "; the strongest \(listed) are drawn" : "")
    }

    private static func words(_ connection: DynamicsSummary.Connection) -> String {
        "\(connection.from.onOneLine) → \(connection.to.onOneLine), influence \(NumberText.significant(connection.influence, 2))"
    }

    /// A bent arrow, so that there and back do not lie on each other, from rim to rim of the badges.
    private static func arrow(
        _ from: Point, _ to: Point, _ connection: DynamicsSummary.Connection, of largest: Double, _ colour: String,
        _ canvas: inout SVGCanvas
    ) {
        let along = to - from
        let length = (along * along).sum().squareRoot()
        guard length > 2 * SVGCanvas.badgeRadius + 4 else { return }
        let across = Point(along.y, -along.x) / length
        let middle = (from + to) / 2 + across * (0.14 * length)
        func point(_ t: Double) -> Point {
            let (a, b) = (from + (middle - from) * t, middle + (to - middle) * t)
            return a + (b - a) * t
        }
        let rim = (SVGCanvas.badgeRadius + 2) / length
        let part = largest > 0 ? max(connection.influence, 0) / largest : 0
        let stroke = Stroke(
            colour: colour, width: 1 + 3 * part, opacity: 0.85, dash: connection.confirmed == false ? [5, 3] : [])
        let head = 6 + 3 * part
        let end = 1 - rim - head / length
        canvas.polylines([(0...20).map { point(rim + (end - rim) * Double($0) / 20) }], stroke)
        let (tip, base) = (point(1 - rim), point(end))
        let direction = tip - base
        let normal = Point(direction.y, -direction.x) * 0.45
        canvas.area([[tip, base + normal, base - normal]], fill: colour, Stroke(colour: colour, width: 0.5))
    }

    private static func list(
        _ drawn: [DynamicsSummary.Connection], _ places: [String: Int], from top: Double, _ canvas: inout SVGCanvas
    ) {
        let column = (width - 2 * SVGCanvas.margin) / 2
        for (number, connection) in drawn.enumerated() {
            let x = SVGCanvas.margin + 8 + Double(number % 2) * column
            let y = top + Double(number / 2) * lineHeight
            canvas.badge(places[connection.from] ?? 0, at: Point(x, y - 4))
            canvas.text("→", at: Point(x + 12, y), .legend)
            canvas.badge(places[connection.to] ?? 0, at: Point(x + 36, y - 4))
            let text =
                "\(NumberText.significant(connection.influence, 2))"
                + (connection.fdr.map { ", p (FDR) \(MixedReading.probability($0))" } ?? "")
                + (connection.frequency.map { ", in \(NumberText.percent($0)) of resamples" } ?? "")
            canvas.text(TextMetrics.fitted(text, size: 12, within: column - 60), at: Point(x + 52, y), .legend)
        }
    }
}
