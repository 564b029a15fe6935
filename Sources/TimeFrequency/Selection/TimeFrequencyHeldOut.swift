/// Prediction of rows that were held out: ‖Y_v − X_vB‖²/(|v|T), B fitted to all other rows.
///
/// λ is that of the other rows, which share in less of it: the choice is a little smaller than it would be for all rows.
struct TimeFrequencyHeldOut: TimeFrequencyCriterion {
    /// Of the rows that are not held out.
    let problem: RegressionProblem
    let searchGap = 2e-3
    private let held: Matrix
    private let design: Design

    /// - Parameter rows: that are held out; nil is made where they repeat, are none, leave none, or are none of the problem.
    init?(_ problem: RegressionProblem, rows: [Int]) {
        let out = Set(rows)
        guard !rows.isEmpty, out.count == rows.count, rows.allSatisfy({ (0..<problem.rowCount).contains($0) }) else {
            return nil
        }
        let kept = (0..<problem.rowCount).filter { !out.contains($0) }
        guard !kept.isEmpty, problem.reduction == nil,
            let rest = try? RegressionProblem(
                design: problem.design.rows(kept), response: problem.response.rows(kept), blocks: problem.blocks,
                keepsSamples: true)
        else { return nil }
        self.problem = rest
        held = problem.response.rows(rows)
        design = problem.design.rows(rows)
    }

    func judge(
        _ solution: TimeFrequencySolution, _ penalty: TimeFrequencyPenalty, parallelism: Parallelism
    ) -> TimeFrequencyJudgement {
        let active = solution.active
        let columns = design.columns(active.blocks.flatMap { Array(problem.blocks.columns(of: $0)) })
        let residual = held - Matrix.product(columns, transposed: false, active.coefficients, transposed: true)
        let entries = Double(held.elements.count)
        let curvature = TimeFrequencyCurvature(
            solution, penalty, in: problem, exactSize: 600, tolerance: 1e-2, wantsFreedom: false,
            parallelism: parallelism)
        let slopes = curvature.hypergradient(
            of: Matrix.product(residual, transposed: true, columns) * (-2 / entries))
        return TimeFrequencyJudgement(
            value: residual.squaredNorm / entries, slopes: (slopes.lambda * penalty.lambda, slopes.rho))
    }
}
