import Glibc
import SourceImaging

/// A smooth map over the head through values at sensors.
///
/// Sensors are seen from the centre of the sphere that fits them best. Between them values follow a Matérn kernel of the
/// distance on the unit sphere about their mean (kriging), and are drawn in azimuthal equidistant projection: distance
/// from the middle is the angle from straight up.
struct SensorMap {
    /// Where each sensor lies within the head's outline: x right, y front, the outline at 1.
    let places: [SIMD2<Double>]
    /// Directions from the centre, unit vectors.
    private let directions: [SIMD3<Double>]
    /// Angle of the outline from straight up.
    private let rim: Double
    private let kernel: Cholesky

    /// Distance on the unit sphere over which values become independent.
    private static let reach = 0.6
    /// Variance of noise over that of the field: enough that sensors at one place do not contradict each other.
    private static let noise = 3e-3

    /// The map of sensors at these positions, m; x right, y front, z up. Nil where fewer than eight do not lie about a
    /// sphere of the size of a head.
    ///
    /// - Complexity: O(sensors³).
    init?(_ positions: [SIMD3<Double>]) {
        guard positions.count >= 8, let sphere = Self.sphere(through: positions), (0.04...0.4).contains(sphere.radius)
        else { return nil }
        let directions = positions.map { position in
            let offset = position - sphere.centre
            return offset / max((offset * offset).sum().squareRoot(), 1e-9)
        }
        let matrix = Matrix(rows: positions.count, columns: positions.count) { i, j in
            Self.likeness(directions[i], directions[j]) + (i == j ? Self.noise : 0)
        }
        guard let kernel = try? Cholesky(matrix) else { return nil }
        self.directions = directions
        self.kernel = kernel
        let angles = directions.map { acos(min(max($0.z, -1), 1)) }
        // All sensors within the outline, and never less of the head than down to the ears.
        rim = max(1.06 * (angles.max() ?? 0), 0.5 * Double.pi)
        places = directions.map { [rim] in Self.place($0) / rim }
    }

    /// The value at a cell of a square grid over the outline, row by row from the front, left to right; nil outside.
    ///
    /// - Parameters:
    ///   - values: sensors × maps.
    ///   - cells: of a row.
    /// - Returns: the cells within the outline, and their values, cells × maps.
    /// - Complexity: O(cells² · sensors).
    func grid(_ values: Matrix, cells: Int) -> (places: [(row: Int, column: Int)], values: Matrix) {
        var (inside, points): ([(row: Int, column: Int)], [SIMD3<Double>]) = ([], [])
        for row in 0..<cells {
            for column in 0..<cells {
                let place = SIMD2(Double(2 * column + 1 - cells), Double(cells - 1 - 2 * row)) / Double(cells)
                guard (place * place).sum() <= 1.04 else { continue }
                inside.append((row, column))
                points.append(direction(place))
            }
        }
        return (inside, interpolated(values, at: points))
    }

    /// Values at directions from the centre.
    ///
    /// - Parameters:
    ///   - values: sensors × maps.
    ///   - points: unit vectors.
    /// - Returns: points × maps.
    func interpolated(_ values: Matrix, at points: [SIMD3<Double>]) -> Matrix {
        let means = (0..<values.columns).map { values.column($0).reduce(0, +) / Double(max(1, values.rows)) }
        let weights = kernel.solve(
            Matrix(rows: values.rows, columns: values.columns) { values[$0, $1] - means[$1] })
        let likeness = Matrix(rows: points.count, columns: directions.count) {
            Self.likeness(points[$0], directions[$1])
        }
        let fitted = likeness * weights
        return Matrix(rows: points.count, columns: values.columns) { fitted[$0, $1] + means[$1] }
    }

    /// Values at the sensors themselves.
    func atSensors(_ values: Matrix) -> Matrix { interpolated(values, at: directions) }

    /// Matérn kernel of order 5/2.
    private static func likeness(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> Double {
        let difference = a - b
        let distance = (5 * (difference * difference).sum()).squareRoot() / reach
        return (1 + distance + distance * distance / 3) * exp(-distance)
    }

    /// Angle from straight up, to the right and to the front.
    private static func place(_ direction: SIMD3<Double>) -> SIMD2<Double> {
        let across = (direction.x * direction.x + direction.y * direction.y).squareRoot()
        guard across > 1e-9 else { return .zero }
        return SIMD2(direction.x, direction.y) / across * atan2(across, direction.z)
    }

    /// The direction of a place within the outline.
    private func direction(_ place: SIMD2<Double>) -> SIMD3<Double> {
        let distance = (place * place).sum().squareRoot()
        guard distance > 1e-9 else { return SIMD3(0, 0, 1) }
        let angle = distance * rim
        return SIMD3(place.x / distance * sin(angle), place.y / distance * sin(angle), cos(angle))
    }

    /// The sphere that fits positions best, in the least squares of p² = 2c·p + k; nil where they lie in a plane.
    private static func sphere(through positions: [SIMD3<Double>]) -> (centre: SIMD3<Double>, radius: Double)? {
        let mean = positions.reduce(.zero, +) / Double(positions.count)
        let rows = positions.map { ($0 - mean) * 10 }
        let normal = Matrix(rows: 4, columns: 4) { i, j in
            rows.reduce(0) { $0 + (i < 3 ? 2 * $1[i] : 1) * (j < 3 ? 2 * $1[j] : 1) }
        }
        let right = Matrix(rows: 4, columns: 1) { i, _ in
            rows.reduce(0) { $0 + (i < 3 ? 2 * $1[i] : 1) * ($1 * $1).sum() }
        }
        guard normal.firstNonFinite == nil, let factor = try? Cholesky(normal) else { return nil }
        let solution = factor.solve(right)
        let centre = SIMD3(solution[0, 0], solution[1, 0], solution[2, 0])
        let radius = (solution[3, 0] + (centre * centre).sum()).squareRoot()
        guard radius.isFinite else { return nil }
        return (mean + centre / 10, radius / 10)
    }
}
