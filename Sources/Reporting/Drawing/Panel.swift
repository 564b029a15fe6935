/// A rectangle with two axes.
struct Panel {
    let x: Axis
    let y: Axis

    /// Smallest x on the canvas, px.
    var left: Double { min(x.start, x.end) }
    var right: Double { max(x.start, x.end) }
    var top: Double { min(y.start, y.end) }
    var bottom: Double { max(y.start, y.end) }
}

extension SVGCanvas {
    /// Margin left and right of headings, px.
    static var margin: Double { 24 }

    /// A canvas with title and subtitle on it, shortened where they would not fit.
    init(width: Double, height: Double, title: String, subtitle: String, description: String) {
        self.init(width: width, height: height, title: title, description: description)
        let room = width - 2 * Self.margin
        text(
            TextMetrics.fitted(title, size: 15, bold: true, within: room), at: Point(Self.margin, 28),
            TextStyle(size: 15, bold: true))
        text(
            TextMetrics.fitted(subtitle, size: 12, within: room), at: Point(Self.margin, 47), .note)
    }

    /// Grid, axes, ticks and titles of a panel.
    ///
    /// - Parameters:
    ///   - xTitle: below the axis; without it the x axis has ticks but neither numbers nor title.
    ///   - yTitle: beside the axis.
    ///   - yLabels: whether the y axis has numbers.
    mutating func axes(_ panel: Panel, xTitle: [TextRun]?, yTitle: String?, yLabels: Bool = true) {
        for (value, label) in zip(panel.y.ticks.values, panel.y.ticks.labels) {
            let y = panel.y.position(value)
            let isZero = value == 0 && value > panel.y.domain.lowerBound
            line(Point(panel.left, y), Point(panel.right, y), Stroke(colour: isZero ? "#bdbdbd" : Palette.grid))
            line(Point(panel.left - 4, y), Point(panel.left, y), Stroke())
            if yLabels {
                text(label, at: Point(panel.left - 7, y + 3.8), TextStyle(size: 11, anchor: .end))
            }
        }
        horizontalAxis(panel, hasLabels: xTitle != nil)
        if let xTitle {
            text(
                xTitle, at: Point((panel.left + panel.right) / 2, panel.bottom + 36),
                TextStyle(size: 12, anchor: .middle))
        }
        if let yTitle {
            let labels = panel.y.ticks.labels.map { TextMetrics.width($0, size: 11) }.max() ?? 0
            text(
                yTitle, at: Point(max(14, panel.left - max(52, labels + 18)), (panel.top + panel.bottom) / 2),
                TextStyle(size: 12, anchor: .middle, upwards: true))
        }
    }

    /// The x axis of a panel with its ticks, and the line of its y axis.
    ///
    /// - Parameters:
    ///   - hasLabels: whether ticks have numbers.
    ///   - hasGrid: whether a line rises from each tick.
    mutating func horizontalAxis(_ panel: Panel, hasLabels: Bool = true, hasGrid: Bool = false) {
        for (value, label) in zip(panel.x.ticks.values, panel.x.ticks.labels) {
            let x = panel.x.position(value)
            if hasGrid { line(Point(x, panel.top), Point(x, panel.bottom), Stroke(colour: Palette.grid)) }
            line(Point(x, panel.bottom), Point(x, panel.bottom + 4), Stroke())
            if hasLabels {
                text(label, at: Point(x, panel.bottom + 17), TextStyle(size: 11, anchor: .middle))
            }
        }
        line(Point(panel.left, panel.top), Point(panel.left, panel.bottom), Stroke())
        line(Point(panel.left, panel.bottom), Point(panel.right, panel.bottom), Stroke())
    }

    /// A short line and its meaning; returns where the next entry may start.
    mutating func legendLine(_ meaning: String, _ stroke: Stroke, at point: Point) -> Double {
        line(Point(point.x, point.y - 4), Point(point.x + 22, point.y - 4), stroke)
        text(meaning, at: Point(point.x + 28, point.y), .legend)
        return point.x + 28 + TextMetrics.width(meaning, size: 12) + 18
    }

    /// The number of a source on a disc of its colour.
    mutating func badge(_ place: Int, at centre: Point) {
        let colour = Palette.source(place)
        circle(centre, radius: Self.badgeRadius, fill: colour, Stroke(colour: "#ffffff", width: 1))
        text(
            String(place + 1), at: centre + Point(0, 3.6),
            TextStyle(size: place < 99 ? 10 : 7.5, anchor: .middle, bold: true, colour: Palette.text(on: colour)))
    }

    /// Radius of a badge, px.
    static var badgeRadius: Double { 8 }

    /// A sentence in the middle of an otherwise empty figure.
    mutating func message(_ text: String, at centre: Point) {
        self.text(text, at: centre, TextStyle(size: 14, anchor: .middle, colour: Palette.quiet))
    }
}
