/// A penalty and a ridge ½εt² beside it, the same for effects of every weight (elastic net; Zou & Hastie 2005).
public struct ElasticPenalty<Base: EffectPenalty>: EffectPenalty {
    /// The penalty without the ridge.
    public let base: Base
    /// ε ≥ 0.
    public let ridge: Double

    /// - Throws: ``InvalidEffectPenalty``.
    public init(_ base: Base, ridge: Double) throws(InvalidEffectPenalty) {
        guard ridge.isFinite, ridge >= 0 else {
            throw .shape(name: "the ridge ε", value: ridge, expected: "0 or a positive number")
        }
        self.base = base
        self.ridge = ridge
    }

    /// As the penalty alone.
    public var isConvex: Bool { base.isConvex }
    /// As the penalty alone.
    public var isSeparable: Bool { base.isSeparable }

    /// That of the penalty and ½εt².
    public func value(_ magnitude: Double, weight: Double) -> Double {
        base.value(magnitude, weight: weight) + 0.5 * ridge * magnitude * magnitude
    }

    /// That of the penalty, of magnitude and step shrunk by 1 + step·ε.
    public func proximal(_ magnitude: Double, weight: Double, step: Double) -> Double {
        let scale = 1 / (1 + step * ridge)
        return base.proximal(magnitude * scale, weight: weight, step: step * scale)
    }

    /// Those of the penalty, and εt and ε.
    public func derivatives(_ magnitude: Double, weight: Double) -> (first: Double, second: Double) {
        let slopes = base.derivatives(magnitude, weight: weight)
        return (slopes.first + ridge * magnitude, slopes.second + ridge)
    }

    /// That of the penalty: the ridge does not know λ.
    public func slopeByLogLambda(_ magnitude: Double, weight: Double) -> Double {
        base.slopeByLogLambda(magnitude, weight: weight)
    }

    /// That of the penalty: the ridge does not know the weight.
    public func slopeByLogWeight(_ magnitude: Double, weight: Double) -> Double {
        base.slopeByLogWeight(magnitude, weight: weight)
    }

    /// As ``proximal(_:weight:step:)``, for all at once.
    public func shrink(
        _ magnitudes: UnsafeMutableBufferPointer<Double>, weights: UnsafeBufferPointer<Double>, step: Double,
        of part: EffectPart
    ) {
        let scale = 1 / (1 + step * ridge)
        for j in magnitudes.indices { magnitudes[j] *= scale }
        base.shrink(magnitudes, weights: weights, step: step * scale, of: part)
    }
}

extension ElasticPenalty: Equatable where Base: Equatable {}
