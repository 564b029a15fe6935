import Foundation
import Testing

@testable import SourceImaging

@Suite("Subjects compared by transport")
struct GroupTransportTests {
    static func member(
        _ subject: String, _ positions: [SIMD3<Double>], _ condition: String = "", in space: SourceSpace?
    )
        -> GroupMember
    {
        GroupSamples.member(
            subject, condition, sources: positions.map { GroupSamples.source($0) }, candidates: space)
    }

    @Test("sources side by side make one peak between them, and distances are those between them")
    func between() throws {
        let space = try GroupSamples.grid((13, 13, 13), spacing: 0.005)
        // Two subjects 10 mm to either side of (30, 30, 30) mm, a third elsewhere.
        let members = [
            Self.member("a", [SIMD3(0.020, 0.03, 0.03)], in: space),
            Self.member("b", [SIMD3(0.040, 0.03, 0.03)], in: space),
        ]
        let common = try CommonSpace.choose(for: members)
        let transport = try GroupTransport(
            members, in: common, settings: TransportMapSettings(blur: 0.005, reach: 0.05),
            parallelism: Parallelism(threads: 2))
        #expect(transport.converged && transport.marginalError <= 1e-9)
        #expect(transport.subjects == ["a", "b"])
        #expect(abs(transport.distances[0, 1] - 0.02) < 1e-12 && transport.distances[0, 0] == 0)
        let top = try #require(transport.mass.indices.max { transport.mass[$0] < transport.mass[$1] })
        #expect(transport.positions[top].distance(to: SIMD3(0.03, 0.03, 0.03)) < 1e-9)
        let candidates = try #require(transport.candidates)
        #expect(space.positions[candidates[top]] == transport.positions[top])
        // Hardly anything is left where the sources are.
        let there = try #require(transport.positions.firstIndex { $0.distance(to: SIMD3(0.02, 0.03, 0.03)) < 1e-9 })
        #expect(transport.mass[there] < 0.05 * transport.mass[top])
        let turned = try GroupTransport(
            members.reversed(), in: common, settings: TransportMapSettings(blur: 0.005, reach: 0.05))
        #expect(turned == transport)
    }

    @Test("the subject that is elsewhere stands out, one without sources has no map")
    func outlier() throws {
        let space = try GroupSamples.grid((12, 12, 12), spacing: 0.008)
        var generator = SeededGenerator(seed: 4)
        var members = (0..<5).map { s in
            let noise = SIMD3(generator.normal(), generator.normal(), generator.normal()) * 0.002
            return Self.member("s\(s)", [SIMD3(0.024, 0.024, 0.024) + noise], in: space)
        }
        members.append(Self.member("odd", [SIMD3(0.088, 0.088, 0.088)], in: space))
        members.append(Self.member("none", [], in: space))
        let transport = try GroupTransport(members, in: try CommonSpace.choose(for: members))
        #expect(transport.withoutSources == ["none"])
        #expect(transport.subjects == ["odd", "s0", "s1", "s2", "s3", "s4"])
        #expect(transport.meanDistances[0] == 0.03)
        #expect(transport.meanDistances.dropFirst().allSatisfy { $0 < 0.012 })
        #expect(transport.shared[0] < 0.3 && transport.shared.dropFirst().allSatisfy { $0 > 0.8 })
        let odd = zip(transport.positions, transport.mass).reduce(0) { sum, place in
            place.0.distance(to: SIMD3(0.088, 0.088, 0.088)) <= 0.03 ? sum + place.1 : sum
        }
        #expect(odd < 0.05 && transport.mass.reduce(0, +) > 0.6)
    }

    @Test("equal maps are the group's, conditions are averaged")
    func equal() throws {
        let space = try GroupSamples.grid((9, 9, 9), spacing: 0.005)
        let (p, q) = (SIMD3(0.01, 0.02, 0.02), SIMD3(0.03, 0.02, 0.02))
        // A subject with a condition a source has the map of one with both sources in one condition.
        let members = [
            Self.member("a", [p], "left", in: space), Self.member("a", [q], "right", in: space),
            Self.member("b", [p, q], "both", in: space), Self.member("b", [], "nothing", in: space),
        ]
        let transport = try GroupTransport(members, in: try CommonSpace.choose(for: members))
        #expect(transport.distances[0, 1] == 0)
        #expect(transport.shared.allSatisfy { abs($0 - 1) < 0.01 })
        #expect(abs(transport.mass.reduce(0, +) - 1) < 0.01)
    }

    @Test("without candidates the sources are where the map may be; without sources there is none")
    func withoutCandidates() throws {
        let members = [
            Self.member("a", [.zero], in: nil), Self.member("b", [SIMD3(0.004, 0, 0), .zero], in: nil),
        ]
        let transport = try GroupTransport(members, in: .head(.head))
        #expect(transport.candidates == nil && transport.positions == [.zero, SIMD3(0.004, 0, 0)])
        #expect(transport.converged)
        #expect(throws: InputError.self) { try GroupTransport([Self.member("a", [], in: nil)], in: .head(.head)) }
        #expect(throws: InputError.self) { try GroupTransport([], in: .head(.head)) }
        for (blur, reach) in [(0.0, 0.03), (0.03, 0.03), (0.005, 2), (.nan, 0.03), (0.005, .nan)] {
            #expect(throws: InputError.self) {
                try GroupTransport(
                    members, in: .head(.head), settings: TransportMapSettings(blur: blur, reach: reach))
            }
        }
    }
}
