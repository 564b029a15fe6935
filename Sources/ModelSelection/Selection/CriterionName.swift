/// The criteria by the names that options and files give them.
public enum CriterionName: String, Sendable, CaseIterable, Codable {
    /// ``SteinRisk``.
    case sure
    /// ``MonteCarloSteinRisk``.
    case monteCarlo = "sure-mc"
    /// ``HeldOutRows``, one set of rows.
    case heldOut = "held-out"
    /// ``HeldOutRows``, every row in turn.
    case kfold
    /// ``GeneralizedCrossValidation``.
    case gcv
    /// ``InformationCriterion`` with Akaike's price.
    case aic
    /// ``InformationCriterion`` with Schwarz' price.
    case bic
    /// ``InformationCriterion`` with the extended price, γ = ½.
    case ebic
    /// The marginal likelihood, which has updates of its own: ``SparseBayesianLearning``.
    case evidence
    /// ``HeldOutReplicates``, one set of epochs.
    case heldOutEpochs = "held-out-epochs"
    /// ``HeldOutReplicates``, every epoch in turn.
    case kfoldEpochs = "kfold-epochs"

    /// Whether it cuts rows or epochs into folds.
    public var hasFolds: Bool { [.heldOut, .kfold].contains(self) || needsReplicates }

    /// Whether it compares epochs with one another.
    public var needsReplicates: Bool { self == .heldOutEpochs || self == .kfoldEpochs }

    /// Whether it depends on the noise level.
    public var needsNoiseLevel: Bool { [.sure, .monteCarlo, .aic, .bic, .ebic, .evidence].contains(self) }
}
