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
        /// What sources may look like anywhere in the brain.
        let shapes: PatchShapes
        /// How likely noise alone is to exceed the charge.
        let rate: Double
        /// What the window is reduced to in time, samples × fewer.
        let temporal: Matrix
        /// Whether that changes anything.
        let isReduced: Bool
        /// How wrong the gain may be.
        let gainErrors: GainErrors
        /// The power of the response that it was made with; nil where it was made for others.
        var responsePower: AtomDictionary.Power?

        /// The power of a response, in the band.
        func power(of response: Matrix) -> AtomDictionary.Power {
            responsePower.flatMap { $0.response == response ? $0 : nil } ?? dictionary.power(of: response)
        }

        /// By which power of a source's prior its charge falls: that by which noise exceeds it the less often. The logarithm
        /// of a likelihood is half of what an atom explains, over the noise: a prior counts no less, though few draws of
        /// noise may seem to vary little.
        var exponent: Double { max(extremes.exponent, 2 * noise / charge.value) }

        /// The same atoms over another problem of as many columns, at the same charge.
        ///
        /// - Parameter gainErrors: of the rows of that problem.
        func with(_ problem: RegressionProblem, _ gainErrors: GainErrors) -> Refining {
            Refining(
                dictionary: dictionary.over(problem.design, families: dictionary.families), charge: charge,
                extremes: extremes, noise: noise, shapes: shapes, rate: rate, temporal: temporal,
                isReduced: isReduced, gainErrors: gainErrors)
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
        /// Where it is, m: at a source of the space or midway between two.
        let position: SIMD3<Double>
        /// The source of the space along whose axes its amplitudes are, and with whose weights: that next to it.
        let frame: Int
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

    /// Sources of the start beyond what is found from none: with more of them the same are left.
    private static let spare = 3

    /// Whether the sources are refined in the end.
    var isRefined: Bool { weights == .refined }

    /// Points and patches that are worth more than noise, before anything is told of them.
    struct Selected {
        /// One of them.
        struct Source {
            /// Of `dictionary`.
            let atom: AtomDictionary.Atom
            /// The source of the space that it is told as.
            let owner: Int
            /// By how much ‖Y − fit‖² would rise without it, the others refitted, less what it has to explain for turning.
            let score: Double
        }

        /// In ascending order of their owners.
        let sources: [Source]
        /// Where they may be.
        let places: FinePlaces
        /// The points and patches there.
        let dictionary: AtomDictionary
        /// How they were found.
        let search: SubsetSelection.Outcome
        let gainError: Double?
        /// By which factor the charge is lower at each block; nil where it is the same at all.
        let factors: [Double]?

        var atoms: [AtomDictionary.Atom] { sources.map(\.atom) }
        var owners: [Int] { sources.map(\.owner) }
        /// The points and patches over the whole space that are most like them.
        var patches: [AtomDictionary.Atom] { atoms.map(places.patch) }
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
        let norms = start.norms
        let strongest = start.blocks.indices.sorted { (norms[$0], $1) > (norms[$1], $0) }
            .prefix(selection.maximumCount)
        // Judged in the band of the response, by what noise does not have in time; amplitudes are then fitted to the data
        // as they are.
        let response = origin.searched.unreducedResponse
        let search = try selection.search(refining.dictionary, refining.power(of: response), monitor: monitor)
        let found = search.run(
            starts: prior.starts ?? [
                strongest.map {
                    AtomDictionary.Atom(
                        family: 0, block: start.blocks[$0],
                        direction: refining.dictionary.keepsDirections ? start.direction($0) : [])
                }
            ], spare: prior.starts == nil ? Self.spare : .max)
        if found.isCancelled { throw CancellationError() }
        // Fields that cancel may still be exchanged for such as do not.
        let (fewer, _) = try thinned(
            found, search, refining.gainErrors.terms(refining.shapes), allowsCancelling: true)
        return try settled(fewer, response, refining, factors: factors, monitor: monitor)
    }

    /// What is left where fields err, and the error; all where they do not.
    ///
    /// - Throws: `CancellationError`.
    private func thinned(
        _ found: SubsetSelection.Outcome, _ search: SubsetSearch, _ errors: [FieldError], allowsCancelling: Bool
    ) throws -> (outcome: SubsetSelection.Outcome, gainError: Double?) {
        guard !errors.isEmpty else { return (found, nil) }
        let thinned = search.thinned(found, errors: errors, allowsCancelling: allowsCancelling)
        if thinned.outcome.isCancelled { throw CancellationError() }
        return (thinned.outcome, errors[thinned.error].spread)
    }

    /// What an exchange over the whole space found, exchanged for what lies between its sources, and thinned once more:
    /// where fields are more like the truth, fewer tell the same.
    ///
    /// - Throws: `CancellationError`.
    private func settled(
        _ found: SubsetSelection.Outcome, _ response: Matrix, _ refining: Refining, factors: [Double]?,
        monitor: Monitor
    ) throws -> Selected {
        let (charge, shapes) = (refining.charge.value, refining.shapes)
        let places = FinePlaces(around: found.atoms.map(\.block), shapes, refining.dictionary.design)
        let dictionary = refining.dictionary.over(
            Design(refining.dictionary.design.columns(places.columns)), families: places.families)
        let selection = SubsetSelection(
            charge: charge, relief: factors.map { factors in places.nearest.map { charge * (1 - 1 / factors[$0]) } })
        let search = try selection.search(dictionary, dictionary.power(of: response), monitor: monitor)
        let exchanged = search.exchanged(found.renamed(places.atoms(found.atoms)))
        if exchanged.isCancelled { throw CancellationError() }
        let (settled, gainError) = try thinned(
            exchanged, search, refining.gainErrors.terms(shapes, places), allowsCancelling: false)
        let sources = zip(zip(settled.atoms, settled.scores), places.owners(settled.atoms, shapes)).map {
            Selected.Source(atom: $0.0, owner: $1, score: dictionary.worth($0.1, of: $0.0))
        }
        return Selected(
            sources: sources.sorted { $0.owner < $1.owner }, places: places, dictionary: dictionary, search: settled,
            gainError: gainError, factors: factors)
    }

    /// What is told of selected points and patches.
    ///
    /// - Parameter chosen: the sources before, of which the outcome keeps how λ was chosen.
    /// - Throws: ``InputError`` where their fields cannot be told apart.
    func refined(
        _ chosen: Outcome, _ selected: Selected, _ origin: Origin, _ refining: Refining
    ) throws -> Outcome {
        let (charge, places) = (refining.charge, selected.places)
        let selection = SubsetSelection(charge: charge.value)
        let problem = origin.problem
        let whereabouts = refining.whereabouts(selected, origin.searched.unreducedResponse)
        guard
            let coefficients = selection.coefficients(
                selected.atoms, selected.dictionary, response: problem.response)
        else {
            throw InputError(
                "problem", found: "sources whose fields cannot be told apart", expected: "a gain of full rank")
        }
        var outcome = chosen
        outcome.atoms = ActiveAtoms(
            selected.owners, directions: selected.atoms.map(\.direction), coefficients: coefficients,
            family: places.family(selected.atoms, as: selected.owners, of: problem.blocks),
            of: problem.blocks)
        let search = selected.search
        outcome.refined = Refined(
            refinement: Refinement(
                charge: charge, objectives: search.objectives, isSettled: search.isSettled, looks: search.looks,
                gainError: selected.gainError, falsePositiveRate: refining.rate,
                chargeUncertainty: refining.extremes.uncertainty(refining.rate)),
            sources: zip(selected.sources, whereabouts).map { source, whereabouts in
                // Charge and noise as they count at its place.
                let place = source.atom.block
                let score = source.score * (selected.factors?[places.nearest[place]] ?? 1)
                return Worth(
                    position: places.centres[place], frame: places.nearest[place],
                    extent: FinePlaces.extents[source.atom.family],
                    timesNoise: score / charge.value, probability: 1 - refining.extremes.tail(score),
                    whereabouts: whereabouts)
            })
        if !search.isSettled {
            outcome.warnings.append(
                selected.sources.count < selection.maximumCount
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
        let shapes = PatchShapes(prepared, forward, columnWeights: prepared.columnWeights)
        var dictionary = AtomDictionary(
            design: prepared.problem.design, families: Patches(shapes).families,
            // Within a window a patch of cortex is active along one direction, wherever that points.
            keepsDirections: prepared.problem.blocks.columnCount > prepared.problem.blocks.count,
            parallelism: parallelism)
        let temporal = prepared.noise.temporal.matrix(prepared.times.count)
        let draws = NoiseCharge.whiteNoise(prepared, length: temporal.columns, seed: settings.seed)
        // Two atoms that nearly coincide lose half as much to the ridge as one. Where that is worth a good part of a
        // charge, the strongest sources would be told as two: the ridge may take half of what white noise makes a
        // source explain, which no charge is below, from the strongest.
        let power = dictionary.power(of: prepared.problem.unreducedResponse * temporal)
        let strongest = dictionary.largestScore(power)
        var white = dictionary.largestScores(of: draws)
        let least = white.max() ?? 0
        if dictionary.ridge * strongest > 0.5 * least {
            dictionary.ridge = max(1e-6, 0.5 * least / strongest)
            white = dictionary.largestScores(of: draws)
        }
        let measured = NoiseCharge.measured(
            rate: settings.falsePositiveRate, white: white, prepared, forward, dictionary, seed: settings.seed,
            monitor: monitor)
        let noise = prepared.noiseVariance * max(1, exp(measured.extremes.mean - NoiseExtremes(white).mean))
        // To turn takes what noise explains by chance along two axes more, in one case of twenty.
        if dictionary.keepsDirections { dictionary.turning = noise * NoiseExtremes.chance(2 * temporal.columns) }
        self.init(
            dictionary: dictionary, charge: measured.charge, extremes: measured.extremes, noise: noise,
            shapes: shapes, rate: settings.falsePositiveRate, temporal: temporal,
            isReduced: !prepared.noise.temporal.isIdentity,
            gainErrors: GainErrors(
                settings.gainError, prepared.noise.whitener, rows: Array(0..<prepared.problem.rowCount),
                noise: noise),
            responsePower: power)
    }
}
