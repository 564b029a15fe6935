/// Stein's unbiased estimate of the squared error of the fitted field (Stein 1981), with exact degrees of freedom:
/// SURE = ‖Y − XB‖² − nTσ² + 2σ²·dof.
///
/// It holds for the solution of the convex problem itself; a reweighted or debiased estimate is another estimator.
public struct SteinRisk: Criterion {
    /// σ²: variance of an entry of the noise in Y, 1 after whitening with a right covariance.
    public let noiseVariance: Double

    /// Threads for the degrees of freedom; they change no bit.
    public let parallelism: Parallelism

    /// - Parameters:
    ///   - noiseVariance: σ² > 0.
    ///   - parallelism: threads for the degrees of freedom.
    public init(noiseVariance: Double = 1, parallelism: Parallelism = .serial) {
        self.noiseVariance = noiseVariance
        self.parallelism = parallelism
    }

    /// `SURE`.
    public var name: String { "SURE" }

    /// - Complexity: O(n(|S|o)² + (|S|o)³).
    public func evaluate(
        _ solution: Solution, of problem: RegressionProblem, under penalty: some BlockPenalty
    ) -> Judgement {
        guard
            let freedom = degreesOfFreedom(
                of: solution.active, in: problem, under: penalty, parallelism: parallelism)
        else {
            return Judgement(value: .infinity, degreesOfFreedom: .nan)
        }
        let entries = Double(problem.rowCount * problem.sampleCount)
        return Judgement(
            value: solution.squaredResidual - entries * noiseVariance + 2 * noiseVariance * freedom,
            degreesOfFreedom: freedom)
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
    of active: ActiveSet, in problem: RegressionProblem, under penalty: some BlockPenalty,
    parallelism: Parallelism = .serial
) -> Double? {
    guard active.count > 0 else { return 0 }
    let columns = active.designColumns(of: problem)
    let slopes = zip(active.blocks, active.norms).map { penalty.derivatives(norm: $1, block: $0) }
    let hessian = SupportHessian(
        gram: Matrix.product(columns, transposed: true, columns, parallelism: parallelism),
        coefficients: active.coefficients, offsets: active.offsets, slopes: slopes, parallelism: parallelism)
    return hessian?.degreesOfFreedom(samples: problem.sampleCount)
}
