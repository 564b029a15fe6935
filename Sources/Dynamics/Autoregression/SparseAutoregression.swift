import Glibc
import LinearAlgebra
import SparseRegression

/// Autoregression with a group Lasso: for each target ½N⁻¹‖y − Xb‖² + λ Σ_{j ≠ i} w_j‖b_j‖, the lags of a source one block,
/// a target's own lags free, X and y standardized (Yuan & Lin 2006; Lozano et al. 2009).
public struct SparseAutoregression: Sendable {
    /// What was found of one target.
    public struct Target: Sendable {
        /// λ that was given, or chosen by BIC.
        public let lambda: Double
        /// The sources whose lags are not zero at λ, ascending.
        public let sources: [Int]
        /// Coefficients of the standardized lags at λ, np: those of variable 0 first.
        public let shrunk: [Double]
        /// Least squares on the target's own and the sources' lags, in the units of the variables: np.
        public let refitted: [Double]
        /// Values of λ tried, descending, and the criterion N ln(rss/N) + k ln N of the refit at each.
        public let path: [(lambda: Double, sources: Int, criterion: Double)]
    }

    /// Number of lags.
    public let order: Int
    /// One a variable.
    public let targets: [Target]
    /// Constants of the refitted equations, one a variable.
    public let intercepts: [Double]

    /// Fits all targets.
    ///
    /// - Parameters:
    ///   - trajectories: in any unit.
    ///   - order: number of lags.
    ///   - lambda: λ; nil chooses of each target's path by BIC of the refit.
    ///   - isAdaptive: weights √p/‖least-squares block‖ instead of √p (Wang & Leng 2008).
    ///   - relativeGap: duality gap at which a solve ends; 0 asks for all digits.
    /// - Throws: ``InvalidTrajectories``.
    /// - Complexity: O(N(np)²) for the products, then O((np)³) a target; independent of N along the path.
    public init(
        _ trajectories: Trajectories, order: Int, lambda: Double? = nil, isAdaptive: Bool = false,
        relativeGap: Double = 1e-8, parallelism: Parallelism = .serial
    ) throws(InvalidTrajectories) {
        guard order > 0 else { throw .setting("the order is \(order); expected 1 at least") }
        if let lambda, !(lambda > 0 && lambda.isFinite) { throw .setting("λ is \(lambda); expected a positive number") }
        try self.init(
            LagMoments(trajectories, lags: order, parallelism: parallelism), lambda: lambda, isAdaptive: isAdaptive,
            relativeGap: relativeGap, parallelism: parallelism)
    }

    init(
        _ moments: LagMoments, lambda: Double?, isAdaptive: Bool, relativeGap: Double, parallelism: Parallelism
    ) throws(InvalidTrajectories) {
        order = moments.lags
        let (n, p) = (moments.variables, moments.lags)
        let raw = NormalEquations(moments, order: p)
        guard raw.count > n * p + 1 else { throw .tooFewSamples(found: raw.count, needed: n * p + 2) }
        let (equations, lagged, now) = try raw.standardized(by: moments)
        let norms = try isAdaptive ? equations.leastSquares().norms(equations) : nil
        var found = [Result<Target, InvalidTrajectories>?](repeating: nil, count: n)
        found.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let buffer = buffer
            parallelism.forEachPiece(of: n, piece: 1) { target, _ in
                let weights = (0..<n).map { source in
                    Double(p).squareRoot() / (norms.map { $0[target, source] } ?? 1)
                }
                buffer[target] = Result { () throws(InvalidTrajectories) in
                    try TargetPath(equations, target: target, weights: weights).solve(
                        lambda: lambda, relativeGap: relativeGap, lagged: lagged, deviation: now.deviations[target])
                }
            }
        }
        var targets: [Target] = []
        for result in found { if let result { targets.append(try result.get()) } }
        self.targets = targets
        intercepts = targets.indices.map { target in
            zip(targets[target].refitted, lagged.means).reduce(now.means[target]) { $0 - $1.0 * $1.1 }
        }
    }
}

/// The path of one target, on the factor of its normal equations instead of the data.
///
/// With XᵀX/N = LLᵀ and the target's own lags first, ½‖Lᵀb − L⁻¹Xᵀy/N‖² differs from the loss by a constant; the lower rows
/// hold the sources alone, the upper ones give the own lags that fit best to any of theirs.
private struct TargetPath {
    let equations: NormalEquations
    let target: Int
    /// Columns of X, the target's own lags first.
    let columns: [Int]
    /// The sources, in the order of their blocks.
    let sources: [Int]
    let weights: [Double]
    /// L, lower triangular.
    let factor: Matrix
    /// L⁻¹Xᵀy/N.
    let right: [Double]

    init(_ equations: NormalEquations, target: Int, weights: [Double]) throws(InvalidTrajectories) {
        self.equations = equations
        self.target = target
        sources = (0..<equations.variables).filter { $0 != target }
        self.weights = sources.map { weights[$0] }
        let columns = ([target] + sources).flatMap { Array(equations.lags(of: $0)) }
        self.columns = columns
        let size = columns.count
        let scale = 1 / Double(equations.count)
        var l = Matrix(rows: size, columns: size) { equations.gram[columns[$0], columns[$1]] * scale }
        var w = columns.map { equations.cross[$0, target] * scale }
        let isFactored = l.elements.withUnsafeMutableBufferPointer { l in
            w.withUnsafeMutableBufferPointer { w in
                guard let l = l.baseAddress, let w = w.baseAddress, LAPACK.cholesky(size, l, size) else { return false }
                BLAS.forwardSubstitute(size, 1, l, size, w, size)
                return true
            }
        }
        // Standardized columns: a pivot is the share of a column that the others before it leave.
        guard isFactored, (0..<size).allSatisfy({ l[$0, $0] > 1e-7 }) else { throw .dependent }
        factor = l
        right = w
    }

    func solve(
        lambda: Double?, relativeGap: Double, lagged: NormalEquations.Scales, deviation: Double
    ) throws(InvalidTrajectories) -> SparseAutoregression.Target {
        let p = equations.order
        var criteria = RefitCriteria(equations, target: target)
        var path: [(lambda: Double, sources: Int, criterion: Double)] = []
        var best = (lambda: lambda ?? 0, criterion: Double.infinity, sources: [Int](), shrunk: [Double]())
        func visit(_ value: Double, _ active: ActiveSet) {
            let found = active.blocks.map { sources[$0] }
            let criterion = criteria.value(of: found)
            path.append((value, found.count, criterion))
            if path.count == 1 || criterion < best.criterion {
                best = (value, criterion, found, dense(active))
            }
        }
        if sources.isEmpty {
            visit(lambda ?? 0, .empty(samples: 1))
        } else {
            let rest = columns.count - p
            let design = Matrix(rows: rest, columns: rest) { $0 <= $1 ? factor[p + $1, p + $0] : 0 }
            let response = Matrix(rows: rest, columns: 1, elements: Array(right[p...]))
            guard
                let problem = try? RegressionProblem(
                    design: design, response: response, blocks: BlockStructure(count: sources.count, size: p),
                    keepsSamples: true)
            else { throw .dependent }
            let session = AutomaticSolver().session(for: problem, parallelism: .serial)
            let largest = session.largestLambda(weights: weights)
            let grid =
                lambda.map { LambdaGrid([$0]) }
                ?? LambdaGrid(from: max(largest, 1e-300), toRatio: 1e-3, count: 40)
            let points = try? session.path(
                over: grid, penalty: { try GroupLasso(lambda: $0, weights: weights) },
                stop: StopRule(relativeGap: relativeGap))
            for point in points ?? [] { visit(point.lambda, point.solution.active) }
        }
        return SparseAutoregression.Target(
            lambda: best.lambda, sources: best.sources, shrunk: best.shrunk,
            refitted: try refit(best.sources, lagged: lagged, deviation: deviation), path: path)
    }

    /// The coefficients of all columns in the order of X, the own lags found by back-substitution.
    private func dense(_ active: ActiveSet) -> [Double] {
        let p = equations.order
        var ordered = [Double](repeating: 0, count: columns.count)
        for (k, block) in active.blocks.enumerated() {
            for lag in 0..<p { ordered[p + block * p + lag] = active.coefficients[0, active.offsets[k] + lag] }
        }
        for row in stride(from: p - 1, through: 0, by: -1) {
            var value = right[row]
            for column in (row + 1)..<max(columns.count, row + 1) { value -= factor[column, row] * ordered[column] }
            ordered[row] = value / factor[row, row]
        }
        var result = ordered
        for (place, column) in columns.enumerated() { result[column] = ordered[place] }
        return result
    }

    /// Least squares on the own and the sources' lags, in the variables' units.
    private func refit(
        _ found: [Int], lagged: NormalEquations.Scales, deviation: Double
    ) throws(InvalidTrajectories) -> [Double] {
        let kept = ([target] + found).flatMap { Array(equations.lags(of: $0)) }
        guard let fit = equations.leastSquares(of: target, on: kept) else { throw .dependent }
        var result = [Double](repeating: 0, count: columns.count)
        for (column, value) in zip(kept, fit.coefficients) {
            result[column] = value * deviation / lagged.deviations[column]
        }
        return result
    }
}

/// BIC of least squares on the lags of some sources; a set is fitted once.
private struct RefitCriteria {
    let equations: NormalEquations
    let target: Int
    private var known: [[Int]: Double] = [:]

    init(_ equations: NormalEquations, target: Int) {
        self.equations = equations
        self.target = target
    }

    mutating func value(of sources: [Int]) -> Double {
        if let value = known[sources] { return value }
        let columns = ([target] + sources).flatMap { Array(equations.lags(of: $0)) }
        let total = Double(equations.count)
        var value = Double.infinity
        if let fit = equations.leastSquares(of: target, on: columns), fit.squares > 0 {
            value = total * log(fit.squares / total) + Double(columns.count) * log(total)
        }
        known[sources] = value
        return value
    }
}
