import Glibc

/// A path over λ: each penalized fit begins where the last one ended, and says which effects there are; these are fitted again
/// without a penalty, which is what is scored (the relaxed Lasso of Meinshausen 2007).
///
/// Shrunk estimates must not be scored themselves: a criterion then pays for shrinkage with false effects.
public struct PenaltyPath: Sendable {
    /// λ, in the order in which they are tried.
    public let lambdas: [Double]
    /// Which models may be chosen.
    public let rules: SelectionRules

    /// - Parameters:
    ///   - lambdas: ascending from a start that has all effects, descending from one that has none; 41 from 10⁻² to 10⁴ unless
    ///     given.
    ///   - rules: what becomes of a support before it is fitted again.
    public init(
        lambdas: [Double] = (0...40).map { pow(10, -2 + 6 * Double($0) / 40) }, rules: SelectionRules = .init()
    ) {
        self.lambdas = lambdas
        self.rules = rules
    }

    /// A λ of the path.
    public struct Point: Sendable {
        /// λ.
        public let lambda: Double
        /// The penalized fit.
        public let solution: EffectSolution
        /// The model on its selected effects, with its BIC.
        public let refit: SupportFits.Scored
    }

    /// Follows the path to its end.
    ///
    /// - Parameters:
    ///   - objective: its likelihood, weights and hierarchy; its penalty is replaced.
    ///   - solver: of the penalized fits.
    ///   - fits: the models on subsets of the same effects.
    ///   - start: where the first fit begins.
    ///   - penalty: the penalty at a λ.
    /// - Returns: a point a λ; the smallest BIC is ``best(_:)``.
    /// - Throws: what the closure throws.
    /// - Complexity: a penalized fit a λ, and a fit for each support that is new.
    public func run(
        _ objective: PenalizedLikelihood, solver: some EffectSolver, fits: SupportFits, from start: Effects,
        penalty: (_ lambda: Double) throws(InvalidEffectPenalty) -> any EffectPenalty
    ) throws(InvalidEffectPenalty) -> [Point] {
        var points: [Point] = []
        var from = start
        for lambda in lambdas {
            let found = solver.solve(objective.with(penalty: try penalty(lambda)), from: from)
            if found.objective.isFinite { from = found.effects }
            var support = Support(found.selected)
            rules.mend(&support)
            let refit = fits.model(support, near: points.last?.refit)
            points.append(Point(lambda: lambda, solution: found, refit: refit))
        }
        return points
    }

    /// The point whose model has the smallest BIC, the sparser of equals; nil where none could be fitted.
    public static func best(_ points: [Point]) -> Point? {
        points.filter { $0.refit.bic < .infinity }.min {
            ($0.refit.bic, $0.refit.support.count) < ($1.refit.bic, $1.refit.support.count)
        }
    }
}
