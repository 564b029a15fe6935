import Glibc
import LinearAlgebra
import Testing

@testable import Dynamics
@testable import DynamicsStudies

@Suite struct AutoregressiveModelTests {
    @Test func connectionsOfOscillatorsAreFound() throws {
        var scores: [(f1: Double, falseEdges: Int)] = []
        for seed in 20..<30 {
            let network = try SimulatedNetwork.oscillators(samples: 5000, seed: UInt64(seed))
            scores.append(network.score(try AutoregressiveModel(network.trajectories, DynamicsSettings()).connections))
        }
        #expect(scores.reduce(0) { $0 + $1.f1 } / 10 >= 0.95)
        #expect(scores.reduce(0) { $0 + $1.falseEdges } <= 3)
    }

    @Test func connectionsOfColumnsAreFound() throws {
        var sum = 0.0
        for seed in 20..<30 {
            let network = try SimulatedNetwork.jansenRit(samples: 5000, seed: UInt64(seed))
            sum += network.score(try AutoregressiveModel(network.trajectories, DynamicsSettings()).connections).f1
        }
        #expect(sum / 10 >= 0.7)
    }

    @Test func fewSamplesCannotTell() throws {
        let network = try SimulatedNetwork.oscillators(samples: 250, seed: 3)
        let model = try AutoregressiveModel(network.trajectories, DynamicsSettings())
        #expect(model.connections.filter(\.isSelected).isEmpty)
        #expect(model.warnings.contains(.cannotTell(samples: 250 - model.order, needed: 500)))
    }

    @Test func forecastIsTheRecursion() throws {
        let trajectories = try AutoregressionTests.chain(samples: [3000], seed: 4, mean: 2)
        let model = try AutoregressiveModel(trajectories, DynamicsSettings())
        #expect(model.order == 2)
        let history = Matrix(rows: 3, columns: 3, elements: [9, 9, 9, 1, 3, 2, 4, 0, 2.5])
        let found = try model.forecast(after: history, samples: 40)
        // The truth's recursion; the oldest sample is out of its reach.
        var x = history
        for _ in 0..<40 {
            let t = x.columns
            func past(_ variable: Int, _ lag: Int) -> Double { x[variable, t - lag] - 2 }
            let next = [
                2 + 0.5 * past(0, 1) - 0.3 * past(0, 2), 2 + 0.4 * past(1, 1) + 0.6 * past(0, 2),
                2 + 0.2 * past(2, 1) - 0.5 * past(1, 1),
            ]
            x = Matrix(rows: 3, columns: t + 1, elements: x.elements + next)
        }
        for k in 0..<40 { for i in 0..<3 { #expect(abs(found[i, k] - x[i, 3 + k]) < 0.2) } }
        #expect(try model.forecast(after: history, samples: 0).columns == 0)
        #expect(throws: InvalidTrajectories.tooFewSamples(found: 1, needed: 2)) {
            try model.forecast(after: history.columns([0]), samples: 1)
        }
        #expect(throws: InvalidTrajectories.variables(epoch: 0, found: 1, expected: 3)) {
            try model.forecast(after: Matrix(rows: 1, columns: 5), samples: 1)
        }
    }

    @Test func unitsChangeNothingButTheForecast() throws {
        let trajectories = try AutoregressionTests.chain(samples: [900], seed: 4)
        let scaled = try Trajectories(
            epochs: [
                Matrix(rows: 3, columns: 900) { trajectories.epochs[0][$0, $1] * [1e-9, 5, 1e6][$0] + Double($0) }
            ],
            interval: 0.01)
        let (a, b) = (
            try AutoregressiveModel(trajectories, DynamicsSettings()),
            try AutoregressiveModel(scaled, DynamicsSettings())
        )
        for (a, b) in zip(a.connections, b.connections) {
            #expect(abs(a.influence - b.influence) < 1e-9)
            #expect(a.isSelected == b.isSelected)
        }
        let history = scaled.epochs[0].columns(0..<2)
        let (x, y) = (
            try a.forecast(after: trajectories.epochs[0].columns(0..<2), samples: 5),
            try b.forecast(after: history, samples: 5)
        )
        for k in 0..<5 { #expect(abs(y[1, k] - 5 * x[1, k] - 1) < 1e-7) }
    }

    @Test func spectrumIsOfTheCoefficients() throws {
        let trajectories = try AutoregressionTests.chain(samples: [20_000], seed: 12)
        let model = try AutoregressiveModel(trajectories, DynamicsSettings())
        let spectrum = try #require(model.spectrum(at: [0, 7, 25, 50]))
        for (frequency, coherence) in zip(spectrum.frequencies, spectrum.coherence) {
            for source in 0..<3 {
                let sum = coherence.column(source).reduce(0) { $0 + $1 * $1 }
                #expect(abs(sum - 1) < 1e-12)
            }
            // Column 0 of I − Σ A_l exp(−2πi f l Δ), all noise alike: x0 drives itself and, at lag 2, x1.
            let angle = 2 * Double.pi * frequency * 0.01
            let own = (1 - 0.5 * cos(angle) + 0.3 * cos(2 * angle), 0.5 * sin(angle) - 0.3 * sin(2 * angle))
            let size = hypot(own.0, own.1)
            #expect(abs(coherence[1, 0] - 0.6 / hypot(size, 0.6)) < 0.03)
            #expect(coherence[2, 0] < 0.03)
        }
    }

    @Test func resamplesTellWhatIsSteady() throws {
        var settings = DynamicsSettings()
        settings.resamples = 40
        settings.seed = 1
        let chain = try AutoregressionTests.chain(samples: [Int](repeating: 100, count: 12), seed: 4)
        let model = try AutoregressiveModel(chain, settings)
        for connection in model.connections {
            let isThere =
                (connection.source, connection.target) == (0, 1) || (connection.source, connection.target) == (1, 2)
            #expect(connection.isSelected == isThere)
            let frequency = try #require(connection.frequency)
            #expect(isThere ? frequency == 1 : frequency < 0.5)
        }
        settings.parallelism = Parallelism(threads: 3)
        #expect(try AutoregressiveModel(chain, settings).connections == model.connections)
        // Without its limits the rule finds chance connections, others in other resamples.
        settings.smallestInfluence = 0
        settings.falseDiscoveryRate = 0.5
        let lax = try AutoregressiveModel(chain, settings)
        #expect(lax.connections.contains { ($0.frequency ?? 0) > 0 && ($0.frequency ?? 1) < 1 })
        settings.seed = 2
        #expect(try AutoregressiveModel(chain, settings).connections != lax.connections)
        let short = try AutoregressionTests.chain(samples: [600, 600], seed: 4)
        let other = try AutoregressiveModel(short, settings)
        #expect(other.warnings.contains(.noResamples(epochs: 2)))
        #expect(other.connections.allSatisfy { $0.frequency == nil })
    }

    @Test func reversedTimeConfirms() throws {
        let chain = try AutoregressionTests.chain(samples: [4000], seed: 4)
        let model = try AutoregressiveModel(chain, DynamicsSettings())
        let reversed = try GrangerCausality(chain.standardized().trajectories, order: model.order, isReversed: true)
        for connection in model.connections {
            let (i, j) = (connection.target, connection.source)
            let net = model.causality.influence[i, j] - model.causality.influence[j, i]
            let other = reversed.influence[i, j] - reversed.influence[j, i]
            #expect(connection.isConfirmed == (net - other > 0))
            if connection.isSelected { #expect(connection.isConfirmed == true) }
        }
    }

    @Test func oneVariableHasNoConnections() throws {
        var generator = SeededGenerator(seed: 1)
        let trajectories = try Trajectories(epochs: [generator.normal(rows: 1, columns: 600)], interval: 0.01)
        for kind in DynamicsKind.all where kind != .linear {
            let model = try kind.fit(trajectories)
            #expect(model.connections.isEmpty)
        }
    }
}
