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
        // The sources that hang on λ; refined ones do not.
        settings.selection.weights = .reweighted
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

    /// How many steps of the path lie between two choices.
    private func steps(_ a: Double, _ b: Double) -> Double { abs(log(a / b)) / log(1 / PathSearch().factor) }

    /// Whether the choices of two estimates are a step of the path apart at most, or the report of one says that its curve
    /// does not tell them apart.
    private func agree(_ a: Estimate, _ b: Estimate) -> Bool {
        let isTold = [a, b].contains { estimate in
            estimate.warnings.contains { $0.contains("separate minima") || $0.contains("is flat") }
        }
        return isTold || steps(a.selection.chosen.ratio, b.selection.chosen.ratio) <= 1 + 1e-9
    }

    private static let seeds: [UInt64] = [1, 2, 3, 4]

    @Test("half of the samples give the same λ to a step", arguments: seeds)
    func decimation(_ seed: UInt64) throws {
        let simulated = try Self.simulation(seed)
        let half = try localize(simulated, recording: try decimated(simulated.recording))
        #expect(agree(try localize(simulated), half), "\(half.selection.chosen.ratio)")
    }

    @Test("other directions of Monte-Carlo SURE, and the exact one, give the same λ to a step", arguments: seeds)
    func monteCarlo(_ seed: UInt64) throws {
        let simulated = try Self.simulation(seed)
        let exact = try localize(simulated)
        for draw in 0..<3 {
            let choice = try localize(simulated) {
                $0.selection.criterion = .monteCarlo
                $0.selection.seed = UInt64(draw)
            }
            #expect(agree(exact, choice), "\(choice.selection.chosen.ratio), seed \(draw)")
        }
    }

    @Test("without electrodes λ is the same to a step in three of four recordings, and to two in all")
    func withoutElectrodes() throws {
        // Other sensors are other data: the same answer is not owed, only one near it.
        var count = 0
        for seed in Self.seeds {
            let simulated = try Self.simulation(seed)
            let (all, meg) = (try localize(simulated), try localize(simulated) { $0.preparation.sensors = .meg })
            #expect(steps(all.selection.chosen.ratio, meg.selection.chosen.ratio) <= 2)
            if agree(all, meg) { count += 1 }
        }
        #expect(count >= 3)
    }

    @Test("a σ wrong by a fifth moves λ, and the report of the right one says how far", arguments: seeds)
    func noiseLevel(_ seed: UInt64) throws {
        let simulated = try Self.simulation(seed)
        let right = try localize(simulated)
        let told = try #require(right.noiseSensitivity)
        func ratio(_ sigma: Double) throws -> Double {
            try localize(simulated) { $0.preparation.noiseLevel = .deviation(sigma) }.selection.chosen.ratio
        }
        let (smaller, larger) = (try ratio(0.8), try ratio(1.2))
        #expect(steps(told.ratioIfLarger, larger) <= 1 + 1e-9, "\(told.ratioIfLarger) told, \(larger) chosen")
        #expect(
            told.isSmallerOpen
                ? smaller <= told.ratioIfSmaller * 1.01 : steps(told.ratioIfSmaller, smaller) <= 1 + 1e-9,
            "\(told.ratioIfSmaller) told, \(smaller) chosen")
        #expect(smaller < right.selection.chosen.ratio && larger > right.selection.chosen.ratio)
    }
}
