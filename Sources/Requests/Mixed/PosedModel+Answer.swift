import Glibc

extension PosedModel {
    /// The model on the support that was chosen, fitted without a penalty.
    ///
    /// - Parameter clock: tells when it was fitted.
    /// - Throws: ``MixedEffectsProblem/Invalid``.
    func answer(_ choice: Choice, _ clock: Stopwatch, _ monitor: Monitor) throws -> MixedAnswer {
        let fixed = choice.support.fixed.indices.filter { choice.support.fixed[$0] }
        let random = choice.support.random.indices.filter { choice.support.random[$0] }
        let isCorrelated = request.selection == .none && design.isCorrelated && random.count > 1
        let part = problem.restricted(fixed: fixed, random: random)
        let blocks = isCorrelated ? [Array(random.indices)] : nil
        let best = try CovarianceFit().fit(part, noise: noise, kind: .ml, blocks: blocks)
        let fitted =
            request.estimation == .ml ? best : try CovarianceFit().fit(part, noise: noise, kind: .reml, blocks: blocks)
        let fitSeconds = clock.seconds
        if !fitted.isConverged { monitor.warn("the last fit ended before it came to rest") }
        let (q, m) = (design.random.columns, design.groups.count)
        var (deviations, covariance) = (Matrix(rows: q, columns: m), Matrix(rows: q, columns: q))
        for (k, i) in random.enumerated() {
            for group in 0..<m { deviations[i, group] = scaling.randomEffect(fitted.randomEffects[k, group], i) }
            for (l, j) in random.enumerated() { covariance[i, j] = scaling.covariance(fitted.covariance[k, l], i, j) }
        }
        var answer = MixedAnswer(
            summary: summary(choice, fitted, best, covariance, fixed: fixed, random: random, blocks: blocks),
            design: design,
            deviations: deviations, covariance: covariance, fitted: fitted.fitted.map { $0 * scaling.response },
            path: choice.path)
        answer.summary.fitSeconds = fitSeconds
        return answer
    }

    private func summary(
        _ choice: Choice, _ fitted: FittedModel, _ best: FittedModel, _ covariance: Matrix, fixed: [Int],
        random: [Int], blocks: [[Int]]?
    ) -> MixedSummary {
        let shift = scaling.loss(rows: problem.rowCount)
        let isCorrelated = blocks != nil
        let criteria = self.criteria(best, fixed: fixed, random: random, isCorrelated: isCorrelated)
        let restricted = request.estimation == .reml ? fitted.minusTwiceLogLikelihood : nil
        // REML's determinant of the information of β is in its units, too.
        let units = fixed.reduce(0) { $0 + log(scaling.fixed[$1] / scaling.response) }
        return MixedSummary(
            response: design.responseName, group: design.groupName, rows: problem.rowCount, groups: design.groups.count,
            missingRows: design.missingRows, select: request.selection.rawValue,
            penalty: request.selection.isPenalized ? request.penalty.name : nil,
            estimation: request.estimation.rawValue, degreesOfFreedom: freedom(fixed),
            hierarchy: request.hasHierarchy && request.selection != .none,
            fixed: fixedSummaries(choice, fitted, fixed),
            random: randomSummaries(choice, fitted, covariance, random, blocks),
            correlations: isCorrelated ? correlations(covariance) : nil,
            noiseVariance: noiseVariance(fitted), noiseIsEstimated: noise == .estimated,
            objective: (choice.solution?.objective ?? best.loss) + shift,
            minusTwiceLogLikelihood: best.minusTwiceLogLikelihood + 2 * shift,
            minusTwiceRestrictedLogLikelihood: restricted.map { $0 + 2 * shift + 2 * units },
            bic: criteria[InformationCriterion.bic.rawValue] ?? .nan, criteria: criteria, lambda: choice.lambda,
            eta: choice.eta, standardized: request.isStandardized,
            iterations: choice.solution?.iterations ?? fitted.iterations, models: choice.models,
            converged: fitted.isConverged && choice.solution?.isConverged ?? true, confidence: request.confidence,
            references: design.references, trials: choice.trials)
    }

    /// Random effects whose intervals are told at most: twenty take seconds.
    private static let mostProfiled = 8

    /// Variances with their tests, and intervals of deviations where all random effects are in, or are too few groups' to be
    /// chosen.
    private func randomSummaries(
        _ choice: Choice, _ fitted: FittedModel, _ covariance: Matrix, _ random: [Int], _ blocks: [[Int]]?
    ) -> [MixedSummary.Random] {
        let tests = (try? VarianceTest.all(of: fitted, blocks: blocks)) ?? []
        let isProfiled =
            (request.selection == .none || !rules.keptRandom.isEmpty) && random.count <= Self.mostProfiled
        var profile = isProfiled ? try? VarianceProfile(fitted) : nil
        let shrunk = choice.solution?.selected
        return design.randomNames.indices.map { j in
            let own = random.firstIndex(of: j)
            let interval = own.flatMap { profile?.interval(of: $0, level: request.confidence) }
            func told(_ deviation: Double?) -> Double? {
                deviation.flatMap { $0.isFinite ? scaling.covariance($0 * $0, j, j).squareRoot() : nil }
            }
            return MixedSummary.Random(
                name: design.randomNames[j], estimate: covariance[j, j], deviation: covariance[j, j].squareRoot(),
                selected: choice.support.random[j], inclusion: choice.randomInclusion?[j],
                lower: told(interval?.lower), upper: told(interval?.upper),
                p: tests.first { $0.index == own }.flatMap { $0.p.isNaN ? nil : $0.p },
                penalized: shrunk.map { scaling.covariance($0.variances[j], j, j) })
        }
    }

    /// σ² in the caller's units; nil where rows have their own.
    private func noiseVariance(_ fitted: FittedModel) -> Double? {
        guard let given = design.noiseVariance else {
            return fitted.noiseFactor * scaling.response * scaling.response
        }
        return Set(given).count == 1 ? given.first : nil
    }

    /// Degrees of freedom of Wald's tests: groups less the effects that are the same in all rows of a group, the intercept being
    /// one. This is cautious for the others.
    private func freedom(_ fixed: [Int]) -> Double {
        let between = fixed.count { j in
            zip(design.offsets, design.offsets.dropFirst()).allSatisfy { first, end in
                (first..<end).allSatisfy { design.fixed[$0, j] == design.fixed[first, j] }
            }
        }
        return Double(max(1, design.groups.count - between))
    }

    private func fixedSummaries(_ choice: Choice, _ fitted: FittedModel, _ fixed: [Int]) -> [MixedSummary.Fixed] {
        let freedom = freedom(fixed)
        let statistics = fixed.indices.map { fitted.fixed[$0] / fitted.standardErrors[$0] }
        let p = statistics.map { StudentDistribution.twoSided($0, freedom: freedom) }
        let tested = fixed.indices.filter { fixed[$0] != design.intercept }
        let adjusted = HolmCorrection.adjusted(tested.map { p[$0] })
        let width = StudentDistribution.twoSidedQuantile(1 - request.confidence, freedom: freedom)
        return design.fixedNames.indices.map { j in
            let inclusion = choice.fixedInclusion?[j]
            let penalized = choice.solution.map { scaling.fixedEffect($0.selected.fixed[j], j) }
            guard let k = fixed.firstIndex(of: j) else {
                return MixedSummary.Fixed(
                    name: design.fixedNames[j], estimate: 0, standardError: nil, lower: nil, upper: nil, statistic: nil,
                    p: nil, pHolm: nil, selected: false, inclusion: inclusion, penalized: penalized)
            }
            let estimate = scaling.fixedEffect(fitted.fixed[k], j)
            let error = scaling.fixedEffect(fitted.standardErrors[k], j)
            return MixedSummary.Fixed(
                name: design.fixedNames[j], estimate: estimate, standardError: error, lower: estimate - width * error,
                upper: estimate + width * error, statistic: statistics[k], p: p[k],
                pHolm: tested.firstIndex(of: k).map { adjusted[$0] }, selected: true, inclusion: inclusion,
                penalized: penalized)
        }
    }

    private func correlations(_ covariance: Matrix) -> [MixedSummary.Correlation] {
        let names = design.randomNames
        return names.indices.flatMap { i in
            names.indices.dropFirst(i + 1).map { j in
                MixedSummary.Correlation(
                    first: names[i], second: names[j],
                    correlation: covariance[i, j] / (covariance[i, i] * covariance[j, j]).squareRoot())
            }
        }
    }

    /// All criteria of the model, in the caller's units.
    private func criteria(
        _ best: FittedModel, fixed: [Int], random: [Int], isCorrelated: Bool
    ) -> [String: Double] {
        let (rows, shift) = (Double(problem.rowCount), scaling.loss(rows: problem.rowCount))
        guard !isCorrelated else {
            // A parameter for each variance and covariance; the other criteria know variances alone.
            let count = fixed.count + random.count * (random.count + 1) / 2
            return [InformationCriterion.bic.rawValue: 2 * (best.loss + shift) + Double(count) * log(rows)]
        }
        let noisy = try? MixedEffectsProblem(
            fixed: best.problem.fixed, random: best.problem.random, response: best.problem.response,
            offsets: best.problem.offsets, noiseVariance: best.problem.noiseVariance.map { $0 * best.noiseFactor })
        guard let noisy else { return [InformationCriterion.bic.rawValue: 2 * (best.loss + shift)] }
        let effects = Effects(fixed: best.fixed, variances: random.indices.map { best.covariance[$0, $0] })
        var values: [String: Double] = [:]
        for criterion in InformationCriterion.allCases {
            let value = criterion.value(noisy, effects)
            values[criterion.rawValue] = value + 2 * shift / (criterion == .muellerHui ? rows : 1)
        }
        return values
    }
}
