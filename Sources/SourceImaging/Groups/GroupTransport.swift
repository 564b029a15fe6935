import Transport

/// How the source maps of many subjects are compared by transport.
public struct TransportMapSettings: Sendable, Equatable {
    /// Distance over which the group map blurs, m: a source all subjects share becomes a cloud of standard deviation blur/√2
    /// along each axis.
    public var blur: Double
    /// As how far amplitude counts that has no counterpart, m; larger than the blur.
    public var reach: Double

    /// Settings; a ``GroupTransport`` checks them.
    public init(blur: Double = 0.005, reach: Double = 0.030) {
        self.blur = blur
        self.reach = reach
    }
}

/// The source maps of many subjects compared by transport: how far they are from each other, and the map nearest to all.
///
/// A subject's map is where its sources lie in the common space and what part of their amplitude each has, averaged over its
/// conditions. Unlike clusters (``SourceClusters``) it needs no radius within which sources are the same: sources of different
/// subjects that lie side by side make one peak between them, and weak ones count little.
public struct GroupTransport: Sendable, Equatable {
    /// The settings.
    public let settings: TransportMapSettings
    /// The subjects that have sources, ascending.
    public let subjects: [String]
    /// Subjects without sources, ascending: they have no map.
    public let withoutSources: [String]
    /// The map of each subject, positions in the common space.
    public let maps: [SourceMap]
    /// Distance between the maps of each two subjects, m, at most the reach (``SourceMap/distance(to:reach:)``).
    public let distances: Matrix
    /// Where the group map has mass, m, in the common space: candidates within the reach of a source.
    public let positions: [SIMD3<Double>]
    /// Number of each of the positions among the candidates of the space; nil where subjects do not share their candidates.
    public let candidates: [Int]?
    /// The group map: mass at each position, 1 in all where the subjects' maps are one (``TransportBarycenter``).
    public let mass: [Double]
    /// What part of each subject's map has a counterpart in the group map, about 0…1.
    public let shared: [Double]
    /// Σ |error of marginals| of the group map over the mass.
    public let marginalError: Double
    /// Whether that is 1e-9 or less.
    public let converged: Bool

    /// Compares the maps of subjects; the order of members does not matter.
    ///
    /// - Parameters:
    ///   - members: one a subject and condition.
    ///   - space: where their positions compare.
    ///   - parallelism: threads; they change no bit.
    /// - Throws: ``InputError`` where no member has a source, and for settings without meaning.
    /// - Complexity: memory and time of a sweep O(sources · candidates within the reach of one); transport between each two
    ///   subjects.
    public init(
        _ members: [GroupMember], in space: CommonSpace, settings: TransportMapSettings = TransportMapSettings(),
        parallelism: Parallelism = .serial
    ) throws(InputError) {
        guard settings.blur > 0, settings.reach > settings.blur, settings.reach <= 1 else {
            throw InputError(
                "transport", found: "a blur of \(settings.blur * 1000) mm and a reach of \(settings.reach * 1000) mm",
                expected: "0 < blur < reach, both within a head")
        }
        let pool = PooledSources(members, in: space)
        let all = Self.maps(pool)
        guard all.contains(where: { $0 != nil }) else {
            throw InputError("group", found: "no sources in any estimate", expected: "some to compare by transport")
        }
        subjects = zip(pool.subjects, all).compactMap { $1 == nil ? nil : $0 }
        withoutSources = zip(pool.subjects, all).compactMap { $1 == nil ? $0 : nil }
        maps = all.compactMap(\.self)
        (self.settings, distances) = (settings, Self.distances(maps, settings.reach, parallelism))
        let support = Self.support(pool, space, maps, settings.reach)
        positions = support.positions
        candidates = support.candidates
        do {
            let barycenter = try Self.barycenter(maps, support.positions, settings, parallelism)
            (mass, shared) = (barycenter.mass, barycenter.transported)
            (marginalError, converged) = (barycenter.marginalError, barycenter.converged)
        } catch {
            throw InputError("transport", found: error.description)
        }
    }

    /// Mean distance of each subject's map from those of the others, m; empty of one subject. The largest stand out.
    public var meanDistances: [Double] {
        guard subjects.count > 1 else { return [] }
        return subjects.indices.map { s in
            subjects.indices.reduce(0) { $0 + distances[s, $1] } / Double(subjects.count - 1)
        }
    }

    /// The map of each subject, in the order of the pool; nil where it has none.
    private static func maps(_ pool: PooledSources) -> [SourceMap?] {
        var byMember = [Int: [PooledSources.Point]]()
        for point in pool.points { byMember[point.member, default: []].append(point) }
        var parts = [[(position: SIMD3<Double>, share: Double)]](repeating: [], count: pool.subjects.count)
        // Every condition that has sources counts alike.
        for (_, points) in byMember.sorted(by: { $0.key < $1.key }) {
            let amplitudes = points.map { pool.members[$0.member].sources[$0.source].peakAmplitude }
            guard let map = SourceMap(points.map(\.position), amplitudes: amplitudes) else { continue }
            parts[points[0].subject] += zip(map.positions, map.shares).map { ($0, $1) }
        }
        return parts.map { SourceMap($0.map(\.position), amplitudes: $0.map(\.share)) }
    }

    private static func distances(_ maps: [SourceMap], _ reach: Double, _ parallelism: Parallelism) -> Matrix {
        let count = maps.count
        var result = Matrix(rows: count, columns: count)
        result.elements.withUnsafeMutableBufferPointer { elements in
            nonisolated(unsafe) let elements = elements
            parallelism.forEachPiece(of: count, piece: 1) { _, items in
                for s in items {
                    for t in 0..<s {
                        let distance = maps[s].distance(to: maps[t], reach: reach)
                        elements[s + t * count] = distance
                        elements[t + s * count] = distance
                    }
                }
            }
        }
        return result
    }

    /// Where the group map may have mass: candidates within the reach of a source, those that all share or else of the first
    /// member that says where they lie; without any the sources themselves.
    private static func support(
        _ pool: PooledSources, _ space: CommonSpace, _ maps: [SourceMap], _ reach: Double
    ) -> (positions: [SIMD3<Double>], candidates: [Int]?) {
        let sources = maps.flatMap(\.positions)
        guard let member = pool.members.first(where: { $0.candidates != nil }), let known = member.candidates else {
            return (sources.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }, nil)
        }
        let places = known.positions.map { space.position($0, of: member.subject) }
        let near = places.indices.filter { place in
            sources.contains { $0.squaredDistance(to: places[place]) <= reach * reach }
        }
        // Sources may lie off the candidates of another head, if never by much.
        guard !near.isEmpty else { return (sources, nil) }
        let isShared = if case .shared = space { true } else { false }
        return (near.map { places[$0] }, isShared ? near : nil)
    }

    private static func barycenter(
        _ maps: [SourceMap], _ places: [SIMD3<Double>], _ settings: TransportMapSettings, _ parallelism: Parallelism
    ) throws(TransportProblem.Invalid) -> TransportBarycenter {
        let millimetre = 1e6
        return try TransportBarycenter(
            maps.map { map in
                TransportBarycenter.Member(
                    mass: map.shares,
                    costs: Matrix(rows: map.positions.count, columns: places.count) { i, j in
                        map.positions[i].squaredDistance(to: places[j]) * millimetre
                    })
            },
            TransportSettings(blur: settings.blur * 1000, reach: settings.reach * 1000, parallelism: parallelism))
    }
}
