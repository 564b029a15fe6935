import LinearAlgebra

/// MSR3 (Sholokhov et al. 2022): proximal gradient descent on the value function of the relaxed likelihood,
/// v(w) = min over β and γ ≥ 0 of L(β, γ) + ½η‖(β, γ) − w‖², evaluated to the end by an interior point.
///
/// It minimizes v(w) + φ(w). ∇v(w) = η(w − x(w)) with x(w) the minimizer, so that a step of length 1/η is w ← prox(x(w)).
/// Steps are accelerated, beginning anew where momentum leads uphill (O'Donoghue & Candès 2015). They begin near the answer,
/// where a phase ends in which w follows the effects, as that of ``MSR3Fast``; under a hierarchy there is none, and they begin at
/// the start. The selected effects are w.
public struct MSR3: EffectSolver, Equatable {
    /// η > 0.
    public let strength: Double
    /// The stationarity residual to stop at.
    public let tolerance: Double
    /// Evaluations of the value function at most.
    public let iterationLimit: Int
    /// Whether steps have momentum.
    public let isAccelerated: Bool

    /// - Parameters:
    ///   - strength: η > 0, finite.
    ///   - tolerance: above 0.
    /// - Throws: ``InvalidEffectPenalty`` where η is no positive number.
    public init(
        strength: Double, tolerance: Double = 1e-6, iterationLimit: Int = 2000, isAccelerated: Bool = true
    ) throws(InvalidEffectPenalty) {
        try InvalidEffectPenalty.check("the strength η of the relaxation", strength)
        self.strength = strength
        self.tolerance = tolerance
        self.iterationLimit = iterationLimit
        self.isAccelerated = isAccelerated
    }

    /// What the value function is at a point.
    public struct Value: Sendable {
        /// v(w).
        public let value: Double
        /// ∇v(w).
        public let gradient: Effects
        /// x(w).
        public let minimizer: Effects
    }

    /// The value function v at w, and its gradient.
    ///
    /// - Parameter start: where its minimization begins.
    public func evaluate(_ objective: PenalizedLikelihood, at w: Effects, from start: Effects) -> Value {
        let newton = BarrierNewton(objective, strength: strength, mode: .still, start: start, barrier: 0.1)
        newton.move(centre: w)
        minimize(newton, tolerance: 0.01 * tolerance, barrier: 0.1)
        let found = newton.effects
        func difference(_ w: [Double], _ x: [Double]) -> [Double] { zip(w, x).map { strength * ($0 - $1) } }
        let gradient = Effects(
            fixed: difference(w.fixed, found.fixed), variances: difference(w.variances, found.variances))
        let squares = (gradient.fixed + gradient.variances).reduce(0) { $0 + $1 * $1 }
        return Value(
            value: objective.likelihood.value(at: found) + squares / (2 * strength), gradient: gradient,
            minimizer: found)
    }

    /// The interior point to its end.
    private func minimize(_ newton: BarrierNewton, tolerance: Double, barrier: Double) {
        // Near the answer its zeros are known.
        if newton.finish(tolerance: tolerance) { return }
        newton.enter(barrier: barrier)
        var steps = 0
        while newton.violation > tolerance, steps < 200 {
            steps += 1
            guard newton.step() else { return }
            guard newton.isCentral(within: 0.5) else { continue }
            let mean = newton.complementarity
            if mean <= 1e-3, newton.finish(tolerance: tolerance) { return }
            newton.barrier = 0.1 * mean
        }
    }

    /// See ``EffectSolver``.
    ///
    /// - Complexity: some Newton steps, each one evaluation of L with its Hessian and O((p + q)³), for each step of w.
    public func solve(_ objective: PenalizedLikelihood, from start: Effects) -> EffectSolution {
        let first =
            objective.parents.isEmpty
            ? try? MSR3Fast(strength: strength, tolerance: tolerance).phase(objective, from: start) : nil
        let near = first.flatMap { $0.objective.isFinite ? $0.effects : nil } ?? start
        let newton = BarrierNewton(objective, strength: strength, mode: .still, start: near, barrier: 0.1)
        var selected = newton.centre
        var point = newton.centre
        var momentum = 1.0
        var barrier = 0.1
        var isConverged = false
        for _ in 0..<iterationLimit {
            minimize(newton, tolerance: 0.1 * tolerance, barrier: barrier)
            let change = newton.recentre()
            isConverged = newton.residual <= tolerance
            if isConverged || !newton.value.isFinite { break }
            if isAccelerated {
                let isUphill = Self.product(of: (point, newton.centre), and: (newton.centre, selected)) > 0
                let next = isUphill ? 1 : 0.5 * (1 + (1 + 4 * momentum * momentum).squareRoot())
                let share = isUphill ? 0 : (momentum - 1) / next
                point = Self.combined(newton.centre, selected) { $0 + share * ($0 - $1) }
                momentum = next
                selected = newton.centre
                newton.move(centre: point)
            }
            barrier = max(tolerance, min(0.1, strength * change))
        }
        return newton.solution(isConverged: isConverged, after: first?.iterations ?? 0)
    }

    private static func combined(_ a: Effects, _ b: Effects, _ f: (Double, Double) -> Double) -> Effects {
        Effects(fixed: zip(a.fixed, b.fixed).map(f), variances: zip(a.variances, b.variances).map(f))
    }

    /// (a − b)ᵀ(c − d).
    private static func product(of ab: (Effects, Effects), and cd: (Effects, Effects)) -> Double {
        let products = combined(combined(ab.0, ab.1, -), combined(cd.0, cd.1, -), *)
        return (products.fixed + products.variances).reduce(0, +)
    }
}
