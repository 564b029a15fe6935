import Glibc

/// Three views of a brain, from the left, from behind and from above, side by side on one scale.
struct BrainViews {
    /// Between views, px.
    static let gap = 44.0
    /// How many candidates are drawn as texture at most.
    private static let textureLimit = 1500

    /// Where the candidate sources are to the right, in front and above, mm.
    let brain: [SIMD3<Double>]
    /// The views, from left to right.
    let projections: [BrainProjection]
    /// Of the largest view, px.
    let height: Double

    private let width, top, scale: Double

    /// - Parameters:
    ///   - brain: to the right, in front and above, mm; may be empty: then there is no outline.
    ///   - marks: what else must be within the views, likewise.
    ///   - width: of the canvas, px.
    ///   - top: where the views begin, px.
    init(brain: [SIMD3<Double>], marks: [SIMD3<Double>], width: Double, top: Double) {
        let box = BrainExtent(brain + marks)
        let extent = box.length
        let room = width - 2 * SVGCanvas.margin - 2 * Self.gap - 24
        let scale = min(room / (extent.y + 2 * extent.x), 320 / max(extent.y, extent.z))
        let height = max(extent.y, extent.z) * scale
        let used = (extent.y + 2 * extent.x) * scale + 2 * Self.gap
        var left = (width - used) / 2
        projections = BrainView.all.map { view in
            let place = Box(
                left: left, top: top + height - extent[view.vertical.component] * scale,
                right: left + extent[view.horizontal.component] * scale, bottom: top + height)
            left = place.right + Self.gap
            return BrainProjection(view: view, extent: box, box: place, scale: scale)
        }
        self.brain = brain
        self.height = height
        self.width = width
        self.top = top
        self.scale = scale
    }

    /// The brain's outline on the canvas; empty without candidates.
    ///
    /// - Complexity: O(candidates).
    func outline(_ projection: BrainProjection) -> [[Point]] {
        // Traced in mm: the accuracy of the outline does not depend on the size of the figure.
        Silhouette(brain.map(projection.shadow), reach: closingRadius, margin: 4).rings.map { ring in
            ring.map { projection.place($0) }
        }
    }

    /// The brain's outline and texture, and letters that tell the directions.
    func drawBrain(_ projection: BrainProjection, _ canvas: inout SVGCanvas) {
        let box = projection.box
        if brain.isEmpty { canvas.area([box.corners], fill: "none", Stroke(colour: Palette.outline)) }
        canvas.area(outline(projection), fill: Palette.brain, Stroke(colour: Palette.outline, width: 1.3))
        // A fraction rather than a whole step, which might pick one hemisphere where both alternate.
        let dots = min(brain.count, Self.textureLimit)
        canvas.dots(
            (0..<dots).map { projection.place(brain[$0 * brain.count / dots]) }, diameter: 1.4,
            colour: Palette.texture)
        drawDirections(projection, &canvas)
    }

    /// Letters that tell the directions.
    func drawDirections(_ projection: BrainProjection, _ canvas: inout SVGCanvas) {
        let box = projection.box
        let middle = Point((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        let letters = TextStyle(size: 12, anchor: .middle, bold: true, colour: Palette.quiet)
        let (horizontal, vertical) = (projection.view.horizontal, projection.view.vertical)
        canvas.text(horizontal.low, at: Point(box.left - 7, middle.y + 4), letters)
        canvas.text(horizontal.high, at: Point(box.right + 7, middle.y + 4), letters)
        canvas.text(vertical.high, at: Point(middle.x, box.top - 4), letters)
        canvas.text(vertical.low, at: Point(middle.x, box.bottom + 11), letters)
    }

    /// From where one looks, below a view.
    func drawName(_ projection: BrainProjection, _ canvas: inout SVGCanvas) {
        canvas.text(
            projection.view.name, at: Point((projection.box.left + projection.box.right) / 2, top + height + 32),
            TextStyle(size: 12, anchor: .middle, colour: Palette.quiet))
    }

    /// A bar of 20 mm below the views, on the right.
    func drawScale(_ canvas: inout SVGCanvas) {
        let barEnd = width - SVGCanvas.margin
        let barY = top + height + 34
        canvas.line(Point(barEnd - 20 * scale, barY), Point(barEnd, barY), Stroke(width: 2))
        canvas.text("20 mm", at: Point(barEnd - 10 * scale, barY - 6), TextStyle(size: 11, anchor: .middle))
    }

    /// Whether a position, m, can be drawn: finite and within a metre of the origin.
    static func isInHead(_ position: SIMD3<Double>) -> Bool {
        (0..<3).allSatisfy { position[$0].isFinite && abs(position[$0]) < 1 }
    }

    /// Radius of the discs that grow the candidates into a brain, mm: some spacings of a volume that holds as many
    /// points, so that sparse candidates still make one shape.
    private var closingRadius: Double {
        guard brain.count > 1 else { return 15 }
        let extent = BrainExtent(brain).length
        let spacing = cbrt(extent.x * extent.y * extent.z / Double(brain.count))
        return min(max(14, 1.2 * spacing), 40)
    }
}

/// The box that holds everything, mm.
struct BrainExtent {
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
struct BrainDirection {
    let component: Int
    var isReversed = false
    /// Marks at the lower and the upper end.
    let low: String
    let high: String

    static let right = BrainDirection(component: 0, low: "L", high: "R")
    static let front = BrainDirection(component: 1, low: "P", high: "A")
    static let back = BrainDirection(component: 1, isReversed: true, low: "A", high: "P")
    static let up = BrainDirection(component: 2, low: "I", high: "S")

    /// How far a position is from the lower end, mm.
    func distance(_ position: SIMD3<Double>, _ extent: BrainExtent) -> Double {
        let distance = position[component] - extent.low[component]
        return isReversed ? extent.length[component] - distance : distance
    }
}

/// Whence one looks.
struct BrainView {
    let name: String
    let horizontal: BrainDirection
    let vertical: BrainDirection

    static let all = [
        BrainView(name: "from the left", horizontal: .back, vertical: .up),
        BrainView(name: "from behind", horizontal: .right, vertical: .up),
        BrainView(name: "from above", horizontal: .right, vertical: .front),
    ]
}

/// Where a view lies on the canvas.
struct BrainProjection {
    let view: BrainView
    let extent: BrainExtent
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
}
