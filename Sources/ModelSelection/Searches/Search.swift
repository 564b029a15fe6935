/// A way through the hyperparameters, one evaluation after another.
///
/// A search computes nothing itself: it is asked what to evaluate next, given all that was evaluated. Its answers depend on
/// nothing else, so that a search is stopped, saved and resumed by its history alone (``SearchRecord``). A new search is one
/// file that conforms to this.
public protocol Search: Sendable {
    /// What it knows beside the points evaluated, and could derive anew from them.
    associatedtype Memory: Sendable

    /// Name for options and results.
    var name: String { get }

    /// The memory before the first evaluation.
    ///
    /// - Parameters:
    ///   - domain: where to look.
    ///   - start: where to begin, within the domain.
    func begin(at start: [Double], in domain: SearchDomain) -> Memory

    /// What to do next.
    ///
    /// - Parameters:
    ///   - points: all that was evaluated; the last answers the last request.
    ///   - memory: what the search knows beside them.
    ///   - domain: where to look.
    func next(after points: [SearchPoint], memory: inout Memory, in domain: SearchDomain) -> SearchStep
}

/// What a search wants.
public enum SearchStep: Sendable, Equatable {
    /// The criterion at a point, with its gradient or without, of solutions to a relative gap of `accuracy` times the
    /// gap asked for by the caller (at least 1).
    case evaluate([Double], gradient: Bool, accuracy: Double)
    /// Nothing more.
    case end(SearchEnd)

    /// An evaluation as exact as the caller asked for.
    public static func evaluate(_ logs: [Double], gradient: Bool) -> SearchStep {
        .evaluate(logs, gradient: gradient, accuracy: 1)
    }
}

/// Why a search ended.
public enum SearchEnd: String, Sendable, Codable {
    /// The bracket or the step is as small as asked for.
    case converged
    /// The gradient is as small as asked for.
    case flat
    /// All its points are evaluated.
    case exhausted
    /// The best point is the first or the last of those tried: the minimum may lie beyond.
    case edge = "at the edge"
    /// What was found is enough for a start, wherever the minimum may lie.
    case enough
    /// No step along its direction lowers the criterion: a kink, or the accuracy of the solves.
    case noDescent = "no descent"
    /// The criterion or its gradient is not a finite number.
    case notFinite = "not finite"
    /// The evaluations allowed are used up.
    case evaluationLimit = "evaluation limit"
    /// The time allowed is over.
    case timeLimit = "time limit"
    /// The caller cancelled.
    case cancelled
}

/// A box of logarithms of hyperparameters.
public struct SearchDomain: Sendable, Equatable, Codable {
    /// Lower bounds.
    public let lower: [Double]
    /// Upper bounds, none below its lower bound.
    public let upper: [Double]

    /// A box from its bounds; a pair in the wrong order is exchanged.
    public init(lower: [Double], upper: [Double]) {
        precondition(lower.count == upper.count, "as many lower as upper bounds")
        self.lower = zip(lower, upper).map { min($0, $1) }
        self.upper = zip(lower, upper).map { max($0, $1) }
    }

    /// - Throws: `DecodingError` for bounds of different numbers, in the wrong order or not finite.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        lower = try container.decode([Double].self, forKey: .lower)
        upper = try container.decode([Double].self, forKey: .upper)
        guard lower.count == upper.count, zip(lower, upper).allSatisfy({ $0 <= $1 && $0.isFinite && $1.isFinite })
        else {
            throw DecodingError.dataCorruptedError(
                forKey: .upper, in: container, debugDescription: "bounds that are no box")
        }
    }

    /// Number of hyperparameters.
    public var dimension: Int { lower.count }

    /// The nearest point of the box.
    public func clamp(_ logs: [Double]) -> [Double] {
        logs.indices.map { min(upper[$0], max(lower[$0], logs[$0])) }
    }

    /// The bounds of a hyperparameter.
    func bounds(_ k: Int) -> ClosedRange<Double> { lower[k]...upper[k] }

    /// A point further down, for where nothing is active and nothing has a slope; nil at the lower bounds.
    func below(_ logs: [Double]) -> [Double]? {
        let next = clamp(logs.map { $0 - 0.5 })
        return next == logs ? nil : next
    }

    /// Whether a coordinate cannot move along −slope.
    func isHeld(_ k: Int, at value: Double, slope: Double) -> Bool {
        (value <= lower[k] && slope > 0) || (value >= upper[k] && slope < 0)
    }

    /// The gradient without what points out of the box.
    public func projected(_ gradient: [Double], at logs: [Double]) -> [Double] {
        gradient.indices.map { isHeld($0, at: logs[$0], slope: gradient[$0]) ? 0 : gradient[$0] }
    }
}

/// A point that was evaluated.
public struct SearchPoint: Sendable, Equatable, Codable {
    /// θ, natural logarithms.
    public var logs: [Double]
    /// The criterion, smaller is better.
    public var value: Double
    /// Its gradient, where it was asked for.
    public var gradient: [Double]?
    /// Degrees of freedom; nil where the criterion does not know them.
    public var degreesOfFreedom: Double?
    /// ‖Y − XB‖² of the first problem.
    public var squaredResidual: Double
    /// Active blocks of the first problem.
    public var activeCount: Int
    /// Degrees of freedom over entries of the data; 0 where they are not known.
    public var saturation: Double
    /// Active columns over rows of the data.
    public var columnsPerRow: Double
    /// ∂C/∂‖Y − XB‖² at fixed degrees of freedom; nil where the criterion is no function of the two.
    public var residualSlope: Double?
    /// Largest relative gap of the solutions.
    public var relativeGap: Double
    /// Problems solved.
    public var innerSolves: Int
    /// Sweeps over all solves.
    public var epochs: Int
    /// Full passes over all solves.
    public var fullPasses: Int
    /// Seconds it took.
    public var seconds: Double
}
