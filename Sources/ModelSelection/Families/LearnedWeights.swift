import Glibc

/// A penalty with a λ_j of its own for every block: as many hyperparameters as blocks, log λ_j, and one more, the log of its
/// number of shape, where that is searched over.
///
/// A block that is not active has no influence on the solution, and no gradient: begin where all that may matter is
/// active. Under a penalty of entries the blocks are the columns of the design.
public struct LearnedWeights<Penalty: NamedPenalty>: PenaltyFamily {
    /// Number of blocks.
    public let blockCount: Int
    /// The number of shape; nil for a penalty without one, or where it is the last hyperparameter.
    public let shape: Double?

    private let searchesShape: Bool

    /// - Parameters:
    ///   - blockCount: number of blocks of the penalty.
    ///   - shape: the number of shape; nil for a penalty without one, or to search over it.
    public init(blockCount: Int, shape: Double? = nil) {
        self.blockCount = blockCount
        self.shape = shape
        searchesShape = Penalty.kind.searchesShape(given: shape)
    }

    /// The name of the penalty.
    public var name: String { Penalty.kind.name }

    /// One a block, and one for a shape that is searched over.
    public var parameterCount: Int { blockCount + (searchesShape ? 1 : 0) }

    /// The penalty at (log λ_1, …, log λ_p), and the log of its shape.
    public func penalty(at logs: [Double]) throws(InvalidPenalty) -> Penalty {
        try Penalty(
            lambda: 1, shape: searchesShape ? exp(logs[blockCount]) : shape,
            weights: logs.prefix(blockCount).map { exp($0) })
    }

    /// A block depends on its own λ_j, and on the shape.
    public func sensitivities(of penalty: Penalty, norm: Double, block: Int) -> [Sensitivity] {
        let own = Sensitivity(parameter: block, penalty.derivativesByLambda(norm: norm, block: block))
        return searchesShape
            ? [own, Sensitivity(parameter: blockCount, penalty.derivativesByShape(norm: norm, block: block))] : [own]
    }
}
