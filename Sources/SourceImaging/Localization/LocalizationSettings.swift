/// How λ is found.
public enum LambdaChoice: Sendable, Equatable {
    /// By a criterion, see ``SelectionSettings``.
    case automatic
    /// Given, as a fraction of λ_max in (0, 1].
    case ratio(Double)
}

/// All that a localization depends on beside its data.
public struct LocalizationSettings: Sendable, Equatable {
    /// Channels, orientation, depth, window, noise.
    public var preparation = PreparationSettings()
    /// How λ is found.
    public var lambda = LambdaChoice.automatic
    /// By which criterion and search, with which weights.
    public var selection = SelectionSettings()
    /// Rounds of reweighting, 0 to 100; 0 for the convex solution alone, nil for 5 where there is reweighting.
    public var reweightingRounds: Int?
    /// Whether amplitudes are debiased at the end.
    public var isDebiased = true
    /// Scale of the weights.
    public var reweightingScale = Reweighting.Scale.strongest
    /// Whether and how the whole choice is repeated.
    public var stability = StabilitySettings()
    /// Relative duality gap of every solve, from 1e-12 to below 1.
    public var relativeGap = 1e-6
    /// Threads; no result depends on it.
    public var parallelism = Parallelism.allCores
    /// What transforms long windows of time-frequency norms; nil uses matrix products. It changes results by rounding.
    public var windowTransforms: WindowTransforms?

    /// The default settings.
    public init() {}

    /// The settings by name, as a command line gives them.
    func described(
        _ orientation: Orientation, _ choice: SourceChoice, repeats method: StabilityMethod
    ) -> [Setting] {
        let window = preparation.window.map { "\($0.lowerBound) \($0.upperBound)" } ?? "from time 0"
        let lambda: String =
            switch self.lambda {
            case .automatic: "auto"
            case .ratio(let ratio): "\(ratio)"
            }
        var described = [
            ("sensors", preparation.sensors.rawValue), ("orientation", orientation.name),
            ("depth", "\(preparation.depth)"), ("window", window), ("baseline", preparation.baseline.name),
            ("rank", preparation.rank.name), ("match_names", preparation.names.rawValue), ("lambda", lambda),
        ]
        if let averages = preparation.averages { described.append(("averages", "\(averages)")) }
        if let noise = preparation.noise { described.append(("noise", noise.rawValue)) }
        described += choice.described
        described += [
            ("sigma", preparation.noiseLevel.name), ("reweight", "\(choice.rounds)"),
            ("reweight_scale", reweightingScale.rawValue), ("debias", "\(isDebiased)"), ("gap", "\(relativeGap)"),
        ]
        if choice.isRefined {
            described += [
                ("gain_error", selection.gainError.map { "\($0)" } ?? "auto"),
                ("false_positive_rate", "\(selection.falsePositiveRate)"),
            ]
        }
        if stability.repeats > 0 {
            described += [("stability", "\(stability.repeats)"), ("stability_by", method.rawValue)]
            if method == .sensors, !choice.method.criterion.hasFolds {
                described.append(("folds", "\(choice.method.folds)"))
            }
        }
        return described.map { Setting($0, $1) }
    }
}
