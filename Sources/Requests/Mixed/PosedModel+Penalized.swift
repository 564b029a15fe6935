import Glibc

extension PosedModel {
    /// What a penalty leaves, at the λ and η given or those chosen.
    ///
    /// Penalties need the variance of the noise: where it is not known, that of the full model by maximum likelihood is taken;
    /// the models on the supports that a path finds estimate their own.
    /// - Throws: ``MixedEffectsProblem/Invalid``, ``InvalidEffectPenalty``.
    func penalized(_ monitor: Monitor) throws -> Choice {
        let full = try BoundedNewton().fit(problem, noise: noise)
        let known = try MixedEffectsProblem(
            fixed: problem.fixed, random: problem.random, response: problem.response, offsets: problem.offsets,
            noiseVariance: problem.noiseVariance.map { $0 * full.noiseFactor })
        let weights = request.penalty.isAdaptive ? AdaptiveWeights(full.effects) : nil
        var fixedWeights = weights?.fixed ?? [Double](repeating: 1, count: problem.fixedCount)
        for kept in rules.keptFixed { fixedWeights[kept] = 0 }
        let objective = try PenalizedLikelihood(
            Likelihood(known), penalty: try request.penalty.penalty(lambda: 1), fixedWeights: fixedWeights,
            varianceWeights: weights?.variances, parents: rules.parents)
        return try choose(objective, from: full.effects, monitor)
    }
}
