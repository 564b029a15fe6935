/// How the weights of sources, λ_j, come about.
public enum SourceWeights: String, Sendable, CaseIterable, Codable {
    /// One λ for all sources: the penalized solution.
    case shared
    /// The shared λ, then rounds of ``Reweighting`` at it.
    case reweighted
    /// Reweighted, and the sources then exchanged for the few points and patches that are worth more than noise
    /// (``SubsetSelection``): where the sources lie no longer depends on λ.
    case refined
    /// A λ_j for every source, learned by following the gradient of the criterion from the shared λ.
    case learned
    /// A variance for every source, learned by ``SparseBayesianLearning``.
    case evidence
}

/// How the regularization is chosen.
public struct SelectionSettings: Sendable, Equatable {
    /// How sources are estimated.
    public var method = MethodKind.mixedNorm
    /// Of the time-frequency method: sets of lengths of windows, s, to choose from; nil takes the usual ones.
    public var windows: [[Double]]?
    /// Of the time-frequency method: which part of the penalty is of single coefficients, 0…1; nil chooses.
    public var rho: Double?
    /// What is penalized: whole sources. Reweighting and the evidence are of the L2,1 norm alone.
    public var penalty = GroupLasso.kind
    /// The penalty's number of shape; nil takes its usual value.
    public var shape: Double?
    /// What makes a choice good; nil takes ``SelectionMethod``'s default, or the evidence for its own weights.
    public var criterion: CriterionKind?
    /// How it is searched for; nil takes a path for one λ and a line search for a λ_j of every source.
    public var search: SearchKind?
    /// How the weights of sources come about; nil takes the evidence for its own criterion, the shared λ where 0 rounds of
    /// reweighting are asked for, reweighting where λ or another number of rounds is, else refined sources; no reweighting
    /// under another penalty than the L2,1 norm.
    public var weights: SourceWeights?
    /// Folds of the criteria that hold something out, from 2 to as many as epochs or rows; nil takes 5.
    public var folds: Int?
    /// Random directions of Monte-Carlo SURE, draws of noise of its quantile, up to 1000; nil takes the usual number.
    public var draws: Int?
    /// Relative error of the gain, at the sensors, that refining reckons with: 0 for none, up to 1; nil learns it.
    public var gainError: Double?
    /// How likely noise alone may make a refined source somewhere in the window, from 0.001 to 0.5.
    public var falsePositiveRate = 0.05
    /// Seed of folds, directions, searches and repeats.
    public var seed: UInt64 = 0

    /// The default settings.
    public init() {}
}

extension SelectionSettings {
    /// Sets of windows as options name them: sets by commas, windows of a set by plus signs, as `80ms,40ms+160ms`.
    ///
    /// - Returns: s; nil for `auto`.
    /// - Throws: ``InputError`` for anything else.
    public static func windows(named text: String) throws(InputError) -> [[Double]]? {
        if text == "auto" { return nil }
        func seconds(_ text: Substring) throws(InputError) -> Double {
            for (unit, factor) in [("ms", 1e-3), ("s", 1.0)] where text.hasSuffix(unit) {
                if let value = Double(text.dropLast(unit.count)), value > 0, value.isFinite { return factor * value }
            }
            throw InputError(
                .windows, found: "'\(text)'", expected: "auto, or lengths with their unit, as 80ms or 40ms+160ms")
        }
        return try text.split(separator: ",", omittingEmptySubsequences: false).map { (set) throws(InputError) in
            try set.split(separator: "+", omittingEmptySubsequences: false).map(seconds)
        }
    }
}
