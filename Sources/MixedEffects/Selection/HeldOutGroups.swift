import Glibc
import LinearAlgebra

/// The choice of λ by cross-validation over groups: Σ over folds of the negative log-likelihood of the groups left out, at the
/// penalized fit to the others. It is smooth in λ while supports stay, and its slope is known (``EffectSensitivity``): a grid
/// finds the valley, and cubic interpolation of values and slopes its bottom.
public struct HeldOutGroups {
    /// Of each fold the likelihood that is fitted and the one that is asked.
    private let folds: [(fitted: PenalizedLikelihood, asked: Likelihood)]

    /// - Parameters:
    ///   - objective: its problem, weights and hierarchy; its penalty is replaced. All groups are used.
    ///   - folds: 2 or more; as many as there are groups where those are fewer. Group i is left out of fold i modulo that number.
    /// - Throws: ``MixedEffectsProblem/Invalid`` where there is one group only.
    public init(_ objective: PenalizedLikelihood, folds: Int = 5) throws(MixedEffectsProblem.Invalid) {
        let problem = objective.likelihood.problem
        let count = min(max(2, folds), problem.groupCount)
        guard count > 1 else { throw .groups }
        var made: [(PenalizedLikelihood, Likelihood)] = []
        for fold in 0..<count {
            let fitted = try Self.part(problem) { $0 % count != fold }
            let asked = try Self.part(problem) { $0 % count == fold }
            made.append((objective.with(likelihood: Likelihood(fitted)), Likelihood(asked)))
        }
        self.folds = made
    }

    private static func part(
        _ problem: MixedEffectsProblem, _ keeps: (Int) -> Bool
    ) throws(MixedEffectsProblem.Invalid) -> MixedEffectsProblem {
        let groups = (0..<problem.groupCount).filter(keeps)
        let rows = groups.flatMap { Array(problem.offsets[$0]..<problem.offsets[$0 + 1]) }
        let offsets = groups.reduce(into: [0]) {
            $0.append($0[$0.count - 1] + problem.offsets[$1 + 1] - problem.offsets[$1])
        }
        return try MixedEffectsProblem(
            fixed: problem.fixed.rows(rows), random: problem.random.rows(rows),
            response: rows.map { problem.response[$0] }, offsets: offsets,
            noiseVariance: rows.map { problem.noiseVariance[$0] })
    }

    /// A λ that was tried.
    public struct Trial: Sendable, Equatable {
        /// λ.
        public let lambda: Double
        /// The negative log-likelihood of the groups left out, over all folds.
        public let value: Double
        /// Its derivative in log λ; nil where a fit was no strict minimum.
        public let slope: Double?
    }

    /// The criterion at a λ.
    ///
    /// - Parameters:
    ///   - starts: of each fold where its fit begins; where it ended afterwards.
    ///   - solver: not of a relaxed objective; for that give the penalty's envelope.
    /// - Complexity: a fit a fold.
    public func evaluate(
        _ lambda: Double, penalty: any EffectPenalty, solver: some EffectSolver, starts: inout [Effects]
    ) -> Trial {
        var (value, slope): (Double, Double?) = (0, 0)
        for (k, fold) in folds.enumerated() {
            let objective = fold.fitted.with(penalty: penalty)
            let found = solver.solve(objective, from: starts[k])
            if found.objective.isFinite { starts[k] = found.effects }
            let asked = fold.asked.evaluate(at: found.effects)
            value += asked.value
            let gradient = Effects(fixed: asked.fixedGradient, variances: asked.varianceGradient)
            let sensitivity = EffectSensitivity(objective, at: found.effects)
            slope = slope.flatMap { sum in sensitivity.map { sum + $0.gradient(of: gradient).byLogLambda } }
        }
        return Trial(lambda: lambda, value: value, slope: slope)
    }

    /// Looks for the λ with the smallest criterion.
    ///
    /// - Parameters:
    ///   - lambdas: a grid, ascending; fits go along it.
    ///   - solver: of the penalized fits, to a residual small enough for slopes; not of a relaxed objective.
    ///   - start: where each fold's first fit begins.
    ///   - resolution: of log λ.
    ///   - penalty: the penalty at a λ.
    /// - Returns: what was tried, in order; the smallest value is the choice.
    /// - Throws: what the closure throws.
    public func search(
        _ lambdas: [Double], solver: some EffectSolver, from start: Effects, resolution: Double = 0.01,
        penalty: (_ lambda: Double) throws(InvalidEffectPenalty) -> any EffectPenalty
    ) throws(InvalidEffectPenalty) -> [Trial] {
        var starts = folds.map { _ in start }
        var trials: [Trial] = []
        var ends: [[Effects]] = []
        for lambda in lambdas {
            trials.append(evaluate(lambda, penalty: try penalty(lambda), solver: solver, starts: &starts))
            ends.append(starts)
        }
        guard let best = trials.indices.min(by: { trials[$0].value < trials[$1].value }), let slope = trials[best].slope
        else { return trials }
        let other = slope > 0 ? best - 1 : best + 1
        guard trials.indices ~= other else { return trials }
        starts = ends[best]
        var (low, high) = (trials[min(best, other)], trials[max(best, other)])
        while log(high.lambda / low.lambda) > resolution, trials.count < lambdas.count + 30 {
            let lambda = exp(Self.minimum(low, high))
            let trial = evaluate(lambda, penalty: try penalty(lambda), solver: solver, starts: &starts)
            trials.append(trial)
            guard let slope = trial.slope else { break }
            if slope > 0 { high = trial } else { low = trial }
        }
        return trials
    }

    /// log λ of the minimum of the cubic through two values and slopes, kept off the ends by a tenth.
    private static func minimum(_ a: Trial, _ b: Trial) -> Double {
        let (x, width) = (log(a.lambda), log(b.lambda / a.lambda))
        var share = 0.5
        if let left = a.slope, let right = b.slope, a.value.isFinite, b.value.isFinite {
            // Nocedal & Wright 2006, (3.59).
            let d = left + right - 3 * (b.value - a.value) / width
            let root = (d * d - left * right).squareRoot()
            share = 1 - (right + root - d) / (right - left + 2 * root)
        }
        return x + width * (share.isFinite ? min(0.9, max(0.1, share)) : 0.5)
    }
}
