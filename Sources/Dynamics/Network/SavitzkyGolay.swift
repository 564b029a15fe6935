import LinearAlgebra

/// Smoothed values and derivatives of samples by cubic polynomials over seven of them (Savitzky & Golay 1964); at the ends of
/// an epoch, by the polynomial over its first or last seven.
struct SavitzkyGolay {
    static let window = 7
    /// At each of the window's places, what each of its samples counts.
    private let values: Matrix
    private let derivatives: Matrix

    init() {
        let (window, half) = (Self.window, Double(Self.window / 2))
        let powers = Matrix(rows: window, columns: 4) { row, column in
            (0..<column).reduce(1) { product, _ in product * (Double(row) - half) }
        }
        let slopes = Matrix(rows: window, columns: 4) { row, column in
            column == 0 ? 0 : Double(column) * powers[row, column - 1]
        }
        let normal = Matrix.product(powers, transposed: true, powers)
        // Seven places that differ: positive definite.
        let fit = (try? Cholesky(normal).solve(powers.transposed)) ?? Matrix(rows: 4, columns: window)
        values = powers * fit
        derivatives = slopes * fit
    }

    private func place(of sample: Int, in epoch: Matrix) -> Int {
        sample - min(max(0, sample - Self.window / 2), epoch.columns - Self.window)
    }

    /// An epoch's smoothed values and its derivatives a sample, variables × samples each.
    ///
    /// - Parameter epoch: variables × samples, seven at least.
    func states(_ epoch: Matrix) -> (values: Matrix, derivatives: Matrix) {
        var (smoothed, slopes) = (
            Matrix(rows: epoch.rows, columns: epoch.columns), Matrix(rows: epoch.rows, columns: epoch.columns)
        )
        for sample in 0..<epoch.columns {
            let place = place(of: sample, in: epoch)
            for k in 0..<Self.window {
                let (a, b) = (values[place, k], derivatives[place, k])
                for variable in 0..<epoch.rows {
                    let value = epoch[variable, sample - place + k]
                    smoothed[variable, sample] += a * value
                    slopes[variable, sample] += b * value
                }
            }
        }
        return (smoothed, slopes)
    }
}
