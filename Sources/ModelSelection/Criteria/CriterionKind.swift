/// What is known of a criterion by its name, and how it is made.
public struct CriterionKind: NamedKind {
    /// What a criterion is made of.
    public struct Request: Sendable {
        /// Rows of the problem.
        public let rowCount: Int
        /// One label a row, spread evenly over folds; nil means all alike.
        public let labels: [Int]?
        /// What the response is the mean of; nil where that is not known.
        public let replicates: Replicates?
        /// σ²: variance of an entry of the noise in Y.
        public let noiseVariance: Double
        /// Number of folds.
        public let folds: Int
        /// Number of random draws.
        public let draws: Int
        /// Of folds and directions.
        public let seed: UInt64
    }

    /// What a criterion holds out of the fit.
    public enum HeldOut: Sendable {
        /// Nothing.
        case nothing
        /// Rows of the problem.
        case rows
        /// Replicates of the response, for example epochs.
        case replicates
    }

    /// Name for options and results.
    public let name: String
    /// One line of help.
    public let help: String
    /// What it holds out.
    public let holdsOut: HeldOut
    /// Whether it depends on the noise level.
    public let needsNoiseLevel: Bool
    /// How many random draws it takes unless told; nil where it draws nothing.
    public let usualDraws: Int?
    /// Whether it is a function of a solution that a search minimizes; else it has updates of its own.
    public let isSearched: Bool
    /// Makes the criterion.
    public let make: @Sendable (Request) throws(InvalidCriterion) -> any Criterion

    /// - Parameters:
    ///   - name: for options and results, different from all others.
    ///   - help: one line.
    ///   - holdsOut: what it holds out of the fit.
    ///   - needsNoiseLevel: whether it depends on the noise level.
    ///   - usualDraws: how many random draws it takes unless told; nil where it draws nothing.
    ///   - isSearched: whether a search minimizes it; else it has updates of its own, and `make` throws.
    ///   - make: makes the criterion, or throws where it does not suit the request.
    public init(
        _ name: String, help: String, holdsOut: HeldOut = .nothing, needsNoiseLevel: Bool = false,
        usualDraws: Int? = nil, isSearched: Bool = true,
        make: @escaping @Sendable (Request) throws(InvalidCriterion) -> any Criterion
    ) {
        self.name = name
        self.help = help
        self.holdsOut = holdsOut
        self.needsNoiseLevel = needsNoiseLevel
        self.usualDraws = usualDraws
        self.isSearched = isSearched
        self.make = make
    }

    /// The criteria that options know.
    ///
    /// A program with criteria of its own binds the longer list around what reads options:
    /// `CriterionKind.$all.withValue`.
    @TaskLocal public static var all: [CriterionKind] = [
        .sure, .monteCarlo, .heldOut, .kfold, .gcv, .aic, .bic, .ebic, .evidence, .noiseQuantile, .heldOutEpochs,
        .kfoldEpochs,
    ]

    /// Whether it draws anything at random.
    public var hasDraws: Bool { usualDraws != nil }

    /// Whether it cuts rows or replicates into folds.
    public var hasFolds: Bool { holdsOut != .nothing }

    /// Whether it compares replicates with one another.
    public var needsReplicates: Bool { holdsOut == .replicates }
}
