/// How close to the optimum a solution is known to be, and what it cost.
public struct Certificate: Sendable, Equatable {
    /// The primal objective at the solution.
    public var objective: Double
    /// Primal minus best dual objective over ½‖Y‖²: the objective is at most this far above the optimum. Infinite for a
    /// penalty that is not convex, where nothing is known of how far the global optimum is.
    public var relativeGap: Double
    /// The largest violation of the optimality conditions over max_j ‖X_jᵀY‖: L_j‖B_j − prox(B_j + X_jᵀR/L_j)‖. Under a
    /// penalty of entries the blocks are the entries.
    public var relativeViolation: Double
    /// Sweeps of coordinate descent, or steps of another engine.
    public var epochs: Int
    /// Newton steps that were taken.
    public var newtonSteps: Int
    /// Looks at all blocks, the certifying one included.
    public var fullPasses: Int
    /// What those looks cost, in passes over the gain: columns multiplied with a residual, over all columns. A look
    /// multiplies only columns that could matter by what is known of them.
    public var passesOverGain: Double
    /// Blocks that Gap Safe rules proved to be zero at the optimum.
    public var screenedBlocks: Int
    /// Times that scratch memory was allocated: outside of sweeps and steps.
    public var allocations: Int

    /// A certificate as a solver tells it; NaN where it does not know a number.
    public init(
        objective: Double, relativeGap: Double, relativeViolation: Double, epochs: Int, newtonSteps: Int,
        fullPasses: Int, passesOverGain: Double, screenedBlocks: Int, allocations: Int
    ) {
        self.objective = objective
        self.relativeGap = relativeGap
        self.relativeViolation = relativeViolation
        self.epochs = epochs
        self.newtonSteps = newtonSteps
        self.fullPasses = fullPasses
        self.passesOverGain = passesOverGain
        self.screenedBlocks = screenedBlocks
        self.allocations = allocations
    }
}

/// Why a solver stopped.
public enum StopReason: String, Sendable, Codable {
    /// The gap (or, without convexity, the violation) that was asked for is reached.
    case converged
    /// A limit on epochs or passes was reached first.
    case limit
    /// The time was over first.
    case timeLimit = "time limit"
    /// Rounding stopped the progress above the gap that was asked for.
    case stagnated
    /// The caller cancelled.
    case cancelled
    /// The start or the objective is not a finite number, or the start belongs to another problem; what is returned is
    /// the best point before that, or what was found from zero.
    case notFinite = "not finite"
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
    /// What the relative gap is relative to: ½‖Y‖², or 1 where that is zero.
    public let scale: Double

    /// A solution as a solver tells it.
    public init(
        active: ActiveSet, squaredResidual: Double, certificate: Certificate, reason: StopReason, scale: Double
    ) {
        self.active = active
        self.squaredResidual = squaredResidual
        self.certificate = certificate
        self.reason = reason
        self.scale = scale
    }
}
