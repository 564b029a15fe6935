/// A family applied to every entry of B by itself: of ``SharedLambda`` it makes the Lasso.
///
/// Its blocks are the columns of the design, so weights and learned λ_j are one a column.
public struct EntrywiseFamily<Base: PenaltyFamily>: PenaltyFamily {
    /// The family of one entry.
    public let base: Base

    /// A family of entries.
    public init(_ base: Base) { self.base = base }

    /// `l1` for the norm, else the name of the base with `entrywise`.
    public var name: String { base.name == "l21" ? "l1" : "entrywise \(base.name)" }

    /// As the base.
    public var parameterCount: Int { base.parameterCount }

    /// The penalty of the base, of entries.
    public func penalty(at logs: [Double]) throws(InvalidPenalty) -> Entrywise<Base.Penalty> {
        Entrywise(try base.penalty(at: logs))
    }

    /// As the base.
    public func sensitivities(norm: Double, block: Int, at logs: [Double]) -> [Sensitivity] {
        base.sensitivities(norm: norm, block: block, at: logs)
    }
}
