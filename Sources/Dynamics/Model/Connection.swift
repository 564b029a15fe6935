/// Whether, and how much, one variable drives another.
public struct Connection: Sendable, Equatable {
    /// The variable that drives.
    public let source: Int
    /// The variable that is driven.
    public let target: Int
    /// How much: of autoregression, ln(rss₀/rss), what the source's past explains of the target beyond all others' past
    /// (Geweke 1984); of differential equations, the root mean square of the terms that hold the source over that of the
    /// whole right-hand side.
    public var influence: Double
    /// Probability of such an influence, or a larger one, where there is none; nil where the model has no test.
    public var p: Double?
    /// p adjusted for the number of connections (Benjamini & Hochberg 1995).
    public var adjustedP: Double?
    /// Whether the model takes the connection to be there.
    public var isSelected: Bool
    /// Whether the source drives the target more than the target the source, compared to the same in reversed time: what
    /// leakage and noise fake does not pass; nil where there is no such test.
    public var isConfirmed: Bool?
    /// Share of the resamples of epochs in which the connection is selected; nil where none were drawn.
    public var frequency: Double?

    /// See the properties.
    public init(
        source: Int, target: Int, influence: Double, p: Double? = nil, adjustedP: Double? = nil, isSelected: Bool,
        isConfirmed: Bool? = nil, frequency: Double? = nil
    ) {
        self.source = source
        self.target = target
        self.influence = influence
        self.p = p
        self.adjustedP = adjustedP
        self.isSelected = isSelected
        self.isConfirmed = isConfirmed
        self.frequency = frequency
    }

    /// Source and target of all n(n − 1) possible connections, in the order in which models list them: target after target.
    public static func pairs(of variables: Int) -> [(source: Int, target: Int)] {
        (0..<variables).flatMap { target in
            (0..<variables).compactMap { $0 == target ? nil : (source: $0, target: target) }
        }
    }
}
