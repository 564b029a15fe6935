/// A penalty Σ_j φ_j(|t_j|) on the fixed effects β and on the variances γ ≥ 0 of a mixed-effects model; λ is inside φ_j.
///
/// It is asked effect by effect, with the magnitude t ≥ 0 and the weight w_j of the effect, finite and 0 or more; a weight of zero
/// means that the effect is free. On γ the magnitude of a negative number is 0. A new penalty is one file that conforms to this, and
/// one line in ``EffectPenaltyKind/all``.
///
/// Of φ_j is required, and nothing else: φ_j(0) = 0, and φ_j never falls. It may jump at zero, and be flat, but must be smooth
/// elsewhere but at a few points.
public protocol EffectPenalty: Sendable {
    /// Whether every φ_j is convex.
    var isConvex: Bool { get }

    /// Whether the penalty is a sum over effects, so that ``proximal(_:weight:step:)`` says all; else only
    /// ``shrink(_:weights:step:of:)`` does, and solvers that go from coordinate to coordinate cannot take it.
    var isSeparable: Bool { get }

    /// φ_j(t) for t ≥ 0.
    func value(_ magnitude: Double, weight: Double) -> Double

    /// The t ≥ 0 that minimizes step·φ_j(t) + ½(t − magnitude)²: the global minimum, for steps of any length.
    ///
    /// - Parameters:
    ///   - magnitude: 0 or more.
    ///   - step: above 0.
    func proximal(_ magnitude: Double, weight: Double, step: Double) -> Double

    /// φ_j′(t) and φ_j″(t) for t > 0; at t = 0 the slope φ_j′(0⁺), infinite where φ_j jumps.
    func derivatives(_ magnitude: Double, weight: Double) -> (first: Double, second: Double)

    /// ∂φ_j′(t)/∂log λ for t > 0: the same as φ_j′ where φ_j is proportional to λ, which it is unless a penalty says otherwise.
    func slopeByLogLambda(_ magnitude: Double, weight: Double) -> Double

    /// ∂φ_j′(t)/∂log w_j for t > 0: the same as φ_j′ where φ_j′ is proportional to the weight, unless a penalty says otherwise.
    func slopeByLogWeight(_ magnitude: Double, weight: Double) -> Double

    /// The proximal operator of all magnitudes of a part at once, in place; that of every effect by itself unless a penalty
    /// says otherwise.
    ///
    /// - Parameters:
    ///   - magnitudes: 0 or more; overwritten.
    ///   - weights: as many.
    func shrink(
        _ magnitudes: UnsafeMutableBufferPointer<Double>, weights: UnsafeBufferPointer<Double>, step: Double,
        of part: EffectPart)
}

/// The two parts of the effects of a mixed model.
public enum EffectPart: Sendable, Equatable {
    /// β: what groups share.
    case fixed
    /// γ: what varies between groups.
    case variances
}

extension EffectPenalty {
    /// It is.
    public var isSeparable: Bool { true }

    /// φ_j′(t), of a penalty that is proportional to λ.
    public func slopeByLogLambda(_ magnitude: Double, weight: Double) -> Double {
        derivatives(magnitude, weight: weight).first
    }

    /// φ_j′(t), of a penalty whose slope is proportional to the weight.
    public func slopeByLogWeight(_ magnitude: Double, weight: Double) -> Double {
        derivatives(magnitude, weight: weight).first
    }

    /// Every effect by itself.
    public func shrink(
        _ magnitudes: UnsafeMutableBufferPointer<Double>, weights: UnsafeBufferPointer<Double>, step: Double,
        of part: EffectPart
    ) {
        for j in magnitudes.indices { magnitudes[j] = proximal(magnitudes[j], weight: weights[j], step: step) }
    }

    /// Σ_j φ_j(|x_j|).
    @inline(__always)
    func total(_ x: UnsafeBufferPointer<Double>, weights: UnsafeBufferPointer<Double>) -> Double {
        var sum = 0.0
        for j in x.indices { sum += value(abs(x[j]), weight: weights[j]) }
        return sum
    }
}

/// What makes a penalty of effects impossible.
public enum InvalidEffectPenalty: Error, Equatable, Sendable, CustomStringConvertible {
    /// λ is negative or not finite.
    case lambda(Double)
    /// A number of the shape is out of its range.
    case shape(name: String, value: Double, expected: String)

    /// One line in plain English.
    public var description: String {
        switch self {
        case .lambda(let value): "λ is \(value); expected 0 or a positive number"
        case .shape(let name, let value, let expected): "\(name) is \(value); expected \(expected)"
        }
    }

    /// Throws unless λ is finite and not negative.
    static func check(lambda: Double) throws(InvalidEffectPenalty) {
        guard lambda.isFinite, lambda >= 0 else { throw .lambda(lambda) }
    }

    /// Throws unless a number of the shape is finite and above a bound.
    static func check(_ name: String, _ value: Double, above bound: Double = 0) throws(InvalidEffectPenalty) {
        guard value.isFinite, value > bound else {
            throw .shape(
                name: name, value: value, expected: bound == 0 ? "a positive number" : "a number above \(bound)")
        }
    }
}
