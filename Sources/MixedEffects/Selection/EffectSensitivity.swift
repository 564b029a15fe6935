import LinearAlgebra

/// How a stationary point of a penalized likelihood moves with λ and the weights, by the implicit function theorem: on its
/// support S, where H is the Hessian of likelihood and penalty, dx_S = −H_SS⁻¹ d(φ′ sign x)_S (Bertrand et al. 2022 for the
/// Lasso). Zeros stay zero under small changes.
///
/// Of a relaxed fit give the objective with the penalty's envelope (``EffectPenalty/relaxed(strength:)``).
public struct EffectSensitivity: Sendable {
    /// The effects that are not zero, fixed ones first, then variances with p added.
    private let support: [Int]
    private let factor: Cholesky
    /// ∂(φ′ sign x)/∂log λ and /∂log w on the support.
    private let byLambda: [Double]
    private let byWeight: [Double]
    private let fixedCount: Int
    private let randomCount: Int

    /// - Parameter effects: a stationary point of the objective.
    /// - Returns: nil where the Hessian on the support is not positive definite: no strict minimum.
    /// - Complexity: an evaluation of L with its Hessian, and O(|S|³).
    public init?(_ objective: PenalizedLikelihood, at effects: Effects) {
        let (p, q) = (effects.fixed.count, effects.variances.count)
        (fixedCount, randomCount) = (p, q)
        let derivatives = objective.likelihood.evaluate(at: effects)
        support =
            (0..<p).filter { effects.fixed[$0] != 0 } + (0..<q).filter { effects.variances[$0] > 0 }.map { p + $0 }
        func weight(_ j: Int) -> Double { j < p ? objective.fixedWeights[j] : objective.varianceWeights[j - p] }
        func magnitude(_ j: Int) -> Double { j < p ? abs(effects.fixed[j]) : effects.variances[j - p] }
        func sign(_ j: Int) -> Double { j < p && effects.fixed[j] < 0 ? -1 : 1 }
        func entry(_ i: Int, _ j: Int) -> Double {
            switch (i < p, j < p) {
            case (true, true): derivatives.fixedHessian[i, j]
            case (true, false): derivatives.mixedHessian[i, j - p]
            case (false, true): derivatives.mixedHessian[j, i - p]
            case (false, false): derivatives.convexHessian[i - p, j - p] - derivatives.fisher[i - p, j - p]
            }
        }
        let (penalty, indices) = (objective.penalty, support)
        var hessian = Matrix(rows: indices.count, columns: indices.count) { entry(indices[$0], indices[$1]) }
        for (k, j) in indices.enumerated() {
            hessian[k, k] += penalty.derivatives(magnitude(j), weight: weight(j)).second
        }
        byLambda = indices.map { sign($0) * penalty.slopeByLogLambda(magnitude($0), weight: weight($0)) }
        byWeight = indices.map { sign($0) * penalty.slopeByLogWeight(magnitude($0), weight: weight($0)) }
        guard let factor = try? Cholesky(hessian) else { return nil }
        self.factor = factor
    }

    /// d(β, γ)/d log λ.
    public var byLogLambda: Effects {
        spread(solve(byLambda).map { -$0 })
    }

    /// The derivatives of a smooth criterion of the effects in log λ and in the logarithm of every weight.
    ///
    /// - Parameter gradient: of the criterion, at the stationary point.
    /// - Complexity: O(|S|²).
    public func gradient(of gradient: Effects) -> (byLogLambda: Double, byLogWeights: Effects) {
        let adjoint = solve(support.map { $0 < fixedCount ? gradient.fixed[$0] : gradient.variances[$0 - fixedCount] })
        let byLogLambda = -zip(adjoint, byLambda).reduce(0) { $0 + $1.0 * $1.1 }
        return (byLogLambda, spread(zip(adjoint, byWeight).map { -$0 * $1 }))
    }

    private func solve(_ values: [Double]) -> [Double] {
        factor.solve(Matrix(rows: values.count, columns: 1, elements: values)).elements
    }

    private func spread(_ values: [Double]) -> Effects {
        var effects = Effects(
            fixed: [Double](repeating: 0, count: fixedCount), variances: [Double](repeating: 0, count: randomCount))
        for (value, j) in zip(values, support) {
            if j < fixedCount { effects.fixed[j] = value } else { effects.variances[j - fixedCount] = value }
        }
        return effects
    }
}
