extension SourceChoice {
    /// The choice that settings ask for.
    ///
    /// - Throws: ``InputError`` for settings out of their range, and for such as contradict each other.
    init(_ settings: LocalizationSettings) throws(InputError) {
        try Self.checkRanges(settings)
        let wanted = settings.selection
        let rounds = settings.reweightingRounds
        // The evidence goes by three names: it is a method, has weights of its own, and a criterion.
        let isEvidence = wanted.method == .evidence || wanted.weights == .evidence || wanted.criterion == .evidence
        let weights = wanted.weights ?? Self.usualWeights(settings, isEvidence)
        inverse = weights == .evidence && wanted.method == .mixedNorm ? .evidence : wanted.method
        var method = SelectionMethod()
        method.criterion = wanted.criterion ?? (isEvidence ? .evidence : inverse.criteria?.first ?? method.criterion)
        if weights == .learned, wanted.search == nil { method.search = .lineSearch }
        if let search = wanted.search { method.search = search }
        method.folds = wanted.folds ?? method.folds
        method.draws = wanted.draws
        method.seed = wanted.seed
        // Refined sources only begin at λ; who asks for a criterion or a search wants its answer.
        method.isRough = weights == .refined && wanted.criterion == nil && wanted.search == nil
        self.method = method
        self.weights = weights
        windows = wanted.windows
        rho = wanted.rho
        penalty = wanted.penalty
        shape = wanted.shape
        lambda = settings.lambda
        let isReweighted = weights == .reweighted || weights == .refined && wanted.penalty == GroupLasso.kind
        self.rounds = isReweighted ? rounds ?? 5 : 0
        scale = settings.reweightingScale
        stop = StopRule(relativeGap: settings.relativeGap, relativeViolation: settings.relativeGap)
        parallelism = settings.parallelism
        windowTransforms = settings.windowTransforms
        try checkMethod(wanted)
        try checkPenalty(rounds: rounds)
        try checkWeights(wanted, rounds: rounds)
        try checkUse(settings)
    }

    /// The weights where none are asked for: refined, unless λ or the rounds are given, which then decide the sources.
    private static func usualWeights(_ settings: LocalizationSettings, _ isEvidence: Bool) -> SourceWeights {
        if isEvidence { return .evidence }
        if let rounds = settings.reweightingRounds { return rounds == 0 ? .shared : .reweighted }
        if settings.lambda == .automatic { return .refined }
        return settings.selection.penalty == GroupLasso.kind ? .reweighted : .shared
    }

    /// Whether the method has these weights, this criterion, and what is its own.
    private func checkMethod(_ wanted: SelectionSettings) throws(InputError) {
        let name = inverse.name
        guard inverse.weights.contains(weights) else {
            throw InputError(
                .weights, found: "\(weights.rawValue), with method \(name)",
                expected: "one of \(inverse.weights.map(\.rawValue).joined(separator: ", "))")
        }
        if let criteria = inverse.criteria, !criteria.contains(method.criterion), lambda == .automatic {
            throw InputError(
                .criterion, found: "\(method.criterion.name), with method \(name)",
                expected: "one of \(criteria.map(\.name).joined(separator: ", "))")
        }
        let given: [(SettingName, String?)] = [
            (.penalty, penalty == GroupLasso.kind ? nil : penalty.name), (.search, wanted.search?.name),
            (.windows, windows.map { "\($0) s" }), (.rho, rho.map { "\($0)" }),
        ]
        for (setting, value) in given where !inverse.options.contains(setting) {
            guard let value else { continue }
            let having = MethodKind.all.filter { $0.options.contains(setting) }.map(\.name)
            throw InputError(
                setting, found: "\(value), with method \(name)",
                expected: "method \(having.joined(separator: " or "))")
        }
        if let rho, !(rho >= 0 && rho <= 1) {
            throw InputError(.rho, found: "\(rho)", expected: "auto, or a number from 0 to 1")
        }
        let longest = TimeFrequencyMethod.longestWindow
        guard
            windows.map({ sets in
                !sets.isEmpty && sets.allSatisfy { !$0.isEmpty && $0.allSatisfy { $0 > 0 && $0 <= longest } }
            }) ?? true
        else {
            throw InputError(
                .windows, found: "a window that cannot be", expected: "auto, or lengths above 0 and at most 10 s")
        }
        if case .ratio = lambda, windows?.count ?? 1 > 1 {
            throw InputError(
                .windows, found: "\(windows?.count ?? 1) sets of windows, with a λ that is given", expected: "one set")
        }
    }

    /// Whether the penalty suits sources, its shape is known, and its weights are its own.
    private func checkPenalty(rounds: Int?) throws(InputError) {
        let (name, usual) = (penalty.name, GroupLasso.kind.name)
        guard penalty.scope == .block else {
            throw InputError(
                .penalty, found: "\(name), which parts the orientations and samples of a source",
                expected: "a penalty of whole sources, for example \(usual)")
        }
        if let known = penalty.shape {
            let setting = SettingName(rawValue: known.option.rawValue) ?? .penalty
            guard let value = shape ?? known.usual else {
                throw InputError(setting, found: "nothing", expected: "\(known.symbol) of \(name), a positive number")
            }
            do { _ = try penalty.type.init(lambda: 1, shape: value, weights: nil) } catch {
                throw InputError(setting, found: "\(error)")
            }
        } else if let shape {
            throw InputError(.penalty, found: "\(name) with a shape of \(shape)", expected: "a penalty that has one")
        }
        if penalty != GroupLasso.kind, weights == .reweighted || rounds ?? 0 > 0 {
            throw InputError(
                .penalty, found: "\(name), with reweighting", expected: "\(usual): the others have no such weights")
        }
    }

    private static func checkRanges(_ settings: LocalizationSettings) throws(InputError) {
        if case .ratio(let ratio) = settings.lambda, !(ratio > 0 && ratio <= 1) {
            throw InputError(
                .lambda, found: "\(ratio)", expected: "auto, or a fraction of λ_max above 0 and at most 1")
        }
        guard settings.relativeGap.isFinite, settings.relativeGap >= 1e-12, settings.relativeGap < 1 else {
            throw InputError(.gap, found: "\(settings.relativeGap)", expected: "a number from 1e-12 to below 1")
        }
        if let rounds = settings.reweightingRounds, !(0...100).contains(rounds) {
            throw InputError(.reweight, found: "\(rounds)", expected: "0 to 100 rounds")
        }
        if let folds = settings.selection.folds, !(2...10_000).contains(folds) {
            throw InputError(.folds, found: "\(folds)", expected: "2 to as many as epochs or rows of sensors")
        }
        if let draws = settings.selection.draws, !(1...1000).contains(draws) {
            throw InputError(.draws, found: "\(draws)", expected: "1 to 1000")
        }
        if case .deviation(let sigma) = settings.preparation.noiseLevel, !(sigma > 0 && sigma.isFinite) {
            throw InputError(.sigma, found: "\(sigma)", expected: "covariance, baseline or a positive number")
        }
        if let error = settings.selection.gainError, !(error >= 0 && error <= 1) {
            throw InputError(.gainError, found: "\(error)", expected: "a number from 0 (no error) to 1")
        }
        guard (0.001...0.5).contains(settings.selection.falsePositiveRate) else {
            throw InputError(
                .falsePositiveRate, found: "\(settings.selection.falsePositiveRate)",
                expected: "a number from 0.001 to 0.5")
        }
        guard settings.stability.repeats == 0 || (2...1000).contains(settings.stability.repeats) else {
            throw InputError(.stability, found: "\(settings.stability.repeats) repeats", expected: "2 to 1000")
        }
        guard settings.stability.radius > 0, settings.stability.radius <= 0.1 else {
            throw InputError(
                .stability, found: "a radius of \(settings.stability.radius) m", expected: "above 0 and at most 0.1 m")
        }
    }

    /// Whether weights, criterion, search, λ and rounds go together.
    private func checkWeights(_ wanted: SelectionSettings, rounds: Int?) throws(InputError) {
        switch weights {
        case .shared:
            guard rounds ?? 0 == 0 else {
                throw InputError(
                    .weights, found: "shared, with \(rounds ?? 0) rounds of reweighting", expected: "no rounds",
                    advice: "leave \(.reweight) out, or use \(.weights) reweighted")
            }
        case .refined: break
        case .reweighted:
            guard rounds != 0 else {
                throw InputError(
                    .weights, found: "reweighted, with 0 rounds of reweighting", expected: "1 to 100 rounds",
                    advice: "use \(.weights) shared, which is the same as \(.reweight) 0")
            }
        case .learned, .evidence:
            guard rounds ?? 0 == 0 else {
                throw InputError(
                    .weights, found: "\(weights.rawValue), with \(rounds ?? 0) rounds of reweighting",
                    expected: "no rounds", advice: "leave \(.reweight) out")
            }
        }
        if weights == .evidence || method.criterion == .evidence {
            guard weights == .evidence, method.criterion == .evidence else {
                throw InputError(
                    .criterion, found: "\(method.criterion.name), with weights \(weights.rawValue)",
                    expected: "evidence with evidence: it is the criterion of its own weights and of no others")
            }
            guard lambda == .automatic else {
                throw InputError(
                    .lambda, found: "a λ, with weights by evidence",
                    expected: "none: the evidence learns a variance for every source")
            }
        }
        if method.criterion == .noiseQuantile, lambda == .automatic {
            guard weights != .learned, wanted.search == nil else {
                throw InputError(
                    .criterion, found: "noise-quantile, with a search or learned weights",
                    expected: "neither: λ follows from the noise, without a search or a gradient")
            }
        }
        if weights == .learned, method.search.reach < .many {
            throw InputError(
                .search, found: "\(method.search.name), with weights learned for every source",
                expected: "one of \(SearchKind.names(reaching: .many))")
        }
        if case .ratio = lambda, weights != .learned {
            if let criterion = wanted.criterion {
                throw InputError(
                    .criterion, found: "\(criterion.name), with a λ that is given",
                    expected: "one of the two: nothing is left to choose")
            }
            if let search = wanted.search {
                throw InputError(
                    .search, found: "\(search.name), with a λ that is given",
                    expected: "one of the two: nothing is left to search for")
            }
        }
    }

    /// Whether everything that was given is used.
    private func checkUse(_ settings: LocalizationSettings) throws(InputError) {
        let stability = settings.stability
        if stability.method != nil, stability.repeats == 0 {
            throw InputError(
                .stabilityBy, found: "no repeats", expected: "a number of them", advice: "give \(.stability) N")
        }
        let isGiven = lambda != .automatic && weights != .learned
        let chosenBy = isGiven ? "a λ that is given" : "criterion \(method.criterion.name)"
        if let folds = settings.selection.folds, isGiven || !method.criterion.hasFolds,
            stability.repeats == 0 || stability.method != .sensors
        {
            throw InputError(
                .folds, found: "\(folds), with \(chosenBy)", expected: "a criterion that holds something out",
                advice: "use \(.criterion) \(Self.names(\.hasFolds)), or leave \(.folds) out")
        }
        if let draws = settings.selection.draws, isGiven || !method.criterion.hasDraws {
            throw InputError(
                .draws, found: "\(draws), with \(chosenBy)", expected: "a criterion that draws directions",
                advice: "use \(.criterion) \(Self.names(\.hasDraws)), or leave \(.draws) out")
        }
        if !isRefined {
            let usual = SelectionSettings()
            for (name, isGiven) in [
                (SettingName.gainError, settings.selection.gainError != nil),
                (.falsePositiveRate, settings.selection.falsePositiveRate != usual.falsePositiveRate),
            ] where isGiven {
                throw InputError(
                    name, found: "a value, with weights \(weights.rawValue)", expected: "sources that are refined",
                    advice: "use \(.weights) \(SourceWeights.refined.rawValue), or leave \(name) out")
            }
        }
        if settings.preparation.noiseLevel != .covariance, !isGiven, !method.criterion.needsNoiseLevel,
            stability.repeats == 0 || stability.method == .epochs || stability.method == .sensors
        {
            throw InputError(
                .sigma, found: "\(settings.preparation.noiseLevel.name), with criterion \(method.criterion.name)",
                expected: "a criterion that depends on the noise level", advice: "leave \(.sigma) out")
        }
    }

    /// The names of the criteria of a sort: a, b or c.
    private static func names(_ isOne: (CriterionKind) -> Bool) -> String {
        let names = CriterionKind.all.filter(isOne).map(\.name)
        guard let last = names.last, names.count > 1 else { return names.joined() }
        return names.dropLast().joined(separator: ", ") + " or " + last
    }

    /// Whether a recording holds what the settings need.
    ///
    /// - Throws: ``InputError`` that names the option.
    static func check(_ recording: Recording, _ settings: LocalizationSettings, _ choice: SourceChoice)
        throws(InputError)
    {
        let count = recording.epochs.count
        let isAverage = "but the recording holds " + (recording.averages != 1 ? "one average" : "one epoch")
        if choice.comparesReplicates {
            guard count > 1 else {
                throw InputError(
                    .criterion, found: "\(choice.method.criterion.name), \(isAverage)",
                    expected: "a recording of several epochs", advice: "use kfold, which holds out sensors, or sure")
            }
            guard choice.method.folds <= count else {
                throw InputError(
                    .folds, found: "\(choice.method.folds) folds of \(count) epochs",
                    expected: "from 2 to as many as epochs")
            }
        }
        if settings.stability.repeats > 0, settings.stability.method == .epochs, count < 2 {
            throw InputError(
                .stabilityBy, found: "epochs, \(isAverage)", expected: "a recording of several epochs",
                advice: "use noise or sensors")
        }
    }
}
