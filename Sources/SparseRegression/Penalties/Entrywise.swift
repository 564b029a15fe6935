/// A penalty applied to every entry of B by itself instead of to its blocks; its blocks are the columns of the design.
///
/// Entries of different samples then have nothing in common but the design: each sample is a problem of its own.
public struct Entrywise<Base: BlockPenalty>: BlockPenalty {
    /// The penalty of an entry; weights are one a column of the design.
    public let base: Base

    /// - Parameter base: the penalty of every entry, with weights, if any, one a column of the design.
    public init(_ base: Base) { self.base = base }

    /// Single entries.
    public var scope: PenaltyScope { .entry }

    /// As the base.
    public var isConvex: Bool { base.isConvex }

    /// As the base.
    public func value(norm: Double, block: Int) -> Double { base.value(norm: norm, block: block) }

    /// As the base.
    @inline(__always)
    public func proximal(norm: Double, step: Double, block: Int) -> Double {
        base.proximal(norm: norm, step: step, block: block)
    }

    /// As the base.
    @inline(__always)
    public func activation(step: Double, block: Int) -> Double { base.activation(step: step, block: block) }

    /// As the base.
    public func derivatives(norm: Double, block: Int) -> (first: Double, second: Double) {
        base.derivatives(norm: norm, block: block)
    }

    /// As the base.
    public func thirdDerivative(norm: Double, block: Int) -> Double { base.thirdDerivative(norm: norm, block: block) }

    /// As the base.
    public func conjugate(slope: Double, block: Int) -> Double { base.conjugate(slope: slope, block: block) }

    /// As the base.
    @inline(__always)
    public func slopeLimit(block: Int) -> Double { base.slopeLimit(block: block) }
}

/// The ℓ1 norm of all entries, plain or weighted (Tibshirani 1996).
public typealias Lasso = Entrywise<GroupLasso>

extension Entrywise where Base == GroupLasso {
    /// λ·Σ w_j|b_jt|.
    ///
    /// - Parameters:
    ///   - lambda: λ > 0.
    ///   - weights: one weight a column of the design; nil means all one.
    /// - Throws: ``InvalidPenalty``.
    public init(lambda: Double, weights: [Double]? = nil) throws(InvalidPenalty) {
        self.init(try GroupLasso(lambda: lambda, weights: weights))
    }
}

extension Entrywise: NamedPenalty where Base: NamedPenalty {
    /// `l1` for the norm, else the name of the base with `entrywise-` before it.
    public static var kind: PenaltyKind {
        let base = Base.kind
        return PenaltyKind(
            Self.self, name: base.name == "l21" ? "l1" : "entrywise-\(base.name)",
            help: base.name == "l21" ? "λ Σ|b| over single entries" : "\(base.help), over single entries",
            scope: .entry, shape: base.shape)
    }

    /// The penalty of the base, of entries.
    public init(lambda: Double, shape: Double?, weights: [Double]?) throws(InvalidPenalty) {
        self.init(try Base(lambda: lambda, shape: shape, weights: weights))
    }

    /// As the base.
    public func derivativesByLambda(norm: Double, block: Int) -> (first: Double, second: Double) {
        base.derivativesByLambda(norm: norm, block: block)
    }

    /// As the base.
    public func derivativesByShape(norm: Double, block: Int) -> (first: Double, second: Double) {
        base.derivativesByShape(norm: norm, block: block)
    }
}
