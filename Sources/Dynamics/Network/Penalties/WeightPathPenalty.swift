/// λ times the mean of |W_L|⋯|W_1| over outputs and inputs: an ℓ1 norm of what each output takes from each input (C-NODE;
/// Aliee, Theis & Kilbertus 2021).
public struct WeightPathPenalty: NetworkPenalty {
    /// λ.
    public let lambda: Double

    /// - Parameter lambda: λ ≥ 0.
    public init(lambda: Double) { self.lambda = lambda }

    /// See ``NetworkPenalty``.
    public func addGradient(at point: PenaltyPoint, to gradient: UnsafeMutablePointer<Double>) -> Double {
        point.addWeightPaths(lambda, to: gradient)
    }
}

extension NetworkPenaltyKind {
    /// ``WeightPathPenalty``.
    public static let weightPaths = NetworkPenaltyKind(
        "c-node", help: "light paths from inputs to outputs (experimental)", lambdas: [1e-3, 3e-3, 0.01, 0.03, 0.1]
    ) { WeightPathPenalty(lambda: $0) }
}
