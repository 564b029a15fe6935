/// The elastic net over blocks: λ·Σ_j w_j‖B_j‖ + ½μ·‖B‖² (Zou & Hastie 2005).
///
/// The second term shares amplitude among correlated blocks; excluded blocks stay excluded.
public struct ElasticNet: BlockPenalty, Equatable {
    private let scales: BlockScales
    /// μ > 0, the strength of the ridge.
    public let ridge: Double

    /// - Parameters:
    ///   - lambda: λ > 0.
    ///   - ridge: μ > 0.
    ///   - weights: one weight a block from 0 to infinity; nil means all one. They weigh the norm, not the ridge.
    /// - Throws: ``InvalidPenalty``.
    public init(lambda: Double, ridge: Double, weights: [Double]? = nil) throws(InvalidPenalty) {
        scales = try BlockScales(lambda: lambda, weights: weights)
        guard ridge.isFinite, ridge > 0 else {
            throw .shape(name: "the ridge of the elastic net", value: ridge, expected: "a positive number")
        }
        self.ridge = ridge
    }

    /// The sum of a norm and a square is convex.
    public var isConvex: Bool { true }

    /// λ_j·r + ½μr².
    public func value(norm: Double, block: Int) -> Double {
        norm == 0 ? 0 : scales[block] * norm + 0.5 * ridge * norm * norm
    }

    /// (norm − step·λ_j)₊ / (1 + step·μ).
    @inline(__always)
    public func proximal(norm: Double, step: Double, block: Int) -> Double {
        max(0, norm - step * scales[block]) / (1 + step * ridge)
    }

    /// λ_j.
    @inline(__always)
    public func activation(step: Double, block: Int) -> Double { scales[block] }

    /// λ_j + μr and μ.
    public func derivatives(norm: Double, block: Int) -> (first: Double, second: Double) {
        (scales[block] + ridge * norm, ridge)
    }

    /// (s − λ_j)₊² / 2μ.
    public func conjugate(slope: Double, block: Int) -> Double {
        let excess = max(0, slope - scales[block])
        return excess * excess / (2 * ridge)
    }

    /// Every slope.
    public func slopeLimit(block: Int) -> Double { .infinity }
}

extension ElasticNet: NamedPenalty {
    /// `elastic-net`.
    public static let kind = PenaltyKind(
        Self.self, name: "elastic-net", help: "l21 plus ½μ‖B‖²",
        shape: PenaltyKind.Shape(option: .ridge, symbol: "μ", isSearched: true))

    /// Σ λ_j‖B_j‖ + ½μ‖B‖².
    public init(lambda: Double, shape: Double?, weights: [Double]?) throws(InvalidPenalty) {
        try self.init(lambda: lambda, ridge: shape ?? .nan, weights: weights)
    }

    /// λ_j and 0: the ridge does not depend on it.
    public func derivativesByLambda(norm: Double, block: Int) -> (first: Double, second: Double) { (scales[block], 0) }

    /// μr and μ.
    public func derivativesByShape(norm: Double, block: Int) -> (first: Double, second: Double) {
        (ridge * norm, ridge)
    }
}
