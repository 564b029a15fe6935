import Foundation
import Testing

@testable import SourceImaging

@Suite("Clusters of sources over subjects")
struct GroupClusterTests {
    static func member(_ subject: String, _ condition: String = "", at x: [Double], shares: [Double]? = nil)
        -> GroupMember
    {
        GroupSamples.member(
            subject, condition,
            sources: x.enumerated().map { place, x in
                GroupSamples.source(SIMD3(x / 1000, 0, 0), share: shares?[place] ?? 0.1)
            }, candidates: nil)
    }

    static func find(_ members: [GroupMember], radius: Double = 0.015) -> SourceClusters {
        SourceClusters.find(members, in: .head(.head), radius: radius)
    }

    // MARK: - The greedy

    @Test("The place of most subjects is first, then the next among what is left")
    func greedy() throws {
        let found = Self.find([
            Self.member("a", at: [0, 60]), Self.member("b", at: [6, 66]), Self.member("c", at: [12, 200]),
        ])
        try #require(found.clusters.count == 2)
        #expect(found.clusters[0].subjects == ["a", "b", "c"] && found.clusters[1].subjects == ["a", "b"])
        #expect((found.clusters[0].centre - SIMD3(0.006, 0, 0)).distance(to: .zero) < 1e-12)
        #expect(abs(found.clusters[0].spread - 0.006 * (2.0 / 3).squareRoot()) < 1e-12)
        #expect(found.otherSources == 1 && found.memberCount == 3)
        // Nobody said where candidates lie.
        #expect(found.clusters[0].chance == nil && found.clusters[0].expectedSubjects == nil)
        #expect(found.withoutCandidates == ["a", "b", "c"])
    }

    @Test("Of each subject and condition the nearest source counts, and all within the radius are spent")
    func nearest() throws {
        let found = Self.find([
            Self.member("a", at: [0, 9, -9]), Self.member("b", at: [1, 10]), Self.member("c", at: [-1, -10]),
        ])
        try #require(found.clusters.count == 1)
        #expect(found.clusters[0].findings.map(\.source) == [0, 0, 0] && found.otherSources == 4)
    }

    @Test("A subject counts once, in however many conditions; its conditions weigh as one in the centre")
    func conditions() throws {
        let found = Self.find([
            Self.member("a", "x", at: [0]), Self.member("a", "y", at: [0]), Self.member("a", "z", at: [0]),
            Self.member("b", "x", at: [9]), Self.member("c", "x", at: [100]), Self.member("c", "y", at: [100]),
        ])
        try #require(found.clusters.count == 1)
        #expect(found.clusters[0].subjects == ["a", "b"] && found.clusters[0].findings.count == 4)
        #expect(abs(found.clusters[0].centre.x - 0.0045) < 1e-12)
    }

    @Test("Of places with as many subjects the one with the larger shares is first, then the first")
    func ties() throws {
        let strong = Self.find([
            Self.member("a", at: [0, 100], shares: [0.1, 0.3]), Self.member("b", at: [0, 100], shares: [0.1, 0.3]),
        ])
        #expect(strong.clusters.map { ($0.centre.x * 1000).rounded() } == [100, 0])
        let alike = Self.find([Self.member("a", at: [0, 100]), Self.member("b", at: [0, 100])])
        #expect(alike.clusters.map { ($0.centre.x * 1000).rounded() } == [0, 100])
        // A subject with two sources at one place is one subject.
        let single = Self.find([Self.member("a", at: [0, 1, 2]), Self.member("b", at: [50])])
        #expect(single.clusters.isEmpty && single.otherSources == 4)
    }

    @Test("What lies at the radius but for rounding lies within")
    func boundary() {
        let step = 0.1 + 0.2 - 0.3  // What rounding leaves.
        #expect(Self.find([Self.member("a", at: [0]), Self.member("b", at: [15 + step])]).clusters.count == 1)
        #expect(Self.find([Self.member("a", at: [0]), Self.member("b", at: [15.001])]).clusters.isEmpty)
    }

    @Test("The same clusters, p included, whatever the order of members")
    func order() throws {
        let space = try GroupSamples.grid((8, 8, 8), spacing: 0.01)
        let members = GroupSamples.chance(12, conditions: ["x", "y"], sources: 3, in: space, seed: 3)
        let first = SourceClusters.find(members, in: .shared(.head), radius: 0.015, permutations: 50, seed: 4)
        var generator = SeededGenerator(seed: 8)
        for _ in 0..<3 {
            let shuffled = members.shuffled(using: &generator)
            #expect(
                SourceClusters.find(shuffled, in: .shared(.head), radius: 0.015, permutations: 50, seed: 4) == first)
        }
        #expect(!first.clusters.isEmpty)
        let other = SourceClusters.find(members, in: .shared(.head), radius: 0.015, permutations: 50, seed: 5)
        #expect(other.largestByChance != first.largestByChance)
    }

    @Test("One subject, no sources, no members: no clusters, no error")
    func nothing() throws {
        let space = try GroupSamples.grid((4, 4, 4), spacing: 0.01)
        #expect(Self.find([Self.member("a", at: [0, 1])]).clusters.isEmpty)
        let empty = ["a", "b"].map { GroupSamples.member($0, sources: [], candidates: space) }
        let found = SourceClusters.find(empty, in: .shared(.head), radius: 0.015)
        #expect(found.clusters.isEmpty && found.otherSources == 0 && found.largestByChance.isEmpty)
        #expect(Self.find([]).clusters.isEmpty)
        // A position that is none.
        let broken = GroupSamples.member(
            "a", sources: [.nan, .infinity, 1e300, 1].map { GroupSamples.source(SIMD3($0, 0, 0)) }, candidates: space)
        #expect(SourceClusters.find([broken] + empty, in: .head(.head), radius: 0.015).clusters.isEmpty)
    }

    @Test("Neighbours by cubes are those by trying all pairs", arguments: [0.0005, 0.008, 0.03, 0.5])
    func neighbours(_ radius: Double) {
        var generator = SeededGenerator(seed: 5)
        let positions = (0..<300).map { _ in
            SIMD3(generator.normal(), generator.normal(), generator.normal()) * SIMD3(0.03, 0.04, 0.001)
        }
        let found = PointCubes(covering: Array(positions.prefix(20)), radius: radius).neighbours(positions)
        for (i, neighbours) in found.enumerated() {
            #expect(neighbours == positions.indices.filter { positions[$0].distance(to: positions[i]) <= radius })
        }
    }

    @Test("Mean and deviation of peak and latency are those over subjects")
    func moments() throws {
        let amplitudes = [1e-8, 2e-8, 3e-8]
        let members = amplitudes.enumerated().map { place, amplitude in
            GroupSamples.member(
                "s\(place)",
                sources: [GroupSamples.source(.zero, amplitude: amplitude, peak: 10 * place, hemisphere: .left)],
                candidates: nil)
        }
        let cluster = try #require(Self.find(members).clusters.first)
        let amplitude = try #require(cluster.amplitude)
        let latency = try #require(cluster.latency)
        #expect(abs(amplitude.mean - 2e-8) < 1e-20 && abs((amplitude.deviation ?? 0) - 1e-8) < 1e-20)
        #expect(abs(latency.mean - 0.07) < 1e-12 && abs((latency.deviation ?? 0) - 0.02) < 1e-12)
        #expect(cluster.hemisphere == .left)
    }
}
