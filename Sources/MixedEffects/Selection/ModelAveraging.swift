import Glibc
import LinearAlgebra

/// Bayesian model averaging: a Gibbs sampler over which effects are in, with the probability of a model proportional to
/// exp(−BIC/2) (Raftery 1995), and the median model, of the effects whose probability is above one half (Barbieri & Berger
/// 2004).
public struct ModelAveraging: Sendable {
    /// Which models may be chosen.
    public var rules: SelectionRules
    /// Sweeps over all effects; nil: 25, or more where effects are few, until a thousand are drawn.
    public var sweeps: Int?
    /// Of the draws.
    public var seed: UInt64

    /// See the properties.
    public init(rules: SelectionRules = .init(), sweeps: Int? = nil, seed: UInt64 = 1) {
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
        let sweeps = max(1, self.sweeps ?? max(25, 1000 / max(1, p + q)))
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
                let draws = (generator.uniform(), generator.uniform())
                guard rules.allow(flipped) else {
                    sums[k] += state.support[k] ? 1 : 0
                    continue
                }
                let looks = Self.probability(fits, from: state, by: [k])
                let told = fits.known(flipped).map { Self.probability($0.bic - state.bic) } ?? looks
                sums[k] += state.support[k] ? 1 - told : told
                if let other = Self.move(fits, state, flipped, [k], looks, draws) { state = other }
            }
            // A fixed effect and a random one that depends on it come and go together, too: apart, the way between neither and
            // both may lead through a model that is far worse than either.
            for (k, parent) in rules.parents.enumerated() {
                let draws = (generator.uniform(), generator.uniform())
                guard let parent, state.support.fixed[parent] == state.support.random[k] else { continue }
                var flipped = state.support
                flipped.fixed[parent].toggle()
                flipped.random[k].toggle()
                guard rules.allow(flipped) else { continue }
                let looks = Self.probability(fits, from: state, by: [parent, p + k])
                if let other = Self.move(fits, state, flipped, [parent, p + k], looks, draws) { state = other }
            }
            visited.insert(state.support)
            for k in 0..<p { effects.fixed[k] += state.effects.fixed[k] / Double(sweeps) }
            for k in 0..<q { effects.variances[k] += state.effects.variances[k] / Double(sweeps) }
        }
        let probabilities = sums.map { $0 / Double(sweeps) }
        var median = Support(
            fixed: probabilities.prefix(p).map { $0 > 0.5 }, random: probabilities.dropFirst(p).map { $0 > 0.5 })
        rules.mend(&median)
        return Average(
            fixed: Array(probabilities.prefix(p)), random: Array(probabilities.dropFirst(p)), effects: effects,
            median: fits.model(median, near: start), models: visited.count)
    }

    /// Of the model with some effects flipped against the present one, as it looks from there.
    private static func probability(
        _ fits: SupportFits, from state: SupportFits.Scored, by flipped: [Int]
    ) -> Double {
        let outlook = fits.outlook(state)
        let change = flipped.reduce(0) { sum, k in
            sum + 2 * outlook.flips[k] + (state.support[k] ? -fits.charge : fits.charge)
        }
        return probability(change)
    }

    /// Of a model whose BIC is larger by some amount than that of the only other one.
    private static func probability(_ difference: Double) -> Double {
        // Without overflow.
        difference.isFinite ? 1 / (1 + exp(min(700, max(-700, difference / 2)))) : difference < 0 ? 1 : 0
    }

    /// Moves where it looks good from here, then with the odds that undo what the look got wrong (delayed acceptance, Christen &
    /// Fox 2005): models are visited as often as their BIC says, and only those worth it are fitted.
    private static func move(
        _ fits: SupportFits, _ state: SupportFits.Scored, _ support: Support, _ flipped: [Int], _ looks: Double,
        _ draws: (Double, Double)
    ) -> SupportFits.Scored? {
        guard draws.0 < looks else { return nil }
        let other = fits.model(support, near: state)
        guard other.bic.isFinite else { return nil }
        let back = probability(fits, from: other, by: flipped)
        let odds = exp(min(700, max(-700, (state.bic - other.bic) / 2))) * back / looks
        return draws.1 < odds ? other : nil
    }
}
