import Foundation
import SourceImaging

/// λ·r + κ·r³ of every block: convex, with a curvature along a block that is greater than the one across it where r is
/// large, and that changes with r.
public struct CubicNorm: BlockPenalty {
    /// λ, the slope at zero.
    public let lambda: Double
    /// κ.
    public let cube: Double

    /// λ, κ > 0, the same for all blocks.
    public init(lambda: Double, cube: Double) {
        self.lambda = lambda
        self.cube = cube
    }

    /// Both terms are.
    public var isConvex: Bool { true }

    /// φ(r).
    public func value(norm: Double, block: Int) -> Double { lambda * norm + cube * norm * norm * norm }

    /// The root of a quadratic.
    public func proximal(norm: Double, step: Double, block: Int) -> Double {
        let rest = max(0, norm - step * lambda)
        return 2 * rest / (1 + (1 + 12 * step * cube * rest).squareRoot())
    }

    /// λ.
    public func activation(step: Double, block: Int) -> Double { lambda }

    /// By the definition.
    public func derivatives(norm: Double, block: Int) -> (first: Double, second: Double) {
        (lambda + 3 * cube * norm * norm, 6 * cube * norm)
    }

    /// By the definition.
    public func thirdDerivative(norm: Double, block: Int) -> Double { 6 * cube }

    /// Where φ′(r) is the slope.
    public func conjugate(slope: Double, block: Int) -> Double {
        let excess = max(0, slope - lambda)
        return 2 * excess / 3 * (excess / (3 * cube)).squareRoot()
    }

    /// None.
    public func slopeLimit(block: Int) -> Double { .infinity }
}

/// λ·r + κ·(√(1 + r²) − 1) of every block: convex, with a slope that never passes λ + κ and a conjugate that is not zero
/// below it.
public struct RoundedNorm: BlockPenalty {
    /// λ, the slope at zero.
    public let lambda: Double
    /// κ.
    public let rise: Double

    /// λ, κ > 0, the same for all blocks.
    public init(lambda: Double, rise: Double) {
        self.lambda = lambda
        self.rise = rise
    }

    /// Both terms are.
    public var isConvex: Bool { true }

    /// φ(r).
    public func value(norm: Double, block: Int) -> Double {
        lambda * norm + rise * norm * norm / (1 + (1 + norm * norm).squareRoot())
    }

    /// By Newton steps, from the side where the slope is convex.
    public func proximal(norm: Double, step: Double, block: Int) -> Double {
        guard norm > step * lambda else { return 0 }
        var (low, high) = (0.0, norm)
        var r = norm
        for _ in 0..<200 {
            let (first, second) = derivatives(norm: r, block: block)
            let slope = r - norm + step * first
            if slope > 0 { high = r } else { low = r }
            let newton = r - slope / (1 + step * second)
            let next = newton > low && newton < high ? newton : 0.5 * (low + high)
            if abs(next - r) <= 1e-16 * r { break }
            r = next
        }
        return r
    }

    /// λ.
    public func activation(step: Double, block: Int) -> Double { lambda }

    /// By the definition.
    public func derivatives(norm: Double, block: Int) -> (first: Double, second: Double) {
        let root = (1 + norm * norm).squareRoot()
        return (lambda + rise * norm / root, rise / (root * root * root))
    }

    /// By the definition.
    public func thirdDerivative(norm: Double, block: Int) -> Double {
        -3 * rise * norm / pow(1 + norm * norm, 2.5)
    }

    /// Where φ′(r) is the slope.
    public func conjugate(slope: Double, block: Int) -> Double {
        let part = max(0, slope - lambda) / rise
        return rise * part * part / (1 + max(0, 1 - part * part).squareRoot())
    }

    /// λ + κ.
    public func slopeLimit(block: Int) -> Double { lambda + rise }
}
