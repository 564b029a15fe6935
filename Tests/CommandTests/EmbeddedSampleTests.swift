import Foci
import Foundation
import Testing

@Suite("The sample that comes with the program")
struct EmbeddedSampleTests {
    /// `data/` beside `Tests/`.
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("data").path

    @Test("is what `foci simulate --embedded` makes from its seed")
    func madeAnew() throws {
        let simulated = try Simulation.run(.embeddedSample)
        func difference(_ a: Matrix, _ b: Matrix) -> Double {
            (a - b).squaredNorm.squareRoot() / b.squaredNorm.squareRoot()
        }
        // Not to the bit: a library of another machine may round otherwise; the gain is stored in single precision.
        let forward = try ForwardFile.read("\(Self.folder)/forward.h5")
        #expect(difference(forward.gain, simulated.forward.gain) < 1e-6)
        #expect(forward.sensors.names == simulated.forward.sensors.names)
        let recording = try RecordingFile.read("\(Self.folder)/recording.h5")
        #expect(difference(recording.average, simulated.recording.average) < 1e-9)
        #expect(recording.averages == simulated.recording.averages && recording.averages ?? 0 > 1)
        let covariance = try CovarianceFile.read("\(Self.folder)/covariance.h5")
        #expect(difference(covariance.matrix, simulated.covariance.matrix) < 1e-9)
        let truth = try TruthFile.read("\(Self.folder)/truth.h5")
        #expect(truth.sources.map(\.index) == simulated.truth.sources.map(\.index))
    }

    @Test("its sources are found, and no other")
    func localized() throws {
        let files = LocalizationFiles(
            forward: "\(Self.folder)/forward.h5", recording: "\(Self.folder)/recording.h5",
            covariance: "\(Self.folder)/covariance.h5")
        let data = try files.read()
        var settings = LocalizationSettings()
        settings.preparation.window = 0.05...0.15
        let estimate = try Localization(settings).run(
            recording: data.recording, forward: data.forward, covariance: data.covariance)
        let comparison = try Comparison(estimate, truth: TruthFile.read("\(Self.folder)/truth.h5"))
        #expect(comparison.missedCount == 0 && comparison.falseCount == 0)
        // Points, 9 mm apart: no patch of 5 mm has a neighbour.
        #expect(estimate.sources.allSatisfy { $0.extent == 0 })
        #expect(try #require(comparison.meanError) < 5)
        #expect(try #require(comparison.meanCorrelation) > 0.9)
    }
}
