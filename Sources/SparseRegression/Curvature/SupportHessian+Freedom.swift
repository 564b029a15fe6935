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
    /// ``degreesOfFreedom(samples:)`` and its derivatives, in closed form.
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
            value: degreesOfFreedom(samples: original), firstSlopes: first, secondSlopes: k.radials.map { -$0 },
            coefficients: coefficients)
    }

    /// What is needed of the diagonal blocks of K = H⁻¹(G ⊗ I)H⁻¹.
    private struct FitSensitivity {
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
        let inverse = copy(factorization.matrix, width, width)
        let directions = copy(factorization.directions, samples, width)
        let tangential = (0..<width).map { factorization.curvature.pointer[$0] }
        var blockOf = [Int](repeating: 0, count: width)
        for j in 0..<count { for c in offsets[j]..<offsets[j + 1] { blockOf[c] = j } }

        // P = M⁻¹GM⁻¹ = M⁻¹ − M⁻¹·diag(a)·M⁻¹. Few matrices of this size live at once: they make the peak of memory.
        var work = inverse
        for c in 0..<width { for r in 0..<width { work[r, c] *= tangential[r] } }
        var p = inverse
        multiply(inverse, work, -1, onto: &p)
        var s = Matrix.identity(count)
        s.elements.withUnsafeMutableBufferPointer {
            if let s = $0.baseAddress { factorization.solveReduced(s, columns: count) }
        }
        let quadP = summed(p)
        let e = Matrix.identity(count) + s * summed(inverse)
        let inner = quadP * e
        let f = s * inner
        let z = s * quadP * s

        // K_jj·u_j, all blocks in one product; tr K_jj, from the diagonals of M⁻¹(O∘S)P and M⁻¹(O∘Z)M⁻¹.
        func fill(_ element: (_ r: Int, _ c: Int, _ k: Int, _ j: Int) -> Double) {
            for c in 0..<width { for r in 0..<width { work[r, c] = element(r, c, blockOf[r], blockOf[c]) } }
        }
        fill { r, c, k, j in p[r, c] * e[k, j] + inverse[r, c] * f[k, j] }
        var result = FitSensitivity(images: Matrix.product(directions, work, parallelism: parallelism))
        let overlap = factorization.overlap.pointer
        var sandwich = Matrix(rows: width, columns: width)
        fill { r, c, k, j in 2 * overlap[r + c * width] * s[k, j] }
        multiply(work, p, 1, onto: &sandwich)
        fill { r, c, k, j in overlap[r + c * width] * z[k, j] }
        multiply(work, inverse, 1, onto: &sandwich)
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

    /// C ← C + α·A·B of square matrices.
    private func multiply(_ a: Matrix, _ b: Matrix, _ alpha: Double, onto c: inout Matrix) {
        let n = a.rows
        a.elements.withUnsafeBufferPointer { a in
            b.elements.withUnsafeBufferPointer { b in
                c.elements.withUnsafeMutableBufferPointer { c in
                    guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress else { return }
                    parallelism.gemm(false, false, n, n, n, alpha, a, n, b, n, 1, c, n)
                }
            }
        }
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
