/// Correction of several tests for their number, by the share of false ones among those found (Benjamini & Hochberg 1995).
public enum FalseDiscoveryRate {
    /// Adjusted p values, in the order of those given: of all that are adjusted to at most q, a share of at most q is wrong on
    /// average, where the tests do not depend on each other. NaN stays and is not counted.
    ///
    /// - Complexity: O(n log n).
    public static func adjusted(_ values: [Double]) -> [Double] {
        let order = values.indices.filter { !values[$0].isNaN }.sorted { values[$0] > values[$1] }
        var adjusted = values
        var smallest = 1.0
        for (rank, k) in order.enumerated() {
            smallest = min(smallest, Double(order.count) / Double(order.count - rank) * values[k])
            adjusted[k] = smallest
        }
        return adjusted
    }
}
