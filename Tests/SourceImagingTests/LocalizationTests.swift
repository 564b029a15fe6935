import Foundation
import Simulation
import SourceImaging
import TestSupport
import Testing

@Suite("Localization, from values to values")
struct LocalizationTests {
    private func localize(
        _ world: SmallWorld, _ change: (inout LocalizationSettings) -> Void = { _ in }
    ) throws -> Estimate {
        var settings = LocalizationSettings()
        settings.relativeGap = 1e-10
        change(&settings)
        return try Localization(settings).run(
            recording: world.recording, forward: world.forward, covariance: world.covariance)
    }

    @Test("finds the sources it should, for every orientation", arguments: ["fixed", "free", "loose:0.2"])
    func sources(_ orientation: String) throws {
        let world = try SmallWorld()
        let estimate = try localize(world) { $0.preparation.orientation = try? Orientation(name: orientation) }
        #expect(Set(estimate.sources.prefix(2).map(\.index)) == [3, 20])
        #expect(estimate.certificate.relativeGap <= 1e-10)
        #expect(!estimate.selection.atGridEdge)
        #expect(estimate.goodnessOfFit > 0.5 && estimate.goodnessOfFit < 1)
        // Amplitudes in A·m, to a fifth: 40 nA·m sines with noise.
        for source in estimate.sources.prefix(2) { #expect(abs(source.peakAmplitude - 4e-8) < 0.8e-8) }
        let fields = estimate.sources.map(\.field)
        #expect(fields == fields.sorted(by: >))
    }

    @Test("the explained field is the gain times the amplitudes, in SI units")
    func explained() throws {
        let world = try SmallWorld()
        let estimate = try localize(world)
        var moments = Matrix(rows: world.forward.gain.columns, columns: estimate.times.count)
        for source in estimate.sources {
            for (k, axis) in try #require(source.axes).enumerated() {
                for d in 0..<3 {
                    for t in estimate.times.indices {
                        moments[3 * source.index + d, t] += axis[d] * source.amplitudes[k, t]
                    }
                }
            }
        }
        let field = world.forward.gain * moments
        let data = try #require(estimate.sensorData)
        let electrodes = data.sensors.kinds.indices.filter { data.sensors.kinds[$0] == .eeg }
        for t in estimate.times.indices {
            let mean = electrodes.reduce(0) { $0 + field[$1, t] } / Double(electrodes.count)
            for i in 0..<data.sensors.count {
                let expected = field[i, t] - (data.sensors.kinds[i] == .eeg ? mean : 0)
                let unit = data.sensors.kinds[i] == .eeg ? 1e-6 : 1e-13
                #expect(abs(data.explained[i, t] - expected) < 1e-9 * unit)
            }
        }
    }

    @Test("the order of channels does not matter")
    func channelOrder() throws {
        var order = Array(0..<30)
        var random = SeededGenerator(seed: 5)
        order.shuffle(using: &random)
        let first = try localize(try SmallWorld())
        let second = try localize(try SmallWorld(order: order))
        #expect(first.sources.map(\.index) == second.sources.map(\.index))
        for (a, b) in zip(first.sources, second.sources) {
            #expect(
                (a.amplitudes - b.amplitudes).squaredNorm.squareRoot() < 1e-5 * a.amplitudes.squaredNorm.squareRoot())
        }
    }

    @Test("scaling the recording by c scales amplitudes by c", arguments: [1e-3, 7])
    func scaling(_ factor: Double) throws {
        func estimate(_ scale: Double) throws -> Estimate {
            var settings = LocalizationSettings()
            settings.relativeGap = 1e-10
            settings.lambda = .ratio(0.3)
            let world = try SmallWorld(scale: scale)
            return try Localization(settings).run(
                recording: world.recording, forward: world.forward, covariance: world.covariance)
        }
        let (one, scaled) = (try estimate(1), try estimate(factor))
        #expect(!one.sources.isEmpty && one.sources.map(\.index) == scaled.sources.map(\.index))
        for (a, b) in zip(one.sources, scaled.sources) {
            #expect(
                (a.amplitudes * factor - b.amplitudes).squaredNorm.squareRoot()
                    < 1e-6 * factor * a.amplitudes.squaredNorm.squareRoot())
        }
    }

    @Test("a copied source and a source that no sensor sees do no harm")
    func degenerate() throws {
        let world = try SmallWorld()
        let sources = world.forward.sources
        var gain = world.forward.gain.elements + world.forward.gain.columns([9, 10, 11]).elements
        gain += [Double](repeating: 0, count: 3 * 30)
        let extended = try Forward(
            gain: Matrix(rows: 30, columns: 126, elements: gain), orientations: 3, sensors: world.sensors,
            sources: SourceSpace(
                positions: sources.positions + [sources.positions[3], SIMD3(0, 0, 0)],
                normals: try #require(sources.normals) + [try #require(sources.normals)[3], SIMD3(0, 0, 1)],
                frame: .head))
        var settings = LocalizationSettings()
        settings.relativeGap = 1e-8
        let estimate = try Localization(settings).run(
            recording: world.recording, forward: extended, covariance: world.covariance)
        let plain = try localize(world)
        #expect(!estimate.sources.contains { $0.index == 41 })
        #expect(estimate.warnings.contains { $0.contains("seen by no sensor") })
        #expect(Set(estimate.sources.prefix(3).map { $0.index == 40 ? 3 : $0.index }).isSuperset(of: [3, 20]))
        #expect(abs(estimate.goodnessOfFit - plain.goodnessOfFit) < 0.02)
    }

    @Test("a recording of zeros has no sources, and says why")
    func zeros() throws {
        let world = try SmallWorld()
        let silent = try Recording(
            epochs: [Matrix(rows: 30, columns: 100)], samplingFrequency: 200, firstTime: -0.3, averages: 4,
            sensors: world.recording.sensors, projectors: world.recording.projectors)
        let estimate = try Localization(LocalizationSettings()).run(
            recording: silent, forward: world.forward, covariance: world.covariance)
        #expect(estimate.sources.isEmpty && !estimate.warnings.isEmpty)
        #expect(estimate.goodnessOfFit == 0 && estimate.sensorData?.explained.squaredNorm == 0)
    }

    @Test("settings out of range are refused", arguments: [1.5, 0, -1, Double.nan, .infinity])
    func settings(_ ratio: Double) {
        var settings = LocalizationSettings()
        settings.lambda = .ratio(ratio)
        #expect(throws: InputError.self) { try Localization(settings) }
    }

    @Test("the same input gives the same bits, on any number of threads")
    func determinism() throws {
        let world = try SmallWorld()
        let one = try localize(world) { $0.parallelism = .serial }
        let two = try localize(world) { $0.parallelism = Parallelism(threads: 2) }
        #expect(one.sources.map(\.amplitudes) == two.sources.map(\.amplitudes))
        #expect(one.selection.points.map(\.criterion) == two.selection.points.map(\.criterion))
        #expect(one.refinement == two.refinement && one.refinement != nil)
    }

    @Test("without debiasing amplitudes stay as small as the penalty makes them")
    func debiasing() throws {
        let world = try SmallWorld()
        let shrunken = try localize(world) { $0.isDebiased = false }
        let debiased = try localize(world)
        #expect(shrunken.sources.map(\.index).sorted() == debiased.sources.map(\.index).sorted())
        #expect(shrunken.goodnessOfFit < debiased.goodnessOfFit)
        for source in shrunken.sources {
            let other = try #require(debiased.sources.first { $0.index == source.index })
            #expect(source.peakAmplitude <= other.peakAmplitude * (1 + 1e-12))
        }
    }

    @Test("a gain too small to be squared gives no sources, and says that no sensor sees them")
    func underflow() throws {
        let world = try SmallWorld()
        let tiny = try Forward(
            gain: world.forward.gain * 1e-250, orientations: 3, sensors: world.sensors, sources: world.forward.sources)
        let estimate = try Localization(LocalizationSettings()).run(
            recording: world.recording, forward: tiny, covariance: world.covariance)
        let isTold = estimate.warnings.contains { $0.contains("seen by no sensor") }
        #expect(estimate.sources.isEmpty && isTold)
    }

    @Test("warnings are told as soon as they are known, each once, and are kept with the estimate")
    func warnings() throws {
        let world = try SmallWorld()
        nonisolated(unsafe) var told: [String] = []
        let bare = try Recording(
            epochs: world.recording.epochs, samplingFrequency: 200, firstTime: -0.3, averages: 4,
            sensors: world.recording.sensors)
        let estimate = try Localization(LocalizationSettings()).run(
            recording: bare, forward: world.forward, covariance: world.covariance,
            monitor: Monitor(warn: { told.append($0) }))
        #expect(told == estimate.warnings && told.contains { $0.contains("average reference") })
    }

    @Test("cancellation is an error of its own")
    func cancellation() throws {
        let world = try SmallWorld()
        let localization = try Localization(LocalizationSettings())
        #expect(throws: CancellationError.self) {
            try localization.run(
                recording: world.recording, forward: world.forward, covariance: world.covariance,
                monitor: Monitor(isCancelled: { true }))
        }
    }

    @Test("epochs and their average give the same sources")
    func epochs() throws {
        let world = try SmallWorld()
        var random = SeededGenerator(seed: 8)
        let jitter = random.normal(rows: 30, columns: 100) * 1e-13
        let average = world.recording.average
        let epochs = try Recording(
            epochs: [average + jitter, average - jitter], samplingFrequency: 200, firstTime: -0.3, averages: 2,
            sensors: world.recording.sensors, projectors: world.recording.projectors)
        var settings = LocalizationSettings()
        settings.relativeGap = 1e-10
        let a = try Localization(settings).run(recording: epochs, forward: world.forward, covariance: world.covariance)
        let b = try Localization(settings).run(
            recording: world.recording, forward: world.forward, covariance: world.covariance)
        #expect(a.sources.map(\.index) == b.sources.map(\.index))
        #expect(a.preparation.averages == 4)
    }
}

@Suite("Localization of simulated recordings")
struct SimulatedLocalizationTests {
    @Test("over 20 seeds, 90 % of sources are found within 15 mm, with at most one false one in the median")
    func twentySeeds() throws {
        var (found, total) = (0, 0)
        var falseCounts: [Int] = []
        for seed in 1...20 {
            var simulation = SimulationSettings()
            simulation.seed = UInt64(seed)
            simulation.activeCount = 1 + seed % 3
            simulation.snr = [0.0, 3, 6][seed % 3]
            simulation.sourceCount = 1000
            simulation.samplingFrequency = 300
            let simulated = try Simulation.run(simulation)
            var settings = LocalizationSettings()
            settings.preparation.window = SimulationSettings.signalWindow
            let estimate = try Localization(settings).run(
                recording: simulated.recording, forward: simulated.forward, covariance: simulated.covariance)
            let comparison = try Comparison(estimate, truth: simulated.truth, radius: 0.015)
            found += comparison.matches.count
            total += simulated.truth.sources.count
            falseCounts.append(comparison.falseSources.count)
        }
        #expect(Double(found) >= 0.9 * Double(total), "\(found) of \(total) found; false: \(falseCounts)")
        #expect(falseCounts.sorted()[10] <= 1, "false sources: \(falseCounts)")
    }
}
