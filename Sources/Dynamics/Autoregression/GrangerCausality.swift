import Glibc
import LinearAlgebra
import MixedEffects

/// Conditional Granger causality (Geweke 1984): whether the past of one variable predicts another beyond the past of all
/// others.
public struct GrangerCausality: Sendable, Equatable {
    /// F = ((rss₀ − rss)/p)/(rss/(N − np)) of each source (column) on each target (row); 0 on the diagonal.
    public let statistic: Matrix
    /// The probability of F as large or larger without influence; 1 on the diagonal.
    public let p: Matrix
    /// ln(rss₀/rss); 0 on the diagonal.
    public let influence: Matrix
    /// N − np.
    public let freedom: Int

    /// Tests every variable on every other one.
    ///
    /// The variables are taken as they are, about zero: center them first.
    ///
    /// - Parameters:
    ///   - trajectories: best of variance 1.
    ///   - order: lags, p.
    ///   - isReversed: tests in reversed time.
    /// - Throws: ``InvalidTrajectories``.
    /// - Complexity: O(N(np)² + (np)³): one factorization serves all tests.
    public init(
        _ trajectories: Trajectories, order: Int, isReversed: Bool = false, parallelism: Parallelism = .serial
    ) throws(InvalidTrajectories) {
        let moments = try LagMoments.checked(trajectories, order: order, parallelism: parallelism)
        let equations = NormalEquations(moments, order: order, isReversed: isReversed)
        try self.init(equations, equations.leastSquares())
    }

    init(_ equations: NormalEquations, _ solution: LeastSquares) {
        let (n, p) = (equations.variables, equations.order)
        freedom = equations.count - n * p
        var statistic = Matrix(rows: n, columns: n)
        var probability = Matrix(rows: n, columns: n, repeating: 1)
        var influence = Matrix(rows: n, columns: n)
        for source in 0..<n {
            let lags = equations.lags(of: source)
            let first = lags.lowerBound
            // Without b, the squares grow by bᵀ[(XᵀX)⁻¹]_bb⁻¹b.
            let block = Matrix(rows: p, columns: p) { solution.inverse[first + $0, first + $1] }
            let own = Matrix(rows: p, columns: n) { solution.coefficients[first + $0, $1] }
            guard let weighted = try? Cholesky(block).solve(own) else { continue }
            for target in 0..<n where target != source {
                let growth = (0..<p).reduce(0) { $0 + own[$1, target] * weighted[$1, target] }
                let squares = solution.residuals[target, target]
                statistic[target, source] = (growth / Double(p)) / (squares / Double(freedom))
                influence[target, source] = log1p(growth / squares)
                probability[target, source] = FisherDistribution.upperTail(
                    statistic[target, source], numerator: Double(p), denominator: Double(freedom))
            }
        }
        self.statistic = statistic
        self.p = probability
        self.influence = influence
    }

    /// The connections by the rule that was measured best: significant after correction for their number, and at least a
    /// share of the strongest influence.
    ///
    /// - Parameters:
    ///   - reversed: the test in reversed time, which confirms: (g_ij − g_ji) − (g_ij − g_ji of reversed time) > 0
    ///     (Haufe et al. 2013).
    ///   - rate: the false discovery rate.
    ///   - share: of the strongest influence.
    func connections(reversed: GrangerCausality?, rate: Double, share: Double) -> [Connection] {
        let pairs = Connection.pairs(of: influence.rows)
        let adjusted = FalseDiscoveryRate.adjusted(pairs.map { p[$0.target, $0.source] })
        let strongest = influence.elements.reduce(0, max)
        return zip(pairs, adjusted).map { pair, adjusted in
            let (i, j) = (pair.target, pair.source)
            return Connection(
                source: j, target: i, influence: influence[i, j], p: p[i, j], adjustedP: adjusted,
                isSelected: adjusted <= rate && influence[i, j] >= share * strongest,
                isConfirmed: reversed.map {
                    (influence[i, j] - influence[j, i]) - ($0.influence[i, j] - $0.influence[j, i]) > 0
                })
        }
    }
}
