/// A penalty as a function of its hyperparameters, in log scale: what a search searches over. ``SharedLambda`` and
/// ``LearnedWeights`` make families of every ``NamedPenalty``.
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
    ///
    /// - Parameters:
    ///   - penalty: the penalty at the hyperparameters.
    ///   - norm: r > 0.
    ///   - block: j.
    func sensitivities(of penalty: Penalty, norm: Double, block: Int) -> [Sensitivity]
}

/// The influence of one hyperparameter on one block.
public struct Sensitivity: Sendable, Equatable {
    /// Which hyperparameter, 0..<d.
    public let parameter: Int
    /// ∂φ_j′(r)/∂θ.
    public let first: Double
    /// ∂φ_j″(r)/∂θ.
    public let second: Double

    /// - Parameters:
    ///   - parameter: 0..<d.
    ///   - derivatives: ∂φ_j′(r)/∂θ and ∂φ_j″(r)/∂θ.
    public init(parameter: Int, _ derivatives: (first: Double, second: Double)) {
        self.parameter = parameter
        first = derivatives.first
        second = derivatives.second
    }
}
