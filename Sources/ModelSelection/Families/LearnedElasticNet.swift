import Foundation

/// The elastic net Σ λ_j‖B_j‖ + ½μ‖B‖² with a λ_j of its own for every block: as many hyperparameters as blocks, log λ_j,
/// and one more, log μ.
///
/// As under ``LearnedWeights``, a block that is not active has no gradient.
public struct LearnedElasticNet: PenaltyFamily {
    /// Number of blocks.
    public let blockCount: Int

    /// A family over that many blocks.
    public init(blockCount: Int) { self.blockCount = blockCount }

    /// `elastic-net`.
    public var name: String { "elastic-net" }

    /// One a block, and one.
    public var parameterCount: Int { blockCount + 1 }

    /// The elastic net at (log λ_1, …, log λ_p, log μ).
    public func penalty(at logs: [Double]) throws(InvalidPenalty) -> ElasticNet {
        try ElasticNet(lambda: 1, ridge: exp(logs[blockCount]), weights: logs.dropLast().map { exp($0) })
    }

    /// φ_j′ = λ_j + μr and φ_j″ = μ.
    public func sensitivities(norm: Double, block: Int, at logs: [Double]) -> [Sensitivity] {
        let ridge = exp(logs[blockCount])
        return [
            Sensitivity(parameter: block, first: exp(logs[block])),
            Sensitivity(parameter: blockCount, first: ridge * norm, second: ridge),
        ]
    }
}
