import Foundation
import LinearAlgebra
import Simulation
import TestSupport
import Testing

@testable import SourceImaging

@Suite("Refining the sources to the few that are worth more than noise")
struct RefinementTests {
    private static let world = Result { try SmallWorld(averages: 8) }

    private func localize(
        _ world: SmallWorld, recording: Recording? = nil, _ change: (inout LocalizationSettings) -> Void = { _ in }
    ) throws -> Estimate {
        var settings = LocalizationSettings()
        settings.preparation.orientation = .fixed
        change(&settings)
        return try Localization(settings).run(
            recording: recording ?? world.recording, forward: world.forward, covariance: world.covariance)
    }

    /// The last samples of a recording, from so many before time 0.
    private func shortened(_ recording: Recording, baseline: Int) throws -> Recording {
        let samples = Array((60 - baseline)..<recording.sampleCount)
        return try Recording(
            epochs: recording.epochs.map { $0.columns(samples) }, samplingFrequency: 200,
            firstTime: -Double(baseline) / 200, averages: recording.averages, sensors: recording.sensors,
            projectors: recording.projectors)
    }

    // MARK: What is the default

    @Test("sources are refined unless λ, the rounds or other weights are asked for")
    func defaults() throws {
        let world = try Self.world.get()
        func weights(_ change: (inout LocalizationSettings) -> Void) throws -> (name: String?, isRefined: Bool) {
            let estimate = try localize(world, change)
            let isTold = estimate.sources.allSatisfy { $0.extent != nil && $0.timesNoise != nil }
            let isUntold = estimate.sources.allSatisfy { $0.extent == nil && $0.timesNoise == nil }
            #expect(!estimate.sources.isEmpty && (estimate.refinement != nil ? isTold : isUntold))
            return (estimate.settings.first { $0.name == "weights" }?.value, estimate.refinement != nil)
        }
        #expect(try weights { _ in } == ("refined", true))
        #expect(try weights { $0.selection.criterion = .gcv } == ("refined", true))
        #expect(try weights { $0.lambda = .ratio(0.3) } == ("reweighted", false))
        #expect(
            try weights { ($0.lambda, $0.selection.weights) = (.ratio(0.3), .refined) } == ("refined", true))
        #expect(try weights { $0.reweightingRounds = 3 } == ("reweighted", false))
        #expect(try weights { $0.reweightingRounds = 0 } == ("shared", false))
        #expect(try weights { $0.selection.criterion = .evidence } == ("evidence", false))
    }

    @Test("by default λ is but a start; who asks for a criterion has its minimum, and the same sources")
    func start() throws {
        let world = try Self.world.get()
        let (rough, whole) = (try localize(world), try localize(world) { $0.selection.criterion = .sure })
        #expect(rough.selection.points.count < whole.selection.points.count)
        #expect(rough.selection.chosen.criterion >= whole.selection.chosen.criterion)
        #expect(rough.sources.map(\.index) == whole.sources.map(\.index) && !rough.sources.isEmpty)
    }

    @Test("each source is worth more than the charge; the sources do not depend on λ, and nothing lowers the objective")
    func worth() throws {
        let world = try Self.world.get()
        let estimate = try localize(world)
        let refinement = try #require(estimate.refinement)
        #expect(Set(estimate.sources.map(\.index)) == [3, 20])
        #expect(estimate.sources.allSatisfy { $0.timesNoise ?? 0 > 1 })
        #expect(refinement.isSettled && refinement.looks > 0 && refinement.objectives.count == 2)
        #expect(refinement.charge.value > 0 && refinement.charge.stretches == 2 && refinement.charge.length == 40)
        for ratio in [0.9, 0.5, 0.1] {
            let other = try localize(world) { ($0.lambda, $0.selection.weights) = (.ratio(ratio), .refined) }
            #expect(other.sources.map(\.index) == estimate.sources.map(\.index), "λ at \(ratio)")
            #expect(other.refinement?.charge == refinement.charge)
        }
    }

    @Test(
        "a source that may turn keeps its direction, with an interval of its own; noise explains less by it than by three",
        arguments: [Orientation.free, .loose(0.2)])
    func directions(_ orientation: Orientation) throws {
        let world = try Self.world.get()
        let estimate = try localize(world) { $0.preparation.orientation = orientation }
        #expect(Set(estimate.sources.map(\.index)) == [3, 20])
        for source in estimate.sources {
            #expect(source.amplitudes.rows == 3)
            let peak = source.amplitudes.column(source.peakSample)
            let square = peak.reduce(0) { $0 + $1 * $1 }
            for t in 0..<source.amplitudes.columns {
                let course = source.amplitudes.column(t)
                let along = zip(peak, course).reduce(0) { $0 + $1.0 * $1.1 } / square
                #expect(zip(peak, course).allSatisfy { abs($0 * along - $1) < 1e-9 * square.squareRoot() })
            }
            let interval = try #require(source.amplitudeInterval)
            #expect(interval.contains(square.squareRoot()) && interval.upperBound > interval.lowerBound)
        }
        let prepared = try PreparedProblem(
            recording: world.recording, forward: world.forward, covariance: world.covariance,
            settings: LocalizationSettings().preparation)
        let shapes = PatchShapes(prepared, world.forward, columnWeights: prepared.columnWeights)
        let noise = NoiseCharge.whiteNoise(prepared, length: prepared.times.count, seed: 1)
        let scores = [true, false].map {
            AtomDictionary(
                design: prepared.problem.design, families: Patches(shapes).families, keepsDirections: $0
            ).largestScores(of: noise)
        }
        #expect(zip(scores[0], scores[1]).allSatisfy { $0 < 0.8 * $1 })
    }

    @Test("the covariance of coefficients along directions is that of one column a source, turned back")
    func covariance() throws {
        var random = SeededGenerator(seed: 4)
        let blocks = BlockStructure(sizes: [3, 1, 3])
        let problem = try RegressionProblem(
            design: random.normal(rows: 12, columns: 7), response: random.normal(rows: 12, columns: 4), blocks: blocks)
        let u = [0.6, 0, 0.8]
        let courses = random.normal(rows: 4, columns: 3)
        let atoms = ActiveAtoms(
            [0, 1, 2], directions: [u, [], [0, 1, 0]], coefficients: courses,
            family: .identity(blocks), of: blocks)
        #expect(atoms.active.offsets == [0, 3, 4, 7])
        for t in 0..<4 {
            let row = (0..<7).map { atoms.active.coefficients[t, $0] }
            #expect(row == [0.6 * courses[t, 0], 0, 0.8 * courses[t, 0], courses[t, 1], 0, courses[t, 2], 0])
        }
        let turns = Matrix(
            rows: 7, columns: 3, elements: [0.6, 0, 0.8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0])
        let own = problem.design.columns(0..<7) * turns
        let inverse = try Cholesky(Matrix.product(own, transposed: true, own)).inverse()
        let expected = Matrix.product(turns * inverse, transposed: false, turns, transposed: true)
        for scaled in [atoms, try atoms.debiased(true, in: problem)] {
            let found = try #require(scaled.inverseGram(in: problem))
            #expect((found - expected).squaredNorm < 1e-20 * expected.squaredNorm)
        }
    }

    @Test("the charge is what white noise makes a source explain, times the variance, where σ is a number")
    func givenDeviation() throws {
        let world = try Self.world.get()
        func charge(_ sigma: Double) throws -> NoiseCharge {
            var settings = PreparationSettings()
            settings.noiseLevel = .deviation(sigma)
            let prepared = try PreparedProblem(
                recording: world.recording, forward: world.forward, covariance: world.covariance, settings: settings)
            let dictionary = AtomDictionary(
                design: prepared.problem.design,
                families: Patches(PatchShapes(prepared, world.forward, columnWeights: prepared.columnWeights)).families,
                ridge: 0.05)
            let draws = NoiseCharge.whiteNoise(prepared, length: prepared.times.count, seed: 1)
            return NoiseCharge.measured(
                rate: 0.05, white: dictionary.largestScores(of: draws), prepared, world.forward, dictionary, seed: 1,
                monitor: .silent
            ).charge
        }
        let (one, two) = (try charge(1), try charge(2))
        #expect(one.stretches == 0 && one.length == 0)
        #expect(abs(two.value / one.value - 4) < 1e-9)
    }

    @Test("fewer false positives asked for are a larger charge, and rates and errors out of range are refused")
    func rates() throws {
        let world = try Self.world.get()
        let charges = try [0.3, 0.05, 0.01].map { rate in
            try #require(try localize(world) { $0.selection.falsePositiveRate = rate }.refinement).charge.value
        }
        #expect(charges[0] < charges[1] && charges[1] < charges[2])
        for rate in [0, 0.6, -1, Double.nan] {
            #expect(throws: InputError.self) { try localize(world) { $0.selection.falsePositiveRate = rate } }
        }
        for error in [-0.1, 1.1, Double.nan] {
            #expect(throws: InputError.self) { try localize(world) { $0.selection.gainError = error } }
        }
        // Where nothing is refined, neither has a meaning.
        for change in [
            { $0.selection.gainError = 0.1 }, { $0.selection.falsePositiveRate = 0.1 },
        ] as [(inout LocalizationSettings) -> Void] {
            #expect(throws: InputError.self) {
                try localize(world) {
                    $0.selection.weights = .reweighted
                    change(&$0)
                }
            }
        }
        let settings = try localize(world).settings
        #expect(settings.contains(Setting("gain_error", "auto")))
        #expect(settings.contains(Setting("false_positive_rate", "0.05")))
        #expect(try localize(world) { $0.selection.gainError = 0.1 }.refinement?.gainError == 0.1)
        #expect(try localize(world) { $0.selection.gainError = 0 }.refinement?.gainError == nil)
    }

    @Test(
        "a covariance of no more samples than the baseline has gives way to it; without a baseline it is shrunk; both are told"
    )
    func fewSamples() throws {
        let world = try Self.world.get()
        func prepared(_ samples: Int) throws -> PreparedProblem {
            let covariance = try NoiseCovariance(
                matrix: world.covariance.matrix, samples: samples, sensors: world.covariance.sensors)
            return try PreparedProblem(
                recording: world.recording, forward: world.forward, covariance: covariance,
                settings: PreparationSettings())
        }
        let (few, many) = (try prepared(40), try prepared(3000))
        #expect(few.report.noiseSource.hasPrefix("estimated from 60 samples"))
        #expect(few.warnings.contains { $0.contains("left out") })
        #expect(many.report.noiseSource.hasPrefix("covariance") && !many.warnings.contains { $0.contains("shrunk") })
        // The same, where nothing says how many samples there were, but they are those of the baseline itself.
        let samples = many.baseline
        let sensors = many.sensors
        for shrinkage in [0, 0.3] {
            var own = Matrix.product(samples, transposed: false, samples, transposed: true) * (1 / 60)
            for i in 0..<own.rows { for j in 0..<own.rows where i != j { own[i, j] *= 1 - shrinkage } }
            #expect(FewSamples.isMade(own, of: samples, sensors: sensors))
            #expect(!FewSamples.isMade(own, of: samples.columns(0..<50), sensors: sensors))
            let unknown = try PreparedProblem(
                recording: world.recording, forward: world.forward,
                covariance: try NoiseCovariance(matrix: own, samples: 0, sensors: sensors),
                settings: PreparationSettings())
            #expect(unknown.warnings.contains { $0.contains("made of the 60 samples before time 0") })
        }
        #expect(!FewSamples.isMade(world.covariance.matrix, of: samples, sensors: world.covariance.sensors))
        // Without samples before time 0 there is nothing in its place.
        let short = try PreparedProblem(
            recording: try shortened(world.recording, baseline: 20), forward: world.forward,
            covariance: try NoiseCovariance(
                matrix: world.covariance.matrix, samples: 40, sensors: world.covariance.sensors),
            settings: PreparationSettings())
        #expect(short.report.noiseSource.hasPrefix("covariance"))
        #expect(short.warnings.contains { $0.contains("40 samples for 30 channels: shrunk by") })
    }

    @Test("every refined source has a region that holds it, a probability and intervals around its peak")
    func errorBars() throws {
        let world = try Self.world.get()
        let estimate = try localize(world)
        #expect(!estimate.sources.isEmpty)
        for source in estimate.sources {
            let region = try #require(source.region)
            #expect(region.vertices.contains(source.index) && region.volume > 0)
            #expect(source.probability ?? 0 > 0.95)
            #expect(try #require(source.amplitudeInterval).contains(source.peakAmplitude))
            #expect(try #require(source.latencyInterval).contains(try #require(source.peakTime(in: estimate.times))))
            #expect(try #require(source.extentInterval).contains(try #require(source.extent)))
        }
        let shared = try localize(world) { $0.reweightingRounds = 0 }
        #expect(shared.sources.allSatisfy { $0.region == nil && $0.probability == nil && $0.amplitudeInterval == nil })
    }

    @Test(
        "regions of 95 % hold the true place of at least nine in ten sources, also where the gain is wrong",
        arguments: [0, 0.1])
    func coverage(error: Double) throws {
        var (held, all) = (0, 0)
        for seed in 1...25 {
            let simulated = try Simulation.run(
                SimulationSettings(
                    sourceCount: 640, activeCount: 2, snr: 3, seed: UInt64(seed), megSites: 30, eegElectrodes: 0,
                    samplingFrequency: 300))
            var random = SeededGenerator(seed: UInt64(seed))
            let gain = simulated.forward.gain
            let noise = random.normal(rows: gain.rows, columns: gain.columns)
            let forward = try Forward(
                gain: Matrix(rows: gain.rows, columns: gain.columns) { gain[$0, $1] * (1 + error * noise[$0, $1]) },
                orientations: 3, sensors: simulated.forward.sensors, sources: simulated.forward.sources)
            var settings = LocalizationSettings()
            settings.preparation.window = SimulationSettings.signalWindow
            settings.preparation.orientation = .fixed
            let estimate = try Localization(settings).run(
                recording: simulated.recording, forward: forward, covariance: simulated.covariance)
            for truth in simulated.truth.sources {
                let place = forward.sources.positions[truth.index]
                guard
                    let nearest = estimate.sources.min(by: {
                        $0.position.distance(to: place) < $1.position.distance(to: place)
                    }), nearest.position.distance(to: place) < 0.03, let region = nearest.region
                else { continue }
                all += 1
                if region.vertices.contains(truth.index) { held += 1 }
            }
        }
        #expect(all >= 30 && 10 * held >= 9 * all, "\(held) of \(all)")
    }

    @Test("a source so strong that the ridge costs more than a charge is not split in two")
    func strongSource() throws {
        for seed in 1...5 {
            let simulated = try Simulation.run(
                SimulationSettings(
                    sourceCount: 640, activeCount: 1, snr: 15, seed: UInt64(seed), megSites: 40, eegElectrodes: 0,
                    samplingFrequency: 300))
            var settings = LocalizationSettings()
            settings.preparation.window = SimulationSettings.signalWindow
            let estimate = try Localization(settings).run(
                recording: simulated.recording, forward: simulated.forward, covariance: simulated.covariance)
            #expect(estimate.sources.map(\.index) == simulated.truth.sources.map(\.index), "seed \(seed)")
        }
    }

    // MARK: Baselines

    @Test(
        "stretches of a baseline: as long as the window, half overlapping, up to its end",
        arguments: [
            (0, 40, []), (25, 40, [0..<25]), (40, 40, [0..<40]), (100, 40, [0..<40, 20..<60, 40..<80, 60..<100]),
            (90, 40, [0..<40, 20..<60, 40..<80, 50..<90]), (3, 1, [0..<1, 1..<2, 2..<3]),
        ] as [(Int, Int, [Range<Int>])])
    func stretches(_ baseline: Int, _ window: Int, _ expected: [Range<Int>]) {
        #expect(NoiseCharge.stretches(of: baseline, folds: [], window: window) == expected)
    }

    @Test("a stretch lies in the middle of each fold that the covariance has not seen", arguments: [1, 8, 19, 20, 40])
    func folds(_ window: Int) {
        let folds = (0..<5).map { (21 * $0)..<(21 * ($0 + 1) - ($0 == 2 ? 1 : 0)) }
        let stretches = NoiseCharge.stretches(of: 105, folds: folds, window: window)
        #expect(stretches.count == 5)
        for (stretch, fold) in zip(stretches, folds) {
            #expect(stretch.count == min(window, 20) && stretch.clamped(to: fold) == stretch)
            #expect(abs(stretch.lowerBound - fold.lowerBound - (fold.upperBound - stretch.upperBound)) <= 1)
        }
    }

    @Test("without a baseline the charge comes from white noise, and that is warned of")
    func noBaseline() throws {
        let world = try Self.world.get()
        let estimate = try localize(world, recording: try shortened(world.recording, baseline: 0))
        let charge = try #require(estimate.refinement).charge
        #expect(charge.stretches == 0 && charge.length == 0 && charge.value > 0)
        #expect(Set(estimate.sources.prefix(2).map(\.index)) == [3, 20])
        #expect(estimate.warnings.count { $0.contains("no samples before time 0") } == 1)
        #expect(try localize(world).warnings.allSatisfy { !$0.contains("before time 0") })
        // A number for σ asks for white noise: no warning.
        let given = try localize(world, recording: try shortened(world.recording, baseline: 0)) {
            $0.preparation.noiseLevel = .deviation(1)
        }
        #expect(given.warnings.allSatisfy { !$0.contains("before time 0") })
    }

    @Test("a baseline much shorter than the window is scaled up, and that is warned of", arguments: [5, 13, 14, 39])
    func shortBaseline(_ baseline: Int) throws {
        let world = try Self.world.get()
        let estimate = try localize(world, recording: try shortened(world.recording, baseline: baseline))
        let charge = try #require(estimate.refinement).charge
        #expect(charge.stretches == 1 && charge.length == baseline)
        #expect(estimate.warnings.count { $0.contains("scaled up") } == (baseline < 14 ? 1 : 0))
        #expect(Set(estimate.sources.prefix(2).map(\.index)) == [3, 20])
    }

    // MARK: Noise alone

    @Test("of forty recordings of noise alone at most four give a source", arguments: [true, false])
    func noiseAlone(isCovarianceGiven: Bool) throws {
        var counts: [Int] = []
        for seed in 1...40 {
            let simulated = try Simulation.run(
                SimulationSettings(
                    sourceCount: 300, activeCount: 0, seed: UInt64(seed), megSites: 20, eegElectrodes: 16,
                    samplingFrequency: 300, firstTime: -0.5, covarianceSamples: 0))
            var settings = LocalizationSettings()
            settings.preparation.window = SimulationSettings.signalWindow
            let estimate = try Localization(settings).run(
                recording: simulated.recording, forward: simulated.forward,
                covariance: isCovarianceGiven ? simulated.covariance : nil)
            counts.append(estimate.sources.count)
            #expect(estimate.sources.isEmpty == estimate.warnings.contains { $0.contains("no source explains more") })
        }
        #expect(counts.count { $0 > 0 } <= 4, "\(counts)")
    }

    // MARK: Sameness, small problems, repeats

    @Test("the same input gives the same bits, on any number of threads", arguments: [true, false])
    func determinism(isCovarianceGiven: Bool) throws {
        let simulated = try Simulation.run(
            SimulationSettings(
                sourceCount: 400, activeCount: 3, snr: 3, seed: 3, megSites: 24, eegElectrodes: 20,
                samplingFrequency: 300))
        func estimate(_ threads: Int) throws -> Estimate {
            var settings = LocalizationSettings()
            settings.preparation.window = SimulationSettings.signalWindow
            settings.parallelism = Parallelism(threads: threads)
            return try Localization(settings).run(
                recording: simulated.recording, forward: simulated.forward,
                covariance: isCovarianceGiven ? simulated.covariance : nil)
        }
        let first = try estimate(1)
        #expect(!first.sources.isEmpty)
        for threads in [1, 2, 3] {
            let other = try estimate(threads)
            #expect(other.refinement == first.refinement, "\(threads) threads")
            #expect(other.sources.map(\.amplitudes) == first.sources.map(\.amplitudes))
            #expect(other.sources.map(\.extent) == first.sources.map(\.extent))
            #expect(other.sources.map(\.timesNoise) == first.sources.map(\.timesNoise))
        }
    }

    @Test("five channels and three candidates are enough", arguments: [1, 3])
    func few(_ orientations: Int) throws {
        var random = SeededGenerator(seed: 6)
        let sensors = try Sensors(names: (0..<5).map { "\($0)" }, kinds: .init(repeating: .mag, count: 5))
        let gain = random.normal(rows: 5, columns: 3 * orientations) * 1e-5
        let noise = random.normal(rows: 5, columns: 100) * 1e-13
        let data = Matrix(rows: 5, columns: 100) { i, t in
            noise[i, t] + (t < 60 ? 0 : 3e-7 * sin(0.1 * Double(t - 60)) * gain[i, orientations])
        }
        let estimate = try Localization(LocalizationSettings()).run(
            recording: Recording(epochs: [data], samplingFrequency: 200, firstTime: -0.3, sensors: sensors),
            forward: Forward(
                gain: gain, orientations: orientations, sensors: sensors,
                sources: SourceSpace(
                    positions: [SIMD3(0.05, 0, 0.05), SIMD3(-0.05, 0, 0.05), SIMD3(0, 0.05, 0.05)], frame: .head)),
            covariance: NoiseCovariance(
                matrix: .diagonal([Double](repeating: 1e-26, count: 5)), samples: 0, sensors: sensors))
        #expect(estimate.sources.map(\.index) == [1])
        #expect(abs((estimate.sources.first?.peakAmplitude ?? 0) / 3e-7 - 1) < 0.1)
    }

    @Test("repeats are refined, too, at the charge of the estimate", arguments: [StabilityMethod.noise, .sensors])
    func stability(_ method: StabilityMethod) throws {
        let world = try Self.world.get()
        let estimate = try localize(world) { ($0.stability.repeats, $0.stability.method) = (5, method) }
        let stability = try #require(estimate.stability)
        #expect(estimate.refinement == (try localize(world).refinement))
        #expect(estimate.sources.count == 2 && estimate.sources.allSatisfy { $0.stability?.found == 1 })
        // The convex solutions hold many more.
        #expect(stability.counts.allSatisfy { (2...4).contains($0) }, "\(stability.counts)")
    }

    @Test("a cancellation ends it at any stage", arguments: ["noise", "refining"])
    func cancellation(_ stage: String) throws {
        let world = try Self.world.get()
        nonisolated(unsafe) var isReached = false
        #expect(throws: CancellationError.self) {
            try Localization(LocalizationSettings()).run(
                recording: world.recording, forward: world.forward, covariance: world.covariance,
                monitor: Monitor(report: { if $0.stage == stage { isReached = true } }, isCancelled: { isReached }))
        }
        #expect(isReached)
    }
}
