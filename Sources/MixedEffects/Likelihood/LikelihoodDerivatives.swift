import LinearAlgebra

extension Likelihood {
    /// The value of L and its parts.
    ///
    /// Kept apart are what the residual adds and what the determinant adds, which a noise variance that is estimated scales
    /// differently.
    public struct Derivatives: Sendable {
        /// L; infinity where Ω is not positive definite to working precision.
        public var value: Double { squares + logDeterminant }
        /// ½ Σ rᵀΩ⁻¹r.
        public var squares = 0.0
        /// ½ Σ log det Ω.
        public var logDeterminant = 0.0
        /// −Σ XᵀΩ⁻¹r: p values.
        public var fixedGradient: [Double]
        /// ½ Σ (ZᵀΩ⁻¹r)∘(ZᵀΩ⁻¹r): q values.
        public var varianceSquares: [Double]
        /// ½ Σ diag(ZᵀΩ⁻¹Z): q values.
        public var varianceTraces: [Double]
        /// Σ K, K = XᵀΩ⁻¹X: p × p.
        public var fixedHessian: Matrix
        /// Σ C diag(s), C = XᵀΩ⁻¹Z and s = ZᵀΩ⁻¹r: p × q.
        public var mixedHessian: Matrix
        /// H_c = Σ (ssᵀ)∘A, A = ZᵀΩ⁻¹Z: q × q.
        public var convexHessian: Matrix
        /// H_k = ½ Σ A∘A, Fisher's information of γ; the Hessian of L in γ is H_c − H_k.
        public var fisher: Matrix

        /// Room for the derivatives of a problem.
        public init(fixedCount p: Int, randomCount q: Int) {
            fixedGradient = [Double](repeating: 0, count: p)
            varianceSquares = [Double](repeating: 0, count: q)
            varianceTraces = varianceSquares
            fixedHessian = Matrix(rows: p, columns: p)
            mixedHessian = Matrix(rows: p, columns: q)
            convexHessian = Matrix(rows: q, columns: q)
            fisher = convexHessian
        }

        /// ∂L/∂γ_j.
        public func varianceGradient(_ j: Int) -> Double { varianceTraces[j] - varianceSquares[j] }
        /// ∂L/∂γ: q values.
        public var varianceGradient: [Double] { varianceTraces.indices.map(varianceGradient) }

        mutating func clearSlopes() {
            (squares, logDeterminant) = (0, 0)
            for k in fixedGradient.indices { fixedGradient[k] = 0 }
            for k in varianceSquares.indices { (varianceSquares[k], varianceTraces[k]) = (0, 0) }
        }

        mutating func clearHessians() {
            for k in fixedHessian.elements.indices { fixedHessian.elements[k] = 0 }
            for k in mixedHessian.elements.indices { mixedHessian.elements[k] = 0 }
            for k in fisher.elements.indices { (fisher.elements[k], convexHessian.elements[k]) = (0, 0) }
        }

        /// Makes whole what is a lower triangle so far.
        mutating func mirrorHessians() {
            fixedHessian.mirrorLowerTriangle()
            convexHessian.mirrorLowerTriangle()
            fisher.mirrorLowerTriangle()
        }

        /// Adds what a group has to the gradients.
        ///
        /// - Parameters:
        ///   - scores: WᵀΩ⁻¹r, W having the columns of X first.
        ///   - traces: the diagonal of ZᵀΩ⁻¹Z.
        ///   - places: of each column of Z the column of W that it is.
        mutating func addSlopes(
            scores: UnsafePointer<Double>, traces: UnsafePointer<Double>, places: UnsafeBufferPointer<Int>
        ) {
            fixedGradient.withUnsafeMutableBufferPointer { gradient in
                for j in gradient.indices { gradient[j] -= scores[j] }
            }
            varianceSquares.withUnsafeMutableBufferPointer { squares in
                for (j, place) in places.enumerated() { squares[j] += 0.5 * scores[place] * scores[place] }
            }
            varianceTraces.withUnsafeMutableBufferPointer { total in
                for j in total.indices { total[j] += 0.5 * traces[j] }
            }
        }

        /// Adds what a group has to the lower triangles of the Hessians.
        ///
        /// - Parameter products: [W r]ᵀΩ⁻¹[W r], whole, with so many rows; for the rest see ``addSlopes(scores:traces:places:)``.
        mutating func addHessians(_ products: UnsafePointer<Double>, side: Int, places: UnsafeBufferPointer<Int>) {
            let (p, q) = (fixedGradient.count, places.count)
            let scores = products + (side - 1) * side
            fixedHessian.elements.withUnsafeMutableBufferPointer { hessian in
                for j in 0..<p {
                    let column = products + j * side
                    for i in j..<p { hessian[i + j * p] += column[i] }
                }
            }
            mixedHessian.elements.withUnsafeMutableBufferPointer { hessian in
                for j in 0..<q {
                    let (column, score) = (products + places[j] * side, scores[places[j]])
                    for i in 0..<p { hessian[i + j * p] += column[i] * score }
                }
            }
            convexHessian.elements.withUnsafeMutableBufferPointer { convex in
                fisher.elements.withUnsafeMutableBufferPointer { fisher in
                    for j in 0..<q {
                        let (column, score) = (products + places[j] * side, scores[places[j]])
                        for i in j..<q {
                            let value = column[places[i]]
                            convex[i + j * q] += value * (score * scores[places[i]])
                            fisher[i + j * q] += 0.5 * (value * value)
                        }
                    }
                }
            }
        }
    }
}
