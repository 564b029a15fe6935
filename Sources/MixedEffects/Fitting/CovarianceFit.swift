import Glibc
import LinearAlgebra

/// What is maximized.
public enum LikelihoodKind: String, Sendable, CaseIterable {
    /// The likelihood of the response: to compare models with different fixed effects.
    case ml
    /// The restricted likelihood, of what the fixed effects leave (Patterson & Thompson 1971): for variances without the bias of
    /// the former.
    case reml
}

/// Fits a model whose random effects may be correlated, Γ = σ²BBᵀ with B lower triangular within blocks, by (restricted) maximum
/// likelihood: β and σ² eliminated, B by a quasi-Newton method (BFGS) with exact gradients.
///
/// B may be singular, which is where a variance is 0 or a correlation 1 or −1 (Bates et al. 2015).
public struct CovarianceFit: Sendable {
    /// Iterations at most.
    public var maximumIterations: Int
    /// Stops when a step would lower the objective by less than this part of it (of 1 where that is less).
    public var tolerance: Double

    /// See the properties.
    public init(maximumIterations: Int = 1000, tolerance: Double = 1e-14) {
        self.maximumIterations = maximumIterations
        self.tolerance = tolerance
    }

    /// Fits.
    ///
    /// - Parameters:
    ///   - problem: with independent columns of X.
    ///   - noise: whether Λ is known up to a factor only.
    ///   - kind: which likelihood.
    ///   - blocks: random effects that may be correlated with each other, each of 0 ..< q in one block; nil: none are.
    /// - Throws: ``MixedEffectsProblem/Invalid`` where the noise cannot be estimated, or β is not determined.
    /// - Complexity: O(iterations · m(p + q)³); memory of two matrices of p + q + 1 a group.
    public func fit(
        _ problem: MixedEffectsProblem, noise: NoiseModel, kind: LikelihoodKind, blocks: [[Int]]? = nil
    ) throws(MixedEffectsProblem.Invalid) -> FittedModel {
        let blocks = blocks ?? (0..<problem.randomCount).map { [$0] }
        precondition(blocks.joined().sorted() == Array(0..<problem.randomCount))
        let needed = problem.fixedCount + 1
        if noise == .estimated, problem.rowCount <= needed {
            throw .rowsTooFew(rows: problem.rowCount, needed: needed + 1)
        }
        try problem.requireIndependentColumns()
        guard let rotation = Rotation(problem, blocks) else { throw .rank(found: 0, columns: problem.fixedCount) }
        let rotated = rotation.problem
        var objective = FactoredObjective(rotated, noise, kind, blocks)
        // Local optima are common: one start has random effects as large as the noise, the other those that are best uncorrelated.
        var starts = [objective.start]
        let uncorrelated = BoundedNewton().fit(
            Likelihood(rotated), noise: noise, from: BoundedNewton.start(rotated, noise: noise))
        if let uncorrelated { starts.append(objective.point(of: uncorrelated)) }
        let isUncorrelated = blocks.allSatisfy { $0.count == 1 }
        var best: FittedModel?
        for start in starts {
            guard let model = descend(&objective, from: start, isUncorrelated) else { continue }
            if model.loss < (best?.loss ?? .infinity) - 1e-12 * abs(model.loss) { best = model }
        }
        guard let best else { throw .noNoise }
        if noise == .estimated, best.noiseFactor < 1e-9 * objective.residualVariance { throw .noNoiseLeft }
        return rotation.back(best, of: problem, kind)
    }

    /// Iterations after which uncorrelated effects that are not at rest are left to scoring: in roots of variances that go to 0
    /// slopes vanish, and BFGS creeps.
    private static let patience = 100

    private func descend(
        _ objective: inout FactoredObjective, from start: [Double], _ isUncorrelated: Bool
    ) -> FittedModel? {
        let limit = isUncorrelated ? min(Self.patience, maximumIterations) : maximumIterations
        var point = start
        objective.givenNoise = nil
        guard objective.evaluate(point) else { return nil }
        var (iterations, isConverged) = (0, false)
        // Where a variance came to 0 although it should not have, its slope being 0 there, it is let go again.
        for _ in 0...point.count {
            (iterations, isConverged) = minimize(&objective, &point, iterations, limit)
            guard let stuck = objective.stuck(point) else { break }
            point[stuck] = 0.1 * max(objective.start[stuck], 1e-3)
            guard objective.evaluate(point) else { return nil }
        }
        if !isConverged, isUncorrelated, let model = score(&objective, from: point, iterations) { return model }
        return objective.model(point, iterations, isConverged)
    }

    /// What Fisher's scoring makes of a point.
    private func score(
        _ objective: inout FactoredObjective, from point: [Double], _ before: Int
    ) -> FittedModel? {
        guard objective.evaluate(point) else { return nil }
        var state = VarianceScoring.State(
            ratios: point.map { $0 * $0 }, logNoise: objective.isNoiseEstimated ? log(objective.noiseVariance) : 0)
        let scoring = VarianceScoring(maximumIterations: maximumIterations, tolerance: tolerance)
        guard let found = scoring.minimize(&objective, from: &state) else { return nil }
        return objective.model(state.ratios.map { $0.squareRoot() }, before + found.iterations, found.isConverged)
    }

    /// The problem with orthonormal columns of X, and of each block of Z of which the covariance is free, and the way back.
    private struct Rotation {
        let problem: MixedEffectsProblem
        private let fixed: OrthonormalColumns
        private let blocks: [(indices: [Int], columns: OrthonormalColumns)]

        init?(_ given: MixedEffectsProblem, _ blocks: [[Int]]) {
            guard let fixed = OrthonormalColumns(given.fixed) else { return nil }
            self.fixed = fixed
            // Columns that depend on each other stay as they are.
            self.blocks = blocks.filter { $0.count > 1 }.compactMap { block in
                OrthonormalColumns(given.random.columns(block)).map { (block, $0) }
            }
            var random = given.random
            for (indices, columns) in self.blocks {
                for (k, j) in indices.enumerated() {
                    for row in 0..<random.rows { random[row, j] = columns.q[row, k] }
                }
            }
            problem = MixedEffectsProblem(
                unchecked: fixed.q, random, given.response, given.noiseVariance, given.offsets)
        }

        func back(_ model: FittedModel, of given: MixedEffectsProblem, _ kind: LikelihoodKind) -> FittedModel {
            let beta = fixed.solve(Matrix(rows: model.fixed.count, columns: 1, elements: model.fixed))
            var (covariance, effects) = (model.covariance, model.randomEffects)
            for (indices, columns) in blocks {
                let block = Matrix(rows: indices.count, columns: indices.count) {
                    model.covariance[indices[$0], indices[$1]]
                }
                let own = columns.unscaled(block)
                let predicted = columns.solve(
                    Matrix(rows: indices.count, columns: effects.columns) { model.randomEffects[indices[$0], $1] })
                for (k, i) in indices.enumerated() {
                    for (l, j) in indices.enumerated() { covariance[i, j] = (own[k, l] + own[l, k]) / 2 }
                    for group in 0..<effects.columns { effects[i, group] = predicted[k, group] }
                }
            }
            return FittedModel(
                problem: given, noise: model.noise, kind: kind, fixed: beta.elements,
                fixedCovariance: fixed.unscaled(model.fixedCovariance), covariance: covariance,
                noiseFactor: model.noiseFactor, loss: model.loss + (kind == .reml ? fixed.logDeterminant : 0),
                randomEffects: effects, iterations: model.iterations, isConverged: model.isConverged)
        }
    }

    /// BFGS with backtracking.
    private func minimize(
        _ objective: inout FactoredObjective, _ point: inout [Double], _ before: Int, _ limit: Int
    ) -> (iterations: Int, isConverged: Bool) {
        let n = point.count
        var inverse = Matrix.identity(n)
        var isFresh = true
        guard n > 0, objective.evaluate(point) else { return (before, n == 0) }
        var (value, gradient) = (objective.value, objective.gradient)
        for iteration in before..<max(limit, before + 1) {
            var step = (0..<n).map { i in -(0..<n).reduce(0) { $0 + inverse[i, $1] * gradient[$1] } }
            var slope = zip(gradient, step).reduce(0) { $0 + $1.0 * $1.1 }
            if !(slope < 0) {
                if gradient.allSatisfy({ $0 == 0 }) { return (iteration, true) }
                (inverse, isFresh) = (.identity(n), true)
                step = gradient.map { -$0 }
                slope = -gradient.reduce(0) { $0 + $1 * $1 }
            }
            // The first step has no scale yet: it moves by a tenth of the variables' size.
            if isFresh {
                let size = point.map(abs).max() ?? 1
                let largest = step.map(abs).max() ?? 1
                let factor = min(1, 0.1 * max(size, 1e-3) / largest)
                step = step.map { $0 * factor }
                slope *= factor
            }
            let isLast = !isFresh && -slope <= tolerance * max(1, abs(value))
            var length = 1.0
            var next = point
            var isBetter = false
            for _ in 0..<50 {
                next = zip(point, step).map { $0 + length * $1 }
                let isFinite = objective.evaluate(next)
                if isFinite,
                    objective.value <= value + 1e-4 * length * slope + (isLast ? 1e-13 * max(1, abs(value)) : 0)
                {
                    isBetter = true
                    break
                }
                length /= length > 0.3 ? 2 : 5
            }
            guard isBetter else {
                _ = objective.evaluate(point)
                if isFresh || isLast { return (iteration, -slope <= 1e-9 * max(1, abs(value))) }
                (inverse, isFresh) = (.identity(n), true)
                continue
            }
            let moved = zip(next, point).map { $0 - $1 }
            let turned = zip(objective.gradient, gradient).map { $0 - $1 }
            Self.update(&inverse, moved, turned, isFirst: isFresh)
            (point, value, gradient, isFresh) = (next, objective.value, objective.gradient, false)
            if isLast { return (iteration + 1, true) }
        }
        return (max(limit, before + 1), false)
    }

    private static func update(_ inverse: inout Matrix, _ s: [Double], _ y: [Double], isFirst: Bool) {
        let n = s.count
        let curvature = zip(s, y).reduce(0) { $0 + $1.0 * $1.1 }
        let square = y.reduce(0) { $0 + $1 * $1 }
        guard curvature > 1e-12 * square.squareRoot() * s.reduce(0) { $0 + $1 * $1 }.squareRoot() else { return }
        if isFirst { for k in 0..<n { inverse[k, k] = curvature / square } }
        let hy = (0..<n).map { i in (0..<n).reduce(0) { $0 + inverse[i, $1] * y[$1] } }
        let factor = 1 + zip(y, hy).reduce(0) { $0 + $1.0 * $1.1 } / curvature
        for j in 0..<n {
            for i in 0..<n {
                inverse[i, j] += (factor * s[i] * s[j] - hy[i] * s[j] - s[i] * hy[j]) / curvature
            }
        }
    }
}
