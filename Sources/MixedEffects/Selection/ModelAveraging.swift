import Glibc
import LinearAlgebra

/// Bayesian model averaging: a Gibbs sampler over which effects are in, with the probability of a model proportional to
/// exp(−BIC/2) (Raftery 1995), and the median model, of the effects whose probability is above one half (Barbieri & Berger
/// 2004).
public struct ModelAveraging: Sendable {
    /// Which models may be chosen.
    public var rules: SelectionRules
    /// Sweeps over all effects.
    public var sweeps: Int
    /// Of the draws.
    public var seed: UInt64

    /// See the properties.
    public init(rules: SelectionRules = .init(), sweeps: Int = 25, seed: UInt64 = 1) {
        self.rules = rules
        self.sweeps = sweeps
        self.seed = seed
    }

    /// What averaging says.
    public struct Average: Sendable {
        /// Probability of each fixed effect: p values.
        public let fixed: [Double]
        /// Probability of each random effect: q values.
        public let random: [Double]
        /// β averaged over models, 0 where an effect is not in.
        public let effects: Effects
        /// The median model.
        public let median: SupportFits.Scored
        /// Number of models visited.
        public let models: Int
    }

    /// Averages.
    ///
    /// An effect's probability is the mean, over the sweeps, of its conditional probability when it is drawn (Rao & Blackwell):
    /// less noisy than the share of draws.
    ///
    /// - Parameters:
    ///   - fits: models, with what is known of them.
    ///   - start: where to begin, best a model that is likely.
    /// - Complexity: O(sweeps · (p + q)) fits at most, those of models not seen before.
    public func run(_ fits: SupportFits, from start: SupportFits.Scored) -> Average {
        let (p, q) = (start.support.fixed.count, start.support.random.count)
        var generator = SeededGenerator(seed: seed)
        var state = start
        var sums = [Double](repeating: 0, count: p + q)
        var effects = Effects(
            fixed: [Double](repeating: 0, count: p), variances: [Double](repeating: 0, count: q))
        var visited: Set<Support> = [start.support]
        for _ in 0..<sweeps {
            for k in 0..<(p + q) {
                var flipped = state.support
                flipped[k].toggle()
                let draw = generator.uniform()
                guard rules.allow(flipped) else {
                    sums[k] += state.support[k] ? 1 : 0
                    continue
                }
                let other = fits.model(flipped, near: state)
                let probability = Self.probability(of: other, against: state)
                sums[k] += state.support[k] ? 1 - probability : probability
                if draw < probability { state = other }
            }
            // A fixed effect and a random one that depends on it come and go together, too: apart, the way between neither and
            // both may lead through a model that is far worse than either.
            for (k, parent) in rules.parents.enumerated() {
                let draw = generator.uniform()
                guard let parent, state.support.fixed[parent] == state.support.random[k] else { continue }
                var flipped = state.support
                flipped.fixed[parent].toggle()
                flipped.random[k].toggle()
                guard rules.allow(flipped) else { continue }
                let other = fits.model(flipped, near: state)
                if draw < Self.probability(of: other, against: state) { state = other }
            }
            visited.insert(state.support)
            for k in 0..<p { effects.fixed[k] += state.effects.fixed[k] / Double(sweeps) }
            for k in 0..<q { effects.variances[k] += state.effects.variances[k] / Double(sweeps) }
        }
        let probabilities = sums.map { $0 / Double(max(sweeps, 1)) }
        var median = Support(
            fixed: probabilities.prefix(p).map { $0 > 0.5 }, random: probabilities.dropFirst(p).map { $0 > 0.5 })
        rules.mend(&median)
        return Average(
            fixed: Array(probabilities.prefix(p)), random: Array(probabilities.dropFirst(p)), effects: effects,
            median: fits.model(median, near: start), models: visited.count)
    }

    /// Of one of two models.
    private static func probability(of other: SupportFits.Scored, against state: SupportFits.Scored) -> Double {
        guard other.bic.isFinite else { return 0 }
        // exp of half the difference of BIC, without overflow.
        return 1 / (1 + exp(min(700, max(-700, (other.bic - state.bic) / 2))))
    }
}
