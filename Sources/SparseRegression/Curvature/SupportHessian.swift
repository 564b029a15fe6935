/// The second derivative of the objective on the support, where it is smooth:
/// H[D]_j = (G·D)_j + a_j(D_j − u_j⟨u_j, D_j⟩) + b_j u_j⟨u_j, D_j⟩, with u_j = B_j/‖B_j‖, a_j = φ_j′/‖B_j‖, b_j = φ_j″.
///
/// H acts on |S|o × T unknowns, yet it is the Kronecker product of M = G + diag(a) with the identity, minus one rank-one
/// term a block: two small factorizations, of sizes |S|o and |S|, invert it exactly. Newton steps, degrees of freedom
/// (Vaiter et al. 2017) and hypergradients all rest on this one value.
public struct SupportHessian: @unchecked Sendable {
    // It does not change after init, and every method works in memory of its own: hence Sendable.
    let factorization: HessianFactorization
    let samples: Int
    let parallelism: Parallelism
    /// ‖B_j‖.
    let norms: [Double]

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
        gram: Matrix, coefficients: Matrix, offsets: [Int], slopes: [(first: Double, second: Double)],
        parallelism: Parallelism = .serial
    ) {
        let count = offsets.count - 1
        let t = coefficients.rows
        precondition(slopes.count == count && gram.rows == coefficients.columns && offsets[count] == gram.rows)
        samples = t
        self.parallelism = parallelism
        let factorization = HessianFactorization(isFull: true, parallelism: parallelism, allocations: AllocationCount())
        self.factorization = factorization
        factorization.reserve(width: gram.rows, count: count, samples: t)
        factorization.begin(samples: t)
        let norms = ActiveSet(blocks: Array(0..<count), offsets: offsets, coefficients: coefficients).norms
        self.norms = norms
        let isValid = coefficients.elements.withUnsafeBufferPointer { b in
            guard let b = b.baseAddress else { return count == 0 }
            return (0..<count).allSatisfy { j in
                factorization.append(
                    b + offsets[j] * t, columns: offsets[j + 1] - offsets[j], norm: norms[j],
                    tangential: slopes[j].first / norms[j], radial: slopes[j].second)
            }
        }
        guard isValid else { return nil }
        gram.elements.withUnsafeBufferPointer { g in
            guard let g = g.baseAddress else { return }
            factorization.matrix.pointer.update(from: g, count: gram.elements.count)
        }
        guard factorization.factor(repairs: true) else { return nil }
    }

    /// H⁻¹V.
    ///
    /// - Parameter rightHandSide: Vᵀ, T × |S|o.
    /// - Returns: (H⁻¹V)ᵀ, T × |S|o.
    /// - Complexity: O((|S|o)²T).
    public func solve(_ rightHandSide: Matrix) -> Matrix {
        var work = rightHandSide
        var result = Matrix(rows: samples, columns: factorization.width)
        var shifts = [Double](repeating: 0, count: factorization.count)
        work.elements.withUnsafeMutableBufferPointer { work in
            result.elements.withUnsafeMutableBufferPointer { result in
                shifts.withUnsafeMutableBufferPointer { shifts in
                    guard let work = work.baseAddress, let result = result.baseAddress,
                        let shifts = shifts.baseAddress
                    else { return }
                    factorization.solve(work, into: result, shifts: shifts)
                }
            }
        }
        return result
    }

    /// The degrees of freedom of the fit, div_Y(XB) = tr(H⁻¹·(G ⊗ I_T)), exactly.
    ///
    /// - Parameter samples: T of the original response; more than T′ of a reduced one, whose discarded samples count.
    /// - Complexity: O((|S|o)³).
    public func degreesOfFreedom(samples: Int) -> Double {
        let size = factorization.width
        let count = factorization.count
        guard count > 0 else { return 0 }
        let inverse = factorization.matrix.pointer
        let curvature = factorization.curvature.pointer
        let offsets = factorization.offsets
        // M⁻¹G = I − M⁻¹·diag(a), and M⁻¹GM⁻¹ = M⁻¹ − M⁻¹·diag(a)·M⁻¹.
        var trace = Double(size)
        for k in 0..<size { trace -= inverse[k + k * size] * curvature[k] }
        // The product is needed only summed over blocks: a block of columns at a time, never as a whole.
        var reducedProduct = Matrix(rows: count, columns: count)
        reducedProduct.elements.withUnsafeMutableBufferPointer { product in
            guard let product = product.baseAddress else { return }
            let allocations = AllocationCount()
            let (scaled, sandwich) = (Buffer(allocations), Buffer(allocations))
            var first = 0
            while first < count {
                var last = first + 1
                while last < count, offsets[last + 1] - offsets[first] <= 192 { last += 1 }
                let start = inverse + offsets[first] * size
                let width = offsets[last] - offsets[first]
                scaled.reserve(size * width)
                sandwich.reserve(size * width)
                for j in 0..<width {
                    for i in 0..<size {
                        scaled.pointer[i + j * size] = start[i + j * size] * curvature[i]
                    }
                }
                sandwich.pointer.update(from: start, count: size * width)
                parallelism.gemm(
                    false, false, size, width, size, -1, inverse, size, scaled.pointer, size, 1, sandwich.pointer, size)
                factorization.sumOverBlocks(
                    sandwich.pointer, columns: first..<last, into: product + first * count)
                first = last
            }
            factorization.solveReduced(product, columns: count)
        }
        var sum = Double(samples) * trace
        for j in 0..<count { sum += reducedProduct[j, j] }
        return sum
    }
}
