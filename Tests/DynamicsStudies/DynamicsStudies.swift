import Dynamics
import Glibc
import LinearAlgebra

/// Studies of who drives whom in networks whose connections are known.
///
/// Usage: DynamicsStudies networks oscillators|jansen-rit SAMPLES DECIBEL CASES MODEL…
///
/// Fits each kind of model to as many networks, drawn from the seeds 0, 1, …, and prints a line of JSON a model: F1 of the
/// connections and its standard error, false connections a network, how many networks had any connection claimed, seconds.
///
/// Names may end on -leaked: each variable then holds something of the others (see ``SimulatedNetwork/leaked(seed:)``).
///
/// Usage: DynamicsStudies linear NOISE CASES
///
/// Fits the linear model to as many draws of noise on the first half of a path of ẍ₁ = −1.5x₁, ẍ₂ = 0.8x₁ − x₂, ẍ₃ = −0.7x₂ −
/// 2x₃ − 0.1ẋ₃ (101 samples of 0.1), and prints a line of JSON: the largest error of a coefficient (median and worst of the draws),
/// the mean square error over the second half, how many draws gave the structure exactly, coefficients lost and in excess, seconds.
///
/// Usage: DynamicsStudies linear-network PENALTY LAMBDA|auto CASES, or network-gradient
///
/// The same path by networks, a line of JSON a draw and one of medians; or how long one gradient takes.
///
/// Usage: DynamicsStudies write FOLDER oscillators|jansen-rit SAMPLES DECIBEL CASES
///
/// Writes each network's trajectories (columns epoch, time, one a variable) and true connections (source, target) as tables.
@main
struct DynamicsStudies {
    static func main() throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard let verb = arguments.first else { return complain() }
        let rest = Array(arguments.dropFirst())
        switch verb {
        case "networks": try networks(rest)
        case "linear": try linear(rest)
        case "linear-network": try linearNetworks(rest)
        case "network-gradient": networkGradient()
        case "write": try write(rest)
        default: complain()
        }
    }

    private static func complain() {
        print(
            "usage: networks NETWORK SAMPLES DECIBEL CASES MODEL…, linear NOISE CASES, or write FOLDER NETWORK SAMPLES DECIBEL CASES"
        )
    }

    private static func network(
        _ name: String, samples: Int, decibel: Double, seed: Int
    ) throws -> SimulatedNetwork {
        if name.hasSuffix("-leaked") {
            return try network(String(name.dropLast(7)), samples: samples, decibel: decibel, seed: seed)
                .leaked(seed: UInt64(seed))
        }
        return name == "oscillators"
            ? try SimulatedNetwork.oscillators(samples: samples, decibel: decibel, seed: UInt64(seed))
            : try SimulatedNetwork.jansenRit(samples: samples, decibel: decibel, seed: UInt64(seed))
    }

    private static func networks(_ arguments: [String]) throws {
        guard arguments.count > 4, let samples = Int(arguments[1]), let decibel = Double(arguments[2]),
            let cases = Int(arguments[3]), cases > 0
        else { return complain() }
        let drawn = try (0..<cases).map {
            try network(arguments[0], samples: samples, decibel: decibel, seed: $0)
        }
        for name in arguments.dropFirst(4) {
            guard let kind = DynamicsKind.named(name) else { return print("no model '\(name)'") }
            var scores: [(f1: Double, falseEdges: Int)] = []
            var claimed = 0
            let clock = ContinuousClock()
            var seconds: [Double] = []
            for network in drawn {
                let began = clock.now
                let model = try kind.fit(network.trajectories)
                seconds.append((clock.now - began) / .seconds(1))
                scores.append(network.score(model.connections))
                if model.connections.contains(where: \.isSelected) { claimed += 1 }
            }
            let count = Double(cases)
            let mean = scores.reduce(0) { $0 + $1.f1 } / count
            let variance = scores.reduce(0) { $0 + ($1.f1 - mean) * ($1.f1 - mean) } / max(1, count - 1)
            let falseEdges = Double(scores.reduce(0) { $0 + $1.falseEdges }) / count
            print(
                String(
                    printf: "{\"f1\": %.4f, \"error\": %.4f, \"false\": %.3f, \"claimed\": %ld, \"seconds\": %.5f, ",
                    mean,
                    (variance / count).squareRoot(), falseEdges, claimed, seconds.sorted()[cases / 2])
                    + "\"model\": \"\(name)\"}")
        }
    }

    private static func linear(_ arguments: [String]) throws {
        guard arguments.count == 2, let noise = Double(arguments[0]), let cases = Int(arguments[1]), cases > 0 else {
            return complain()
        }
        let truth = LinearSystem(
            coefficients: Matrix(
                rows: 3, columns: 6, elements: [-1.5, 0.8, 0, 0, -1, -0.7, 0, 0, -2, 0, 0, 0, 0, 0, 0, 0, 0, -0.1]))
        let path = truth.path(from: [1, 0, -0.5, 0, 0.5, 1], interval: 0.1, samples: 201)
        var (errors, squares, seconds): ([Double], [Double], [Double]) = ([], [], [])
        var (exact, lost, excess) = (0, 0, 0)
        let clock = ContinuousClock()
        for seed in 0..<cases {
            var generator = SeededGenerator(seed: UInt64(seed))
            let seen = Matrix(rows: 3, columns: 101) { path[$0, $1] + noise * generator.normal() }
            let began = clock.now
            let model = try LinearModel(Trajectories(epochs: [seen], interval: 0.1), DynamicsSettings())
            seconds.append((clock.now - began) / .seconds(1))
            let pairs = Array(zip(model.system.coefficients.elements, truth.coefficients.elements))
            errors.append(pairs.reduce(0) { max($0, abs($1.0 - $1.1)) })
            let missing = pairs.count { $0.0 == 0 && $0.1 != 0 }
            let more = pairs.count { $0.0 != 0 && $0.1 == 0 }
            (lost, excess, exact) = (lost + missing, excess + more, exact + (missing + more == 0 ? 1 : 0))
            let forecast = try model.forecast(after: seen, samples: 100)
            squares.append((forecast - Matrix(rows: 3, columns: 100) { path[$0, 101 + $1] }).squaredNorm / 300)
        }
        func middle(_ list: [Double]) -> Double { list.sorted()[list.count / 2] }
        print(
            String(
                printf: "{\"error\": %.5f, \"worst_error\": %.5f, \"mse\": %.3e, \"worst_mse\": %.3e, ", middle(errors),
                errors.max() ?? 0, middle(squares), squares.max() ?? 0)
                + String(printf: "\"exact\": %ld, \"lost\": %ld, \"excess\": %ld, ", exact, lost, excess)
                + String(printf: "\"seconds\": %.4f}", middle(seconds)))
    }

    private static func write(_ arguments: [String]) throws {
        guard arguments.count == 5, let samples = Int(arguments[2]), let decibel = Double(arguments[3]),
            let cases = Int(arguments[4])
        else { return complain() }
        for seed in 0..<cases {
            let network = try network(arguments[1], samples: samples, decibel: decibel, seed: seed)
            let n = network.trajectories.variableCount
            var table = (["epoch", "time"] + (1...n).map { "x\($0)" }).joined(separator: "\t") + "\n"
            for (number, epoch) in network.trajectories.epochs.enumerated() {
                for sample in 0..<epoch.columns {
                    let time = Double(sample) * network.trajectories.interval
                    let row = ["\(number)", "\(time)"] + (0..<n).map { "\(epoch[$0, sample])" }
                    table += row.joined(separator: "\t") + "\n"
                }
            }
            var truth = "source\ttarget\n"
            for pair in Connection.pairs(of: n) where network.isConnected[pair.target][pair.source] {
                truth += "\(pair.source)\t\(pair.target)\n"
            }
            save(table, "\(arguments[0])/\(seed).tsv")
            save(truth, "\(arguments[0])/\(seed)-truth.tsv")
        }
    }

    private static func save(_ text: String, _ path: String) {
        guard let file = fopen(path, "w") else { return print("cannot write \(path)") }
        fputs(text, file)
        fclose(file)
    }
}
