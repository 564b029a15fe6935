import Foundation
import SourceImaging

/// The sources in the brain, seen from the left, from behind and from above.
public enum GlassBrainFigure {
    /// How many sources carry a number.
    static let numberedSources = 15
    /// How many candidates are drawn as texture at most.
    private static let textureLimit = 1500

    /// The figure as an SVG document; one that says so when there is no source.
    ///
    /// - Parameters:
    ///   - estimate: its positions are drawn with right, front and up as its frame has them.
    ///   - candidates: positions of all candidate sources, m, in the frame of the estimate; the brain's outline is made of
    ///     them. May be empty: then there is no outline.
    /// - Complexity: O(candidates + sources²).
    public static func svg(_ estimate: Estimate, candidates: [SIMD3<Double>]) -> String {
        let brain = candidates.filter(isInHead).map { estimate.frame.rightAnteriorSuperior($0) * 1000 }
        let sources = estimate.sources.enumerated().filter { isInHead($1.position) }.map {
            Mark(
                place: $0, position: estimate.frame.rightAnteriorSuperior($1.millimetres),
                field: $1.field.isFinite ? max($1.field, 0) : 0,
                extent: $1.extent.flatMap { $0.isFinite && $0 > 0 && $0 < 0.1 ? $0 * 1000 : nil })
        }
        let title = "Sources in the brain" + (estimate.name.isEmpty ? "" : " · " + estimate.name)
        var subtitle =
            "\(estimate.sourceCountText) of \(estimate.candidateCount) candidates, \(estimate.frame.rawValue) frame"
        if !sources.isEmpty { subtitle += "; area of a disc: field that the source explains" }
        if sources.contains(where: { $0.extent != nil }) { subtitle += "; ring: extent of a patch" }
        if sources.count < estimate.sources.count {
            subtitle += "; \(estimate.sources.count - sources.count) not drawn, outside the head"
        }
        let listed = Array(estimate.sources.enumerated().prefix(numberedSources))
        let description =
            "Three orthogonal views of the candidate sources' outline with the active sources as discs. "
            + listed.map { "\($0 + 1): \($1.place)\($1.patchText)." }.joined(separator: " ")

        let extent = Extent(brain + sources.map(\.position))
        let (width, top, gap) = (900.0, 78.0, 44.0)
        let room = width - 2 * SVGCanvas.margin - 2 * gap - 24
        let scale = min(room / (extent.length.y + 2 * extent.length.x), 320 / max(extent.length.y, extent.length.z))
        let viewHeight = max(extent.length.y, extent.length.z) * scale
        let legendTop = top + viewHeight + 74
        let columns = 3
        let lines = (listed.count + columns - 1) / columns
        let more = estimate.sources.count > listed.count
        let height = legendTop + Double(lines) * 22 + (more ? 22 : 0) + 4
        var canvas = SVGCanvas(width: width, height: height, title: title, description: description)
        canvas.heading(title, subtitle)

        let used = (extent.length.y + 2 * extent.length.x) * scale + 2 * gap
        var left = (width - used) / 2
        let reach = closingRadius(brain)
        for view in View.all {
            let size = Point(view.horizontal.length(extent) * scale, view.vertical.length(extent) * scale)
            let box = Box(
                left: left, top: top + viewHeight - size.y, right: left + size.x,
                bottom: top + viewHeight)
            draw(view, in: box, &canvas, extent: extent, scale: scale, brain: brain, sources: sources, reach: reach)
            canvas.text(
                view.name, at: Point((box.left + box.right) / 2, top + viewHeight + 32),
                TextStyle(size: 12, anchor: .middle, colour: Palette.quiet))
            left = box.right + gap
        }
        let barEnd = width - SVGCanvas.margin
        let barY = top + viewHeight + 34
        canvas.line(Point(barEnd - 20 * scale, barY), Point(barEnd, barY), Stroke(width: 2))
        canvas.text("20 mm", at: Point(barEnd - 10 * scale, barY - 6), TextStyle(size: 11, anchor: .middle))

        if estimate.sources.isEmpty {
            canvas.message(
                estimate.noSourcesText, at: Point(width / 2, legendTop - 10))
        }
        let columnWidth = (width - 2 * SVGCanvas.margin) / Double(columns)
        for (place, source) in listed {
            let x = SVGCanvas.margin + 8 + Double(place / max(1, lines)) * columnWidth
            let y = legendTop + Double(place % max(1, lines)) * 22
            canvas.badge(place, at: Point(x, y))
            let text = "\(source.place), \(NumberText.percent(source.share)) of power"
            canvas.text(
                TextMetrics.fitted(text, size: 12, within: columnWidth - 26), at: Point(x + 16, y + 4),
                TextStyle(size: 12))
        }
        if more {
            let hidden = estimate.sources.count - listed.count
            canvas.text(
                "and \(hidden) weaker source\(hidden == 1 ? "" : "s") without a number",
                at: Point(SVGCanvas.margin, legendTop + Double(lines) * 22 + 4),
                TextStyle(size: 12, colour: Palette.quiet))
        }
        return canvas.document
    }

    // MARK: Views

    private static func draw(
        _ view: View, in box: Box, _ canvas: inout SVGCanvas, extent: Extent, scale: Double, brain: [SIMD3<Double>],
        sources: [Mark], reach: Double
    ) {
        func place(_ position: SIMD3<Double>) -> Point {
            Point(
                box.left + view.horizontal.distance(position, extent) * scale,
                box.bottom - view.vertical.distance(position, extent) * scale)
        }
        // Traced in mm: the accuracy of the outline does not depend on the size of the figure.
        let shadow = brain.map { Point(view.horizontal.distance($0, extent), view.vertical.distance($0, extent)) }
        let outline = Silhouette(shadow, reach: reach, margin: 4).rings.map { ring in
            ring.map { Point(box.left + $0.x * scale, box.bottom - $0.y * scale) }
        }
        if brain.isEmpty {
            let frame = [
                Point(box.left, box.top), Point(box.right, box.top), Point(box.right, box.bottom),
                Point(box.left, box.bottom),
            ]
            canvas.area([frame], fill: "none", Stroke(colour: Palette.outline, width: 1))
        }
        canvas.area(outline, fill: Palette.brain, Stroke(colour: Palette.outline, width: 1.3))
        // A fraction rather than a whole step, which might pick one hemisphere where both alternate.
        let dots = min(brain.count, textureLimit)
        canvas.dots((0..<dots).map { place(brain[$0 * brain.count / dots]) }, diameter: 1.4, colour: Palette.texture)

        let middle = Point((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        let letters = TextStyle(size: 12, anchor: .middle, bold: true, colour: Palette.quiet)
        canvas.text(view.horizontal.low, at: Point(box.left - 7, middle.y + 4), letters)
        canvas.text(view.horizontal.high, at: Point(box.right + 7, middle.y + 4), letters)
        canvas.text(view.vertical.high, at: Point(middle.x, box.top - 4), letters)
        canvas.text(view.vertical.low, at: Point(middle.x, box.bottom + 11), letters)

        // Strong ones first: their discs are the largest, and must not hide the others.
        let largest = sources.map(\.field).max() ?? 0
        func radius(_ mark: Mark) -> Double {
            largest > 0 ? max(3, 11 * (mark.field / largest).squareRoot()) : 5
        }
        for mark in sources.sorted(by: { ($0.field, $1.place) > ($1.field, $0.place) }) {
            canvas.circle(
                place(mark.position), radius: radius(mark), fill: Palette.source(mark.place), opacity: 0.85,
                Stroke(colour: "#ffffff", width: 1))
        }
        // To scale, over the discs, whose size says something else.
        for mark in sources {
            guard let extent = mark.extent else { continue }
            canvas.circle(
                place(mark.position), radius: extent * scale, fill: "none", opacity: 1,
                Stroke(colour: Palette.source(mark.place), width: 1.3))
        }
        var layout = LabelLayout(
            bounds: Box(left: box.left, top: box.top, right: box.right, bottom: box.bottom),
            obstacles: sources.map { Box(centre: place($0.position), width: 2 * radius($0), height: 2 * radius($0)) })
        for mark in sources where mark.place < numberedSources {
            let number = String(mark.place + 1)
            let width = TextMetrics.width(number, size: 12, bold: true)
            let centre = place(mark.position)
            let spot = layout.place(width: width, height: 11, near: centre, clearance: radius(mark) + 1)
            let offset = spot - centre
            let distance = (offset * offset).sum().squareRoot()
            if distance > radius(mark) + 13 {
                canvas.line(
                    centre + offset * (radius(mark) / distance), centre + offset * ((distance - 7) / distance),
                    Stroke(colour: Palette.quiet, width: 0.8))
            }
            canvas.rimmedText(number, at: spot + Point(0, 4.2), TextStyle(size: 12, anchor: .middle, bold: true))
        }
    }

    /// One source of the figure.
    private struct Mark {
        let place: Int
        let position: SIMD3<Double>
        let field: Double
        /// Extent of its patch, mm; nil for a point.
        let extent: Double?
    }

    /// The box that holds everything, mm.
    private struct Extent {
        let low: SIMD3<Double>
        let length: SIMD3<Double>

        init(_ positions: [SIMD3<Double>]) {
            func range(_ component: KeyPath<SIMD3<Double>, Double>) -> ClosedRange<Double> {
                let range = positions.lazy.map { $0[keyPath: component] }.finiteRange ?? -60...60
                // Room for the outline and the discs at the rim; no view narrower than a few cm.
                let middle = (range.lowerBound + range.upperBound) / 2
                let half = max((range.upperBound - range.lowerBound) / 2 + 7, 40)
                return (middle - half)...(middle + half)
            }
            let (x, y, z) = (range(\.x), range(\.y), range(\.z))
            low = SIMD3(x.lowerBound, y.lowerBound, z.lowerBound)
            length = SIMD3(x.upperBound, y.upperBound, z.upperBound) - low
        }
    }

    /// A direction across a view.
    private struct Direction {
        let component: Int
        let isReversed: Bool
        /// Marks at the lower and the upper end.
        let low: String
        let high: String

        func length(_ extent: Extent) -> Double { extent.length[component] }

        /// How far a position is from the lower end, mm.
        func distance(_ position: SIMD3<Double>, _ extent: Extent) -> Double {
            let distance = position[component] - extent.low[component]
            return isReversed ? extent.length[component] - distance : distance
        }
    }

    private struct View {
        let name: String
        let horizontal: Direction
        let vertical: Direction

        static let all = [
            View(
                name: "from the left", horizontal: Direction(component: 1, isReversed: true, low: "A", high: "P"),
                vertical: Direction(component: 2, isReversed: false, low: "I", high: "S")),
            View(
                name: "from behind", horizontal: Direction(component: 0, isReversed: false, low: "L", high: "R"),
                vertical: Direction(component: 2, isReversed: false, low: "I", high: "S")),
            View(
                name: "from above", horizontal: Direction(component: 0, isReversed: false, low: "L", high: "R"),
                vertical: Direction(component: 1, isReversed: false, low: "P", high: "A")),
        ]
    }

    /// Whether a position can be drawn: finite and within a metre of the origin.
    private static func isInHead(_ position: SIMD3<Double>) -> Bool {
        (0..<3).allSatisfy { position[$0].isFinite && abs(position[$0]) < 1 }
    }

    /// Radius of the discs that grow the candidates into a brain, mm: some spacings of a volume that holds as many
    /// points, so that sparse candidates still make one shape.
    private static func closingRadius(_ brain: [SIMD3<Double>]) -> Double {
        guard brain.count > 1 else { return 15 }
        let extent = Extent(brain).length
        let spacing = cbrt(extent.x * extent.y * extent.z / Double(brain.count))
        return min(max(14, 1.2 * spacing), 40)
    }
}
