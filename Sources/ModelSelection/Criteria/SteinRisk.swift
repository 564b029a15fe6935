/// Stein's unbiased estimate of the squared error of the fitted field (Stein 1981), with exact degrees of freedom:
/// SURE = ‖Y − XB‖² − nTσ² + 2σ²·dof.
///
/// It holds for the solution of the convex problem itself; a reweighted or debiased estimate is another estimator. Where a
/// source enters, the degrees of freedom jump by up to one: between such points its gradient is exact, and with single
/// entries (the Lasso) they are nothing but jumps, so that only ``MonteCarloSteinRisk`` has a slope to follow.
public struct SteinRisk: FitCriterion {
    /// σ²: variance of an entry of the noise in Y, 1 after whitening with a right covariance.
    public let noiseVariance: Double

    /// - Parameter noiseVariance: σ² > 0.
    public init(noiseVariance: Double = 1) { self.noiseVariance = noiseVariance }

    /// `SURE`.
    public var name: String { "SURE" }

    /// It is the estimate of the risk.
    public var estimatesRisk: Bool { true }

    /// ‖Y − XB‖² − nTσ² + 2σ²·dof.
    public func combine(_ summary: FitSummary) -> FitValue {
        FitValue(
            value: summary.squaredResidual - summary.entryCount * noiseVariance
                + 2 * noiseVariance * summary.degreesOfFreedom,
            residualSlope: 1, freedomSlope: 2 * noiseVariance)
    }
}

/// The exact degrees of freedom of a fit, the divergence of XB with respect to Y, from the one solution.
///
/// Deledalle et al. 2014 and Vaiter et al. 2017 give the divergence of the group Lasso; here it is evaluated in closed
/// form over blocks of any size and any number of samples (``SupportHessian``).
///
/// - Returns: nil where the curvature on the support is singular beyond repair.
/// - Complexity: O(n(|S|o)² + (|S|o)³), independent of T but for one product of size |S|o × T × |S|o.
public func degreesOfFreedom(
    of solution: Solution, in problem: RegressionProblem, under penalty: some BlockPenalty,
    parallelism: Parallelism = .serial
) -> Double? {
    Fit(solution, of: problem, under: penalty, parallelism: parallelism).degreesOfFreedom()
}

extension CriterionKind {
    /// ``SteinRisk``.
    public static let sure = CriterionKind(
        "sure", help: "Stein's estimate of the squared error of the fit", needsNoiseLevel: true
    ) { SteinRisk(noiseVariance: $0.noiseVariance) }
}
