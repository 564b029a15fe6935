/// The clipped absolute deviation λ·min(w·t, ρ): an absolute value that stops rising at ρ/w.
///
/// Large effects are not shrunk, small ones are as by ``L1Penalty`` (Sholokhov, Zheng & Aravkin 2023).
public struct CADPenalty: EffectPenalty, Equatable {
    /// λ ≥ 0.
    public let lambda: Double
    /// ρ > 0: the weighted magnitude at which the penalty levels off.
    public let knot: Double

    /// - Throws: ``InvalidEffectPenalty``.
    public init(lambda: Double, knot: Double) throws(InvalidEffectPenalty) {
        try InvalidEffectPenalty.check(lambda: lambda)
        try InvalidEffectPenalty.check("ρ of the clipped absolute deviation", knot)
        self.lambda = lambda
        self.knot = knot
    }

    /// It is concave.
    public var isConvex: Bool { false }

    /// λ·min(wt, ρ).
    public func value(_ magnitude: Double, weight: Double) -> Double { lambda * min(weight * magnitude, knot) }

    /// The lower of soft thresholding below the knot and the magnitude itself beyond it.
    public func proximal(_ magnitude: Double, weight: Double, step: Double) -> Double {
        let k = step * lambda * weight
        let end = knot / weight
        if k > 2 * end { return magnitude > (2 * step * lambda * knot).squareRoot() ? magnitude : 0 }
        return magnitude > end + k / 2 ? magnitude : min(max(0, magnitude - k), end)
    }

    /// λw and 0 below the knot, then zero.
    public func derivatives(_ magnitude: Double, weight: Double) -> (first: Double, second: Double) {
        (weight * magnitude < knot ? lambda * weight : 0, 0)
    }
}
