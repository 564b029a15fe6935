import Glibc

/// A request and its design as the numerics take them, and the way back.
struct PosedModel {
    let request: MixedRequest
    let design: MixedDesign
    let scaling: MixedScaling
    let problem: MixedEffectsProblem
    let noise: NoiseModel
    let rules: SelectionRules

    /// What a selection found.
    struct Choice {
        var support: Support
        var fixedInclusion: [Double]?
        var randomInclusion: [Double]?
        /// The penalized solution, where there was a penalty.
        var solution: EffectSolution?
        var lambda: Double?
        var eta: Double?
        var trials: [MixedSummary.Trial]?
        var path: MixedAnswer.Path?
        var models = 1
    }

    /// - Throws: ``InputError`` for effects to keep that are not there, ``MixedEffectsProblem/Invalid``.
    init(_ request: MixedRequest, _ design: MixedDesign) throws {
        self.request = request
        self.design = design
        let noise: NoiseModel = design.noiseVariance == nil ? .estimated : .known
        var scaling = request.isStandardized ? MixedScaling(design) : MixedScaling(none: design)
        var problem = try scaling.problem(design)
        if request.isStandardized, request.selection.isRelaxed {
            // η is compared with what the likelihood bends, which is 1 in units of the noise.
            let full = try BoundedNewton().fit(problem, noise: noise)
            let mean = problem.noiseVariance.reduce(0, +) / Double(problem.rowCount)
            scaling = scaling.with(response: scaling.response * (mean * full.noiseFactor).squareRoot())
            problem = try scaling.problem(design)
        }
        (self.noise, self.scaling, self.problem) = (noise, scaling, problem)
        var kept: Set<Int> = []
        for name in request.keep {
            if let place = design.fixedNames.firstIndex(of: name) {
                kept.insert(place)
            } else if name != ModelMatrix.intercept {
                throw InputError(
                    .keep, found: "no fixed effect '\(name)'",
                    expected: "some of \(design.fixedNames.joined(separator: ", "))")
            }
        }
        let chosen = SelectionRules(keptFixed: kept, parents: request.hasHierarchy ? design.partners : [])
        // Whoever asks for a penalty asks what it leaves of variances, too.
        rules =
            request.selection.isPenalized
            ? chosen : chosen.with(groups: design.groups.count, randomCount: design.randomNames.count)
    }

    /// Chooses which effects are in.
    func choose(_ monitor: Monitor) throws -> Choice {
        switch request.selection {
        case .none:
            return Choice(
                support: Support(
                    fixed: design.fixedNames.map { _ in true }, random: design.randomNames.map { _ in true }))
        case .subset:
            let (fits, best) = try searched()
            return Choice(support: best.support, models: fits.count)
        case .average:
            let (fits, best) = try searched()
            if monitor.isCancelled() { throw CancellationError() }
            let average = ModelAveraging(rules: rules, seed: request.seed).run(fits, from: best)
            return Choice(
                support: average.median.support, fixedInclusion: average.fixed,
                randomInclusion: rules.keptRandom.isEmpty ? average.random : nil,
                models: fits.count)
        case .newton, .pgd, .msr3, .msr3Fast:
            return try penalized(monitor)
        }
    }

    /// The best subset that exchange finds from the smallest model, or from the full one where that is better.
    ///
    /// - Throws: ``MixedEffectsProblem/Invalid`` for what fits without error: it has no noise to estimate, and no likelihood to
    ///   compare others with.
    private func searched() throws(MixedEffectsProblem.Invalid) -> (fits: SupportFits, best: SupportFits.Scored) {
        _ = try BoundedNewton().fit(problem, noise: noise)
        let fits = SupportFits(problem, noise: noise)
        let search = SubsetSearch(rules: rules)
        func all(_ isIn: Bool) -> Support {
            Support(fixed: design.fixedNames.map { _ in isIn }, random: design.randomNames.map { _ in isIn })
        }
        let best = search.run(fits, from: all(false))
        let full = fits.model(all(true))
        return (fits, full.bic < best.bic ? search.run(fits, from: full.support) : best)
    }
}
