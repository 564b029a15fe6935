/// λ·w for every effect that is not zero: the number of effects.
public struct L0Penalty: EffectPenalty, Equatable {
    /// λ ≥ 0.
    public let lambda: Double

    /// - Throws: ``InvalidEffectPenalty``.
    public init(lambda: Double) throws(InvalidEffectPenalty) {
        try InvalidEffectPenalty.check(lambda: lambda)
        self.lambda = lambda
    }

    /// It jumps.
    public var isConvex: Bool { false }

    /// λw, but 0 at zero.
    public func value(_ magnitude: Double, weight: Double) -> Double { magnitude == 0 ? 0 : lambda * weight }

    /// Hard thresholding.
    public func proximal(_ magnitude: Double, weight: Double, step: Double) -> Double {
        magnitude > (2 * step * lambda * weight).squareRoot() ? magnitude : 0
    }

    /// Flat but for the jump.
    public func derivatives(_ magnitude: Double, weight: Double) -> (first: Double, second: Double) {
        (magnitude > 0 || lambda * weight == 0 ? 0 : .infinity, 0)
    }
}
