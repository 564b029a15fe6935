import LinearAlgebra
import Testing

@testable import SourceImaging

@Suite("Gains that the caller lends")
struct LentGainTests {
    /// Runs `body` with a forward whose gain is lent in one order of its elements or the other.
    private func withLent(
        _ forward: Forward, rows: Bool, _ body: (Forward) throws -> Void
    ) throws {
        let gain = rows ? forward.gain.transposed : forward.gain
        try gain.elements.withUnsafeBufferPointer { p in
            let first = try #require(p.baseAddress)
            try body(
                Forward(
                    lent: LentMatrix(
                        first, rows: forward.gain.rows, columns: forward.gain.columns, isRowMajor: rows),
                    orientations: forward.orientations, sensors: forward.sensors, sources: forward.sources))
        }
    }

    @Test("a localization finds the same as with a copy", arguments: [false, true])
    func sameEstimate(_ rows: Bool) throws {
        let world = try SmallWorld()
        for (orientation, weights) in [(Orientation.free, SourceWeights.refined), (.fixed, .shared)] {
            for covariance in [world.covariance, nil] {
                var settings = LocalizationSettings()
                settings.preparation.orientation = orientation
                settings.selection.weights = weights
                func run(_ forward: Forward) throws -> Estimate {
                    try Localization(settings).run(
                        recording: world.recording, forward: forward, covariance: covariance)
                }
                let own = try run(world.forward)
                try withLent(world.forward, rows: rows) { forward in
                    #expect(forward.gain == world.forward.gain)
                    let lent = try run(forward)
                    #expect(lent.sources.map(\.index) == own.sources.map(\.index) && !own.sources.isEmpty)
                    for (a, b) in zip(lent.sources, own.sources) {
                        #expect((a.amplitudes - b.amplitudes).squaredNorm <= 1e-24 * b.amplitudes.squaredNorm)
                    }
                    #expect(lent.warnings == own.warnings && lent.preparation.checks == own.preparation.checks)
                }
            }
        }
    }

    @Test("a gain lent in single precision is that of its numbers in double precision", arguments: [false, true])
    func singlePrecision(_ rows: Bool) throws {
        let world = try SmallWorld()
        let gain = world.forward.gain
        let rounded = (rows ? gain.transposed : gain).elements.map(Float.init)
        let doubles = Matrix(rows: gain.rows, columns: gain.columns, elements: gain.elements.map { Double(Float($0)) })
        func prepare(_ forward: Forward) throws -> PreparedProblem {
            try PreparedProblem(
                recording: world.recording, forward: forward, covariance: world.covariance,
                settings: PreparationSettings())
        }
        try rounded.withUnsafeBufferPointer { p in
            let lent = try Forward(
                lent: LentMatrix(
                    try #require(p.baseAddress), rows: gain.rows, columns: gain.columns, isRowMajor: rows),
                orientations: 3, sensors: world.sensors, sources: world.forward.sources)
            let own = try Forward(
                gain: doubles, orientations: 3, sensors: world.sensors, sources: world.forward.sources)
            let (a, b) = (try prepare(lent), try prepare(own))
            #expect(a.problem.design == b.problem.design && a.report == b.report && lent.gain == own.gain)
        }
    }

    @Test(
        "NaN in a lent gain is told of its channel, and the caller's numbers stay as they are",
        arguments: [false, true])
    func defects(_ rows: Bool) throws {
        let world = try SmallWorld()
        var gain = world.forward.gain
        gain[2, 5] = .nan
        let spoiled = try Forward(
            gain: gain, orientations: 3, sensors: world.sensors, sources: world.forward.sources)
        let numbers = rows ? gain.transposed.elements : gain.elements
        try numbers.withUnsafeBufferPointer { p in
            let lent = try Forward(
                lent: LentMatrix(
                    try #require(p.baseAddress), rows: gain.rows, columns: gain.columns, isRowMajor: rows),
                orientations: 3, sensors: world.sensors, sources: world.forward.sources)
            #expect(lent.defects == spoiled.defects && lent.gain == spoiled.gain && lent.gain[2, 5] == 0)
        }
        #expect(numbers.count { $0.isNaN } == 1)
    }
}
