/// One point of a selection curve: a regularization that was tried and what came of it.
public struct SelectionPoint: Sendable, Equatable {
    /// λ, in units of the whitened, weighted problem; where every source has a λ_j of its own, their geometric mean.
    public let lambda: Double
    /// λ divided by the smallest λ at which no source is active.
    public let ratio: Double
    /// Value of the criterion, smaller is better (SURE: estimated squared error of the fitted field).
    public let criterion: Double
    /// Degrees of freedom of the fit.
    public let degreesOfFreedom: Double
    /// ‖Y − XB‖², whitened.
    public let squaredResidual: Double
    /// Number of active sources.
    public let activeCount: Int
    /// Duality gap over ½‖Y‖² that the solution at this point was certified to.
    public let relativeGap: Double
    /// Seconds spent on this point.
    public let seconds: Double

    /// A point as a search or a file gives it; nothing is checked, and what is not known is NaN.
    public init(
        lambda: Double, ratio: Double, criterion: Double, degreesOfFreedom: Double, squaredResidual: Double,
        activeCount: Int, relativeGap: Double, seconds: Double
    ) {
        self.lambda = lambda
        self.ratio = ratio
        self.criterion = criterion
        self.degreesOfFreedom = degreesOfFreedom
        self.squaredResidual = squaredResidual
        self.activeCount = activeCount
        self.relativeGap = relativeGap
        self.seconds = seconds
    }
}

/// All regularizations that were tried, and the one that was chosen.
public struct SelectionCurve: Sendable, Equatable {
    /// What the points are ordered by.
    public enum Axis: String, Sendable, Codable {
        /// One λ for all sources: the points descend in λ.
        case lambda
        /// A λ_j for every source: the points come in the order of their evaluation.
        case evaluation
    }

    /// Where a curve comes from.
    public enum Origin: Sendable, Equatable {
        /// The caller gave λ: one point, which was judged and not chosen.
        case given
        /// A search, by its name, over one λ or over a λ_j for every source.
        case search(String, over: Axis)
        /// Updates of a λ_j for every source that are no search: those of the evidence.
        case updates
    }

    /// Where it comes from.
    public let origin: Origin
    /// Name of the criterion, for example `SURE`; `fixed` where the caller gave λ.
    public let criterion: String
    /// Whether the criterion estimates the squared error of the fit (``Criterion/estimatesRisk``).
    public let estimatesRisk: Bool
    /// The points in the order of ``axis``, at least one.
    public let points: [SelectionPoint]
    /// Position of the chosen point in `points`.
    public let chosenIndex: Int
    /// Whether the chosen point is the largest or smallest λ tried, so that the true minimum may lie outside.
    public let atGridEdge: Bool
    /// What λ follows from where it is the quantile of noise; nil elsewhere.
    public var quantile: QuantileRecord?
    /// What else was set at each point, for people; nil where λ is all there is.
    public var notes: [String]?

    /// A curve from its points.
    ///
    /// - Parameters:
    ///   - origin: where it comes from.
    ///   - criterion: name of the criterion; that of a given λ is always `fixed`.
    ///   - estimatesRisk: whether the criterion estimates the squared error of the fit.
    ///   - points: at least one, in the order of the axis.
    ///   - chosenIndex: a position in `points`.
    ///   - atGridEdge: whether the minimum may lie outside of what was tried.
    public init(
        origin: Origin = .search("path", over: .lambda), criterion: String, estimatesRisk: Bool = false,
        points: [SelectionPoint], chosenIndex: Int, atGridEdge: Bool
    ) {
        precondition(points.indices.contains(chosenIndex), "the chosen point must be one of the curve")
        self.origin = origin
        self.criterion = origin == .given ? Self.givenCriterion : criterion
        self.estimatesRisk = estimatesRisk && origin != .given
        self.points = points
        self.chosenIndex = chosenIndex
        self.atGridEdge = atGridEdge
    }

    /// What the points are ordered by.
    public var axis: Axis {
        switch origin {
        case .given: .lambda
        case .search(_, let axis): axis
        case .updates: .evaluation
        }
    }

    /// Name of the search for tables and files, for example `path`; `none` where λ was given, `updates` where there was
    /// no search.
    public var search: String {
        switch origin {
        case .given: "none"
        case .search(let name, _): name
        case .updates: "updates"
        }
    }

    /// The chosen point.
    public var chosen: SelectionPoint { points[chosenIndex] }

    /// What else is set at the choice; nil where λ is all there is.
    public var chosenNote: String? {
        notes.flatMap { $0.indices.contains(chosenIndex) ? $0[chosenIndex] : nil }
    }

    private static let givenCriterion = "fixed"
}

extension SelectionCurve.Origin {
    /// The origin behind the names that ``SelectionCurve/search`` and ``SelectionCurve/axis`` gave it.
    public init(search: String, axis: SelectionCurve.Axis) {
        self =
            switch search {
            case "none": .given
            case "updates": .updates
            default: .search(search, over: axis)
            }
    }
}
