/// The degrees of freedom of a fit and how they change with all they depend on.
public struct FreedomDerivatives: Sendable {
    /// The degrees of freedom, tr(H⁻¹·(G ⊗ I_T)).
    public let value: Double
    /// Their derivative with respect to φ_j′(‖B_j‖) of each block, at fixed B.
    public let firstSlopes: [Double]
    /// Their derivative with respect to φ_j″(‖B_j‖) of each block, at fixed B.
    public let secondSlopes: [Double]
    /// Their derivative with respect to B at fixed φ_j′ and φ_j″, T × |S|o.
    public let coefficients: Matrix

    /// Those of a fit without a block.
    public static func none(samples: Int) -> FreedomDerivatives {
        FreedomDerivatives(
            value: 0, firstSlopes: [], secondSlopes: [], coefficients: Matrix(rows: samples, columns: 0))
    }
}

extension SupportHessian {
    /// The derivatives of ``degreesOfFreedom(samples:)``, in closed form.
    ///
    /// With K = H⁻¹(G ⊗ I)H⁻¹ a change δH of the curvature changes the degrees of freedom by −⟨K, δH⟩, and δH lives in the
    /// diagonal blocks alone: δa_j (I − u_ju_jᵀ) + δb_j u_ju_jᵀ + (b_j − a_j)(δu_ju_jᵀ + u_jδu_jᵀ).
    ///
    /// - Parameter samples: T of the original response.
    /// - Complexity: O((|S|o)³ + (|S|o)²T).
    public func freedomDerivatives(samples original: Int) -> FreedomDerivatives {
        let count = factorization.count
        let offsets = factorization.offsets
        guard count > 0 else { return .none(samples: samples) }
        let directions = copy(factorization.directions, samples, factorization.width)
        let k = fitSensitivity(samples: original)
        var first = [Double](repeating: 0, count: count)
        var coefficients = Matrix(rows: samples, columns: factorization.width)
        for j in 0..<count {
            let slopeOfTangential = k.radials[j] - k.traces[j]
            first[j] = slopeOfTangential / norms[j]
            let a = factorization.curvature.pointer[offsets[j]]
            let deflation = factorization.signs[j] * factorization.roots[j] * factorization.roots[j]
            let along = -2 * deflation * k.radials[j] - slopeOfTangential * a
            for c in offsets[j]..<offsets[j + 1] {
                for t in 0..<samples {
                    coefficients[t, c] = (2 * deflation * k.images[t, c] + along * directions[t, c]) / norms[j]
                }
            }
        }
        return FreedomDerivatives(
            value: k.value, firstSlopes: first, secondSlopes: k.radials.map { -$0 }, coefficients: coefficients)
    }

    /// What is needed of the diagonal blocks of K = H⁻¹(G ⊗ I)H⁻¹.
    private struct FitSensitivity {
        /// tr(H⁻¹(G ⊗ I)).
        var value = 0.0
        /// tr K_jj of each block.
        var traces: [Double] = []
        /// ⟨u_j, K_jj·u_j⟩ of each block.
        var radials: [Double] = []
        /// K_jj·u_j of all blocks, T × |S|o.
        var images: Matrix
    }

    /// With H⁻¹ = N + N·U·S·Uᵀ·N, N = M⁻¹ ⊗ I and S = d(σ − dQd)⁻¹d (``HessianFactorization``), all of it follows from
    /// products of |S|o × |S|o matrices; nothing of size |S|oT is formed.
    private func fitSensitivity(samples original: Int) -> FitSensitivity {
        let width = factorization.width
        let count = factorization.count
        let offsets = factorization.offsets
        func product(_ a: Matrix, _ b: Matrix) -> Matrix { Matrix.product(a, b, parallelism: parallelism) }
        let inverse = copy(factorization.matrix, width, width)
        let overlap = copy(factorization.overlap, width, width)
        let directions = copy(factorization.directions, samples, width)
        let tangential = (0..<width).map { factorization.curvature.pointer[$0] }
        var blockOf = [Int](repeating: 0, count: width)
        for j in 0..<count { for c in offsets[j]..<offsets[j + 1] { blockOf[c] = j } }

        // P = M⁻¹GM⁻¹ = M⁻¹ − M⁻¹·diag(a)·M⁻¹.
        var scaled = inverse
        for c in 0..<width { for r in 0..<width { scaled[r, c] *= tangential[r] } }
        let p = inverse - product(inverse, scaled)
        var s = Matrix.identity(count)
        s.elements.withUnsafeMutableBufferPointer {
            if let s = $0.baseAddress { factorization.solveReduced(s, columns: count) }
        }
        let quadP = summed(p)
        let e = Matrix.identity(count) + s * summed(inverse)
        let inner = quadP * e
        let f = s * inner
        let z = s * quadP * s

        // tr K_jj, from the diagonals of M⁻¹(O∘S)P and M⁻¹(O∘Z)M⁻¹; K_jj·u_j, all blocks in one product.
        var (weightedS, weightedZ, mixing) = (overlap, overlap, p)
        for c in 0..<width {
            for r in 0..<width {
                let (k, j) = (blockOf[r], blockOf[c])
                weightedS[r, c] *= 2 * s[k, j]
                weightedZ[r, c] *= z[k, j]
                mixing[r, c] = p[r, c] * e[k, j] + inverse[r, c] * f[k, j]
            }
        }
        let sandwich = product(weightedS, p) + product(weightedZ, inverse)
        var result = FitSensitivity(images: product(directions, mixing))
        for c in 0..<width { result.value += Double(original) * (1 - inverse[c, c] * tangential[c]) }
        for j in 0..<count {
            for k in 0..<count { result.value += s[j, k] * quadP[k, j] }
        }
        for j in 0..<count {
            var trace = 0.0
            for c in offsets[j]..<offsets[j + 1] {
                trace += Double(original) * p[c, c]
                for r in 0..<width { trace += inverse[c, r] * sandwich[r, c] }
            }
            result.traces.append(trace)
            result.radials.append((0..<count).reduce(0) { $0 + e[$1, j] * inner[$1, j] })
        }
        return result
    }

    private func copy(_ buffer: Buffer, _ rows: Int, _ columns: Int) -> Matrix {
        Matrix(
            rows: rows, columns: columns,
            elements: Array(UnsafeBufferPointer(start: buffer.pointer, count: rows * columns)))
    }

    /// quad(K)_ik = ⟨u_i, K_ik u_k⟩ for K of size |S|o × |S|o.
    private func summed(_ k: Matrix) -> Matrix {
        var result = Matrix(rows: factorization.count, columns: factorization.count)
        k.elements.withUnsafeBufferPointer { k in
            result.elements.withUnsafeMutableBufferPointer { result in
                guard let k = k.baseAddress, let result = result.baseAddress else { return }
                factorization.sumOverBlocks(k, columns: 0..<factorization.count, into: result)
            }
        }
        return result
    }
}
