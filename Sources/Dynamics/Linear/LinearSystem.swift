import Glibc
import LinearAlgebra

/// A linear system of differential equations: ẋ = Ax, or ẍ = Ax + Bẋ.
public struct LinearSystem: Sendable, Equatable {
    /// A, or A and B side by side: targets × sources (twice), 1/s, or 1/s² and 1/s.
    public let coefficients: Matrix

    /// - Parameter coefficients: n × n, or n × 2n; another shape is a programming error.
    public init(coefficients: Matrix) {
        precondition(
            coefficients.columns == coefficients.rows || coefficients.columns == 2 * coefficients.rows,
            "a linear system of n variables has n or 2n columns")
        self.coefficients = coefficients
    }

    /// Number of variables, n.
    public var variables: Int { coefficients.rows }

    /// 1 or 2.
    public var derivativeOrder: Int { variables == 0 ? 1 : coefficients.columns / variables }

    /// M of ż = Mz, z = x, or x and ẋ.
    var generator: Matrix {
        let n = variables
        guard derivativeOrder == 2 else { return coefficients }
        return Matrix(rows: 2 * n, columns: 2 * n) { row, column in
            row < n ? (column == row + n ? 1 : 0) : coefficients[row - n, column]
        }
    }

    /// The row of ``generator`` that holds a target's equation.
    func row(of target: Int) -> Int { (derivativeOrder - 1) * variables + target }

    /// The states from a first one on, at equal intervals.
    ///
    /// - Parameters:
    ///   - state: z(0): x, or x and ẋ.
    ///   - interval: s.
    ///   - samples: the first state included.
    /// - Returns: n·order × samples.
    /// - Complexity: O((n·order)²) a sample: by the exact transition exp(M·interval).
    public func path(from state: [Double], interval: Double, samples: Int) -> Matrix {
        let size = coefficients.columns
        precondition(state.count == size, "a state has as many values as the system has columns")
        let transition = Self.exponential(generator * interval)
        var result = Matrix(rows: size, columns: max(0, samples))
        result.elements.withUnsafeMutableBufferPointer { values in
            guard samples > 0, let z = values.baseAddress else { return }
            for k in 0..<size { z[k] = state[k] }
            for t in 1..<max(samples, 1) {
                BLAS.gemv(false, size, size, 1, transition.elements, size, z + (t - 1) * size, 0, z + t * size)
            }
        }
        return result
    }

    /// exp(A) by scaling and squaring of a Taylor polynomial (Moler & Van Loan 2003); infinite where it overflows.
    static func exponential(_ matrix: Matrix) -> Matrix {
        let size = matrix.rows
        let norm = (0..<size).reduce(0) { largest, column in
            max(largest, (0..<size).reduce(0) { $0 + abs(matrix[$1, column]) })
        }
        guard norm < 1e15 else { return Matrix(rows: size, columns: size, repeating: .infinity) }
        let squarings = norm > 0.5 ? Int(log2(norm / 0.5).rounded(.up)) : 0
        let scaled = matrix * exp2(-Double(squarings))
        var result = Matrix.identity(size)
        // Horner's scheme; 0.5¹⁶/16! is below rounding.
        for k in stride(from: 16, through: 1, by: -1) {
            result = Matrix.identity(size) + scaled * result * (1 / Double(k))
        }
        for _ in 0..<squarings { result = result * result }
        return result
    }
}
