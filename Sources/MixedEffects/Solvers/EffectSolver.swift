/// A way to minimize a penalized likelihood. What it finds is stationary; where several points are, it depends on the start.
public protocol EffectSolver: Sendable {
    /// Minimizes.
    ///
    /// - Parameter start: where to begin; p and q values, variances not negative.
    func solve(_ objective: PenalizedLikelihood, from start: Effects) -> EffectSolution
}

/// What a solver found.
public struct EffectSolution: Sendable, Equatable {
    /// β and γ.
    public let effects: Effects
    /// The sparse copy w of a relaxation; the effects themselves where nothing was relaxed.
    public let selected: Effects
    /// What was minimized, at the effects: the relaxed objective where there is one.
    public let objective: Double
    /// Steps taken; of nested iterations the inner ones.
    public let iterations: Int
    /// The largest slope of the objective along a single effect that the constraints allow; of a variance that is pushed towards
    /// zero no more than its size.
    public let residual: Double
    /// Whether the solver's rule to stop was met.
    public let isConverged: Bool
}
