/// What options, help and results know of a penalty of effects by its name. A new penalty is one file, and one line in ``all``.
public struct EffectPenaltyKind: Sendable, Hashable {
    /// The number beside λ that a penalty depends on, in the units of the effects.
    public struct Knot: Sendable {
        /// Its letter in formulas.
        public let symbol: String
        /// Its value where none is given, for a response and columns of variance near one.
        public let usual: Double
    }

    /// The penalties that options know.
    public static let all = [
        EffectPenaltyKind("l1", help: "λ|t|") { lambda, _ throws(InvalidEffectPenalty) in try L1Penalty(lambda: lambda)
        },
        EffectPenaltyKind(
            "adaptive-l1", help: "λ|t| weighted by 1/(|estimate| + 0.01) of the fit without a penalty", isAdaptive: true
        ) { lambda, _ throws(InvalidEffectPenalty) in try L1Penalty(lambda: lambda) },
        EffectPenaltyKind("l0", help: "λ for every effect that is not zero") {
            lambda, _ throws(InvalidEffectPenalty) in try L0Penalty(lambda: lambda)
        },
        EffectPenaltyKind(
            "scad", help: "smoothly clipped absolute deviation: large effects are not shrunk",
            knot: Knot(symbol: "σ", usual: 0.5)
        ) { lambda, knot throws(InvalidEffectPenalty) in try SCADPenalty(lambda: lambda, knot: knot) },
        EffectPenaltyKind(
            "cad", help: "clipped absolute deviation λ·min(|t|, ρ)", knot: Knot(symbol: "ρ", usual: 0.3)
        ) { lambda, knot throws(InvalidEffectPenalty) in try CADPenalty(lambda: lambda, knot: knot) },
        EffectPenaltyKind(
            "mcp", help: "minimax concave penalty: flat beyond κ", knot: Knot(symbol: "κ", usual: 1)
        ) { lambda, knot throws(InvalidEffectPenalty) in try MCPPenalty(lambda: lambda, knot: knot) },
    ]

    /// Name for options and results.
    public let name: String
    /// One line of help.
    public let help: String
    /// Whether the effects are weighted by their estimates without a penalty (``AdaptiveWeights``).
    public let isAdaptive: Bool
    /// The number beside λ; nil where there is none.
    public let knot: Knot?
    private let make: @Sendable (_ lambda: Double, _ knot: Double) throws(InvalidEffectPenalty) -> any EffectPenalty

    private init(
        _ name: String, help: String, isAdaptive: Bool = false, knot: Knot? = nil,
        _ make: @escaping @Sendable (Double, Double) throws(InvalidEffectPenalty) -> any EffectPenalty
    ) {
        self.name = name
        self.help = help
        self.isAdaptive = isAdaptive
        self.knot = knot
        self.make = make
    }

    /// The kind of a name; nil where there is none.
    public static func named(_ name: String) -> EffectPenaltyKind? { all.first { $0.name == name } }

    /// The penalty at its parameters.
    ///
    /// - Parameters:
    ///   - lambda: λ ≥ 0; the penalty is proportional to it.
    ///   - knot: nil takes the usual one; ignored where there is none.
    /// - Throws: ``InvalidEffectPenalty``.
    public func penalty(
        lambda: Double, knot: Double? = nil
    ) throws(InvalidEffectPenalty) -> any EffectPenalty {
        try make(lambda, knot ?? self.knot?.usual ?? 0)
    }

    /// Whether the two have one name.
    public static func == (a: EffectPenaltyKind, b: EffectPenaltyKind) -> Bool { a.name == b.name }

    /// The name.
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
