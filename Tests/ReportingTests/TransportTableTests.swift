import SourceImaging
import Testing

@testable import Reporting

@Suite("Tables of subjects compared by transport")
struct TransportTableTests {
    private static func member(_ subject: String, _ positions: [SIMD3<Double>], _ space: SourceSpace?) -> GroupMember {
        let sources = positions.map {
            EstimatedSource(
                index: 0, position: $0, hemisphere: nil, vertex: nil,
                amplitudes: Matrix(rows: 1, columns: 1, repeating: 1e-8),
                axes: nil, field: 1, share: 1)
        }
        let point = SelectionPoint(
            lambda: 1, ratio: 0.2, criterion: 1, degreesOfFreedom: 1, squaredResidual: 1, activeCount: 1,
            relativeGap: 0, seconds: 0)
        var estimate = Estimate(
            sources: sources, times: [0], frame: .head,
            selection: SelectionCurve(criterion: "SURE", points: [point], chosenIndex: 0, atGridEdge: false),
            preparation: PreparationReport(
                channels: [:], rank: 9, baselineDeviation: nil, noiseDeviation: 1, noiseSource: "", averages: nil),
            certificate: EstimateCertificate(relativeGap: 0, tolerance: 0, epochs: 0, fullPasses: 0))
        estimate.candidates = space
        return GroupMember(estimate, subject: subject)
    }

    private static func cells(_ table: String) -> [[String]] {
        table.split(separator: "\n").map {
            $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        }
    }

    @Test("rows are as wide as the header, the largest mass comes first, distances are in mm")
    func tables() throws {
        let space = try SourceSpace(positions: (0..<9).map { SIMD3(Double($0) * 0.005, 0, 0) }, frame: .head)
        let members = [
            Self.member("a", [SIMD3(0.010, 0, 0)], space), Self.member("b", [SIMD3(0.020, 0, 0)], space),
            Self.member("c\td", [], space),
        ]
        let transport = try GroupTransport(members, in: try CommonSpace.choose(for: members))
        let map = Self.cells(TransportTables.map(transport))
        #expect(map[0] == TransportTables.mapColumns && map.allSatisfy { $0.count == map[0].count })
        #expect(map[1].prefix(4) == ["15.000", "0.000", "0.000", "3"] && map[1][5] == "1")
        let distances = Self.cells(TransportTables.distances(transport))
        #expect(distances == [TransportTables.distanceColumns, ["a", "b", "10", "30"]])
        let subjects = Self.cells(TransportTables.subjects(transport))
        #expect(subjects.map(\.count) == [4, 4, 4, 4])
        #expect(subjects[1].prefix(3) == ["a", "1", "10"] && subjects[3].suffix(3) == ["0", "n/a", "n/a"])
    }
}
