import Glibc

/// The block ℓ0.5 quasi-norm: λ·Σ_j w_j√‖B_j‖ (irMxNE of Strohmeier et al. 2016; half thresholding of Xu et al. 2012).
public struct SquareRootPenalty: BlockPenalty, Equatable {
    private let scales: BlockScales

    /// - Parameters:
    ///   - lambda: λ > 0.
    ///   - weights: one weight a block from 0 to infinity; nil means all one.
    /// - Throws: ``InvalidPenalty``.
    public init(lambda: Double, weights: [Double]? = nil) throws(InvalidPenalty) {
        scales = try BlockScales(lambda: lambda, weights: weights)
    }

    /// A square root is concave.
    public var isConvex: Bool { false }

    /// λ_j√r.
    public func value(norm: Double, block: Int) -> Double {
        norm == 0 ? 0 : scales[block] * norm.squareRoot()
    }

    /// The largest root of a cubic in √r; zero up to 3/2·(step·λ_j)^⅔, where it jumps.
    public func proximal(norm: Double, step: Double, block: Int) -> Double {
        let c = step * scales[block]
        guard c > 0 else { return norm }
        guard norm > 1.5 * cbrt(c * c) else { return 0 }
        let angle = acos(max(-1, -0.75 * c / norm * (3 / norm).squareRoot()))
        let root = 2 * (norm / 3).squareRoot() * cos(angle / 3)
        return root * root
    }

    /// 3/2·(step·λ_j)^⅔ / step.
    public func activation(step: Double, block: Int) -> Double {
        let c = step * scales[block]
        return 1.5 * cbrt(c * c) / step
    }

    /// λ_j/(2√r) and −λ_j/(4r√r).
    public func derivatives(norm: Double, block: Int) -> (first: Double, second: Double) {
        guard scales[block] > 0 else { return (0, 0) }
        guard norm > 0 else { return (.infinity, -.infinity) }
        let first = scales[block] / (2 * norm.squareRoot())
        return (first, -first / (2 * norm))
    }

    /// 3λ_j/(8r²√r).
    public func thirdDerivative(norm: Double, block: Int) -> Double {
        scales[block] > 0 ? 0.375 * scales[block] / (norm * norm * norm.squareRoot()) : 0
    }
}
