/// The L2,1 norm, plain or weighted: λ·Σ_j w_j‖B_j‖ (Yuan & Lin 2006; mixed-norm estimate of Gramfort et al. 2012).
///
/// With one column a block and one sample it is the Lasso.
public struct GroupLasso: BlockPenalty, Equatable {
    /// λ ≥ 0.
    public let lambda: Double
    /// One positive weight a block; nil means all one. An infinite weight excludes its block.
    public let weights: [Double]?

    /// What makes a penalty impossible.
    public enum Invalid: Error, Equatable, Sendable, CustomStringConvertible {
        /// λ is negative or not finite.
        case lambda(Double)
        /// A weight is zero, negative or NaN.
        case weight(block: Int, value: Double)

        /// One line in plain English.
        public var description: String {
            switch self {
            case .lambda(let value): "λ is \(value); expected a positive number"
            case .weight(let block, let value):
                "the weight of source \(block) is \(value); expected a positive number, or infinity to exclude it"
            }
        }
    }

    /// A penalty from its parameters.
    ///
    /// - Throws: ``Invalid``.
    public init(lambda: Double, weights: [Double]? = nil) throws(Invalid) {
        guard lambda.isFinite, lambda > 0 else { throw .lambda(lambda) }
        if let weights, let block = weights.firstIndex(where: { !($0 > 0) }) {
            throw .weight(block: block, value: weights[block])
        }
        self.lambda = lambda
        self.weights = weights
    }

    /// λ_j = λ·w_j.
    @inline(__always)
    public func threshold(block: Int) -> Double {
        guard let weights else { return lambda }
        return lambda * weights[block]
    }

    /// λ_j·r.
    public func value(norm: Double, block: Int) -> Double {
        norm == 0 ? 0 : threshold(block: block) * norm
    }

    /// Block soft thresholding, (norm − step·λ_j)₊.
    @inline(__always)
    public func proximal(norm: Double, step: Double, block: Int) -> Double {
        max(0, norm - step * threshold(block: block))
    }

    /// λ_j and 0.
    public func derivatives(norm: Double, block: Int) -> (first: Double, second: Double) {
        (threshold(block: block), 0)
    }
}
