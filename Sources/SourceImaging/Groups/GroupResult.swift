/// How the sources of many subjects are brought together.
public struct GroupSettings: Sendable, Equatable {
    /// Distance within which sources of different subjects count as one place, m; nil: that of the common space.
    public var radius: Double?
    /// Draws of chance; 0: none, and no p.
    public var permutations: Int
    /// Of the draws.
    public var seed: UInt64

    /// Settings; a ``GroupResult`` checks them.
    public init(radius: Double? = nil, permutations: Int = 1000, seed: UInt64 = 1) {
        self.radius = radius
        self.permutations = permutations
        self.seed = seed
    }
}

/// The sources of many subjects brought together.
public struct GroupResult: Sendable, Equatable {
    /// The clusters of one condition.
    public struct Condition: Sendable, Equatable {
        /// Its name; may be empty.
        public let name: String
        /// Its clusters.
        public let clusters: SourceClusters
    }

    /// The members, by subject, then condition.
    public let members: [GroupMember]
    /// Where their positions compare.
    public let space: CommonSpace
    /// How they were brought together.
    public let settings: GroupSettings
    /// Clusters over all conditions together; a subject counts once, in however many conditions it has a source there.
    public let pooled: SourceClusters
    /// Clusters of each condition, by name.
    public let conditions: [Condition]
    /// What stands out of the other members.
    public let outliers: [GroupOutlier]
    /// What the user should know before trusting the result, one line each.
    public let warnings: [String]

    /// Brings members together; their order does not matter.
    ///
    /// - Parameters:
    ///   - members: one a subject and condition, at least one.
    ///   - transforms: from the frame of the estimates, m, to MNI, by subject; may be empty.
    /// - Throws: ``InputError`` without members, where two are of the same subject and condition, where positions cannot be
    ///   compared (``CommonSpace/choose(for:transforms:)``), and for settings without meaning.
    /// - Complexity: that of ``SourceClusters/find(_:in:radius:permutations:seed:)``, twice.
    public init(
        _ members: [GroupMember], transforms: [String: BrainTransform] = [:], settings: GroupSettings = GroupSettings()
    ) throws(InputError) {
        try Self.check(members, settings)
        let members = members.sorted(by: GroupMember.isOrdered)
        let space = try CommonSpace.choose(for: members, transforms: transforms)
        func find(_ members: [GroupMember]) -> SourceClusters {
            SourceClusters.find(
                members, in: space, radius: settings.radius ?? space.defaultRadius,
                permutations: settings.permutations, seed: settings.seed)
        }
        let pooled = find(members)
        let names = Set(members.map(\.condition)).sorted()
        self.members = members
        self.space = space
        self.settings = settings
        self.pooled = pooled
        conditions = names.map { name in
            Condition(
                name: name,
                clusters: names.count == 1 ? pooled : find(members.filter { $0.condition == name }))
        }
        outliers = GroupOutlier.find(members)
        warnings = Self.warnings(members, space, pooled)
    }

    /// The rows for models of mixed effects, over the clusters of all conditions together.
    public var table: GroupTable { GroupTable(members, pooled) }

    private static func check(_ members: [GroupMember], _ settings: GroupSettings) throws(InputError) {
        guard !members.isEmpty else { throw InputError("group", found: "no estimates", expected: "at least one") }
        var keys: Set<String> = []
        for member in members where !keys.insert(member.key).inserted {
            throw InputError(
                "group", found: "two estimates of \(member.name)", expected: "one a subject and condition",
                advice: "leave one out, or name them apart")
        }
        if let radius = settings.radius, !(radius > 0 && radius <= 0.1) {
            throw InputError("group radius", found: "\(radius * 1000) mm", expected: "more than 0, 100 mm at most")
        }
        guard settings.permutations >= 0 else {
            throw InputError("group permutations", found: "\(settings.permutations)", expected: "0 or more")
        }
    }

    private static func warnings(
        _ members: [GroupMember], _ space: CommonSpace, _ pooled: SourceClusters
    ) -> [String] {
        var warnings: [String] = []
        if pooled.subjects.count == 1 { warnings.append("There is one subject: nothing to compare it with.") }
        if case .head(let frame) = space, pooled.subjects.count > 1 {
            warnings.append(
                "Positions are in each subject's own \(frame.rawValue) coordinates: places in different heads compare within "
                    + "about a centimetre only. A forward model on a template brain, or a transform to MNI for each "
                    + "subject, compares better.")
        }
        if !pooled.withoutCandidates.isEmpty {
            let names = pooled.withoutCandidates
            warnings.append(
                "What chance would do is not known: \(names.count == 1 ? "an estimate does" : "\(names.count) estimates do") "
                    + "not say where the candidate sources lie (\(names.prefix(5).joined(separator: "; "))"
                    + (names.count > 5 ? "; …" : "") + "). Localize again.")
        }
        let empty = members.count { $0.sources.isEmpty }
        if empty > 0 {
            warnings.append("\(empty) of \(members.count) estimates have no source.")
        }
        return warnings
    }
}
