/// The outline of a cloud of points in a plane: concave, so that it follows the brain rather than its hull, and smooth.
///
/// The points are grown by discs that close the gaps between neighbours, holes are filled, and the shape is shrunk again
/// (a morphological closing), all by exact distance transforms (Felzenszwalb & Huttenlocher 2012); the level line is
/// traced with interpolation (marching squares, Lorensen & Cline 1987), so that it does not show the grid.
struct Silhouette {
    /// Closed rings, in the units of the points; none when there were no points.
    let rings: [[Point]]

    /// Traces the outline.
    ///
    /// - Parameters:
    ///   - points: mm; not finite ones are ignored.
    ///   - reach: radius of the discs, mm: gaps up to twice as wide are closed.
    ///   - margin: how far the outline stays outside the points, mm.
    /// - Complexity: O(points + cells); at most about 40 000 cells.
    init(_ points: [Point], reach: Double, margin: Double) {
        let points = points.filter(\.isFinite)
        guard let xs = points.map(\.x).finiteRange, let ys = points.map(\.y).finiteRange, reach > 0 else {
            rings = []
            return
        }
        let pad = reach + 4
        let extent = max(xs.upperBound - xs.lowerBound, ys.upperBound - ys.lowerBound) + 2 * pad
        guard extent.isFinite else {
            rings = []
            return
        }
        let cell = max(1, extent / 200)
        let origin = Point(xs.lowerBound - pad, ys.lowerBound - pad)
        let columns = Int(((xs.upperBound - xs.lowerBound + 2 * pad) / cell).rounded(.up)) + 1
        let rows = Int(((ys.upperBound - ys.lowerBound + 2 * pad) / cell).rounded(.up)) + 1
        var grid = Grid(columns: columns, rows: rows, repeating: Grid.far)
        for point in points {
            let column = Int(((point.x - origin.x) / cell).rounded())
            let row = Int(((point.y - origin.y) / cell).rounded())
            grid[min(max(column, 0), columns - 1), min(max(row, 0), rows - 1)] = 0
        }
        let radius = reach / cell
        let grown = grid.distances
        var background = grown.connectedToCorner { $0 > radius }
        background = background.distances
        let level = (reach - margin) / cell
        rings = background.levelLines(level).map { ring in
            ring.map { origin + $0 * cell }
        }
    }

    /// Values on a regular grid; unit: one cell.
    private struct Grid {
        static let far = 1e12

        let columns: Int
        let rows: Int
        var values: [Double]

        init(columns: Int, rows: Int, repeating value: Double) {
            self.columns = columns
            self.rows = rows
            values = [Double](repeating: value, count: columns * rows)
        }

        subscript(column: Int, row: Int) -> Double {
            get { values[column + row * columns] }
            set { values[column + row * columns] = newValue }
        }

        /// Distance of every cell to the nearest cell that is 0; other cells are to be `far`.
        var distances: Grid {
            var result = self
            for row in 0..<rows {
                let squared = Self.lowerEnvelope((0..<columns).map { result[$0, row] })
                for column in 0..<columns { result[column, row] = squared[column] }
            }
            for column in 0..<columns {
                let squared = Self.lowerEnvelope((0..<rows).map { result[column, $0] })
                for row in 0..<rows { result[column, row] = squared[row] }
            }
            for k in result.values.indices { result.values[k].formSquareRoot() }
            return result
        }

        /// min over q of (p − q)² + values[q], for every p.
        private static func lowerEnvelope(_ values: [Double]) -> [Double] {
            var apex = [0]
            var from = [-Double.infinity]
            func crossing(_ p: Int, _ q: Int) -> Double {
                ((values[q] + Double(q * q)) - (values[p] + Double(p * p))) / Double(2 * (q - p))
            }
            for q in values.indices.dropFirst() {
                var place = crossing(apex[apex.count - 1], q)
                while apex.count > 1, place <= from[from.count - 1] {
                    apex.removeLast()
                    from.removeLast()
                    place = crossing(apex[apex.count - 1], q)
                }
                apex.append(q)
                from.append(place)
            }
            var k = 0
            return values.indices.map { p in
                while k + 1 < apex.count, from[k + 1] < Double(p) { k += 1 }
                return Double((p - apex[k]) * (p - apex[k])) + values[apex[k]]
            }
        }

        /// 0 where cells that satisfy a condition are connected to the corner, `far` elsewhere: holes are not.
        func connectedToCorner(_ condition: (Double) -> Bool) -> Grid {
            var result = Grid(columns: columns, rows: rows, repeating: Self.far)
            var open = [(0, 0)]
            result[0, 0] = 0
            while let (column, row) = open.popLast() {
                for (i, j) in [(column - 1, row), (column + 1, row), (column, row - 1), (column, row + 1)] {
                    guard i >= 0, j >= 0, i < columns, j < rows, result[i, j] != 0, condition(self[i, j]) else {
                        continue
                    }
                    result[i, j] = 0
                    open.append((i, j))
                }
            }
            return result
        }

        /// Closed lines on which the interpolated values equal `level`, each with the larger values on one side.
        func levelLines(_ level: Double) -> [[Point]] {
            // An edge of the grid is named by its lower left cell and direction; each carries at most one crossing, and
            // each crossing joins exactly two segments, because the border of the grid lies below the level.
            func horizontal(_ column: Int, _ row: Int) -> Int { 2 * (column + row * columns) }
            func vertical(_ column: Int, _ row: Int) -> Int { 2 * (column + row * columns) + 1 }
            var next: [Int: Int] = [:]
            var starts: [Int] = []
            for row in 0..<(rows - 1) {
                for column in 0..<(columns - 1) {
                    let inside = [
                        self[column, row] > level, self[column + 1, row] > level, self[column + 1, row + 1] > level,
                        self[column, row + 1] > level,
                    ]
                    let edges = [
                        horizontal(column, row), vertical(column + 1, row), horizontal(column, row + 1),
                        vertical(column, row),
                    ]
                    // Walking round the square, a line enters where inside begins and leaves at the next end.
                    for k in 0..<4 where !inside[k] && inside[(k + 1) % 4] {
                        var end = (k + 1) % 4
                        while inside[(end + 1) % 4] { end = (end + 1) % 4 }
                        next[edges[k]] = edges[end]
                        starts.append(edges[k])
                    }
                }
            }
            func crossing(_ edge: Int) -> Point {
                let cell = edge / 2
                let (column, row) = (cell % columns, cell / columns)
                let (nextColumn, nextRow) = edge % 2 == 0 ? (column + 1, row) : (column, row + 1)
                let (a, b) = (self[column, row], self[nextColumn, nextRow])
                let fraction = a == b ? 0.5 : min(max((level - a) / (b - a), 0), 1)
                return Point(
                    Double(column) + fraction * Double(nextColumn - column),
                    Double(row) + fraction * Double(nextRow - row))
            }
            var lines: [[Point]] = []
            for start in starts where next[start] != nil {
                var line: [Point] = []
                var edge = start
                while let following = next.removeValue(forKey: edge) {
                    line.append(crossing(edge))
                    edge = following
                }
                lines.append(Self.smoothed(line))
            }
            return lines
        }

        /// Each point moved to the weighted mean of its neighbourhood: takes the steps of the grid away.
        private static func smoothed(_ ring: [Point]) -> [Point] {
            let n = ring.count
            guard n >= 40 else { return ring }
            let weights = [1.0, 4, 6, 4, 1]
            var ring = ring
            for _ in 0..<10 {
                let old = ring
                for k in 0..<n {
                    ring[k] = (0..<5).reduce(Point.zero) { $0 + old[(k + $1 - 2 + n) % n] * (weights[$1] / 16) }
                }
            }
            return ring
        }
    }
}
