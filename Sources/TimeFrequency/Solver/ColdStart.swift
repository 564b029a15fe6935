/// Where solves begin: a group Lasso of the time courses, in the few directions in time that most of the data are in. The
/// others are noise for the greater part, which shrinking takes from the coefficients anyhow, and would make it dearer.
final class ColdStart {
    /// Of ‖Y‖².
    private static let share = 0.85
    /// Of the group Lasso: closer is in vain.
    private static let gap = 3e-2
    /// Blocks among which the largest λ of other norms is sought.
    private static let candidates = 20
    /// T × directions, orthonormal.
    private let axes: Matrix
    private let session: WorkingSetSession

    /// - Parameter norms: of all blocks.
    /// - Returns: nil where the data are zero.
    /// - Complexity: O(nT·min(n, T)).
    init?(_ problem: RegressionProblem, norms: [Double], parallelism: Parallelism) {
        let y = problem.response
        let isWide = y.columns > y.rows
        let products = isWide ? y * y.transposed : Matrix.product(y, transposed: true, y)
        guard let eigen = try? SymmetricEigen(products), let strongest = eigen.values.last, strongest > 0 else {
            return nil
        }
        let total = eigen.values.reduce(0) { $0 + max(0, $1) }
        var (kept, sum) = (0, 0.0)
        while kept < eigen.values.count, sum < Self.share * total {
            kept += 1
            sum += eigen.values[eigen.values.count - kept]
        }
        var axes = eigen.vectors.columns((eigen.values.count - kept)..<eigen.values.count)
        if isWide {
            axes = Matrix.product(y, transposed: true, axes)
            for k in 0..<kept {
                let norm = eigen.values[eigen.values.count - kept + k].squareRoot()
                for t in 0..<axes.rows { axes[t, k] /= norm }
            }
        }
        guard let few = try? problem.with(response: y * axes, keepsSamples: true) else { return nil }
        self.axes = axes
        session = AutomaticSolver().session(for: few, parallelism: parallelism, norms: norms)
    }

    /// The largest λ of the group Lasso, and the blocks that share most with the data.
    func look(_ weights: [Double]?) -> (largest: Double, strongest: [Int]) {
        (session.largestLambda(weights: weights), session.strongestBlocks(Self.candidates, weights: weights))
    }

    /// The group Lasso, roughly.
    ///
    /// - Parameters:
    ///   - lambda: its λ.
    ///   - weights: of the blocks.
    ///   - stop: of the solve that begins here.
    /// - Returns: time courses, T × columns; nil where λ and weights allow no group Lasso.
    func solve(lambda: Double, weights: [Double]?, stop: StopRule, monitor: Monitor) -> ActiveSet? {
        guard lambda > 0, let lasso = try? GroupLasso(lambda: lambda, weights: weights) else { return nil }
        var rule = stop
        rule.relativeGap = max(Self.gap, stop.relativeGap)
        let found = session.solve(lasso, from: nil, stop: rule, monitor: monitor).active
        return ActiveSet(blocks: found.blocks, offsets: found.offsets, coefficients: axes * found.coefficients)
    }
}
