/// The minimax concave penalty (Zhang 2010): λ(w·t − t²/(2κ)) up to κw, then the constant ½λκw².
///
/// Written Lt − t²/(2A) with L = λw, it has A = κ/λ: the knot does not move with λ, and the penalty is proportional to λ.
public struct MCPPenalty: EffectPenalty, Equatable {
    /// λ ≥ 0.
    public let lambda: Double
    /// κ > 0: the magnitude beyond which an effect of weight one is not shrunk.
    public let knot: Double

    /// - Throws: ``InvalidEffectPenalty``.
    public init(lambda: Double, knot: Double) throws(InvalidEffectPenalty) {
        try InvalidEffectPenalty.check(lambda: lambda)
        try InvalidEffectPenalty.check("κ of the minimax concave penalty", knot)
        self.lambda = lambda
        self.knot = knot
    }

    /// It is concave.
    public var isConvex: Bool { false }

    /// λ(wt − t²/(2κ)) up to κw, then ½λκw².
    public func value(_ magnitude: Double, weight: Double) -> Double {
        guard magnitude < knot * weight else { return 0.5 * lambda * knot * weight * weight }
        return lambda * magnitude * (weight - magnitude / (2 * knot))
    }

    /// Firm thresholding; hard thresholding where a step is so long that no bend is left.
    public func proximal(_ magnitude: Double, weight: Double, step: Double) -> Double {
        let k = step * lambda
        if k >= knot { return magnitude > weight * (knot * k).squareRoot() ? magnitude : 0 }
        if magnitude >= knot * weight { return magnitude }
        return magnitude > k * weight ? magnitude - k * (weight - magnitude / knot) / (1 - k / knot) : 0
    }

    /// λ(w − t/κ) and −λ/κ up to κw, then zero.
    public func derivatives(_ magnitude: Double, weight: Double) -> (first: Double, second: Double) {
        magnitude < knot * weight ? (lambda * (weight - magnitude / knot), -lambda / knot) : (0, 0)
    }

    /// λw up to κw, then zero.
    public func slopeByLogWeight(_ magnitude: Double, weight: Double) -> Double {
        magnitude < knot * weight ? lambda * weight : 0
    }
}
