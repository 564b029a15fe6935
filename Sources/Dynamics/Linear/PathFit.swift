import Glibc
import LinearAlgebra

/// A linear system fitted to whole trajectories: Σ ‖x(t) − C exp(Mt)z₀‖² over its coefficients, each epoch's first state z₀
/// eliminated by linear least squares (variable projection; Golub & Pereyra 1973, Kaufman 1975).
struct PathFit {
    let trajectories: Trajectories

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
    /// - Parameters:
    ///   - support: the free coefficients, as positions in the elements of ``LinearSystem/coefficients``.
    ///   - tolerance: the fit ends where a step lowers N ln Σ‖x − path‖² by less.
    /// - Returns: the best point, and the standard errors of the free coefficients; nil where the first path overflows.
    /// - Complexity: O(k(n·order)³ + samples·k((n·order)² + nk)) an iteration with k free coefficients.
    func fit(
        _ start: LinearSystem, support: [Int], tolerance: Double = 1e-9
    ) -> (point: Point, errors: [Double])? {
        guard var point = project(start) else { return nil }
        guard !support.isEmpty else { return (point, []) }
        let values = Double(trajectories.sampleCount * trajectories.variableCount)
        var damping = 1e-3
        var equations = linearize(point, support)
        for _ in 0..<60 {
            var next: Point?
            while next == nil, damping < 1e8 {
                if let step = equations.step(damping: damping),
                    let tried = project(moved(point.system, support, step)), tried.squares < point.squares
                {
                    next = tried
                    damping = max(damping / 10, 1e-12)
                } else {
                    damping *= 10
                }
            }
            guard let next else { break }
            let gain = values * (point.squares - next.squares) / point.squares
            point = next
            equations = linearize(point, support)
            if gain < tolerance { break }
        }
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
        guard let bases = bases(LinearSystem.exponential(system.generator * trajectories.interval)) else { return nil }
        var squares = 0.0
        var starts: [[Double]] = []
        for epoch in trajectories.epochs {
            guard let basis = bases[epoch.columns] else { return nil }
            let column = Matrix(rows: epoch.elements.count, columns: 1, elements: epoch.elements)
            starts.append(basis.state(of: column))
            squares += basis.remainder(of: column).squaredNorm
        }
        return squares.isFinite ? Point(system: system, squares: squares, starts: starts) : nil
    }

    /// The paths of each length among the epochs.
    private func bases(_ transition: Matrix) -> [Int: StateBasis]? {
        var result: [Int: StateBasis] = [:]
        for epoch in trajectories.epochs where result[epoch.columns] == nil {
            guard let basis = StateBasis(transition, variables: epoch.rows, samples: epoch.columns) else { return nil }
            result[epoch.columns] = basis
        }
        return result
    }

    /// The normal equations of a step: the paths' derivatives, the part that other first states undo taken off.
    private func linearize(_ point: Point, _ support: [Int]) -> StepEquations {
        let system = point.system
        let n = system.variables
        let transition = LinearSystem.exponential(system.generator * trajectories.interval)
        let size = transition.rows
        // One below the other, for one product with a state.
        var changes = Matrix(rows: size * support.count, columns: size)
        for (k, position) in support.enumerated() {
            let own = derivative(of: system, row: system.row(of: position % n), column: position / n)
            for column in 0..<size {
                for row in 0..<size { changes[k * size + row, column] = own[row, column] }
            }
        }
        var products = Matrix(rows: support.count, columns: support.count)
        var slope = [Double](repeating: 0, count: support.count)
        let bases = bases(transition) ?? [:]
        for (epoch, start) in zip(trajectories.epochs, point.starts) {
            guard let basis = bases[epoch.columns] else { continue }
            let path = system.path(from: start, interval: trajectories.interval, samples: epoch.columns)
            let residual = basis.remainder(
                of: Matrix(rows: epoch.elements.count, columns: 1, elements: epoch.elements))
            let jacobian = basis.remainder(
                of: Self.sensitivities(path, transition: transition, changes: changes, variables: n))
            products = products + Matrix.product(jacobian, transposed: true, jacobian)
            let own = Matrix.product(jacobian, transposed: true, residual)
            for k in slope.indices { slope[k] += own[k, 0] }
        }
        return StepEquations(products: products, slope: slope)
    }

    /// Σ ‖x − path‖² near a point as a regression of all coefficients θ: squares − 2 crossᵀθ + θᵀ gram θ, to second order.
    ///
    /// - Returns: `gram` with a diagonal of 1, for coefficients in as large units.
    func regression(at point: Point) -> (gram: Matrix, cross: [Double], squares: Double) {
        let known = point.system.coefficients.elements
        let equations = linearize(point, Array(known.indices))
        let size = known.count
        let products = equations.products
        let scales = (0..<size).map { max(products[$0, $0], 1e-300).squareRoot() }
        let gram = Matrix(rows: size, columns: size) { products[$0, $1] / (scales[$0] * scales[$1]) }
        let slope = (0..<size).map { equations.slope[$0] / scales[$0] }
        let scaled = zip(known, scales).map(*)
        let cross = (0..<size).map { row in
            (0..<size).reduce(slope[row]) { $0 + gram[row, $1] * scaled[$1] }
        }
        return (gram, cross, point.squares + (0..<size).reduce(0) { $0 + (slope[$1] + cross[$1]) * scaled[$1] })
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

    /// The derivatives of a path's variables, sample after sample, by each coefficient: S(t + Δ) = E·S(t) + E′z(t).
    ///
    /// - Parameter changes: E′ of each coefficient, one below the other.
    /// - Returns: n·samples × coefficients.
    private static func sensitivities(
        _ path: Matrix, transition: Matrix, changes: Matrix, variables n: Int
    ) -> Matrix {
        let (size, samples) = (path.rows, path.columns)
        let count = changes.rows / size
        var states = [Double](repeating: 0, count: size * count)
        var next = states
        var result = Matrix(rows: n * samples, columns: count)
        let rows = n * samples
        result.elements.withUnsafeMutableBufferPointer { result in
            path.elements.withUnsafeBufferPointer { z in
                guard let result = result.baseAddress, let z = z.baseAddress else { return }
                for t in 1..<max(samples, 1) {
                    BLAS.gemv(
                        false, size * count, size, 1, changes.elements, size * count, z + (t - 1) * size, 0, &next)
                    BLAS.gemm(
                        false, false, size, count, size, 1, transition.elements, size, states, size, 1, &next, size)
                    swap(&states, &next)
                    for k in 0..<count {
                        for i in 0..<n { result[k * rows + t * n + i] = states[k * size + i] }
                    }
                }
            }
        }
        return result
    }
}

/// All trajectories of some samples that a linear system can take, over its first states: orthonormal.
struct StateBasis {
    private let values: SingularValues

    /// - Returns: nil where paths overflow.
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

    /// The first state whose path is nearest to values, one column, sample after sample.
    func state(of observed: Matrix) -> [Double] {
        var weights = Matrix.product(values.u, transposed: true, observed)
        let smallest = Self.tolerance * (values.values.first ?? 0)
        for (k, value) in values.values.enumerated() { weights[k, 0] = value > smallest ? weights[k, 0] / value : 0 }
        return Matrix.product(values.vt, transposed: true, weights).elements
    }

    /// What no path explains of columns of values.
    func remainder(of observed: Matrix) -> Matrix {
        observed - values.u * Matrix.product(values.u, transposed: true, observed)
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
