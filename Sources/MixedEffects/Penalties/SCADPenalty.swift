/// The smoothly clipped absolute deviation (Fan & Li 2001), with knots that do not move with λ: λw times σt up to σ, a parabola
/// up to ρσ, and the constant ½σ²(ρ + 1) beyond.
public struct SCADPenalty: EffectPenalty, Equatable {
    /// λ ≥ 0.
    public let lambda: Double
    /// σ > 0: where the bend begins.
    public let knot: Double
    /// ρ > 1: the bend ends at ρσ.
    public let ratio: Double

    /// - Throws: ``InvalidEffectPenalty``.
    public init(lambda: Double, knot: Double, ratio: Double = 3.7) throws(InvalidEffectPenalty) {
        try InvalidEffectPenalty.check(lambda: lambda)
        try InvalidEffectPenalty.check("σ of the smoothly clipped penalty", knot)
        try InvalidEffectPenalty.check("ρ of the smoothly clipped penalty", ratio, above: 1)
        self.lambda = lambda
        self.knot = knot
        self.ratio = ratio
    }

    /// It is concave.
    public var isConvex: Bool { false }

    /// λwσt up to σ; λw(2ρσt − t² − σ²)/(2(ρ − 1)) up to ρσ; ½λwσ²(ρ + 1) beyond.
    public func value(_ magnitude: Double, weight: Double) -> Double {
        let (t, k) = (magnitude, lambda * weight)
        if t <= knot { return k * knot * t }
        if t >= ratio * knot { return 0.5 * k * knot * knot * (ratio + 1) }
        return k * (2 * ratio * knot * t - t * t - knot * knot) / (2 * (ratio - 1))
    }

    /// The lowest of the minima of the pieces: one a magnitude where the middle piece stays convex, else a jump over it.
    public func proximal(_ magnitude: Double, weight: Double, step: Double) -> Double {
        let (m, k) = (magnitude, step * lambda * weight)
        let soft = max(0, m - knot * k)
        if k < ratio - 1 {
            if m <= knot * (1 + k) { return soft }
            return m <= ratio * knot ? m - k * (ratio * knot - m) / (ratio - 1 - k) : m
        }
        if k <= ratio + 1 { return m > knot * (ratio + 1 + k) / 2 ? m : soft }
        return m > knot * (k * (ratio + 1)).squareRoot() ? m : 0
    }

    /// λwσ and 0 up to σ; λw(ρσ − t)/(ρ − 1) and −λw/(ρ − 1) up to ρσ; then zero.
    public func derivatives(_ magnitude: Double, weight: Double) -> (first: Double, second: Double) {
        let k = lambda * weight
        if magnitude <= knot { return (k * knot, 0) }
        return magnitude < ratio * knot ? (k * (ratio * knot - magnitude) / (ratio - 1), -k / (ratio - 1)) : (0, 0)
    }
}
