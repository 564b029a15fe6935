import Glibc
import LinearAlgebra

extension SharedSupportLasso {
    /// The degrees of freedom of the fit to each problem, exact: ∂ Σ (X_sB_s)/∂Y_s where the support does not change.
    ///
    /// With G_s = X_sᵀX_s of the active columns, M_s = G_s + diag(λ/‖B_c‖), U_s the rows B_sc/‖B_c‖ and
    /// Q = Σ_s Σ_{i ∈ c, j ∈ d} (M_s⁻¹)_ij ⟨u_si, u_sj⟩, a number a pair of groups: T·tr(M_s⁻¹G_s) plus
    /// tr[(A⁻¹ − Q)⁻¹ P_s] with P_s as Q of M_s⁻¹G_sM_s⁻¹ alone, A = diag(λ/‖B_c‖). Problems are inverted one by one, as large as
    /// their supports, never all together.
    ///
    /// - Parameters:
    ///   - solution: of this lasso.
    ///   - lambda: that it was found with.
    /// - Returns: nil where, but for rounding, the active columns depend on one another.
    /// - Complexity: O(k³ + n·k² + k²·T) a problem for k active columns, and O(c³) for c active groups.
    public func degreesOfFreedom(_ solution: Solution, lambda: Double) -> [Double]? {
        let count = solution.active.count
        guard count > 0 else { return [Double](repeating: 0, count: problems.count) }
        var first: [Double] = []
        var second: [Matrix] = []
        var inner = Matrix.diagonal(solution.norms.map { $0 / lambda })
        let number = Dictionary(uniqueKeysWithValues: solution.active.enumerated().map { ($1, $0) })
        for (s, problem) in problems.enumerated() {
            let part = solution.parts[s]
            var groupOfBlock: [Int: Int] = [:]
            for c in solution.active { if let block = groups[c][s] { groupOfBlock[block] = number[c] } }
            let owners = part.blocks.indices.flatMap { i in
                [Int](repeating: groupOfBlock[part.blocks[i]] ?? 0, count: part.offsets[i + 1] - part.offsets[i])
            }
            guard !owners.isEmpty else {
                first.append(0)
                second.append(Matrix(rows: count, columns: count))
                continue
            }
            let columns = part.designColumns(of: problem)
            let gram = Matrix.product(columns, transposed: true, columns)
            var full = gram
            for (i, c) in owners.enumerated() { full[i, i] += lambda / solution.norms[c] }
            guard let factor = try? Cholesky(full) else { return nil }
            let inverse = factor.inverse()
            let fit = inverse * gram
            first.append(Double(problem.sampleCount) * owners.indices.reduce(0) { $0 + fit[$1, $1] })
            let overlaps = Matrix.product(part.coefficients, transposed: true, part.coefficients)
            let sandwich = fit * inverse
            var own = Matrix(rows: count, columns: count)
            for (i, c) in owners.enumerated() {
                for (j, d) in owners.enumerated() {
                    let overlap = overlaps[i, j] / (solution.norms[c] * solution.norms[d])
                    inner[c, d] -= inverse[i, j] * overlap
                    own[c, d] += sandwich[i, j] * overlap
                }
            }
            second.append(own)
        }
        guard let factor = try? Cholesky(inner) else { return nil }
        let inverse = factor.inverse()
        return zip(first, second).map { first, own in
            zip(inverse.elements, own.elements).reduce(first) { $0 + $1.0 * $1.1 }
        }
    }

    /// A solution at a λ that was chosen.
    public struct Choice: Sendable {
        /// At the λ chosen.
        public let solution: Solution
        /// λ.
        public let lambda: Double
        /// λ, criterion and degrees of freedom of all that were tried, from the largest λ on.
        public let curve: [(lambda: Double, risk: Double, degreesOfFreedom: Double)]
    }

    /// Chooses λ by Stein's unbiased risk estimate, Σ_s (‖Y_s − X_sB_s‖² + 2σ_s²·dof_s)/σ_s², along a path that ends where it has risen.
    ///
    /// - Parameters:
    ///   - noiseVariances: σ_s² of each problem, positive.
    ///   - ratio: of one λ to the one before.
    ///   - stop: when each solve stops.
    ///   - parallelism: threads; no result depends on it.
    ///   - monitor: cancellation; the best so far is returned.
    /// - Throws: ``Invalid`` where nothing of any problem correlates with its response.
    public func chosen(
        noiseVariances: [Double], ratio: Double = 0.8, stop: StopRule = StopRule(), parallelism: Parallelism = .serial,
        monitor: Monitor = .silent
    ) throws(Invalid) -> Choice {
        precondition(noiseVariances.count == problems.count, "one noise variance a problem")
        var lambda = largestLambda(parallelism: parallelism)
        let smallest = 1e-3 * lambda
        var solution = try solve(lambda: lambda, stop: stop, parallelism: parallelism, monitor: monitor)
        var best = (solution: solution, lambda: lambda, risk: Double.infinity)
        var curve: [(lambda: Double, risk: Double, degreesOfFreedom: Double)] = []
        var risen = 0
        while lambda >= smallest, risen < 3, !monitor.isCancelled() {
            solution = try solve(
                lambda: lambda, from: solution, stop: stop, parallelism: parallelism, monitor: monitor)
            guard let freedom = degreesOfFreedom(solution, lambda: lambda) else { break }
            let risk = problems.indices.reduce(0) {
                $0 + solution.squaredResiduals[$1] / noiseVariances[$1] + 2 * freedom[$1]
            }
            curve.append((lambda, risk, freedom.reduce(0, +)))
            risen = risk < best.risk ? 0 : risen + 1
            if risk < best.risk { best = (solution, lambda, risk) }
            lambda *= ratio
        }
        return Choice(solution: best.solution, lambda: best.lambda, curve: curve)
    }
}
