/// A penalty Σ_j φ_j(‖B_j‖) that depends on each block through its norm alone.
///
/// A solver asks once a block and sweep, never once a number, so a call costs nothing beside the block's linear algebra.
/// A new penalty is one file that conforms to this. Blocks are numbered as in the problem; under
/// ``PenaltyScope/entry`` they are the columns of the design. A penalty made with weights has to have one for every block
/// it is asked about; fewer are a programming error.
///
/// Of φ_j is required, and nothing else: φ_j(0) = 0; φ_j never falls and is continuous for r ≥ 0; for r > 0 its slope is
/// continuous, and it has three derivatives but at a few points. The slope need not fall (φ_j may be convex and steeper
/// than any line: φ_j″ > φ_j′/r), the second derivative need not be constant, and a convex φ_j may have any conjugate.
public protocol BlockPenalty: Sendable {
    /// Whether the blocks are those of the problem or single entries of B.
    var scope: PenaltyScope { get }

    /// Whether every φ_j is convex: only then is there a dual, and a gap.
    var isConvex: Bool { get }

    /// φ_j(r) for r ≥ 0; zero at r = 0.
    func value(norm: Double, block: Int) -> Double

    /// The r ≥ 0 that minimizes ½(r − norm)² + step·φ_j(r), the global minimum where there are several: the proximal
    /// operator acts on the norm, the direction stays. It is never above `norm` and never falls as `norm` grows.
    ///
    /// - Parameters:
    ///   - norm: 0 or more.
    ///   - step: above 0.
    ///   - block: j.
    func proximal(norm: Double, step: Double, block: Int) -> Double

    /// The ‖X_jᵀR‖ up to which a proximal step of this size leaves a block at zero; φ_j′(0⁺) where φ_j is convex.
    /// Zero for an unpenalized block, infinite for an excluded one.
    func activation(step: Double, block: Int) -> Double

    /// φ_j′(r) and φ_j″(r) for r > 0; at r = 0 the slope φ_j′(0⁺), which may be infinite.
    func derivatives(norm: Double, block: Int) -> (first: Double, second: Double)

    /// φ_j‴(r) for r > 0, which the slopes of degrees of freedom need; zero unless a penalty says otherwise, which is right
    /// where φ_j″ is constant in pieces.
    func thirdDerivative(norm: Double, block: Int) -> Double

    /// The conjugate φ_j*(s) = max_r (s·r − φ_j(r)) at a slope s ≥ 0 within ``slopeLimit(block:)``. Convex penalties only.
    func conjugate(slope: Double, block: Int) -> Double

    /// The largest slope at which the conjugate is finite, at least ``activation(step:block:)``. Convex penalties only.
    func slopeLimit(block: Int) -> Double
}

/// What a penalty takes for a block.
public enum PenaltyScope: Sendable, Equatable {
    /// The blocks of the problem: all orientations and samples of a source.
    case block
    /// Every entry of B by itself, as the ℓ1 norm does; each sample is then a problem of its own.
    case entry
}

extension BlockPenalty {
    /// The blocks of the problem.
    public var scope: PenaltyScope { .block }

    /// Zero.
    public func thirdDerivative(norm: Double, block: Int) -> Double { 0 }

    /// Nothing is known of the dual of a penalty that is not convex.
    public func conjugate(slope: Double, block: Int) -> Double { .infinity }

    /// No slope is known to be feasible for a penalty that is not convex.
    public func slopeLimit(block: Int) -> Double { 0 }

    /// Whether a block may never be active.
    @inline(__always)
    func excludes(_ block: Int) -> Bool { activation(step: 1, block: block) == .infinity }

    /// Whether a block is not penalized at all: its norm costs nothing, and no other slope is feasible than zero.
    @inline(__always)
    func frees(_ block: Int) -> Bool { activation(step: 1, block: block) == 0 && slopeLimit(block: block) == 0 }
}

/// What makes a penalty impossible.
public enum InvalidPenalty: Error, Equatable, Sendable, CustomStringConvertible {
    /// λ is not a positive finite number.
    case lambda(Double)
    /// A weight is negative or NaN.
    case weight(block: Int, value: Double)
    /// A parameter of the shape is out of its range.
    case shape(name: String, value: Double, expected: String)

    /// One line in plain English.
    public var description: String {
        switch self {
        case .lambda(let value): "λ is \(value); expected a positive number"
        case .weight(let block, let value):
            "the weight of source \(block) is \(value); expected 0 (unpenalized), a positive number, or infinity to exclude it"
        case .shape(let name, let value, let expected): "\(name) is \(value); expected \(expected)"
        }
    }
}

/// λ_j = λ·w_j, checked: what all weighted penalties share.
struct BlockScales: Sendable, Equatable {
    /// λ > 0.
    let lambda: Double
    /// One weight a block, from 0 to infinity, as many as are asked for; nil means all one.
    let weights: [Double]?

    init(lambda: Double, weights: [Double]?) throws(InvalidPenalty) {
        guard lambda.isFinite, lambda > 0 else { throw .lambda(lambda) }
        if let weights, let block = weights.firstIndex(where: { !($0 >= 0) }) {
            throw .weight(block: block, value: weights[block])
        }
        self.lambda = lambda
        self.weights = weights
    }

    /// λ_j.
    @inline(__always)
    subscript(block: Int) -> Double {
        guard let weights else { return lambda }
        return lambda * weights[block]
    }
}
