/// A penalty as a function of its hyperparameters, in log scale: what a search searches over.
///
/// A new family is one file that conforms to this.
public protocol PenaltyFamily: Sendable {
    /// The penalty at given hyperparameters.
    associatedtype Penalty: BlockPenalty

    /// Name for results, for example `l21`.
    var name: String { get }

    /// Number of hyperparameters, d.
    var parameterCount: Int { get }

    /// The penalty at logarithms of the hyperparameters.
    ///
    /// - Parameter logs: d natural logarithms.
    /// - Throws: ``InvalidPenalty``.
    func penalty(at logs: [Double]) throws(InvalidPenalty) -> Penalty

    /// How φ_j′(r) and φ_j″(r) change with the logarithms of the hyperparameters; those not listed have no influence.
    func sensitivities(norm: Double, block: Int, at logs: [Double]) -> [Sensitivity]
}

/// The influence of one hyperparameter on one block.
public struct Sensitivity: Sendable, Equatable {
    /// Which hyperparameter, 0..<d.
    public let parameter: Int
    /// ∂φ_j′(r)/∂θ.
    public let first: Double
    /// ∂φ_j″(r)/∂θ.
    public let second: Double

    /// A sensitivity from its values.
    public init(parameter: Int, first: Double, second: Double = 0) {
        self.parameter = parameter
        self.first = first
        self.second = second
    }
}
