/// The minimax concave penalty, MCP (Zhang 2010): like λ_j·r near zero, constant beyond γλ_j.
public struct MinimaxConcavePenalty: BlockPenalty, Equatable {
    private let scales: BlockScales
    /// γ > 0: the penalty is constant beyond γλ_j.
    public let gamma: Double

    /// - Parameters:
    ///   - lambda: λ > 0.
    ///   - gamma: γ > 0. Where γ exceeds 1/‖X_j‖₂² the proximal step is continuous.
    ///   - weights: one weight a block from 0 to infinity; nil means all one.
    /// - Throws: ``InvalidPenalty``.
    public init(lambda: Double, gamma: Double, weights: [Double]? = nil) throws(InvalidPenalty) {
        scales = try BlockScales(lambda: lambda, weights: weights)
        guard gamma.isFinite, gamma > 0 else {
            throw .shape(name: "γ of the minimax concave penalty", value: gamma, expected: "a positive number")
        }
        self.gamma = gamma
    }

    /// It is concave.
    public var isConvex: Bool { false }

    /// λ_j r − r²/2γ up to γλ_j, then γλ_j²/2.
    public func value(norm: Double, block: Int) -> Double {
        guard norm > 0 else { return 0 }
        let lambda = scales[block]
        return norm < gamma * lambda ? lambda * norm - norm * norm / (2 * gamma) : 0.5 * gamma * lambda * lambda
    }

    /// Firm thresholding; hard thresholding where γ ≤ step.
    public func proximal(norm: Double, step: Double, block: Int) -> Double {
        let lambda = scales[block]
        if norm <= step * activation(step: step, block: block) { return lambda == 0 ? norm : 0 }
        return gamma <= step || norm >= gamma * lambda ? norm : (norm - step * lambda) / (1 - step / gamma)
    }

    /// λ_j, or λ_j√(γ/step) where γ ≤ step.
    public func activation(step: Double, block: Int) -> Double {
        scales[block] * (gamma > step ? 1 : (gamma / step).squareRoot())
    }

    /// λ_j − r/γ and −1/γ up to γλ_j, then zero.
    public func derivatives(norm: Double, block: Int) -> (first: Double, second: Double) {
        let lambda = scales[block]
        return norm < gamma * lambda ? (lambda - norm / gamma, -1 / gamma) : (0, 0)
    }
}

extension MinimaxConcavePenalty: NamedPenalty {
    /// `mcp`. γ is meaningful beside the curvature of a block's own fit.
    public static let kind = PenaltyKind(
        Self.self, name: "mcp", help: "l21 that levels off for strong sources (not convex: no gap)",
        shape: PenaltyKind.Shape(option: .gamma, symbol: "γ", usual: 3, isPerCurvature: true))

    /// λ_j r − r²/2γ up to γλ_j.
    public init(lambda: Double, shape: Double?, weights: [Double]?) throws(InvalidPenalty) {
        try self.init(lambda: lambda, gamma: shape ?? .nan, weights: weights)
    }

    /// λ_j and 0 up to γλ_j, then zero.
    public func derivativesByLambda(norm: Double, block: Int) -> (first: Double, second: Double) {
        (norm < gamma * scales[block] ? scales[block] : 0, 0)
    }
}
