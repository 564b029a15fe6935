/// What a point of an objective is worth.
public struct Evaluation: Sendable {
    /// The criterion, smaller is better; infinite where it cannot be computed.
    public var value: Double
    /// ∂C/∂θ; nil where it was not asked for or cannot be computed.
    public var gradient: [Double]?
    /// Degrees of freedom; NaN where the criterion does not know them.
    public var degreesOfFreedom: Double
    /// ‖Y − XB‖² of the first problem.
    public var squaredResidual: Double
    /// Active blocks of each problem, at least one; entries, under a penalty of entries.
    public var activeCounts: [Int]
    /// Active columns over rows of the first problem.
    public var columnsPerRow: Double
    /// ∂C/∂‖Y − XB‖² at fixed degrees of freedom; nil where the criterion is no function of the two.
    public var residualSlope: Double?
    /// Largest relative gap of the solutions; infinite where the penalty is not convex.
    public var relativeGap: Double
    /// Sweeps over all solves.
    public var epochs: Int
    /// Full passes over all solves.
    public var fullPasses: Int
    /// Whether the caller cancelled on the way, so that the values mean nothing.
    public var isCancelled: Bool

    /// Active blocks of the first problem.
    public var activeCount: Int { activeCounts[0] }
}
