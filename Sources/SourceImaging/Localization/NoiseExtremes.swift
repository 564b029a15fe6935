import Glibc

/// The distribution of the most that a single source explains of noise: of its logarithm a Gumbel distribution.
package struct NoiseExtremes: Sendable {
    /// Mean of the logarithm.
    let mean: Double
    /// Standard deviation of the logarithm of a new draw, the uncertainty of the mean included.
    let deviation: Double
    /// Draws that both rest on.
    let count: Int

    /// From some draws, of noise whose logarithm deviates by at least `least`.
    package init(_ scores: [Double], atLeast least: Double = 0) {
        let logs = scores.filter { $0 > 0 }.map { log($0) }
        count = logs.count
        let mean = logs.isEmpty ? -.infinity : logs.reduce(0, +) / Double(logs.count)
        self.mean = mean
        let squares = logs.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let spread = count > 1 ? (squares / Double(count - 1)).squareRoot() : 0
        deviation = max(spread, least) * (1 + 1 / Double(max(1, count))).squareRoot()
    }

    /// Euler's constant.
    private static let euler = 0.5772156649015329

    /// What noise exceeds at a given rate.
    package func quantile(_ rate: Double) -> Double {
        exp(mean + deviation * 6.0.squareRoot() / .pi * (-log(-log1p(-rate)) - Self.euler))
    }

    /// By which power of a rate a quantile falls: noise exceeds q·r^(−exponent) about r times as often as q where that is rare.
    var exponent: Double { deviation * 6.0.squareRoot() / .pi }

    /// How likely noise is to exceed a score.
    func tail(_ score: Double) -> Double {
        guard score > 0 else { return 1 }
        guard deviation > 0 else { return log(score) > mean ? 0 : 1 }
        return -expm1(-exp(-((log(score) - mean) / deviation * .pi / 6.0.squareRoot() + Self.euler)))
    }

    /// What χ² of some degrees of freedom exceeds in one case of twenty (Wilson & Hilferty 1931).
    static func chance(_ freedom: Int) -> Double {
        let part = 2 / (9 * Double(max(1, freedom)))
        return Double(freedom) * pow(1 - part + 1.6449 * part.squareRoot(), 3)
    }

    /// Standard error of the quantile.
    func uncertainty(_ rate: Double) -> Double { quantile(rate) * deviation / Double(max(1, count)).squareRoot() }
}
