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

    /// A point from its values.
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

    /// Name of the criterion, for example `SURE`; `fixed` where the caller gave λ.
    public let criterion: String
    /// Name of the search, for example `path`; `none` where the caller gave λ.
    public let search: String
    /// What the points are ordered by.
    public let axis: Axis
    /// The points in the order of ``axis``.
    public let points: [SelectionPoint]
    /// Position of the chosen point in `points`.
    public let chosenIndex: Int
    /// Whether the chosen point is the largest or smallest λ tried, so that the true minimum may lie outside.
    public let atGridEdge: Bool

    /// A curve from its points.
    ///
    /// - Parameters:
    ///   - points: at least one, in the order of the axis.
    ///   - chosenIndex: a position in `points`.
    public init(
        criterion: String, points: [SelectionPoint], chosenIndex: Int, atGridEdge: Bool, search: String = "path",
        axis: Axis = .lambda
    ) {
        precondition(points.indices.contains(chosenIndex), "the chosen point must be one of the curve")
        self.criterion = criterion
        self.search = search
        self.axis = axis
        self.points = points
        self.chosenIndex = chosenIndex
        self.atGridEdge = atGridEdge
    }

    /// The chosen point.
    public var chosen: SelectionPoint { points[chosenIndex] }
}
