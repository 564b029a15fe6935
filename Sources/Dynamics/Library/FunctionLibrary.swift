import Glibc
import LinearAlgebra

/// Functions of the variables that an equation of motion may be a sum of: 1, products of variables up to a degree, and tanh
/// of each, with their derivatives' first powers where the equations are of second order (Brunton, Proctor & Kutz 2016).
public struct FunctionLibrary: Sendable, Equatable {
    /// A function of the library.
    public enum Term: Sendable, Equatable {
        /// Of variables, ascending, one named as often as it is a factor; none of them: the constant 1.
        case product([Int])
        /// tanh of a variable.
        case saturation(Int)
        /// A variable's derivative.
        case velocity(Int)

        /// The variables that it depends on, ascending and none twice.
        public var variables: [Int] {
            switch self {
            case .product(let factors): Array(Set(factors)).sorted()
            case .saturation(let variable), .velocity(let variable): [variable]
            }
        }

        /// In the variables x1, x2, …
        public var description: String {
            switch self {
            case .product(let factors): factors.isEmpty ? "1" : factors.map { "x\($0 + 1)" }.joined(separator: "·")
            case .saturation(let variable): "tanh(x\(variable + 1))"
            case .velocity(let variable): "x\(variable + 1)'"
            }
        }
    }

    /// Number of variables.
    public let variables: Int
    /// The functions; those of velocity last.
    public let terms: [Term]

    /// - Parameters:
    ///   - variables: at least 1.
    ///   - degree: largest number of factors.
    ///   - hasSaturation: whether it holds tanh.
    ///   - hasVelocities: whether it holds the derivatives.
    public init(variables: Int, degree: Int, hasSaturation: Bool, hasVelocities: Bool) {
        self.variables = variables
        var products: [[Int]] = [[]]
        var last = products
        for _ in 0..<max(0, degree) {
            last = last.flatMap { factors in (((factors.last) ?? 0)..<variables).map { factors + [$0] } }
            products += last
        }
        terms =
            products.map { .product($0) } + (hasSaturation ? (0..<variables).map { .saturation($0) } : [])
            + (hasVelocities ? (0..<variables).map { .velocity($0) } : [])
    }

    /// How many functions a library has, for at most some 10¹⁵ of them.
    static func count(variables: Int, degree: Int) -> Double {
        (1...max(1, degree)).reduce(1.0) { $0 * Double(variables + $1) / Double($1) }
    }

    /// The functions without those of velocity.
    var stationary: Int { terms.count { if case .velocity = $0 { false } else { true } } }

    /// Values of the functions at a state.
    ///
    /// - Parameters:
    ///   - x: the variables.
    ///   - v: their derivatives; not read without terms of velocity.
    ///   - values: as many as terms.
    func evaluate(_ x: UnsafePointer<Double>, _ v: UnsafePointer<Double>, into values: UnsafeMutablePointer<Double>) {
        for (k, term) in terms.enumerated() {
            switch term {
            case .product(let factors):
                var product = 1.0
                for factor in factors { product *= x[factor] }
                values[k] = product
            case .saturation(let variable): values[k] = tanh(x[variable])
            case .velocity(let variable): values[k] = v[variable]
            }
        }
    }

    /// Values of the functions without those of velocity, functions × samples.
    func values(_ samples: Matrix) -> Matrix {
        var state = [Double](repeating: 0, count: variables)
        var row = [Double](repeating: 0, count: terms.count)
        let still = state
        var result = Matrix(rows: stationary, columns: samples.columns)
        for sample in 0..<samples.columns {
            for variable in 0..<variables { state[variable] = samples[variable, sample] }
            evaluate(state, still, into: &row)
            for k in 0..<result.rows { result[k, sample] = row[k] }
        }
        return result
    }
}
