import Glibc
import LinearAlgebra

/// Proximal Newton: L is replaced by its quadratic model, the penalized model minimized by coordinate descent with exact proximal
/// operators and by Newton steps on what is not zero, and the answer taken where it lowers the objective (Lee, Sun & Saunders 2014).
///
/// The model's Hessian is H with H_c − tH_k for its part in γ, t the first of 1, ¾, ½, ¼, 0 that makes it positive definite on
/// what moves. A step that does not descend as it should is shortened by a diagonal that grows, so that zeros stay zeros under
/// penalties that are not convex, too. The relaxed problems of MSR3 are solved by it with ``MoreauEnvelope``.
public struct ProximalNewton: EffectSolver {
    /// Stops when no slope of the objective along one effect is larger.
    public var tolerance: Double
    /// Steps at most.
    public var iterationLimit: Int

    /// See the properties.
    public init(tolerance: Double = 1e-7, iterationLimit: Int = 200) {
        self.tolerance = tolerance
        self.iterationLimit = iterationLimit
    }

    /// See ``EffectSolver``. Of a penalty that is no sum over effects the start comes back, not converged.
    ///
    /// - Complexity: O(steps · (evaluation + sweeps · free²)).
    public func solve(_ objective: PenalizedLikelihood, from start: Effects) -> EffectSolution {
        guard objective.penalty.isSeparable else {
            return EffectSolution(
                effects: start, selected: start, objective: objective.value(at: start), iterations: 0,
                residual: .infinity, isConverged: false)
        }
        var model = PenalizedModel(objective, start)
        var iterations = 0
        var damping = 0.0
        // Where penalties are not convex a long proximal step may jump to where the model is wrong: then the penalty's tangent,
        // which lies above it, takes its place.
        var isLocal = false
        while iterations < iterationLimit, model.violation > tolerance {
            iterations += 1
            if model.solve(damping, isLocal: isLocal), model.advance() {
                damping = damping < 1e-2 ? 0 : damping / 10
            } else if !isLocal, !objective.penalty.isConvex {
                isLocal = true
            } else {
                damping = max(10 * damping, 1e-2)
                if damping > 1e12 { break }
            }
        }
        return EffectSolution(
            effects: model.effects, selected: model.effects, objective: model.value, iterations: iterations,
            residual: model.violation, isConverged: model.violation <= tolerance)
    }
}

/// The objective's quadratic model at a point.
private struct PenalizedModel {
    let objective: PenalizedLikelihood
    let p: Int
    let count: Int
    private(set) var effects: Effects
    private(set) var value = 0.0
    private(set) var violation = 0.0
    private var derivatives: Likelihood.Derivatives
    private var trial: Effects
    private var gradient: [Double]
    private var hessian: Matrix
    private var reduced: [Double]
    private var right: [Double]
    /// What moves, the model's gradient where the step leads, and the step.
    private var free: [Int] = []
    private var slopes: [Double]
    private var step: [Double]
    private var decrease = 0.0
    private var isLocal = false

    init(_ objective: PenalizedLikelihood, _ start: Effects) {
        self.objective = objective
        p = start.fixed.count
        count = p + start.variances.count
        effects = start
        trial = start
        derivatives = Likelihood.Derivatives(fixedCount: p, randomCount: start.variances.count)
        gradient = [Double](repeating: 0, count: count)
        (right, slopes, step) = (gradient, gradient, gradient)
        reduced = [Double](repeating: 0, count: count * count)
        hessian = Matrix(rows: count, columns: count)
        objective.likelihood.evaluate(at: effects, into: &derivatives)
        value = derivatives.value + objective.penaltyValue(at: effects)
        violation = objective.violation(at: effects, derivatives)
    }

    private subscript(j: Int) -> Double { j < p ? effects.fixed[j] : effects.variances[j - p] }
    private func weight(_ j: Int) -> Double {
        j < p ? objective.fixedWeights[j] : objective.varianceWeights[j - p]
    }

    /// Minimizes the penalized model; false where its Hessian is singular to working precision.
    mutating func solve(_ damping: Double, isLocal: Bool) -> Bool {
        chooseFree()
        self.isLocal = isLocal
        for t in [1, 0.75, 0.5, 0.25, 0] {
            fillHessian(t, damping)
            guard isPositiveDefinite() else { continue }
            descend()
            return decrease < 0
        }
        return false
    }

    /// What is not zero, and what is and should not be.
    private mutating func chooseFree() {
        free.removeAll(keepingCapacity: true)
        for j in 0..<count {
            gradient[j] = j < p ? derivatives.fixedGradient[j] : derivatives.varianceGradient(j - p)
            step[j] = 0
            slopes[j] = gradient[j]
            if j >= p, objective.isHeld(j - p, at: effects) { continue }
            if self[j] == 0 {
                let pull = j < p ? abs(gradient[j]) : -gradient[j]
                guard pull > objective.penalty.derivatives(0, weight: weight(j)).first else { continue }
            }
            free.append(j)
        }
    }

    private mutating func fillHessian(_ t: Double, _ damping: Double) {
        for j in free {
            for i in free where i >= j {
                hessian[i, j] =
                    i < p
                    ? derivatives.fixedHessian[i, j]
                    : j < p
                        ? derivatives.mixedHessian[j, i - p]
                        : derivatives.convexHessian[i - p, j - p] - t * derivatives.fisher[i - p, j - p]
                hessian[j, i] = hessian[i, j]
            }
        }
        for j in free {
            // Of γ Fisher's information is the scale even where the Hessian has none.
            let scale = j < p ? hessian[j, j] : max(abs(hessian[j, j]), derivatives.fisher[j - p, j - p])
            hessian[j, j] += (damping + (t == 0 ? 1e-8 : 1e-12)) * max(scale, 1e-300)
        }
    }

    private mutating func isPositiveDefinite() -> Bool {
        let n = free.count
        for (k, j) in free.enumerated() {
            for (l, i) in free.enumerated().dropFirst(k) { reduced[l + k * n] = hessian[i, j] }
        }
        return SmallKernels.cholesky(n, &reduced)
    }

    /// Sweeps of coordinate descent, between them Newton steps on what is not zero.
    private mutating func descend() {
        for sweep in 0..<200 {
            var largest = 0.0
            for j in free {
                let curvature = hessian[j, j]
                let old = self[j] + step[j]
                let target = old - slopes[j] / curvature
                let length = j < p ? abs(target) : max(0, target)
                let magnitude =
                    isLocal
                    ? max(0, length - objective.penalty.derivatives(abs(self[j]), weight: weight(j)).first / curvature)
                    : objective.penalty.proximal(length, weight: weight(j), step: 1 / curvature)
                let change = (target < 0 ? -magnitude : magnitude) - old
                guard change != 0 else { continue }
                move(j, change)
                largest = max(largest, abs(change) * curvature)
            }
            if largest < 1e-3 * violation * 1e-3 { break }
            if sweep % 3 == 2, refine() { break }
        }
        var (linear, quadratic, penalty) = (0.0, 0.0, 0.0)
        for j in free {
            linear += gradient[j] * step[j]
            quadratic += (slopes[j] - gradient[j]) * step[j]
            penalty +=
                objective.penalty.value(abs(self[j] + step[j]), weight: weight(j))
                - objective.penalty.value(abs(self[j]), weight: weight(j))
        }
        decrease = linear + quadratic / 2 + penalty
    }

    private mutating func move(_ j: Int, _ change: Double) {
        step[j] += change
        for i in free { slopes[i] += change * hessian[i, j] }
    }

    /// Newton's step on what is not zero; true where no sign changes and the model's conditions hold, so that it is solved.
    private mutating func refine() -> Bool {
        let support = free.filter { self[$0] + step[$0] != 0 }
        let n = support.count
        guard n > 0 else { return false }
        for (k, j) in support.enumerated() {
            let x = self[j] + step[j]
            let slope = objective.penalty.derivatives(abs(x), weight: weight(j))
            right[k] = -slopes[j] - (x > 0 ? slope.first : -slope.first)
            for (l, i) in support.enumerated().dropFirst(k) { reduced[l + k * n] = hessian[i, j] }
            reduced[k + k * n] += slope.second
        }
        guard SmallKernels.cholesky(n, &reduced) else { return false }
        LAPACK.choleskySolve(n, 1, reduced, n, &right, n)
        for (k, j) in support.enumerated() {
            let x = self[j] + step[j]
            guard (x + right[k]) * x > 0 else { return false }
        }
        for (k, j) in support.enumerated() { move(j, right[k]) }
        return free.allSatisfy { j in
            let x = self[j] + step[j]
            let slope = objective.penalty.derivatives(abs(x), weight: weight(j)).first
            let error =
                x == 0
                ? (j < p ? abs(slopes[j]) : -slopes[j]) - slope : abs(slopes[j] + (x > 0 ? slope : -slope))
            return error <= 1e-3 * violation * 1e-3
        }
    }

    /// Takes the step where it lowers the objective as the model says, roughly.
    mutating func advance() -> Bool {
        for j in 0..<p { trial.fixed[j] = effects.fixed[j] + step[j] }
        for j in 0..<(count - p) { trial.variances[j] = max(0, effects.variances[j] + step[p + j]) }
        for (j, parent) in objective.parents.enumerated() {
            if let parent, trial.fixed[parent] == 0 { trial.variances[j] = 0 }
        }
        let found = objective.value(at: trial)
        guard found <= value + 1e-4 * decrease + 1e-13 * max(1, abs(value)) else { return false }
        swap(&effects, &trial)
        objective.likelihood.evaluate(at: effects, into: &derivatives)
        value = found
        violation = objective.violation(at: effects, derivatives)
        return true
    }
}
