import Glibc

/// An affine map between the coordinates of two brains, from where their candidate sources lie: for subjects whose places
/// nothing else brings together.
///
/// Twelve numbers by iterated closest points (Besl & McKay 1992): beginning with the map that gives both clouds one mean and
/// one extent along each axis, the closest pairs, from either cloud so that neither shrinks into the other, are fitted by
/// least squares, the worst tenth left out.
struct AffineAlignment: Sendable, Equatable {
    /// Rows of the linear part.
    private(set) var rows: [SIMD3<Double>] = [SIMD3(1, 0, 0), SIMD3(0, 1, 0), SIMD3(0, 0, 1)]
    /// m.
    private(set) var shift = SIMD3<Double>.zero

    /// What leaves every position where it is.
    static let identity = AffineAlignment()

    private init() {}

    /// Most points of a cloud that are paired.
    private static let most = 1000
    private static let rounds = 30
    private static let keptPart = 0.9

    /// The map from one cloud to another; the identity where either has fewer than 16 points, or lies in a plane.
    ///
    /// - Complexity: O(rounds · min(count, 1000)²).
    init(from moving: [SIMD3<Double>], to fixed: [SIMD3<Double>]) {
        guard moving.count >= 16, fixed.count >= 16 else { return }
        let (source, target) = (Self.part(of: moving), Self.part(of: fixed))
        let (own, other) = (Self.moments(source), Self.moments(target))
        guard own.deviation.min() > 1e-4, other.deviation.min() > 1e-4 else { return }
        let scale = other.deviation / own.deviation
        var map = AffineAlignment()
        map.rows = [SIMD3(scale.x, 0, 0), SIMD3(0, scale.y, 0), SIMD3(0, 0, scale.z)]
        map.shift = other.mean - scale * own.mean
        var last = Double.infinity
        for _ in 0..<Self.rounds {
            let moved = source.map(map.apply)
            var pairs: [(from: Int, to: Int, distance: Double)] = []
            for (i, point) in moved.enumerated() {
                let nearest = Self.nearest(to: point, in: target)
                pairs.append((i, nearest.index, nearest.distance))
            }
            for (j, point) in target.enumerated() {
                let nearest = Self.nearest(to: point, in: moved)
                pairs.append((nearest.index, j, nearest.distance))
            }
            pairs.sort { ($0.distance, $0.from, $0.to) < ($1.distance, $1.from, $1.to) }
            pairs.removeLast(Int((1 - Self.keptPart) * Double(pairs.count)))
            let error = pairs.reduce(0) { $0 + $1.distance } / Double(pairs.count)
            guard error < last * (1 - 1e-4), let next = Self.fit(pairs.map { (source[$0.from], target[$0.to]) })
            else { break }
            (last, map) = (error, next)
        }
        self = map
    }

    /// Where a position lies in the other brain.
    func apply(_ p: SIMD3<Double>) -> SIMD3<Double> {
        SIMD3((rows[0] * p).sum(), (rows[1] * p).sum(), (rows[2] * p).sum()) + shift
    }

    /// Points evenly from all.
    private static func part(of points: [SIMD3<Double>]) -> [SIMD3<Double>] {
        let step = max(1, (points.count + most - 1) / most)
        return stride(from: 0, to: points.count, by: step).map { points[$0] }
    }

    private static func moments(_ points: [SIMD3<Double>]) -> (mean: SIMD3<Double>, deviation: SIMD3<Double>) {
        let mean = points.reduce(.zero, +) / Double(points.count)
        let squares = points.reduce(SIMD3<Double>.zero) { $0 + ($1 - mean) * ($1 - mean) } / Double(points.count)
        return (mean, squares.squareRoot())
    }

    private static func nearest(to point: SIMD3<Double>, in cloud: [SIMD3<Double>]) -> (index: Int, distance: Double) {
        var (index, least) = (0, Double.infinity)
        cloud.withUnsafeBufferPointer { cloud in
            for (i, other) in cloud.enumerated() {
                let square = ((other - point) * (other - point)).sum()
                if square < least { (index, least) = (i, square) }
            }
        }
        return (index, least.squareRoot())
    }

    /// The map that brings pairs together in the mean square; nil where they lie in a plane.
    private static func fit(_ pairs: [(SIMD3<Double>, SIMD3<Double>)]) -> AffineAlignment? {
        let count = Double(pairs.count)
        let from = pairs.reduce(.zero) { $0 + $1.0 } / count
        let to = pairs.reduce(.zero) { $0 + $1.1 } / count
        var gram = Matrix(rows: 3, columns: 3)
        var cross = Matrix(rows: 3, columns: 3)
        for (a, b) in pairs {
            let (x, y) = (a - from, b - to)
            for i in 0..<3 {
                for j in 0..<3 {
                    gram[i, j] += x[i] * x[j]
                    cross[i, j] += x[i] * y[j]
                }
            }
        }
        guard let factor = try? Cholesky(gram) else { return nil }
        let linear = factor.inverse() * cross
        var map = AffineAlignment()
        map.rows = (0..<3).map { j in SIMD3(linear[0, j], linear[1, j], linear[2, j]) }
        map.shift = to - SIMD3((map.rows[0] * from).sum(), (map.rows[1] * from).sum(), (map.rows[2] * from).sum())
        return map
    }
}
