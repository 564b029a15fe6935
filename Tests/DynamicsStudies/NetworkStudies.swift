import Dynamics
import Glibc
import LinearAlgebra

extension DynamicsStudies {
    /// Networks under a penalty fitted to as many draws of noise of 0.02 on the first half of a path of the linear system of
    /// ``linear(_:)``, each with its own seed; prints a line of JSON a draw, then one of medians: mean square error over the second
    /// half, the largest error of a coefficient, of 12 that are zero those found below 0.05, of 6 others those lost, sparsity,
    /// seconds.
    ///
    /// - Parameter arguments: penalty, λ (or auto), cases.
    static func linearNetworks(_ arguments: [String]) throws {
        guard arguments.count == 3, let kind = NetworkPenaltyKind.named(arguments[0]), let cases = Int(arguments[2]),
            cases > 0, arguments[1] == "auto" || Double(arguments[1]) != nil
        else { return print("usage: linear-network PENALTY LAMBDA|auto CASES") }
        var network = NetworkSettings(kind)
        network.lambda = Double(arguments[1])
        let rows = [[-1.5, 0, 0, 0, 0, 0], [0.8, -1, 0, 0, 0, 0], [0, -0.7, -2, 0, 0, -0.1]]
        let truth = Matrix(rows: 3, columns: 6) { rows[$0][$1] }
        let clean = LinearSystem(coefficients: truth).path(
            from: [1, 0, -0.5, 0, 0.5, 1], interval: 0.1, samples: 201)
        let names = ["mse", "error", "zeros", "lost", "features", "weights", "lambda", "seconds"]
        func line(_ values: [Double]) -> String {
            zip(names, values).map { "\"\($0)\": " + String(printf: "%.4g", $1) }.joined(separator: ", ")
        }
        var found: [[Double]] = []
        for seed in 0..<cases {
            var random = SeededGenerator(seed: 1000 + UInt64(seed))
            let data = Matrix(rows: 3, columns: 101) { clean[$0, $1] + 0.02 * random.normal() }
            var settings = DynamicsSettings()
            settings.seed = UInt64(seed)
            let clock = ContinuousClock()
            let began = clock.now
            let model = try NeuralModel(Trajectories(epochs: [data], interval: 0.1), settings, network: network)
            let seconds = (clock.now - began) / .seconds(1)
            var square = Double.infinity
            if let forecast = try? model.forecast(after: data, samples: 100) {
                square = (forecast - clean.columns(101..<201).rows(0..<3)).squaredNorm / 300
            }
            let values = model.coefficients.elements
            let pairs = zip(values, truth.elements)
            found.append([
                square, pairs.map { abs($0 - $1) }.max() ?? 0,
                Double(pairs.count { $1 == 0 && abs($0) < 0.05 }), Double(pairs.count { $1 != 0 && abs($0) < 0.05 }),
                model.featureSparsity, model.weightSparsity, model.lambda, seconds,
            ])
            print("{\"penalty\": \"\(kind.name)\", \"seed\": \(seed), \(line(found[seed]))}")
        }
        let medians = names.indices.map { k in found.map { $0[k] }.sorted()[cases / 2] }
        print("{\"penalty\": \"\(kind.name)\", \"median\": true, \(line(medians))}")
    }

    /// Milliseconds of one gradient of a network of 6, 20, 20 and 3 units over 96 segments of 5 steps.
    static func networkGradient() {
        let shape = NetworkShape(variables: 3, order: 2, hidden: [20, 20])
        var random = SeededGenerator(seed: 1)
        let parameters = (0..<shape.count).map { _ in 0.3 * random.normal() }
        let starts = (0..<(96 * 6)).map { _ in random.normal() }
        let targets = (0..<(96 * 15)).map { _ in random.normal() }
        let workspace = NetworkWorkspace(shape, batch: 96, samples: 5, solver: .fixed(steps: 1))
        var gradient = [Double](repeating: 0, count: shape.count)
        let clock = ContinuousClock()
        let times = (0..<500).map { _ in
            let began = clock.now
            _ = workspace.solve(parameters, starts: starts, rows: 96, samples: 5, interval: 0.1)
            _ = workspace.differentiate(parameters, targets: targets, samples: 5, into: &gradient)
            return (clock.now - began) / .milliseconds(1)
        }.sorted()
        print(String(printf: "{\"best\": %.4f, \"median\": %.4f}", times[0], times[times.count / 2]))
    }
}

extension SimulatedNetwork {
    /// What sources look like that were fitted jointly some millimetres beside their places: crosstalk of either sign, half of
    /// it below 0.03 and a tenth above 0.2, of the noise too.
    func leaked(seed: UInt64) throws -> SimulatedNetwork {
        var random = SeededGenerator(seed: 77 + seed)
        let n = trajectories.variableCount
        let mixing = Matrix(rows: n, columns: n) { i, j in
            let size = 0.03 * exp(1.48 * random.normal())
            return i == j ? 1 : (random.uniform() < 0.5 ? -size : size)
        }
        return SimulatedNetwork(
            isConnected: isConnected,
            trajectories: try Trajectories(
                epochs: trajectories.epochs.map { mixing * $0 }, interval: trajectories.interval))
    }
}

extension Matrix {
    /// Some of the rows.
    fileprivate func rows(_ range: Range<Int>) -> Matrix {
        Matrix(rows: range.count, columns: columns) { self[range.lowerBound + $0, $1] }
    }
}
