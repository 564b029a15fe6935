/// What settings of a time-frequency penalty are judged by: the smaller, the better.
protocol TimeFrequencyCriterion: Sendable {
    /// What is solved to judge a setting.
    var problem: RegressionProblem { get }
    /// Duality gap over ½‖Y‖² at which values can be compared.
    var searchGap: Double { get }

    /// Judges a solution of ``problem``.
    func judge(
        _ solution: TimeFrequencySolution, _ penalty: TimeFrequencyPenalty, parallelism: Parallelism
    ) -> TimeFrequencyJudgement
}

/// What a criterion says of a setting.
struct TimeFrequencyJudgement: Sendable {
    let value: Double
    /// NaN where they were not asked for.
    var degreesOfFreedom = Double.nan
    /// How the value changes with log λ and with ρ, where that tells where smaller values are.
    var slopes: (logLambda: Double, rho: Double)?
}
