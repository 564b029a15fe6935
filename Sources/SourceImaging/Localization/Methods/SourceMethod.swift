/// How sources are estimated from a whitened problem, before they may be refined.
///
/// A new method is one file that states its kind, and one line in ``MethodKind/all``.
protocol SourceMethod: Sendable {
    /// Estimates.
    ///
    /// - Parameter session: of the problem that ``SourceChoice/Origin/searched`` is.
    /// - Throws: ``InputError`` where the method does not suit the data, `InvalidCriterion`, `CancellationError`.
    func run(
        _ session: some SolverSession, _ origin: SourceChoice.Origin, monitor: Monitor
    ) throws -> SourceChoice.Outcome
}

/// What options, help and results know of a method.
public struct MethodKind: NamedKind {
    /// Name for options and results.
    public let name: String
    /// One line of help.
    public let help: String
    /// The weights that it can give sources.
    public let weights: [SourceWeights]
    /// The criteria that choose its λ; nil: all.
    public let criteria: [CriterionKind]?
    /// Settings that not all methods have.
    let options: Set<SettingName>
    /// Whether it looks at single epochs.
    let needsReplicates: Bool
    let make: @Sendable (SourceChoice) -> any SourceMethod

    init(
        _ name: String, help: String, weights: [SourceWeights], criteria: [CriterionKind]? = nil,
        options: Set<SettingName> = [], needsReplicates: Bool = false,
        make: @escaping @Sendable (SourceChoice) -> any SourceMethod
    ) {
        self.name = name
        self.help = help
        self.weights = weights
        self.criteria = criteria
        self.options = options
        self.needsReplicates = needsReplicates
        self.make = make
    }

    /// The methods that options know.
    public static let all: [MethodKind] = [.mixedNorm, .timeFrequency, .concomitant, .evidence]
}
