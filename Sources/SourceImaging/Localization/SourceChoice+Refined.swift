import Glibc

extension SourceChoice {
    /// What refining the sources needs.
    struct Refining: Sendable {
        /// The points and patches that a source may be, over the problem that is refined.
        let dictionary: AtomDictionary
        /// What each source has to be worth, measured with that dictionary, and how noise varies.
        let charge: NoiseCharge
        let extremes: NoiseExtremes
        /// Level of the noise that sources compete with, as a variance of whitened data.
        let noise: Double
        /// Factor on the first column of each source, by orientation and depth.
        let columnWeights: [Double]
        /// How likely noise alone is to exceed the charge.
        let rate: Double
        /// What the window is reduced to in time, samples × fewer.
        let temporal: Matrix
        /// Whether that changes anything.
        let isReduced: Bool
        /// Error terms of the gain to choose among; none where it has no error.
        let errors: [FieldError]

        /// By which power of a source's prior its charge falls: that by which noise exceeds it the less often. The logarithm
        /// of a likelihood is half of what an atom explains, over the noise: a prior counts no less, though few draws of
        /// noise may seem to vary little.
        var exponent: Double { max(extremes.exponent, 2 * noise / charge.value) }

        /// The same atoms over another problem of as many columns, at the same charge.
        func with(_ problem: RegressionProblem) -> Refining {
            Refining(
                dictionary: AtomDictionary(
                    design: problem.design, families: dictionary.families, ridge: dictionary.ridge,
                    parallelism: dictionary.parallelism), charge: charge, extremes: extremes, noise: noise,
                columnWeights: columnWeights, rate: rate,
                temporal: temporal, isReduced: isReduced, errors: errors)
        }
    }

    /// What refining found.
    struct Refined {
        let refinement: Refinement
        /// One a source, in ascending order of the blocks.
        let sources: [Worth]
    }

    /// What a refined source stands for.
    struct Worth {
        /// Extent of the patch, m; 0 for a point.
        let extent: Double
        /// By how many times the charge ‖Y − fit‖² would rise without the source, the others refitted.
        let timesNoise: Double
        /// How likely noise alone does not explain as much, 0…1.
        let probability: Double
        /// Where it may be; nil where nothing tells.
        let whereabouts: Whereabouts?
    }

    /// What is known of places before a recording is looked at.
    struct PlacePrior {
        /// By how many times a source is likelier at each block than if all were alike, positive; nil: all are alike.
        var ratios: [Double]?
        /// Subsets to begin with beside none; nil: the sources so far.
        var starts: [[AtomDictionary.Atom]]?
    }

    /// Whether the sources are refined in the end.
    var isRefined: Bool { weights == .refined }

    /// Points and patches that are worth more than noise, before anything is told of them.
    struct Selected {
        let found: SubsetSelection.Outcome
        let gainError: Double?
        /// By which factor the charge is lower at each block; nil where it is the same at all.
        let factors: [Double]?
    }

    /// The few points and patches that are worth more than noise, the sources so far as a start.
    ///
    /// Where a source is r times as likely as elsewhere, noise may exceed its charge r times as often: over all places it
    /// does so as often as without a prior.
    ///
    /// - Throws: `CancellationError`.
    func selected(
        _ chosen: Outcome, _ origin: Origin, _ refining: Refining, prior: PlacePrior = PlacePrior(),
        monitor: Monitor
    ) throws -> Selected {
        let charge = refining.charge.value
        let factors = prior.ratios?.map { pow($0, refining.exponent) }
        let selection = SubsetSelection(charge: charge, relief: factors?.map { charge * (1 - 1 / $0) })
        let start = chosen.atoms.active
        // The strongest sources of the start; a subset cannot hold more.
        let strongest = zip(start.blocks, start.norms).sorted { $0.1 > $1.1 }.prefix(selection.maximumCount)
        // Judged in the band of the response, by what noise does not have in time; amplitudes are then fitted to the data
        // as they are.
        let response = origin.searched.unreducedResponse
        let found = try selection.run(
            refining.dictionary, response: response,
            starts: prior.starts ?? [strongest.map { AtomDictionary.Atom(family: 0, block: $0.0) }], monitor: monitor)
        if found.isCancelled { throw CancellationError() }
        guard !refining.errors.isEmpty else { return Selected(found: found, gainError: nil, factors: factors) }
        let thinned = selection.thinned(
            found, refining.dictionary, response: response, errors: refining.errors, monitor: monitor)
        if thinned.outcome.isCancelled { throw CancellationError() }
        return Selected(found: thinned.outcome, gainError: refining.errors[thinned.error].spread, factors: factors)
    }

    /// What is told of selected points and patches.
    ///
    /// - Parameter chosen: the sources before, of which the outcome keeps how λ was chosen.
    /// - Throws: ``InputError`` where their fields cannot be told apart.
    func refined(
        _ chosen: Outcome, _ selected: Selected, _ origin: Origin, _ refining: Refining
    ) throws -> Outcome {
        let (families, charge, found) = (refining.dictionary.families, refining.charge, selected.found)
        let selection = SubsetSelection(charge: charge.value)
        let problem = origin.problem
        let whereabouts = refining.whereabouts(
            found.atoms, origin.searched.unreducedResponse, gainError: selected.gainError ?? 0)
        let offsets = found.atoms.reduce(into: [0]) {
            $0.append($0[$0.count - 1] + problem.blocks.columns(of: $1.block).count)
        }
        guard let coefficients = selection.coefficients(found.atoms, refining.dictionary, response: problem.response)
        else {
            throw InputError(
                "problem", found: "sources whose fields cannot be told apart", expected: "a gain of full rank")
        }
        var outcome = chosen
        outcome.atoms = ActiveAtoms(
            ActiveSet(
                blocks: found.atoms.map(\.block), offsets: offsets,
                coefficients: coefficients),
            families: found.atoms.map { families[$0.family] })
        outcome.refined = Refined(
            refinement: Refinement(
                charge: charge, objectives: found.objectives, isSettled: found.isSettled, looks: found.looks,
                gainError: selected.gainError, falsePositiveRate: refining.rate,
                chargeUncertainty: refining.extremes.uncertainty(refining.rate)),
            sources: found.atoms.indices.map { i in
                // Charge and noise as they count at its place.
                let score = found.scores[i] * (selected.factors?[found.atoms[i].block] ?? 1)
                return Worth(
                    extent: Patches.extents[found.atoms[i].family], timesNoise: score / charge.value,
                    probability: 1 - refining.extremes.tail(score), whereabouts: whereabouts[i])
            })
        if !found.isSettled {
            outcome.warnings.append(
                found.atoms.count < selection.maximumCount
                    ? "rounding ended the exchange of sources: others may explain the data as well"
                    : "more than \(selection.maximumCount) sources explain more than noise does: "
                        + "the data hold more than the noise covariance and the gain account for")
        }
        return outcome
    }
}

extension SourceChoice.Refining {
    /// Points and patches over a prepared problem, what noise makes one of them explain, and how wrong the gain may be.
    ///
    /// - Parameters:
    ///   - prepared: the problem, its noise and its baseline.
    ///   - forward: what it was prepared from.
    ///   - settings: error of the gain, rate of false positives, seed of the draws.
    ///   - parallelism: threads; no result depends on them.
    ///   - monitor: progress; once the caller cancelled, the charge means nothing.
    init(
        _ prepared: PreparedProblem, _ forward: Forward, _ settings: SelectionSettings, parallelism: Parallelism,
        monitor: Monitor
    ) {
        var dictionary = AtomDictionary(
            design: prepared.problem.design,
            families: Patches(prepared, forward, columnWeights: prepared.columnWeights).families,
            parallelism: parallelism)
        let temporal = prepared.noise.temporal.matrix(prepared.times.count)
        let draws = NoiseCharge.whiteNoise(prepared, length: temporal.columns, seed: settings.seed)
        // Two atoms that nearly coincide lose half as much to the ridge as one. Where that is worth a good part of a
        // charge, the strongest sources would be told as two: the ridge may take half of what white noise makes a
        // source explain, which no charge is below, from the strongest.
        let strongest = dictionary.largestScores(of: [prepared.problem.unreducedResponse * temporal])[0]
        var white = dictionary.largestScores(of: draws)
        let least = white.max() ?? 0
        if dictionary.ridge * strongest > 0.5 * least {
            dictionary.ridge = max(1e-6, 0.5 * least / strongest)
            white = dictionary.largestScores(of: draws)
        }
        let measured = NoiseCharge.measured(
            rate: settings.falsePositiveRate, white: white, prepared, forward, dictionary, seed: settings.seed,
            monitor: monitor)
        let blocks = prepared.problem.blocks
        self.init(
            dictionary: dictionary, charge: measured.charge, extremes: measured.extremes,
            noise: prepared.noiseVariance * max(1, exp(measured.extremes.mean - NoiseExtremes(white).mean)),
            columnWeights: (0..<blocks.count).map { prepared.columnWeights[blocks.columns(of: $0).lowerBound] },
            rate: settings.falsePositiveRate, temporal: temporal,
            isReduced: !prepared.noise.temporal.isIdentity,
            errors: GainErrors.terms(
                settings.gainError, forward.sources, prepared.problem.blocks, columnWeights: prepared.columnWeights))
    }
}
