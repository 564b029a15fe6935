import Glibc

extension PosedModel {
    /// Values of λ along a path.
    private static let pathCount = 41
    /// The smallest λ of a path over the largest.
    private static let pathRatio = 1e-4
    /// Values of η that are tried where none is given.
    private static let strengths = [0.1, 1, 10]

    /// What a penalty leaves, at the λ and η given, or at those whose model, fitted again without the penalty, has the smallest
    /// BIC.
    ///
    /// Penalties need the variance of the noise: where it is not known, that of the full model by maximum likelihood is taken;
    /// models that are fitted again estimate their own.
    /// - Throws: ``MixedEffectsProblem/Invalid``, ``InvalidEffectPenalty``, `CancellationError`.
    func penalized(_ monitor: Monitor) throws -> Choice {
        let full = try BoundedNewton().fit(problem, noise: noise)
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
        var best: (value: Double, choice: Choice)?
        var trials: [MixedSummary.Trial] = []
        for eta in request.selection.isRelaxed ? request.eta.map { [$0] } ?? Self.strengths : [0] {
            let solver = try solver(eta)
            let lambdas = request.lambda.map { [$0] } ?? lambdas(objective, full.effects, eta)
            // Where a path begins, nothing is penalized yet: from there effects go, one after the other.
            var from = full.effects
            var (found, least): ([EffectSolution], Int?) = ([], nil)
            for lambda in lambdas {
                if monitor.isCancelled() { throw CancellationError() }
                let solution = solver.solve(
                    objective.with(penalty: try request.penalty.penalty(lambda: lambda)), from: from)
                from = solution.effects
                found.append(solution)
                let support = support(solution)
                let value = fits.model(support).bic + 2 * scaling.loss(rows: problem.rowCount)
                trials.append(
                    .init(
                        lambda: lambda, eta: eta > 0 ? eta : nil, criterion: value,
                        fixedCount: support.fixed.count(where: \.self), randomCount: support.random.count(where: \.self)))
                if value < best?.value ?? .infinity || best == nil {
                    least = found.count - 1
                    best = (
                        value,
                        Choice(
                            support: support, solution: solution, lambda: lambda, eta: eta > 0 ? eta : nil)
                    )
                }
            }
            if let least { best?.choice.path = path(lambdas, found, chosen: lambdas[least]) }
        }
        guard var choice = best?.choice else { throw MixedEffectsProblem.Invalid.noNoise }
        choice.trials = trials
        choice.models = fits.count
        return choice
    }

    private func solver(_ eta: Double) throws(InvalidEffectPenalty) -> any EffectSolver {
        switch request.selection {
        case .msr3: try MSR3(strength: eta)
        case .msr3Fast: try MSR3Fast(strength: eta)
        default: ProximalGradient()
        }
    }

    /// What is left of the effects, with those that are always in.
    private func support(_ solution: EffectSolution) -> Support {
        var support = Support(solution.selected)
        for kept in rules.keptFixed { support.fixed[kept] = true }
        for (k, parent) in rules.parents.enumerated() where parent.map({ !support.fixed[$0] }) ?? false {
            support.random[k] = false
        }
        return support
    }

    /// λ of a path, ascending to where nothing is left that the penalty may take.
    private func lambdas(_ objective: PenalizedLikelihood, _ full: Effects, _ eta: Double) -> [Double] {
        let likelihood = objective.likelihood
        var none = Effects(
            fixed: full.fixed.map { _ in 0 }, variances: full.variances.map { _ in 0 })
        for kept in rules.keptFixed { none.fixed[kept] = full.fixed[kept] }
        let slopes = likelihood.evaluate(at: none)
        var largest = max(1, likelihood.value(at: none) - likelihood.value(at: full))
        for (k, weight) in objective.fixedWeights.enumerated() where weight > 0 {
            largest = max(largest, abs(slopes.fixedGradient[k]) / weight, eta * abs(full.fixed[k]) / weight)
        }
        for (k, weight) in objective.varianceWeights.enumerated() where weight > 0 {
            largest = max(largest, -slopes.varianceGradient(k) / weight, eta * full.variances[k] / weight)
        }
        // The λ of MSR3-fast counts η times.
        if request.selection == .msr3Fast { largest /= eta }
        return (0..<Self.pathCount).map { k in
            largest * pow(Self.pathRatio, 1 - Double(k) / Double(Self.pathCount - 1))
        }
    }

    private func path(_ lambdas: [Double], _ found: [EffectSolution], chosen: Double) -> MixedAnswer.Path? {
        guard lambdas.count > 1 else { return nil }
        return MixedAnswer.Path(
            lambdas: lambdas,
            fixed: Matrix(rows: problem.fixedCount, columns: found.count) {
                scaling.fixedEffect(found[$1].selected.fixed[$0], $0)
            },
            random: Matrix(rows: problem.randomCount, columns: found.count) {
                scaling.covariance(found[$1].selected.variances[$0], $0, $0)
            }, chosen: chosen)
    }
}
