import Foundation
import Testing

@testable import SourceImaging

@Suite("Many subjects brought together")
struct GroupResultTests {
    static func transform(scale: Double = 1000, shift: SIMD3<Double> = .zero) throws -> BrainTransform {
        try BrainTransform(
            Matrix(rows: 4, columns: 4) { i, j in
                i == j ? (i == 3 ? 1 : scale) : j == 3 && i < 3 ? shift[i] : 0
            })
    }

    static func members(_ candidates: [SourceSpace?]) -> [GroupMember] {
        candidates.enumerated().map { place, space in
            GroupSamples.member("s\(place)", sources: [GroupSamples.source(SIMD3(0.02, 0, 0))], candidates: space)
        }
    }

    // MARK: - The common space

    @Test("Candidates alike to the bit make a shared space; else transforms, else each head's own")
    func space() throws {
        let template = try GroupSamples.grid((4, 4, 4), spacing: 0.01)
        var drawn = template
        drawn.triangles = [SIMD3(0, 1, 2)]
        #expect(try CommonSpace.choose(for: Self.members([template, drawn])) == .shared(.head))
        let moved = try SourceSpace(
            positions: template.positions.map { $0 + SIMD3(1e-17, 0, 1e-9) }, frame: .head)
        #expect(try CommonSpace.choose(for: Self.members([template, moved])) == .head(.head))
        #expect(try CommonSpace.choose(for: Self.members([template, nil])) == .head(.head))
        let transforms = ["s0": try Self.transform(), "s1": try Self.transform(shift: SIMD3(0, 10, 0))]
        let mapped = try CommonSpace.choose(for: Self.members([template, moved]), transforms: transforms)
        #expect(mapped == .transformed(transforms))
        #expect(mapped.position(SIMD3(0.01, 0.02, 0.03), of: "s1").distance(to: SIMD3(0.01, 0.03, 0.03)) < 1e-12)
        #expect(!mapped.position(.zero, of: "nobody").x.isFinite)
        #expect(throws: InputError.self) {
            try CommonSpace.choose(for: Self.members([template, moved, nil]), transforms: transforms)
        }
    }

    @Test("Frames that differ need transforms")
    func frames() throws {
        let spaces = [
            try GroupSamples.grid((2, 2, 2), spacing: 0.01),
            try GroupSamples.grid((2, 2, 2), spacing: 0.01, frame: .ctf),
        ]
        let members = Self.members(spaces)
        let error = #expect(throws: InputError.self) { try GroupResult(members) }
        #expect(error?.description.contains("s0 is in the frame 'head', s1 in 'ctf'") ?? false)
        let result = try GroupResult(members, transforms: ["s0": Self.transform(), "s1": Self.transform()])
        #expect(result.space.name == "MNI" && result.warnings.isEmpty && result.pooled.clusters.count == 1)
    }

    @Test("A transform maps m to mm, and is told where it does not")
    func transforms() throws {
        func matrix(_ change: (inout Matrix) -> Void) -> Matrix {
            var matrix = Matrix(rows: 4, columns: 4) { i, j in i == j ? (i < 3 ? 1000 : 1) : 0 }
            change(&matrix)
            return matrix
        }
        #expect(try BrainTransform(matrix { $0[0, 3] = -3 }).apply(.zero) == SIMD3(-0.003, 0, 0))
        let wrong: [Matrix] = [
            Matrix(rows: 3, columns: 4), matrix { $0[0, 0] = 1 }, matrix { $0[1, 2] = .nan }, matrix { $0[3, 1] = 1 },
            matrix { $0[0, 3] = 1e5 },
            matrix {
                $0[1, 1] = 1
                $0[0, 1] = 1000
            },
        ]
        for matrix in wrong { #expect(throws: InputError.self) { try BrainTransform(matrix) } }
    }

    @Test("A map to a template brings together what lies apart in the heads, chance included")
    func mapped() throws {
        var (members, transforms): ([GroupMember], [String: BrainTransform]) = ([], [:])
        for k in 0..<6 {
            let shift = SIMD3(0, 0.03 * Double(k), 0)
            let space = try SourceSpace(
                positions: GroupSamples.grid((6, 6, 6), spacing: 0.012).positions.map { $0 + shift }, frame: .head)
            let source = GroupSamples.source(SIMD3(0.024, 0.024, 0.024) + shift)
            members.append(GroupSamples.member("s\(k)", sources: [source], candidates: space))
            transforms["s\(k)"] = try Self.transform(shift: shift * -1000)
        }
        let apart = try GroupResult(members)
        let together = try GroupResult(members, transforms: transforms)
        #expect(apart.pooled.clusters.allSatisfy { $0.subjects.count < 6 } && apart.pooled.radius == 0.020)
        let cluster = try #require(together.pooled.clusters.first)
        #expect(cluster.subjects.count == 6 && cluster.spread < 1e-9 && together.pooled.radius == 0.015)
        #expect((cluster.chance ?? 1) < 0.01)
        // 7 of 6³ candidates lie within 15 mm along the axes; those along a diagonal, at 17 mm, do not.
        #expect(abs((cluster.expectedSubjects ?? 0) - 6 * 7 / 216) < 1e-9)
    }

    // MARK: - What is told

    @Test("What is missing or doubtful is told")
    func warnings() throws {
        let space = try GroupSamples.grid((3, 3, 3), spacing: 0.01)
        let other = try GroupSamples.grid((3, 3, 4), spacing: 0.01)
        let heads = try GroupResult(Self.members([space, other])).warnings
        #expect(heads.count == 1 && heads.first?.contains("own head coordinates") ?? false)
        let old = try GroupResult(Self.members([space, nil])).warnings
        #expect(
            old.contains {
                $0.contains("What chance would do is not known: an estimate does not say") && $0.contains("s1")
            })
        let alone = try GroupResult(Self.members([space])).warnings
        #expect(alone == ["There is one subject: nothing to compare it with."])
        let silent = GroupSamples.member("quiet", sources: [], candidates: space)
        #expect(
            try GroupResult(Self.members([space, space]) + [silent]).warnings == ["1 of 3 estimates have no source."])
    }

    @Test("Two estimates of one subject and condition, none at all, a radius without meaning: errors")
    func refused() throws {
        let space = try GroupSamples.grid((3, 3, 3), spacing: 0.01)
        let members = Self.members([space, space])
        #expect(throws: InputError.self) { try GroupResult(members + [members[0]]) }
        #expect(throws: InputError.self) { try GroupResult([]) }
        for radius in [0, -1, .nan, .infinity, 0.2] {
            var settings = GroupSettings()
            settings.radius = radius
            #expect(throws: InputError.self) { try GroupResult(members, settings: settings) }
        }
        var settings = GroupSettings()
        settings.permutations = -1
        #expect(throws: InputError.self) { try GroupResult(members, settings: settings) }
    }

    @Test("Conditions are clustered one by one and together, whatever the order of members")
    func conditions() throws {
        let space = try GroupSamples.grid((8, 8, 8), spacing: 0.012)
        var settings = GroupSettings()
        settings.permutations = 20
        let members = GroupSamples.chance(8, conditions: ["loud", "faint"], sources: 3, in: space, seed: 1)
        let result = try GroupResult(members, settings: settings)
        #expect(result.conditions.map(\.name) == ["faint", "loud"])
        #expect(result.conditions.allSatisfy { $0.clusters.memberCount == 8 } && result.pooled.memberCount == 16)
        #expect(try GroupResult(members.reversed(), settings: settings) == result)
        let single = try GroupResult(members.filter { $0.condition == "loud" }, settings: settings)
        #expect(single.conditions.count == 1 && single.conditions.first?.clusters == single.pooled)
    }

    @Test("The table has a row for each member and cluster, zeros where nothing is found")
    func table() throws {
        let space = try GroupSamples.grid((3, 3, 3), spacing: 0.01)
        func member(_ subject: String, _ condition: String, _ x: [Double]) -> GroupMember {
            GroupSamples.member(
                subject, condition, sources: x.map { GroupSamples.source(SIMD3($0, 0, 0)) }, candidates: space)
        }
        let result = try GroupResult([
            member("b", "x", [0, 0.1]), member("a", "y", [0]), member("a", "x", [0.1, 0.001]), member("c", "x", []),
        ])
        let table = result.table
        #expect(result.pooled.clusters.count == 2 && table.rows.count == 8)
        #expect(
            table.rows.map { "\($0.subject)\($0.condition)\($0.cluster)" } == [
                "ax1", "ax2", "ay1", "ay2", "bx1", "bx2", "cx1", "cx2",
            ])
        #expect(table.rows.map { $0.finding?.source } == [1, 0, 0, nil, 0, 1, nil, nil])
        #expect(table.rows.map(\.amplitude) == [2e-8, 2e-8, 2e-8, 0, 2e-8, 2e-8, 0, 0])
    }

    // MARK: - Outliers

    @Test("Values far from the median of their condition are told, with the reason")
    func outliers() {
        let ranks = [300, 301, 302, 303, 304, 120]
        let members = ranks.enumerated().map { place, rank in
            GroupSamples.member("s\(place)", sources: [], candidates: nil, rank: rank)
        }
        let found = GroupOutlier.find(members)
        #expect(found.map(\.subject) == ["s5"] && found.map(\.quantity) == [.rank])
        // Median 301.5, deviations 0.5, 0.5, 1.5, 1.5, 2.5, 181.5.
        #expect(abs((found.first?.score ?? 0) + 181.5 / (1.4826 * 1.5)) < 1e-9)
        // A condition of its own, of four: not judged.
        let few = ranks.suffix(4).enumerated().map { place, rank in
            GroupSamples.member("s\(place)", "other", sources: [], candidates: nil, rank: rank)
        }
        #expect(GroupOutlier.find(members + few) == found)
    }

    @Test("Where most are alike, a tenth of the median is far", arguments: [(0.8, 0), (0.73, 0), (0.71, 1), (0.9, 1)])
    func alike(_ fit: Double, _ count: Int) {
        let members = [0.8, 0.8, 0.8, 0.8, fit].enumerated().map { place, fit in
            GroupSamples.member("s\(place)", sources: [], candidates: nil, fit: fit)
        }
        let found = GroupOutlier.find(members)
        #expect(found.count == count && found.allSatisfy { $0.quantity == .goodnessOfFit && $0.score == nil })
    }

    @Test("What is not finite is neither told nor counted")
    func notFinite() {
        let members = [1.0, 1, 1, 1, .nan].enumerated().map { place, noise in
            GroupSamples.member("s\(place)", sources: [], candidates: nil, noise: noise)
        }
        #expect(GroupOutlier.find(members).isEmpty)
    }
}
