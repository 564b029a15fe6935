import Formats
import SourceImaging
import TestSupport
import Testing

@Suite(
    "A real recording: left-ear tones, average of three epochs",
    .enabled(if: Shared.isPresent, "the shared data are not there (set FOCI_SHARED)"))
struct RealRecordingTests {
    /// Where a dipole fitted to the whole session by other software lies at 80 ms, head frame, m.
    static let right = SIMD3(0.0516, 0.0157, 0.0703)
    /// The left auditory cortex, head frame, m.
    static let left = SIMD3(-0.060, 0.005, 0.068)

    private func localize(
        averages: Double? = nil, _ change: (inout LocalizationSettings) -> Void
    ) throws -> Estimate {
        let folder = "data/sample-audvis"
        let forward = try ForwardFile.read(Shared.path("\(folder)/sample.forward.h5"))
        let read = try RecordingFile.read(Shared.path("\(folder)/left-auditory.recording.h5"))
        let covariance = try CovarianceFile.read(Shared.path("\(folder)/sample.covariance.h5"))
        let recording = try Recording(
            epochs: read.epochs, samplingFrequency: read.samplingFrequency, firstTime: read.firstTime,
            averages: averages ?? read.averages, condition: read.condition, isProjected: read.isProjected,
            sensors: read.sensors, projectors: read.projectors)
        var settings = LocalizationSettings()
        settings.preparation.window = 0.05...0.15
        change(&settings)
        return try Localization(settings).run(recording: recording, forward: forward, covariance: covariance)
    }

    /// Distance of the nearest of the strongest sources, mm.
    private func nearest(_ estimate: Estimate, among count: Int, to place: SIMD3<Double>) -> Double {
        estimate.sources.prefix(count).map { source in
            let d = source.position - place
            return 1000 * (d * d).sum().squareRoot()
        }.min() ?? .infinity
    }

    @Test(
        "MEG and EEG, loose, by default: the auditory cortices are the two strongest, each worth nearly two charges")
    func refined() throws {
        let estimate = try localize { $0.preparation.orientation = .loose(0.2) }
        #expect(nearest(estimate, among: 2, to: Self.left) < 25)
        #expect(nearest(estimate, among: 2, to: Self.right) < 25)
        let strongest = try #require(estimate.sources.first)
        #expect(strongest.hemisphere == .left && nearest(estimate, among: 1, to: Self.left) < 25)
        for (side, place) in [(Hemisphere.left, Self.left), (.right, Self.right)] {
            let near = estimate.sources.prefix(2).filter { source in
                let d = source.position - place
                return (d * d).sum().squareRoot() < 0.025
            }
            // A charge is what noise exceeds in one window of twenty: 1.1 times the largest of three stretches.
            #expect(near.contains { $0.hemisphere == side && $0.timesNoise ?? 0 > 1.8 })
        }
        let refinement = try #require(estimate.refinement)
        #expect(refinement.isSettled && refinement.charge.length == estimate.times.count)
        #expect(refinement.charge.stretches == 3)
        #expect(estimate.sources.allSatisfy { $0.timesNoise ?? 0 > 1 })
        // As few as people can look at, where the convex solution holds two hundred.
        #expect(estimate.sources.count < 15 && estimate.selection.chosen.activeCount > 100)
        #expect(estimate.warnings.isEmpty)
    }

    @Test("MEG and EEG, loose, reweighted: both are among the four strongest, λ is chosen inside the grid")
    func allSensors() throws {
        let estimate = try localize {
            $0.preparation.orientation = .loose(0.2)
            $0.selection.weights = .reweighted
        }
        #expect(!estimate.selection.atGridEdge)
        #expect(estimate.selection.chosen.ratio > 0.10 && estimate.selection.chosen.ratio < 0.18)
        #expect(nearest(estimate, among: 4, to: Self.right) < 25)
        #expect(nearest(estimate, among: 4, to: Self.left) < 25)
        #expect(estimate.preparation.rank == 362)
        let deviation = try #require(estimate.preparation.baselineDeviation)
        #expect(abs(deviation - 1) < 0.1)
        #expect(estimate.certificate.relativeGap <= 1e-6)
        #expect(estimate.warnings.isEmpty)
    }

    @Test("MEG alone, fixed: both are among the ten strongest", arguments: [SourceWeights.reweighted, .refined])
    func magnetic(_ weights: SourceWeights) throws {
        let estimate = try localize {
            $0.selection.weights = weights
            $0.preparation.orientation = .fixed
            $0.preparation.sensors = .meg
        }
        #expect(!estimate.selection.atGridEdge)
        #expect(nearest(estimate, among: 10, to: Self.right) < 25)
        #expect(nearest(estimate, among: 10, to: Self.left) < 25)
    }

    @Test("ignoring the average takes the noise for larger than it is: λ climbs, and the baseline is warned of")
    func ignoredAverage() throws {
        let estimate = try localize(averages: 1) {
            $0.preparation.orientation = .loose(0.2)
            $0.selection.criterion = .sure
        }
        // Three times as high as it should be.
        #expect(estimate.selection.chosen.ratio > 0.35)
        #expect(estimate.warnings.contains { $0.contains("baseline") })
    }

    @Test(
        "through a template head, averages of 30 electrodes have few sources, none of more power than the data",
        arguments: ["015_task-P3_nontarget", "016_task-P3_target"])
    func template(_ name: String) throws {
        let folder = "data/erp-core-p3"
        let forward = try FileFormats.open(Shared.path("\(folder)/template-fwd.fif")).forward(ReadingOptions())
        let recording = try RecordingFile.read(Shared.path("\(folder)/sub-\(name).recording.h5"))
        var settings = LocalizationSettings()
        settings.preparation.window = 0.3...0.6
        let estimate = try Localization(settings).run(recording: recording, forward: forward, covariance: nil)
        #expect(estimate.sources.count > 1 && estimate.sources.allSatisfy { $0.share <= 1 })
        #expect(estimate.goodnessOfFit > 0.7 && !estimate.selection.atGridEdge)
    }
}
