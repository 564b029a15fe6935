/// What makes one regularization better than another: a number for a solution, smaller is better.
///
/// A new criterion is one file that conforms to this.
public protocol Criterion: Sendable {
    /// Name for tables and figures.
    var name: String { get }

    /// Judges a solution of a problem under a penalty.
    func evaluate(_ solution: Solution, of problem: RegressionProblem, under penalty: some BlockPenalty) -> Judgement
}

/// What a criterion says of a solution.
public struct Judgement: Sendable, Equatable {
    /// The criterion, smaller is better; infinite where it could not be computed.
    public let value: Double
    /// Degrees of freedom of the fit.
    public let degreesOfFreedom: Double

    /// A judgement from its values.
    public init(value: Double, degreesOfFreedom: Double) {
        self.value = value
        self.degreesOfFreedom = degreesOfFreedom
    }
}
