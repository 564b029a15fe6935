import Glibc

/// Student's t distribution.
public enum StudentDistribution {
    /// The probability of a value as far from 0 or farther, either way.
    ///
    /// By the continued fraction of the incomplete beta function (Press et al. 2007, 6.4), to some 1e-14.
    ///
    /// - Parameters:
    ///   - t: any; NaN gives NaN.
    ///   - freedom: positive; infinite for the normal distribution.
    public static func twoSided(_ t: Double, freedom: Double) -> Double {
        guard !t.isNaN, freedom > 0 else { return .nan }
        guard freedom < 1e10 else { return erfc(abs(t) / 2.0.squareRoot()) }
        guard abs(t).isFinite else { return 0 }
        return incompleteBeta(freedom / 2, 0.5, x: freedom / (freedom + t * t), rest: t * t / (freedom + t * t))
    }

    /// The value that is exceeded, either way, with a probability.
    ///
    /// - Parameters:
    ///   - probability: between 0 and 1.
    ///   - freedom: positive.
    /// - Complexity: some hundred evaluations.
    public static func twoSidedQuantile(_ probability: Double, freedom: Double) -> Double {
        guard probability > 0 else { return .infinity }
        guard probability < 1 else { return 0 }
        var (low, high) = (0.0, 1.0)
        while twoSided(high, freedom: freedom) > probability, high < 1e300 { high *= 2 }
        for _ in 0..<200 where high - low > 1e-14 * high {
            let middle = (low + high) / 2
            if twoSided(middle, freedom: freedom) > probability { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    /// The regularized incomplete beta function I_x(a, b); `rest` is 1 − x, without its rounding.
    private static func incompleteBeta(_ a: Double, _ b: Double, x: Double, rest: Double) -> Double {
        guard x > 0 else { return 0 }
        guard rest > 0 else { return 1 }
        let front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(rest))
        return x < (a + 1) / (a + b + 2)
            ? front * fraction(a, b, x) / a : 1 - front * fraction(b, a, rest) / b
    }

    /// Lentz's evaluation of the continued fraction.
    private static func fraction(_ a: Double, _ b: Double, _ x: Double) -> Double {
        let tiny = 1e-300
        func nonzero(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
        var c = 1.0
        var d = 1 / nonzero(1 - (a + b) * x / (a + 1))
        var result = d
        for k in 1...10_000 {
            let m = Double(k)
            for numerator in [
                m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
            ] {
                d = 1 / nonzero(1 + numerator * d)
                c = nonzero(1 + numerator / c)
                result *= c * d
            }
            if abs(c * d - 1) < 1e-16 { break }
        }
        return result
    }
}

/// Holm's correction of several tests for their number (Holm 1979): of all that are adjusted to at most α, the probability that
/// any is wrong is at most α, whatever they have to do with each other.
public enum HolmCorrection {
    /// Adjusted p values, in the order of those given; NaN stays and is not counted.
    ///
    /// - Complexity: O(n log n).
    public static func adjusted(_ values: [Double]) -> [Double] {
        let order = values.indices.filter { !values[$0].isNaN }.sorted { values[$0] < values[$1] }
        var adjusted = values
        var largest = 0.0
        for (rank, k) in order.enumerated() {
            largest = max(largest, min(1, Double(order.count - rank) * values[k]))
            adjusted[k] = largest
        }
        return adjusted
    }
}
