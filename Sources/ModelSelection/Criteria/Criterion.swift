/// What makes one regularization better than another: a number for what was fitted, smaller is better.
///
/// A criterion says which problems it wants solved (the problem itself, the problem without some rows, with noise added),
/// and judges their solutions, with the gradient where it is asked for. A new criterion is one file that conforms to this.
public protocol Criterion: Sendable {
    /// Name for tables and figures.
    var name: String { get }

    /// The problems whose solutions the criterion reads, in the order of the fits it judges.
    ///
    /// - Returns: at least one.
    /// - Throws: ``RegressionProblem/Invalid`` or ``InvalidCriterion`` where the criterion does not suit the problem.
    func problems(for problem: RegressionProblem) throws -> [RegressionProblem]

    /// Judges the solutions of ``problems(for:)`` under one penalty.
    ///
    /// - Parameters:
    ///   - problem: what was given to ``problems(for:)``.
    ///   - wantsGradient: whether the derivatives are needed, too.
    func judge(_ fits: [Fit], of problem: RegressionProblem, wantsGradient: Bool) -> Judgement

    /// Takes what the criterion depends on beside the problem into a fingerprint, so that a record of another criterion is
    /// not taken up by mistake. By default the settings as text; a criterion that holds data takes in their bits.
    func identify(in fingerprint: inout Fingerprint)

    /// Whether the values estimate the squared error of the fit up to a constant, ‖Y − XB‖² + 2σ²·dof, so that those at
    /// another σ are known.
    var estimatesRisk: Bool { get }

    /// Whether the first of ``problems(for:)`` is the problem itself, so that its solution is that of the choice.
    var readsProblem: Bool { get }
}

extension Criterion {
    /// Not unless a criterion says so.
    public var readsProblem: Bool { false }

    /// Not unless a criterion says so.
    public var estimatesRisk: Bool { false }

    /// The settings as text.
    public func identify(in fingerprint: inout Fingerprint) { fingerprint.absorb("\(self)") }
}

/// What a criterion says of its fits.
public struct Judgement: Sendable {
    /// The criterion, smaller is better; infinite where it could not be computed.
    public let value: Double
    /// Degrees of freedom of the fit; NaN where the criterion does not know them.
    public let degreesOfFreedom: Double
    /// ∂C/∂‖Y − XB‖² at fixed degrees of freedom, where the criterion is a function of the two that grows with both.
    public let residualSlope: Double?
    /// One derivative a fit; nil where it was not asked for or could not be computed.
    public let derivatives: [FitDerivative]?

    /// - Parameters:
    ///   - value: smaller is better; infinite where it could not be computed.
    ///   - degreesOfFreedom: NaN where the criterion does not know them.
    ///   - residualSlope: ∂C/∂‖Y − XB‖² at fixed degrees of freedom, where C is a function of the two.
    ///   - derivatives: one a fit; nil where not asked for or not to be had.
    public init(
        value: Double, degreesOfFreedom: Double, residualSlope: Double? = nil, derivatives: [FitDerivative]? = nil
    ) {
        self.value = value
        self.degreesOfFreedom = degreesOfFreedom
        self.residualSlope = residualSlope
        self.derivatives = derivatives
    }

    /// What cannot be judged.
    static let impossible = Judgement(value: .infinity, degreesOfFreedom: .nan)
}

/// The derivative of a criterion with respect to one fit.
public struct FitDerivative: Sendable {
    /// ∂C/∂B of each support, samples × columns as its coefficients; the penalty held fixed but for its dependence on B.
    public var coefficients: [Matrix]
    /// ∂C/∂φ_j′ and ∂C/∂φ_j″ of every block of each support at fixed B; empty where the criterion does not look at the
    /// penalty.
    public var slopes: [[(first: Double, second: Double)]]

    /// - Parameters:
    ///   - coefficients: ∂C/∂B of each support.
    ///   - slopes: ∂C/∂φ_j′ and ∂C/∂φ_j″ of every block of each; empty where the criterion ignores the penalty.
    public init(coefficients: [Matrix], slopes: [[(first: Double, second: Double)]] = []) {
        self.coefficients = coefficients
        self.slopes = slopes
    }
}

/// Why a criterion cannot judge a problem.
public struct InvalidCriterion: Error, Equatable, Sendable, CustomStringConvertible {
    /// One line in plain English.
    public let description: String

    /// - Parameter description: what was found and what was expected.
    public init(_ description: String) { self.description = description }
}
