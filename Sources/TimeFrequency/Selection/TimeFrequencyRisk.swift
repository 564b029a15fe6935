/// Stein's unbiased risk estimate, of all rows.
///
/// Its slopes (``TimeFrequencyCurvature/riskSlopes(noiseVariance:)``) are of no use to a search: degrees of freedom jump
/// where coefficients come and go, and slopes between the jumps do not tell.
struct TimeFrequencyRisk: TimeFrequencyCriterion {
    let problem: RegressionProblem
    /// σ² of an entry.
    let noiseVariance: Double

    /// Smaller where little of the data is signal: there risks differ by little.
    var searchGap: Double {
        let noise = noiseVariance * Double(problem.response.elements.count)
        return max(1e-4, min(1e-2, 3e-2 * (1 - noise / max(noise, problem.squaredResponseNorm))))
    }

    func judge(
        _ solution: TimeFrequencySolution, _ penalty: TimeFrequencyPenalty, parallelism: Parallelism
    ) -> TimeFrequencyJudgement {
        let curvature = TimeFrequencyCurvature(
            solution, penalty, in: problem, exactSize: 600, tolerance: 2e-3, parallelism: parallelism)
        return TimeFrequencyJudgement(
            value: curvature.risk(noiseVariance: noiseVariance), degreesOfFreedom: curvature.degreesOfFreedom)
    }
}
