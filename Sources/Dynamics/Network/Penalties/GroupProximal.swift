/// The proximal map of a norm of two stretches of numbers that are one group.
enum GroupProximal {
    /// w ← argmin t‖w‖ + ½‖w − u‖²: the group shrinks by t/‖u‖, or vanishes.
    static func shrink(_ values: UnsafeMutablePointer<Double>, _ first: Range<Int>, _ second: Range<Int>, by t: Double)
    {
        var square = 0.0
        for k in first { square += values[k] * values[k] }
        for k in second { square += values[k] * values[k] }
        let norm = square.squareRoot()
        let factor = norm > t ? 1 - t / norm : 0
        for k in first { values[k] *= factor }
        for k in second { values[k] *= factor }
    }

    /// w ← argmin λ‖w‖ + ½Σ(w_k − u_k)²/s_k: the map in a metric of a step s_k for each number.
    ///
    /// w_k = u_k ν/(ν + λs_k), where ν = ‖w‖ solves Σ u_k²/(ν + λs_k)² = 1, or 0 where ‖u/s‖ ≤ λ. Newton's method on
    /// 1/√Σ, which is concave and increasing: from below it does not overshoot.
    static func shrink(
        _ values: UnsafeMutablePointer<Double>, _ first: Range<Int>, _ second: Range<Int>, by lambda: Double,
        scales: UnsafePointer<Double>
    ) {
        guard lambda > 0 else { return }
        func each(_ body: (Int) -> Void) {
            for k in first { body(k) }
            for k in second { body(k) }
        }
        var (outer, largest, norm) = (0.0, 0.0, 0.0)
        each { k in
            outer += values[k] * values[k] / (scales[k] * scales[k])
            largest = max(largest, scales[k])
            norm += values[k] * values[k]
        }
        guard outer.squareRoot() > lambda else {
            each { values[$0] = 0 }
            return
        }
        // With the largest step for all, the norm would be this: below the solution.
        var nu = max(0, norm.squareRoot() - lambda * largest)
        for _ in 0..<50 {
            var (sum, slope) = (0.0, 0.0)
            each { k in
                let ratio = values[k] / (nu + lambda * scales[k])
                sum += ratio * ratio
                slope += ratio * ratio / (nu + lambda * scales[k])
            }
            // φ(ν) = Σ^(−½) − 1, φ′ = Σ^(−3/2)·slope.
            let change = (1 - 1 / sum.squareRoot()) * sum * sum.squareRoot() / slope
            nu += change
            if abs(change) <= 1e-15 * nu { break }
        }
        each { values[$0] *= nu / (nu + lambda * scales[$0]) }
    }
}
