/// A penalty times a factor.
///
/// The fast relaxed solver shrinks with step one where a relaxation of strength η asks for 1/η: it solves for η times the penalty.
public struct ScaledPenalty<Base: EffectPenalty>: EffectPenalty {
    /// The penalty.
    public let base: Base
    /// The factor, above 0.
    public let factor: Double

    /// - Throws: ``InvalidEffectPenalty``.
    public init(_ base: Base, factor: Double) throws(InvalidEffectPenalty) {
        try InvalidEffectPenalty.check("the factor of a penalty", factor)
        self.base = base
        self.factor = factor
    }

    fileprivate init(unchecked base: Base, _ factor: Double) {
        self.base = base
        self.factor = factor
    }

    /// As the penalty alone.
    public var isConvex: Bool { base.isConvex }
    /// As the penalty alone.
    public var isSeparable: Bool { base.isSeparable }

    /// That of the penalty times the factor.
    public func value(_ magnitude: Double, weight: Double) -> Double { factor * base.value(magnitude, weight: weight) }

    /// That of the penalty with a longer step.
    public func proximal(_ magnitude: Double, weight: Double, step: Double) -> Double {
        base.proximal(magnitude, weight: weight, step: factor * step)
    }

    /// Those of the penalty times the factor.
    public func derivatives(_ magnitude: Double, weight: Double) -> (first: Double, second: Double) {
        let slopes = base.derivatives(magnitude, weight: weight)
        return (factor * slopes.first, factor * slopes.second)
    }

    /// That of the penalty times the factor.
    public func slopeByLogLambda(_ magnitude: Double, weight: Double) -> Double {
        factor * base.slopeByLogLambda(magnitude, weight: weight)
    }

    /// That of the penalty times the factor.
    public func slopeByLogWeight(_ magnitude: Double, weight: Double) -> Double {
        factor * base.slopeByLogWeight(magnitude, weight: weight)
    }

    /// As ``proximal(_:weight:step:)``, for all at once.
    public func shrink(
        _ magnitudes: UnsafeMutableBufferPointer<Double>, weights: UnsafeBufferPointer<Double>, step: Double,
        of part: EffectPart
    ) {
        base.shrink(magnitudes, weights: weights, step: factor * step, of: part)
    }
}

extension ScaledPenalty: Equatable where Base: Equatable {}

extension EffectPenalty {
    /// The penalty times a positive factor.
    func scaled(by factor: Double) -> any EffectPenalty { ScaledPenalty(unchecked: self, factor) }
}
