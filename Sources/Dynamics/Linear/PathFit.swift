import Glibc
import LinearAlgebra

/// A linear system fitted to whole trajectories: Σ ‖x(t) − C exp(Mt)z₀‖² over its coefficients, each epoch's first state z₀
/// eliminated by linear least squares (variable projection; Golub & Pereyra 1973, Kaufman 1975).
struct PathFit {
    let trajectories: Trajectories
    let derivativeOrder: Int

    /// A system and how well its best paths fit.
    struct Point {
        let system: LinearSystem
        /// Σ ‖x − path‖².
        let squares: Double
        /// z₀, one an epoch.
        let starts: [[Double]]
    }

    /// Marquardt's method (1963) from a system, only some coefficients free; the others stay as they are.
    ///
    /// - Parameter support: the free coefficients, as positions in the elements of ``LinearSystem/coefficients``.
    /// - Returns: the best point, and the standard errors of the free coefficients; nil where the first path overflows.
    /// - Complexity: O(k((n·order)³ + samples(n·order)²) + samples·n·k²) an iteration with k free coefficients.
    func fit(_ start: LinearSystem, support: [Int]) -> (point: Point, errors: [Double])? {
        guard var point = project(start) else { return nil }
        guard !support.isEmpty else { return (point, []) }
        var damping = 1e-3
        var equations = linearize(point, support)
        for _ in 0..<60 {
            var isBetter = false
            var gain = 0.0
            while damping < 1e10 {
                if let step = equations.step(damping: damping),
                    let next = project(moved(point.system, support, step)), next.squares < point.squares
                {
                    gain = (point.squares - next.squares) / point.squares
                    point = next
                    damping = max(damping / 10, 1e-12)
                    isBetter = true
                    break
                }
                damping *= 10
            }
            guard isBetter else { break }
            equations = linearize(point, support)
            if gain < 1e-12 { break }
        }
        let values = Double(trajectories.sampleCount * trajectories.variableCount)
        let states = point.starts.count * point.system.coefficients.columns
        let freedom = max(1, values - Double(support.count + states))
        return (point, equations.errors(variance: point.squares / freedom))
    }

    private func moved(_ system: LinearSystem, _ support: [Int], _ step: [Double]) -> LinearSystem {
        var coefficients = system.coefficients
        for (position, change) in zip(support, step) { coefficients.elements[position] += change }
        return LinearSystem(coefficients: coefficients)
    }

    /// The best paths of a system; nil where they overflow.
    func project(_ system: LinearSystem) -> Point? {
        let transition = LinearSystem.exponential(system.generator * trajectories.interval)
        var squares = 0.0
        var starts: [[Double]] = []
        for epoch in trajectories.epochs {
            guard let basis = StateBasis(transition, variables: epoch.rows, samples: epoch.columns) else { return nil }
            let start = basis.state(of: epoch.elements)
            squares += basis.remainder(of: epoch.elements).reduce(0) { $0 + $1 * $1 }
            starts.append(start)
        }
        return squares.isFinite ? Point(system: system, squares: squares, starts: starts) : nil
    }

    /// The normal equations of a step: the paths' derivatives, the part that other first states undo taken off.
    private func linearize(_ point: Point, _ support: [Int]) -> StepEquations {
        let system = point.system
        let n = system.variables
        let size = system.coefficients.columns
        let transition = LinearSystem.exponential(system.generator * trajectories.interval)
        let derivatives = support.map { position in
            derivative(of: system, row: system.row(of: position % n), column: position / n)
        }
        var products = Matrix(rows: support.count, columns: support.count)
        var slope = [Double](repeating: 0, count: support.count)
        for (epoch, start) in zip(trajectories.epochs, point.starts) {
            guard let basis = StateBasis(transition, variables: n, samples: epoch.columns) else { continue }
            let path = system.path(from: start, interval: trajectories.interval, samples: epoch.columns)
            let residual = basis.remainder(of: epoch.elements)
            var jacobian = Matrix(rows: residual.count, columns: support.count)
            for (k, change) in derivatives.enumerated() {
                let own = basis.remainder(
                    of: Self.sensitivity(path, transition: transition, change: change, variables: n))
                for row in own.indices { jacobian[row, k] = own[row] }
            }
            products = products + Matrix.product(jacobian, transposed: true, jacobian)
            BLAS.gemv(true, residual.count, support.count, 1, jacobian.elements, residual.count, residual, 1, &slope)
        }
        precondition(size == transition.rows)
        return StepEquations(products: products, slope: slope)
    }

    /// The derivative of exp(M·interval) by an element of M: a corner of the exponential of twice the size
    /// (Van Loan 1978).
    private func derivative(of system: LinearSystem, row: Int, column: Int) -> Matrix {
        let generator = system.generator
        let size = generator.rows
        let interval = trajectories.interval
        let double = Matrix(rows: 2 * size, columns: 2 * size) { i, j in
            if i < size, j < size { return generator[i, j] * interval }
            if i >= size, j >= size { return generator[i - size, j - size] * interval }
            return i == row && j == size + column ? interval : 0
        }
        let exponential = LinearSystem.exponential(double)
        return Matrix(rows: size, columns: size) { exponential[$0, size + $1] }
    }

    /// The derivative of a path's variables, sample after sample: s(t + Δ) = Es(t) + E′z(t).
    private static func sensitivity(
        _ path: Matrix, transition: Matrix, change: Matrix, variables: Int
    ) -> [Double] {
        let (size, samples) = (path.rows, path.columns)
        var states = Matrix(rows: size, columns: samples)
        states.elements.withUnsafeMutableBufferPointer { s in
            path.elements.withUnsafeBufferPointer { z in
                guard let s = s.baseAddress, let z = z.baseAddress else { return }
                for t in 1..<max(samples, 1) {
                    BLAS.gemv(false, size, size, 1, change.elements, size, z + (t - 1) * size, 0, s + t * size)
                    BLAS.gemv(false, size, size, 1, transition.elements, size, s + (t - 1) * size, 1, s + t * size)
                }
            }
        }
        return (0..<samples).flatMap { sample in (0..<variables).map { states[$0, sample] } }
    }
}

/// All trajectories of some samples that a linear system can take, over its first states: orthonormal.
struct StateBasis {
    private let values: SingularValues

    /// - Returns: nil where paths overflow or vanish.
    init?(_ transition: Matrix, variables: Int, samples: Int) {
        let size = transition.rows
        var observed = Matrix(rows: variables, columns: size) { $0 == $1 ? 1 : 0 }
        var paths = Matrix(rows: variables * samples, columns: size)
        for sample in 0..<samples {
            for column in 0..<size {
                for variable in 0..<variables {
                    paths[sample * variables + variable, column] = observed[variable, column]
                }
            }
            observed = observed * transition
        }
        guard paths.elements.allSatisfy({ abs($0) < 1e100 }), let values = try? SingularValues(paths) else {
            return nil
        }
        self.values = values
    }

    /// Singular values below this part of the largest tell nothing.
    private static let tolerance = 1e-12

    /// The first state whose path is nearest to values, sample after sample.
    func state(of observed: [Double]) -> [Double] {
        var weights = Matrix.product(
            values.u, transposed: true, Matrix(rows: observed.count, columns: 1, elements: observed))
        let smallest = Self.tolerance * (values.values.first ?? 0)
        for (k, value) in values.values.enumerated() { weights[k, 0] = value > smallest ? weights[k, 0] / value : 0 }
        return Matrix.product(values.vt, transposed: true, weights).elements
    }

    /// What no path explains of values.
    func remainder(of observed: [Double]) -> [Double] {
        let column = Matrix(rows: observed.count, columns: 1, elements: observed)
        let explained = values.u * Matrix.product(values.u, transposed: true, column)
        return zip(observed, explained.elements).map(-)
    }
}

/// JᵀJ and Jᵀr of a least-squares step.
private struct StepEquations {
    let products: Matrix
    let slope: [Double]

    /// The step with JᵀJ + damping·diag(JᵀJ); nil where that is singular.
    func step(damping: Double) -> [Double]? {
        let size = slope.count
        let scales = (0..<size).map { max(products[$0, $0], 1e-300).squareRoot() }
        let damped = Matrix(rows: size, columns: size) {
            products[$0, $1] / (scales[$0] * scales[$1]) + ($0 == $1 ? damping : 0)
        }
        let right = Matrix(rows: size, columns: 1) { row, _ in slope[row] / scales[row] }
        guard let step = try? Cholesky(damped).solve(right) else { return nil }
        return zip(step.elements, scales).map(/)
    }

    /// Standard errors of the coefficients; infinite where the data do not tell.
    func errors(variance: Double) -> [Double] {
        let size = slope.count
        let scales = (0..<size).map { max(products[$0, $0], 1e-300).squareRoot() }
        let scaled = Matrix(rows: size, columns: size) { products[$0, $1] / (scales[$0] * scales[$1]) }
        guard let inverse = try? Cholesky(scaled).inverse() else {
            return [Double](repeating: .infinity, count: size)
        }
        return (0..<size).map { (variance * inverse[$0, $0]).squareRoot() / scales[$0] }
    }
}
