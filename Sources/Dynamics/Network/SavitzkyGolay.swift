import LinearAlgebra

/// Smoothed values and derivatives of samples by cubic polynomials over seven of them (Savitzky & Golay 1964); at the ends of an
/// epoch, by the polynomial over its first or last seven.
struct SavitzkyGolay {
    static let window = 7
    /// At each of the window's places, what each of its samples counts.
    private let values: Matrix
    private let derivatives: Matrix

    init() {
        let half = Double(Self.window / 2)
        let powers = Matrix(rows: Self.window, columns: 4) { row, column in
            (0..<column).reduce(1) { product, _ in product * (Double(row) - half) }
        }
        let slopes = Matrix(rows: Self.window, columns: 4) { row, column in
            column == 0 ? 0 : Double(column) * powers[row, column - 1]
        }
        let normal = Matrix.product(powers, transposed: true, powers)
        // Seven different places: positive definite.
        let fit = (try? Cholesky(normal).solve(powers.transposed)) ?? Matrix(rows: 4, columns: Self.window)
        values = powers * fit
        derivatives = slopes * fit
    }

    /// An epoch's smoothed values and its derivatives a sample, variables × samples each.
    ///
    /// - Parameter epoch: variables × samples, seven at least.
    func states(_ epoch: Matrix) -> (values: Matrix, derivatives: Matrix) {
        let half = Self.window / 2
        func apply(_ weights: Matrix) -> Matrix {
            Matrix(rows: epoch.rows, columns: epoch.columns) { variable, sample in
                let start = min(max(0, sample - half), epoch.columns - Self.window)
                return (0..<Self.window).reduce(0) {
                    $0 + weights[sample - start, $1] * epoch[variable, start + $1]
                }
            }
        }
        return (apply(values), apply(derivatives))
    }
}
