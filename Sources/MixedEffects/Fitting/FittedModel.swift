import Glibc
import LinearAlgebra

/// A model that was fitted, and what is asked of it.
public struct FittedModel: Sendable {
    /// What it was fitted to.
    public let problem: MixedEffectsProblem
    /// Whether the variance of the noise was estimated.
    public let noise: NoiseModel
    /// Which likelihood is at its largest.
    public let kind: LikelihoodKind
    /// β: p values.
    public let fixed: [Double]
    /// Covariance of the estimate of β, (Σ XᵀΩ⁻¹X)⁻¹: p × p; Γ and σ² are taken as they were estimated.
    public let fixedCovariance: Matrix
    /// Γ: q × q.
    public let covariance: Matrix
    /// σ², the factor on the noise variance that was given; 1 where that is known.
    public let noiseFactor: Double
    /// −log likelihood without its (N/2) log 2π, (N − p)/2 in REML.
    public let loss: Double
    /// The best prediction of the random effects, ΓZᵀΩ⁻¹(y − Xβ): q × m, a column a group.
    public let randomEffects: Matrix
    /// Iterations that the fit took.
    public let iterations: Int
    /// Whether it came to rest.
    public let isConverged: Bool

    /// −2 log likelihood, constants included.
    public var minusTwiceLogLikelihood: Double {
        2 * loss + Double(problem.rowCount - (kind == .reml ? problem.fixedCount : 0)) * log(2 * Double.pi)
    }

    /// Standard errors of β: p values.
    public var standardErrors: [Double] { (0..<fixed.count).map { fixedCovariance[$0, $0].squareRoot() } }

    /// Variances of the random effects, the diagonal of Γ: q values.
    public var variances: [Double] { (0..<covariance.rows).map { covariance[$0, $0] } }

    /// Wald's statistic of a fixed effect: about what twice the log-likelihood has of it.
    func worth(of k: Int) -> Double { fixed[k] * fixed[k] / fixedCovariance[k, k] }

    /// What the model says of every row: X_iβ + Z_iu_i, N values.
    ///
    /// - Complexity: O(N(p + q)).
    public var fitted: [Double] {
        var values = [Double](repeating: 0, count: problem.rowCount)
        for group in 0..<problem.groupCount {
            for row in problem.offsets[group]..<problem.offsets[group + 1] {
                for k in fixed.indices { values[row] += problem.fixed[row, k] * fixed[k] }
                for k in 0..<problem.randomCount { values[row] += problem.random[row, k] * randomEffects[k, group] }
            }
        }
        return values
    }
}
