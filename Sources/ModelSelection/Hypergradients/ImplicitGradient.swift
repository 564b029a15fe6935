/// The implicit hypergradient in closed form: H·W = V on the support, ∂C/∂θ_k = −Σ_j ∂φ_j′/∂θ_k·⟨u_j, W_j⟩.
///
/// Implicit differentiation of the optimality conditions (Bertrand et al. 2020, 2022), with H inverted exactly
/// (``SupportHessian``) instead of iterated.
public struct ImplicitGradient: Hypergradient {
    /// The method.
    public init() {}

    /// `implicit`.
    public var name: String { "implicit" }

    /// - Complexity: O((|S|o)²T) after the factorization of H, for any number of hyperparameters.
    public func pullBack<Family: PenaltyFamily>(
        _ derivative: Matrix, on support: SmoothSupport, penalty: Family.Penalty, family: Family
    ) -> [Double]? {
        var gradient = [Double](repeating: 0, count: family.parameterCount)
        guard support.active.count > 0 else { return gradient }
        guard let w = support.hessian?.solve(derivative) else { return nil }
        for (j, sensitivities) in support.sensitivities(family, of: penalty).enumerated() {
            let radial = support.radial(j, w)
            for sensitivity in sensitivities { gradient[sensitivity.parameter] -= sensitivity.first * radial }
        }
        return gradient
    }
}
