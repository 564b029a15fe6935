import Foundation

@testable import SourceImaging

/// A seeded group: sources of some subjects near three common places, the rest anywhere.
struct SampleGroup: Sendable {
    var subjects = 12
    var conditions = ["standard", "deviant"]
    /// Sources anywhere, in each subject and condition.
    var others = 2
    /// How often a subject has a source at each common place.
    var frequencies = [0.9, 0.6, 0.35]
    var candidateCount = 2034
    var hasCandidates = true
    /// Whether each subject has a head of its own.
    var hasOwnHeads = false
    var names: @Sendable (Int) -> String = { String(format: "sub-%02d", $0 + 1) }
    var permutations = 200

    private static let places = [SIMD3(-0.052, 0.0, 0.062), SIMD3(0.05, 0.002, 0.06), SIMD3(0.02, -0.07, 0.05)]

    func members() throws -> [GroupMember] {
        var sample = SampleEstimate(sourceCount: others, channels: [(.mag, 4)], candidateCount: candidateCount)
        let positions = sample.candidates
        var generator = SeededGenerator(seed: 17)
        return try (0..<subjects).flatMap { subject in
            try conditions.enumerated().map { place, condition in
                sample.seed = UInt64(1 + subject * conditions.count + place)
                var estimate = try sample()
                let shift = hasOwnHeads ? SIMD3(0, 0.001 * Double(subject), 0) : .zero
                estimate.sources += try common(positions, scale: 1 + 0.4 * Double(place), &generator)
                if hasCandidates {
                    estimate.candidates = try SourceSpace(positions: positions.map { $0 + shift }, frame: .head)
                }
                if subject == 3 { estimate.warnings = ["something"] }
                estimate.goodnessOfFit = subject == 5 ? 0.11 : 0.7 + 0.02 * generator.uniform()
                return GroupMember(estimate, subject: names(subject), condition: condition)
            }
        }
    }

    /// Sources near common places.
    private func common(
        _ positions: [SIMD3<Double>], scale: Double, _ generator: inout SeededGenerator
    ) throws -> [EstimatedSource] {
        let times = SampleEstimate().times
        return zip(Self.places, frequencies).compactMap { place, frequency in
            let offset = SIMD3(generator.normal(), generator.normal(), generator.normal()) * 0.004
            let peak = (25 + 6 * generator.normal()) * 1e-9 * scale
            let latency = 0.09 + 0.006 * generator.normal()
            guard generator.uniform() < frequency,
                let index = positions.indices.min(by: {
                    positions[$0].distance(to: place + offset) < positions[$1].distance(to: place + offset)
                })
            else { return nil }
            return EstimatedSource(
                index: index, position: positions[index], hemisphere: place.x < 0 ? .left : .right, vertex: index,
                amplitudes: Matrix(rows: 1, columns: times.count) { _, t in
                    peak * exp(-pow((times[t] - latency) / 0.012, 2) / 2)
                }, axes: nil, field: 10, share: 0.2, extent: 0.006)
        }
    }

    func callAsFunction() throws -> GroupResult {
        var settings = GroupSettings()
        settings.permutations = permutations
        return try GroupResult(try members(), settings: settings)
    }
}
