extension SourceChoice {
    /// What refining the sources needs.
    struct Refining: Sendable {
        /// The points and patches that a source may be, over the problem that is refined.
        let dictionary: AtomDictionary
        /// What each source has to be worth, measured with that dictionary.
        let charge: NoiseCharge

        /// The same atoms over another problem of as many columns, at the same charge.
        func with(_ problem: RegressionProblem) -> Refining {
            Refining(
                dictionary: AtomDictionary(
                    design: problem.design, families: dictionary.families, ridge: dictionary.ridge,
                    parallelism: dictionary.parallelism), charge: charge)
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
    }

    /// Whether the sources are refined in the end.
    var isRefined: Bool { weights == .refined }

    /// The few points and patches that are worth more than noise, the sources so far as a start.
    ///
    /// - Throws: `CancellationError`.
    func refined(
        _ chosen: Outcome, _ problem: RegressionProblem, _ refining: Refining, _ monitor: Monitor
    ) throws -> Outcome {
        let (families, charge) = (refining.dictionary.families, refining.charge)
        let selection = SubsetSelection(charge: charge.value)
        let start = chosen.atoms.active
        // The strongest sources of the start; a subset cannot hold more.
        let strongest = zip(start.blocks, start.norms).sorted { $0.1 > $1.1 }.prefix(selection.maximumCount)
        let found = try selection.run(
            refining.dictionary, response: problem.response,
            starts: [strongest.map { AtomDictionary.Atom(family: 0, block: $0.0) }], monitor: monitor)
        if found.isCancelled { throw CancellationError() }
        let offsets = found.atoms.reduce(into: [0]) {
            $0.append($0[$0.count - 1] + problem.blocks.columns(of: $1.block).count)
        }
        var outcome = chosen
        outcome.atoms = ActiveAtoms(
            ActiveSet(blocks: found.atoms.map(\.block), offsets: offsets, coefficients: found.coefficients),
            families: found.atoms.map { families[$0.family] })
        outcome.refined = Refined(
            refinement: Refinement(
                charge: charge, objectives: found.objectives, isSettled: found.isSettled, looks: found.looks),
            sources: zip(found.atoms, found.scores).map {
                Worth(extent: Patches.extents[$0.family], timesNoise: $1 / charge.value)
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
    /// Points and patches over a prepared problem, and what noise makes one of them explain.
    ///
    /// - Parameters:
    ///   - prepared: the problem, its noise and its baseline.
    ///   - forward: what it was prepared from.
    ///   - seed: of the draws.
    ///   - parallelism: threads; no result depends on them.
    ///   - monitor: progress; once the caller cancelled, the charge means nothing.
    init(
        _ prepared: PreparedProblem, _ forward: Forward, seed: UInt64, parallelism: Parallelism, monitor: Monitor
    ) {
        var dictionary = AtomDictionary(
            design: prepared.problem.design,
            families: Patches(prepared, forward, columnWeights: prepared.columnWeights).families,
            parallelism: parallelism)
        let draws = NoiseCharge.whiteNoise(prepared, dictionary, seed: seed)
        func largest() -> Double { draws.reduce(0) { max($0, dictionary.largestScore($1)) } }
        // Two atoms that nearly coincide lose half as much to the ridge as one. Where that is worth a good part of a
        // charge, the strongest sources would be told as two: the ridge may take half of what white noise makes a
        // source explain, which no charge is below, from the strongest.
        let strongest = dictionary.largestScore(dictionary.power(of: prepared.problem.response))
        var white = largest()
        if dictionary.ridge * strongest > 0.5 * white {
            dictionary.ridge = max(1e-6, 0.5 * white / strongest)
            white = largest()
        }
        self.dictionary = dictionary
        charge = NoiseCharge(atLeast: white, prepared, forward, dictionary, monitor: monitor)
    }
}
