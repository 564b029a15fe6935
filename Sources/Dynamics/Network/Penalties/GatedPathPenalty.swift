/// λ₁ times the mean of |W_L|⋯|W_1|, and λ₀ times the mean of P_L⋯P_1 with the probabilities that the weights' gates are open:
/// few paths from inputs to outputs, and light ones (PathReg; Aliee et al. 2022, with a gate a weight, so that who drives
/// whom is told).
public struct GatedPathPenalty: NetworkPenalty {
    /// λ₁.
    public let lambda: Double
    /// λ₀.
    public let gateLambda: Double

    /// - Parameters:
    ///   - lambda: λ₁ ≥ 0.
    ///   - gateLambda: λ₀ ≥ 0.
    public init(lambda: Double, gateLambda: Double) {
        self.lambda = lambda
        self.gateLambda = gateLambda
    }

    /// Yes.
    public var isGated: Bool { true }

    /// See ``NetworkPenalty``.
    public func addGradient(at point: PenaltyPoint, to gradient: UnsafeMutablePointer<Double>) -> Double {
        point.addWeightPaths(lambda, to: gradient) + point.addGatePaths(gateLambda, to: gradient)
    }
}

extension NetworkPenaltyKind {
    /// ``GatedPathPenalty`` with λ₀ = λ₁/100: it is sensitive to λ₀.
    public static let gatedPaths = NetworkPenaltyKind(
        "pathreg", help: "few and light paths from inputs to outputs, by gates (experimental)",
        lambdas: [1e-3, 3e-3, 0.01, 0.03, 0.1]
    ) { GatedPathPenalty(lambda: $0, gateLambda: $0 / 100) }
}
