import Foundation

/// The L2,1 norm with one λ for all blocks, plain or with given weights: one hyperparameter, log λ.
public struct SharedLambda: PenaltyFamily {
    /// One weight a block; nil means all one.
    public let weights: [Double]?

    /// A family from its weights.
    public init(weights: [Double]? = nil) { self.weights = weights }

    /// `l21`.
    public var name: String { "l21" }

    /// One.
    public var parameterCount: Int { 1 }

    /// λ·Σ w_j‖B_j‖.
    public func penalty(at logs: [Double]) throws(InvalidPenalty) -> GroupLasso {
        try GroupLasso(lambda: exp(logs[0]), weights: weights)
    }

    /// ∂λ_j/∂log λ = λ_j.
    public func sensitivities(norm: Double, block: Int, at logs: [Double]) -> [Sensitivity] {
        [Sensitivity(parameter: 0, first: exp(logs[0]) * (weights?[block] ?? 1))]
    }
}
