/// Fisher's F distribution, of ratios of two variances.
public enum FisherDistribution {
    /// The probability of a ratio as large or larger, to some 1e-13 of it.
    ///
    /// - Parameters:
    ///   - ratio: F; 0 or less gives 1, NaN gives NaN.
    ///   - numerator: degrees of freedom, positive and finite.
    ///   - denominator: degrees of freedom, positive and finite.
    public static func upperTail(_ ratio: Double, numerator: Double, denominator: Double) -> Double {
        guard !ratio.isNaN, numerator > 0, denominator > 0 else { return .nan }
        guard ratio > 0 else { return 1 }
        guard ratio.isFinite else { return 0 }
        let sum = denominator + numerator * ratio
        return IncompleteBeta.regularized(
            denominator / 2, numerator / 2, x: denominator / sum, rest: numerator * ratio / sum)
    }
}
