/// The L2,1 norm, plain or weighted: λ·Σ_j w_j‖B_j‖ (Yuan & Lin 2006; mixed-norm estimate of Gramfort et al. 2012).
///
/// With one column a block and one sample it is the Lasso; over single entries it is ``Lasso``.
public struct GroupLasso: BlockPenalty, Equatable {
    private let scales: BlockScales

    /// λ > 0.
    public var lambda: Double { scales.lambda }
    /// One weight a block; nil means all one. Zero leaves its block unpenalized, infinity excludes it.
    public var weights: [Double]? { scales.weights }

    /// - Parameters:
    ///   - lambda: λ > 0.
    ///   - weights: one weight a block from 0 to infinity; nil means all one.
    /// - Throws: ``InvalidPenalty``.
    public init(lambda: Double, weights: [Double]? = nil) throws(InvalidPenalty) {
        scales = try BlockScales(lambda: lambda, weights: weights)
    }

    /// The norm is convex.
    public var isConvex: Bool { true }

    /// λ_j·r.
    public func value(norm: Double, block: Int) -> Double {
        norm == 0 ? 0 : scales[block] * norm
    }

    /// Block soft thresholding, (norm − step·λ_j)₊.
    @inline(__always)
    public func proximal(norm: Double, step: Double, block: Int) -> Double {
        max(0, norm - step * scales[block])
    }

    /// λ_j.
    @inline(__always)
    public func activation(step: Double, block: Int) -> Double { scales[block] }

    /// λ_j and 0.
    public func derivatives(norm: Double, block: Int) -> (first: Double, second: Double) {
        (scales[block], 0)
    }

    /// Zero.
    public func conjugate(slope: Double, block: Int) -> Double { 0 }

    /// λ_j.
    @inline(__always)
    public func slopeLimit(block: Int) -> Double { scales[block] }
}

extension GroupLasso: NamedPenalty {
    /// `l21`.
    public static let kind = PenaltyKind(
        Self.self, name: "l21", help: "λ Σ‖B_j‖ over sources, all orientations and samples together")

    /// λ·Σ_j w_j‖B_j‖.
    public init(lambda: Double, shape: Double?, weights: [Double]?) throws(InvalidPenalty) {
        try self.init(lambda: lambda, weights: weights)
    }
}
