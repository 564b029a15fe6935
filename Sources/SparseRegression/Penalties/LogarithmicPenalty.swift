import Glibc

/// The logarithmic penalty: λ·Σ_j w_j log(1 + ‖B_j‖/ε) (Candès, Wakin & Boyd 2008).
public struct LogarithmicPenalty: BlockPenalty, Equatable {
    private let scales: BlockScales
    /// ε > 0: amplitudes well below it are penalized like a norm, those above hardly more than at ε.
    public let width: Double

    /// - Parameters:
    ///   - lambda: λ > 0.
    ///   - width: ε > 0.
    ///   - weights: one weight a block from 0 to infinity; nil means all one.
    /// - Throws: ``InvalidPenalty``.
    public init(lambda: Double, width: Double, weights: [Double]? = nil) throws(InvalidPenalty) {
        scales = try BlockScales(lambda: lambda, weights: weights)
        guard width.isFinite, width > 0 else {
            throw .shape(name: "the width of the logarithmic penalty", value: width, expected: "a positive number")
        }
        self.width = width
    }

    /// A logarithm is concave.
    public var isConvex: Bool { false }

    /// λ_j log(1 + r/ε).
    public func value(norm: Double, block: Int) -> Double {
        norm == 0 ? 0 : scales[block] * log1p(norm / width)
    }

    /// The larger root of a quadratic, where it is lower than zero.
    public func proximal(norm: Double, step: Double, block: Int) -> Double {
        proximal(norm, step * scales[block])
    }

    private func proximal(_ z: Double, _ c: Double) -> Double {
        guard c > 0 else { return z }
        let discriminant = (z + width) * (z + width) - 4 * c
        guard discriminant >= 0, c.isFinite else { return 0 }
        let root = discriminant.squareRoot()
        // The form of the root in which nothing cancels.
        let r = z < width ? 2 * (z * width - c) / (width - z + root) : 0.5 * (z - width + root)
        guard r > 0 else { return 0 }
        // Where the function is convex along r the stationary point is the minimum; else zero may be lower.
        if c <= width * width { return r }
        return 0.5 * (r - z) * (r - z) + c * log1p(r / width) < 0.5 * z * z ? r : 0
    }

    /// λ_j/ε while the step keeps the problem convex; else where the two minima are equally low, by bisection.
    public func activation(step: Double, block: Int) -> Double {
        let c = step * scales[block]
        guard c > width * width, c.isFinite else { return scales[block] / width }
        var (low, high) = (max(0, 2 * c.squareRoot() - width), c / width)
        for _ in 0..<60 {
            let middle = 0.5 * (low + high)
            if proximal(middle, c) > 0 { high = middle } else { low = middle }
        }
        return low / step
    }

    /// λ_j/(r + ε) and −λ_j/(r + ε)².
    public func derivatives(norm: Double, block: Int) -> (first: Double, second: Double) {
        let first = scales[block] / (norm + width)
        return (first, -first / (norm + width))
    }

    /// 2λ_j/(r + ε)³.
    public func thirdDerivative(norm: Double, block: Int) -> Double {
        2 * scales[block] / ((norm + width) * (norm + width) * (norm + width))
    }
}
