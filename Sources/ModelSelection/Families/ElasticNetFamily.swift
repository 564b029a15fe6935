import Foundation

/// The elastic net λ·Σ w_j‖B_j‖ + ½μ‖B‖²: two hyperparameters, log λ and log μ.
public struct ElasticNetFamily: PenaltyFamily {
    /// One weight a block; nil means all one.
    public let weights: [Double]?

    /// A family from its weights.
    public init(weights: [Double]? = nil) { self.weights = weights }

    /// `elastic-net`.
    public var name: String { "elastic-net" }

    /// Two.
    public var parameterCount: Int { 2 }

    /// The elastic net at (log λ, log μ).
    public func penalty(at logs: [Double]) throws(InvalidPenalty) -> ElasticNet {
        try ElasticNet(lambda: exp(logs[0]), ridge: exp(logs[1]), weights: weights)
    }

    /// φ_j′ = λ_j + μr and φ_j″ = μ.
    public func sensitivities(norm: Double, block: Int, at logs: [Double]) -> [Sensitivity] {
        let ridge = exp(logs[1])
        return [
            Sensitivity(parameter: 0, first: exp(logs[0]) * (weights?[block] ?? 1)),
            Sensitivity(parameter: 1, first: ridge * norm, second: ridge),
        ]
    }
}
