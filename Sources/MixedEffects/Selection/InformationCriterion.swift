import Glibc
import LinearAlgebra

/// How well a model explains the data for its number of effects; less is better.
///
/// With L the negative log-likelihood without constants, k the effects that are not 0, |β| and |γ| of them fixed and random, and
/// N rows in m groups. All but the conditional one count parameters.
public enum InformationCriterion: String, Sendable, CaseIterable {
    /// 2L + k log N (Schwarz 1978): the default, which random slopes and intercepts do not bend.
    case bic
    /// 2L + k log n_eff, n_eff = Σ 1ᵀcorr(Ω_i)⁻¹1 (Jones 2011): a random intercept shrinks n_eff, random slopes may make it far larger
    /// than N.
    case bicJones = "bic-jones"
    /// (2L + |β| log m + 2|γ|)/N (Hui, Müller & Welsh 2017).
    case muellerHui = "mueller-hui"
    /// 2L + 2αk, α = N/(N − k − 1) (Vaida & Blanchard 2005, marginal).
    case marginalAIC = "aic"
    /// Twice the negative log-likelihood of the response given the random effects, plus twice the degrees of freedom of
    /// Hodges & Sargent (Vaida & Blanchard 2005, conditional).
    case conditionalAIC = "conditional-aic"

    /// Of a model; infinite where α is not defined or Ω cannot be factorized.
    ///
    /// - Parameters:
    ///   - problem: with the noise variance that the model has.
    ///   - effects: β and γ.
    ///   - loss: L there, where it is known.
    ///   - threshold: an effect of no more than that is none.
    /// - Complexity: an evaluation of L, of its derivatives for the conditional one.
    public func value(
        _ problem: MixedEffectsProblem, _ effects: Effects, loss: Double? = nil, threshold: Double = 0
    ) -> Double {
        let fixed = effects.fixed.count { abs($0) > threshold }
        let random = effects.variances.count { $0 > threshold }
        let count = Double(problem.rowCount)
        let k = Double(fixed + random)
        func twiceLoss() -> Double { 2 * (loss ?? Likelihood(problem).value(at: effects)) }
        switch self {
        case .bic: return twiceLoss() + k * log(count)
        case .bicJones: return twiceLoss() + k * log(Self.effectiveSize(problem, effects))
        case .muellerHui:
            return (twiceLoss() + Double(fixed) * log(Double(problem.groupCount)) + 2 * Double(random)) / count
        case .marginalAIC:
            return count > k + 1 ? twiceLoss() + 2 * count / (count - k - 1) * k : .infinity
        case .conditionalAIC:
            let freedom = DegreesOfFreedom(problem, effects)
            return freedom.map { $0.conditionalSquares + 2 * $0.value } ?? .infinity
        }
    }

    /// n_eff of Jones: dᵀΩ⁻¹d with d the standard deviations of Ω.
    static func effectiveSize(_ problem: MixedEffectsProblem, _ effects: Effects) -> Double {
        let deviations = (0..<problem.rowCount).map { row in
            (0..<problem.randomCount).reduce(problem.noiseVariance[row]) {
                $0 + effects.variances[$1] * problem.random[row, $1] * problem.random[row, $1]
            }.squareRoot()
        }
        let none = Effects(fixed: effects.fixed.map { _ in 0 }, variances: effects.variances)
        return 2 * Likelihood(problem.with(response: deviations)).parts(at: none).squares
    }
}

/// The degrees of freedom that a mixed model spends on its fixed and random effects: the trace of the matrix that takes the
/// response to its fit (Hodges & Sargent 2001).
public struct DegreesOfFreedom: Sendable {
    /// Σ tr(ΓA_i) + tr[(ΣK)⁻¹ Σ XᵀΩ⁻¹ΛΩ⁻¹X].
    public let value: Double
    /// Σ (y − Xβ − Zu)ᵀΛ⁻¹(y − Xβ − Zu) + log det Λ: twice the negative log-likelihood given the random effects, without constants.
    public let conditionalSquares: Double

    /// Nil where β is not determined.
    ///
    /// - Complexity: an evaluation of the derivatives of L.
    public init?(_ problem: MixedEffectsProblem, _ effects: Effects) {
        let (p, q) = (problem.fixedCount, problem.randomCount)
        var information = Matrix(rows: p, columns: p)
        var explained = information
        var random = 0.0
        var scores = Matrix(rows: q, columns: problem.groupCount)
        var group = 0
        let isFactored = Likelihood(problem).forEachProducts(at: effects) { products, side in
            for j in 0..<p {
                for i in j..<p {
                    information[i, j] += products[i + j * side]
                    // XᵀΩ⁻¹ΛΩ⁻¹X = K − CΓCᵀ.
                    explained[i, j] += (0..<q).reduce(products[i + j * side]) {
                        $0 - effects.variances[$1] * products[p + $1 + i * side] * products[p + $1 + j * side]
                    }
                }
            }
            for j in 0..<q {
                random += effects.variances[j] * products[p + j + (p + j) * side]
                scores[j, group] = products[side - 1 + (p + j) * side]
            }
            group += 1
        }
        guard isFactored else { return nil }
        var freedom = random
        if p > 0 {
            information.mirrorLowerTriangle()
            explained.mirrorLowerTriangle()
            guard let cholesky = try? Cholesky(information) else { return nil }
            let shares = cholesky.solve(explained)
            for j in 0..<p { freedom += shares[j, j] }
        }
        value = freedom
        var squares = 0.0
        for group in 0..<problem.groupCount {
            for row in problem.offsets[group]..<problem.offsets[group + 1] {
                var error = problem.response[row]
                for k in 0..<p { error -= problem.fixed[row, k] * effects.fixed[k] }
                for k in 0..<q { error -= problem.random[row, k] * effects.variances[k] * scores[k, group] }
                squares += error * error / problem.noiseVariance[row] + log(problem.noiseVariance[row])
            }
        }
        conditionalSquares = squares
    }
}
