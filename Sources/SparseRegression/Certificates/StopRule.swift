/// When a solver stops.
public struct StopRule: Sendable, Equatable {
    /// Duality gap over ½‖Y‖² that is good enough.
    public var relativeGap: Double
    /// Violation of the optimality conditions over max_j ‖X_jᵀY‖ that is good enough for a penalty that is not convex
    /// and therefore has no gap.
    public var relativeViolation: Double
    /// Most sweeps of coordinate descent, or inner steps of another engine.
    public var maximumEpochs: Int
    /// Most looks at all blocks.
    public var maximumPasses: Int
    /// Longest time, s; looked at between rounds of sweeps.
    public var maximumSeconds: Double

    /// A rule whose limits hold at once: whichever is reached first ends the solve.
    ///
    /// - Parameters:
    ///   - relativeGap: of convex penalties; zero or less asks for all digits there are.
    ///   - relativeViolation: of other penalties.
    ///   - maximumEpochs: sweeps or steps; none are done at 0.
    ///   - maximumPasses: looks at all blocks; the first is always taken.
    ///   - maximumSeconds: s.
    public init(
        relativeGap: Double = 1e-6, relativeViolation: Double = 1e-6, maximumEpochs: Int = 200_000,
        maximumPasses: Int = 1_000, maximumSeconds: Double = .infinity
    ) {
        self.relativeGap = relativeGap
        self.relativeViolation = relativeViolation
        self.maximumEpochs = maximumEpochs
        self.maximumPasses = maximumPasses
        self.maximumSeconds = maximumSeconds
    }

    /// Why any engine ends at a point it has looked at, its own limits apart; nil where it goes on.
    ///
    /// - Parameters:
    ///   - isFinite: whether the objective is a number.
    ///   - isReached: whether the gap, or violation, that was asked for is reached.
    package func reason(isFinite: Bool, isReached: Bool, monitor: Monitor, clock: Stopwatch) -> StopReason? {
        if !isFinite { return .notFinite }
        if isReached { return .converged }
        if monitor.isCancelled() { return .cancelled }
        return clock.isOver() ? .timeLimit : nil
    }
}

extension StopReason {
    /// The reason to tell: a start that could not be used is one, unless the caller ended the work first.
    package func afterStart(isUsable: Bool) -> StopReason {
        isUsable || self == .cancelled || self == .timeLimit ? self : .notFinite
    }
}
