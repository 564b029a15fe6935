import Glibc
import LinearAlgebra
import SparseRegression
import Testing

@testable import Dynamics
@testable import DynamicsStudies

@Suite struct NeuralModelTests {
    /// A shape whose derivative is a linear system beside a network that is zero.
    private static func linear(_ system: LinearSystem) -> NetworkForecast {
        let shape = NetworkShape(
            variables: system.variables, order: system.derivativeOrder, hidden: [3], skip: .inner)
        var weights = [Double](repeating: 0, count: shape.pathCount)
        for (k, value) in system.coefficients.elements.enumerated() { weights[shape.skipStart + k] = value }
        return NetworkForecast(shape: shape, weights: weights, interval: 0.1)
    }

    private static let system = LinearSystem(
        coefficients: Matrix(rows: 2, columns: 4) { [[-1.5, 0.2, 0, 0.1], [0.8, -1, 0, -0.1]][$0][$1] })

    @Test func forecastIsTheLinearSystemsPath() throws {
        let path = Self.system.path(from: [1, 0, 0.3, -0.2], interval: 0.1, samples: 101)
        let forecast = try #require(Self.linear(Self.system).path(from: path.column(0), samples: 100))
        for sample in 0..<100 {
            for k in 0..<4 { #expect(abs(forecast.states[k, sample] - path[k, sample + 1]) < 1e-5) }
        }
    }

    @Test func stateAfterAHistoryIsThePaths() throws {
        let path = Self.system.path(from: [1, 0, 0.3, -0.2], interval: 0.1, samples: 101)
        let history = Matrix(rows: 2, columns: 101) { path[$0, $1] }
        let state = try #require(Self.linear(Self.system).state(after: history, fewest: 8))
        for k in 0..<4 { #expect(abs(state[k] - path[k, 100]) < 1e-4) }
    }

    /// The fixed method is of fourth order: half the step, a sixteenth of the error.
    @Test func fixedStepsAreOfFourthOrder() {
        let linear = Self.linear(Self.system)
        let path = Self.system.path(from: [1, 0, 0.3, -0.2], interval: 1, samples: 4)
        func error(_ steps: Int) -> Double {
            let workspace = NetworkWorkspace(linear.shape, batch: 1, samples: 3, solver: .fixed(steps: steps))
            #expect(workspace.solve(linear.weights, starts: path.column(0), rows: 1, samples: 3, interval: 1))
            return (0..<4).reduce(0) { max($0, abs(workspace.solution(2)[$1] - path[$1, 3])) }
        }
        let ratio = error(4) / error(8)
        #expect(ratio > 13 && ratio < 20)
    }

    @Test func cubicsAreTheirOwnSmooth() {
        func cubic(_ t: Double) -> Double { 1 - 2 * t + 0.3 * t * t - 0.02 * t * t * t }
        let epoch = Matrix(rows: 1, columns: 20) { cubic(Double($1)) }
        let (values, slopes) = SavitzkyGolay().states(epoch)
        for sample in 0..<20 {
            let t = Double(sample)
            #expect(abs(values[0, sample] - cubic(t)) < 1e-9)
            #expect(abs(slopes[0, sample] - (-2 + 0.6 * t - 0.06 * t * t)) < 1e-9)
        }
    }

    @Test(arguments: [1, 8]) func heldOutSegmentsAreNotLearnedFrom(epochs: Int) throws {
        let network = try SimulatedNetwork.oscillators(samples: 800, epoch: 800 / epochs, seed: 1)
        let segments = try Segments(network.trajectories, order: 2, length: 4)
        let (training, heldOut) = segments.split()
        #expect(training.count >= 3 * heldOut.count && !heldOut.isEmpty)
        for k in heldOut {
            for l in training {
                let isNear = abs(segments.starts[k] - segments.starts[l]) <= 4
                #expect(!isNear || segments.epochs[k] != segments.epochs[l])
            }
        }
        // Speeds are as large as positions.
        var states = [Double](repeating: 0, count: segments.sampleCount * 10)
        segments.states(0..<segments.sampleCount, to: &states)
        let half = states.count / 2
        let (position, speed) = (
            states[..<half].reduce(0) { $0 + $1 * $1 }, states[half...].reduce(0) { $0 + $1 * $1 }
        )
        #expect(abs(position / speed - 1) < 1e-10)
    }

    @Test func largestPenaltyWithoutLossIsChosen() throws {
        // The second is best, the third not worse than it varies, the fourth is.
        let blocks: [[Double]?] = [[3, 3, 3], [1, 1.2, 0.8], [1.3, 1.0, 0.9], [1.6, 1.7, 1.4], nil]
        let lambdas = [0.1, 0.2, 0.3, 0.4, 0.5]
        let plain = try #require(NetworkChoice(lambdas: lambdas, blocks: blocks, lostShare: nil))
        #expect(plain.chosen == 2)
        // Half of what connections gain may go: a quarter goes at the third.
        let shared = try #require(
            NetworkChoice(lambdas: lambdas, blocks: [[1], [1.1], [1.2], [1.6], [1.8]], lostShare: 0.5))
        #expect(shared.chosen == 2)
        let none = NetworkChoice(lambdas: [1], blocks: [nil], lostShare: nil)
        #expect(none == nil)
    }

    /// Whether every kind learns: from its beginning to the end of few steps the error of the segments falls.
    @Test(arguments: NetworkPenaltyKind.all) func everyPenaltyTrains(kind: NetworkPenaltyKind) throws {
        let network = try SimulatedNetwork.oscillators(samples: 600, seed: 3)
        var settings = NetworkSettings(kind)
        (settings.steps, settings.segmentLength, settings.hidden) = (120, 4, kind == .groupLasso ? [4] : [8])
        let lambda = kind.lambdas[min(1, kind.lambdas.count - 1)]
        settings.lambda = lambda
        let segments = try Segments(network.trajectories, order: 2, length: 4, isCommonScale: settings.hasCommonScale)
        let penalty = kind.penalty(lambda)
        let training = NetworkTraining(
            segments: segments, shape: NetworkTraining.shape(segments, penalty, settings), settings: settings)
        func mean(_ parameters: [Double]) throws -> Double {
            let errors = try #require(training.errors(parameters, Array(segments.starts.indices)))
            return errors.reduce(0, +) / Double(errors.count)
        }
        let before = try mean(NetworkTraining.initial(training.shape, seed: 0))
        let model = try NeuralModel(network.trajectories, DynamicsSettings(), network: settings)
        #expect(model.error < 0.7 * before, "\(before) \(model.error)")
        #expect(model.penalty == kind.name)
        #expect(model.connections.count == 20)
        let forecast = try model.forecast(after: network.trajectories.epochs[0], samples: 5)
        #expect(forecast.rows == 5 && forecast.columns == 5)
    }

    @Test func connectionsOfOscillatorsAreFound() throws {
        let network = try SimulatedNetwork.oscillators(samples: 3000, seed: 0)
        var settings = NetworkSettings()
        (settings.lambda, settings.steps) = (2, 300)
        let model = try NeuralModel(network.trajectories, DynamicsSettings(), network: settings)
        #expect(network.score(model.connections).f1 > 0.75)
        // Some are exactly zero.
        #expect(model.connections.contains { $0.influence == 0 })
        #expect(model.featureSparsity > 0.2)
    }

    @Test func strongPenaltyLeavesVariablesToThemselves() throws {
        let network = try SimulatedNetwork.oscillators(samples: 600, seed: 1)
        var settings = NetworkSettings()
        (settings.lambda, settings.steps) = (100, 60)
        let model = try NeuralModel(network.trajectories, DynamicsSettings(), network: settings)
        #expect(model.connections.allSatisfy { $0.influence == 0 && !$0.isSelected })
        for k in 0..<5 { #expect(model.influences[k, k] > 0) }
        #expect(model.featureSparsity == 0.8)
    }

    /// LassoNet's largest λ leaves no input, and no linear part either.
    @Test(arguments: [NetworkPenaltyKind.innerLassoNet, .outerLassoNet])
    func lassoNetDropsInputs(kind: NetworkPenaltyKind) throws {
        let network = try SimulatedNetwork.oscillators(samples: 600, seed: 1)
        var settings = NetworkSettings(kind)
        (settings.lambda, settings.steps, settings.segmentLength) = (1e4, 100, 4)
        let model = try NeuralModel(network.trajectories, DynamicsSettings(), network: settings)
        #expect(model.featureSparsity == 1)
        #expect(model.influences.elements.allSatisfy { $0 == 0 })
    }

    @Test func threadsChangeNothing() throws {
        let network = try SimulatedNetwork.oscillators(samples: 600, seed: 2)
        var settings = NetworkSettings()
        (settings.steps, settings.hidden) = (40, [4])
        func fit(_ threads: Int, _ seed: UInt64) throws -> NeuralModel {
            var general = DynamicsSettings()
            (general.parallelism, general.seed) = (Parallelism(threads: threads), seed)
            return try NeuralModel(network.trajectories, general, network: settings)
        }
        let one = try fit(1, 5)
        let three = try fit(3, 5)
        let other = try fit(1, 6)
        #expect(one.influences == three.influences)
        #expect(one.lambda == three.lambda)
        #expect(one.influences != other.influences)
    }

    @Test func cancellingStops() throws {
        let network = try SimulatedNetwork.oscillators(samples: 600, seed: 2)
        var settings = NetworkSettings()
        (settings.lambda, settings.steps) = (1, 1_000_000)
        settings.monitor = Monitor(isCancelled: { true })
        let model = try NeuralModel(network.trajectories, DynamicsSettings(), network: settings)
        #expect(model.isCancelled)
    }

    @Test func fewSamplesClaimNothing() throws {
        let network = try SimulatedNetwork.oscillators(samples: 250, seed: 2)
        var settings = NetworkSettings()
        (settings.lambda, settings.steps) = (1, 20)
        let model = try NeuralModel(network.trajectories, DynamicsSettings(), network: settings)
        #expect(model.connections.allSatisfy { !$0.isSelected })
        #expect(model.warnings.contains(.cannotTell(samples: 250, needed: 500)))
    }

    @Test func impossibleRequestsAreRefused() throws {
        let network = try SimulatedNetwork.oscillators(samples: 500, epoch: 6, seed: 2)
        #expect(throws: InvalidTrajectories.tooFewSamples(found: 6, needed: 7)) {
            try NeuralModel(network.trajectories, DynamicsSettings())
        }
        let changes: [(inout NetworkSettings) -> Void] = [
            { $0.lambda = -1 }, { $0.lambda = .nan }, { $0.hidden = [] }, { $0.hidden = [0] }, { $0.steps = 0 },
            { $0.batch = 0 }, { $0.rate = 0 }, { $0.rate = .nan }, { $0.segmentLength = 0 },
            { $0.solver = .fixed(steps: 0) }, { $0.solver = .adaptive(relative: 0, absolute: 1e-3) },
        ]
        for change in changes {
            var settings = NetworkSettings()
            change(&settings)
            #expect(throws: InvalidTrajectories.self) {
                try NeuralModel(network.trajectories, DynamicsSettings(), network: settings)
            }
        }
    }
}
