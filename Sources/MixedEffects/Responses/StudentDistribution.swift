import Glibc

/// Student's t distribution.
public enum StudentDistribution {
    /// The probability of a value as far from 0 or farther, either way.
    ///
    /// To some 1e-14.
    ///
    /// - Parameters:
    ///   - t: any; NaN gives NaN.
    ///   - freedom: positive; infinite for the normal distribution.
    public static func twoSided(_ t: Double, freedom: Double) -> Double {
        guard !t.isNaN, freedom > 0 else { return .nan }
        guard freedom < 1e10 else { return erfc(abs(t) / 2.0.squareRoot()) }
        guard abs(t).isFinite else { return 0 }
        return IncompleteBeta.regularized(
            freedom / 2, 0.5, x: freedom / (freedom + t * t), rest: t * t / (freedom + t * t))
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
