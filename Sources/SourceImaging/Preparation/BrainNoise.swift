/// A covariance of noise that sensors and a brain make: C = w·I + Σ_j γ_jf_jf_jᵀ with a variance for the sensors and one for
/// each source of the brain, all at their largest likelihood.
///
/// Most γ end at 0 (sparse Bayesian learning: Tipping 2001, MacKay 1992; for noise as here Cai et al. 2021), so that few
/// numbers are estimated: where samples are fewer than sensors, it knows the directions of the brain's noise far better than a
/// sample covariance does, shrunk or not.
struct BrainNoise {
    /// Fields of unit norm, sensors × sources.
    private let fields: Matrix
    /// Dimensions of the sensors that hold data.
    private let rank: Int
    /// Fields at most: neighbours look alike.
    private static let largestCount = 1200
    /// γ ← γ·(what the samples have of it)/(what C expects), so often.
    private static let updates = 14
    /// Sources below this part of the largest γ are dropped.
    private static let pruning = 5e-3

    /// A brain.
    ///
    /// - Parameters:
    ///   - fields: of unit norm or 0, sensors × columns, zero where projectors removed what there was.
    ///   - rank: dimensions that projectors leave.
    init(_ fields: Matrix, rank: Int) {
        var step = max(1, (fields.columns + Self.largestCount - 1) / Self.largestCount)
        // A multiple of three would take the same axis of every source that may turn, and no other.
        if step.isMultiple(of: 3) { step += 1 }
        let columns = stride(from: 0, to: fields.columns, by: step).filter { j in
            fields.elements[(j * fields.rows)..<((j + 1) * fields.rows)].contains { $0 != 0 }
        }
        self.fields = fields.columns(columns)
        self.rank = rank
    }

    /// The covariance of some samples; directions without data are as noisy as the sensors. nil where there is nothing to
    /// estimate it from.
    ///
    /// - Parameter samples: sensors × N, of zero mean.
    /// - Returns: C, w, and the part of its trace that the brain has.
    /// - Complexity: O(sensors²·fields) an update, less as sources are dropped.
    func covariance(of samples: Matrix) -> (matrix: Matrix, white: Double, brainPart: Double)? {
        let (n, count) = (samples.rows, Double(samples.columns))
        let power = samples.squaredNorm / max(1, count)
        guard power > 0, power.isFinite, fields.columns > 0 else { return nil }
        var own = fields
        var variances = [Double](repeating: 0.5 * power / Double(own.columns), count: own.columns)
        var white = 0.5 * power / Double(rank)
        // Two matrices of the fields' size, for all updates.
        var (first, second) = (own.elements, own.elements)
        for _ in 0..<Self.updates {
            guard
                let inverse = try? Cholesky(Self.covariance(own, variances, white, &first)).inverse()
            else { return nil }
            let solved = inverse * samples
            Self.update(&variances, own, inverse, solved, &first, &second)
            // Directions without data have no say in the variance of the sensors.
            let trace = (0..<n).reduce(0) { $0 + inverse[$1, $1] } - Double(n - rank) / white
            white *= solved.squaredNorm / count / trace
            let least = Self.pruning * (variances.max() ?? 0)
            let kept = variances.indices.filter { variances[$0] > least }
            if kept.count < 9 * variances.count / 10 {
                own = own.columns(kept)
                variances = kept.map { variances[$0] }
            }
        }
        let brain = variances.reduce(0, +)
        return (Self.covariance(own, variances, white, &first), white, brain / (brain + white * Double(rank)))
    }

    /// w·I + Σ γ_jf_jf_jᵀ.
    private static func covariance(
        _ fields: Matrix, _ variances: [Double], _ white: Double, _ scratch: inout [Double]
    ) -> Matrix {
        let n = fields.rows
        var matrix = Matrix.diagonal([Double](repeating: white, count: n))
        scratch.withUnsafeMutableBufferPointer { scaled in
            fields.elements.withUnsafeBufferPointer { fields in
                matrix.elements.withUnsafeMutableBufferPointer { target in
                    guard let scaled = scaled.baseAddress, let own = fields.baseAddress, let target = target.baseAddress
                    else { return }
                    for (j, variance) in variances.enumerated() {
                        let column = scaled + j * n
                        column.update(from: own + j * n, count: n)
                        BLAS.scale(n, variance, column)
                    }
                    BLAS.gemm(false, true, n, n, variances.count, 1, scaled, n, own, n, 1, target, n)
                }
            }
        }
        return matrix
    }

    /// γ_j ← γ_j·(f_jᵀC⁻¹SC⁻¹f_j)/(f_jᵀC⁻¹f_j), with C⁻¹ and C⁻¹ times the samples.
    private static func update(
        _ variances: inout [Double], _ fields: Matrix, _ inverse: Matrix, _ solved: Matrix, _ first: inout [Double],
        _ second: inout [Double]
    ) {
        let (n, samples, count) = (fields.rows, solved.columns, variances.count)
        guard samples > 0 else { return }
        first.withUnsafeMutableBufferPointer { weighted in
            second.withUnsafeMutableBufferPointer { found in
                fields.elements.withUnsafeBufferPointer { fields in
                    guard let weighted = weighted.baseAddress, let found = found.baseAddress,
                        let own = fields.baseAddress
                    else { return }
                    BLAS.gemm(false, false, n, count, n, 1, inverse.elements, n, own, n, 0, weighted, n)
                    // No more samples at once than there are rows.
                    var powers = [Double](repeating: 0, count: count)
                    for start in stride(from: 0, to: samples, by: n) {
                        let part = min(n, samples - start)
                        solved.elements.withUnsafeBufferPointer { solved in
                            guard let solved = solved.baseAddress else { return }
                            BLAS.gemm(
                                true, false, part, count, n, 1, solved + start * n, n, own, n, 0, found, part)
                        }
                        for j in 0..<count { powers[j] += BLAS.dot(part, found + j * part, found + j * part) }
                    }
                    for j in 0..<count {
                        let expected = BLAS.dot(n, own + j * n, weighted + j * n)
                        variances[j] *= powers[j] / Double(samples) / max(expected, .leastNormalMagnitude)
                    }
                }
            }
        }
    }
}
