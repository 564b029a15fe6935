import Glibc
import LinearAlgebra

import Dynamics

/// Networks whose connections are known, drawn from seeds.
struct SimulatedNetwork {
    /// Targets × sources.
    let isConnected: [[Bool]]
    /// Standardized, with white noise on top.
    let trajectories: Trajectories

    /// Damped oscillators of 6 to 14 Hz that noise drives, coupled by tanh: ẍ_i = −w²x_i − 2ζwẋ_i + Σ_j C_ij tanh x_j + noise.
    static func oscillators(
        variables n: Int = 5, edges: Int = 6, samples: Int, epoch: Int = 250, decibel: Double = 20, seed: UInt64
    ) throws -> SimulatedNetwork {
        var generator = SeededGenerator(seed: seed)
        let isConnected = connected(n, edges, &generator)
        let w = (0..<n).map { _ in 2 * Double.pi * (6 + 8 * generator.uniform()) }
        let damping = (0..<n).map { _ in 0.15 + 0.1 * generator.uniform() }
        let strength = (0..<n).map { target in
            (0..<n).map { source -> Double in
                guard isConnected[target][source] else { return 0 }
                let sign = generator.uniform() < 0.5 ? -1.0 : 1
                return sign * (0.4 + 0.2 * generator.uniform()) * w[target] * w[target]
            }
        }
        let substeps = 10
        let h = 1 / 250.0 / Double(substeps)
        // White noise that gives an oscillator by itself unit variance.
        let drive = (0..<n).map { (4 * damping[$0] * w[$0] * w[$0] * w[$0] * h).squareRoot() }
        var (x, v) = ([Double](repeating: 0, count: n), [Double](repeating: 0, count: n))
        var values = Matrix(rows: n, columns: samples)
        for sample in -250..<samples {
            for _ in 0..<substeps {
                let saturated = x.map { tanh($0) }
                for i in 0..<n {
                    var force = -w[i] * w[i] * x[i] - 2 * damping[i] * w[i] * v[i]
                    for j in 0..<n { force += strength[i][j] * saturated[j] }
                    v[i] += h * force + drive[i] * generator.normal()
                }
                for i in 0..<n { x[i] += h * v[i] }
            }
            if sample >= 0 { for i in 0..<n { values[i, sample] = x[i] } }
        }
        return try observed(values, isConnected, epoch, decibel, &generator)
    }

    /// Columns of Jansen & Rit (1995), the pyramidal cells of one exciting those of others.
    static func jansenRit(
        variables n: Int = 5, edges: Int = 6, samples: Int, epoch: Int = 250, decibel: Double = 20, seed: UInt64
    ) throws -> SimulatedNetwork {
        var generator = SeededGenerator(seed: seed)
        let isConnected = connected(n, edges, &generator)
        let strength = (0..<n).map { target in
            (0..<n).map { isConnected[target][$0] ? 30 + 12 * generator.uniform() : 0 }
        }
        func rate(_ v: Double) -> Double { 5 / (1 + exp(0.56 * (6 - v))) }
        let substeps = 10
        let h = 1 / 250.0 / Double(substeps)
        // Excitatory and inhibitory gains (mV) and rates (1/s); each column's rates differ by a tenth.
        let (a, b) = (
            (0..<n).map { _ in 100 * (0.9 + 0.2 * generator.uniform()) },
            (0..<n).map { _ in 50 * (0.9 + 0.2 * generator.uniform()) }
        )
        // Mean input, 1/s: near where a column begins to oscillate.
        let rest = (0..<n).map { _ in 120 + 40 * generator.uniform() }
        var y = [[Double]](repeating: [Double](repeating: 0, count: 6), count: n)
        var values = Matrix(rows: n, columns: samples)
        for sample in -500..<samples {
            for _ in 0..<substeps {
                let output = y.map { rate($0[1] - $0[2]) }
                for i in 0..<n {
                    let drive = (0..<n).reduce(0) { $0 + strength[i][$1] * output[$1] }
                    let input = rest[i] + 2.5 * generator.normal() / h.squareRoot() + drive + 108 * rate(135 * y[i][0])
                    let forces = [
                        3.25 * a[i] * output[i] - 2 * a[i] * y[i][3] - a[i] * a[i] * y[i][0],
                        3.25 * a[i] * input - 2 * a[i] * y[i][4] - a[i] * a[i] * y[i][1],
                        22 * b[i] * 33.75 * rate(33.75 * y[i][0]) - 2 * b[i] * y[i][5] - b[i] * b[i] * y[i][2],
                    ]
                    for k in 0..<3 { y[i][3 + k] += h * forces[k] }
                    for k in 0..<3 { y[i][k] += h * y[i][3 + k] }
                }
            }
            if sample >= 0 { for i in 0..<n { values[i, sample] = y[i][1] - y[i][2] } }
        }
        return try observed(values, isConnected, epoch, decibel, &generator)
    }

    private static func connected(_ n: Int, _ edges: Int, _ generator: inout SeededGenerator) -> [[Bool]] {
        var pairs = Connection.pairs(of: n)
        pairs.shuffle(using: &generator)
        var result = [[Bool]](repeating: [Bool](repeating: false, count: n), count: n)
        for pair in pairs.prefix(edges) { result[pair.target][pair.source] = true }
        return result
    }

    private static func observed(
        _ values: Matrix, _ isConnected: [[Bool]], _ epoch: Int, _ decibel: Double, _ generator: inout SeededGenerator
    ) throws -> SimulatedNetwork {
        let count = Double(values.columns)
        var noisy = values
        for i in 0..<values.rows {
            let own = values.row(i)
            let mean = own.reduce(0, +) / count
            let deviation = (own.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
            for k in own.indices { noisy[i, k] = (own[k] - mean) / deviation }
        }
        noisy = noisy + generator.normal(rows: values.rows, columns: values.columns) * pow(10, -decibel / 20)
        let epochs = stride(from: 0, to: noisy.columns, by: epoch).map {
            noisy.columns($0..<min($0 + epoch, noisy.columns))
        }
        return SimulatedNetwork(
            isConnected: isConnected, trajectories: try Trajectories(epochs: epochs, interval: 1 / 250.0))
    }

    /// How well a model's connections are those that are there.
    func score(_ connections: [Connection]) -> (f1: Double, falseEdges: Int) {
        let found = connections.filter(\.isSelected)
        let right = found.count { isConnected[$0.target][$0.source] }
        let there = isConnected.reduce(0) { $0 + $1.count { $0 } }
        let f1 = found.isEmpty ? 0 : 2 * Double(right) / Double(found.count + there)
        return (f1, found.count - right)
    }
}
