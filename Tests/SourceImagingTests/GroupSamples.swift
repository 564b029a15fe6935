import Foundation

@testable import SourceImaging

/// Members of groups, made of positions.
enum GroupSamples {
    static let times = (0..<50).map { 0.05 + Double($0) / 500 }

    /// Candidates on a grid of a box, m.
    static func grid(_ counts: (Int, Int, Int), spacing: Double, frame: CoordinateFrame = .head) throws -> SourceSpace {
        var positions: [SIMD3<Double>] = []
        for x in 0..<counts.0 {
            for y in 0..<counts.1 {
                for z in 0..<counts.2 { positions.append(SIMD3(Double(x), Double(y), Double(z)) * spacing) }
            }
        }
        return try SourceSpace(positions: positions, frame: frame)
    }

    /// A source whose peak, A·m, is at a sample of ``times``.
    static func source(
        _ position: SIMD3<Double>, amplitude: Double = 2e-8, peak: Int = 20, share: Double = 0.1,
        hemisphere: Hemisphere? = nil
    ) -> EstimatedSource {
        EstimatedSource(
            index: 0, position: position, hemisphere: hemisphere, vertex: nil,
            amplitudes: Matrix(rows: 1, columns: times.count) { _, t in t == peak ? -amplitude : amplitude / 10 },
            axes: nil, field: 1, share: share, extent: 0.005)
    }

    static func member(
        _ subject: String, _ condition: String = "", sources: [EstimatedSource], candidates: SourceSpace?,
        frame: CoordinateFrame = .head, rank: Int = 300, noise: Double = 1, fit: Double = 0.8
    ) -> GroupMember {
        let point = SelectionPoint(
            lambda: 1, ratio: 0.2, criterion: 1, degreesOfFreedom: 1, squaredResidual: 1, activeCount: 1,
            relativeGap: 0,
            seconds: 0)
        var estimate = Estimate(
            sources: sources, times: times, frame: candidates?.frame ?? frame,
            selection: SelectionCurve(criterion: "SURE", points: [point], chosenIndex: 0, atGridEdge: false),
            preparation: PreparationReport(
                channels: [:], rank: rank, baselineDeviation: nil, noiseDeviation: noise, noiseSource: "", averages: nil
            ),
            certificate: EstimateCertificate(relativeGap: 0, tolerance: 0, epochs: 0, fullPasses: 0))
        estimate.candidates = candidates
        estimate.goodnessOfFit = fit
        return GroupMember(estimate, subject: subject, condition: condition)
    }

    /// Subjects whose sources lie anywhere.
    static func chance(
        _ subjects: Int, conditions: [String] = [""], sources: Int, in space: SourceSpace, seed: UInt64
    ) -> [GroupMember] {
        var generator = SeededGenerator(seed: seed)
        return (0..<subjects).flatMap { subject in
            conditions.map { condition in
                let found = (0..<sources).map { _ in
                    source(space.positions[Int(generator.uniform() * Double(space.count))])
                }
                return member(String(format: "s%03d", subject), condition, sources: found, candidates: space)
            }
        }
    }
}
