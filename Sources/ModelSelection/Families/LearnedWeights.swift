import Foundation

/// The L2,1 norm with a λ_j of its own for every block: as many hyperparameters as blocks, log λ_j.
///
/// A block that is not active has no influence on the solution, and no gradient: begin where all that may matter is
/// active.
public struct LearnedWeights: PenaltyFamily {
    /// Number of blocks.
    public let blockCount: Int

    /// A family over that many blocks.
    public init(blockCount: Int) { self.blockCount = blockCount }

    /// `l21`.
    public var name: String { "l21" }

    /// One a block.
    public var parameterCount: Int { blockCount }

    /// Σ λ_j‖B_j‖.
    public func penalty(at logs: [Double]) throws(InvalidPenalty) -> GroupLasso {
        try GroupLasso(lambda: 1, weights: logs.map { exp($0) })
    }

    /// ∂λ_j/∂log λ_j = λ_j.
    public func sensitivities(norm: Double, block: Int, at logs: [Double]) -> [Sensitivity] {
        [Sensitivity(parameter: block, first: exp(logs[block]))]
    }
}
