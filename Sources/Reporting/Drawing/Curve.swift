/// Points of a curve over time, thinned to what a figure can show.
enum Curve {
    /// Points of samples along two axes; a sample that is not finite becomes a gap.
    static func points(_ values: [Double], at times: [Double], _ x: Axis, _ y: Axis) -> [Point] {
        zip(times, values).map { time, value in
            let point = Point(x.position(time), y.position(value))
            return point.isFinite ? point : .gap
        }
    }

    /// At most about `limit` points that keep every peak: of each piece of the curve the highest and the lowest point,
    /// in their order, and the two ends.
    ///
    /// - Complexity: O(points).
    static func decimated(_ points: [Point], limit: Int) -> [Point] {
        guard points.count > limit, limit >= 4 else { return points }
        let pieces = limit / 2 - 1
        var result = [points[0]]
        for piece in 0..<pieces {
            let range = (piece * points.count / pieces)..<((piece + 1) * points.count / pieces)
            var lowest: Int?
            var highest: Int?
            for k in range where points[k].isFinite {
                if lowest.map({ points[k].y < points[$0].y }) ?? true { lowest = k }
                if highest.map({ points[k].y > points[$0].y }) ?? true { highest = k }
            }
            guard let lowest, let highest else {
                result.append(.gap)
                continue
            }
            result.append(points[min(lowest, highest)])
            if lowest != highest { result.append(points[max(lowest, highest)]) }
        }
        result.append(points[points.count - 1])
        return result
    }

    /// The points that it takes to stay within `tolerance` px of the curve, up or down, at every point left out; `points`
    /// go from left to right.
    ///
    /// From each point that is kept, the next is as far as one straight line can go (the cone of O'Rourke 1981).
    /// - Complexity: O(points).
    static func simplified(_ points: [Point], tolerance: Double) -> [Point] {
        guard tolerance > 0 else { return points }
        var result: [Point] = []
        var anchor = Point.gap
        var last: Point?
        var cone = -Double.infinity...Double.infinity
        func slope(_ point: Point, _ shift: Double) -> Double { (point.y + shift - anchor.y) / (point.x - anchor.x) }
        for point in points {
            if let end = last, !point.isFinite || !(point.x > anchor.x) || !cone.contains(slope(point, 0)) {
                result.append(end)
                (anchor, last, cone) = (end, nil, -Double.infinity...Double.infinity)
            }
            guard point.isFinite, anchor.isFinite, point.x > anchor.x else {
                result.append(point)
                anchor = point
                continue
            }
            cone = cone.clamped(to: slope(point, -tolerance)...slope(point, tolerance))
            last = point
        }
        return result + (last.map { [$0] } ?? [])
    }
}
