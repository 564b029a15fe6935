/// The influence of one variable on another in several recordings, as responses of a model that compares recordings: what is
/// beyond chance, with the variance of its error.
///
/// With p lags and N rows, N·I of I = ln(rss₀/rss) is about χ²_p, noncentral where there is a connection (Geweke 1982): I − p/N
/// is 0 on average without one, and the variance of I is 2p/N² + 4Ī/N, Ī its mean less p/N. A recording's own influence is no
/// part of its variance, so that those which err downward do not weigh more: Ī is of all recordings. Of strong influences
/// (0.3 and more) the variance is a fifth smaller than that.
public struct InfluenceResponses: Sendable, Equatable {
    /// I − p/N of each recording; NaN where it has none.
    public let values: [Double]
    /// Variance of each.
    public let variances: [Double]

    /// Responses of one connection.
    ///
    /// - Parameters:
    ///   - influences: I of each recording; NaN where it has none.
    ///   - samples: N of each.
    ///   - order: p, the same in all.
    /// - Complexity: O(recordings).
    public init(influences: [Double], samples: [Int], order: Int) {
        let lags = Double(order)
        values = zip(influences, samples).map { $0 - lags / Double($1) }
        let known = values.filter(\.isFinite)
        let mean = max(0, known.reduce(0, +) / Double(max(1, known.count)))
        variances = samples.map { 2 * lags / Double($0 * $0) + 4 * mean / Double($0) }
    }

    /// One order for recordings whose influences are to be compared: the median of those that each chooses, of two in the
    /// middle the lower one.
    ///
    /// Nil without any.
    public static func commonOrder(_ orders: [Int]) -> Int? {
        orders.isEmpty ? nil : orders.sorted()[(orders.count - 1) / 2]
    }
}
