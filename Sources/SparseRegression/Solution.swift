/// How close to the optimum a solution is known to be, and what it cost.
public struct Certificate: Sendable, Equatable {
    /// The primal objective at the solution.
    public let objective: Double
    /// Primal minus best dual objective over ½‖Y‖²: the objective is at most this far above the optimum.
    public let relativeGap: Double
    /// Sweeps of coordinate descent.
    public let epochs: Int
    /// Newton steps on the support that lowered the objective.
    public let newtonSteps: Int
    /// Full passes over the design, the certifying one included.
    public let fullPasses: Int
}

/// Why a solver stopped.
public enum StopReason: String, Sendable, Codable {
    /// The gap that was asked for is reached.
    case converged
    /// A limit on epochs or passes was reached first.
    case limit
    /// Rounding stopped the progress above the gap that was asked for.
    case stagnated
    /// The caller cancelled.
    case cancelled
}

/// What a solver reached.
public struct Solution: Sendable {
    /// The nonzero blocks; also a start for the next solve.
    public let active: ActiveSet
    /// ‖Y − XB‖².
    public let squaredResidual: Double
    /// Proof of quality, and cost.
    public let certificate: Certificate
    /// Why the solver stopped.
    public let reason: StopReason
}
