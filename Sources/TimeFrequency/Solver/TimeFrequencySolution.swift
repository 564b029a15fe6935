/// What a time-frequency solve reached.
public struct TimeFrequencySolution: Sendable {
    /// The sources that are not zero, with their time courses B_j = Z_jA.
    public let active: ActiveSet
    /// Their coefficients Z, D × columns of ``active``; not unique where B is.
    public let coefficients: Matrix
    /// ‖Y − XB‖².
    public let squaredResidual: Double
    /// ½‖Y − XB‖² + λ Σ Ω_j(Z_j).
    public let objective: Double
    /// The best dual objective seen: the optimum is not below it.
    public let dual: Double
    /// (objective − dual) / `scale`.
    public let relativeGap: Double
    /// ½‖Y‖², or 1 where that is zero.
    public let scale: Double
    /// Why the solver stopped.
    public let reason: StopReason
    /// What it cost.
    public let work: Work

    /// What a solve cost.
    public struct Work: Sendable, Equatable {
        /// Sweeps.
        public var epochs = 0
        /// Looks at all sources, the certifying one included.
        public var fullPasses = 0
        /// Columns multiplied with a residual in those looks, over all columns.
        public var passesOverGain = 0.0
        /// Analyses of a source, in looks and sweeps.
        public var transforms = 0
        /// Sources that Gap Safe rules proved to be zero.
        public var screenedBlocks = 0
        /// Times that scratch memory was allocated so far in the session: outside of sweeps.
        public var allocations = 0
    }
}
