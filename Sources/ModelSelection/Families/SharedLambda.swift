import Glibc

/// A penalty with one λ for all blocks, plain or with given weights: log λ, and the log of its number of shape where that is
/// searched over.
public struct SharedLambda<Penalty: NamedPenalty>: PenaltyFamily {
    /// The number of shape; nil for a penalty without one, or where it is the second hyperparameter.
    public let shape: Double?
    /// One weight a block; nil means all one.
    public let weights: [Double]?

    private let searchesShape: Bool

    /// - Parameters:
    ///   - shape: the number of shape; nil for a penalty without one, or to search over it.
    ///   - weights: one weight a block; nil means all one.
    public init(shape: Double? = nil, weights: [Double]? = nil) {
        self.shape = shape
        searchesShape = Penalty.kind.searchesShape(given: shape)
        self.weights = weights
    }

    /// The name of the penalty.
    public var name: String { Penalty.kind.name }

    /// One, or two.
    public var parameterCount: Int { searchesShape ? 2 : 1 }

    /// The penalty at (log λ) or (log λ, log shape).
    public func penalty(at logs: [Double]) throws(InvalidPenalty) -> Penalty {
        try Penalty(lambda: exp(logs[0]), shape: searchesShape ? exp(logs[1]) : shape, weights: weights)
    }

    /// Every block depends on both.
    public func sensitivities(of penalty: Penalty, norm: Double, block: Int) -> [Sensitivity] {
        let own = Sensitivity(parameter: 0, penalty.derivativesByLambda(norm: norm, block: block))
        return searchesShape
            ? [own, Sensitivity(parameter: 1, penalty.derivativesByShape(norm: norm, block: block))] : [own]
    }
}
