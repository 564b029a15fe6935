/// Finds columns that say nothing which those before them do not say.
enum Aliases {
    /// A column that is left out, and why.
    struct Found: Equatable {
        let column: Int
        let reason: String
    }

    /// Part of its length that a column must have beside the others.
    private static let tolerance = 1e-9

    /// Columns that are combinations of those before them, to rounding.
    ///
    /// Orthogonalizes column after column (Gram–Schmidt, twice), each scaled to its own length.
    /// - Parameters:
    ///   - matrix: rows × columns, finite.
    ///   - names: of the columns.
    ///   - intercept: the column of ones, if there is one.
    /// - Complexity: O(rows · columns²).
    static func found(_ matrix: Matrix, names: [String], intercept: Int?) -> [Found] {
        var (basis, kept, found) = ([[Double]](), [Int](), [Found]())
        for j in 0..<matrix.columns {
            let column = matrix.column(j)
            guard let unit = scaled(column) else {
                found.append(Found(column: j, reason: "it is 0 in all rows"))
                continue
            }
            var rest = unit
            for _ in 0..<2 {
                for direction in basis {
                    let share = dot(direction, rest)
                    for i in rest.indices { rest[i] -= share * direction[i] }
                }
            }
            let length = dot(rest, rest).squareRoot()
            if length > tolerance, basis.count < matrix.rows {
                basis.append(rest.map { $0 / length })
                kept.append(j)
            } else {
                found.append(Found(column: j, reason: reason(j, unit, matrix, kept, names, intercept)))
            }
        }
        return found
    }

    private static func reason(
        _ j: Int, _ unit: [Double], _ matrix: Matrix, _ kept: [Int], _ names: [String], _ intercept: Int?
    ) -> String {
        let twin = kept.first { k in scaled(matrix.column(k)).map { abs(dot($0, unit)) > 1 - 1e-12 } ?? false }
        guard let twin else { return "it is a combination of others" }
        if twin == intercept { return "it is the same in all rows" }
        return (matrix.column(twin) == matrix.column(j) ? "it is the same as '" : "it is a multiple of '")
            + "\(names[twin])'"
    }

    /// The column at a length of one; nil where it is 0.
    private static func scaled(_ column: [Double]) -> [Double]? {
        let size = column.reduce(0) { max($0, abs($1)) }
        guard size > 0, size.isFinite else { return nil }
        // First by its largest entry, whose square may overflow.
        let divided = column.map { $0 / size }
        let length = dot(divided, divided).squareRoot()
        return divided.map { $0 / length }
    }

    private static func dot(_ a: [Double], _ b: [Double]) -> Double {
        var sum = 0.0
        for i in a.indices { sum += a[i] * b[i] }
        return sum
    }
}
