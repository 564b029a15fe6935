/// A place where several subjects have a source.
public struct SourceCluster: Sendable, Equatable {
    /// The source of one subject in one condition.
    public struct Finding: Sendable, Equatable {
        /// Whom it is of.
        public let subject: String
        /// In which condition; may be empty.
        public let condition: String
        /// Its place in the estimate, from 0.
        public let source: Int
        /// Where it lies in the common space, m.
        public let position: SIMD3<Double>
        /// From the cluster's centre, m.
        public let distance: Double
        /// Hemisphere; nil when unknown.
        public let hemisphere: Hemisphere?
        /// Its largest magnitude over time, A·m.
        public let amplitude: Double
        /// When that is, s; nil when unknown.
        public let latency: Double?
        /// Extent of its patch, m; nil when unknown.
        public let extent: Double?
        /// Probability that it is a source at all, 0…1; nil when unknown.
        public let probability: Double?
    }

    /// Mean and spread of a quantity over subjects.
    public struct Moments: Sendable, Equatable {
        /// Mean over subjects, each being the mean of its conditions.
        public let mean: Double
        /// Standard deviation over subjects; nil of one.
        public let deviation: Double?

        /// Nil without finite values.
        init?(_ values: [Double]) {
            let values = values.filter(\.isFinite)
            guard !values.isEmpty else { return nil }
            let mean = values.reduce(0, +) / Double(values.count)
            let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            self.mean = mean
            deviation = values.count > 1 ? (squares / Double(values.count - 1)).squareRoot() : nil
        }
    }

    /// The sources, one a subject and condition at most, by subject, then condition.
    public let findings: [Finding]
    /// The subjects that have one, ascending.
    public let subjects: [String]
    /// Mean over subjects of where their sources lie, m, each being the mean of its conditions.
    public let centre: SIMD3<Double>
    /// Root mean square distance of the sources from the centre, m.
    public let spread: Double
    /// Hemisphere of more than half of the sources; nil where there is no such.
    public let hemisphere: Hemisphere?
    /// Peak amplitude, A·m.
    public let amplitude: Moments?
    /// Time of the peak, s.
    public let latency: Moments?
    /// Number of subjects in which chance puts a source within the radius of the centre, on average; nil when unknown.
    public let expectedSubjects: Double?
    /// Probability that chance makes a cluster of as many subjects or more anywhere; nil when unknown.
    public let chance: Double?
}

/// Places where sources of different subjects lie together, the one of most subjects first, and what chance would make.
///
/// The source around which most subjects have one within a radius is taken first, with all sources within that radius; then
/// the next among what is left, while two subjects share a place. Chance is a draw of every source's position, uniformly from
/// the candidates of its own subject, repeated many times: of the number of subjects in the largest cluster of each draw
/// follows a p that holds for all places together (the maximum statistic of Nichols & Holmes 2002). It speaks against sources
/// anywhere, not against what draws all estimates to the same places: the surface, or where sensors are. Sources of a subject
/// in several conditions are drawn apart, although they often lie together: over conditions together p is cautious.
public struct SourceClusters: Sendable, Equatable {
    /// The clusters.
    public let clusters: [SourceCluster]
    /// All subjects, ascending.
    public let subjects: [String]
    /// Number of members.
    public let memberCount: Int
    /// Sources that lie in no cluster, and those that were not the nearest of their subject in one.
    public let otherSources: Int
    /// Distance within which sources count as one place, m.
    public let radius: Double
    /// Number of subjects in the largest cluster of each draw; empty when chance is unknown.
    public let largestByChance: [Int]
    /// Members with sources that do not say where their candidates lie: chance is unknown because of them.
    public let withoutCandidates: [String]

    /// Finds the clusters; the order of members does not matter.
    ///
    /// - Parameters:
    ///   - members: one a subject and condition.
    ///   - space: where their positions compare.
    ///   - radius: positive, m.
    ///   - permutations: draws of chance, not negative; 0: no p.
    ///   - seed: of the draws.
    /// - Complexity: O(permutations · (sources + pairs within the radius) + clusters · candidates of all members).
    public static func find(
        _ members: [GroupMember], in space: CommonSpace, radius: Double, permutations: Int = 1000, seed: UInt64 = 1
    ) -> SourceClusters {
        precondition(radius > 0 && permutations >= 0)
        let pool = PooledSources(members, in: space)
        let groups = pool.groups(within: radius)
        let chance = ClusterChance(pool, in: space, within: radius)
        let largest =
            chance.map { pool.points.isEmpty ? [] : $0.largestClusters(draws: permutations, seed: seed) } ?? []
        let clusters = groups.map { group in
            SourceCluster(group.map { pool.points[$0] }, pool, chance, largestByChance: largest)
        }
        return SourceClusters(
            clusters: clusters, subjects: pool.subjects, memberCount: members.count,
            otherSources: pool.points.count - groups.reduce(0) { $0 + $1.count }, radius: radius,
            largestByChance: largest,
            withoutCandidates: pool.members.filter { $0.candidates == nil && !$0.sources.isEmpty }.map(\.name))
    }
}

extension SourceCluster {
    /// A cluster of some points.
    fileprivate init(
        _ points: [PooledSources.Point], _ pool: PooledSources, _ chance: ClusterChance?, largestByChance: [Int]
    ) {
        let bySubject = Dictionary(grouping: points.indices, by: { points[$0].subject }).sorted { $0.key < $1.key }
        /// The mean of each subject over its conditions.
        func means(_ value: (Int) -> Double?) -> [Double] {
            bySubject.compactMap { _, places in
                let values = places.compactMap(value).filter(\.isFinite)
                return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
            }
        }
        let coordinates = (0..<3).map { axis in
            means { points[$0].position[axis] }.reduce(0, +) / Double(bySubject.count)
        }
        let centre = SIMD3(coordinates)
        let findings = points.map { Finding($0, pool.members[$0.member], centre) }
        let count = bySubject.count
        self.init(
            findings: findings, subjects: bySubject.map { pool.subjects[$0.key] }, centre: centre,
            spread: Stability.rootMeanSquare(findings.map(\.distance)) ?? 0,
            hemisphere: [.left, .right, .volume].first { side in
                2 * findings.count { $0.hemisphere == side } > findings.count
            },
            amplitude: Moments(means { findings[$0].amplitude }), latency: Moments(means { findings[$0].latency }),
            expectedSubjects: chance?.expectedSubjects(at: centre),
            chance: largestByChance.isEmpty
                ? nil : Double(1 + largestByChance.count { $0 >= count }) / Double(1 + largestByChance.count))
    }
}

extension SourceCluster.Finding {
    fileprivate init(_ point: PooledSources.Point, _ member: GroupMember, _ centre: SIMD3<Double>) {
        let source = member.sources[point.source]
        self.init(
            subject: member.subject, condition: member.condition, source: point.source, position: point.position,
            distance: point.position.distance(to: centre), hemisphere: source.hemisphere,
            amplitude: source.peakAmplitude, latency: source.peakTime(in: member.times), extent: source.extent,
            probability: source.probability)
    }
}
