import Glibc
import LinearAlgebra

/// A matrix as QR with orthonormal columns of Q and R upper triangular, by Gram and Schmidt's orthogonalization done twice
/// (Giraud et al. 2005): a column far from 0, such as a year, then costs no digits.
struct OrthonormalColumns {
    /// Q: as the matrix.
    let q: Matrix
    /// R.
    let r: Matrix

    /// - Returns: nil where columns depend on each other to working precision.
    /// - Complexity: O(rows · columns²).
    init?(_ matrix: Matrix) {
        let (n, p) = (matrix.rows, matrix.columns)
        var (q, r) = (matrix, Matrix(rows: p, columns: p))
        let isIndependent = q.elements.withUnsafeMutableBufferPointer { elements -> Bool in
            guard let base = elements.baseAddress else { return true }
            for j in 0..<p {
                let column = base + j * n
                let before = BLAS.norm(n, column)
                for _ in 0..<2 {
                    for k in 0..<j {
                        let share = BLAS.dot(n, base + k * n, column)
                        BLAS.axpy(n, -share, base + k * n, column)
                        r[k, j] += share
                    }
                }
                let norm = BLAS.norm(n, column)
                guard norm > 1e-13 * before, norm > 0 else { return false }
                BLAS.scale(n, 1 / norm, column)
                r[j, j] = norm
            }
            return true
        }
        guard isIndependent else { return nil }
        (self.q, self.r) = (q, r)
    }

    /// R⁻¹B.
    func solve(_ b: Matrix) -> Matrix {
        var x = b
        for column in 0..<b.columns {
            for i in stride(from: r.rows - 1, through: 0, by: -1) {
                var sum = x[i, column]
                for k in (i + 1)..<max(r.rows, i + 1) { sum -= r[i, k] * x[k, column] }
                x[i, column] = sum / r[i, i]
            }
        }
        return x
    }

    /// R⁻¹CR⁻ᵀ.
    func unscaled(_ covariance: Matrix) -> Matrix { solve(solve(covariance).transposed) }

    /// log |det R|.
    var logDeterminant: Double { (0..<r.rows).reduce(0) { $0 + log(abs(r[$1, $1])) } }
}
