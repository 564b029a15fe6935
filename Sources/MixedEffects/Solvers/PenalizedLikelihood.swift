import LinearAlgebra

/// What is minimized over β and γ ≥ 0: L(β, γ) + Σ_j φ(|β_j|) + Σ_j φ(γ_j), each effect with its weight.
///
/// It refers to the likelihood, whose scratch memory its solvers use: not for several threads at once.
public struct PenalizedLikelihood {
    /// L.
    public let likelihood: Likelihood
    /// φ.
    public let penalty: any EffectPenalty
    /// One weight a fixed effect, 0 or more; 0 leaves it free.
    public let fixedWeights: [Double]
    /// One weight a random effect.
    public let varianceWeights: [Double]
    /// Of each random effect the fixed effect without which its variance is held at zero, nil for one that needs none; empty
    /// where none does.
    public let parents: [Int?]

    /// What makes it impossible.
    public enum Invalid: Error, Equatable, Sendable, CustomStringConvertible {
        /// There are not as many weights as effects.
        case weights(part: String, found: Int, expected: Int)
        /// A weight is negative or not finite.
        case weight(part: String, index: Int, value: Double)
        /// The parents are not one of the fixed effects, or nil, for every random effect.
        case parents

        /// One line in plain English.
        public var description: String {
            switch self {
            case .weights(let part, let found, let expected):
                "there are \(found) weights of \(part) effects; expected \(expected)"
            case .weight(let part, let index, let value):
                "the weight of \(part) effect \(index + 1) is \(value); expected 0 or a positive number"
            case .parents: "the hierarchy does not name one of the fixed effects, or none, for every random effect"
            }
        }
    }

    /// - Parameters:
    ///   - fixedWeights: p values; nil: all one.
    ///   - varianceWeights: q values; nil: all one.
    ///   - parents: q values, or none.
    /// - Throws: ``Invalid``.
    public init(
        _ likelihood: Likelihood, penalty: any EffectPenalty, fixedWeights: [Double]? = nil,
        varianceWeights: [Double]? = nil, parents: [Int?] = []
    ) throws(Invalid) {
        let (p, q) = (likelihood.problem.fixedCount, likelihood.problem.randomCount)
        self.likelihood = likelihood
        self.penalty = penalty
        self.fixedWeights = fixedWeights ?? [Double](repeating: 1, count: p)
        self.varianceWeights = varianceWeights ?? [Double](repeating: 1, count: q)
        self.parents = parents
        for (part, weights, count) in [("fixed", self.fixedWeights, p), ("random", self.varianceWeights, q)] {
            guard weights.count == count else { throw .weights(part: part, found: weights.count, expected: count) }
            if let index = weights.firstIndex(where: { !($0 >= 0 && $0.isFinite) }) {
                throw .weight(part: part, index: index, value: weights[index])
            }
        }
        guard parents.isEmpty || parents.count == q, parents.allSatisfy({ $0.map { 0..<p ~= $0 } ?? true }) else {
            throw .parents
        }
    }

    private init(_ other: PenalizedLikelihood, _ likelihood: Likelihood, _ penalty: any EffectPenalty) {
        self.likelihood = likelihood
        self.penalty = penalty
        fixedWeights = other.fixedWeights
        varianceWeights = other.varianceWeights
        parents = other.parents
    }

    /// The same with another penalty.
    public func with(penalty: any EffectPenalty) -> PenalizedLikelihood {
        PenalizedLikelihood(self, likelihood, penalty)
    }

    /// The same of other data with as many effects.
    func with(likelihood: Likelihood) -> PenalizedLikelihood { PenalizedLikelihood(self, likelihood, penalty) }

    /// L and the penalty; infinity where L is.
    public func value(at effects: Effects) -> Double { likelihood.value(at: effects) + penaltyValue(at: effects) }

    /// The penalty alone.
    public func penaltyValue(at effects: Effects) -> Double {
        func total(_ x: [Double], _ weights: [Double]) -> Double {
            x.withUnsafeBufferPointer { x in weights.withUnsafeBufferPointer { penalty.total(x, weights: $0) } }
        }
        return total(effects.fixed, fixedWeights) + total(effects.variances, varianceWeights)
    }

    /// The proximal operator of the penalty on γ ≥ 0, then the hierarchy: variances go whose fixed effects went.
    ///
    /// - Parameter shrunk: room for the answer.
    func shrink(_ effects: Effects, step: Double, into shrunk: inout Effects) {
        func apply(_ x: [Double], _ shrunk: inout [Double], _ weights: [Double], _ part: EffectPart) {
            for j in x.indices { shrunk[j] = part == .fixed ? abs(x[j]) : max(0, x[j]) }
            shrunk.withUnsafeMutableBufferPointer { shrunk in
                weights.withUnsafeBufferPointer { penalty.shrink(shrunk, weights: $0, step: step, of: part) }
            }
        }
        apply(effects.fixed, &shrunk.fixed, fixedWeights, .fixed)
        apply(effects.variances, &shrunk.variances, varianceWeights, .variances)
        // From 0, so that no zero is negative.
        for j in effects.fixed.indices where effects.fixed[j] < 0 { shrunk.fixed[j] = 0 - shrunk.fixed[j] }
        hold(&shrunk)
    }

    /// The same of a penalty that is a sum over effects, each with a step of its own.
    ///
    /// - Parameters:
    ///   - step: what all steps have in common.
    ///   - scale: what each has for itself.
    func shrink(_ effects: Effects, step: Double, scale: Effects, into shrunk: inout Effects) {
        for (j, x) in effects.fixed.enumerated() {
            let size = penalty.proximal(abs(x), weight: fixedWeights[j], step: step * scale.fixed[j])
            shrunk.fixed[j] = x < 0 ? 0 - size : size
        }
        for (j, x) in effects.variances.enumerated() {
            shrunk.variances[j] = penalty.proximal(
                max(0, x), weight: varianceWeights[j], step: step * scale.variances[j])
        }
        hold(&shrunk)
    }

    /// Sets to zero what the hierarchy holds there.
    private func hold(_ effects: inout Effects) {
        for (j, parent) in parents.enumerated() {
            if let parent, effects.fixed[parent] == 0 { effects.variances[j] = 0 }
        }
    }

    /// Whether the hierarchy holds a variance at zero.
    @inline(__always)
    func isHeld(_ j: Int, at effects: Effects) -> Bool {
        guard !parents.isEmpty, let parent = parents[j] else { return false }
        return effects.fixed[parent] == 0
    }

    /// By how much the effects violate stationarity: the residual of ``EffectSolution``. Variances that the hierarchy holds at zero
    /// do not count.
    ///
    /// - Parameter derivatives: those of L at the effects.
    public func violation(at effects: Effects, _ derivatives: Likelihood.Derivatives) -> Double {
        var largest = derivatives.value.isFinite ? 0.0 : .infinity
        for (j, x) in effects.fixed.enumerated() {
            let gradient = derivatives.fixedGradient[j]
            let slope = penalty.derivatives(abs(x), weight: fixedWeights[j]).first
            largest = max(largest, x == 0 ? abs(gradient) - slope : abs(gradient + (x > 0 ? slope : -slope)))
        }
        for (j, x) in effects.variances.enumerated() where !isHeld(j, at: effects) {
            let gradient = derivatives.varianceGradient(j)
            let slope = penalty.derivatives(x, weight: varianceWeights[j]).first
            largest = max(largest, x == 0 ? -gradient - slope : max(min(x, gradient + slope), -gradient - slope))
        }
        return largest
    }
}
