/// Cubes as wide as a radius: what lies within the radius of a point lies in the 27 cubes around it. For many sets of points
/// of one size, without a hash or an allocation for each.
struct PointCubes {
    /// Cubes along an axis at most: wider than the radius rather than more.
    private static let most = 24

    private let origin: SIMD3<Double>
    private let cubesPerMetre: Double
    private let size: SIMD3<Int>
    /// Squared radius, m², with a hair of tolerance: on a regular grid many distances are the radius but for rounding.
    let reach: Double

    var count: Int { size.x * size.y * size.z }

    /// - Parameters:
    ///   - positions: finite, m.
    ///   - radius: positive, m.
    init(covering positions: [SIMD3<Double>], radius: Double) {
        var low = positions.first ?? .zero
        var high = low
        for position in positions {
            low = pointwiseMin(low, position)
            high = pointwiseMax(high, position)
        }
        let reach = radius * radius * (1 + 1e-9)
        let cube = max(reach.squareRoot(), (high - low).max() / Double(Self.most)) * (1 + 1e-9)
        let cubesPerMetre = 1 / cube
        origin = low
        size = SIMD3(clamping: (high - low) * cubesPerMetre, atMost: Self.most) &+ 1
        self.cubesPerMetre = cubesPerMetre
        self.reach = reach
    }

    private func cube(_ position: SIMD3<Double>) -> SIMD3<Int> {
        let place = (position - origin) * cubesPerMetre
        return SIMD3(
            min(max(Int(place.x), 0), size.x - 1), min(max(Int(place.y), 0), size.y - 1),
            min(max(Int(place.z), 0), size.z - 1))
    }

    private func index(_ cube: SIMD3<Int>) -> Int { cube.x + size.x * (cube.y + size.y * cube.z) }

    /// Points ordered by the cube that holds them.
    struct Order {
        /// Numbers of the points, cube after cube.
        fileprivate(set) var points: [Int] = []
        /// Where each cube begins in `points`, and the end of the last.
        fileprivate(set) var starts: [Int] = []
        fileprivate var cubes: [SIMD3<Int>] = []
    }

    /// Orders points, in the memory of an order that is no longer needed. Points outside what the cubes cover are taken to
    /// be in its outer cubes.
    func sort(_ positions: [SIMD3<Double>], into order: inout Order) {
        order.cubes.removeAll(keepingCapacity: true)
        order.starts.removeAll(keepingCapacity: true)
        order.starts.append(contentsOf: repeatElement(0, count: count + 2))
        for position in positions {
            let cube = cube(position)
            order.cubes.append(cube)
            order.starts[index(cube) + 2] += 1
        }
        for k in 2..<order.starts.count { order.starts[k] += order.starts[k - 1] }
        if order.points.count != positions.count { order.points = [Int](repeating: 0, count: positions.count) }
        // The start of the next cube serves as the place for the next point, and ends as the end.
        for point in positions.indices {
            let cube = index(order.cubes[point])
            order.points[order.starts[cube + 1]] = point
            order.starts[cube + 1] += 1
        }
    }

    /// Calls `body` with all that may lie within the radius of a point: runs of `points` of an order.
    @inline(__always)
    func runs(around point: Int, _ order: Order, _ body: (Range<Int>) -> Void) {
        let centre = order.cubes[point]
        let (left, right) = (max(centre.x - 1, 0), min(centre.x + 1, size.x - 1))
        for z in max(centre.z - 1, 0)...min(centre.z + 1, size.z - 1) {
            for y in max(centre.y - 1, 0)...min(centre.y + 1, size.y - 1) {
                let row = size.x * (y + size.y * z)
                body(order.starts[row + left]..<order.starts[row + right + 1])
            }
        }
    }

    /// The points within the radius of each, itself among them, ascending.
    func neighbours(_ positions: [SIMD3<Double>]) -> [[Int]] {
        var order = Order()
        sort(positions, into: &order)
        return positions.indices.map { point in
            var found: [Int] = []
            runs(around: point, order) { run in
                found += order.points[run].filter { positions[$0].squaredDistance(to: positions[point]) <= reach }
            }
            return found.sorted()
        }
    }
}

extension SIMD3<Double> {
    func squaredDistance(to other: SIMD3<Double>) -> Double {
        let difference = self - other
        return difference.x * difference.x + difference.y * difference.y + difference.z * difference.z
    }
}

extension SIMD3<Int> {
    /// Whole parts, between 0 and a limit.
    fileprivate init(clamping value: SIMD3<Double>, atMost limit: Int) {
        self.init(
            Int(Swift.min(Swift.max(value.x, 0), Double(limit))), Int(Swift.min(Swift.max(value.y, 0), Double(limit))),
            Int(Swift.min(Swift.max(value.z, 0), Double(limit))))
    }
}
