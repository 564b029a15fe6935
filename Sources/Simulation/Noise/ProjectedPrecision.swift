import SourceImaging

/// The inverse of a noise covariance on what projectors leave of the sensor space: (P·C·P)⁺.
///
/// xᵀ·(P·C·P)⁺·x is the squared norm of x after projection and whitening. With U the removed directions it equals
/// xᵀ·(C⁻¹ − C⁻¹U(UᵀC⁻¹U)⁻¹UᵀC⁻¹)·x, which needs no eigenvalues and no threshold on them.
struct ProjectedPrecision: Sendable {
    private let cholesky: Cholesky
    private let removed: Matrix
    private let inner: Cholesky?
    /// Dimensions left.
    let rank: Int

    /// - Parameters:
    ///   - covariance: sensors × sensors, positive definite.
    ///   - projectors: k × sensors, linearly independent; k may be 0.
    /// - Throws: ``InputError`` when the covariance is not positive definite.
    init(_ covariance: Matrix, projectors: Matrix) throws(InputError) {
        do {
            let factor = try Cholesky(covariance)
            removed = factor.solve(projectors.transposed)
            inner = projectors.rows > 0 ? try Cholesky(projectors * removed) : nil
            cholesky = factor
        } catch {
            throw InputError("noise covariance", found: "\(error)")
        }
        rank = covariance.rows - projectors.rows
    }

    /// Squared norm of each column of `x`, sensors × n, after projection and whitening.
    func columnEnergies(_ x: Matrix) -> [Double] {
        let weighted = cholesky.solve(x)
        let overlap = Matrix.product(removed, transposed: true, x)
        let taken = inner?.solve(overlap)
        return (0..<x.columns).map { j in
            var sum = 0.0
            for i in 0..<x.rows { sum += x[i, j] * weighted[i, j] }
            if let taken {
                for k in 0..<overlap.rows { sum -= overlap[k, j] * taken[k, j] }
            }
            return sum
        }
    }

    /// Squared norm of `x`, sensors × n, after projection and whitening.
    func energy(_ x: Matrix) -> Double {
        columnEnergies(x).reduce(0, +)
    }
}
