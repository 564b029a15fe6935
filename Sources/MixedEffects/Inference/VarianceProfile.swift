import Glibc
import LinearAlgebra

/// The (restricted) likelihood of a fitted model as a function of one standard deviation of its random effects, all else at its best:
/// intervals and tests that need no normal estimate, which a variance of few groups has not.
///
/// Random effects are uncorrelated. The variance of the noise follows where it is estimated; other variances stay at or above 0.
public struct VarianceProfile: Sendable {
    /// The model.
    public let model: FittedModel
    private var objective: FactoredObjective
    private let best: VarianceScoring.State
    private let least: Double
    /// Where the last profile ended, from which the next begins.
    private var state: VarianceScoring.State

    /// What keeps a model from being profiled.
    public enum Invalid: Error, Equatable, Sendable, CustomStringConvertible {
        /// Some of its random effects are correlated.
        case correlated
        /// Its likelihood is not finite.
        case notFinite

        /// One line in plain English.
        public var description: String {
            switch self {
            case .correlated:
                "random effects are correlated, but standard deviations are profiled where none are; fit without correlations"
            case .notFinite: "the likelihood of the model is not finite"
            }
        }
    }

    /// An interval of a standard deviation, in the unit of the response over that of the column.
    public struct Interval: Sendable, Equatable {
        /// The estimate, √γ.
        public let deviation: Double
        /// 0 where that is not rejected.
        public let lower: Double
        /// Infinite where nothing is rejected.
        public let upper: Double
    }

    /// - Throws: ``Invalid``.
    /// - Complexity: some evaluations of the likelihood.
    public init(_ model: FittedModel) throws(Invalid) {
        let problem = model.problem
        let q = problem.randomCount
        let isDiagonal = (0..<q).allSatisfy { j in (0..<q).allSatisfy { $0 == j || model.covariance[$0, j] == 0 } }
        guard isDiagonal else { throw .correlated }
        // Far from 0 columns cost digits.
        guard let columns = OrthonormalColumns(problem.fixed) else { throw .notFinite }
        let turned = MixedEffectsProblem(
            unchecked: columns.q, problem.random, problem.response, problem.noiseVariance, problem.offsets)
        self.model = model
        objective = FactoredObjective(turned, model.noise, model.kind, (0..<q).map { [$0] })
        state = VarianceScoring.State(
            ratios: model.variances.map { $0 / model.noiseFactor }, logNoise: log(model.noiseFactor))
        guard VarianceScoring().minimize(&objective, from: &state) != nil else { throw .notFinite }
        (best, least) = (state, objective.value)
    }

    /// Twice what the likelihood loses where a standard deviation is what it is given as: 0 at the estimate; NaN where it is not
    /// finite.
    ///
    /// - Parameters:
    ///   - index: of the random effect.
    ///   - deviation: not negative.
    /// - Complexity: some evaluations of the likelihood.
    public mutating func loss(of index: Int, at deviation: Double) -> Double {
        precondition(best.ratios.indices.contains(index) && deviation >= 0)
        let held = VarianceScoring.Held(index: index, variance: deviation * deviation)
        if VarianceScoring().minimize(&objective, from: &state, held: held) == nil {
            state = best
            guard VarianceScoring().minimize(&objective, from: &state, held: held) != nil else {
                state = best
                return .nan
            }
        }
        return max(0, 2 * (objective.value - least))
    }

    /// The standard deviations that a likelihood-ratio test of χ² with one degree of freedom does not reject (Venzon & Moolgavkar
    /// 1988).
    ///
    /// - Parameters:
    ///   - index: of the random effect.
    ///   - level: coverage, between 0 and 1.
    /// - Complexity: about twenty profiles, each some evaluations of the likelihood.
    public mutating func interval(of index: Int, level: Double = 0.95) -> Interval {
        precondition(level > 0 && level < 1)
        let bound = Self.threshold(level).squareRoot()
        let estimate = (best.ratios[index] * exp(best.logNoise)).squareRoot()
        var lower = 0.0
        state = best
        if estimate > 0 {
            let atZero = excess(of: index, at: 0, bound)
            state = best
            if atZero > 0 { lower = crossing(of: index, bound, estimate, -bound, 0, atZero) }
        }
        state = best
        var (inside, below) = (estimate, -bound)
        // An estimate may be 0, or nearly so.
        var outside = max(2 * estimate, 0.1 * objective.start[index] * exp(best.logNoise / 2))
        for _ in 0..<60 {
            let above = excess(of: index, at: outside, bound)
            if above > 0 {
                let upper = crossing(of: index, bound, inside, below, outside, above)
                return Interval(deviation: estimate, lower: lower, upper: upper)
            }
            (inside, below) = (outside, above)
            outside *= 2
        }
        return Interval(deviation: estimate, lower: lower, upper: .infinity)
    }

    /// By how much the root of the loss, which is about linear, is above a bound; what is not finite is far above.
    private mutating func excess(of index: Int, at deviation: Double, _ bound: Double) -> Double {
        let loss = loss(of: index, at: deviation)
        return loss.isFinite ? loss.squareRoot() - bound : 1e3 * bound
    }

    /// Where that is 0 between two places, by secants, an end that stays counting half (Illinois, Dowell & Jarratt 1971).
    private mutating func crossing(
        of index: Int, _ bound: Double, _ inside: Double, _ below: Double, _ outside: Double, _ above: Double
    ) -> Double {
        var (inside, below, outside, above) = (inside, below, outside, above)
        var last = 0
        for _ in 0..<100 where abs(outside - inside) > 1e-10 * max(inside, outside) {
            var middle = inside + (outside - inside) * below / (below - above)
            if !(min(inside, outside) < middle && middle < max(inside, outside)) { middle = (inside + outside) / 2 }
            let value = excess(of: index, at: middle, bound)
            if abs(value) < 1e-9 { return middle }
            if value > 0 {
                (outside, above) = (middle, value)
                if last > 0 { below /= 2 }
                last = 1
            } else {
                (inside, below) = (middle, value)
                if last < 0 { above /= 2 }
                last = -1
            }
        }
        return (inside + outside) / 2
    }

    /// The χ² of one degree of freedom that is not exceeded with a probability.
    private static func threshold(_ level: Double) -> Double {
        var (low, high) = (0.0, 1.0)
        while LikelihoodRatio.upperChiSquared(high, freedom: 1) > 1 - level { high *= 2 }
        for _ in 0..<200 {
            let middle = (low + high) / 2
            if LikelihoodRatio.upperChiSquared(middle, freedom: 1) > 1 - level { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }
}
