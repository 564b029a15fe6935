/// The second derivative of the objective on the support, where it is smooth:
/// H[D]_j = (G·D)_j + a_j(D_j − u_j⟨u_j, D_j⟩) + b_j u_j⟨u_j, D_j⟩, with u_j = B_j/‖B_j‖, a_j = φ_j′/‖B_j‖, b_j = φ_j″.
///
/// H acts on |S|o × T unknowns, yet it is the Kronecker product of M = G + diag(a) with the identity, minus one rank-one
/// term a block: two small factorizations, of sizes |S|o and |S|, invert it exactly. Newton steps, degrees of freedom
/// (Vaiter et al. 2017) and hypergradients all rest on this one value.
public struct SupportHessian: Sendable {
    private let offsets: [Int]
    private let directions: Matrix
    private let curvature: [Double]
    private let deflation: [Double]
    private let inverse: Matrix
    private let overlap: Matrix
    private let reduced: ReducedFactor
    private let parallelism: Parallelism

    /// Either factor of the |S| × |S| matrix diag(1/(a−b)) − Q; the second where it is singular to working precision.
    private enum ReducedFactor: Sendable {
        case cholesky(Cholesky)
        case eigen(SymmetricEigen)
    }

    /// Factors the Hessian.
    ///
    /// - Parameters:
    ///   - gram: X_SᵀX_S, |S|o × |S|o.
    ///   - coefficients: B_Sᵀ, T × |S|o; no block may be zero.
    ///   - offsets: first column of each block, |S| + 1 entries.
    ///   - slopes: φ_j′(‖B_j‖) and φ_j″(‖B_j‖) of each block.
    ///   - parallelism: threads for the larger products; they change no bit.
    /// - Returns: nil where M is not positive definite to working precision or a block is zero.
    /// - Complexity: O((|S|o)³ + (|S|o)²T).
    public init?(
        gram: consuming Matrix, coefficients: Matrix, offsets: [Int], slopes: [(first: Double, second: Double)],
        parallelism: Parallelism = .serial
    ) {
        let count = offsets.count - 1
        let t = coefficients.rows
        precondition(slopes.count == count && gram.rows == coefficients.columns && offsets[count] == gram.rows)
        var directions = coefficients
        var curvature = [Double](repeating: 0, count: gram.rows)
        var deflation = [Double](repeating: 0, count: count)
        var isValid = true
        directions.elements.withUnsafeMutableBufferPointer { u in
            guard let u = u.baseAddress else { return }
            for j in 0..<count {
                let range = offsets[j]..<offsets[j + 1]
                let norm = BLAS.norm(range.count * t, u + range.lowerBound * t)
                guard norm > 0, norm.isFinite else {
                    isValid = false
                    return
                }
                BLAS.scale(range.count * t, 1 / norm, u + range.lowerBound * t)
                for k in range { curvature[k] = slopes[j].first / norm }
                deflation[j] = slopes[j].first / norm - slopes[j].second
            }
        }
        guard isValid else { return nil }
        for k in 0..<curvature.count { gram[k, k] += curvature[k] }
        guard let factor = try? Cholesky(gram) else { return nil }
        self.offsets = offsets
        self.directions = directions
        self.curvature = curvature
        self.deflation = deflation
        self.parallelism = parallelism
        inverse = factor.inverse()
        overlap = Matrix.product(directions, transposed: true, directions, parallelism: parallelism)
        var r = Self.quad(inverse, overlap, offsets) * -1
        for j in 0..<count { r[j, j] += 1 / deflation[j] }
        // Exact copies of a column leave a null direction here; the pseudo-inverse ignores it, as the fit does.
        if let cholesky = try? Cholesky(r), cholesky.diagonalRatio > 1e-13 {
            reduced = .cholesky(cholesky)
        } else if let eigen = try? SymmetricEigen(r) {
            reduced = .eigen(eigen)
        } else {
            return nil
        }
    }

    /// quad(K)_ik = ⟨u_i, K_ik u_k⟩, from K and the products of directions.
    private static func quad(_ k: Matrix, _ overlap: Matrix, _ offsets: [Int]) -> Matrix {
        let count = offsets.count - 1
        var result = Matrix(rows: count, columns: count)
        for j in 0..<count {
            for column in offsets[j]..<offsets[j + 1] {
                for i in 0..<count {
                    var sum = 0.0
                    for row in offsets[i]..<offsets[i + 1] { sum += k[row, column] * overlap[row, column] }
                    result[i, j] += sum
                }
            }
        }
        return result
    }

    private func solveReduced(_ rightHandSide: Matrix) -> Matrix {
        switch reduced {
        case .cholesky(let cholesky):
            return cholesky.solve(rightHandSide)
        case .eigen(let eigen):
            let largest = eigen.values.last ?? 0
            var projected = Matrix.product(eigen.vectors, transposed: true, rightHandSide)
            for i in 0..<projected.rows {
                let factor = eigen.values[i] > 1e-12 * largest ? 1 / eigen.values[i] : 0
                for j in 0..<projected.columns { projected[i, j] *= factor }
            }
            return eigen.vectors * projected
        }
    }

    /// H⁻¹V.
    ///
    /// - Parameter rightHandSide: Vᵀ, T × |S|o.
    /// - Returns: (H⁻¹V)ᵀ, T × |S|o.
    /// - Complexity: O((|S|o)²T).
    public func solve(_ rightHandSide: Matrix) -> Matrix {
        let count = offsets.count - 1
        let t = directions.rows
        let first = Matrix.product(rightHandSide, inverse, parallelism: parallelism)
        var projections = Matrix(rows: count, columns: 1)
        for j in 0..<count {
            var sum = 0.0
            for k in (offsets[j] * t)..<(offsets[j + 1] * t) { sum += first.elements[k] * directions.elements[k] }
            projections[j, 0] = sum
        }
        let shifts = solveReduced(projections)
        var shifted = rightHandSide
        for j in 0..<count {
            for k in (offsets[j] * t)..<(offsets[j + 1] * t) {
                shifted.elements[k] += shifts[j, 0] * directions.elements[k]
            }
        }
        return Matrix.product(shifted, inverse, parallelism: parallelism)
    }

    /// The degrees of freedom of the fit, div_Y(XB) = tr(H⁻¹·(G ⊗ I_T)), exactly.
    ///
    /// - Parameter samples: T of the original response; more than T′ of a reduced one, whose discarded samples count.
    /// - Complexity: O((|S|o)²) beyond the factorization.
    public func degreesOfFreedom(samples: Int) -> Double {
        let size = inverse.rows
        // M⁻¹G = I − M⁻¹·diag(a), and M⁻¹GM⁻¹ = M⁻¹ − M⁻¹·diag(a)·M⁻¹.
        var trace = Double(size)
        for k in 0..<size { trace -= inverse[k, k] * curvature[k] }
        // The product is needed only summed over blocks: a block of columns at a time, never as a whole.
        let count = offsets.count - 1
        var reducedProduct = Matrix(rows: count, columns: count)
        var first = 0
        while first < count {
            var last = first + 1
            while last < count, offsets[last + 1] - offsets[first] <= 192 { last += 1 }
            let columns = offsets[first]..<offsets[last]
            var scaled = inverse.columns(columns)
            for j in 0..<scaled.columns {
                for i in 0..<size { scaled[i, j] *= curvature[i] }
            }
            let sandwich = inverse.columns(columns) - Matrix.product(inverse, scaled, parallelism: parallelism)
            for j in first..<last {
                for column in offsets[j]..<offsets[j + 1] {
                    for i in 0..<count {
                        for row in offsets[i]..<offsets[i + 1] {
                            reducedProduct[i, j] += sandwich[row, column - columns.lowerBound] * overlap[row, column]
                        }
                    }
                }
            }
            first = last
        }
        let correction = solveReduced(reducedProduct)
        var sum = Double(samples) * trace
        for j in 0..<correction.rows { sum += correction[j, j] }
        return sum
    }
}
