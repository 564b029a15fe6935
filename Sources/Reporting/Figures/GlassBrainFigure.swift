import Glibc
import SourceImaging

/// The sources in the brain, seen from the left, from behind and from above.
public enum GlassBrainFigure {
    /// How many sources carry a number.
    static let numberedSources = 15
    /// Points of an ellipse.
    private static let ellipsePoints = 72

    private static let (width, top) = (900.0, 78.0)
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
        let views = BrainViews(brain: scene.brain, marks: scene.marks.map(\.position), width: width, top: top)
        let legendTop = top + views.height + 74
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

        for projection in views.projections {
            views.drawBrain(projection, &canvas)
            drawRegions(scene.marks, projection, &canvas)
            drawSources(scene.marks, projection, &canvas)
            drawNumbers(scene.marks, projection, &canvas)
            views.drawName(projection, &canvas)
        }
        views.drawScale(&canvas)
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

    /// The shadows of the ellipsoids that hold the sources.
    private static func drawRegions(_ marks: [Mark], _ projection: BrainProjection, _ canvas: inout SVGCanvas) {
        // Large ones first: a small one within must be seen.
        func size(_ mark: Mark) -> Double { mark.region.map { $0.axes.reduce(0) { $0 + ($1 * $1).sum() } } ?? 0 }
        for mark in marks.sorted(by: { (size($0), $1.place) > (size($1), $0.place) }) {
            guard let region = mark.region else { continue }
            let colour = Palette.source(mark.place)
            canvas.area(
                [shadow(of: region, projection)], fill: colour, opacity: 0.16,
                Stroke(colour: colour, width: 1, opacity: 0.6))
        }
    }

    /// The outline on the canvas of an ellipsoid, as far as it keeps clear of the other views. With the half-axes a_k as
    /// they appear in the view, it is the ellipse of the matrix M = Σ a_k·a_kᵀ: a unit circle under the Cholesky factor of M.
    private static func shadow(of ellipsoid: Ellipsoid, _ projection: BrainProjection) -> [Point] {
        let centre = projection.shadow(ellipsoid.centre)
        let axes = ellipsoid.axes.map { projection.shadow(ellipsoid.centre + $0) - centre }
        let (xx, xy, yy) = axes.reduce((0, 0, 0)) { ($0.0 + $1.x * $1.x, $0.1 + $1.x * $1.y, $0.2 + $1.y * $1.y) }
        let width = xx.squareRoot()
        let slope = width > 0 ? xy / width : 0
        let height = max(yy - slope * slope, 0).squareRoot()
        return (0..<ellipsePoints).map {
            let angle = 2 * Double.pi * Double($0) / Double(ellipsePoints)
            let point = projection.place(centre + Point(width * cos(angle), slope * cos(angle) + height * sin(angle)))
            return point.clamped(
                lowerBound: Point(projection.box.left - BrainViews.gap / 2, projection.box.top - BrainViews.gap / 2),
                upperBound: Point(projection.box.right + BrainViews.gap / 2, projection.box.bottom + BrainViews.gap / 2)
            )
        }
    }

    private static func drawSources(_ marks: [Mark], _ projection: BrainProjection, _ canvas: inout SVGCanvas) {
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
    private static func drawNumbers(_ marks: [Mark], _ projection: BrainProjection, _ canvas: inout SVGCanvas) {
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
            guard let region, ([region.centre] + region.axes).allSatisfy(BrainViews.isInHead) else { return nil }
            centre = frame.rightAnteriorSuperior(region.centre) * 1000
            axes = region.axes.map { frame.rightAnteriorSuperior($0) * 1000 }
        }
    }

    /// What is seen, whichever way one looks.
    private struct Scene {
        let brain: [SIMD3<Double>]
        let marks: [Mark]

        /// The sources within the head that an estimate has, and candidates, m.
        init(_ estimate: Estimate, candidates: [SIMD3<Double>]) {
            brain = candidates.filter(BrainViews.isInHead).map { estimate.frame.rightAnteriorSuperior($0) * 1000 }
            let fields = estimate.sources.map { $0.field.isFinite ? max($0.field, 0) : 0 }
            let drawn = estimate.sources.indices.filter { BrainViews.isInHead(estimate.sources[$0].position) }
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
        }
    }
}
