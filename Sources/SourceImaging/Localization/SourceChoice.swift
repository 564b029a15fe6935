import Glibc

/// From a whitened problem to its active sources: the choice of λ or of a λ_j for every source, and what follows it.
///
/// One value for the estimate itself and for every repeat that measures its stability.
struct SourceChoice: Sendable {
    /// Criterion and search; the noise variance is that of the recording, see ``knowing(_:)``.
    var method: SelectionMethod
    let weights: SourceWeights
    /// How sources are estimated.
    let inverse: MethodKind
    /// Sets of windows, s, and ρ of time-frequency norms; nil chooses.
    let windows: [[Double]]?
    let rho: Double?
    /// The penalty of the λ that is searched for or given, and its number of shape.
    let penalty: PenaltyKind
    let shape: Double?
    let lambda: LambdaChoice
    let rounds: Int
    let scale: Reweighting.Scale
    let stop: StopRule
    let parallelism: Parallelism
    let windowTransforms: WindowTransforms?

    /// What was chosen.
    struct Outcome {
        var atoms: ActiveAtoms
        let curve: SelectionCurve
        /// Largest relative gap behind it; NaN where nothing convex was solved.
        let relativeGap: Double
        let epochs: Int
        let fullPasses: Int
        /// What the user should know, one line each.
        var warnings: [String]
        /// How the sources were refined, and what each active block is worth; nil where they were not.
        var refined: Refined?
        /// The solution under the penalty that λ was chosen for, before any reweighting; nil where there was none.
        var convex: ActiveSet?
        /// Covariance of the noise of one epoch in whitened data, where it was estimated along with the sources; nil elsewhere.
        var noise: Matrix?
        /// Coefficients of active blocks in time and frequency; nil elsewhere.
        var timeFrequency: TimeFrequencyFit?

        /// The same without a source.
        func withoutSources(of problem: RegressionProblem) -> Outcome {
            var none = self
            none.atoms = ActiveAtoms(.empty(samples: problem.response.columns))
            return none
        }
    }

    /// What a problem is made of, as far as criteria ask.
    struct Origin: Sendable {
        /// The problem whose sources are wanted, all samples of it.
        let problem: RegressionProblem
        /// The block of the whitener that each row is of.
        let rowLabels: [Int]
        /// Whitened epochs with all samples, where they are needed.
        let epochs: Replicates?
        /// Where sources are refined.
        let refining: Refining?
        /// The problem that λ is chosen for: where sources are refined, reduced to the band of the response.
        let searched: RegressionProblem
        /// Samples a second.
        let samplingFrequency: Double

        /// - Throws: ``RegressionProblem/Invalid`` where the response is impossible.
        init(
            _ problem: RegressionProblem, rowLabels: [Int], epochs: Replicates?, refining: Refining?,
            samplingFrequency: Double
        ) throws(RegressionProblem.Invalid) {
            self.problem = problem
            self.samplingFrequency = samplingFrequency
            self.rowLabels = rowLabels
            self.refining = refining
            self.epochs = epochs
            searched =
                try refining.map { refining throws(RegressionProblem.Invalid) in
                    try problem.with(response: problem.unreducedResponse * refining.temporal)
                } ?? problem
        }

        /// The epochs, reduced as ``searched`` is.
        var replicates: Replicates? {
            guard let temporal = refining?.temporal else { return epochs }
            return epochs?.map { $0 * temporal }
        }
    }

    /// The same choice with the noise of a recording: its level, and how it is correlated in time.
    func knowing(_ prepared: PreparedProblem) -> SourceChoice {
        var choice = self
        choice.method.noiseVariance = prepared.noiseVariance
        if method.criterion == .noiseQuantile { choice.method.noiseAutocorrelation = prepared.noiseAutocorrelation }
        return choice
    }

    /// Whether the choice compares single epochs.
    var needsReplicates: Bool {
        inverse.needsReplicates || comparesReplicates
    }

    /// Whether its criterion holds out single epochs.
    var comparesReplicates: Bool {
        (lambda == .automatic || weights == .learned) && method.criterion.needsReplicates
    }

    /// Criterion, search and weights by name, and what they depend on.
    var described: [(String, String)] {
        var described: [(String, String)] = [("weights", weights.rawValue)]
        if inverse != .mixedNorm { described.insert(("method", inverse.name), at: 0) }
        if penalty != GroupLasso.kind {
            described.append(("penalty", penalty.name))
            if let known = penalty.shape, let value = shape ?? known.usual {
                described.append((known.option.rawValue, "\(value)"))
            }
        }
        if inverse.options.contains(.windows) {
            let sets = windows?.map { set in set.map { String(printf: "%gms", 1000 * $0) }.joined(separator: "+") }
            described += [
                ("windows", sets?.joined(separator: ",") ?? "auto"), ("rho", rho.map { "\($0)" } ?? "auto"),
            ]
        }
        let isGiven = lambda != .automatic && weights != .learned
        if !isGiven {
            described.append(("criterion", method.criterion.name))
            if method.criterion.isSearched, inverse.options.contains(.search) {
                described.append(("search", method.search.name))
            }
            if method.criterion.hasFolds { described.append(("folds", "\(method.folds)")) }
            if method.criterion.hasDraws { described.append(("draws", "\(method.drawCount)")) }
        }
        described.append(("seed", "\(method.seed)"))
        return described
    }

    /// Chooses.
    ///
    /// - Parameter session: of the problem that ``Origin/searched`` is; criteria that look at other problems open sessions of
    ///   their own.
    /// - Throws: ``InputError`` where the criterion does not suit the problem, `CancellationError`.
    func run(_ session: some SolverSession, _ origin: Origin, monitor: Monitor) throws -> Outcome {
        let chosen = try penalized(session, origin, monitor: monitor)
        guard let refining = origin.refining else { return chosen }
        // Where noise makes no source explain anything, no sensor sees any.
        guard refining.charge.value > 0 else { return chosen.withoutSources(of: origin.problem) }
        return try refined(chosen, try selected(chosen, origin, refining, monitor: monitor), origin, refining)
    }

    /// The sources before they are refined; see ``run(_:_:monitor:)``.
    func penalized(_ session: some SolverSession, _ origin: Origin, monitor: Monitor) throws -> Outcome {
        do { return try inverse.make(self).run(session, origin, monitor: monitor) } catch let error as InvalidCriterion
        {
            throw InputError(method.criterion.hasFolds ? .folds : .criterion, found: "\(error)")
        }
    }

    // MARK: - What methods share

    /// What follows one λ: reweighting, where that is asked for.
    ///
    /// - Throws: ``InvalidPenalty``, `CancellationError`.
    func outcome(of shared: SharedChoice, _ monitor: Monitor) throws -> Outcome {
        var warnings = Self.warnings(shared.end, shared.curve) + Self.warnings(shared.solution)
        guard rounds > 0 else {
            return Outcome(
                atoms: ActiveAtoms(shared.solution.active), curve: shared.curve,
                relativeGap: Self.gap(shared.solution), epochs: shared.epochs,
                fullPasses: shared.fullPasses, warnings: warnings, convex: shared.solution.active)
        }
        let reweighted = try Reweighting(rounds: rounds, scale: scale).run(
            shared.problem, from: shared.solution, lambda: shared.curve.chosen.lambda, solver: AutomaticSolver(),
            stop: stop, parallelism: parallelism, monitor: monitor)
        if monitor.isCancelled() { throw CancellationError() }
        if reweighted.active.count == 0, shared.solution.active.count > 0 {
            warnings.append(
                "reweighting left none of the \(shared.solution.active.count) sources of the convex solution")
        }
        return Outcome(
            atoms: ActiveAtoms(reweighted.active), curve: shared.curve,
            relativeGap: max(shared.solution.certificate.relativeGap, reweighted.relativeGap),
            epochs: shared.epochs + reweighted.epochs, fullPasses: shared.fullPasses, warnings: warnings,
            convex: shared.solution.active)
    }

    /// What to say of a solution that is not convex and not as exact as asked for: it has no gap that would tell.
    static func warnings(_ solution: Solution) -> [String] {
        solution.reason == .converged || solution.certificate.relativeGap.isFinite
            ? [] : ["the solver stopped (\(solution.reason.rawValue)) before the violation asked for"]
    }

    /// The relative gap of a solution; NaN where nothing convex was solved.
    static func gap(_ solution: Solution) -> Double {
        solution.certificate.relativeGap.isFinite ? solution.certificate.relativeGap : .nan
    }

    /// The error of a criterion that is finite nowhere.
    func notComputed(_ what: String) -> InputError {
        InputError(
            .criterion, found: "no \(what) at which \(method.criterion.name) could be computed",
            expected: "a recording that it suits", advice: "use another criterion")
    }

    static func warnings(_ end: SearchEnd?, _ curve: SelectionCurve) -> [String] {
        end == .evaluationLimit
            ? ["the search (\(curve.search)) ended with its \(curve.points.count) evaluations, not at a minimum"] : []
    }
}
