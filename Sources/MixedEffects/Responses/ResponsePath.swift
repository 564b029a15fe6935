import Glibc
import LinearAlgebra

/// Estimates of all effects at all responses along one path of λ: in what order effects leave, and where to stop.
///
/// The adaptive Lasso (Zou 2006) on fixed effects and variances of each model of ``ResponseModel``, with λ the same for all of
/// them; what it leaves is fitted again without a penalty, and the λ is chosen by the sum of their BIC.
public struct ResponsePath: Sendable {
    /// λ, ascending.
    public let lambdas: [Double]
    /// Of each response the fixed effects × λ, in its unit; NaN for one that could not be modelled.
    public let fixed: [Matrix]
    /// Of each response the standard deviations between groups × λ, in its unit.
    public let deviations: [Matrix]
    /// For each λ the sum of BIC over all models, what they leave being fitted again.
    public let bic: [Double]
    /// The place of the smallest, the largest λ of equals; nil where no model could be fitted at any λ.
    public let chosen: Int?
}

extension ResponseModel {
    /// λ in a path, and the smallest over the largest.
    private static let (pathCount, pathRatio) = (41, 1e-4)

    /// A model while its path is followed.
    private struct Traced {
        let members: [Int]
        let block: ResponseTable.Block
        let objective: PenalizedLikelihood
        let fits: SupportFits
        let rules: SelectionRules
        let full: Effects
        let largest: Double
    }

    /// Follows the path; effects that are kept are not penalized.
    ///
    /// - Parameters:
    ///   - table: the rows.
    ///   - isCancelled: asked before every model.
    /// - Throws: `CancellationError`.
    /// - Complexity: 41 penalized fits of each model, and as many without a penalty at most.
    public func path(_ table: ResponseTable, isCancelled: @Sendable () -> Bool = { false }) throws -> ResponsePath {
        let charged = table.responses.elements.count(where: \.isFinite)
        let traced = try table.blocks(correlatedBy: Self.leastCorrelation, columns: Self.mostColumns).compactMap {
            if isCancelled() { throw CancellationError() }
            return try? trace(table, $0, charged: charged)
        }
        let (p, q, count) = (table.fixed.columns, table.random.columns, Self.pathCount)
        let largest = traced.map(\.largest).max() ?? 1
        let lambdas = (0..<count).map { largest * pow(Self.pathRatio, 1 - Double($0) / Double(count - 1)) }
        var fixed = [Matrix](
            repeating: Matrix(rows: p, columns: count, repeating: .nan), count: table.responseCount)
        var deviations = [Matrix](
            repeating: Matrix(rows: q, columns: count, repeating: .nan), count: table.responseCount)
        var bic = [Double](repeating: traced.isEmpty ? .infinity : 0, count: count)
        for model in traced {
            if isCancelled() { throw CancellationError() }
            let points = try PenaltyPath(lambdas: lambdas, rules: model.rules).run(
                model.objective, solver: ProximalNewton(), fits: model.fits, from: model.full
            ) { lambda throws(InvalidEffectPenalty) in try L1Penalty(lambda: lambda) }
            for (l, point) in points.enumerated() {
                bic[l] += point.refit.bic
                let effects = point.solution.selected
                for (k, response) in model.members.enumerated() {
                    let scale = model.block.scales[k]
                    for j in 0..<p { fixed[response][j, l] = effects.fixed[k * p + j] * scale }
                    for j in 0..<q {
                        deviations[response][j, l] = effects.variances[k * q + j].squareRoot() * scale
                    }
                }
            }
        }
        let best = bic.indices.reversed().min { bic[$0] < bic[$1] }
        return ResponsePath(
            lambdas: lambdas, fixed: fixed, deviations: deviations, bic: bic,
            chosen: best.flatMap { bic[$0].isFinite ? $0 : nil })
    }

    private func trace(_ table: ResponseTable, _ members: [Int], charged: Int) throws -> Traced? {
        guard let block = try table.block(members) else { return nil }
        let (problem, p, q) = (block.problem, table.fixed.columns, table.random.columns)
        let full = try BoundedNewton().fit(problem, noise: .known).effects
        // As if all columns were of root mean square one: weights depend on no unit.
        let sizes = { (design: Matrix) in
            (0..<design.columns).map { design.columns($0..<($0 + 1)).squaredNorm / Double(max(1, design.rows)) }
        }
        let (fixedSizes, randomSizes) = (sizes(table.fixed), sizes(table.random))
        let weights = AdaptiveWeights(
            Effects(
                fixed: full.fixed.indices.map { full.fixed[$0] * fixedSizes[$0 % p].squareRoot() },
                variances: full.variances.indices.map { full.variances[$0] * randomSizes[$0 % q] }))
        let rules = SelectionRules(
            keptFixed: Set(full.fixed.indices.filter { keptFixed.contains($0 % p) }),
            keptRandom: Set(full.variances.indices.filter { keptRandom.contains($0 % q) }),
            parents: parents.isEmpty
                ? [] : full.variances.indices.map { own in parents[own % q].map { own / q * p + $0 } }
        ).with(groups: table.groupCount, randomCount: full.variances.count)
        let objective = try PenalizedLikelihood(
            Likelihood(problem), penalty: try L1Penalty(lambda: 1),
            fixedWeights: full.fixed.indices.map {
                rules.keptFixed.contains($0) ? 0 : weights.fixed[$0] * fixedSizes[$0 % p].squareRoot()
            },
            varianceWeights: full.variances.indices.map {
                rules.keptRandom.contains($0) ? 0 : weights.variances[$0] * randomSizes[$0 % q]
            }, parents: rules.parents)
        return Traced(
            members: members, block: block, objective: objective,
            fits: SupportFits(problem, noise: .known, newton: BoundedNewton(tolerance: 1e-7), charged: charged),
            rules: rules, full: full, largest: PenaltyPath.largest(objective, full))
    }
}

extension PenaltyPath {
    /// The λ of a penalty with slope λ at 0 from which on nothing is left that it may take: the largest slope of the likelihood
    /// over its weight where all of that is 0, 1 where that is no positive number.
    ///
    /// - Parameters:
    ///   - objective: its likelihood and weights; effects with a weight of 0 stay.
    ///   - full: the effects without a penalty.
    public static func largest(_ objective: PenalizedLikelihood, _ full: Effects) -> Double {
        var none = full
        for (k, weight) in objective.fixedWeights.enumerated() where weight > 0 { none.fixed[k] = 0 }
        for (k, weight) in objective.varianceWeights.enumerated() where weight > 0 { none.variances[k] = 0 }
        let slopes = objective.likelihood.evaluate(at: none)
        var largest = 0.0
        for (k, weight) in objective.fixedWeights.enumerated() where weight > 0 {
            largest = max(largest, abs(slopes.fixedGradient[k]) / weight)
        }
        for (k, weight) in objective.varianceWeights.enumerated() where weight > 0 {
            largest = max(largest, -slopes.varianceGradient(k) / weight)
        }
        return largest > 0 && largest.isFinite ? largest : 1
    }
}
