import Requests

/// The influence of every variable on every other as a matrix of colours.
public enum InfluenceFigure {
    private static let top = 112.0
    /// Variables beyond which cells carry no numbers.
    private static let numbered = 12

    /// The figure as an SVG document; rows are driven, columns drive.
    ///
    /// - Complexity: O(connections).
    public static func svg(_ graph: ConnectionGraph) -> String {
        let count = graph.variables.count
        let names = graph.variables.map { TextMetrics.fitted($0.onOneLine, size: 12, within: 130, keepsEnd: true) }
        let left = SVGCanvas.margin + 12 + (names.map { TextMetrics.width($0, size: 12) }.max() ?? 0)
        let cell = max(10, min(56, 560 / Double(max(1, count))))
        let subtitle = "From the column to the row; framed: claimed"
        var canvas = SVGCanvas(
            width: max(420, left + cell * Double(count) + SVGCanvas.margin), height: top + cell * Double(count) + 28,
            title: "Influence", subtitle: subtitle, description: subtitle)
        let places = Dictionary(graph.variables.enumerated().map { ($1, $0) }) { first, _ in first }
        let largest = graph.connections.map(\.influence).filter(\.isFinite).max() ?? 0
        let scale = ColourScale.sequential(limit: largest > 0 ? largest : 1)
        for (place, name) in names.enumerated() {
            let middle = cell * (Double(place) + 0.5)
            canvas.text(name, at: Point(left - 8, top + middle + 4), TextStyle(size: 12, anchor: .end))
            canvas.text(
                String(place + 1), at: Point(left + middle, top - 8), TextStyle(size: 12, anchor: .middle, bold: true))
            canvas.rectangle(
                box(place, place, cell, left), fill: Palette.brain, Stroke(colour: "#ffffff", width: 1))
        }
        for connection in graph.connections {
            guard let from = places[connection.from], let to = places[connection.to], connection.influence.isFinite
            else { continue }
            let colour = scale.colours[scale.step(connection.influence)]
            canvas.rectangle(box(to, from, cell, left), fill: colour, Stroke(colour: "#ffffff", width: 1))
            // What is nothing to two places needs no number.
            guard count <= numbered, connection.influence >= 0.005 else { continue }
            canvas.text(
                NumberText.fixed(connection.influence, 2),
                at: Point(left + cell * (Double(from) + 0.5), top + cell * (Double(to) + 0.5) + 4),
                TextStyle(size: 11, anchor: .middle, colour: Palette.text(on: colour)))
        }
        for connection in graph.connections where connection.selected {
            guard let from = places[connection.from], let to = places[connection.to] else { continue }
            let own = box(to, from, cell, left)
            canvas.area(
                [own.corners], fill: "none",
                Stroke(colour: Palette.ink, width: 2, dash: connection.confirmed == false ? [4, 3] : []))
        }
        return canvas.document
    }

    private static func box(_ row: Int, _ column: Int, _ cell: Double, _ left: Double) -> Box {
        let (x, y) = (left + cell * Double(column), top + cell * Double(row))
        return Box(left: x, top: y, right: x + cell, bottom: y + cell)
    }
}
