/// The sources of several members in one space, those of a member one after the other.
struct PooledSources {
    /// One source.
    struct Point {
        /// Where it lies in the common space, m; less than a metre from the origin.
        let position: SIMD3<Double>
        /// Its member.
        let member: Int
        /// Its place in the estimate.
        let source: Int
        /// The number of its subject, from 0.
        let subject: Int
        /// Part of the power it explains; 0 where that is not finite.
        let share: Double
    }

    /// The members, by subject and condition.
    let members: [GroupMember]
    /// Names of the subjects, ascending.
    let subjects: [String]
    /// The sources that lie within a metre of the origin.
    let points: [Point]

    /// - Parameter members: in any order.
    init(_ members: [GroupMember], in space: CommonSpace) {
        let members = members.sorted(by: GroupMember.isOrdered)
        var subjects: [String] = []
        var points: [Point] = []
        for (m, member) in members.enumerated() {
            if subjects.last != member.subject { subjects.append(member.subject) }
            for (s, source) in member.sources.enumerated() {
                let position = space.position(source.position, of: member.subject)
                // Nothing a metre away is in a head.
                guard position.distance(to: .zero) < 1 else { continue }
                points.append(
                    Point(
                        position: position, member: m, source: s, subject: subjects.count - 1,
                        share: source.share.isFinite ? source.share : 0))
            }
        }
        self.members = members
        self.subjects = subjects
        self.points = points
    }

    /// Groups of sources within a radius, greedily: the source with those of most subjects around it (then with the larger
    /// sum of shares, then the first) and all that lie within the radius; then the next among what is left, while it has
    /// those of two subjects at least.
    ///
    /// - Returns: of each group, of every member the point nearest to the first source, in the order of members.
    /// - Complexity: O(groups · pairs within the radius).
    func groups(within radius: Double) -> [[Int]] {
        let positions = points.map(\.position)
        let cubes = PointCubes(covering: positions, radius: radius)
        let neighbours = cubes.neighbours(positions)
        var isLeft = [Bool](repeating: true, count: points.count)
        var groups: [[Int]] = []
        while let centre = densest(neighbours, isLeft) {
            let around = neighbours[centre].filter { isLeft[$0] }
            var nearest: [Int: Int] = [:]
            for point in around {
                let member = points[point].member
                let distance = positions[point].distance(to: positions[centre])
                if let known = nearest[member], positions[known].distance(to: positions[centre]) <= distance {
                    continue
                }
                nearest[member] = point
            }
            groups.append(nearest.values.sorted())
            for point in around { isLeft[point] = false }
        }
        return groups
    }

    /// The source with those of most subjects around it, two at least.
    private func densest(_ neighbours: [[Int]], _ isLeft: [Bool]) -> Int? {
        var best: (point: Int, subjects: Int, share: Double)?
        for point in points.indices where isLeft[point] {
            var (count, last, share) = (0, -1, 0.0)
            // Neighbours ascend, and with them their subjects.
            for other in neighbours[point] where isLeft[other] {
                if points[other].subject != last { (count, last) = (count + 1, points[other].subject) }
                share += points[other].share
            }
            guard count > 1 else { continue }
            if best.map({ (count, share) > ($0.subjects, $0.share) }) ?? true { best = (point, count, share) }
        }
        return best?.point
    }
}
