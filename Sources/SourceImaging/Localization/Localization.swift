/// Localizes the sources of a recording: prepare, select, reweight, debias, and undo every weighting once.
public struct Localization: Sendable {
    /// What it depends on beside the data.
    public let settings: LocalizationSettings

    /// How sources are chosen.
    let choice: SourceChoice
    /// How the caller's users know a setting.
    private let naming: @Sendable (SettingName) -> String

    /// A localization with the given settings.
    ///
    /// - Parameters:
    ///   - settings: all that it depends on beside the data.
    ///   - naming: how the caller's users know a setting, for warnings that name one.
    /// - Throws: ``InputError`` for settings outside of their range, or that contradict each other.
    public init(
        _ settings: LocalizationSettings, naming: @escaping @Sendable (SettingName) -> String = { $0.rawValue }
    ) throws(InputError) {
        try PreparedProblem.check(settings.preparation)
        choice = try SourceChoice(settings)
        self.naming = naming
        self.settings = settings
    }

    /// Runs the localization.
    ///
    /// - Parameters:
    ///   - recording: what the sensors measured.
    ///   - forward: what each source would look like.
    ///   - covariance: noise of one epoch; nil estimates it from the epochs or before time 0.
    ///   - monitor: progress and cancellation.
    ///   - shared: what earlier recordings with the same forward left, for this one to take; no result depends on it.
    /// - Returns: the active sources with the reasons for them.
    /// - Throws: ``InputError`` for data it cannot work with, `CancellationError` when the caller cancelled.
    public func run(
        recording: Recording, forward: Forward, covariance: NoiseCovariance?, monitor: Monitor = .silent,
        shared: SharedPreparation? = nil
    ) throws -> Estimate {
        let advice: Message = "check the units of gain, recording and covariance"
        do {
            return try estimate(recording, forward, covariance, monitor, shared)
        } catch let error as InvalidPenalty {
            throw InputError("problem", found: "\(error)", advice: advice)
        } catch let error as RegressionProblem.Invalid {
            throw InputError("problem", found: "\(error)", advice: advice)
        }
    }

    /// A recording brought together with its forward, and what its sources are chosen by.
    struct Posed {
        let prepared: PreparedProblem
        /// The choice at the noise level of the recording.
        let choice: SourceChoice
        let origin: SourceChoice.Origin
        let forward: Forward
        let condition: String
        /// How many trials an epoch averages.
        let trials: Double
        /// Time that it took, s.
        let seconds: Double

        /// Points and patches, where sources are refined.
        var refining: SourceChoice.Refining? { origin.refining }
    }

    /// Prepares a recording; the caller is warned of what is to be known.
    ///
    /// - Throws: as ``run(recording:forward:covariance:monitor:shared:)``.
    func posed(
        _ recording: Recording, _ forward: Forward, _ covariance: NoiseCovariance?, _ monitor: Monitor,
        _ shared: SharedPreparation?
    ) throws -> Posed {
        let clock = Stopwatch()
        try SourceChoice.check(recording, settings, choice)
        monitor.report(.init(stage: "preparing", detail: "channels, whitening, orientation, depth"))
        var preparation = settings.preparation
        preparation.seeksBand = choice.isRefined
        let prepared = try PreparedProblem(
            recording: recording, forward: forward, covariance: covariance, settings: preparation,
            keepsEpochs: choice.needsReplicates || settings.stability.repeats > 0 && repeatMethod(recording) == .epochs,
            parallelism: settings.parallelism, shared: shared, naming: naming)
        let seconds = clock.seconds
        for warning in prepared.warnings { monitor.warn(warning) }
        if monitor.isCancelled() { throw CancellationError() }
        let choice = choice.knowing(prepared)
        let refining =
            choice.isRefined
            ? SourceChoice.Refining(
                prepared, forward, settings.selection, parallelism: settings.parallelism, monitor: monitor) : nil
        let origin = try SourceChoice.Origin(
            prepared.problem, rowLabels: prepared.rowLabels, epochs: prepared.replicates, refining: refining,
            samplingFrequency: prepared.samplingFrequency)
        return Posed(
            prepared: prepared, choice: choice, origin: origin, forward: forward, condition: recording.condition,
            trials: recording.averages ?? 1,
            seconds: seconds)
    }

    /// What is drawn anew where the choice is repeated.
    private func repeatMethod(_ recording: Recording) -> StabilityMethod {
        settings.stability.method ?? (recording.epochs.count > 1 ? .epochs : .noise)
    }

    private func estimate(
        _ recording: Recording, _ forward: Forward, _ covariance: NoiseCovariance?, _ monitor: Monitor,
        _ shared: SharedPreparation?
    ) throws -> Estimate {
        let clock = Stopwatch()
        let posed = try posed(recording, forward, covariance, monitor, shared)
        let (prepared, choice) = (posed.prepared, posed.choice)
        let session = AutomaticSolver().session(for: posed.origin.searched, parallelism: settings.parallelism)
        let chosen = try choice.run(session, posed.origin, monitor: monitor)
        let repeats = repeatMethod(recording)
        return try estimate(posed, chosen, clock, repeats: repeats, monitor: monitor) { sources in
            guard settings.stability.repeats > 0 else { return nil }
            let repetition = StabilityRun(
                choice: choice, prepared: prepared, refining: posed.refining, positions: forward.sources.positions,
                isDebiased: settings.isDebiased, method: repeats, repeats: settings.stability.repeats,
                radius: settings.stability.radius)
            return try repetition.run(session, around: sources, fitted: chosen.atoms, monitor: monitor)
        }
    }

    /// The estimate of what was chosen.
    ///
    /// - Parameters:
    ///   - posed: what it was chosen from.
    ///   - chosen: the active sources.
    ///   - clock: since the beginning.
    ///   - repeats: what would be drawn anew.
    ///   - monitor: is warned.
    ///   - stability: repeats the choice around its sources; nil where that is not asked for.
    /// - Throws: ``RegressionProblem/Invalid`` where fields are impossible numbers, and what `stability` throws.
    func estimate(
        _ posed: Posed, _ chosen: SourceChoice.Outcome, _ clock: Stopwatch, repeats: StabilityMethod = .noise,
        monitor: Monitor, stability: ([EstimatedSource]) throws -> (stability: Stability, sources: [Stability.Source])?
    ) throws -> Estimate {
        let (prepared, forward) = (posed.prepared, posed.forward)
        var result = try sources(chosen, prepared, forward, reducer: posed.refining?.temporal)
        let repeated = try stability(result.sources)
        if let repeated {
            for (i, source) in repeated.sources.enumerated() { result.sources[i].stability = source }
        }
        let solved = clock.seconds
        var estimate = Estimate(
            sources: result.sources, times: prepared.times, frame: forward.sources.frame, selection: chosen.curve,
            preparation: prepared.report,
            certificate: EstimateCertificate(
                relativeGap: chosen.relativeGap, tolerance: settings.relativeGap, epochs: chosen.epochs,
                fullPasses: chosen.fullPasses))
        estimate.subject = forward.subject
        estimate.condition = posed.condition
        estimate.candidateCount = forward.sources.count
        estimate.candidates = forward.sources
        estimate.sensorData = SensorData(
            sensors: prepared.sensors, measured: prepared.measured, explained: result.explained)
        estimate.sensorData?.noise =
            chosen.noise.flatMap { prepared.noise.whitener.covariance(of: $0 * posed.trials) }
            ?? prepared.noise.ofOneTrial
        estimate.goodnessOfFit = result.goodnessOfFit
        estimate.settings = settings.described(prepared.orientation, posed.choice, repeats: repeats)
        estimate.stability = repeated?.stability
        estimate.refinement = chosen.refined?.refinement
        estimate.refinement?.heldOut = result.heldOut
        if let fit = chosen.timeFrequency {
            estimate.timeFrequency = TimeFrequencyRecord(
                frame: fit.frame, samplingFrequency: prepared.samplingFrequency, firstTime: prepared.times.first ?? 0,
                rho: fit.rho)
        }
        let late = chosen.warnings + warnings(estimate)
        for warning in late { monitor.warn(warning) }
        estimate.warnings = prepared.warnings + late
        estimate.seconds = StageSeconds(
            prepare: posed.seconds, solve: solved - posed.seconds, total: solved)
        return estimate
    }

    private func warnings(_ estimate: Estimate) -> [String] {
        var warnings: [String] = []
        let chosen = estimate.selection.chosen
        let name = estimate.selection.criterion
        if estimate.selection.atGridEdge {
            warnings.append(
                chosen.ratio >= 1
                    ? "\(name) finds no λ better than one that leaves no source: the data look like noise of the given level"
                    : "\(name) is smallest at the last λ tried (\(String(printf: "%.2g", chosen.ratio)) of λ_max): "
                        + "the data hold more than the noise covariance and the gain account for")
        }
        // Refined sources do not depend on λ.
        if estimate.refinement == nil, let shape = estimate.selection.shape() {
            let part = String(printf: "within %.2g %% of its gain of the minimum", 100 * shape.tolerance)
            if shape.wells > 1 {
                warnings.append(
                    "\(name) has \(shape.wells) separate minima \(part): "
                        + "other values of λ are as good as the one chosen")
            }
            if shape.isVeryFlat {
                warnings.append(
                    "\(name) is flat: \(part) from "
                        + String(printf: "%.2g to %.2g of λ_max", shape.flatFrom, shape.flatTo))
            }
        }
        if let refinement = estimate.refinement { warnings += self.warnings(refinement, estimate) }
        let isEndless = estimate.selection.atGridEdge && chosen.ratio < 1
        if isEndless || estimate.refinement?.isSettled == false {
            let advice: Message =
                "data that no few sources explain often have a rank, a number of averages or a unit that is wrong: see \(.rank) and \(.averages)"
            warnings.append(advice.text(naming: naming))
        }
        if estimate.sources.isEmpty, estimate.refinement == nil, !estimate.selection.atGridEdge {
            warnings.append(
                estimate.selection.axis == .lambda || estimate.selection.quantile != nil
                    || estimate.selection.notes != nil
                    ? String(printf: "no source is active at λ = %.3g of λ_max", chosen.ratio)
                    : "no source is active under the weights chosen by \(name)")
        }
        if estimate.certificate.relativeGap > settings.relativeGap {
            warnings.append(
                String(
                    printf: "a solve stopped at a relative gap of %.1e instead of %.1e",
                    estimate.certificate.relativeGap,
                    settings.relativeGap))
        }
        return warnings
    }

    private func warnings(_ refinement: Refinement, _ estimate: Estimate) -> [String] {
        var warnings: [String] = []
        let (charge, window) = (refinement.charge, estimate.times.count)
        if charge.stretches == 0, !settings.preparation.noiseLevel.isGiven {
            warnings.append(
                "there are no samples before time 0: sources have to be worth more than white noise, "
                    + "and real noise looks more like a source than white noise does")
        } else if charge.stretches > 0, 3 * charge.length < window {
            warnings.append(
                "what noise explains was measured on stretches of \(charge.length) samples for a window of \(window), "
                    + "and scaled up: the charge for a source is uncertain")
        }
        if estimate.sources.isEmpty { warnings.append("no source explains more than noise does") }
        return warnings
    }

    /// Amplitudes in A·m, fields, and what they explain, in the band where there is one; every weight undone once.
    private func sources(
        _ chosen: SourceChoice.Outcome, _ prepared: PreparedProblem, _ forward: Forward, reducer: Matrix?
    ) throws -> (sources: [EstimatedSource], explained: Matrix, goodnessOfFit: Double, heldOut: Double?) {
        let problem = chosen.atoms.problem ?? prepared.problem
        let scaled = try chosen.atoms.debiased(settings.isDebiased, in: problem)
        let active = scaled.active
        let samplesBack = reducer.map { (problem.reduction ?? .identity(problem.response.columns)) * $0 }
        func inBand(_ field: Matrix) -> Matrix { samplesBack.map { field * $0 } ?? field }
        func power(_ field: Matrix) -> Double { inBand(field).squaredNorm }
        let total = power(problem.response)
        let residual = problem.response - scaled.fit(in: problem)
        let coefficients = active.coefficientsInOriginalSamples(of: problem)
        let samples = coefficients.rows
        var raw = Matrix(rows: prepared.sensors.count, columns: samples)
        var sources: [EstimatedSource] = []
        let gainError = chosen.refined?.refinement.gainError ?? 0
        let inverse = chosen.refined == nil ? nil : scaled.inverseGram(in: problem)
        let spacing = forward.sources.spacing
        for (i, block) in active.blocks.enumerated() {
            let frame = chosen.refined?.sources[i].frame ?? block
            let columns = problem.blocks.columns(of: frame)
            let field = power(scaled.field(i, in: problem))
            let amplitudes = Matrix(rows: columns.count, columns: samples) { k, s in
                coefficients[s, active.offsets[i] + k] * prepared.columnWeights[columns.lowerBound + k]
            }
            let fields = scaled.combinations(i, in: problem).map { combination in
                combination.reduce(into: [Double](repeating: 0, count: prepared.sensors.count)) { sum, part in
                    let factor = part.weight * prepared.columnWeights[part.row]
                    prepared.addField(of: part.row, factor, forward, to: &sum)
                }
            }
            let topography = Matrix(
                rows: prepared.sensors.count, columns: fields.count, elements: fields.flatMap { $0 })
            raw =
                raw
                + Matrix.product(
                    topography, transposed: false,
                    coefficients.columns(active.offsets[i]..<active.offsets[i + 1]), transposed: true)
            var source = EstimatedSource(
                index: block, position: chosen.refined?.sources[i].position ?? forward.sources.positions[block],
                hemisphere: forward.sources.hemispheres?[block], vertex: forward.sources.vertices?[block],
                amplitudes: amplitudes, axes: prepared.axes?[frame], field: field.squareRoot(),
                share: total > 0 ? field / total : 0, extent: chosen.refined?.sources[i].extent,
                timesNoise: chosen.refined?.sources[i].timesNoise)
            if let fit = chosen.timeFrequency {
                source.coefficients = fit.coefficients(i, of: chosen, amplitudes: amplitudes)
            }
            if let worth = chosen.refined?.sources[i], let inverse {
                // Of a dipole that may turn, along where it points at its peak.
                let own = Array(active.offsets[i]..<active.offsets[i + 1])
                let peak = amplitudes.columns > 0 ? amplitudes.column(source.peakSample) : own.map { _ in 0 }
                let length = peak.reduce(0) { $0 + $1 * $1 }.squareRoot()
                let direction = own.indices.map { k in
                    (length > 0 ? peak[k] / length : 0) * prepared.columnWeights[columns.lowerBound + k]
                }
                var variance = 0.0
                for (k, row) in own.enumerated() {
                    for (l, other) in own.enumerated() { variance += direction[k] * inverse[row, other] * direction[l] }
                }
                source.setErrorBars(
                    worth, deviation: (prepared.noiseVariance * max(0, variance)).squareRoot(), gainError: gainError,
                    forward.sources, spacing: spacing, times: prepared.times)
            }
            sources.append(source)
        }
        sources.sort { $0.field > $1.field || ($0.field == $1.field && $0.index < $1.index) }
        let heldOut =
            chosen.refined == nil || sources.isEmpty
            ? nil
            : HeldOutSensors.predicted(
                inBand(problem.response), scaled.design(in: problem), prepared.noise.whitener.matrix)
        return (sources, prepared.projection.apply(raw), total > 0 ? 1 - power(residual) / total : 0, heldOut)
    }
}

extension PreparedProblem {
    /// Adds a factor times what a column of the gain looks like at the sensors, unweighted, in SI units.
    fileprivate func addField(of column: Int, _ factor: Double, _ forward: Forward, to field: inout [Double]) {
        guard forward.orientations == 3, let axes else {
            for (i, row) in forwardRows.enumerated() { field[i] += factor * forward.stored[row, column] }
            return
        }
        let block = column / max(1, problem.blocks.columns(of: 0).count)
        let axis = axes[block][column - problem.blocks.columns(of: block).lowerBound]
        for (i, row) in forwardRows.enumerated() {
            for d in 0..<3 { field[i] += factor * axis[d] * forward.stored[row, 3 * block + d] }
        }
    }
}
