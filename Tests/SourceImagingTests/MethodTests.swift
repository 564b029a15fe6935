import Foundation
import TestSupport
import Testing

@testable import SourceImaging

@Suite("Methods beside the mixed norm")
struct MethodTests {
    private func localize(
        _ world: SmallWorld, _ method: MethodKind, _ recording: Recording? = nil,
        _ change: (inout LocalizationSettings) -> Void = { _ in }
    ) throws -> Estimate {
        var settings = LocalizationSettings()
        settings.relativeGap = 1e-8
        settings.selection.method = method
        change(&settings)
        return try Localization(settings).run(
            recording: recording ?? world.recording, forward: world.forward, covariance: world.covariance)
    }

    // MARK: - Time and frequency

    @Test(
        "Few sources in time and frequency: amplitudes are what their coefficients make",
        arguments: [SourceWeights.shared, .reweighted, .refined], [true, false])
    func timeFrequency(_ weights: SourceWeights, debiased: Bool) throws {
        let estimate = try localize(try SmallWorld(), .timeFrequency) {
            $0.selection.weights = weights
            $0.isDebiased = debiased
        }
        #expect(Set(estimate.sources.prefix(2).map(\.index)) == [3, 20])
        #expect(estimate.certificate.relativeGap <= 1e-8)
        let record = try #require(estimate.timeFrequency)
        for source in estimate.sources {
            let coefficients = try #require(source.coefficients)
            let made = record.frame.synthesis(coefficients).transposed
            #expect((made - source.amplitudes).squaredNorm < 1e-18 * source.amplitudes.squaredNorm)
        }
        let curve = estimate.selection
        #expect(curve.notes?.count == curve.points.count && curve.points.count > 1)
        #expect(estimate.settings.contains(Setting("method", "tf")))
    }

    @Test("With ρ = 0 it is the mixed norm", arguments: ["fixed", "free", "loose:0.2"])
    func mixedNorm(_ orientation: String) throws {
        let world = try SmallWorld()
        func estimate(_ method: MethodKind) throws -> Estimate {
            try localize(world, method) {
                $0.preparation.orientation = try? Orientation(name: orientation)
                $0.lambda = .ratio(0.4)
                $0.selection.weights = .shared
                $0.relativeGap = 1e-11
                if method == .timeFrequency { $0.selection.rho = 0 }
            }
        }
        let (one, other) = (try estimate(.mixedNorm), try estimate(.timeFrequency))
        #expect(one.sources.map(\.index) == other.sources.map(\.index) && !one.sources.isEmpty)
        #expect(abs(one.selection.chosen.lambda / other.selection.chosen.lambda - 1) < 1e-10)
        for (a, b) in zip(one.sources, other.sources) {
            #expect((a.amplitudes - b.amplitudes).squaredNorm < 1e-8 * a.amplitudes.squaredNorm)
        }
    }

    @Test("Windows are lengths in time, rounded to multiples of four samples; the usual ones are those that fit")
    func windows() throws {
        func lengths(_ sets: [[Double]]?, _ frequency: Double, _ samples: Int) throws -> [[Int]] {
            try TimeFrequencyMethod.windows(sets, frequency, samples: samples).map { $0.map(\.length) }
        }
        #expect(try SelectionSettings.windows(named: "auto") == nil)
        #expect(try SelectionSettings.windows(named: "80ms,0.04s+160ms") == [[0.08], [0.04, 0.16]])
        #expect(try lengths([[0.08], [0.04, 0.16]], 500, 100) == [[40], [20, 80]])
        #expect(try lengths([[0.001]], 500, 100) == [[4]])
        #expect(try lengths(nil, 500, 100) == [[40], [20, 80]])
        #expect(try lengths(nil, 500, 50) == [[40], [20]])
        // At 50 Hz 40 and 80 ms are both of four samples.
        #expect(try lengths(nil, 50, 100) == [[4], [4, 8]])
        for samples in 1...5 { #expect(try lengths(nil, 500, samples) == [[4]]) }
        #expect(throws: InputError.self) { try lengths([[0.2]], 500, 50) }
        #expect(throws: InputError.self) { try lengths([[5]], 1000, 100_000) }
        #expect(try lengths(nil, 1e30, 100) == [[100]])
        for text in ["", "80", "80ms,", "-3ms", "nanms", "80ms+x", "infs"] {
            #expect(throws: InputError.self, "\(text)") { try SelectionSettings.windows(named: text) }
        }
    }

    @Test("A recording of one sample, and one without a signal, have an answer")
    func small() throws {
        let world = try SmallWorld()
        let one = try localize(world, .timeFrequency) {
            $0.preparation.window = 0.05...0.05
            $0.selection.weights = .shared
        }
        #expect(one.times.count == 1 && one.timeFrequency != nil)
        let silent = try SmallWorld(active: [])
        #expect(try localize(silent, .timeFrequency).sources.isEmpty)
    }

    @Test("Stability repeats the method", arguments: StabilityMethod.allCases.filter { $0 != .epochs })
    func stability(_ method: StabilityMethod) throws {
        let estimate = try localize(try SmallWorld(), .timeFrequency) {
            $0.relativeGap = 1e-4
            $0.stability.repeats = 2
            $0.stability.method = method
        }
        for source in estimate.sources.prefix(2) { #expect(source.stability?.found == 1) }
    }

    // MARK: - Noise

    @Test("The noise whose quantile is λ is as slow as that before time 0; in a band it is white")
    func slowNoise() throws {
        func record(
            _ slowness: Double, _ method: MethodKind, _ weights: SourceWeights = .shared, isEstimated: Bool = false
        ) throws -> QuantileRecord {
            let world = try SmallWorld(slowness: slowness)
            var settings = LocalizationSettings()
            settings.selection.method = method
            settings.selection.criterion = .noiseQuantile
            settings.selection.weights = weights
            let estimate = try Localization(settings).run(
                recording: world.recording, forward: world.forward, covariance: isEstimated ? nil : world.covariance)
            return try #require(estimate.selection.quantile)
        }
        for method in [MethodKind.mixedNorm, .timeFrequency] {
            let (white, slow) = (try record(0, method), try record(0.9, method))
            #expect(abs(white.correlation) < 0.15 && slow.correlation > 0.6, "\(white.correlation) \(slow.correlation)")
            // Fewer independent samples: what noise explains varies more, and its largest is larger.
            #expect(slow.quantile > 1.05 * white.quantile, "\(slow.quantile) \(white.quantile)")
        }
        #expect(try record(0.9, .mixedNorm, .refined, isEstimated: true).correlation == 0)
    }

    // MARK: - Noise along with sources

    @Test("The noise that epochs show is found along with the sources, whatever the level that was given")
    func concomitant() throws {
        let world = try SmallWorld(averages: 30)
        let epochs = try world.recording.singleEpochs(noise: world.covariance.matrix, seed: 4)
        let estimate = try localize(world, .concomitant, epochs)
        #expect(Set(estimate.sources.map(\.index)) == [3, 20])
        #expect(estimate.certificate.relativeGap <= 1e-8)
        // What it was is known afterwards, to the error of 900 samples.
        let (found, truth) = (try #require(estimate.sensorData?.noise), world.covariance.matrix)
        let projected = estimate.sensorData.map { data in
            let electrodes = data.sensors.kinds.indices.filter { data.sensors.kinds[$0] == .eeg }
            return Projection(
                [data.sensors.kinds.indices.map { electrodes.contains($0) ? 1 : 0 }], sensorCount: data.sensors.count
            ).applyBothSides(truth)
        }
        let expected = try #require(projected)
        for i in 0..<truth.rows {
            #expect(abs(found[i, i] / expected[i, i] - 1) < 0.3, "\(i): \(found[i, i]) \(expected[i, i])")
        }
        // Noise that is not what the covariance says changes nothing: S makes up for it.
        let wrong = try NoiseCovariance(
            matrix: world.covariance.matrix * 9, samples: 5000, sensors: world.sensors)
        var settings = LocalizationSettings()
        settings.selection.method = .concomitant
        settings.relativeGap = 1e-8
        let other = try Localization(settings).run(recording: epochs, forward: world.forward, covariance: wrong)
        #expect(other.sources.map(\.index) == estimate.sources.map(\.index))
        for (a, b) in zip(estimate.sources, other.sources) {
            #expect((a.amplitudes - b.amplitudes).squaredNorm < 1e-4 * a.amplitudes.squaredNorm)
        }
    }

    @Test("Too few epochs are refused with how many samples are needed, and a way out", arguments: [1, 2])
    func few(count: Int) throws {
        let world = try SmallWorld(averages: Double(count))
        let epochs = try world.recording.singleEpochs(noise: world.covariance.matrix, seed: 4)
        let error = #expect(throws: InputError.self) { try localize(world, .concomitant, epochs) }
        let text = error?.description ?? ""
        // Rank 29 of 30 channels, five samples each.
        #expect(text.contains("145 samples") && text.contains("noise-quantile"), "\(text)")
    }

    // MARK: - Settings

    @Test(
        "What does not go together is refused",
        arguments: [
            (MethodKind.timeFrequency, SettingName.weights), (.timeFrequency, .penalty), (.timeFrequency, .criterion),
            (.timeFrequency, .search), (.timeFrequency, .windows), (.timeFrequency, .rho), (.mixedNorm, .windows),
            (.mixedNorm, .rho), (.concomitant, .criterion), (.evidence, .weights),
        ])
    func contradictions(_ method: MethodKind, _ setting: SettingName) throws {
        var settings = LocalizationSettings()
        settings.selection.method = method
        switch setting {
        case .weights: settings.selection.weights = .learned
        case .penalty: settings.selection.penalty = .named("mcp") ?? settings.selection.penalty
        case .criterion: settings.selection.criterion = .bic
        case .search: settings.selection.search = .named("grid")
        case .windows: settings.selection.windows = [method == .mixedNorm ? [0.08] : [-1]]
        default: settings.selection.rho = method == .mixedNorm ? 0.5 : 1.5
        }
        let error = #expect(throws: InputError.self) { try Localization(settings) }
        #expect(error?.place == .setting(setting))
    }
}
