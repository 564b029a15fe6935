/// The smoothly clipped absolute deviation, SCAD (Fan & Li 2001): λ_j·r up to λ_j, bending to a constant at γλ_j.
public struct SmoothlyClippedPenalty: BlockPenalty, Equatable {
    private let scales: BlockScales
    /// γ > 2: the penalty is constant beyond γλ_j.
    public let gamma: Double

    /// - Parameters:
    ///   - lambda: λ > 0.
    ///   - gamma: γ > 2; 3.7 is the authors' choice.
    ///   - weights: one weight a block from 0 to infinity; nil means all one.
    /// - Throws: ``InvalidPenalty``.
    public init(lambda: Double, gamma: Double = 3.7, weights: [Double]? = nil) throws(InvalidPenalty) {
        scales = try BlockScales(lambda: lambda, weights: weights)
        guard gamma.isFinite, gamma > 2 else {
            throw .shape(name: "γ of the smoothly clipped penalty", value: gamma, expected: "a number above 2")
        }
        self.gamma = gamma
    }

    /// It is concave.
    public var isConvex: Bool { false }

    /// λ_j r; a parabola between λ_j and γλ_j; then ½(γ + 1)λ_j².
    public func value(norm: Double, block: Int) -> Double {
        guard norm > 0 else { return 0 }
        let lambda = scales[block]
        if norm <= lambda { return lambda * norm }
        if norm >= gamma * lambda { return 0.5 * (gamma + 1) * lambda * lambda }
        return (2 * gamma * lambda * norm - norm * norm - lambda * lambda) / (2 * (gamma - 1))
    }

    /// The lowest of the stationary points of the three pieces and zero.
    public func proximal(norm: Double, step: Double, block: Int) -> Double {
        let lambda = scales[block]
        guard lambda.isFinite else { return 0 }
        let soft = max(0, norm - step * lambda)
        if step < gamma - 1 {
            if norm <= (1 + step) * lambda { return soft }
            if norm >= gamma * lambda { return norm }
            return ((gamma - 1) * norm - step * gamma * lambda) / (gamma - 1 - step)
        }
        // The middle piece has no minimum then.
        func objective(_ r: Double) -> Double { 0.5 * (r - norm) * (r - norm) + step * value(norm: r, block: block) }
        let low = min(soft, lambda)
        return norm >= gamma * lambda && objective(norm) < objective(low) ? norm : low
    }

    /// λ_j, or less where a step is so long that a block jumps over the bend.
    public func activation(step: Double, block: Int) -> Double {
        let lambda = scales[block]
        guard step >= gamma - 1 else { return lambda }
        return lambda * min(1, max(((gamma + 1) / step).squareRoot(), gamma / step))
    }

    /// λ_j and 0 up to λ_j; (γλ_j − r)/(γ − 1) and −1/(γ − 1) up to γλ_j; then zero.
    public func derivatives(norm: Double, block: Int) -> (first: Double, second: Double) {
        let lambda = scales[block]
        if norm <= lambda { return (lambda, 0) }
        return norm < gamma * lambda ? ((gamma * lambda - norm) / (gamma - 1), -1 / (gamma - 1)) : (0, 0)
    }
}

extension SmoothlyClippedPenalty: NamedPenalty {
    /// `scad`.
    public static let kind = PenaltyKind(
        Self.self, name: "scad", help: "the same with a sharper bend (not convex: no gap)",
        shape: PenaltyKind.Shape(option: .gamma, symbol: "γ", usual: 3.7))

    /// λ_j·r up to λ_j, a constant beyond γλ_j.
    public init(lambda: Double, shape: Double?, weights: [Double]?) throws(InvalidPenalty) {
        try self.init(lambda: lambda, gamma: shape ?? .nan, weights: weights)
    }

    /// λ_j up to λ_j, γλ_j/(γ − 1) up to γλ_j, then zero; nothing of φ_j″.
    public func derivativesByLambda(norm: Double, block: Int) -> (first: Double, second: Double) {
        let lambda = scales[block]
        if norm <= lambda { return (lambda, 0) }
        return (norm < gamma * lambda ? gamma * lambda / (gamma - 1) : 0, 0)
    }
}
