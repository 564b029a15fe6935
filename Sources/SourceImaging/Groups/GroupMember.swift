/// What a group takes of one estimate: the sources of one subject in one condition, and how they came about.
public struct GroupMember: Sendable, Equatable {
    /// Whom the sources are of.
    public let subject: String
    /// In which condition; may be empty.
    public let condition: String
    /// The sources, in the order of the estimate.
    public let sources: [EstimatedSource]
    /// Time of each sample of the analysed window, s.
    public let times: [Double]
    /// Frame of the positions.
    public let frame: CoordinateFrame
    /// Where the candidate sources lie; nil where the estimate does not say: chance is then not known.
    public let candidates: SourceSpace?
    /// Single epochs of the recording, 1 for an average; nil where the estimate does not say.
    public let epochs: Int?
    /// Rank of the whitened data.
    public let rank: Int
    /// Standard deviation of the whitened noise that the selection assumed.
    public let noiseDeviation: Double
    /// Part of the whitened data's power that the sources explain, 0…1.
    public let goodnessOfFit: Double
    /// λ/λ_max of the choice.
    public let lambdaRatio: Double
    /// What the user should know before trusting the estimate, one line each.
    public let warnings: [String]

    /// The member that an estimate makes.
    ///
    /// - Parameters:
    ///   - subject: whom it is of; that of the estimate where nil.
    ///   - condition: that of the estimate where nil.
    public init(_ estimate: Estimate, subject: String? = nil, condition: String? = nil) {
        self.subject = subject ?? estimate.subject
        self.condition = condition ?? estimate.condition
        sources = estimate.sources
        times = estimate.times
        frame = estimate.frame
        candidates = estimate.candidates
        epochs = estimate.preparation.epochs
        rank = estimate.preparation.rank
        noiseDeviation = estimate.preparation.noiseDeviation
        goodnessOfFit = estimate.goodnessOfFit
        lambdaRatio = estimate.selection.chosen.ratio
        warnings = estimate.warnings
    }

    /// What tells it from the other members; see ``key(subject:condition:)``.
    public var key: String { Self.key(subject: subject, condition: condition) }

    /// Subject and condition as one text, a tab between.
    public static func key(subject: String, condition: String) -> String { subject + "\t" + condition }

    /// Subject and condition in words, as far as they have names.
    public var name: String { condition.isEmpty ? subject : "\(subject), \(condition)" }

    /// By subject, then by condition: results do not depend on the order in which members were given.
    static func isOrdered(_ first: GroupMember, _ second: GroupMember) -> Bool {
        (first.subject, first.condition) < (second.subject, second.condition)
    }

    /// Whether candidates are the same to the bit; what is for drawing alone does not count.
    func hasCandidates(of other: GroupMember) -> Bool {
        guard let candidates, let others = other.candidates else { return false }
        return candidates.frame == others.frame && candidates.positions == others.positions
            && candidates.vertices == others.vertices && candidates.hemispheres == others.hemispheres
    }
}
