@_exported import MixedEffects

/// A model of mixed effects, whose effects the data may choose: what `foci mixed` and the library's callers ask for.
public struct MixedRequest: Sendable {
    /// How effects are chosen.
    public enum Selection: String, Sendable, CaseIterable {
        /// All are in.
        case none
        /// Proximal Newton steps on the penalized likelihood.
        case newton
        /// Proximal gradient on the same, some hundred times slower.
        case pgd
        /// Relaxation by a second, sparse copy of the effects (Sholokhov et al. 2022).
        case msr3
        /// The same, one interior-point phase.
        case msr3Fast = "msr3-fast"
        /// Best subset by exchange.
        case subset
        /// Averages over models; what is in is more probable than not.
        case average

        /// What it does, a phrase.
        public var help: String {
            switch self {
            case .none: "all are in"
            case .newton: "proximal Newton steps on the penalized likelihood"
            case .pgd: "proximal gradient on the same"
            case .msr3: "relaxation by a sparse copy of the effects (Sholokhov et al. 2022)"
            case .msr3Fast: "the same in one interior-point phase"
            case .subset: "best subset by BIC, by exchange"
            case .average: "averages over models by BIC: what is more probable than not"
            }
        }
        /// Whether there is a penalty.
        public var isPenalized: Bool { [.newton, .pgd, .msr3, .msr3Fast].contains(self) }
        /// Whether there is a relaxation, whose strength is η.
        public var isRelaxed: Bool { [.msr3, .msr3Fast].contains(self) }
    }

    /// The column that is explained, of a table.
    public var response: String?
    /// The column that tells the groups, of a table.
    public var group: String?
    /// Fixed effects: columns of a table, or terms such as `a*b`; `0` for no intercept.
    public var fixed: [String] = []
    /// Random effects, likewise.
    public var random: [String] = []
    /// All of these in one.
    public var formula: String?
    /// Whether random effects that are given by name may be correlated.
    public var isCorrelated = false
    /// The variance of the noise, where it is known.
    public var noise: MixedDesign.Noise?
    /// How effects are chosen.
    public var selection = Selection.average
    /// The penalty, where there is one.
    public var penalty = EffectPenaltyKind.named("adaptive-l1") ?? EffectPenaltyKind.all[0]
    /// λ; nil where it is chosen.
    public var lambda: Double?
    /// η; nil where it is chosen.
    public var eta: Double?
    /// Whether a random effect is only in with its fixed effect.
    public var hasHierarchy = true
    /// Fixed effects that are always in.
    public var keep = [ModelMatrix.intercept]
    /// Whether effects are chosen in units in which response and columns have a standard deviation of 1.
    public var isStandardized = true
    /// What the variances of the model that is reported are the best of.
    public var estimation = LikelihoodKind.reml
    /// What intervals hold, 0.5 to 0.9999.
    public var confidence = 0.95
    /// Seed of the averaging.
    public var seed: UInt64 = 0

    /// The default request.
    public init() {}

    /// The model of a table.
    ///
    /// - Throws: ``InputError`` for what the table cannot give.
    public func design(of table: DataTable) throws(InputError) -> MixedDesign {
        try MixedDesign(try formula(for: table), of: table, noise: noise)
    }

    /// The formula, or one of the lists.
    private func formula(for table: DataTable) throws(InputError) -> Formula {
        guard let text = formula else {
            guard let response else {
                throw InputError(.response, found: "nothing", expected: "a column, or a formula")
            }
            guard let group else {
                throw InputError(.group, found: "nothing", expected: "the column that tells the groups, or a formula")
            }
            return try Formula(
                response: response, group: group, fixed: fixed, random: random, isCorrelated: isCorrelated,
                isName: table.hasColumn)
        }
        let given = try Formula(text)
        guard fixed.isEmpty else {
            throw InputError(.fixed, found: "terms beside a formula", expected: "one of both")
        }
        guard given.response == nil || response == nil else {
            throw InputError(.response, found: "a column beside that of the formula", expected: "one of both")
        }
        guard given.random.isEmpty || (group == nil && random.isEmpty) else {
            throw InputError(
                group == nil ? .random : .group, found: "it beside the random terms of the formula",
                expected: "one of both")
        }
        let named =
            try given.random.isEmpty && group != nil
            ? Formula(
                response: "y", group: group ?? "", fixed: [], random: random, isCorrelated: isCorrelated,
                isName: table.hasColumn
            ).random : given.random
        return Formula(response: given.response ?? response, fixed: given.fixed, random: named)
    }

    /// Throws for settings out of their range, or that contradict each other.
    ///
    /// - Throws: ``InputError``.
    public func check() throws(InputError) {
        if let lambda {
            guard selection.isPenalized else {
                throw InputError(
                    .lambda, found: "\(lambda) without a penalty", expected: "none",
                    advice: "\(.select) takes newton, pgd, msr3 or msr3-fast")
            }
            guard lambda >= 0, lambda.isFinite else {
                throw InputError(.lambda, found: "\(lambda)", expected: "a number from 0 on, or auto")
            }
        }
        if let eta {
            guard selection.isRelaxed else {
                throw InputError(
                    .eta, found: "\(eta) without a relaxation", expected: "none",
                    advice: "\(.select) takes msr3 or msr3-fast")
            }
            guard eta > 0, eta.isFinite else {
                throw InputError(.eta, found: "\(eta)", expected: "a positive number, or auto")
            }
        }
        guard confidence >= 0.5, confidence <= 0.9999 else {
            throw InputError(.confidence, found: "\(confidence)", expected: "0.5 to 0.9999")
        }
    }

    /// Chooses and fits.
    ///
    /// - Parameters:
    ///   - design: of a table (``design(of:)``) or of arrays.
    ///   - monitor: progress, cancellation, and warnings.
    /// - Throws: ``InputError`` for settings or data that cannot be worked with, `CancellationError`.
    public func run(_ design: MixedDesign, monitor: Monitor = .silent) throws -> MixedAnswer {
        try check()
        let clock = Stopwatch()
        warn(of: design, monitor)
        do {
            let posed = try PosedModel(self, design)
            monitor.report(.init(stage: "selection", detail: selection.rawValue))
            let choice = try posed.choose(monitor)
            let selectionSeconds = clock.seconds
            if monitor.isCancelled() { throw CancellationError() }
            warnOfFew(design, monitor)
            monitor.report(.init(stage: "fit", detail: estimation.rawValue))
            var answer = try posed.answer(choice, clock, monitor)
            answer.summary.selectionSeconds = selectionSeconds
            answer.summary.seconds = clock.seconds
            return answer
        } catch let error as MixedEffectsProblem.Invalid {
            throw InputError(at: .input(.table), found: "\(error)")
        } catch let error as InvalidEffectPenalty {
            throw InputError(.penalty, found: "\(error)")
        }
    }

    private func warn(of design: MixedDesign, _ monitor: Monitor) {
        for note in design.notes { monitor.warn(note) }
        if design.isCorrelated, selection != .none, design.random.columns > 1 {
            monitor.warn("random effects are taken as uncorrelated where effects are selected")
        }
    }

    /// Of a choice that was made.
    private func warnOfFew(_ design: MixedDesign, _ monitor: Monitor) {
        let few = "\(design.groups.count) groups are too few to tell which effects differ between them"
        guard selection != .none, design.groups.count < SelectionRules.fewestGroups, !design.randomNames.isEmpty else {
            return
        }
        monitor.warn(
            selection.isPenalized
                ? "\(few): \(SelectionRules.fewestGroups) or more are better"
                : "\(few): all random effects are kept, with intervals of their deviations")
    }
}
