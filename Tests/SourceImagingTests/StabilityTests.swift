import Foundation
import Synchronization
import TestSupport
import Testing

@testable import SourceImaging

@Suite("Stability of the sources")
struct StabilityTests {
    private static let world = Result { try SmallWorld(averages: 8) }
    private static let epochs = Result { () throws -> Recording in
        let world = try StabilityTests.world.get()
        return try world.recording.singleEpochs(noise: world.covariance.matrix, seed: 21)
    }

    private func localize(
        _ recording: Recording? = nil, monitor: Monitor = .silent, _ change: (inout LocalizationSettings) -> Void
    ) throws -> Estimate {
        let world = try Self.world.get()
        var settings = LocalizationSettings()
        settings.preparation.orientation = .fixed
        settings.stability.repeats = 6
        change(&settings)
        return try Localization(settings).run(
            recording: recording ?? Self.epochs.get(), forward: world.forward, covariance: world.covariance,
            monitor: monitor)
    }

    @Test("sources of repeats are paired one to one; what is left over is told where it is frequent")
    func pairing() {
        func found(_ x: Double, _ amplitude: Double = 1) -> Stability.Found {
            Stability.Found(index: Int(x), position: SIMD3(x * 1e-3, 0, 0), amplitude: amplitude)
        }
        // Two sources, 8 mm apart, and repeats around them; 30 mm away a source that the estimate does not have.
        let (stability, sources) = Stability.pairing(
            method: .noise, radius: 0.01, positions: [SIMD3(0, 0, 0), SIMD3(0.008, 0, 0)],
            repeats: [
                [found(0, 2), found(8)], [found(3, 4), found(30)], [found(-6, 3), found(7), found(31)],
                [found(33), found(90)],
            ],
            ratios: [0.1, 0.2, 0.3, 0.4])
        #expect(stability.repeats == 4 && stability.counts == [2, 2, 3, 2])
        // Alone, the source at 3 mm goes to the nearer one.
        #expect(sources[0].distances.map { $0.map { ($0 * 1000).rounded() } } == [0, 3, 6, nil])
        #expect(sources[1].distances.map { $0.map { ($0 * 1000).rounded() } } == [0, nil, 1, nil])
        #expect(sources[0].found == 0.75 && sources[1].found == 0.5)
        let spread = sources[0].positionSpread
        #expect(abs((spread ?? 0) - 1e-3 * (45.0 / 3).squareRoot()) < 1e-12)
        // Amplitudes 2, 4, 3: mean 3, deviation 1.
        #expect(abs((sources[0].amplitudeSpread ?? 0) - 1 / 3) < 1e-12)
        #expect(stability.others.map(\.index) == [31] && stability.others.first?.found == 0.75)
    }

    @Test("without repeats that find a source there is nothing to tell, and nothing fails")
    func nothing() {
        let (stability, sources) = Stability.pairing(
            method: .noise, radius: 0.01, positions: [SIMD3(0, 0, 0)], repeats: [[], []], ratios: [1, 1])
        #expect(sources[0].found == 0 && sources[0].positionSpread == nil)
        #expect(sources[0].amplitudeSpread == nil && stability.others.isEmpty)
    }

    @Test("strong sources are found in every repeat, however they are made", arguments: StabilityMethod.allCases)
    func strong(_ method: StabilityMethod) throws {
        let estimate = try localize { $0.stability.method = method }
        let stability = try #require(estimate.stability)
        #expect(stability.method == method && stability.repeats == 6)
        for source in estimate.sources {
            let found = try #require(source.stability)
            guard [3, 20].contains(source.index) else { continue }
            #expect(found.found == 1 && found.positionSpread == 0)
            let spread = try #require(found.amplitudeSpread)
            #expect(spread > 0 && spread < 0.3)
        }
        // The repeats differ; two may choose the same point of their paths.
        #expect(Set(stability.ratios).count >= 4)
        #expect(estimate.settings.contains(Setting("stability", "6")))
        #expect(estimate.settings.contains(Setting("stability_by", method.rawValue)))
    }

    @Test("The noise of repeats is as slow as that before time 0; in a band it is white", arguments: [0, 0.9])
    func slowNoise(_ slowness: Double) throws {
        func correlation(_ weights: SourceWeights, isEstimated: Bool) throws -> Double {
            let world = try SmallWorld(slowness: slowness)
            var settings = LocalizationSettings()
            settings.selection.weights = weights
            let posed = try Localization(settings).posed(
                world.recording, world.forward, isEstimated ? nil : world.covariance, .silent, nil)
            let run = StabilityRun(
                choice: posed.choice, prepared: posed.prepared, refining: posed.refining,
                positions: world.forward.sources.positions, isDebiased: true, method: .noise, repeats: 1, radius: 0.01)
            var random = SeededGenerator(seed: 4)
            let field = posed.prepared.problem.unreducedResponse
            var noise = run.noise(like: field, try run.colour(), &random)
            if let temporal = posed.refining?.temporal { noise = noise * temporal }
            return NoiseQuantile.autocorrelation(of: noise)[1]
        }
        let (shared, band) = (
            try correlation(.shared, isEstimated: false), try correlation(.refined, isEstimated: true)
        )
        #expect(slowness > 0 ? shared > 0.6 : abs(shared) < 0.15, "\(shared)")
        #expect(abs(band) < 0.15, "\(band)")
    }

    @Test("the repeats are of epochs where there are any, else of noise; the estimate itself does not change")
    func defaults() throws {
        let epochs = try localize { _ in }
        let average = try localize(try Self.world.get().recording) { _ in }
        #expect(epochs.stability?.method == .epochs && average.stability?.method == .noise)
        let without = try localize { $0.stability.repeats = 0 }
        #expect(without.stability == nil)
        #expect(without.sources.map(\.amplitudes) == epochs.sources.map(\.amplitudes))
    }

    @Test(
        "the same seed gives the same repeats, however many there are; another seed gives others",
        arguments: StabilityMethod.allCases)
    func seeds(_ method: StabilityMethod) throws {
        func stability(_ seed: UInt64, repeats: Int = 4, threads: Int = 1) throws -> Stability {
            let estimate = try localize {
                $0.stability.method = method
                $0.stability.repeats = repeats
                $0.selection.seed = seed
                $0.parallelism = Parallelism(threads: threads)
            }
            return try #require(estimate.stability)
        }
        let first = try stability(1)
        #expect(try stability(1, threads: 2) == first)
        #expect(Array(try stability(1, repeats: 6).ratios.prefix(4)) == first.ratios)
        #expect(try stability(2).ratios != first.ratios)
    }

    @Test(
        "it goes with every criterion and weighting that it can repeat",
        arguments: [CriterionKind.kfoldEpochs, .kfold, .evidence])
    func combinations(_ criterion: CriterionKind) throws {
        for method in StabilityMethod.allCases {
            let estimate = try localize {
                $0.selection.criterion = criterion
                $0.stability.method = method
                $0.stability.repeats = 3
            }
            let strongest = estimate.sources.prefix(2).map { $0.stability?.found }
            #expect(strongest == [1, 1], "\(method)")
        }
    }

    @Test("a recording of zeros has no sources, in no repeat")
    func zeros() throws {
        let world = try Self.world.get()
        let silent = try Recording(
            epochs: [Matrix(rows: 30, columns: 100), Matrix(rows: 30, columns: 100)], samplingFrequency: 200,
            firstTime: -0.3, sensors: world.sensors, projectors: world.recording.projectors)
        let estimate = try localize(silent) { _ in }
        let stability = try #require(estimate.stability)
        #expect(estimate.sources.isEmpty && stability.others.isEmpty)
        #expect(stability.counts == [Int](repeating: 0, count: 6))
    }

    @Test("epochs cannot be drawn from one")
    func oneEpoch() throws {
        let error = #expect(throws: InputError.self) {
            _ = try localize(try Self.world.get().recording) { $0.stability.method = .epochs }
        }
        #expect(error?.place == .setting(.stabilityBy))
    }

    @Test("progress counts the repeats, and a cancellation ends them")
    func progress() throws {
        let told = Mutex<[String]>([])
        let monitor = Monitor(
            report: { progress in
                if progress.stage == "stability" { told.withLock { $0.append(progress.detail) } }
            },
            isCancelled: { told.withLock { $0.count } >= 3 })
        #expect(throws: CancellationError.self) { _ = try localize(monitor: monitor) { _ in } }
        #expect(told.withLock { $0 } == ["1 of 6", "2 of 6", "3 of 6"])
    }

    @Test("of a few epochs some are always left to fit", arguments: [2, 3])
    func fewEpochs(_ count: Int) throws {
        let world = try SmallWorld(averages: Double(count))
        let epochs = try world.recording.singleEpochs(noise: world.covariance.matrix, seed: 5)
        for criterion in [CriterionKind.kfoldEpochs, .heldOutEpochs] {
            var settings = LocalizationSettings()
            settings.preparation.orientation = .fixed
            settings.selection.criterion = criterion
            settings.selection.folds = 2
            settings.stability.repeats = 12
            let estimate = try Localization(settings).run(
                recording: epochs, forward: world.forward, covariance: world.covariance)
            #expect(estimate.stability?.method == .epochs && estimate.stability?.repeats == 12)
        }
    }

    @Test("places without a source in the estimate: the most frequent first, each repeat and source counted once")
    func places() {
        func found(_ index: Int, _ x: Double) -> Stability.Found {
            Stability.Found(index: index, position: SIMD3(x * 1e-3, 0, 0), amplitude: 1)
        }
        // 100 repeats, more than one word of bits: a source at 0 or 4 mm in all, one at 50 mm in 60, one at 90 mm in 40.
        let repeats = (0..<100).map { r in
            [r % 2 == 0 ? found(1, 0) : found(2, 4)] + (r < 60 ? [found(7, 50)] : [])
                + (r >= 60 ? [found(9, 90)] : [])
        }
        let (stability, _) = Stability.pairing(
            method: .noise, radius: 0.01, positions: [], repeats: repeats,
            ratios: [Double](repeating: 0.1, count: 100))
        #expect(stability.others.map(\.index) == [1, 7] && stability.others.map(\.found) == [1, 0.6])
        #expect(abs((stability.others.first?.positionSpread ?? 0) - 0.004 * 0.5.squareRoot()) < 1e-12)
    }
}
