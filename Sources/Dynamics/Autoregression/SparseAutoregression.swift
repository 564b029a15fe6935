import LinearAlgebra

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
        if let lambda, !(lambda > 0 && lambda.isFinite) { throw .setting("λ is \(lambda); expected a positive number") }
        try self.init(
            LagMoments.checked(trajectories, order: order, parallelism: parallelism), lambda: lambda,
            isAdaptive: isAdaptive, relativeGap: relativeGap, parallelism: parallelism)
    }

    init(
        _ moments: LagMoments, lambda: Double?, isAdaptive: Bool, relativeGap: Double, parallelism: Parallelism
    ) throws(InvalidTrajectories) {
        order = moments.lags
        let (n, p) = (moments.variables, moments.lags)
        let (equations, lagged, now) = try NormalEquations(moments, order: p).standardized(by: moments)
        let norms = try isAdaptive ? equations.leastSquares().norms(equations) : nil
        var found = [Result<Target, InvalidTrajectories>?](repeating: nil, count: n)
        found.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let buffer = buffer
            parallelism.forEachPiece(of: n, piece: 1) { target, _ in
                let weights = (0..<n).map { source in
                    Double(p).squareRoot() / (norms.map { $0[target, source] } ?? 1)
                }
                buffer[target] = Result { () throws(InvalidTrajectories) in
                    try Self.solve(
                        equations, target: target, weights: weights, lambda: lambda, relativeGap: relativeGap,
                        units: lagged.deviations.map { now.deviations[target] / $0 })
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

    /// - Parameters:
    ///   - weights: one a variable.
    ///   - units: what takes each coefficient of standardized variables to their units.
    private static func solve(
        _ equations: NormalEquations, target: Int, weights: [Double], lambda: Double?, relativeGap: Double,
        units: [Double]
    ) throws(InvalidTrajectories) -> Target {
        let sources = (0..<equations.variables).filter { $0 != target }
        let path = try GramPath(
            gram: equations.gram, cross: equations.cross.column(target), squares: equations.response[target, target],
            count: equations.count, free: Array(equations.lags(of: target)),
            blocks: sources.map { Array(equations.lags(of: $0)) }, weights: sources.map { weights[$0] })
        let points = try path.points(lambda: lambda, relativeGap: relativeGap)
        guard let best = points.min(by: { $0.criterion < $1.criterion }), let fit = path.refit(best.active) else {
            throw .dependent
        }
        return Target(
            lambda: best.lambda, sources: best.active.map { sources[$0] }, shrunk: path.coefficients(at: best),
            refitted: zip(fit.coefficients, units).map(*),
            path: points.map { ($0.lambda, $0.active.count, $0.criterion) })
    }
}
