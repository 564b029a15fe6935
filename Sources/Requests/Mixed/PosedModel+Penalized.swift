import Glibc

extension PosedModel {
    /// Values of λ along a path, and the smallest over the largest, which is a slope where variances are 0: far above those that
    /// matter. That of a relaxation is near them.
    private var grid: (count: Int, ratio: Double) { request.selection.isRelaxed ? (41, 1e-5) : (61, 1e-6) }
    /// Values of η that are tried where none is given.
    private static let strengths = [0.1, 1, 10]

    /// What a penalty leaves, at the λ and η given, or at those whose model, fitted again without the penalty, has the smallest
    /// BIC.
    ///
    /// Penalties need the variance of the noise: where it is not known, that of the full model by maximum likelihood is taken;
    /// models that are fitted again estimate their own.
    /// - Throws: ``MixedEffectsProblem/Invalid``, ``InvalidEffectPenalty``, `CancellationError`.
    func penalized(_ monitor: Monitor) throws -> Choice {
        // At a λ that was given it is where the solver begins and no more, where neither noise nor weights come from it.
        let isStart = noise == .known && request.lambda != nil && !request.penalty.isAdaptive
        let full = try BoundedNewton(tolerance: isStart ? 1e-3 : 1e-12).fit(problem, noise: noise)
        let known = try MixedEffectsProblem(
            fixed: problem.fixed, random: problem.random, response: problem.response, offsets: problem.offsets,
            noiseVariance: problem.noiseVariance.map { $0 * full.noiseFactor })
        let weights = request.penalty.isAdaptive ? AdaptiveWeights(full.effects) : nil
        var fixedWeights = weights?.fixed ?? [Double](repeating: 1, count: problem.fixedCount)
        for kept in rules.keptFixed { fixedWeights[kept] = 0 }
        let objective = try PenalizedLikelihood(
            Likelihood(known), penalty: try request.penalty.penalty(lambda: 1), fixedWeights: fixedWeights,
            varianceWeights: weights?.variances, parents: rules.parents)
        let fits = SupportFits(problem, noise: noise)
        let shift = 2 * scaling.loss(rows: problem.rowCount)
        var best: (point: PenaltyPath.Point, eta: Double, path: [PenaltyPath.Point])?
        var trials: [MixedSummary.Trial] = []
        let strengths = request.selection.isRelaxed ? request.eta.map { [$0] } ?? Self.strengths : [0]
        for eta in strengths {
            if monitor.isCancelled() { throw CancellationError() }
            let lambdas = request.lambda.map { [$0] } ?? lambdas(objective, full.effects, eta)
            let points = try PenaltyPath(lambdas: lambdas, rules: rules).run(
                objective, solver: try solver(eta), fits: fits, from: full.effects
            ) { lambda throws(InvalidEffectPenalty) in try request.penalty.penalty(lambda: lambda) }
            trials += points.map {
                MixedSummary.Trial(
                    lambda: $0.lambda, eta: eta > 0 ? eta : nil, criterion: $0.refit.bic + shift,
                    fixedCount: $0.refit.support.fixed.count(where: \.self),
                    randomCount: $0.refit.support.random.count(where: \.self))
            }
            guard let point = PenaltyPath.best(points) else { continue }
            if point.refit.bic < best?.point.refit.bic ?? .infinity { best = (point, eta, points) }
        }
        guard let best else { throw MixedEffectsProblem.Invalid.noNoise }
        var solution = best.point.solution
        if let named = try named(best.eta), request.lambda == nil {
            let penalty = try request.penalty.penalty(lambda: best.point.lambda)
            let found = named.solve(objective.with(penalty: penalty), from: solution.effects)
            if found.objective.isFinite { solution = found }
        }
        return Choice(
            support: best.point.refit.support, solution: solution, lambda: best.point.lambda,
            eta: best.eta > 0 ? best.eta : nil, trials: trials, path: path(best.path, chosen: best.point.lambda),
            models: fits.count)
    }

    /// The solver that was asked for by name, where it is not the one of paths.
    private func named(_ eta: Double) throws(InvalidEffectPenalty) -> (any EffectSolver)? {
        switch request.selection {
        case .msr3: try MSR3(strength: eta)
        case .msr3Fast: try MSR3Fast(strength: eta)
        case .pgd: ProximalGradient()
        default: nil
        }
    }

    /// Along a path Newton's steps find the same points, some of them a hundred times as fast; the last fit is by the solver that
    /// was asked for, and so is that of a λ that was given.
    private func solver(_ eta: Double) throws(InvalidEffectPenalty) -> any EffectSolver {
        if request.lambda != nil, let named = try named(eta) { return named }
        guard request.selection.isRelaxed else { return ProximalNewton() }
        return try RelaxedNewton(strength: eta, factor: request.selection == .msr3Fast ? eta : 1)
    }

    /// λ of a path, ascending to where nothing is left that the penalty may take.
    private func lambdas(_ objective: PenalizedLikelihood, _ full: Effects, _ eta: Double) -> [Double] {
        var largest = PenaltyPath.largest(objective, full)
        let penalized = zip(full.fixed.map(abs) + full.variances, objective.fixedWeights + objective.varianceWeights)
        if request.selection.isRelaxed {
            // A relaxation takes what lies below λ/η, whatever the slopes.
            let threshold = penalized.reduce(0) { $1.1 > 0 ? max($0, $1.0 / $1.1) : $0 }
            largest = eta * (request.penalty.name == "l0" ? threshold * threshold : threshold)
            if !(largest > 0 && largest.isFinite) { largest = 1 }
        } else if request.penalty.name == "l0" {
            // What it charges for an effect is compared with what all of them explain, others with slopes.
            var none = Effects(fixed: full.fixed.map { _ in 0 }, variances: full.variances.map { _ in 0 })
            for kept in rules.keptFixed { none.fixed[kept] = full.fixed[kept] }
            largest = max(largest, objective.likelihood.value(at: none) - objective.likelihood.value(at: full))
        }
        // The λ of MSR3-fast counts η times.
        if request.selection == .msr3Fast { largest /= eta }
        let (count, ratio) = grid
        return (0..<count).map { largest * pow(ratio, 1 - Double($0) / Double(count - 1)) }
    }

    private func path(_ points: [PenaltyPath.Point], chosen: Double) -> MixedAnswer.Path? {
        guard points.count > 1 else { return nil }
        let found = points.map(\.solution.selected)
        return MixedAnswer.Path(
            lambdas: points.map(\.lambda),
            fixed: Matrix(rows: problem.fixedCount, columns: found.count) {
                scaling.fixedEffect(found[$1].fixed[$0], $0)
            },
            random: Matrix(rows: problem.randomCount, columns: found.count) {
                scaling.covariance(found[$1].variances[$0], $0, $0)
            }, chosen: chosen)
    }
}
