/// λ·w·t: the Lasso (Tibshirani 1996), and with weights 1/(|estimate| + 0.01) the adaptive Lasso (Zou 2006).
public struct L1Penalty: EffectPenalty, Equatable {
    /// λ ≥ 0.
    public let lambda: Double

    /// - Throws: ``InvalidEffectPenalty``.
    public init(lambda: Double) throws(InvalidEffectPenalty) {
        try InvalidEffectPenalty.check(lambda: lambda)
        self.lambda = lambda
    }

    /// It is a norm.
    public var isConvex: Bool { true }

    /// λwt.
    public func value(_ magnitude: Double, weight: Double) -> Double { lambda * weight * magnitude }

    /// Soft thresholding.
    public func proximal(_ magnitude: Double, weight: Double, step: Double) -> Double {
        max(0, magnitude - step * lambda * weight)
    }

    /// λw and 0.
    public func derivatives(_ magnitude: Double, weight: Double) -> (first: Double, second: Double) {
        (lambda * weight, 0)
    }
}
