import Glibc

/// What is known of the variance of the noise.
public enum NoiseModel: Sendable, Equatable {
    /// Λ as given.
    case known
    /// Λ = σ²V with V as given, σ² estimated with the rest.
    case estimated
}

extension Likelihood.Derivatives {
    /// The objective with σ² at its best, β and θ = γ/σ² being its variables, and σ²: L of V, with ½Q/σ² + (ν/2) log σ² in
    /// place of ½Q, where Q = Σ rᵀΩ⁻¹r and σ² = Q/ν. Where the noise is known, L and 1.
    ///
    /// - Parameter freedom: ν, the number of rows; less by the fixed effects in REML.
    func objective(_ noise: NoiseModel, freedom: Int) -> (value: Double, noiseVariance: Double) {
        NoiseModel.objective(noise, squares, logDeterminant, freedom)
    }
}

extension NoiseModel {
    /// See ``Likelihood/Derivatives/objective(_:freedom:)``.
    static func objective(
        _ noise: NoiseModel, _ squares: Double, _ logDeterminant: Double, _ freedom: Int
    ) -> (value: Double, noiseVariance: Double) {
        guard noise == .estimated else { return (squares + logDeterminant, 1) }
        let variance = 2 * squares / Double(freedom)
        return (logDeterminant + Double(freedom) / 2 * (log(variance) + 1), variance)
    }
}
