/// Generalized cross-validation (Golub, Heath & Wahba 1979): (‖Y − XB‖²/nT) / (1 − dof/nT)².
///
/// It needs no noise level; of noise that is correlated it knows nothing.
public struct GeneralizedCrossValidation: FitCriterion {
    /// The criterion.
    public init() {}

    /// `GCV`.
    public var name: String { "GCV" }

    /// Infinite where the fit has as many degrees of freedom as the data have entries.
    public func combine(_ summary: FitSummary) -> FitValue {
        let entries = summary.entryCount
        let rest = 1 - summary.degreesOfFreedom / entries
        guard rest > 0 else { return FitValue(value: .infinity, residualSlope: 0, freedomSlope: 0) }
        let slope = 1 / (entries * rest * rest)
        return FitValue(
            value: summary.squaredResidual * slope, residualSlope: slope,
            freedomSlope: 2 * summary.squaredResidual * slope / (rest * entries))
    }
}

extension CriterionKind {
    /// ``GeneralizedCrossValidation``.
    public static let gcv = CriterionKind("gcv", help: "generalized cross-validation, without a noise level") { _ in
        GeneralizedCrossValidation()
    }
}
