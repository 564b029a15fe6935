/// A row for each subject, condition and cluster: what a model of mixed effects takes.
public struct GroupTable: Sendable, Equatable {
    /// What one subject shows in one condition at one cluster.
    public struct Row: Sendable, Equatable {
        /// Whom it is of.
        public let subject: String
        /// In which condition; may be empty.
        public let condition: String
        /// Number of the cluster, from 1.
        public let cluster: Int
        /// The source there; nil where the subject shows none.
        public let finding: SourceCluster.Finding?

        /// Peak amplitude, A·m; 0 without a source: what did not stand out of the noise, rather than no activity.
        public var amplitude: Double { finding?.amplitude ?? 0 }
    }

    /// By subject, then condition, then cluster; members that were not computed have no rows.
    public let rows: [Row]

    /// The table of clusters that were found over all conditions together: a cluster is then the same place in each.
    ///
    /// - Complexity: O(members · clusters).
    public init(_ members: [GroupMember], _ clusters: SourceClusters) {
        let found = clusters.clusters.map { cluster in
            Dictionary(
                cluster.findings.map { (GroupMember.key(subject: $0.subject, condition: $0.condition), $0) },
                uniquingKeysWith: { first, _ in first })
        }
        rows = members.sorted(by: GroupMember.isOrdered).flatMap { member in
            found.enumerated().map { number, findings in
                Row(
                    subject: member.subject, condition: member.condition, cluster: number + 1,
                    finding: findings[member.key])
            }
        }
    }
}
