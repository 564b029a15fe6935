/// The relaxed problems of ``MSR3`` and ``MSR3Fast``, min over (β, γ) and w of L + φ(w) + ½η‖(β, γ) − w‖², by proximal Newton steps with
/// w eliminated (``MoreauEnvelope``): the same points without an interior, which suits a path that visits many λ.
public struct RelaxedNewton: EffectSolver {
    /// η.
    public let strength: Double
    /// What φ is multiplied by: η for the points of ``MSR3Fast``, 1 for those of ``MSR3``.
    public let factor: Double
    private let newton: ProximalNewton

    /// - Throws: ``InvalidEffectPenalty`` where η or the factor is not positive.
    public init(strength: Double, factor: Double = 1, tolerance: Double = 1e-7) throws(InvalidEffectPenalty) {
        try InvalidEffectPenalty.check("the strength η of the relaxation", strength)
        try InvalidEffectPenalty.check("the factor of a penalty", factor)
        self.strength = strength
        self.factor = factor
        newton = ProximalNewton(tolerance: tolerance)
    }

    /// See ``EffectSolver``; `selected` is w. Of a penalty that is no sum over effects the start comes back, not converged.
    public func solve(_ objective: PenalizedLikelihood, from start: Effects) -> EffectSolution {
        let scaled = objective.with(penalty: objective.penalty.scaled(by: factor))
        guard let envelope = try? scaled.penalty.relaxed(strength: strength) else {
            return EffectSolution(
                effects: start, selected: start, objective: objective.value(at: start), iterations: 0,
                residual: .infinity,
                isConverged: false)
        }
        let found = newton.solve(objective.with(penalty: envelope), from: start)
        var selected = found.effects
        scaled.shrink(found.effects, step: 1 / strength, into: &selected)
        return EffectSolution(
            effects: found.effects, selected: selected, objective: found.objective, iterations: found.iterations,
            residual: found.residual, isConverged: found.isConverged)
    }
}
