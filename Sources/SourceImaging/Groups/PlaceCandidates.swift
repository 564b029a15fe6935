/// Which candidate source of a subject stands for each place of a group.
public enum PlaceCandidates {
    /// A subject's source for each cluster: the candidate nearest to the mean of its own sources there, all conditions alike,
    /// so that no condition has a place that suits it; else the one nearest to the cluster's centre.
    ///
    /// - Parameters:
    ///   - clusters: of all conditions pooled; their order is that of the places.
    ///   - subject: whose.
    ///   - sources: the candidates, in the frame of the subject's estimates.
    ///   - space: in which clusters lie.
    ///   - radius: nil stands for a place without a candidate within it, m.
    /// - Complexity: O(clusters · candidates).
    public static func find(
        _ clusters: [SourceCluster], of subject: String, among sources: SourceSpace, in space: CommonSpace,
        within radius: Double
    ) -> [Int?] {
        let positions = sources.positions.map { space.position($0, of: subject) }
        return clusters.map { cluster in
            let own = cluster.findings.filter { $0.subject == subject }.map(\.position)
            let target = own.isEmpty ? cluster.centre : own.reduce(.zero, +) / Double(own.count)
            var best: (candidate: Int, distance: Double)?
            for (candidate, position) in positions.enumerated() {
                let distance = position.squaredDistance(to: target)
                if distance < best?.distance ?? .infinity { best = (candidate, distance) }
            }
            return best.flatMap { $0.distance <= radius * radius ? $0.candidate : nil }
        }
    }
}
