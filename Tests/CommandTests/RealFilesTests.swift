import Foci
import Foundation
import TestSupport
import Testing

@Suite(
    "A real recording in the files of several programs",
    .enabled(if: Shared.isPresent, Comment(rawValue: Shared.absence)))
struct RealFilesTests {
    /// Forward, recording and covariance of one subject, in the folder of the sample.
    typealias Files = (forward: String, recording: String, covariance: String)

    static let own: Files = ("sample.forward.h5", "left-auditory.recording.h5", "sample.covariance.h5")

    /// The same numbers as others write them.
    static let others: [Files] = [
        ("sample-fwd.fif", "left-auditory-ave.fif", "sample-cov.fif"),
        ("sample-fwd.h5", "left-auditory-ave.fif", "sample-cov.fif"),
    ]

    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func localize(_ files: Files, to output: String) throws -> Estimate {
        func path(_ name: String) -> String { Shared.path("data/sample-audvis/\(name)") }
        let arguments = [
            "localize", "--forward", path(files.forward), "--recording", path(files.recording), "--covariance",
            path(files.covariance), "--window", "0.05", "0.15", "--output", output, "--quiet",
        ]
        expectSuccess(try Program.run(arguments, in: folder.path))
        return try EstimateFile.read(folder.file("\(output)/estimate.h5"))
    }

    /// Largest deviation of a list from another, relative to the largest value.
    private func deviation(_ values: [Double], _ expected: [Double]) throws -> Double {
        try #require(values.count == expected.count)
        let scale = expected.map(abs).max() ?? 0
        return zip(values, expected).map { abs($0 - $1) }.max().map { $0 / scale } ?? 0
    }

    @Test("FIF and MNE's HDF5 give the estimate of the own layout to 1e-9, at the same λ")
    func estimates() throws {
        let own = try localize(Self.own, to: "own")
        #expect(own.sources.count > 5)
        for (k, files) in Self.others.enumerated() {
            let other = try localize(files, to: "other\(k)")
            #expect(other.sources.map(\.index) == own.sources.map(\.index))
            #expect(other.sources.map(\.vertex) == own.sources.map(\.vertex))
            #expect(other.sources.map(\.hemisphere) == own.sources.map(\.hemisphere))
            for (one, expected) in zip(other.sources, own.sources) {
                #expect((one.amplitudes - expected.amplitudes).squaredNorm <= 1e-18 * expected.amplitudes.squaredNorm)
                #expect(abs((one.position - expected.position).max()) <= 1e-12)
            }
            // Times come from a rate that FIF rounds to single precision.
            #expect(try deviation(other.times, own.times) <= 1e-6)

            let (curve, expected) = (other.selection, own.selection)
            #expect(curve.chosenIndex == expected.chosenIndex && curve.atGridEdge == expected.atGridEdge)
            #expect(abs(curve.chosen.lambda / expected.chosen.lambda - 1) <= 1e-12)
            #expect(curve.points.map(\.activeCount) == expected.points.map(\.activeCount))
            for value in [\SelectionPoint.lambda, \.ratio, \.criterion, \.degreesOfFreedom, \.squaredResidual] {
                #expect(
                    try deviation(curve.points.map { $0[keyPath: value] }, expected.points.map { $0[keyPath: value] })
                        <= 1e-9)
            }
        }
    }
}
