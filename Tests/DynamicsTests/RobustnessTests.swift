import LinearAlgebra
import Testing

@testable import Dynamics

@Suite struct RobustnessTests {
    /// Small, constant in parts, copied, rounded, drifting, huge and tiny data: every kind of model fits or refuses, and what it
    /// says is finite.
    @Test func anyDataAreFittedOrRefused() {
        var generator = SeededGenerator(seed: 77)
        var fitted = 0
        // Few steps train a network long enough to fail.
        var network = NetworkSettings()
        network.steps = 30
        let kinds = DynamicsKind.all.map { $0 == .network ? .network(network) : $0 }
        for _ in 0..<60 {
            let n = 1 + Int(generator.uniform() * 4)
            let scale = [1e-80, 1e-9, 1, 1e9, 1e80][Int(generator.uniform() * 5)]
            let form = Int(generator.uniform() * 6)
            let epochs = (0..<(1 + Int(generator.uniform() * 7))).map { _ in
                var x = generator.normal(rows: n, columns: 1 + Int(generator.uniform() * 90))
                for t in 0..<x.columns {
                    switch form {
                    case 0: x[n - 1, t] = x[0, t] + 1e-9 * x[n - 1, t]
                    case 1: x[0, t] = t < x.columns / 2 ? 3 : x[0, t]
                    case 2: for i in 0..<n { x[i, t] = x[i, t].rounded() }
                    case 3: for i in 0..<n { x[i, t] = 1e7 + Double(t) + x[i, t] }
                    case 4: for i in 0..<n where t > 0 { x[i, t] = 1.3 * x[i, t - 1] + 1e-3 * x[i, t] }
                    default: break
                    }
                }
                return x * scale
            }
            var settings = DynamicsSettings()
            settings.derivativeOrder = 1 + Int(generator.uniform() * 2)
            settings.order = generator.uniform() < 0.5 ? nil : 1 + Int(generator.uniform() * 5)
            settings.halfWidth = 2 + Int(generator.uniform() * 10)
            settings.degree = 1 + Int(generator.uniform() * 3)
            settings.resamples = generator.uniform() < 0.2 ? 3 : 0
            guard let trajectories = try? Trajectories(epochs: epochs, interval: 0.01) else { continue }
            for kind in kinds {
                guard let model = try? kind.fit(trajectories, settings) else { continue }
                fitted += 1
                #expect(model.connections.count == n * (n - 1))
                for connection in model.connections {
                    #expect(connection.influence.isFinite && connection.influence >= 0)
                    #expect(connection.p.map { $0 >= 0 && $0 <= 1 } ?? true)
                }
                let longest = trajectories.epochs.max { $0.columns < $1.columns } ?? trajectories.epochs[0]
                if let forecast = try? model.forecast(after: longest, samples: 5) {
                    #expect(forecast.firstNonFinite == nil)
                }
                if let spectrum = model.spectrum(at: [0, 10]) {
                    #expect(spectrum.coherence.allSatisfy { $0.firstNonFinite == nil })
                }
                #expect(model.warnings.first == .predictiveOnly)
            }
        }
        #expect(fitted > 40)
    }
}
