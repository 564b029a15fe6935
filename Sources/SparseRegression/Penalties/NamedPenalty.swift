/// A penalty that options, searches and results know by name: λ, a weight a block, and at most one number of shape.
///
/// A new one is one file, the penalty with its ``PenaltyKind``, and one line in ``PenaltyKind/all``; it can then be solved
/// for, searched over and used to localize.
public protocol NamedPenalty: BlockPenalty {
    /// What is known of it by name.
    static var kind: PenaltyKind { get }

    /// The penalty at its parameters.
    ///
    /// - Parameters:
    ///   - lambda: λ > 0, the slope at zero of a block of weight one, so that nothing is active at λ_max.
    ///   - shape: the number of the kind, in units of the problem (``PenaltyKind/shape(_:for:parallelism:)``); nil for a
    ///     penalty that has none.
    ///   - weights: one weight a block, from 0 (unpenalized) to infinity (excluded); nil means all one.
    /// - Throws: ``InvalidPenalty``.
    init(lambda: Double, shape: Double?, weights: [Double]?) throws(InvalidPenalty)

    /// ∂φ_j′(r)/∂log λ_j and ∂φ_j″(r)/∂log λ_j.
    func derivativesByLambda(norm: Double, block: Int) -> (first: Double, second: Double)

    /// ∂φ_j′(r)/∂log s and ∂φ_j″(r)/∂log s for the number of shape s; asked only where it is searched over.
    func derivativesByShape(norm: Double, block: Int) -> (first: Double, second: Double)
}

extension NamedPenalty {
    /// Those of a penalty proportional to λ.
    public func derivativesByLambda(norm: Double, block: Int) -> (first: Double, second: Double) {
        derivatives(norm: norm, block: block)
    }

    /// None, without a shape.
    public func derivativesByShape(norm: Double, block: Int) -> (first: Double, second: Double) { (0, 0) }
}

/// What is known of a penalty by its name.
public struct PenaltyKind: NamedKind {
    /// The number beside λ that a penalty depends on.
    public struct Shape: Sendable {
        /// The options that give a number of shape.
        public enum Option: String, Sendable {
            case ridge, gamma
        }

        /// The option that gives it.
        public let option: Option
        /// Its letter in formulas.
        public let symbol: String
        /// Its value where none is given; nil for one that must be given or searched over.
        public let usual: Double?
        /// Whether it is measured in units of 1/‖X_j‖², the curvature of a block's own fit; the median block stands for all.
        public let isPerCurvature: Bool
        /// Whether a search that is not given its value looks for it: it goes by powers of the mean ‖X_j‖² of a column.
        public let isSearched: Bool

        /// - Parameters: as the properties.
        public init(
            option: Option, symbol: String, usual: Double? = nil, isPerCurvature: Bool = false, isSearched: Bool = false
        ) {
            self.option = option
            self.symbol = symbol
            self.usual = usual
            self.isPerCurvature = isPerCurvature
            self.isSearched = isSearched
        }
    }

    /// The penalties that options know.
    ///
    /// A program with penalties of its own binds the longer list around what reads options: `PenaltyKind.$all.withValue`.
    @TaskLocal public static var all = [
        GroupLasso.kind, Lasso.kind, ElasticNet.kind, MinimaxConcavePenalty.kind, SmoothlyClippedPenalty.kind,
    ]

    /// Name for options and results.
    public let name: String
    /// One line of help.
    public let help: String
    /// What it takes for a block, as the penalty itself says.
    public let scope: PenaltyScope
    /// The number beside λ; nil where there is none.
    public let shape: Shape?
    /// The penalty itself.
    public let type: any NamedPenalty.Type

    /// - Parameters:
    ///   - type: the penalty.
    ///   - name: for options and results, different from all others.
    ///   - help: one line.
    ///   - scope: as the penalty's own.
    ///   - shape: the number beside λ.
    public init(
        _ type: any NamedPenalty.Type, name: String, help: String, scope: PenaltyScope = .block, shape: Shape? = nil
    ) {
        self.type = type
        self.name = name
        self.help = help
        self.scope = scope
        self.shape = shape
    }

    /// Whether a search looks for the number of shape, unless it is given.
    public func searchesShape(given: Double?) -> Bool { given == nil && shape?.isSearched == true }

    /// The number of shape in units of a problem.
    ///
    /// - Parameter given: as an option gives it; nil takes the usual value.
    /// - Returns: nil where there is no shape, or no value for it.
    /// - Complexity: O(n·p) for one in units of a curvature.
    public func shape(_ given: Double?, for problem: RegressionProblem, parallelism: Parallelism = .serial) -> Double? {
        guard let shape, let value = given ?? shape.usual else { return nil }
        guard shape.isPerCurvature else { return value }
        let norms = problem.blockNorms(parallelism: parallelism).filter { $0 > 0 }.sorted()
        let typical = norms.isEmpty ? 1 : norms[norms.count / 2]
        return value / (typical * typical)
    }

    /// The smallest λ at which nothing is active.
    ///
    /// - Complexity: O(n·p·T).
    public func largestLambda(of problem: RegressionProblem, parallelism: Parallelism = .serial) -> Double {
        switch scope {
        case .block: problem.largestLambda(parallelism: parallelism)
        case .entry: problem.largestEntryLambda(parallelism: parallelism)
        }
    }
}
