import Foundation
import TestSupport
import Testing

@testable import SourceImaging

@Suite("Choosing by criterion, search and weights")
struct SourceChoiceTests {
    private func localize(
        _ world: SmallWorld, recording: Recording? = nil, _ change: (inout LocalizationSettings) -> Void
    ) throws -> Estimate {
        var settings = LocalizationSettings()
        settings.preparation.orientation = .fixed
        change(&settings)
        return try Localization(settings).run(
            recording: recording ?? world.recording, forward: world.forward, covariance: world.covariance)
    }

    private static let world = Result { try SmallWorld(averages: 8) }
    private static let epochs = Result { () throws -> Recording in
        let world = try SourceChoiceTests.world.get()
        return try world.recording.singleEpochs(noise: world.covariance.matrix, seed: 21)
    }

    @Test(
        "every criterion finds the sources and is named in the curve and the settings",
        arguments: CriterionKind.all)
    func criteria(_ name: CriterionKind) throws {
        let estimate = try localize(try Self.world.get(), recording: try Self.epochs.get()) {
            $0.selection.criterion = name
            $0.selection.folds = name.hasFolds ? 4 : nil
        }
        #expect(Set(estimate.sources.prefix(2).map(\.index)) == [3, 20])
        #expect(estimate.settings.contains(Setting("criterion", name.name)))
        #expect(estimate.settings.contains(Setting("folds", "4")) == name.hasFolds)
        #expect(estimate.selection.criterion != "fixed")
        #expect((estimate.selection.criterion == "SURE") == (name == .sure))
        #expect(!estimate.selection.atGridEdge)
        #expect((estimate.selection.quantile != nil) == (name == .noiseQuantile))
        let lowest = estimate.selection.points.map(\.criterion).min()
        #expect(!name.isSearched || estimate.selection.chosen.criterion == lowest)
    }

    @Test(
        "every weighting finds the sources; one λ a source has a history instead of a curve",
        arguments: SourceWeights.allCases)
    func weights(_ weights: SourceWeights) throws {
        let estimate = try localize(try Self.world.get()) { $0.selection.weights = weights }
        #expect(Set(estimate.sources.prefix(2).map(\.index)) == [3, 20])
        #expect(estimate.settings.contains(Setting("weights", weights.rawValue)))
        let isOne = [.shared, .reweighted, .refined].contains(weights)
        #expect((estimate.refinement != nil) == (weights == .refined))
        #expect(estimate.selection.axis == (isOne ? .lambda : .evaluation))
        #expect((estimate.selection.shape() != nil) == isOne)
        let chosen = estimate.selection.chosen
        switch weights {
        case .shared: #expect(chosen.activeCount == estimate.sources.count)
        case .reweighted: #expect(chosen.activeCount > estimate.sources.count)
        case .refined:
            #expect(Set(estimate.sources.map(\.index)) == [3, 20])
            // λ is chosen in the band of the response, of which there are fewer samples to fit.
            let reweighted = try localize(try Self.world.get()) { $0.selection.weights = .reweighted }
            #expect(!estimate.selection.atGridEdge)
            #expect(chosen.degreesOfFreedom < reweighted.selection.chosen.degreesOfFreedom)
        case .learned:
            let shared = try localize(try Self.world.get()) { $0.selection.weights = .shared }
            // It starts at the shared λ, and goes down from there.
            let first = try #require(estimate.selection.points.first)
            #expect(abs(first.ratio / shared.selection.chosen.ratio - 1) < 1e-9)
            #expect(chosen.criterion < shared.selection.chosen.criterion)
            #expect(chosen.ratio > 0 && chosen.ratio < 1)
        case .evidence:
            let values = estimate.selection.points.map(\.criterion)
            #expect(values.count > 3 && values.last == chosen.criterion && values[0] > chosen.criterion)
            #expect(chosen.activeCount == estimate.sources.count)
            #expect(estimate.certificate.relativeGap.isNaN)
        }
    }

    @Test("no rounds of reweighting and shared weights are the same")
    func noRounds() throws {
        let world = try Self.world.get()
        let zero = try localize(world) { $0.reweightingRounds = 0 }
        let shared = try localize(world) { $0.selection.weights = .shared }
        #expect(zero.sources.map(\.amplitudes) == shared.sources.map(\.amplitudes))
        #expect(zero.settings.map(\.value) == shared.settings.map(\.value))
    }

    @Test("the seed decides what is random and nothing else")
    func seed() throws {
        let world = try Self.world.get()
        func ratio(_ criterion: CriterionKind, _ seed: UInt64) throws -> Double {
            try localize(world) {
                $0.selection.criterion = criterion
                $0.selection.seed = seed
            }.selection.chosen.ratio
        }
        #expect(try ratio(.monteCarlo, 1) == ratio(.monteCarlo, 1))
        #expect(try ratio(.monteCarlo, 1) != ratio(.monteCarlo, 2))
        #expect(try ratio(.sure, 1) == ratio(.sure, 2))
    }

    // MARK: What cannot be

    private static let contradictions: [(String, @Sendable (inout LocalizationSettings) -> Void)] = [
        ("weights", { ($0.selection.weights, $0.reweightingRounds) = (.shared, 3) }),
        ("weights", { ($0.selection.weights, $0.reweightingRounds) = (.reweighted, 0) }),
        ("weights", { ($0.selection.weights, $0.reweightingRounds) = (.learned, 2) }),
        ("weights", { ($0.selection.weights, $0.reweightingRounds) = (.evidence, 2) }),
        ("criterion", { ($0.selection.weights, $0.selection.criterion) = (.evidence, .sure) }),
        ("criterion", { ($0.selection.weights, $0.selection.criterion) = (.shared, .evidence) }),
        ("criterion", { ($0.lambda, $0.selection.criterion) = (.ratio(0.2), .gcv) }),
        ("search", { ($0.lambda, $0.selection.search) = (.ratio(0.2), .brent) }),
        ("search", { ($0.selection.weights, $0.selection.search) = (.evidence, .path) }),
        ("search", { ($0.selection.weights, $0.selection.search) = (.learned, .brent) }),
        ("lambda", { ($0.selection.weights, $0.lambda) = (.evidence, .ratio(0.2)) }),
        ("folds", { $0.selection.folds = 4 }), ("folds", { $0.selection.folds = 1 }),
        ("folds", { ($0.selection.criterion, $0.selection.folds) = (.kfold, 200_000) }),
        ("draws", { $0.selection.draws = 4 }),
        ("draws", { ($0.selection.criterion, $0.selection.draws) = (.monteCarlo, 0) }),
        ("sigma", { ($0.selection.criterion, $0.preparation.noiseLevel) = (.gcv, .baseline) }),
        ("sigma", { $0.preparation.noiseLevel = .deviation(0) }),
        ("stability", { $0.stability.repeats = 1 }), ("stability", { $0.stability.repeats = 1001 }),
        ("stability", { $0.stability.repeats = -3 }), ("stability-by", { $0.stability.method = .noise }),
    ]

    @Test(
        "settings that contradict each other are refused before any work, naming the option",
        arguments: contradictions.indices)
    func contradiction(_ k: Int) throws {
        let (place, change) = Self.contradictions[k]
        var settings = LocalizationSettings()
        change(&settings)
        let error = #expect(throws: InputError.self) { try Localization(settings) }
        #expect(error?.place == SettingName(rawValue: place).map { .setting($0) }, "\(error.map { "\($0)" } ?? "none")")
    }

    @Test(
        "what needs epochs is refused for an average, and for too few of them",
        arguments: [CriterionKind.heldOutEpochs, .kfoldEpochs])
    func epochsNeeded(_ name: CriterionKind) throws {
        let world = try Self.world.get()
        let average = #expect(throws: InputError.self) {
            _ = try localize(world) { $0.selection.criterion = name }
        }
        #expect(average?.place == .setting(.criterion) && average?.found.contains("one average") == true)
        let single = try Recording(
            epochs: world.recording.epochs, samplingFrequency: 200, firstTime: -0.3, sensors: world.sensors,
            projectors: world.recording.projectors)
        let one = #expect(throws: InputError.self) {
            _ = try localize(world, recording: single) { $0.selection.criterion = name }
        }
        #expect(one?.found.contains("one epoch") == true)
        let few = #expect(throws: InputError.self) {
            _ = try localize(world, recording: try Self.epochs.get()) {
                ($0.selection.criterion, $0.selection.folds) = (name, 9)
            }
        }
        #expect(few?.place == .setting(.folds) && few?.found.contains("9 folds of 8 epochs") == true)
        let rows = #expect(throws: InputError.self) {
            _ = try localize(world) { ($0.selection.criterion, $0.selection.folds) = (.kfold, 400) }
        }
        #expect(rows?.place == .setting(.folds) && rows?.found.contains("400 folds of 29 rows") == true)
    }

    // MARK: Rows and noise

    @Test("rows are told apart by the block of the covariance they are of")
    func rowLabels() throws {
        let world = try Self.world.get()
        let prepared = try PreparedProblem(
            recording: world.recording, forward: world.forward, covariance: world.covariance, settings: .init())
        // Ten electrodes less their average reference; twenty magnetometers and gradiometers.
        #expect(prepared.rowLabels.count { $0 == 1 } == 9 && prepared.rowLabels.count { $0 == 0 } == 20)
        #expect(prepared.replicates == nil)
    }

    @Test("whitened epochs have the whitened average as their mean, and noise of deviation √N")
    func replicates() throws {
        let (world, epochs) = (try Self.world.get(), try Self.epochs.get())
        let prepared = try PreparedProblem(
            recording: epochs, forward: world.forward, covariance: world.covariance, settings: .init(),
            keepsEpochs: true)
        let replicates = try #require(prepared.replicates)
        let mean = try #require(replicates.mean(of: replicates.present))
        let response = prepared.problem.unreducedResponse
        #expect((mean - response).squaredNorm < 1e-18 * response.squaredNorm)
        let squares = replicates.responses.reduce(0.0) { (sum: Double, epoch: Matrix) -> Double in
            sum + (epoch - mean).squaredNorm
        }
        let entries = Double(7 * response.elements.count)
        let error = abs(squares / entries / 8 - 1)
        #expect(error < 5 * (2 / entries).squareRoot())
    }

    @Test("σ from the baseline makes up for a covariance that is wrong by a factor; a number is taken as it is")
    func sigma() throws {
        let world = try Self.world.get()
        func prepared(_ factor: Double, _ level: NoiseLevel) throws -> PreparedProblem {
            var settings = PreparationSettings()
            settings.noiseLevel = level
            return try PreparedProblem(
                recording: world.recording, forward: world.forward,
                covariance: try NoiseCovariance(
                    matrix: world.covariance.matrix * factor, samples: 5000, sensors: world.sensors),
                settings: settings)
        }
        #expect(try prepared(1, .covariance).noiseVariance == 1)
        #expect(try prepared(1, .deviation(1.5)).noiseVariance == 2.25)
        let (right, wrong) = (try prepared(1, .baseline), try prepared(4, .baseline))
        #expect(abs(right.noiseVariance - 1) < 0.1)
        #expect(abs(wrong.noiseVariance * 4 / right.noiseVariance - 1) < 1e-9)
        #expect(wrong.report.noiseDeviation == wrong.noiseVariance.squareRoot())

        func ratio(_ factor: Double, _ level: NoiseLevel) throws -> Double {
            var settings = LocalizationSettings()
            settings.preparation.noiseLevel = level
            return try Localization(settings).run(
                recording: world.recording, forward: world.forward,
                covariance: try NoiseCovariance(
                    matrix: world.covariance.matrix * factor, samples: 5000, sensors: world.sensors)
            ).selection.chosen.ratio
        }
        let right1 = try ratio(1, .baseline)
        #expect(abs(try ratio(4, .baseline) / right1 - 1) < 1e-3)
        #expect(abs(log(try ratio(4, .covariance) / right1)) > 0.3)
    }

    @Test("without samples before time 0 there is no baseline to take σ from")
    func noBaseline() throws {
        let world = try Self.world.get()
        let data = world.recording.average
        let late = try Recording(
            epochs: [data.columns(Array(60..<100))], samplingFrequency: 200, firstTime: 0, averages: 8,
            sensors: world.recording.sensors, projectors: world.recording.projectors)
        let error = #expect(throws: InputError.self) {
            _ = try localize(world, recording: late) { $0.preparation.noiseLevel = .baseline }
        }
        #expect(error?.place == .setting(.sigma))
    }
}
