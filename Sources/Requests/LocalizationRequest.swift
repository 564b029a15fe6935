/// A localization as callers ask for it by the names of the command's options.
public struct LocalizationRequest: NamedRequest {
    /// What it is called.
    public static let function = "localize"

    private var gathered = LocalizationSettings()
    private var shapes: [PenaltyKind.Shape.Option: Double] = [:]
    /// Whether the forward keeps what it shares with the next recording.
    public private(set) var keepsPreparation = false
    /// How the caller's users know options: name for name.
    private var names: [String: String] = [:]

    /// A request with all defaults.
    public init() {}

    /// The settings of the localization.
    ///
    /// - Throws: ``InputError`` for a number of shape that its penalty does not have.
    public func settings() throws(InputError) -> LocalizationSettings {
        var settings = gathered
        settings.selection.shape = try settings.selection.penalty.shape(among: shapes, isNeeded: true)
        return settings
    }

    /// How the caller's users know a setting.
    public func name(of setting: SettingName) -> String { names[setting.rawValue] ?? setting.rawValue }

    /// What it can be asked, by the names of the command's options.
    public static var options: [RequestOption<LocalizationRequest>] { preparing + choosing + calling }

    private static var preparing: [RequestOption<LocalizationRequest>] {
        [
            .init(.window, "analysed times, first and last, s; all from time 0 on unless given") {
                (r, v, n) throws(InputError) in r.gathered.preparation.window = try v.times(n)
            },
            .init(.baseline, "what holds noise alone: two times, auto or none") { (r, v, n) throws(InputError) in
                switch v {
                case .text("auto"): r.gathered.preparation.baseline = .automatic
                case .text("none"): r.gathered.preparation.baseline = .none
                default: r.gathered.preparation.baseline = .times(try v.times(n))
                }
            },
            .init(.sensors, "all, meg, eeg, mag or grad") {
                (r, v, n) throws(InputError) in r.gathered.preparation.sensors = try v.word(n)
            },
            .init(.rank, "rank of the data: auto, info, data, full, a number, or numbers by kind: meg:70,eeg:59") {
                (r, v, n) throws(InputError) in r.gathered.preparation.rank = try RankChoice(name: try v.text(n))
            },
            .init(.averages, "trials that the recording averages; what it says itself unless given") {
                (r, v, n) throws(InputError) in r.gathered.preparation.averages = try v.number(n)
            },
            .init(.noise, "what the noise covariance is taken from: auto, covariance, baseline or epochs") {
                (r, v, n) throws(InputError) in
                let source: NoiseSource = try v.word(n)
                r.gathered.preparation.noise = source
            },
            .init(.sigma, "noise after whitening: covariance, baseline, or times what the covariance says") {
                (r, v, n) throws(InputError) in r.gathered.preparation.noiseLevel = try NoiseLevel(name: try v.text(n))
            },
            .init(.orientation, "fixed, free or loose:ℓ; what the forward allows unless given") {
                (r, v, n) throws(InputError) in
                r.gathered.preparation.orientation = try Orientation(name: try v.text(n))
            },
            .init(.depth, "exponent of the depth weighting, 0 to 1; 0.8 unless given") {
                (r, v, n) throws(InputError) in r.gathered.preparation.depth = try v.number(n)
            },
            .init(.matchNames, "when names of channels mean the same: exact or loose") {
                (r, v, n) throws(InputError) in r.gathered.preparation.names = try v.word(n)
            },
        ]
    }

    private static var choosing: [RequestOption<LocalizationRequest>] {
        [
            .init(.lambda, "λ: auto, or a fraction of λ_max") { (r, v, n) throws(InputError) in
                r.gathered.lambda = v == .text("auto") ? .automatic : .ratio(try v.number(n))
            },
            .init(.method, "how sources are estimated: \(MethodKind.all.map(\.name).joined(separator: ", "))") {
                (r, v, n) throws(InputError) in r.gathered.selection.method = try v.kind(n, \.name)
            },
            .init(.windows, "of method tf: auto, or sets of windows to choose from, as 80ms,40ms+160ms") {
                (r, v, n) throws(InputError) in
                r.gathered.selection.windows = try SelectionSettings.windows(named: try v.text(n))
            },
            .init(.rho, "of method tf: which part of the penalty is of single coefficients, 0 to 1, or auto") {
                (r, v, n) throws(InputError) in
                r.gathered.selection.rho = v == .text("auto") ? nil : try v.number(n)
            },
            .init(.criterion, "what makes a choice good: \(CriterionKind.all.map(\.name).joined(separator: ", "))") {
                (r, v, n) throws(InputError) in r.gathered.selection.criterion = try v.kind(n, \.name)
            },
            .init(.search, "how it is searched for: \(SearchKind.all.map(\.name).joined(separator: ", "))") {
                (r, v, n) throws(InputError) in r.gathered.selection.search = try v.kind(n, \.name)
            },
            .init(.weights, "how sources are told from noise: shared, reweighted, refined, learned or evidence") {
                (r, v, n) throws(InputError) in
                let weights: SourceWeights = try v.word(n)
                r.gathered.selection.weights = weights
            },
            .init(.reweight, "rounds of reweighting") {
                (r, v, n) throws(InputError) in r.gathered.reweightingRounds = try v.count(n)
            },
            .init(.folds, "folds of the criteria that hold something out") {
                (r, v, n) throws(InputError) in r.gathered.selection.folds = try v.count(n)
            },
            .init(.draws, "random directions of sure-mc, draws of noise of noise-quantile") {
                (r, v, n) throws(InputError) in r.gathered.selection.draws = try v.count(n)
            },
            .init(.seed, "seed of folds, directions, searches and repeats") {
                (r, v, n) throws(InputError) in r.gathered.selection.seed = try v.seed(n)
            },
            .init(.gainError, "relative error of the gain that refining reckons with, 0 to 1; learned unless given") {
                (r, v, n) throws(InputError) in r.gathered.selection.gainError = try v.number(n)
            },
            .init(.falsePositiveRate, "how likely noise alone may make a refined source; 0.05 unless given") {
                (r, v, n) throws(InputError) in r.gathered.selection.falsePositiveRate = try v.number(n)
            },
            .init(.stability, "repeats of the whole choice, 2 to 1000; 0 for none") {
                (r, v, n) throws(InputError) in r.gathered.stability.repeats = try v.count(n)
            },
            .init(.stabilityBy, "what the repeats differ in: epochs, sensors or noise") {
                (r, v, n) throws(InputError) in
                let method: StabilityMethod = try v.word(n)
                r.gathered.stability.method = method
            },
            .init(.penalty, "the penalty: \(PenaltyKind.all.map(\.name).joined(separator: ", "))") {
                (r, v, n) throws(InputError) in r.gathered.selection.penalty = try v.kind(n, \.name)
            },
            .init(.ridge, "number of shape of a penalty that has a ridge") {
                (r, v, n) throws(InputError) in r.shapes[.ridge] = try v.number(n)
            },
            .init(.gamma, "number of shape of a penalty that has a γ") {
                (r, v, n) throws(InputError) in r.shapes[.gamma] = try v.number(n)
            },
            .init(.debias, "whether amplitudes are debiased: true or false; true unless given") {
                (r, v, n) throws(InputError) in r.gathered.isDebiased = try v.flag(n)
            },
            .init(.gap, "relative duality gap at which a solve is good enough; 1e-6 unless given") {
                (r, v, n) throws(InputError) in
                r.gathered.relativeGap = try StopRule().at(gap: try v.number(n)).relativeGap
            },
        ]
    }

    private static var calling: [RequestOption<LocalizationRequest>] {
        [
            .init(.threads, "threads; no result depends on them") {
                (r, v, n) throws(InputError) in r.gathered.parallelism = try Requests.threads(v, n)
            },
            .init(.keepPreparation, "whether the forward keeps its whitened gain for the next recording") {
                (r, v, n) throws(InputError) in r.keepsPreparation = try v.flag(n)
            },
            .init(.naming, "how the caller's users know options, for messages: gain-error=gain_error,lambda=alpha") {
                (r, v, n) throws(InputError) in
                for pair in try v.text(n).split(separator: ",") {
                    let words = pair.split(separator: "=")
                    guard words.count == 2 else {
                        throw InputError(n, found: "'\(pair)'", expected: "name=name, separated by commas")
                    }
                    r.names[String(words[0])] = String(words[1])
                }
            },
        ]
    }
}

extension PreparationSettings {
    /// The sensors, orientation, depth and rank that an estimate was made with.
    ///
    /// - Throws: ``InputError`` for settings of an estimate of another version, which this one does not know.
    public static func of(_ estimate: Estimate) throws(InputError) -> PreparationSettings {
        let names: [SettingName] = [.sensors, .orientation, .depth, .rank]
        let values = estimate.settings.filter { setting in names.contains { $0.rawValue == setting.name } }
        return try LocalizationRequest(
            Dictionary(values.map { ($0.name, Double($0.value).map { .number($0) } ?? .text($0.value)) }) { $1 }
        ).settings().preparation
    }
}
