/// The relaxation of a penalty with its second copy w of the effects eliminated: e(t) = min over w ≥ 0 of φ(w) + ½η(t − w)²,
/// the Moreau envelope of φ (Zheng & Aravkin 2020).
///
/// Of ``L1Penalty`` it is the Huber penalty ½ηt² up to λw/η and λwt − (λw)²/(2η) beyond. As η grows it becomes φ itself.
/// Any solver for a penalty solves the relaxed problem when it is given the envelope; w is ``relaxed(_:weight:)`` of the answer.
public struct MoreauEnvelope<Base: EffectPenalty>: EffectPenalty {
    /// φ.
    public let base: Base
    /// η > 0: how strongly the two copies are held together.
    public let strength: Double

    /// - Throws: ``InvalidEffectPenalty``, also for a penalty that is no sum over effects.
    public init(_ base: Base, strength: Double) throws(InvalidEffectPenalty) {
        try InvalidEffectPenalty.check("the strength η of the relaxation", strength)
        guard base.isSeparable else {
            throw .shape(name: "the strength η", value: strength, expected: "a penalty that is a sum over effects")
        }
        self.base = base
        self.strength = strength
    }

    /// As the penalty alone.
    public var isConvex: Bool { base.isConvex }

    /// The w that belongs to t: the proximal operator of φ with step 1/η.
    public func relaxed(_ magnitude: Double, weight: Double) -> Double {
        base.proximal(magnitude, weight: weight, step: 1 / strength)
    }

    /// φ(w) + ½η(t − w)² at the w of t.
    public func value(_ magnitude: Double, weight: Double) -> Double {
        let w = relaxed(magnitude, weight: weight)
        return base.value(w, weight: weight) + 0.5 * strength * (magnitude - w) * (magnitude - w)
    }

    /// Minimizing over t first leaves a proximal operator of φ with step 1/η + step; t lies between its w and the magnitude.
    /// Exact for penalties that are not convex, too.
    public func proximal(_ magnitude: Double, weight: Double, step: Double) -> Double {
        let w = base.proximal(magnitude, weight: weight, step: 1 / strength + step)
        return magnitude - (magnitude - w) * step * strength / (1 + step * strength)
    }

    /// η(t − w), and η·φ″/(φ″ + η) at w > 0, η at w = 0.
    public func derivatives(_ magnitude: Double, weight: Double) -> (first: Double, second: Double) {
        let w = relaxed(magnitude, weight: weight)
        guard w > 0 else { return (strength * magnitude, strength) }
        let curvature = base.derivatives(w, weight: weight).second
        return (strength * (magnitude - w), strength * curvature / (curvature + strength))
    }

    /// That of φ at w, but less where w gives way: times η/(φ″ + η). Zero at w = 0.
    public func slopeByLogLambda(_ magnitude: Double, weight: Double) -> Double {
        yielding(magnitude, weight) { base.slopeByLogLambda($0, weight: weight) }
    }

    /// As ``slopeByLogLambda(_:weight:)``.
    public func slopeByLogWeight(_ magnitude: Double, weight: Double) -> Double {
        yielding(magnitude, weight) { base.slopeByLogWeight($0, weight: weight) }
    }

    private func yielding(_ magnitude: Double, _ weight: Double, _ slope: (Double) -> Double) -> Double {
        let w = relaxed(magnitude, weight: weight)
        guard w > 0 else { return 0 }
        return slope(w) * strength / (base.derivatives(w, weight: weight).second + strength)
    }
}

extension MoreauEnvelope: Equatable where Base: Equatable {}

extension EffectPenalty {
    /// The envelope of the penalty: any solver solves the relaxed problem with it.
    ///
    /// - Throws: ``InvalidEffectPenalty`` where η is not positive, or the penalty no sum over effects.
    public func relaxed(strength: Double) throws(InvalidEffectPenalty) -> any EffectPenalty {
        try MoreauEnvelope(self, strength: strength)
    }
}
