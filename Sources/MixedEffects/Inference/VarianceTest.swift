import LinearAlgebra

/// Whether a random effect is needed: the likelihood-ratio test of a fitted model against the one without it.
public struct VarianceTest: Sendable, Equatable {
    /// Of the random effect.
    public let index: Int
    /// 2(L without − L with), L being −log likelihood.
    public let statistic: Double
    /// Covariances that go with the variance.
    public let covariances: Int
    /// The probability of as much without the effect: of a mixture, a half each, of χ² of as many degrees of freedom as there are
    /// covariances and of one more (Self & Liang 1987; Stram & Lee 1994). NaN where the model without it cannot be fitted.
    public let p: Double

    /// Tests every random effect of a model, by the criterion it was fitted by: REML serves as well, the fixed effects being
    /// the same.
    ///
    /// - Parameters:
    ///   - model: fitted.
    ///   - blocks: which of its random effects are correlated, as it was fitted (``CovarianceFit``); nil: none are.
    /// - Returns: a test for each random effect, in order; corrected for none of the others.
    /// - Throws: ``VarianceProfile/Invalid`` for a model with correlations that `blocks` does not know of.
    /// - Complexity: for each effect some evaluations of the likelihood; a fit where it is correlated with others.
    public static func all(
        of model: FittedModel, blocks: [[Int]]? = nil
    ) throws(VarianceProfile.Invalid) -> [VarianceTest] {
        let q = model.problem.randomCount
        let blocks = blocks ?? (0..<q).map { [$0] }
        precondition(blocks.joined().sorted() == Array(0..<q))
        guard blocks.contains(where: { $0.count > 1 }) else {
            var profile = try VarianceProfile(model)
            return (0..<q).map { VarianceTest($0, profile.loss(of: $0, at: 0), covariances: 0) }
        }
        return (0..<q).map { index in
            let own = blocks.first { $0.contains(index) } ?? []
            let rest = (0..<q).filter { $0 != index }
            // The others keep their order, each past it one place earlier.
            let left = blocks.map { $0.filter { $0 != index }.map { $0 > index ? $0 - 1 : $0 } }.filter { !$0.isEmpty }
            let problem = model.problem.restricted(fixed: Array(0..<model.problem.fixedCount), random: rest)
            let small = try? CovarianceFit().fit(problem, noise: model.noise, kind: model.kind, blocks: left)
            let statistic = small.map { max(0, 2 * ($0.loss - model.loss)) } ?? .nan
            return VarianceTest(index, statistic, covariances: own.count - 1)
        }
    }

    private init(_ index: Int, _ statistic: Double, covariances: Int) {
        self.index = index
        self.statistic = statistic
        self.covariances = covariances
        p = LikelihoodRatio.p(statistic, fixed: covariances, variances: 1)
    }
}
