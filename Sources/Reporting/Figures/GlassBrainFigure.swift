import Foundation
import SourceImaging

/// The sources in the brain, seen from the left, from behind and from above.
public enum GlassBrainFigure {
    /// How many sources carry a number.
    static let numberedSources = 15
    /// How many candidates are drawn as texture at most.
    private static let textureLimit = 1500
    /// Points of an ellipse.
    private static let ellipsePoints = 72

    private static let (width, top, gap) = (900.0, 78.0, 44.0)
    /// Of the list of sources below the views.
    private static let lineHeight = 22.0

    /// The figure as an SVG document; one that says so when there is no source.
    ///
    /// - Parameters:
    ///   - estimate: its positions are drawn with right, front and up as its frame has them.
    ///   - candidates: positions of all candidate sources, m, in the frame of the estimate; the brain's outline is made of
    ///     them. May be empty: then there is no outline.
    /// - Complexity: O(candidates + sources²).
    public static func svg(_ estimate: Estimate, candidates: [SIMD3<Double>]) -> String {
        let scene = Scene(estimate, candidates: candidates)
        let listed = Array(estimate.sources.prefix(numberedSources))
        let extent = scene.extent.length
        let room = width - 2 * SVGCanvas.margin - 2 * gap - 24
        let scale = min(room / (extent.y + 2 * extent.x), 320 / max(extent.y, extent.z))
        let viewHeight = max(extent.y, extent.z) * scale
        let legendTop = top + viewHeight + 74
        let columns = listed.contains { $0.region != nil } ? 2 : 3
        let lines = (listed.count + columns - 1) / columns
        let hidden = estimate.sources.count - listed.count
        let height = legendTop + Double(lines) * lineHeight + (hidden > 0 ? lineHeight : 0) + 4
        var canvas = SVGCanvas(
            width: width, height: height, title: estimate.title("Sources in the brain"),
            subtitle: subtitle(estimate, scene),
            description:
                "Three orthogonal views of the candidate sources' outline with the active sources as discs. "
                + listed.enumerated().map {
                    "\($0 + 1): \($1.place)\($1.patchText)\($1.regionText.map { ", within " + $0 } ?? "")."
                }.joined(separator: " "))

        let used = (extent.y + 2 * extent.x) * scale + 2 * gap
        var left = (width - used) / 2
        for view in View.all {
            let box = Box(
                left: left, top: top + viewHeight - extent[view.vertical.component] * scale,
                right: left + extent[view.horizontal.component] * scale, bottom: top + viewHeight)
            let projection = Projection(view: view, extent: scene.extent, box: box, scale: scale)
            drawBrain(scene, projection, &canvas)
            drawRegions(scene.marks, projection, &canvas)
            drawSources(scene.marks, projection, &canvas)
            drawNumbers(scene.marks, projection, &canvas)
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
            canvas.message(estimate.noSourcesText, at: Point(width / 2, legendTop - 10))
        }
        list(listed, hidden: hidden, columns: columns, lines: lines, from: legendTop, &canvas)
        return canvas.document
    }

    private static func subtitle(_ estimate: Estimate, _ scene: Scene) -> String {
        var subtitle =
            "\(estimate.sourceCountText) of \(estimate.candidateCount) candidates, \(estimate.frame.rawValue) frame"
        if !scene.marks.isEmpty { subtitle += "; area of a disc: field explained" }
        if scene.marks.contains(where: { $0.extent != nil }) { subtitle += "; ring: extent of a patch" }
        if scene.marks.contains(where: { $0.region != nil }) { subtitle += "; ellipse: 95 % region" }
        let outside = estimate.sources.count - scene.marks.count
        if outside > 0 { subtitle += "; \(outside) not drawn, outside the head" }
        return subtitle
    }

    /// The numbered sources in words, and how many more there are.
    private static func list(
        _ listed: [EstimatedSource], hidden: Int, columns: Int, lines: Int, from top: Double, _ canvas: inout SVGCanvas
    ) {
        let columnWidth = (width - 2 * SVGCanvas.margin) / Double(columns)
        for (place, source) in listed.enumerated() {
            let x = SVGCanvas.margin + 8 + Double(place / lines) * columnWidth
            let y = top + Double(place % lines) * lineHeight
            canvas.badge(place, at: Point(x, y))
            let text = "\(source.placeAndSpread), \(NumberText.percent(source.share)) of power"
            canvas.text(
                TextMetrics.fitted(text, size: 12, within: columnWidth - 26), at: Point(x + 16, y + 4), .legend)
        }
        if hidden > 0 {
            canvas.text(
                "and \(hidden.counted("weaker source")) without a number",
                at: Point(SVGCanvas.margin, top + Double(lines) * lineHeight + 4), .note)
        }
    }

    // MARK: Views

    /// The brain's outline and texture, and letters that tell the directions.
    private static func drawBrain(_ scene: Scene, _ projection: Projection, _ canvas: inout SVGCanvas) {
        let (brain, box) = (scene.brain, projection.box)
        // Traced in mm: the accuracy of the outline does not depend on the size of the figure.
        let outline = Silhouette(brain.map(projection.shadow), reach: closingRadius(brain), margin: 4).rings.map {
            ring in
            ring.map { projection.place($0) }
        }
        if brain.isEmpty { canvas.area([box.corners], fill: "none", Stroke(colour: Palette.outline)) }
        canvas.area(outline, fill: Palette.brain, Stroke(colour: Palette.outline, width: 1.3))
        // A fraction rather than a whole step, which might pick one hemisphere where both alternate.
        let dots = min(brain.count, textureLimit)
        canvas.dots(
            (0..<dots).map { projection.place(brain[$0 * brain.count / dots]) }, diameter: 1.4,
            colour: Palette.texture)

        let middle = Point((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        let letters = TextStyle(size: 12, anchor: .middle, bold: true, colour: Palette.quiet)
        let (horizontal, vertical) = (projection.view.horizontal, projection.view.vertical)
        canvas.text(horizontal.low, at: Point(box.left - 7, middle.y + 4), letters)
        canvas.text(horizontal.high, at: Point(box.right + 7, middle.y + 4), letters)
        canvas.text(vertical.high, at: Point(middle.x, box.top - 4), letters)
        canvas.text(vertical.low, at: Point(middle.x, box.bottom + 11), letters)
    }

    /// The shadows of the ellipsoids that hold the sources.
    private static func drawRegions(_ marks: [Mark], _ projection: Projection, _ canvas: inout SVGCanvas) {
        // Large ones first: a small one within must be seen.
        func size(_ mark: Mark) -> Double { mark.region.map { $0.axes.reduce(0) { $0 + ($1 * $1).sum() } } ?? 0 }
        for mark in marks.sorted(by: { (size($0), $1.place) > (size($1), $0.place) }) {
            guard let region = mark.region else { continue }
            let colour = Palette.source(mark.place)
            canvas.area(
                [projection.shadow(of: region)], fill: colour, opacity: 0.16,
                Stroke(colour: colour, width: 1, opacity: 0.6))
        }
    }

    private static func drawSources(_ marks: [Mark], _ projection: Projection, _ canvas: inout SVGCanvas) {
        // Strong ones first: their discs are the largest, and must not hide the others.
        for mark in marks.sorted(by: { ($0.field, $1.place) > ($1.field, $0.place) }) {
            canvas.circle(
                projection.place(mark.position), radius: mark.radius, fill: Palette.source(mark.place), opacity: 0.85,
                Stroke(colour: "#ffffff", width: 1))
        }
        // To scale, over the discs, whose size says something else.
        for mark in marks {
            guard let extent = mark.extent else { continue }
            canvas.circle(
                projection.place(mark.position), radius: extent * projection.scale, fill: "none", opacity: 1,
                Stroke(colour: Palette.source(mark.place), width: 1.3))
        }
    }

    /// The numbers beside the discs, with a line where one had to go far.
    private static func drawNumbers(_ marks: [Mark], _ projection: Projection, _ canvas: inout SVGCanvas) {
        var layout = LabelLayout(
            bounds: projection.box,
            obstacles: marks.map {
                Box(centre: projection.place($0.position), width: 2 * $0.radius, height: 2 * $0.radius)
            })
        for mark in marks where mark.place < numberedSources {
            let number = String(mark.place + 1)
            let width = TextMetrics.width(number, size: 12, bold: true)
            let centre = projection.place(mark.position)
            let spot = layout.place(width: width, height: 11, near: centre, clearance: mark.radius + 1)
            let offset = spot - centre
            let distance = (offset * offset).sum().squareRoot()
            if distance > mark.radius + 13 {
                canvas.line(
                    centre + offset * (mark.radius / distance), centre + offset * ((distance - 7) / distance),
                    Stroke(colour: Palette.quiet, width: 0.8))
            }
            canvas.rimmedText(number, at: spot + Point(0, 4.2), TextStyle(size: 12, anchor: .middle, bold: true))
        }
    }

    /// One source of the figure.
    private struct Mark {
        let place: Int
        /// Where it is to the right, in front and above, mm.
        let position: SIMD3<Double>
        let field: Double
        /// Extent of its patch, mm; nil for a point.
        let extent: Double?
        /// Where it may be; nil where nobody reckoned it.
        let region: Ellipsoid?
        /// Radius of its disc, px.
        let radius: Double
    }

    /// The region of a source, its axes to the right, in front and above, mm.
    private struct Ellipsoid {
        let centre: SIMD3<Double>
        /// The three half-axes.
        let axes: [SIMD3<Double>]

        /// Nil where it cannot be drawn.
        init?(_ region: SourceRegion?, in frame: CoordinateFrame) {
            guard let region, ([region.centre] + region.axes).allSatisfy(isInHead) else { return nil }
            centre = frame.rightAnteriorSuperior(region.centre) * 1000
            axes = region.axes.map { frame.rightAnteriorSuperior($0) * 1000 }
        }
    }

    /// What is seen, whichever way one looks.
    private struct Scene {
        let brain: [SIMD3<Double>]
        let marks: [Mark]
        let extent: Extent

        /// The sources within the head that an estimate has, and candidates, m.
        init(_ estimate: Estimate, candidates: [SIMD3<Double>]) {
            brain = candidates.filter(isInHead).map { estimate.frame.rightAnteriorSuperior($0) * 1000 }
            let fields = estimate.sources.map { $0.field.isFinite ? max($0.field, 0) : 0 }
            let drawn = estimate.sources.indices.filter { isInHead(estimate.sources[$0].position) }
            let largest = drawn.map { fields[$0] }.max() ?? 0
            marks = drawn.map { place in
                let source = estimate.sources[place]
                return Mark(
                    place: place, position: estimate.frame.rightAnteriorSuperior(source.position * 1000),
                    field: fields[place],
                    extent: source.extent.flatMap { $0.isFinite && $0 > 0 && $0 < 0.1 ? $0 * 1000 : nil },
                    region: Ellipsoid(source.region, in: estimate.frame),
                    radius: largest > 0 ? max(3, 11 * (fields[place] / largest).squareRoot()) : 5)
            }
            extent = Extent(brain + marks.map(\.position))
        }
    }

    /// The box that holds everything, mm.
    private struct Extent {
        let low: SIMD3<Double>
        let length: SIMD3<Double>

        init(_ positions: [SIMD3<Double>]) {
            let ranges = (0..<3).map { component in
                let range = positions.lazy.map { $0[component] }.finiteRange ?? -60...60
                // Room for the outline and the discs at the rim; no view narrower than a few cm.
                let middle = (range.lowerBound + range.upperBound) / 2
                let half = max((range.upperBound - range.lowerBound) / 2 + 7, 40)
                return (low: middle - half, high: middle + half)
            }
            low = SIMD3(ranges.map(\.low))
            length = SIMD3(ranges.map(\.high)) - low
        }
    }

    /// A direction across a view.
    private struct Direction {
        let component: Int
        var isReversed = false
        /// Marks at the lower and the upper end.
        let low: String
        let high: String

        static let right = Direction(component: 0, low: "L", high: "R")
        static let front = Direction(component: 1, low: "P", high: "A")
        static let back = Direction(component: 1, isReversed: true, low: "A", high: "P")
        static let up = Direction(component: 2, low: "I", high: "S")

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
            View(name: "from the left", horizontal: .back, vertical: .up),
            View(name: "from behind", horizontal: .right, vertical: .up),
            View(name: "from above", horizontal: .right, vertical: .front),
        ]
    }

    /// Where a view lies on the canvas.
    private struct Projection {
        let view: View
        let extent: Extent
        let box: Box
        /// px a mm.
        let scale: Double

        /// Where a position appears in the view, mm from its lower left corner.
        func shadow(_ position: SIMD3<Double>) -> Point {
            Point(view.horizontal.distance(position, extent), view.vertical.distance(position, extent))
        }

        /// Where a point of the view lies on the canvas.
        func place(_ point: Point) -> Point { Point(box.left + point.x * scale, box.bottom - point.y * scale) }

        func place(_ position: SIMD3<Double>) -> Point { place(shadow(position)) }

        /// The outline on the canvas of an ellipsoid, as far as it keeps clear of the other views. With the half-axes a_k as
        /// they appear in the view, it is the ellipse of the matrix M = Σ a_k·a_kᵀ: a unit circle under the Cholesky factor of M.
        func shadow(of ellipsoid: Ellipsoid) -> [Point] {
            let centre = shadow(ellipsoid.centre)
            let axes = ellipsoid.axes.map { shadow(ellipsoid.centre + $0) - centre }
            let (xx, xy, yy) = axes.reduce((0, 0, 0)) { ($0.0 + $1.x * $1.x, $0.1 + $1.x * $1.y, $0.2 + $1.y * $1.y) }
            let width = xx.squareRoot()
            let slope = width > 0 ? xy / width : 0
            let height = max(yy - slope * slope, 0).squareRoot()
            return (0..<ellipsePoints).map {
                let angle = 2 * Double.pi * Double($0) / Double(ellipsePoints)
                let point = place(centre + Point(width * cos(angle), slope * cos(angle) + height * sin(angle)))
                return point.clamped(
                    lowerBound: Point(box.left - gap / 2, box.top - gap / 2),
                    upperBound: Point(box.right + gap / 2, box.bottom + gap / 2))
            }
        }
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
