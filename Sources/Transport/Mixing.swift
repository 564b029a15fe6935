import LinearAlgebra

/// Anderson's mixing of a fixed-point iteration x ← g(x) (Anderson 1965; Walker & Ni 2011): the affine combination of the
/// latest values of g whose residuals g(x) − x nearly cancel.
struct Mixing {
    /// Differences that count at most.
    private static let depth = 4
    private var points: [[Double]] = []
    private var values: [[Double]] = []

    /// Forgets what it has seen.
    mutating func restart() {
        points.removeAll()
        values.removeAll()
    }

    /// The next point.
    ///
    /// - Parameters:
    ///   - point: the latest x.
    ///   - value: g of it.
    /// - Complexity: O(depth²·n).
    mutating func next(_ point: [Double], _ value: [Double]) -> [Double] {
        points.append(point)
        values.append(value)
        if points.count > Self.depth + 1 {
            points.removeFirst()
            values.removeFirst()
        }
        let last = points.count - 1
        guard last > 0 else { return value }
        func residual(_ k: Int, _ i: Int) -> Double { values[k][i] - points[k][i] }
        let differences = Matrix(rows: value.count, columns: last) { residual($1 + 1, $0) - residual($1, $0) }
        var gram = Matrix.product(differences, transposed: true, differences)
        let floor = 1e-12 * (0..<last).reduce(0) { max($0, gram[$1, $1]) }
        for k in 0..<last { gram[k, k] += floor }
        let ends = Matrix.product(
            differences, transposed: true, Matrix(rows: value.count, columns: 1) { i, _ in residual(last, i) })
        guard floor > 0, let weights = try? Cholesky(gram).solve(ends) else { return value }
        return value.indices.map { i in
            (0..<last).reduce(value[i]) { $0 - weights[$1, 0] * (values[$1 + 1][i] - values[$1][i]) }
        }
    }
}
