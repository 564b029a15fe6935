import Glibc
import LinearAlgebra

/// Equations of motion without derivatives of data: multiplied with a test function that vanishes at the ends of a window and
/// integrated by parts (Messenger & Bortz 2021).
///
/// ∫φ″x_i = Σ_k c_ik ∫φθ_k − Σ_j d_ij ∫φ′x_j for ẍ = cθ + dẋ, and −∫φ′x_i = Σ_k c_ik ∫φθ_k for ẋ = cθ, with
/// φ = (1 − u²)⁴ on |u| < 1; windows slide by a sample.
public struct WeakForm: Sendable, Equatable {
    /// 1 or 2.
    public let derivativeOrder: Int
    /// Samples on either side of a window's middle; φ vanishes a sample farther.
    public let halfWidth: Int
    /// φ, φ′ (1/s) and φ″ (1/s²) at the samples of a window, one a column.
    let weights: Matrix

    /// - Parameters:
    ///   - derivativeOrder: 1 or 2.
    ///   - halfWidth: at least 2.
    ///   - interval: s.
    public init(derivativeOrder: Int, halfWidth: Int, interval: Double) {
        precondition((1...2).contains(derivativeOrder) && halfWidth >= 2 && interval > 0)
        self.derivativeOrder = derivativeOrder
        self.halfWidth = halfWidth
        let end = Double(halfWidth + 1)
        let scale = end * interval
        weights = Matrix(rows: 2 * halfWidth + 1, columns: 3) { row, derivative in
            let u = Double(row - halfWidth) / end
            let rest = 1 - u * u
            return switch derivative {
            case 0: pow(rest, 4)
            case 1: -8 * u * pow(rest, 3) / scale
            default: (-8 * pow(rest, 3) + 48 * u * u * pow(rest, 2)) / (scale * scale)
            }
        }
    }

    /// The rows of the regression.
    ///
    /// - Parameters:
    ///   - trajectories: x.
    ///   - functions: θ of an epoch, functions × samples.
    /// - Returns: windows × functions (and x, where the velocity's terms are: n more), and windows × n.
    /// - Throws: ``InvalidTrajectories/tooFewSamples(found:needed:)`` where no epoch holds a window.
    func equations(
        _ trajectories: Trajectories, functions: (Matrix) -> Matrix = { $0 }
    ) throws(InvalidTrajectories) -> (design: Matrix, response: Matrix) {
        let width = weights.rows
        let n = trajectories.variableCount
        let rows = trajectories.epochs.reduce(0) { $0 + max(0, $1.columns - width + 1) }
        guard rows > 0 else {
            throw .tooFewSamples(found: trajectories.epochs.map(\.columns).max() ?? 0, needed: width)
        }
        let known = functions(trajectories.epochs[0].columns([0])).rows
        var design = Matrix(rows: rows, columns: known + (derivativeOrder - 1) * n)
        var response = Matrix(rows: rows, columns: n)
        var first = 0
        for epoch in trajectories.epochs where epoch.columns >= width {
            let windows = epoch.columns - width + 1
            let theta = smoothed(functions(epoch), derivative: 0)
            let slope = smoothed(epoch, derivative: 1)
            let left = derivativeOrder == 1 ? slope * -1 : smoothed(epoch, derivative: 2)
            for window in 0..<windows {
                for k in 0..<known { design[first + window, k] = theta[k, window] }
                for k in 0..<n { response[first + window, k] = left[k, window] }
                guard derivativeOrder == 2 else { continue }
                for k in 0..<n { design[first + window, known + k] = -slope[k, window] }
            }
            first += windows
        }
        return (design, response)
    }

    /// The sums of values, rows × samples, weighted by a test function at each window: rows × windows.
    private func smoothed(_ values: Matrix, derivative: Int) -> Matrix {
        let width = weights.rows
        let (n, windows) = (values.rows, values.columns - width + 1)
        let weight = weights.column(derivative)
        var result = Matrix(rows: n, columns: windows)
        result.elements.withUnsafeMutableBufferPointer { result in
            values.elements.withUnsafeBufferPointer { values in
                guard let result = result.baseAddress, let values = values.baseAddress else { return }
                for window in 0..<windows {
                    BLAS.gemv(false, n, width, 1, values + window * n, n, weight, 0, result + window * n)
                }
            }
        }
        return result
    }

    /// The linear system that fits trajectories best in the weak form, by least squares.
    ///
    /// - Throws: ``InvalidTrajectories/tooFewSamples(found:needed:)``, ``InvalidTrajectories/dependent``.
    /// - Complexity: O(samples · (n · order)²).
    public func linearSystem(_ trajectories: Trajectories) throws(InvalidTrajectories) -> LinearSystem {
        let (design, response) = try equations(trajectories)
        guard design.rows >= design.columns else {
            throw .tooFewSamples(
                found: trajectories.sampleCount, needed: trajectories.sampleCount + design.columns - design.rows)
        }
        return LinearSystem(coefficients: try Self.leastSquares(design, response).transposed)
    }

    /// The same with few coefficients, those that dropping one after another leaves of each equation.
    ///
    /// - Throws: as ``linearSystem(_:)``.
    func sparseSystem(_ trajectories: Trajectories) throws(InvalidTrajectories) -> LinearSystem {
        let (design, response) = try equations(trajectories)
        let norms = (0..<design.columns).map { column in
            design.column(column).reduce(0) { $0 + $1 * $1 }.squareRoot()
        }
        guard norms.allSatisfy({ $0 > 0 }) else { throw .dependent }
        let scaled = Matrix(rows: design.rows, columns: design.columns) { design[$0, $1] / norms[$1] }
        let gram = Matrix.product(scaled, transposed: true, scaled)
        let cross = Matrix.product(scaled, transposed: true, response)
        var coefficients = Matrix(rows: response.columns, columns: design.columns)
        for target in 0..<response.columns {
            // Windows that share samples do not tell twice.
            let left = BackwardElimination.best(
                gram: gram, cross: cross.column(target), squares: response.column(target).reduce(0) { $0 + $1 * $1 },
                count: design.rows, observations: max(2, Double(design.rows) / Double(halfWidth)),
                start: Array(norms.indices), held: [])
            guard let kept = left?.columns, !kept.isEmpty else { continue }
            let own = try Self.leastSquares(design.columns(kept), response.columns([target]))
            for (place, column) in kept.enumerated() { coefficients[target, column] = own[place, 0] }
        }
        return LinearSystem(coefficients: coefficients)
    }

    /// Columns × responses, by singular values of the columns scaled to norm 1: what is left of smooth columns that nearly
    /// depend on each other would be lost in their products.
    private static func leastSquares(_ design: Matrix, _ response: Matrix) throws(InvalidTrajectories) -> Matrix {
        let norms = (0..<design.columns).map { column in
            design.column(column).reduce(0) { $0 + $1 * $1 }.squareRoot()
        }
        guard norms.allSatisfy({ $0 > 0 }) else { throw .dependent }
        let scaled = Matrix(rows: design.rows, columns: design.columns) { design[$0, $1] / norms[$1] }
        guard let svd = try? SingularValues(scaled), let largest = svd.values.first, let smallest = svd.values.last,
            smallest > 1e-13 * largest
        else { throw .dependent }
        var rotated = Matrix.product(svd.u, transposed: true, response)
        for column in 0..<rotated.columns {
            for row in 0..<rotated.rows { rotated[row, column] /= svd.values[row] }
        }
        let solution = Matrix.product(svd.vt, transposed: true, rotated)
        return Matrix(rows: solution.rows, columns: solution.columns) { solution[$0, $1] / norms[$0] }
    }
}
