import LinearAlgebra

/// MSR3-fast (Sholokhov et al. 2022): one interior-point phase for the relaxed likelihood, interleaved with proximal steps of its
/// sparse copy w.
///
/// It minimizes L(β, γ) + ½η‖(β, γ) − w‖² + ηφ(w) over γ ≥ 0 and w: the proximal step has length one, not 1/η, so that the
/// penalty of the relaxation is η times the one given (λ_eff = ηλ; ``ScaledPenalty``). The selected effects are w.
/// Here w follows the effects within each Newton step, whose equations know how it moves. ``published`` moves it between steps.
public struct MSR3Fast: EffectSolver, Equatable {
    /// η > 0.
    public let strength: Double
    /// Each phase of the barrier ends when γ∘ν is central, and μ shrinks by this much.
    public let decay: Double
    /// μ to begin with; warm starts do with less.
    public let barrier: Double
    /// The stationarity residual to stop at; a barrier ends at as much.
    public let tolerance: Double
    /// Newton steps at most.
    public let iterationLimit: Int
    /// Whether w follows the effects within a step.
    public let follows: Bool

    /// - Parameters:
    ///   - strength: η > 0, finite.
    ///   - decay: within (0, 1).
    ///   - barrier: above `tolerance`; a large one keeps clear of the boundary while effects are far from the answer.
    ///   - tolerance: above 0.
    ///   - follows: false moves w only where γ∘ν is central.
    /// - Throws: ``InvalidEffectPenalty`` where η is no positive number.
    public init(
        strength: Double, decay: Double = 0.03, barrier: Double = 10, tolerance: Double = 1e-6,
        iterationLimit: Int = 500, follows: Bool = true
    ) throws(InvalidEffectPenalty) {
        try InvalidEffectPenalty.check("the strength η of the relaxation", strength)
        self.strength = strength
        self.decay = decay
        self.barrier = barrier
        self.tolerance = tolerance
        self.iterationLimit = iterationLimit
        self.follows = follows
    }

    /// The schedule of the published program: μ halves, and w moves between steps.
    ///
    /// - Throws: as ``init(strength:decay:barrier:tolerance:iterationLimit:follows:)``.
    public static func published(strength: Double) throws(InvalidEffectPenalty) -> MSR3Fast {
        try MSR3Fast(strength: strength, decay: 0.5, barrier: 0.1, tolerance: 1e-4, follows: false)
    }

    /// See ``EffectSolver``; the objective of the answer is the relaxed one with the effective penalty.
    ///
    /// - Complexity: one evaluation of L with its Hessian and O((p + q)³) a Newton step.
    public func solve(_ objective: PenalizedLikelihood, from start: Effects) -> EffectSolution {
        phase(objective.with(penalty: objective.penalty.scaled(by: strength)), from: start)
    }

    /// The interior-point phase with the penalty as it is.
    func phase(_ relaxed: PenalizedLikelihood, from start: Effects) -> EffectSolution {
        let newton = BarrierNewton(
            relaxed, strength: strength, mode: follows ? .following : .still, start: start, barrier: barrier)
        // From the answer to a similar problem no barrier is needed.
        var isConverged = newton.mode == .following && newton.finish(tolerance: tolerance)
        if !isConverged { newton.enter(barrier: barrier) }
        while !isConverged, newton.iterations < iterationLimit {
            guard newton.step() else { break }
            guard newton.isCentral(within: follows ? 2 : 0.5) else { continue }
            let mean = newton.complementarity
            newton.barrier = decay * mean
            if newton.mode == .still {
                isConverged = strength * newton.recentre() <= tolerance && newton.violation <= tolerance
            } else {
                isConverged = newton.violation <= tolerance || mean <= 1e-3 && newton.finish(tolerance: tolerance)
            }
        }
        return newton.solution(isConverged: isConverged)
    }
}
