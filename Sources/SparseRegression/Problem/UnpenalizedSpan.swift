/// The span of the unpenalized columns of a design, and what is left of data outside of it.
///
/// At an optimum the residual is orthogonal to every unpenalized column; a dual point is feasible only there.
struct UnpenalizedSpan {
    /// Orthonormal basis, n × rank.
    let basis: Matrix

    /// The span of the columns of the given blocks.
    ///
    /// - Complexity: O(n·k²) for k columns.
    init(_ blocks: [Int], of problem: RegressionProblem) {
        let columns = problem.design.columns(blocks.flatMap { Array(problem.blocks.columns(of: $0)) })
        if let svd = try? SingularValues(columns) {
            let smallest = 1e-12 * (svd.values.first ?? 0)
            let rank = svd.values.prefix { $0 > smallest }.count
            basis = Matrix(rows: columns.rows, columns: rank) { svd.u[$0, $1] }
        } else {
            basis = Matrix(rows: columns.rows, columns: 0)
        }
    }

    /// A − QQᵀA.
    func remainder(of matrix: Matrix) -> Matrix {
        guard basis.columns > 0 else { return matrix }
        return matrix - basis * Matrix.product(basis, transposed: true, matrix)
    }
}
