import Glibc
import LinearAlgebra

/// A primal–dual interior point for L(β, γ) + ½η‖(β, γ) − w‖² on γ ≥ 0, Newton step by Newton step.
///
/// The barrier −μ Σ log γ_j has multipliers ν = μ/γ. Eliminated from Newton's equations are ν, then β; what is left is q × q.
/// The Hessian of L in γ is H_c − H_k with H_c positive semidefinite and H_k what the concave log det adds: as much of H_k is
/// kept as leaves the system positive definite. Then a step is a descent direction of the barrier problem, and it is shortened
/// until it descends. Memory is allocated once.
final class BarrierNewton {
    /// What the centre w of the relaxation does during a step.
    enum Centre {
        /// It stays where it is.
        case still
        /// It is the proximal operator of the effects throughout, and Newton's equations know how it moves with them.
        case following
    }

    let objective: PenalizedLikelihood
    /// η.
    let strength: Double
    let mode: Centre
    /// μ.
    var barrier: Double
    /// Within the interior: γ > 0.
    private(set) var effects: Effects
    /// w.
    private(set) var centre: Effects
    /// Those of L at the effects.
    private(set) var derivatives: Likelihood.Derivatives
    /// ν > 0.
    private(set) var multipliers: [Double]
    /// Newton steps taken.
    private(set) var iterations = 0

    private let p: Int
    private let q: Int
    private var previous: Effects
    private var merit = 0.0
    private let memory: UnsafeMutablePointer<Double>
    /// Of L and relaxation together.
    private let fixedGradient: UnsafeMutablePointer<Double>
    private let varianceGradient: UnsafeMutablePointer<Double>
    /// What the relaxation adds to the diagonal of the Hessian.
    private let fixedDiagonal: UnsafeMutablePointer<Double>
    private let varianceDiagonal: UnsafeMutablePointer<Double>
    private let fixedStep: UnsafeMutablePointer<Double>
    private let varianceStep: UnsafeMutablePointer<Double>
    private let multiplierStep: UnsafeMutablePointer<Double>
    /// μ/γ and ν/γ: what the barrier adds to minus the gradient and to the diagonal.
    private let pull: UnsafeMutablePointer<Double>
    private let barrierDiagonal: UnsafeMutablePointer<Double>
    /// The factor F of H_ββ, p × p.
    private let factor: UnsafeMutablePointer<Double>
    /// [H_γβ; g_βᵀ]F⁻ᵀ, (q + 1) × p.
    private let coupling: UnsafeMutablePointer<Double>
    /// [H_γβ; g_βᵀ]H_ββ⁻¹[H_βγ g_β], (q + 1) × (q + 1).
    private let schur: UnsafeMutablePointer<Double>
    /// The factor of what is left, q × q.
    private let system: UnsafeMutablePointer<Double>

    /// - Parameters:
    ///   - strength: η > 0.
    ///   - start: variances not negative; w is its proximal operator.
    ///   - barrier: μ to begin with.
    init(_ objective: PenalizedLikelihood, strength: Double, mode: Centre, start: Effects, barrier: Double) {
        self.objective = objective
        self.strength = strength
        // Where variances depend on fixed effects, w jumps with the effects.
        self.mode = objective.parents.isEmpty ? mode : .still
        self.barrier = barrier
        let (p, q) = (start.fixed.count, start.variances.count)
        (self.p, self.q) = (p, q)
        (effects, previous, centre) = (start, start, start)
        multipliers = [Double](repeating: 0, count: q)
        memory = .allocate(capacity: 3 * p + 6 * q + p * p + p * (q + 1) + (q + 1) * (q + 1) + q * q)
        fixedGradient = memory
        varianceGradient = fixedGradient + p
        fixedDiagonal = varianceGradient + q
        varianceDiagonal = fixedDiagonal + p
        fixedStep = varianceDiagonal + q
        varianceStep = fixedStep + p
        multiplierStep = varianceStep + q
        pull = multiplierStep + q
        barrierDiagonal = pull + q
        factor = barrierDiagonal + q
        coupling = factor + p * p
        schur = coupling + p * (q + 1)
        system = schur + (q + 1) * (q + 1)
        derivatives = objective.likelihood.evaluate(at: start)
        objective.shrink(effects, step: 1 / strength, into: &centre)
        prepare()
    }

    deinit { memory.deallocate() }

    /// Begins anew from the effects and the centre that are there: multipliers that fit the gradient, and variances off the
    /// boundary by as much as μ asks for.
    func enter(barrier: Double) {
        self.barrier = barrier
        for j in 0..<q {
            let gradient = derivatives.varianceGradient(j) + strength * (effects.variances[j] - centre.variances[j])
            effects.variances[j] = max(effects.variances[j], barrier / max(gradient, barrier.squareRoot()))
            multipliers[j] = barrier / effects.variances[j]
        }
        evaluate()
    }

    /// w ← the proximal operator of the effects.
    ///
    /// - Returns: the largest change of w.
    func recentre() -> Double {
        for j in 0..<p { previous.fixed[j] = centre.fixed[j] }
        for j in 0..<q { previous.variances[j] = centre.variances[j] }
        objective.shrink(effects, step: 1 / strength, into: &centre)
        prepare()
        return largestDifference(centre, previous)
    }

    /// w ← a point.
    func move(centre point: Effects) {
        for j in 0..<p { centre.fixed[j] = point.fixed[j] }
        for j in 0..<q { centre.variances[j] = point.variances[j] }
        prepare()
    }

    /// γᵀν/q: the μ that the point is right for.
    var complementarity: Double {
        var sum = 0.0
        for j in 0..<q { sum += effects.variances[j] * multipliers[j] }
        return q > 0 ? sum / Double(q) : 0
    }

    /// ‖γ∘ν − mean‖ ≤ bound·mean.
    func isCentral(within bound: Double) -> Bool {
        let mean = complementarity
        var squares = 0.0
        for j in 0..<q {
            let excess = effects.variances[j] * multipliers[j] - mean
            squares += excess * excess
        }
        return squares <= bound * bound * mean * mean
    }

    /// The largest violation of the conditions of optimality: of the gradients, and of γ∘ν = 0.
    var violation: Double {
        var largest = merit.isFinite ? 0.0 : .infinity
        for j in 0..<p { largest = max(largest, abs(fixedGradient[j])) }
        for j in 0..<q {
            largest = max(
                largest, abs(varianceGradient[j] - multipliers[j]), effects.variances[j] * multipliers[j])
        }
        return largest
    }

    /// L + φ(w) + ½η‖x − w‖².
    var value: Double { derivatives.value + objective.penaltyValue(at: centre) + distance }

    private var distance: Double {
        var squares = 0.0
        for j in 0..<p {
            let d = effects.fixed[j] - centre.fixed[j]
            squares += d * d
        }
        for j in 0..<q {
            let d = effects.variances[j] - centre.variances[j]
            squares += d * d
        }
        return 0.5 * strength * squares
    }

    private func largestDifference(_ a: Effects, _ b: Effects) -> Double {
        var largest = 0.0
        for j in 0..<p { largest = max(largest, abs(a.fixed[j] - b.fixed[j])) }
        for j in 0..<q { largest = max(largest, abs(a.variances[j] - b.variances[j])) }
        return largest
    }

    // MARK: - One step

    /// L and its derivatives at the effects, and what follows from them.
    private func evaluate() {
        objective.likelihood.evaluate(at: effects, into: &derivatives)
        if mode == .following { objective.shrink(effects, step: 1 / strength, into: &centre) }
        prepare()
    }

    /// Gradients, the relaxation's diagonal, and the merit.
    private func prepare() {
        for j in 0..<p {
            let (x, w) = (effects.fixed[j], centre.fixed[j])
            fixedGradient[j] = derivatives.fixedGradient[j] + strength * (x - w)
            fixedDiagonal[j] = diagonal(abs(w), weight: objective.fixedWeights[j])
        }
        for j in 0..<q {
            let (x, w) = (effects.variances[j], centre.variances[j])
            varianceGradient[j] = derivatives.varianceGradient(j) + strength * (x - w)
            varianceDiagonal[j] = diagonal(w, weight: objective.varianceWeights[j])
        }
        merit = mode == .following ? value : derivatives.value + distance
    }

    /// η where w stays; else the curvature of the envelope, where it is not negative.
    private func diagonal(_ w: Double, weight: Double) -> Double {
        guard mode == .following, w > 0 else { return strength }
        let curvature = objective.penalty.derivatives(w, weight: weight).second
        return curvature > 0 ? strength * curvature / (curvature + strength) : 0
    }

    private func barrierValue() -> Double {
        var (product, sum) = (1.0, 0.0)
        for j in 0..<q {
            product *= effects.variances[j]
            if !(product > 1e-100 && product < 1e100) {
                sum += log(product)
                product = 1
            }
        }
        return -barrier * (sum + log(product))
    }

    /// A Newton step for the barrier problem of the μ that is set.
    ///
    /// - Returns: whether effects moved; false where rounding leaves no descent.
    func step() -> Bool {
        for j in 0..<q {
            pull[j] = barrier / effects.variances[j]
            barrierDiagonal[j] = multipliers[j] / effects.variances[j]
        }
        guard findDirection() else { return false }
        var slope = 0.0
        for j in 0..<p { slope += fixedGradient[j] * fixedStep[j] }
        for j in 0..<q { slope += (varianceGradient[j] - pull[j]) * varianceStep[j] }
        let margin = max(0.99, 1 - barrier)
        var (length, multiplierLength) = (1.0, 1.0)
        for j in 0..<q {
            multiplierStep[j] = pull[j] - multipliers[j] - barrierDiagonal[j] * varianceStep[j]
            if varianceStep[j] < 0 { length = min(length, -margin * effects.variances[j] / varianceStep[j]) }
            if multiplierStep[j] < 0 {
                multiplierLength = min(multiplierLength, -margin * multipliers[j] / multiplierStep[j])
            }
        }
        let before = merit + barrierValue()
        remember()
        iterations += 1
        for _ in 0..<30 {
            go(length)
            if merit + barrierValue() <= before + 1e-4 * length * slope + 1e-13 * abs(before) {
                for j in 0..<q { multipliers[j] = multiplier(j, multiplierLength) }
                return true
            }
            length /= 2
        }
        go(0)
        return false
    }

    private func remember() {
        for j in 0..<p { previous.fixed[j] = effects.fixed[j] }
        for j in 0..<q { previous.variances[j] = effects.variances[j] }
    }

    /// From the effects remembered along the step.
    private func go(_ length: Double) {
        for j in 0..<p { effects.fixed[j] = previous.fixed[j] + length * fixedStep[j] }
        for j in 0..<q { effects.variances[j] = previous.variances[j] + length * varianceStep[j] }
        evaluate()
    }

    /// ν + length·dν, kept within a wide range of μ/γ (Wächter & Biegler 2006).
    private func multiplier(_ j: Int, _ length: Double) -> Double {
        let central = barrier / effects.variances[j]
        return min(1e10 * central, max(1e-10 * central, multipliers[j] + length * multiplierStep[j]))
    }

    /// Solves Newton's equations; false where they are singular to working precision.
    private func findDirection() -> Bool {
        guard factorFixed() else { return false }
        let side = q + 1
        derivatives.mixedHessian.elements.withUnsafeBufferPointer { mixed in
            for i in 0..<p {
                for j in 0..<q { coupling[j + i * side] = mixed[i + j * p] }
                coupling[q + i * side] = fixedGradient[i]
            }
        }
        for k in 0..<(side * side) { schur[k] = 0 }
        if p > 0 {
            SmallKernels.solve(side, p, factor, coupling)
            SmallKernels.addProducts(side, p, 1, coupling, schur)
        }
        guard factorSystem() else { return false }
        for j in 0..<q {
            varianceStep[j] = pull[j] - varianceGradient[j] + schur[q + j * side]
        }
        if q > 0 { LAPACK.choleskySolve(q, 1, system, q, varianceStep, q) }
        for i in 0..<p { fixedStep[i] = -fixedGradient[i] }
        derivatives.mixedHessian.elements.withUnsafeBufferPointer { mixed in
            for j in 0..<q {
                for i in 0..<p { fixedStep[i] -= mixed[i + j * p] * varianceStep[j] }
            }
        }
        if p > 0 { LAPACK.choleskySolve(p, 1, factor, p, fixedStep, p) }
        return true
    }

    /// H_ββ with the relaxation's diagonal; with all of η where the columns of X depend on each other.
    private func factorFixed() -> Bool {
        guard p > 0 else { return true }
        for isWhole in [false, true] {
            derivatives.fixedHessian.elements.withUnsafeBufferPointer { hessian in
                for k in 0..<(p * p) { factor[k] = hessian[k] }
            }
            for j in 0..<p { factor[j + j * p] += isWhole ? strength : fixedDiagonal[j] }
            if SmallKernels.cholesky(p, factor) { return true }
        }
        return false
    }

    /// H_γγ, as much of it as is positive definite, with the relaxation's and the barrier's diagonals.
    private func factorSystem() -> Bool {
        guard q > 0 else { return true }
        for share in [1, 0.5, 0] {
            derivatives.convexHessian.elements.withUnsafeBufferPointer { convex in
                derivatives.fisher.elements.withUnsafeBufferPointer { fisher in
                    for j in 0..<q {
                        for i in j..<q {
                            let k = i + j * q
                            system[k] = convex[k] - share * fisher[k] - schur[i + j * (q + 1)]
                        }
                    }
                }
            }
            for j in 0..<q { system[j + j * q] += varianceDiagonal[j] + barrierDiagonal[j] }
            if SmallKernels.cholesky(q, system) { return true }
        }
        return false
    }

    // MARK: - The end

    /// Puts the variances that only the barrier keeps off zero there, and goes on by Newton's method without a barrier, as long as
    /// each step halves what is left.
    ///
    /// - Returns: whether that became stationary; else all is as it was.
    func finish(tolerance: Double) -> Bool {
        let edge = complementarity.squareRoot()
        let (start, startCentre) = (effects, centre)
        var isMoved = false
        for j in 0..<q where effects.variances[j] < edge && multipliers[j] > edge {
            effects.variances[j] = 0
            isMoved = true
        }
        if isMoved { evaluate() }
        var bound = Double.infinity
        while true {
            let found = residual
            if found <= tolerance { return true }
            guard found < bound else { break }
            bound = 0.5 * found
            for j in 0..<q {
                // A row of its own for one that stays at zero.
                let isHeld = effects.variances[j] == 0 && varianceGradient[j] >= 0
                pull[j] = isHeld ? varianceGradient[j] : 0
                barrierDiagonal[j] = isHeld ? 1e200 : 0
            }
            guard findDirection() else { break }
            for j in 0..<q where barrierDiagonal[j] > 0 { varianceStep[j] = 0 }
            remember()
            for j in 0..<q { varianceStep[j] = max(varianceStep[j], -effects.variances[j]) }
            iterations += 1
            go(1)
        }
        effects = start
        centre = startCentre
        evaluate()
        return false
    }

    /// The largest slope of the relaxed objective along a single effect; of a variance that is pushed towards zero no more than
    /// its size.
    var residual: Double {
        var largest = merit.isFinite ? 0.0 : .infinity
        for j in 0..<p { largest = max(largest, abs(fixedGradient[j])) }
        for j in 0..<q { largest = max(largest, min(effects.variances[j], varianceGradient[j]), -varianceGradient[j]) }
        return largest
    }

    /// What was found, for the relaxed objective.
    ///
    /// - Parameter before: steps that others took.
    func solution(isConverged: Bool, after before: Int = 0) -> EffectSolution {
        _ = recentre()
        return EffectSolution(
            effects: effects, selected: centre, objective: value, iterations: before + iterations, residual: residual,
            isConverged: isConverged)
    }
}
