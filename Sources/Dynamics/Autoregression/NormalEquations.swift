import Glibc
import LinearAlgebra

/// The normal equations of the autoregression x_t = Σ_l A_l x_{t−l} + ε_t of one order: all sums over the windows.
struct NormalEquations {
    /// Number of variables, n.
    let variables: Int
    /// Number of lags, p.
    let order: Int
    /// Number of rows, N.
    let count: Int
    /// XᵀX: the lags 1 … p of variable 0 first, then those of variable 1, …
    private(set) var gram: Matrix
    /// XᵀY, np × n.
    private(set) var cross: Matrix
    /// YᵀY, n × n.
    private(set) var response: Matrix

    /// - Parameters:
    ///   - order: at most the moments' lags.
    ///   - isReversed: each window read from its end: x_t from what comes after it.
    init(_ moments: LagMoments, order: Int, isReversed: Bool = false) {
        let n = moments.variables
        variables = n
        self.order = order
        count = moments.count
        let past = (0..<n).flatMap { variable in
            (1...order).map { moments.position(lag: $0, variable: variable, isReversed: isReversed) }
        }
        let now = (0..<n).map { moments.position(lag: 0, variable: $0, isReversed: isReversed) }
        gram = Matrix(rows: past.count, columns: past.count) { moments.products[past[$0], past[$1]] }
        cross = Matrix(rows: past.count, columns: n) { moments.products[past[$0], now[$1]] }
        response = Matrix(rows: n, columns: n) { moments.products[now[$0], now[$1]] }
    }

    /// Columns of X that hold the lags of a variable.
    func lags(of variable: Int) -> Range<Int> { (variable * order)..<((variable + 1) * order) }

    /// Least-squares coefficients and what a solution needs beside them.
    ///
    /// - Throws: ``InvalidTrajectories/tooFewSamples(found:needed:)``, ``InvalidTrajectories/dependent``,
    ///   ``InvalidTrajectories/noNoise(variable:)``.
    /// - Complexity: O((np)³).
    func leastSquares() throws(InvalidTrajectories) -> LeastSquares {
        guard count > gram.rows + 1 else { throw .tooFewSamples(found: count, needed: gram.rows + 2) }
        let factor = try Self.factor(gram)
        return try LeastSquares(self, inverse: factor)
    }

    /// The inverse of a Gram matrix, factored with a unit diagonal.
    private static func factor(_ gram: Matrix) throws(InvalidTrajectories) -> Matrix {
        let scales = (0..<gram.rows).map { gram[$0, $0].squareRoot() }
        guard scales.allSatisfy({ $0 > 0 }) else { throw .dependent }
        let scaled = Matrix(rows: gram.rows, columns: gram.rows) { gram[$0, $1] / (scales[$0] * scales[$1]) }
        do {
            let inverse = try Cholesky(scaled).inverse()
            // A diagonal entry is 1/(1 − R²) of its column on all others: beyond this it is rounding.
            guard (0..<gram.rows).allSatisfy({ inverse[$0, $0] > 0 && inverse[$0, $0] < 1e13 }) else {
                throw InvalidTrajectories.dependent
            }
            return Matrix(rows: gram.rows, columns: gram.rows) { inverse[$0, $1] / (scales[$0] * scales[$1]) }
        } catch { throw .dependent }
    }

    /// YᵀY − BᵀXᵀY − YᵀXB + BᵀXᵀXB, the products of the residuals of any coefficients B (np × n).
    func residualProducts(_ coefficients: Matrix) -> Matrix {
        let explained = Matrix.product(coefficients, transposed: true, cross)
        let squares = Matrix.product(coefficients, transposed: true, gram * coefficients)
        return Matrix(rows: variables, columns: variables) {
            response[$0, $1] - explained[$0, $1] - explained[$1, $0] + squares[$0, $1]
        }
    }

    /// The equations of variables and lags with mean 0 and variance 1 over the windows.
    ///
    /// - Parameter moments: of which these equations were made, in forward time.
    /// - Returns: the equations, and the standard deviations of the columns of X and Y.
    /// - Throws: ``InvalidTrajectories/constant(variable:)``.
    func standardized(
        by moments: LagMoments
    ) throws(InvalidTrajectories) -> (equations: NormalEquations, lagged: Scales, now: Scales) {
        let total = Double(count)
        func scales(_ positions: [Int]) -> Scales {
            let means = positions.map { moments.sums[$0] / total }
            let deviations = zip(positions, means).map {
                max(0, moments.products[$0, $0] / total - $1 * $1).squareRoot()
            }
            return Scales(means: means, deviations: deviations)
        }
        let lagged = scales(
            (0..<variables).flatMap { variable in
                (1...order).map { moments.position(lag: $0, variable: variable, isReversed: false) }
            })
        let now = scales((0..<variables).map { moments.position(lag: 0, variable: $0, isReversed: false) })
        for variable in 0..<variables {
            let all = [now.deviations[variable]] + lags(of: variable).map { lagged.deviations[$0] }
            guard all.allSatisfy({ $0 > 0 }) else { throw .constant(variable: variable) }
        }
        func centered(_ products: Matrix, _ a: Scales, _ b: Scales) -> Matrix {
            Matrix(rows: products.rows, columns: products.columns) {
                (products[$0, $1] - total * a.means[$0] * b.means[$1]) / (a.deviations[$0] * b.deviations[$1])
            }
        }
        var result = self
        result.gram = centered(gram, lagged, lagged)
        result.cross = centered(cross, lagged, now)
        result.response = centered(response, now, now)
        return (result, lagged, now)
    }

    /// Means and standard deviations of columns.
    struct Scales {
        let means: [Double]
        let deviations: [Double]
    }
}

/// The least-squares solution of an autoregression, with the inverse that its tests need.
struct LeastSquares {
    /// (XᵀX)⁻¹.
    let inverse: Matrix
    /// B, np × n: the lags of variable 0 first.
    let coefficients: Matrix
    /// Residual products, n × n.
    let residuals: Matrix

    init(_ equations: NormalEquations, inverse: Matrix) throws(InvalidTrajectories) {
        self.inverse = inverse
        coefficients = inverse * equations.cross
        residuals = equations.residualProducts(coefficients)
        for variable in 0..<equations.variables
        where residuals[variable, variable] <= 1e-12 * equations.response[variable, variable] {
            throw .noNoise(variable: variable)
        }
    }

    /// ‖b‖ of each source (column) on each target (row).
    func norms(_ equations: NormalEquations) -> Matrix {
        Matrix(rows: equations.variables, columns: equations.variables) { target, source in
            equations.lags(of: source).reduce(0) { $0 + coefficients[$1, target] * coefficients[$1, target] }
                .squareRoot()
        }
    }
}
