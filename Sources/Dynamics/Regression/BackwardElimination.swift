import Glibc
import LinearAlgebra

/// Least squares on fewer and fewer columns, of products alone: the column whose loss costs least is dropped, one after another,
/// and the set of the smallest criterion n ln(rss/N) + k(ln n + 2 ln P) kept, BIC that counts the choice among P columns
/// (Chen & Chen 2008).
enum BackwardElimination {
    /// What is left.
    struct Result {
        /// Ascending.
        let columns: [Int]
        let criterion: Double
    }

    /// - Parameters:
    ///   - gram: XᵀX, columns of similar norm.
    ///   - cross: Xᵀy.
    ///   - squares: ‖y‖².
    ///   - count: N.
    ///   - observations: n, how many of the rows are independent.
    ///   - start: columns to begin with.
    ///   - held: columns that are not dropped.
    /// - Returns: nil where the columns to begin with depend on each other.
    /// - Complexity: O(k³) for k columns: the inverse loses a row in O(k²).
    static func best(
        gram: Matrix, cross: [Double], squares: Double, count: Int, observations: Double, start: [Int], held: [Int]
    ) -> Result? {
        let own = Matrix(rows: start.count, columns: start.count) { gram[start[$0], start[$1]] }
        guard var inverse = (try? Cholesky(own))?.inverse() else { return nil }
        var coefficients = (0..<start.count).map { row in
            start.indices.reduce(0) { $0 + inverse[row, $1] * cross[start[$1]] }
        }
        var rest = squares - start.indices.reduce(0) { $0 + coefficients[$1] * cross[start[$1]] }
        let unit = log(observations) + 2 * log(Double(gram.rows))
        var left = Array(start.indices)
        var best: Result?
        // Below this share of the data squares are rounding.
        let floor = 1e-14 * squares
        while true {
            let criterion = observations * log(max(rest, floor) / Double(count)) + Double(left.count) * unit
            if criterion < best?.criterion ?? .infinity {
                best = Result(columns: left.map { start[$0] }.sorted(), criterion: criterion)
            }
            func loss(_ k: Int) -> Double { coefficients[k] * coefficients[k] / inverse[k, k] }
            let droppable = left.filter { !held.contains(start[$0]) && inverse[$0, $0] > 0 }
            guard let weakest = droppable.min(by: { loss($0) < loss($1) }) else { return best }
            rest += loss(weakest)
            let pivot = inverse[weakest, weakest]
            let column = inverse.column(weakest)
            let share = coefficients[weakest] / pivot
            left.removeAll { $0 == weakest }
            for j in left {
                coefficients[j] -= column[j] * share
                for i in left { inverse[i, j] -= column[i] * column[j] / pivot }
            }
        }
    }
}
