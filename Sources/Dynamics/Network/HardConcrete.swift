import Glibc

/// Gates between 0 and 1 that are exactly 0 or 1 with some probability (Louizos, Welling & Kingma 2018): of u uniform on (0, 1),
/// s = σ((ln u − ln(1 − u) + ln α)/β), stretched to (γ, ζ) and clipped.
enum HardConcrete {
    static let beta = 2.0 / 3
    static let gamma = -0.1
    static let zeta = 1.1

    /// A gate as drawn, and its derivative by ln α.
    static func gate(_ u: Double, logAlpha: Double) -> (value: Double, derivative: Double) {
        let s = sigmoid((log(u) - log1p(-u) + logAlpha) / beta)
        let stretched = s * (zeta - gamma) + gamma
        guard stretched > 0 else { return (0, 0) }
        guard stretched < 1 else { return (1, 0) }
        return (stretched, (zeta - gamma) * s * (1 - s) / beta)
    }

    /// The gate without chance, for what was learned.
    static func expected(logAlpha: Double) -> Double {
        min(1, max(0, sigmoid(logAlpha) * (zeta - gamma) + gamma))
    }

    /// The probability that a gate is not 0.
    static func probability(logAlpha: Double) -> Double { sigmoid(logAlpha - beta * log(-gamma / zeta)) }

    static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
}
