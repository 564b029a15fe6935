import Glibc

/// The likelihood-ratio test of a model against one with more effects, both by maximum likelihood (REML where they differ in random
/// effects alone).
public enum LikelihoodRatio {
    /// The probability of a ratio as large or larger where the smaller model is true.
    ///
    /// A variance that is 0 lies on the boundary: with f fixed effects and v uncorrelated variances tested the ratio is a mixture
    /// of χ² of f … f + v degrees of freedom with binomial weights, ½χ²_f + ½χ²_{f+1} for one (Self & Liang 1987). The weights are
    /// exact for one, and for several whose estimates do not depend on each other.
    ///
    /// - Parameters:
    ///   - statistic: 2(L_small − L_large), L being −log likelihood; below 0 counts as 0.
    ///   - fixed: fixed effects that the larger model has more.
    ///   - variances: variances that it has more.
    public static func p(_ statistic: Double, fixed: Int, variances: Int) -> Double {
        precondition(fixed >= 0 && variances >= 0)
        guard !statistic.isNaN else { return .nan }
        var (sum, weight) = (0.0, pow(0.5, Double(variances)))
        for k in 0...variances {
            sum += weight * upperChiSquared(statistic, freedom: fixed + k)
            weight *= Double(variances - k) / Double(k + 1)
        }
        return min(1, sum)
    }

    /// The probability that χ² of a whole number of degrees of freedom is that large or larger; 0 degrees of freedom: all of it is
    /// at 0.
    ///
    /// By the recurrence Q(a + 1, x) = Q(a, x) + xᵃe⁻ˣ/Γ(a + 1) from one or two degrees of freedom: all terms are positive.
    static func upperChiSquared(_ value: Double, freedom: Int) -> Double {
        guard value > 0 else { return 1 }
        guard freedom > 0 else { return 0 }
        let x = value / 2
        var a = freedom % 2 == 0 ? 1.0 : 0.5
        var tail = freedom % 2 == 0 ? exp(-x) : erfc(x.squareRoot())
        while a < Double(freedom) / 2 {
            tail += exp(a * log(x) - x - lgamma(a + 1))
            a += 1
        }
        return min(1, tail)
    }
}
