/// The repeats of a choice that measure its stability.
///
/// The gain is prepared once; only the response changes, or its rows.
/// - Epochs are drawn with replacement. What is drawn deviates from the measured mean as that deviates from the truth:
///   the noise of a repeat is √2 times that of the estimate, and the stability rather a lower bound.
/// - Noise is added to the field that the estimate explains, not to the data: its level is that of one measurement, and what
///   the estimate takes for signal is taken for the truth.
/// - Sensors: each repeat leaves one fold of whitened rows out, of as many splits as the repeats need. Rows are mixtures of
///   channels, see ``PreparedProblem/rowLabels``.
struct StabilityRun {
    let choice: SourceChoice
    let prepared: PreparedProblem
    let refining: SourceChoice.Refining?
    let positions: [SIMD3<Double>]
    let isDebiased: Bool
    let method: StabilityMethod
    let repeats: Int
    let radius: Double

    /// Repeats the choice.
    ///
    /// - Parameters:
    ///   - session: of the prepared problem; it holds another response afterwards.
    ///   - sources: of the estimate.
    ///   - fitted: the estimate in units of the problem.
    /// - Returns: what the repeats found, and what became of each of the sources.
    /// - Throws: ``InputError``, `CancellationError`.
    func run(
        _ session: some SolverSession, around sources: [EstimatedSource], fitted: ActiveAtoms, monitor: Monitor
    ) throws -> (stability: Stability, sources: [Stability.Source]) {
        let quiet = Monitor(isCancelled: monitor.isCancelled)
        let field = method == .noise ? try explainedField(fitted) : nil
        let colour = try colour()
        var found: [[Stability.Found]] = []
        var ratios: [Double] = []
        for r in 0..<repeats {
            monitor.report(.init(stage: "stability", detail: "\(r + 1) of \(repeats)"))
            if monitor.isCancelled() { throw CancellationError() }
            // A seed of its own for every repeat: no repeat depends on how many there are.
            let seed = choice.method.seed &+ UInt64(r + 1) &* 0xD1B5_4A32_D192_ED03
            var random = SeededGenerator(seed: seed)
            let outcome: SourceChoice.Outcome
            let problem: RegressionProblem
            switch method {
            case .sensors:
                let origin = try leavingOut(r)
                problem = origin.problem
                outcome = try choice.run(
                    AutomaticSolver().session(for: origin.searched, parallelism: choice.parallelism), origin,
                    monitor: quiet)
            case .epochs, .noise:
                let (response, replicates) = redrawn(field, colour, &random)
                problem = try prepared.problem.with(response: response)
                let origin = try SourceChoice.Origin(
                    problem, rowLabels: prepared.rowLabels, epochs: replicates, refining: refining,
                    samplingFrequency: prepared.samplingFrequency)
                session.adopt(origin.searched)
                outcome = try choice.run(session, origin, monitor: quiet)
            }
            found.append(try self.found(outcome, problem))
            ratios.append(outcome.curve.chosen.ratio)
        }
        return Stability.pairing(
            method: method, radius: radius, positions: sources.map(\.position), repeats: found, ratios: ratios)
    }

    // MARK: - Data of a repeat

    /// Another response, with its epochs where there are or must be any.
    private func redrawn(
        _ field: Matrix?, _ colour: Matrix?, _ random: inout SeededGenerator
    ) -> (Matrix, Replicates?) {
        if method == .epochs, let replicates = prepared.replicates {
            var drawn = replicates.resampled(&random)
            // Where epochs are held out, some must be left: a draw of too few different ones is drawn again.
            for _ in 0..<100 where choice.comparesReplicates && !choice.method.canHoldOut(drawn) {
                drawn = replicates.resampled(&random)
            }
            return (drawn.mean(of: drawn.present) ?? prepared.problem.unreducedResponse, drawn)
        }
        let field = field ?? prepared.problem.unreducedResponse
        let sigma = prepared.noiseVariance.squareRoot()
        guard choice.needsReplicates, let count = prepared.replicates?.responses.count else {
            return (field + noise(like: field, colour, &random) * sigma, nil)
        }
        // Epochs whose mean has the noise of the average.
        let replicates = Replicates(
            (0..<count).map { _ in
                field + noise(like: field, colour, &random) * (sigma * Double(count).squareRoot())
            })
        return (replicates.mean(of: replicates.present) ?? field, replicates)
    }

    /// Whether sources are sought in a band, in which the noise is white.
    private var seeksBand: Bool { refining?.temporal != nil && !prepared.noise.temporal.isIdentity }

    /// Makes white noise as slow as that of the baseline, ELᵀ; nil where there is too little of it to tell, or none is drawn.
    func colour() throws(InputError) -> Matrix? {
        guard method == .noise, !seeksBand else { return nil }
        do {
            return try NoiseQuantile.colour(prepared.noiseAutocorrelation, samples: prepared.problem.sampleCount)
        } catch { throw InputError(.stability, found: "\(error)") }
    }

    /// Noise that samples are correlated in as in the baseline; where sources are sought in a band, noise that is white once it
    /// is reduced to it: with what reduces M, N(MᵀM)⁻¹Mᵀ.
    func noise(like field: Matrix, _ colour: Matrix?, _ random: inout SeededGenerator) -> Matrix {
        guard seeksBand, let reducer = refining?.temporal,
            let inverse = try? Cholesky(Matrix.product(reducer, transposed: true, reducer)).inverse()
        else {
            let white = random.normal(rows: field.rows, columns: field.columns)
            return colour.map { Matrix.product(white, transposed: false, $0, transposed: true) } ?? white
        }
        let white = random.normal(rows: field.rows, columns: reducer.columns)
        return Matrix.product(white * inverse, transposed: false, reducer, transposed: true)
    }

    /// The field that the estimate explains, n × T.
    private func explainedField(_ fitted: ActiveAtoms) throws -> Matrix {
        let problem = prepared.problem
        let field = try fitted.debiased(isDebiased, in: problem).fit(in: problem)
        return fitted.active.coefficients.rows == problem.sampleCount
            ? field : field * (problem.reduction ?? .identity(field.columns))
    }

    /// The problem without a fold of its rows.
    private func leavingOut(_ r: Int) throws -> SourceChoice.Origin {
        let folds = choice.method.folds
        let split: RowSplit
        do {
            split = try RowSplit(
                rowCount: prepared.problem.rowCount, folds: folds, labels: prepared.rowLabels,
                seed: choice.method.seed &+ UInt64(r / folds) &* 0x9E37_79B9_7F4A_7C15)
        } catch {
            throw InputError(.folds, found: "\(error)")
        }
        let held = Set(split.folds[r % folds])
        let rows = (0..<prepared.problem.rowCount).filter { !held.contains($0) }
        let part = try prepared.problem.restricted(toRows: rows)
        return try SourceChoice.Origin(
            part, rowLabels: rows.map { prepared.rowLabels[$0] },
            epochs: prepared.replicates.map { $0.map { $0.rows(rows) } },
            refining: refining.map {
                $0.with(part, GainErrors($0.gainErrors.given, prepared.noise.whitener, rows: rows, noise: $0.noise))
            },
            samplingFrequency: prepared.samplingFrequency)
    }

    // MARK: - What a repeat found

    private func found(_ outcome: SourceChoice.Outcome, _ problem: RegressionProblem) throws -> [Stability.Found] {
        let scaled = try outcome.atoms.debiased(isDebiased, in: problem).active
        let coefficients = scaled.coefficientsInOriginalSamples(of: problem)
        return scaled.blocks.enumerated().map { i, block in
            let columns = problem.blocks.columns(of: outcome.refined?.sources[i].frame ?? block)
            var peak = 0.0
            for t in 0..<coefficients.rows {
                var square = 0.0
                for (k, column) in columns.enumerated() {
                    let value = coefficients[t, scaled.offsets[i] + k] * prepared.columnWeights[column]
                    square += value * value
                }
                peak = max(peak, square)
            }
            return Stability.Found(
                index: block, position: outcome.refined?.sources[i].position ?? positions[block],
                amplitude: peak.squareRoot())
        }
    }
}
