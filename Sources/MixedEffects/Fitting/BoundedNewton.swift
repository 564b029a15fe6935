import Glibc
import LinearAlgebra

/// Maximum likelihood of a model with diagonal Γ by Newton's method under γ ≥ 0, with or without a noise variance to estimate.
///
/// The Hessian is H with H_c − tH_k for its part in γ, t the first of 1, ¾, ½, ¼, 0 that makes it positive definite:
/// ½rᵀΩ⁻¹r is convex in β and γ together, the determinant concave. Variances that a step would make negative are held at 0 and
/// the others solved for again. Local optima are common: a result belongs to its start.
public struct BoundedNewton: Sendable {
    /// Iterations at most.
    public var maximumIterations: Int
    /// Stops when Newton's decrement −gᵀd is below this part of the objective (of 1 where that is less).
    public var tolerance: Double

    /// See the properties.
    public init(maximumIterations: Int = 200, tolerance: Double = 1e-12) {
        self.maximumIterations = maximumIterations
        self.tolerance = tolerance
    }

    /// A fitted model.
    public struct Fit: Sendable {
        /// β and γ, in the units of the problem.
        public let effects: Effects
        /// σ², the factor on the noise variance that was given; 1 where that is known.
        public let noiseFactor: Double
        /// −log likelihood without its (N/2) log 2π.
        public let loss: Double
        /// Newton steps.
        public let iterations: Int
        /// Whether the tolerance was reached.
        public let isConverged: Bool
    }

    /// γ in the scale of the response: what ordinary least squares leave, shared by the random effects; relative to the noise
    /// where that is estimated.
    ///
    /// - Complexity: O(N(p² + q)).
    public static func start(_ problem: MixedEffectsProblem, noise: NoiseModel) -> Effects {
        let (p, q, count) = (problem.fixedCount, problem.randomCount, Double(problem.rowCount))
        var start = Effects(
            fixed: [Double](repeating: 0, count: p), variances: [Double](repeating: 0, count: q))
        let likelihood = Likelihood(problem)
        start.fixed = Self.profile(likelihood.evaluate(at: start), start.fixed) ?? start.fixed
        var level = 1.0
        if noise == .known {
            let rows = (0..<problem.rowCount).map { row in
                let error = (0..<p).reduce(problem.response[row]) { $0 - problem.fixed[row, $1] * start.fixed[$1] }
                return error * error
            }
            level = rows.reduce(0, +) / count
            if !(level > 0) { level = problem.noiseVariance.reduce(0, +) / count }
        }
        for j in 0..<q {
            let square = (0..<problem.rowCount).reduce(0) { $0 + problem.random[$1, j] * problem.random[$1, j] } / count
            start.variances[j] = square > 0 ? level / (Double(q) * square) : 0
        }
        start.fixed = Self.profile(likelihood.evaluate(at: start), start.fixed) ?? start.fixed
        return start
    }

    /// The best β for γ, from the derivatives at some β; nil where it is not determined.
    static func profile(_ derivatives: Likelihood.Derivatives, _ fixed: [Double]) -> [Double]? {
        guard !fixed.isEmpty else { return fixed }
        let step = Matrix(rows: fixed.count, columns: 1, elements: derivatives.fixedGradient)
        guard let solved = try? Cholesky(derivatives.fixedHessian).solve(step) else { return nil }
        return zip(fixed, solved.elements).map { $0 - $1 }
    }

    /// Fits.
    ///
    /// - Parameters:
    ///   - problem: with independent columns of X.
    ///   - noise: whether Λ is known up to a factor only.
    ///   - start: where to begin, γ relative to the noise where that is estimated; nil: ``start(_:noise:)``.
    /// - Throws: ``MixedEffectsProblem/Invalid`` where the noise cannot be estimated, or β is not determined.
    /// - Complexity: O(iterations · (evaluation + (p + q)³)).
    public func fit(
        _ problem: MixedEffectsProblem, noise: NoiseModel, from start: Effects? = nil
    ) throws(MixedEffectsProblem.Invalid) -> Fit {
        if noise == .estimated {
            let needed = problem.fixedCount + 1
            guard problem.rowCount > needed else { throw .rowsTooFew(rows: problem.rowCount, needed: needed + 1) }
        }
        try problem.requireIndependentColumns()
        let likelihood = Likelihood(problem)
        guard let fit = fit(likelihood, noise: noise, from: start ?? Self.start(problem, noise: noise)) else {
            throw .noNoise
        }
        return fit
    }

    /// The same; nil where the objective is not finite.
    func fit(_ likelihood: Likelihood, noise: NoiseModel, from start: Effects) -> Fit? {
        let problem = likelihood.problem
        var state = State(likelihood, noise)
        guard state.begin(start) else { return nil }
        var iterations = 0
        var isConverged = false
        while iterations < maximumIterations, !isConverged {
            iterations += 1
            guard let decrement = state.direction() else { break }
            isConverged = decrement <= tolerance * max(1, abs(state.value))
            if !state.advance(decrement, isLast: isConverged) { break }
        }
        // A perfect fit has no noise; what remains of it is rounding.
        let scale = zip(problem.response, problem.noiseVariance).reduce(0) { $0 + $1.0 * $1.0 / $1.1 }
        if noise == .estimated, !(state.noiseVariance * Double(problem.rowCount) > 1e-22 * scale) { return nil }
        var effects = state.effects
        for j in effects.variances.indices { effects.variances[j] *= state.noiseVariance }
        return Fit(
            effects: effects, noiseFactor: state.noiseVariance, loss: state.value, iterations: iterations,
            isConverged: isConverged)
    }

    // MARK: - One step

    private struct State {
        let likelihood: Likelihood
        let noise: NoiseModel
        let p: Int
        let count: Int
        let rows: Int
        var effects: Effects
        var trial: Effects
        var derivatives: Likelihood.Derivatives
        var value = 0.0
        var noiseVariance = 1.0
        /// −gᵀd of the last step.
        var decrement = Double.infinity
        var gradient: [Double]
        var step: [Double]
        var hessian: Matrix
        var reduced: [Double]
        var right: [Double]
        var free: [Int] = []
        var isHeld: [Bool]

        init(_ likelihood: Likelihood, _ noise: NoiseModel) {
            self.likelihood = likelihood
            self.noise = noise
            let problem = likelihood.problem
            (p, rows) = (problem.fixedCount, problem.rowCount)
            count = p + problem.randomCount
            effects = Effects(
                fixed: [Double](repeating: 0, count: p),
                variances: [Double](repeating: 0, count: problem.randomCount))
            trial = effects
            derivatives = Likelihood.Derivatives(fixedCount: p, randomCount: problem.randomCount)
            gradient = [Double](repeating: 0, count: count)
            step = gradient
            right = gradient
            isHeld = [Bool](repeating: false, count: count)
            hessian = Matrix(rows: count, columns: count)
            reduced = [Double](repeating: 0, count: count * count)
            free.reserveCapacity(count)
        }

        mutating func begin(_ start: Effects) -> Bool {
            effects = start
            likelihood.evaluate(at: effects, into: &derivatives)
            (value, noiseVariance) = derivatives.objective(noise, freedom: rows)
            return value.isFinite
        }

        /// Fisher's information of β and γ, lower triangle: what the Hessian is on average over responses.
        private mutating func fillInformation() {
            let scale = 1 / noiseVariance
            let outer = noise == .estimated ? 2 / Double(rows) : 0
            let (p, q, count) = (p, count - p, count)
            hessian.elements.withUnsafeMutableBufferPointer { h in
                for j in 0..<p {
                    for i in j..<p { h[i + j * count] = scale * derivatives.fixedHessian[i, j] }
                    for i in 0..<q { h[p + i + j * count] = 0 }
                }
                for j in 0..<q {
                    for i in j..<q {
                        h[p + i + (p + j) * count] =
                            derivatives.fisher[i, j] - outer * derivatives.varianceTraces[i]
                            * derivatives.varianceTraces[j]
                    }
                }
                for j in 0..<count { h[j + j * count] *= 1 + 1e-9 }
            }
        }

        /// Newton's step under the bounds; −gᵀd, or nil where there is none.
        mutating func direction() -> Double? {
            derivatives.fillGradient(noiseVariance, &gradient)
            // Far from the optimum Fisher's scoring comes near in one or two steps, where Newton's method would need ten.
            if decrement > 0.5 {
                fillInformation()
                if solve() {
                    let slope = -zip(gradient, step).reduce(0) { $0 + $1.0 * $1.1 }
                    if slope >= 0, slope.isFinite {
                        decrement = slope
                        return slope
                    }
                }
            }
            for t in [1, 0.75, 0.5, 0.25, 0] {
                derivatives.fillHessian(noise, noiseVariance, rows: rows, concave: t, &hessian)
                if t == 0 {
                    let largest = (0..<count).map { hessian[$0, $0] }.max() ?? 1
                    for j in 0..<count { hessian[j, j] += 1e-10 * max(largest, 1e-300) }
                }
                guard solve() else { continue }
                let slope = -zip(gradient, step).reduce(0) { $0 + $1.0 * $1.1 }
                if slope >= 0, slope.isFinite {
                    decrement = slope
                    return slope
                }
            }
            return nil
        }

        /// Solves for the step; variances that would become negative are taken to 0 and held.
        private mutating func solve() -> Bool {
            free.removeAll(keepingCapacity: true)
            for j in 0..<count {
                step[j] = 0
                isHeld[j] = j >= p && effects.variances[j - p] == 0 && gradient[j] >= 0
                if !isHeld[j] { free.append(j) }
            }
            while !free.isEmpty {
                let n = free.count
                reduced.withUnsafeMutableBufferPointer { reduced in
                    hessian.elements.withUnsafeBufferPointer { hessian in
                        for k in 0..<n { for l in k..<n { reduced[l + k * n] = hessian[free[l] + free[k] * count] } }
                    }
                }
                for (k, j) in free.enumerated() {
                    var sum = -gradient[j]
                    for i in p..<max(p, count) where isHeld[i] && step[i] != 0 {
                        sum -= hessian[max(i, j), min(i, j)] * step[i]
                    }
                    right[k] = sum
                }
                guard SmallKernels.cholesky(n, &reduced) else { return false }
                SmallKernels.solve(1, n, reduced, &right)
                SmallKernels.solveBack(n, reduced, &right)
                var isFeasible = true
                for (k, j) in free.enumerated() {
                    step[j] = right[k]
                    if j >= p, effects.variances[j - p] + right[k] < 0 {
                        step[j] = -effects.variances[j - p]
                        isHeld[j] = true
                        isFeasible = false
                    }
                }
                if isFeasible { return true }
                free.removeAll { isHeld[$0] }
            }
            return true
        }

        /// Takes the step, halved until the objective falls as it should; false where it does not. After the last one nobody asks
        /// for derivatives.
        mutating func advance(_ decrement: Double, isLast: Bool) -> Bool {
            let rounding = 1e-13 * max(1, abs(value))
            var length = 1.0
            for _ in 0..<40 {
                for j in 0..<p { trial.fixed[j] = effects.fixed[j] + length * step[j] }
                for j in 0..<(count - p) {
                    trial.variances[j] = max(0, effects.variances[j] + length * step[p + j])
                }
                if length == 1, !isLast {
                    likelihood.evaluate(at: trial, into: &derivatives)
                    let (found, variance) = derivatives.objective(noise, freedom: rows)
                    if found <= value - 1e-4 * decrement + rounding {
                        (value, noiseVariance) = (found, variance)
                        swap(&effects, &trial)
                        return true
                    }
                } else {
                    let (squares, logs) = likelihood.parts(at: trial)
                    let (found, variance) = NoiseModel.objective(noise, squares, logs, rows)
                    if found <= value - 1e-4 * length * decrement + (length == 1 ? rounding : 0) {
                        swap(&effects, &trial)
                        (value, noiseVariance) = (found, variance)
                        if !isLast { likelihood.evaluate(at: effects, into: &derivatives) }
                        return true
                    }
                }
                length /= 2
            }
            if !isLast { likelihood.evaluate(at: effects, into: &derivatives) }
            return false
        }
    }
}
