import Foundation
import Simulation
import Testing

@testable import SourceImaging

@Suite("Robustness of the choice")
struct RobustnessTests {
    private static func simulation(_ seed: UInt64) throws -> SimulatedRecording {
        try Simulation.run(
            SimulationSettings(
                sourceCount: 400, activeCount: 2, snr: 3, seed: seed, megSites: 24, eegElectrodes: 20,
                samplingFrequency: 400))
    }

    private func localize(
        _ simulated: SimulatedRecording, recording: Recording? = nil,
        _ change: (inout LocalizationSettings) -> Void = { _ in }
    ) throws -> Estimate {
        var settings = LocalizationSettings()
        settings.preparation.window = SimulationSettings.signalWindow
        change(&settings)
        return try Localization(settings).run(
            recording: recording ?? simulated.recording, forward: simulated.forward, covariance: simulated.covariance)
    }

    /// Every other sample.
    private func decimated(_ recording: Recording) throws -> Recording {
        let samples = Array(stride(from: 0, to: recording.sampleCount, by: 2))
        return try Recording(
            epochs: recording.epochs.map { $0.columns(samples) }, samplingFrequency: recording.samplingFrequency / 2,
            firstTime: recording.firstTime, averages: recording.averages, sensors: recording.sensors,
            projectors: recording.projectors)
    }

    /// Whether two choices are a step of the path apart at most, or the report of one says that its curve does not tell
    /// them apart.
    private func agree(_ a: Estimate, _ b: Estimate, _ what: String) throws {
        let (first, second) = (a.selection.chosen.ratio, b.selection.chosen.ratio)
        let isStep = abs(log(first / second)) <= log(1 / PathSearch().factor) + 1e-9
        let isTold = [a, b].contains { estimate in
            guard let shape = estimate.selection.shape() else { return false }
            return shape.wells > 1 || shape.isVeryFlat
        }
        print("ROBUST \(what) \(first) \(second) \(isStep) \(isTold) \(String(describing: a.selection.shape()))")
        #expect(isStep || isTold, "\(what): \(first) against \(second) of λ_max")
    }

    @Test("decimated in time, with MEG alone, with σ wrong by a fifth", arguments: [1, 2, 3, 4] as [UInt64])
    func perturbed(_ seed: UInt64) throws {
        let simulated = try Self.simulation(seed)
        let whole = try localize(simulated)
        try agree(whole, try localize(simulated, recording: try decimated(simulated.recording)), "decimated")
        try agree(whole, try localize(simulated) { $0.preparation.sensors = .meg }, "MEG alone")
        for sigma in [0.8, 1.2] {
            try agree(whole, try localize(simulated) { $0.preparation.noiseLevel = .deviation(sigma) }, "σ \(sigma)")
        }
    }

    @Test("other Monte-Carlo seeds", arguments: [1, 2, 3, 4] as [UInt64])
    func monteCarlo(_ seed: UInt64) throws {
        let simulated = try Self.simulation(seed)
        let choices = try (0..<3).map { draw in
            try localize(simulated) {
                $0.selection.criterion = .monteCarlo
                $0.selection.seed = UInt64(draw)
            }
        }
        try agree(choices[0], choices[1], "seed 1")
        try agree(choices[0], choices[2], "seed 2")
        try agree(choices[0], try localize(simulated), "exact SURE")
    }
}
