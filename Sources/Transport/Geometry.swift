import LinearAlgebra

/// The places of a measure in an order in which neighbours stand together, one coordinate after the other.
struct OrderedPoints: Sendable {
    /// Number of places.
    let count: Int
    /// Coordinates: place i has its k-th at `coordinates[k * count + i]`.
    let coordinates: [Double]
    /// Number of coordinates.
    let dimension: Int
    /// Least and largest coordinates of each tile, `dimension` a tile.
    let lower: [Double]
    let upper: [Double]

    init(count: Int, dimension: Int, coordinates: [Double]) {
        self.count = count
        self.dimension = dimension
        self.coordinates = coordinates
        let tiles = (count + PanelMatrix<Double>.tile - 1) / PanelMatrix<Double>.tile
        var lower = [Double](repeating: .infinity, count: tiles * dimension)
        var upper = [Double](repeating: -.infinity, count: tiles * dimension)
        for k in 0..<dimension {
            for i in 0..<count {
                let tile = i / PanelMatrix<Double>.tile * dimension + k
                lower[tile] = min(lower[tile], coordinates[k * count + i])
                upper[tile] = max(upper[tile], coordinates[k * count + i])
            }
        }
        self.lower = lower
        self.upper = upper
    }

    /// Some rows of a matrix of positions.
    init(_ positions: Matrix, _ rows: [Int]) {
        self.init(
            count: rows.count, dimension: positions.columns,
            coordinates: (0..<positions.columns).flatMap { k in rows.map { positions[$0, k] } })
    }

    /// Some of the places.
    func picked(_ places: [Int]) -> OrderedPoints {
        OrderedPoints(
            count: places.count, dimension: dimension,
            coordinates: (0..<dimension).flatMap { k in places.map { coordinates[k * count + $0] } })
    }

    /// Rows of positions such that runs of them are compact: halved along the longest side of what they span, down to
    /// ``Level/group`` places.
    static func order(_ positions: Matrix, _ rows: [Int]) -> [Int] {
        var order = rows
        var pending = [0..<order.count]
        while let range = pending.popLast() {
            guard range.count > Level.group else { continue }
            var (longest, axis) = (-1.0, 0)
            for k in 0..<positions.columns {
                var (low, high) = (Double.infinity, -Double.infinity)
                for i in range {
                    low = min(low, positions[order[i], k])
                    high = max(high, positions[order[i], k])
                }
                if high - low > longest { (longest, axis) = (high - low, k) }
            }
            order[range].sort { (positions[$0, axis], $0) < (positions[$1, axis], $1) }
            // Whole groups on the left, and whole tiles where there are several.
            let unit = range.count > 2 * PanelMatrix<Double>.tile ? PanelMatrix<Double>.tile : Level.group
            let groups = (range.count + unit - 1) / unit
            let middle = range.lowerBound + (groups / 2) * unit
            guard middle > range.lowerBound, middle < range.upperBound else { continue }
            pending.append(range.lowerBound..<middle)
            pending.append(middle..<range.upperBound)
        }
        return order
    }

    /// Centres of mass of runs of ``Level/group`` places, their masses, and the mean squared distance of mass from them.
    func grouped(_ mass: [Double]) -> (points: OrderedPoints, mass: [Double], spread: Double) {
        let groups = (count + Level.group - 1) / Level.group
        var centres = [Double](repeating: 0, count: groups * dimension)
        var masses = [Double](repeating: 0, count: groups)
        var spread = 0.0
        for group in 0..<groups {
            let members = (group * Level.group)..<min(count, (group + 1) * Level.group)
            masses[group] = members.reduce(0) { $0 + mass[$1] }
            for k in 0..<dimension {
                let mean = members.reduce(0) { $0 + mass[$1] * coordinates[k * count + $1] } / masses[group]
                centres[k * groups + group] = mean
                spread += members.reduce(0) {
                    let difference = coordinates[k * count + $1] - mean
                    return $0 + mass[$1] * difference * difference
                }
            }
        }
        return (
            OrderedPoints(count: groups, dimension: dimension, coordinates: centres), masses,
            spread / masses.reduce(0, +)
        )
    }
}

/// Costs between ordered sources and targets.
enum Geometry: Sendable {
    case points(OrderedPoints, OrderedPoints)
    /// A matrix, and which of its rows and columns are the sources and targets, in order.
    case matrix(Matrix, rows: [Int], columns: [Int])

    /// All places of a problem, as they stand.
    init(_ cost: TransportCost) {
        switch cost {
        case .squaredDistance(let x, let y):
            self = .points(OrderedPoints(x, Array(0..<x.rows)), OrderedPoints(y, Array(0..<y.rows)))
        case .matrix(let matrix):
            self = .matrix(matrix, rows: Array(0..<matrix.rows), columns: Array(0..<matrix.columns))
        }
    }

    /// Some places only, of those that stand as a problem has them.
    func between(_ sources: [Int], _ targets: [Int]) -> Geometry {
        switch self {
        case .points(let x, let y): .points(x.picked(sources), y.picked(targets))
        case .matrix(let matrix, _, _): .matrix(matrix, rows: sources, columns: targets)
        }
    }

    /// Costs of moving from some sources to one target.
    @inline(__always)
    func costs(_ sources: Range<Int>, _ target: Int, into costs: UnsafeMutablePointer<Double>) {
        let count = sources.count
        switch self {
        case .points(let x, let y):
            x.coordinates.withUnsafeBufferPointer { all in
                guard let base = all.baseAddress else { return }
                for k in 0..<x.dimension {
                    let place = base + k * x.count + sources.lowerBound
                    let centre = y.coordinates[k * y.count + target]
                    if k == 0 {
                        for i in 0..<count {
                            let difference = place[i] - centre
                            costs[i] = difference * difference
                        }
                    } else {
                        for i in 0..<count {
                            let difference = place[i] - centre
                            costs[i] += difference * difference
                        }
                    }
                }
            }
        case .matrix(let matrix, let rows, let columns):
            matrix.elements.withUnsafeBufferPointer { all in
                let column = columns[target] * matrix.rows
                for i in 0..<count { costs[i] = all[column + rows[sources.lowerBound + i]] }
            }
        }
    }

    /// No cost between the sources of a tile and the targets of a panel is smaller.
    func leastCost(_ tile: Int, _ panel: Int) -> Double {
        let size = PanelMatrix<Double>.tile
        switch self {
        case .points(let x, let y):
            var sum = 0.0
            for k in 0..<x.dimension {
                let gap = max(
                    0, x.lower[tile * x.dimension + k] - y.upper[panel * y.dimension + k],
                    y.lower[panel * y.dimension + k] - x.upper[tile * x.dimension + k])
                sum += gap * gap
            }
            return sum
        case .matrix(let matrix, let rows, let columns):
            var least = Double.infinity
            for j in (panel * size)..<min(columns.count, (panel + 1) * size) {
                for i in (tile * size)..<min(rows.count, (tile + 1) * size) {
                    least = min(least, matrix[rows[i], columns[j]])
                }
            }
            return least
        }
    }

    /// No cost is larger.
    var largestCost: Double {
        switch self {
        case .points(let x, let y):
            (0..<x.dimension).reduce(0) { sum, k in
                func side(_ points: OrderedPoints) -> (Double, Double) {
                    let tiles = stride(from: k, to: points.lower.count, by: points.dimension)
                    return (
                        tiles.reduce(.infinity) { min($0, points.lower[$1]) },
                        tiles.reduce(-.infinity) { max($0, points.upper[$1]) }
                    )
                }
                let (a, b) = (side(x), side(y))
                let span = max(abs(b.1 - a.0), abs(a.1 - b.0))
                return sum + span * span
            }
        case .matrix(let matrix, let rows, let columns):
            columns.reduce(0) { largest, j in rows.reduce(largest) { max($0, matrix[$1, j]) } }
        }
    }

    /// With sources and targets exchanged.
    var reversed: Geometry {
        switch self {
        case .points(let x, let y): .points(y, x)
        case .matrix(let matrix, let rows, let columns): .matrix(matrix.transposed, rows: columns, columns: rows)
        }
    }
}

/// A problem at one resolution: places that have mass, ordered, or centres of mass of runs of them.
struct Level: Sendable {
    /// Places that are drawn together from one level to the next coarser.
    static let group = 8

    let sourceMass: [Double]
    let targetMass: [Double]
    let geometry: Geometry
    /// Mean squared distance of mass from where the level puts it, source and target together.
    let spread: Double

    /// The next coarser; nil for a matrix of costs, and where little would be left.
    func coarser() -> Level? {
        guard case .points(let x, let y) = geometry, min(x.count, y.count) >= 16 * Self.group else { return nil }
        let (a, b) = (x.grouped(sourceMass), y.grouped(targetMass))
        return Level(
            sourceMass: a.mass, targetMass: b.mass, geometry: .points(a.points, b.points),
            spread: spread + a.spread + b.spread)
    }
}
