/// How well each sensor is predicted by the others through the sources: fields that are not in the data predict worse than
/// none.
///
/// A sensor is left out; the amplitudes of the sources, whose places and directions stay, are fitted to the others, and
/// these predict it, correlated noise included. Of data A·B + E with noise of covariance (WᵀW)⁻¹ the error of sensor s is
/// (WᵀR)_s/P_ss, with P = Wᵀ(I − H)W, R the residual of the whitened data and H the projection on the whitened fields
/// (Dubrule 1983): no sensor is left out in fact. What projectors and references take away is taken for unknown, so that no
/// sensor is the sum of the others.
enum HeldOutSensors {
    /// The part of the power of the errors without sources that the sources take away, at most 1, negative where they
    /// predict worse than none: errors of all sensors, over the noise that the others leave of each.
    ///
    /// - Parameters:
    ///   - response: the whitened data, n × T.
    ///   - fields: of the sources, whitened, n × k.
    ///   - whitener: W, n × sensors.
    /// - Returns: nil where the amplitudes cannot be fitted, with all sensors or without one, and where there is nothing to
    ///   predict.
    /// - Complexity: O(n·sensors·(T + k)).
    static func predicted(_ response: Matrix, _ fields: Matrix, _ whitener: Matrix) -> Double? {
        guard let factor = try? Cholesky(Matrix.product(fields, transposed: true, fields)) else { return nil }
        let residual = response - fields * factor.solve(Matrix.product(fields, transposed: true, response))
        func seen(_ matrix: Matrix) -> Matrix { Matrix.product(whitener, transposed: true, matrix) }
        let (left, whole, shadows) = (seen(residual), seen(response), seen(fields))
        let solved = factor.solve(shadows.transposed)
        var (errors, all) = (0.0, 0.0)
        for s in 0..<whitener.columns {
            let precision = whitener.column(s).reduce(0) { $0 + $1 * $1 }
            // Not a sensor that a projector takes away.
            guard precision > 0 else { continue }
            let kept = precision - (0..<fields.columns).reduce(0) { $0 + shadows[s, $1] * solved[$1, s] }
            guard kept > 1e-9 * precision else { return nil }
            for t in 0..<response.columns {
                errors += precision * (left[s, t] / kept) * (left[s, t] / kept)
                all += whole[s, t] * whole[s, t] / precision
            }
        }
        return all > 0 ? 1 - errors / all : nil
    }
}
