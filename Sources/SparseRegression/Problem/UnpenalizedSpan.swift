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

    /// A − QQᵀA, in place.
    ///
    /// - Parameters:
    ///   - values: A, n × samples.
    ///   - scratch: rank × samples values.
    ///   - scale: the squared norm of the data that A is a part of. What is left is set to zero where its squared norm is
    ///     less than 1e-24 of it: it is rounding then, and points anywhere, also into the span.
    func project(
        _ values: UnsafeMutablePointer<Double>, samples: Int, scratch: UnsafeMutablePointer<Double>, scale: Double
    ) {
        let (n, k) = (basis.rows, basis.columns)
        guard k > 0 else { return }
        let before = BLAS.dot(n * samples, values, values)
        basis.elements.withUnsafeBufferPointer { q in
            guard let q = q.baseAddress else { return }
            // Where little is left, the rounding of the first projection is removed by a second one.
            for _ in 0..<2 {
                BLAS.gemm(true, false, k, samples, n, 1, q, n, values, n, 0, scratch, k)
                BLAS.gemm(false, false, n, samples, k, -1, q, n, scratch, k, 1, values, n)
                if BLAS.dot(n * samples, values, values) > 0.01 * before { break }
            }
        }
        if BLAS.dot(n * samples, values, values) <= 1e-24 * scale {
            values.update(repeating: 0, count: n * samples)
        }
    }

    /// A − QQᵀA.
    ///
    /// - Parameter scale: the squared norm of the data that A is a part of.
    func remainder(of matrix: Matrix, scale: Double) -> Matrix {
        var result = matrix
        var scratch = [Double](repeating: 0, count: max(1, basis.columns * matrix.columns))
        result.elements.withUnsafeMutableBufferPointer { values in
            scratch.withUnsafeMutableBufferPointer { scratch in
                guard let values = values.baseAddress, let scratch = scratch.baseAddress else { return }
                project(values, samples: matrix.columns, scratch: scratch, scale: scale)
            }
        }
        return result
    }
}
