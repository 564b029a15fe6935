/// Undoes the shrinkage of a sparse estimate: one factor d_j ≥ 1 a block, minimizing ‖Y − Σ_j d_jX_jB_j‖²
/// (Gramfort et al. 2012). Directions and waveforms stay as they are.
public enum Debiasing {
    /// The factors of the active blocks, in their order.
    ///
    /// A small quadratic program with bounds, by exact coordinate descent; where fields are nearly collinear the
    /// objective is flat and the factors of least change from 1 that descent finds are kept.
    ///
    /// - Complexity: O((|S|o)²(n + T)) to set up, O(|S|²) a sweep.
    public static func factors(_ active: ActiveSet, in problem: RegressionProblem) -> [Double] {
        let count = active.count
        guard count > 0 else { return [] }
        let columns = active.designColumns(of: problem)
        // ⟨X_iB_i, X_kB_k⟩ sums (X_iᵀX_k) ∘ (B_iB_kᵀ) over the block; no field is stored.
        let products = Matrix.product(columns, transposed: true, columns)
        let overlap = Matrix.product(active.coefficients, transposed: true, active.coefficients)
        let correlation = Matrix.product(problem.response, transposed: true, columns)
        var gram = Matrix(rows: count, columns: count)
        var target = Matrix(rows: count, columns: 1)
        for j in 0..<count {
            for column in active.offsets[j]..<active.offsets[j + 1] {
                for i in 0..<count {
                    for row in active.offsets[i]..<active.offsets[i + 1] {
                        gram[i, j] += products[row, column] * overlap[row, column]
                    }
                }
                for s in 0..<correlation.rows {
                    target[j, 0] += correlation[s, column] * active.coefficients[s, column]
                }
            }
        }
        var factors = [Double](repeating: 1, count: count)
        for _ in 0..<10_000 {
            var largest = 0.0
            for j in 0..<count where gram[j, j] > 0 {
                var slope = target[j, 0]
                for k in 0..<count { slope -= gram[k, j] * factors[k] }
                let updated = max(1, factors[j] + slope / gram[j, j])
                largest = max(largest, abs(updated - factors[j]) / updated)
                factors[j] = updated
            }
            if largest < 1e-10 { break }
        }
        return factors
    }
}
