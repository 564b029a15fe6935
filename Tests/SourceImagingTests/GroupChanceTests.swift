import Foundation
import Testing

@testable import SourceImaging

@Suite("What chance makes of sources over subjects")
struct GroupChanceTests {
    @Test("The expected number of subjects is the mean over all draws there are")
    func expected() throws {
        let space = try GroupSamples.grid((4, 1, 1), spacing: 0.01)
        let half = try SourceSpace(positions: Array(space.positions.prefix(3)), frame: .head)
        let members = [
            GroupSamples.member("a", "x", sources: [GroupSamples.source(.zero)], candidates: space),
            GroupSamples.member("a", "y", sources: [GroupSamples.source(.zero)], candidates: half),
            GroupSamples.member(
                "b", "x", sources: [GroupSamples.source(.zero), GroupSamples.source(.zero)], candidates: half),
        ]
        let pool = PooledSources(members, in: .head(.head))
        let chance = try #require(ClusterChance(pool, in: .head(.head), within: 0.01))
        for place in [SIMD3(0.0, 0, 0), SIMD3(0.011, 0, 0), SIMD3(0.03, 0, 0), SIMD3(1, 0, 0)] {
            var (sum, count) = (0, 0)
            func near(_ position: SIMD3<Double>) -> Bool { position.distance(to: place) <= 0.01 + 1e-12 }
            for first in space.positions {
                for second in half.positions {
                    for third in half.positions {
                        for fourth in half.positions {
                            sum += (near(first) || near(second) ? 1 : 0) + (near(third) || near(fourth) ? 1 : 0)
                            count += 1
                        }
                    }
                }
            }
            #expect(abs(chance.expectedSubjects(at: place) - Double(sum) / Double(count)) < 1e-12)
        }
    }

    @Test("The largest clusters of draws have the distribution of all draws there are")
    func largest() throws {
        // Two subjects on five places in a row: together with 5 + 2·4 of 25 pairs.
        let space = try GroupSamples.grid((5, 1, 1), spacing: 0.01)
        let members = ["a", "b"].map {
            GroupSamples.member($0, sources: [GroupSamples.source(.zero)], candidates: space)
        }
        let found = SourceClusters.find(members, in: .shared(.head), radius: 0.01, permutations: 4000, seed: 2)
        let cluster = try #require(found.clusters.first)
        // Four standard errors.
        #expect(abs((cluster.chance ?? 0) - 13.0 / 25) < 0.032)
        #expect(abs((cluster.expectedSubjects ?? 0) - 0.8) < 1e-12)
        let none = SourceClusters.find(members, in: .shared(.head), radius: 0.01, permutations: 0)
        #expect(none.clusters.first?.chance == nil && none.clusters.first?.expectedSubjects != nil)
    }

    @Test("The largest cluster of a draw is that of the greedy")
    func sameStatistic() throws {
        let space = try GroupSamples.grid((9, 11, 8), spacing: 0.015)
        for seed in 0..<20 {
            let members = GroupSamples.chance(15, conditions: ["x", "y"], sources: 4, in: space, seed: UInt64(seed))
            let found = SourceClusters.find(members, in: .shared(.head), radius: 0.03, permutations: 0)
            // Each subject has candidates only where its sources are: a draw of one source each is the data.
            let pinned = try members.flatMap { member in
                try member.sources.enumerated().map { place, source in
                    GroupSamples.member(
                        member.subject, "\(member.condition)\(place)", sources: [source],
                        candidates: try SourceSpace(positions: [source.position], frame: .head))
                }
            }
            let drawn = SourceClusters.find(pinned, in: .head(.head), radius: 0.03, permutations: 2)
            let largest = try #require(found.clusters.first).subjects.count
            #expect(drawn.largestByChance == [largest, largest])
        }
    }

    @Test("Under chance alone, p of 0.05 or less is as rare as it says")
    func falsePositives() throws {
        let space = try GroupSamples.grid((10, 12, 9), spacing: 0.012)
        let groups = 300
        let positive = (0..<groups).count { seed in
            let members = GroupSamples.chance(10, sources: 4, in: space, seed: UInt64(1000 + seed))
            let found = SourceClusters.find(
                members, in: .shared(.head), radius: 0.02, permutations: 99, seed: UInt64(seed))
            return (found.clusters.first?.chance ?? 1) <= 0.05
        }
        // Five per cent of 300 and 3.1 standard deviations: passed by one right program in a thousand at most.
        #expect(positive <= 27, "\(positive) of \(groups)")
    }

    @Test("A place that two thirds of the subjects share is found, and is no chance")
    func power() throws {
        let space = try GroupSamples.grid((10, 12, 9), spacing: 0.012)
        let planted = SIMD3(0.05, 0.07, 0.05)
        var generator = SeededGenerator(seed: 9)
        var found = 0
        for seed in 0..<20 {
            let members = GroupSamples.chance(12, sources: 3, in: space, seed: UInt64(seed)).enumerated().map {
                place, member in
                guard place % 3 < 2 else { return member }
                let offset = SIMD3(generator.normal(), generator.normal(), generator.normal()) * 0.005
                return GroupSamples.member(
                    member.subject, sources: member.sources + [GroupSamples.source(planted + offset)],
                    candidates: space)
            }
            let clusters = SourceClusters.find(
                members, in: .shared(.head), radius: 0.015, permutations: 199, seed: UInt64(seed)
            ).clusters
            if let first = clusters.first, first.chance ?? 1 <= 0.05, first.centre.distance(to: planted) < 0.008 {
                found += 1
            }
        }
        #expect(found >= 19)
    }
}
