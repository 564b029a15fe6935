import Glibc
import LinearAlgebra

/// The models on subsets of the effects, each fitted by maximum likelihood when it is first asked for, and kept.
///
/// A fit begins where the model that asks for it is: another start may end elsewhere, so a score belongs to the order in which
/// models are asked for, which depends on nothing but the problem, the settings and the seed.
public final class SupportFits {
    /// What is scored.
    public let problem: MixedEffectsProblem
    /// Whether the variance of the noise is estimated, in each model anew.
    public let noise: NoiseModel
    /// Number of models fitted.
    public private(set) var count = 0

    /// A model on a support.
    public struct Scored: Sendable {
        /// Which effects it has.
        public let support: Support
        /// β and γ of all effects, 0 where they are not in.
        public let effects: Effects
        /// σ².
        public let noiseFactor: Double
        /// −log likelihood without its (N/2) log 2π.
        public let loss: Double
        /// 2·loss + k log N; infinite for a model that cannot be fitted.
        public let bic: Double
    }

    /// log N: what an effect costs.
    let charge: Double
    private let newton: BoundedNewton
    private let likelihood: Likelihood
    private var derivatives: Likelihood.Derivatives
    private var outlooks: [Support: Outlook] = [:]
    private let start: Effects
    private var known: [Support: Scored] = [:]

    /// - Parameters:
    ///   - problem: any.
    ///   - noise: whether Λ is known up to a factor.
    ///   - newton: how exactly.
    ///   - charged: N of the criterion, where the problem is a part of a larger one; nil: its rows.
    public init(
        _ problem: MixedEffectsProblem, noise: NoiseModel, newton: BoundedNewton = .init(tolerance: 1e-7),
        charged: Int? = nil
    ) {
        self.problem = problem
        self.noise = noise
        self.newton = newton
        charge = log(Double(charged ?? problem.rowCount))
        start = BoundedNewton.start(problem, noise: noise)
        // Most models that are worth a look have far from all variances.
        likelihood = Likelihood(problem, variances: problem.randomCount / 3)
        derivatives = Likelihood.Derivatives(fixedCount: problem.fixedCount, randomCount: problem.randomCount)
    }

    /// The model on a support.
    ///
    /// - Parameters:
    ///   - support: any.
    ///   - near: a model from which to begin, if any.
    /// - Complexity: of a fit where it is not known yet.
    public func model(_ support: Support, near: Scored? = nil) -> Scored {
        if let known = known[support] { return known }
        let scored = fit(support, near: near)
        known[support] = scored
        return scored
    }

    /// A model that was asked for before.
    func known(_ support: Support) -> Scored? { known[support] }

    /// What flips of a model would do, and swaps.
    func outlook(_ scored: Scored, withSwaps: Bool = false) -> Outlook {
        if !withSwaps, let known = outlooks[scored.support] { return known }
        let outlook = Outlook(likelihood, noise, scored, &derivatives, withSwaps: withSwaps)
        if !withSwaps { outlooks[scored.support] = outlook }
        return outlook
    }

    private func fit(_ support: Support, near: Scored?) -> Scored {
        count += 1
        let (fixed, random) = (support.fixedIndices, support.randomIndices)
        var effects = Effects(
            fixed: [Double](repeating: 0, count: problem.fixedCount),
            variances: [Double](repeating: 0, count: problem.randomCount))
        let none = Scored(support: support, effects: effects, noiseFactor: .nan, loss: .infinity, bic: .infinity)
        guard problem.rowCount > fixed.count + (noise == .estimated ? 1 : 0) else { return none }
        let likelihood = Likelihood(self.likelihood, fixed: fixed, random: random)
        let scale = near.map { 1 / $0.noiseFactor } ?? 1
        let begin = Effects(
            fixed: fixed.map { near?.effects.fixed[$0] ?? 0 },
            variances: random.map { j in
                let near = near.map { $0.effects.variances[j] * scale } ?? 0
                return near > 0 ? near : start.variances[j]
            })
        guard let fit = newton.fit(likelihood, noise: noise, from: begin), fit.loss.isFinite else { return none }
        for (k, j) in fixed.enumerated() { effects.fixed[j] = fit.effects.fixed[k] }
        for (k, j) in random.enumerated() { effects.variances[j] = fit.effects.variances[k] }
        return Scored(
            support: support, effects: effects, noiseFactor: fit.noiseFactor, loss: fit.loss,
            bic: 2 * fit.loss + Double(support.count) * charge)
    }
}
