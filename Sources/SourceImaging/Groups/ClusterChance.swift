/// What chance does: sources that lie anywhere among the candidates of their own subject.
struct ClusterChance {
    /// The candidates of one member in the common space, and how many sources it has there.
    private struct Urn {
        let subject: Int
        let sources: Int
        let candidates: [SIMD3<Double>]
    }

    private let urns: [Urn]
    private let subjects: Int
    private let radius: Double

    /// Nil where a member that has sources does not say where its candidates lie.
    init?(_ pool: PooledSources, in space: CommonSpace, within radius: Double) {
        var sources = [Int](repeating: 0, count: pool.members.count)
        var subjectOf = sources
        for point in pool.points {
            sources[point.member] += 1
            subjectOf[point.member] = point.subject
        }
        var urns: [Urn] = []
        for (m, member) in pool.members.enumerated() where sources[m] > 0 {
            guard let candidates = member.candidates else { return nil }
            let isMapped = if case .transformed = space { true } else { false }
            urns.append(
                Urn(
                    subject: subjectOf[m], sources: sources[m],
                    candidates: isMapped
                        ? candidates.positions.map { space.position($0, of: member.subject) } : candidates.positions))
        }
        self.urns = urns
        subjects = pool.subjects.count
        self.radius = radius
    }

    /// In how many subjects chance puts a source within the radius of a place, on average:
    /// Σ_subjects 1 − Π_members (1 − f)^sources, f being the part of a member's candidates within the radius. This is the mean
    /// over infinitely many draws.
    ///
    /// - Complexity: O(candidates of all members).
    func expectedSubjects(at place: SIMD3<Double>) -> Double {
        let reach = radius * radius * (1 + 1e-9)
        var none = [Double](repeating: 1, count: subjects)
        for urn in urns {
            let near = urn.candidates.reduce(0) { $1.squaredDistance(to: place) <= reach ? $0 + 1 : $0 }
            let missed = 1 - Double(near) / Double(urn.candidates.count)
            for _ in 0..<urn.sources { none[urn.subject] *= missed }
        }
        return none.reduce(0) { $0 + 1 - $1 }
    }

    /// How many subjects the largest cluster has in each of many draws of all sources: the first that the greedy takes.
    ///
    /// - Complexity: O(draws · (sources + pairs within the radius)).
    func largestClusters(draws: Int, seed: UInt64) -> [Int] {
        var corners: [SIMD3<Double>] = []
        for urn in urns {
            guard var low = urn.candidates.first else { continue }
            var high = low
            for candidate in urn.candidates {
                low = pointwiseMin(low, candidate)
                high = pointwiseMax(high, candidate)
            }
            corners += [low, high]
        }
        let cubes = PointCubes(covering: corners, radius: radius)
        let subjectOf = urns.flatMap { [Int](repeating: $0.subject, count: $0.sources) }
        var generator = SeededGenerator(seed: seed)
        var positions: [SIMD3<Double>] = []
        var counter = SubjectCounter(subjects: subjects)
        return (0..<draws).map { _ in
            positions.removeAll(keepingCapacity: true)
            for urn in urns {
                for _ in 0..<urn.sources {
                    positions.append(urn.candidates[Int(generator.uniform() * Double(urn.candidates.count))])
                }
            }
            return counter.largest(positions, subjectOf, cubes)
        }
    }
}

/// Counts subjects around points, in memory that is used again.
private struct SubjectCounter {
    private var order = PointCubes.Order()
    /// The last point that each subject was counted for.
    private var counted: [Int]
    /// Positions and subjects in the order of cubes.
    private var sorted: [(position: SIMD3<Double>, subject: Int)] = []

    init(subjects: Int) { counted = [Int](repeating: -1, count: subjects) }

    /// The largest number of subjects within the radius of any point.
    mutating func largest(_ positions: [SIMD3<Double>], _ subjectOf: [Int], _ cubes: PointCubes) -> Int {
        cubes.sort(positions, into: &order)
        sorted.removeAll(keepingCapacity: true)
        for point in order.points { sorted.append((positions[point], subjectOf[point])) }
        for subject in counted.indices { counted[subject] = -1 }
        var largest = 0
        for point in positions.indices {
            var count = 0
            let centre = positions[point]
            cubes.runs(around: point, order) { run in
                for place in run where sorted[place].position.squaredDistance(to: centre) <= cubes.reach {
                    let subject = sorted[place].subject
                    if counted[subject] != point {
                        counted[subject] = point
                        count += 1
                    }
                }
            }
            largest = max(largest, count)
        }
        return largest
    }
}
