/// The proximal map of a skip connection that bounds what the network may read (Lemhadri, Ruan, Abraham & Tibshirani 2021):
/// argmin λ‖θ‖ + ½‖θ − θ₀‖² + ½‖w − w₀‖² over |w_i| ≤ M‖θ‖.
enum HierarchicalProximal {
    /// Maps one input's numbers in place; M is `bound`.
    ///
    /// - Complexity: O(weights · log weights).
    static func shrink(
        theta: UnsafeMutablePointer<Double>, _ thetaCount: Int, weights: UnsafeMutablePointer<Double>, _ count: Int,
        by lambda: Double, bound: Double
    ) {
        var norm = 0.0
        for k in 0..<thetaCount { norm += theta[k] * theta[k] }
        norm = norm.squareRoot()
        let limit = withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, count)) { sorted in
            for k in 0..<count { sorted[k] = abs(weights[k]) }
            sorted[0..<count].sort(by: >)
            var (sum, limit) = (0.0, 0.0)
            for m in 0...count {
                if m > 0 { sum += sorted[m - 1] }
                limit = bound / (1 + Double(m) * bound * bound) * max(0, norm + bound * sum - lambda)
                // The limit falls with m while it is below the next magnitude: the first that is not is the one.
                if m == count || sorted[m] <= limit { break }
            }
            return limit
        }
        if norm > 0 {
            let factor = limit / bound / norm
            for k in 0..<thetaCount { theta[k] *= factor }
        } else if limit > 0, thetaCount > 0 {
            // No direction is better than another.
            theta[0] = limit / bound
        }
        for k in 0..<count { weights[k] = max(-limit, min(limit, weights[k])) }
    }
}
