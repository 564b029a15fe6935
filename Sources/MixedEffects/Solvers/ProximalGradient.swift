import LinearAlgebra

/// Proximal gradient descent x ← prox(x − step·∇L(x)): the baseline, without relaxation.
///
/// By default effects are measured in units of what L bends along each, looked at every few steps, where the penalty is a sum
/// over effects. Each step begins with the length that the last change of the gradient suggests (Barzilai & Borwein 1988) and is
/// halved until the objective has fallen below the higher of the last two values (Wright, Nowak & Figueiredo 2009); under a
/// hierarchy until L stays below its quadratic bound. ``published`` is the fixed step of Sholokhov et al. (2022).
public struct ProximalGradient: EffectSolver, Equatable {
    /// How long a step is.
    public enum Step: Sendable, Equatable {
        /// Always the same; the iteration may diverge.
        case fixed(Double)
        /// Chosen anew each time, and shortened until it is a descent.
        case backtracking
    }

    /// When to stop.
    public enum Stop: Sendable, Equatable {
        /// The stationarity residual of ``EffectSolution`` is as small.
        case residual(Double)
        /// All effects together moved by less in a step: no proof of anything.
        case change(Double)
    }

    /// How long a step is.
    public let step: Step
    /// When to stop.
    public let stop: Stop
    /// Steps at most.
    public let iterationLimit: Int

    /// - Parameters:
    ///   - step: a fixed one positive.
    ///   - stop: above 0.
    ///   - iterationLimit: 1 or more.
    public init(step: Step = .backtracking, stop: Stop = .residual(1e-6), iterationLimit: Int = 20_000) {
        self.step = step
        self.stop = stop
        self.iterationLimit = iterationLimit
    }

    /// Step 1e-4, until a step is shorter than 1e-4.
    public static let published = ProximalGradient(step: .fixed(1e-4), stop: .change(1e-4), iterationLimit: 100_000)

    /// Values of the objective among which the highest must be undercut, and steps between looks at how L bends. Measured on
    /// problems of 40 effects: without units nine times as many evaluations, with a memory of 8 half as many again.
    private static let (memory, period) = (2, 10)

    /// See ``EffectSolver``.
    ///
    /// - Complexity: one evaluation of L a step, and one more a halving.
    public func solve(_ objective: PenalizedLikelihood, from start: Effects) -> EffectSolution {
        var run = Run(objective, start)
        var iterations = 0
        var isConverged = run.isDone(stop, change: .infinity)
        while !isConverged, iterations < iterationLimit, run.isFinite {
            iterations += 1
            let change: Double?
            switch step {
            case .fixed(let length): change = run.advance(by: length)
            case .backtracking:
                if iterations % Self.period == 1 { run.measure() }
                change = run.descend()
            }
            // No step of any length is a descent any more: rounding.
            guard let change else { break }
            isConverged = run.isDone(stop, change: change)
        }
        return EffectSolution(
            effects: run.x, selected: run.x, objective: run.value, iterations: iterations,
            residual: objective.violation(at: run.x, run.derivatives), isConverged: isConverged)
    }

    /// The iteration's memory, allocated once.
    private struct Run {
        let objective: PenalizedLikelihood
        var x: Effects
        /// The end of the gradient step, and what the proximal operator makes of it.
        var point: Effects
        var trial: Effects
        var derivatives: Likelihood.Derivatives
        var trialDerivatives: Likelihood.Derivatives
        var value: Double
        var recent: [Double]
        var count = 0
        /// How long a step is in units of each effect, and these units.
        var length = 1.0
        var scale: Effects

        init(_ objective: PenalizedLikelihood, _ start: Effects) {
            self.objective = objective
            (x, point, trial, scale) = (start, start, start, start)
            // A start that breaks a constraint would be below all that keep it.
            if !objective.penalty.isSeparable { objective.shrink(start, step: 1, into: &x) }
            derivatives = objective.likelihood.evaluate(at: x)
            trialDerivatives = Likelihood.Derivatives(
                fixedCount: x.fixed.count, randomCount: x.variances.count)
            value = derivatives.value + objective.penaltyValue(at: x)
            recent = [Double](repeating: -.infinity, count: ProximalGradient.memory)
            recent[0] = value
            for j in scale.fixed.indices { scale.fixed[j] = 1 }
            for j in scale.variances.indices { scale.variances[j] = 1 }
        }

        /// Takes what L bends along each effect for its unit; the most for all of a penalty that is no sum, and for those along
        /// which it is flat.
        mutating func measure() {
            if count > 0 { objective.likelihood.evaluate(at: x, into: &derivatives) }
            var most = 0.0
            for j in x.fixed.indices { most = max(most, derivatives.fixedHessian[j, j]) }
            for j in x.variances.indices {
                most = max(most, derivatives.convexHessian[j, j], derivatives.fisher[j, j])
            }
            guard most > 0, most.isFinite else { return }
            let isEach = objective.penalty.isSeparable
            func unit(_ curvature: Double) -> Double { 1 / (isEach && curvature > 1e-12 * most ? curvature : most) }
            for j in x.fixed.indices { scale.fixed[j] = unit(derivatives.fixedHessian[j, j]) }
            for j in x.variances.indices {
                scale.variances[j] = unit(max(derivatives.convexHessian[j, j], derivatives.fisher[j, j]))
            }
        }

        var isFinite: Bool { value.isFinite }

        func isDone(_ stop: Stop, change: Double) -> Bool {
            switch stop {
            case .residual(let bound): objective.violation(at: x, derivatives) <= bound
            case .change(let bound): change < bound
            }
        }

        /// Prepares the proximal step from x as the trial, and tells ‖d‖², in units and without, and ∇Lᵀd of its change d.
        mutating func propose(_ step: Double) -> (scaled: Double, squared: Double, slope: Double) {
            for j in x.fixed.indices {
                point.fixed[j] = x.fixed[j] - step * scale.fixed[j] * derivatives.fixedGradient[j]
            }
            for j in x.variances.indices {
                point.variances[j] = x.variances[j] - step * scale.variances[j] * derivatives.varianceGradient(j)
            }
            if objective.penalty.isSeparable {
                objective.shrink(point, step: step, scale: scale, into: &trial)
            } else {
                // All have the same unit.
                let unit = scale.fixed.first ?? scale.variances.first ?? 1
                objective.shrink(point, step: step * unit, into: &trial)
            }
            var (scaled, squared, slope) = (0.0, 0.0, 0.0)
            for j in x.fixed.indices {
                let d = trial.fixed[j] - x.fixed[j]
                squared += d * d
                scaled += d * d / scale.fixed[j]
                slope += d * derivatives.fixedGradient[j]
            }
            for j in x.variances.indices {
                let d = trial.variances[j] - x.variances[j]
                squared += d * d
                scaled += d * d / scale.variances[j]
                slope += d * derivatives.varianceGradient(j)
            }
            return (scaled, squared, slope)
        }

        /// Goes to the trial, whose derivatives are there, and tells how far that is.
        mutating func accept(_ value: Double, squared: Double) -> Double {
            self.value = value
            swap(&x, &trial)
            swap(&derivatives, &trialDerivatives)
            count += 1
            recent[count % recent.count] = value
            return squared.squareRoot()
        }

        mutating func advance(by step: Double) -> Double? {
            let (_, squared, _) = propose(step)
            objective.likelihood.evaluateSlopes(at: trial, into: &trialDerivatives)
            let value = trialDerivatives.value + objective.penaltyValue(at: trial)
            return accept(value, squared: squared)
        }

        mutating func descend() -> Double? {
            var step = length
            var highest = -Double.infinity
            for value in recent { highest = max(highest, value) }
            for _ in 0..<60 {
                let (scaled, squared, slope) = propose(step)
                guard squared > 0 else { return nil }
                objective.likelihood.evaluateSlopes(at: trial, into: &trialDerivatives)
                let value = trialDerivatives.value + objective.penaltyValue(at: trial)
                let rounding = 1e-14 * abs(highest)
                let isDescent =
                    objective.parents.isEmpty
                    ? value <= highest - 1e-4 / (2 * step) * scaled + rounding
                    : trialDerivatives.value <= derivatives.value + slope + scaled / (2 * step) + rounding
                if value.isFinite, isDescent {
                    length = nextLength(scaled: scaled, step: step)
                    return accept(value, squared: squared)
                }
                step /= 2
            }
            return nil
        }

        /// The inverse of the curvature along the step just taken; twice the step where L curves down.
        func nextLength(scaled: Double, step: Double) -> Double {
            var product = 0.0
            for j in x.fixed.indices {
                product +=
                    (trial.fixed[j] - x.fixed[j]) * (trialDerivatives.fixedGradient[j] - derivatives.fixedGradient[j])
            }
            for j in x.variances.indices {
                product +=
                    (trial.variances[j] - x.variances[j])
                    * (trialDerivatives.varianceGradient(j) - derivatives.varianceGradient(j))
            }
            return product > 0 ? min(1e10, max(1e-12, scaled / product)) : 2 * step
        }
    }
}
