import Glibc
import LinearAlgebra

/// What a network says comes next, by Dormand and Prince's method, in its own units.
struct NetworkForecast: Sendable {
    let shape: NetworkShape
    /// The numbers that a path depends on.
    let weights: [Double]
    /// The sampling interval in the network's unit of time.
    let interval: Double
    private static let solver = NetworkSolver.adaptive(relative: 1e-7, absolute: 1e-9)

    /// States and what is seen of them after a state: both a column a sample; nil where they leave the finite numbers.
    func path(from state: [Double], samples: Int) -> (states: Matrix, seen: Matrix)? {
        let workspace = NetworkWorkspace(
            shape, batch: 1, samples: max(1, samples), solver: Self.solver, keepsAll: false)
        guard
            workspace.solve(weights, starts: state, rows: 1, samples: samples, interval: interval, keepsAll: false)
        else { return nil }
        var states = Matrix(rows: shape.inputs, columns: samples)
        var seen = Matrix(rows: shape.variables, columns: samples)
        var own = [Double](repeating: 0, count: shape.variables)
        for sample in 0..<samples {
            for k in 0..<shape.inputs { states[k, sample] = workspace.solution(sample)[k] }
            workspace.seen(sample, weights, into: &own)
            for k in own.indices { seen[k, sample] = own[k] }
        }
        return (states, seen)
    }

    /// The state at the end of a history: of the path nearest to as many of its last samples as one path explains.
    ///
    /// From the fewest samples on the stretch doubles while the path stays as near to it as it was, or nearer than a twentieth
    /// of the variables' deviations: what noise drives has a short memory, what follows its own path a long one.
    ///
    /// - Parameters:
    ///   - history: standardized, variables × samples.
    ///   - fewest: samples, seven at least.
    func state(after history: Matrix, fewest: Int) -> [Double]? {
        var best: (state: [Double], error: Double)?
        var count = fewest
        while true {
            let length = min(count, history.columns)
            let window = history.columns((history.columns - length)..<history.columns)
            guard let found = fit(window), found.error <= max(1.5 * (best?.error ?? .infinity), 0.05) else { break }
            best = (found.state, min(found.error, best?.error ?? .infinity))
            guard length < history.columns else { break }
            count *= 2
        }
        return best?.state
    }

    /// The last state of the path nearest to samples, by Marquardt's method (1963) over its first state, and the path's root
    /// mean squared distance.
    private func fit(_ window: Matrix) -> (state: [Double], error: Double)? {
        let (values, slopes) = SavitzkyGolay().states(window)
        var state = (0..<shape.inputs).map {
            $0 < shape.variables ? values[$0, 0] : slopes[$0 - shape.variables, 0] / interval
        }
        let workspace = NetworkWorkspace(
            shape, batch: shape.inputs + 1, samples: window.columns - 1, solver: Self.solver, keepsAll: false)
        var damping = 1e-3
        guard var point = residuals(window, state, workspace) else { return nil }
        for _ in 0..<30 {
            var gain = 0.0
            while damping < 1e8 {
                if let step = Self.step(point.derivatives, point.values, damping) {
                    let moved = zip(state, step).map { $0 - $1 }
                    if let next = residuals(window, moved, workspace), next.square < point.square {
                        gain = 1 - next.square / point.square
                        (state, point) = (moved, next)
                        damping = max(1e-9, damping / 10)
                        break
                    }
                }
                damping *= 10
            }
            if gain < 1e-8 { break }
        }
        let freedom = max(1, point.values.count - shape.inputs)
        let last = window.columns > 1 ? point.last : state
        return (last, (point.square / Double(freedom)).squareRoot())
    }

    private struct Residuals {
        let values: [Double]
        let derivatives: Matrix
        let square: Double
        let last: [Double]
    }

    /// Path minus samples and its derivatives by the first state, by differences: all paths are solved at once.
    private func residuals(_ window: Matrix, _ state: [Double], _ workspace: NetworkWorkspace) -> Residuals? {
        let (n, width) = (shape.variables, shape.inputs)
        let rows = width + 1
        let h = 1e-5
        var starts = [Double](repeating: 0, count: rows * width)
        for column in 0..<width {
            for row in 0..<rows { starts[column * rows + row] = state[column] + (row == column + 1 ? h : 0) }
        }
        let samples = window.columns - 1
        guard
            workspace.solve(
                weights, starts: starts, rows: rows, samples: samples, interval: interval, keepsAll: false)
        else { return nil }
        var values = [Double](repeating: 0, count: n * (samples + 1))
        var derivatives = Matrix(rows: values.count, columns: width)
        var own = [Double](repeating: 0, count: rows * n)
        for sample in 0...samples {
            if sample == 0 {
                seenAtStart(starts, rows, into: &own)
            } else {
                workspace.seen(sample - 1, weights, into: &own)
            }
            for variable in 0..<n {
                let place = sample * n + variable
                values[place] = own[variable * rows] - window[variable, sample]
                for k in 0..<width {
                    derivatives[place, k] = (own[variable * rows + k + 1] - own[variable * rows]) / h
                }
            }
        }
        let square = values.reduce(0) { $0 + $1 * $1 }
        guard square.isFinite else { return nil }
        let last = samples > 0 ? (0..<width).map { workspace.solution(samples - 1)[$0 * rows] } : state
        return Residuals(values: values, derivatives: derivatives, square: square, last: last)
    }

    private func seenAtStart(_ starts: [Double], _ rows: Int, into result: inout [Double]) {
        let n = shape.variables
        for k in 0..<(rows * n) { result[k] = starts[k] }
        guard shape.skip == .outer else { return }
        for row in 0..<rows {
            for variable in 0..<n {
                for k in 0..<shape.inputs {
                    result[variable * rows + row] +=
                        weights[shape.skipStart + k * n + variable] * starts[k * rows + row]
                }
            }
        }
    }

    private static func step(_ jacobian: Matrix, _ values: [Double], _ damping: Double) -> [Double]? {
        var normal = Matrix.product(jacobian, transposed: true, jacobian)
        for k in 0..<normal.rows { normal[k, k] *= 1 + damping }
        let right = Matrix.product(
            jacobian, transposed: true, Matrix(rows: values.count, columns: 1, elements: values))
        return (try? Cholesky(normal).solve(right))?.elements
    }
}
