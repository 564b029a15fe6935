/// A rectangle on the canvas, px.
struct Box {
    var left: Double
    var top: Double
    var right: Double
    var bottom: Double

    /// From the upper left, clockwise.
    var corners: [Point] { [Point(left, top), Point(right, top), Point(right, bottom), Point(left, bottom)] }

    /// Area common to two boxes, px².
    func overlap(_ other: Box) -> Double {
        max(0, min(right, other.right) - max(left, other.left))
            * max(0, min(bottom, other.bottom) - max(top, other.top))
    }

    /// Area that lies outside another box, px².
    func outside(_ other: Box) -> Double {
        (right - left) * (bottom - top) - overlap(other)
    }
}

extension Box {
    init(centre: Point, width: Double, height: Double) {
        self.init(
            left: centre.x - width / 2, top: centre.y - height / 2, right: centre.x + width / 2,
            bottom: centre.y + height / 2)
    }
}

/// Finds places for labels near what they name, off each other, off obstacles and within bounds: greedily, label after
/// label, each at the cheapest of a fixed set of places.
struct LabelLayout {
    /// Where labels may lie.
    let bounds: Box
    /// What labels should not cover, but may.
    var obstacles: [Box]
    private var placed: [Box] = []

    init(bounds: Box, obstacles: [Box] = []) {
        self.bounds = bounds
        self.obstacles = obstacles
    }

    /// Sixteen directions, the favoured ones first: right above, then around.
    private static let directions: [Point] = {
        let (c1, c2, c3) = (0.9239, 0.7071, 0.3827)
        return [
            Point(c2, -c2), Point(1, 0), Point(0, -1), Point(-c2, -c2), Point(-1, 0), Point(c2, c2), Point(0, 1),
            Point(-c2, c2),
            Point(c1, -c3), Point(c3, -c1), Point(-c3, -c1), Point(-c1, -c3), Point(c1, c3), Point(c3, c1),
            Point(-c3, c1),
            Point(-c1, c3),
        ]
    }()

    /// Takes a place for a label.
    ///
    /// - Parameters:
    ///   - anchor: what the label names.
    ///   - clearance: how far the label's box should stay from it, px.
    /// - Returns: the centre of the label.
    /// - Complexity: O(labels placed + obstacles).
    mutating func place(width: Double, height: Double, near anchor: Point, clearance: Double) -> Point {
        var best = (cost: Double.infinity, box: Box(centre: anchor, width: width, height: height), centre: anchor)
        for (ring, extra) in [0.0, 7, 15, 25, 37, 52].enumerated() {
            for (preference, direction) in Self.directions.enumerated() {
                let reach = clearance + extra
                let centre = anchor + direction * Point(reach + width / 2, reach + height / 2)
                let box = Box(centre: centre, width: width, height: height)
                let cost =
                    40 * placed.reduce(0) { $0 + $1.overlap(box) } + 60 * box.outside(bounds)
                    + 4 * obstacles.reduce(0) { $0 + $1.overlap(box) } + Double(ring) * 60 + Double(preference)
                if cost < best.cost { best = (cost, box, centre) }
            }
        }
        placed.append(best.box)
        return best.centre
    }
}
