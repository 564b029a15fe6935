import Dispatch
import Foundation

/// How λ is found.
public enum LambdaChoice: Sendable, Equatable {
    /// By Stein's unbiased risk estimate along a path.
    case automatic
    /// Given, as a fraction of λ_max in (0, 1].
    case ratio(Double)
}

/// All that a localization depends on beside its data.
public struct LocalizationSettings: Sendable, Equatable {
    /// Channels, orientation, depth, window.
    public var preparation = PreparationSettings()
    /// How λ is found.
    public var lambda = LambdaChoice.automatic
    /// Rounds of reweighting; 0 for the convex solution alone.
    public var reweightingRounds = 5
    /// Whether amplitudes are debiased at the end.
    public var isDebiased = true
    /// Scale of the weights.
    public var reweightingScale = Reweighting.Scale.strongest
    /// Relative duality gap of every solve.
    public var relativeGap = 1e-6
    /// Threads; no result depends on it.
    public var parallelism = Parallelism.allCores

    /// The default settings.
    public init() {}

    /// The settings by name, as a command line gives them.
    func described(_ orientation: Orientation) -> [(name: String, value: String)] {
        let window = preparation.window.map { "\($0.lowerBound) \($0.upperBound)" } ?? "from time 0"
        let lambda: String =
            switch self.lambda {
            case .automatic: "auto"
            case .ratio(let ratio): "\(ratio)"
            }
        return [
            ("sensors", preparation.sensors.rawValue), ("orientation", orientation.name),
            ("depth", "\(preparation.depth)"), ("window", window), ("lambda", lambda),
            ("reweight", "\(reweightingRounds)"), ("reweight_scale", reweightingScale.rawValue),
            ("debias", "\(isDebiased)"), ("gap", "\(relativeGap)"),
        ]
    }
}

/// Localizes the sources of a recording: prepare, select, reweight, debias, and undo every weighting once.
public struct Localization: Sendable {
    /// What it depends on beside the data.
    public let settings: LocalizationSettings

    /// A localization with the given settings.
    ///
    /// - Throws: ``InputError`` for settings outside of their range.
    public init(_ settings: LocalizationSettings) throws(InputError) {
        if case .ratio(let ratio) = settings.lambda, !(ratio > 0 && ratio <= 1) {
            throw InputError(
                "lambda", found: "\(ratio)", expected: "auto, or a fraction of λ_max above 0 and at most 1")
        }
        guard settings.relativeGap.isFinite, settings.relativeGap >= 1e-12, settings.relativeGap < 1 else {
            throw InputError("gap", found: "\(settings.relativeGap)", expected: "a number from 1e-12 to below 1")
        }
        guard (0...100).contains(settings.reweightingRounds) else {
            throw InputError("reweight", found: "\(settings.reweightingRounds)", expected: "0 to 100 rounds")
        }
        self.settings = settings
    }

    /// Runs the localization.
    ///
    /// - Parameters:
    ///   - recording: what the sensors measured.
    ///   - forward: what each source would look like.
    ///   - covariance: noise of one epoch; nil estimates it before time 0.
    ///   - monitor: progress and cancellation.
    /// - Returns: the active sources with the reasons for them.
    /// - Throws: ``InputError`` for data it cannot work with, `CancellationError` when the caller cancelled.
    public func run(
        recording: Recording, forward: Forward, covariance: NoiseCovariance?, monitor: Monitor = .silent
    ) throws -> Estimate {
        let advice = "check the units of gain, recording and covariance"
        do {
            return try estimate(recording, forward, covariance, monitor)
        } catch let error as InvalidPenalty {
            throw InputError("problem", found: "\(error)", advice: advice)
        } catch let error as RegressionProblem.Invalid {
            throw InputError("problem", found: "\(error)", advice: advice)
        }
    }

    private func estimate(
        _ recording: Recording, _ forward: Forward, _ covariance: NoiseCovariance?, _ monitor: Monitor
    ) throws -> Estimate {
        let began = DispatchTime.now().uptimeNanoseconds
        monitor.report(.init(stage: "preparing", detail: "channels, whitening, orientation, depth"))
        let prepared = try PreparedProblem(
            recording: recording, forward: forward, covariance: covariance, settings: settings.preparation,
            parallelism: settings.parallelism)
        let preparedAt = DispatchTime.now().uptimeNanoseconds
        let early =
            recording.plausibilityWarnings() + forward.plausibilityWarnings()
            + (covariance?.plausibilityWarnings() ?? []) + prepared.warnings
        for warning in early { monitor.warn(warning) }
        if monitor.isCancelled() { throw CancellationError() }
        let problem = prepared.problem
        let stop = StopRule(relativeGap: settings.relativeGap)
        let solver = AutomaticSolver()
        let selected = try select(
            prepared, solver.session(for: problem, parallelism: settings.parallelism), stop, monitor)
        if selected.isCancelled || monitor.isCancelled() { throw CancellationError() }

        let reweighted = try Reweighting(rounds: settings.reweightingRounds, scale: settings.reweightingScale).run(
            problem, from: selected.solution, lambda: selected.curve.chosen.lambda, solver: solver, stop: stop,
            parallelism: settings.parallelism, monitor: monitor)
        if monitor.isCancelled() { throw CancellationError() }
        let active = reweighted.active
        let result = sources(active, prepared, forward)
        let solved = DispatchTime.now().uptimeNanoseconds

        var estimate = Estimate(
            subject: forward.subject, condition: recording.condition, frame: forward.sources.frame,
            candidateCount: forward.sources.count, sources: result.sources, times: prepared.times,
            sensors: prepared.sensors, measured: prepared.measured, explained: result.explained,
            goodnessOfFit: result.goodnessOfFit, selection: selected.curve, preparation: prepared.report,
            certificate: EstimateCertificate(
                relativeGap: max(selected.solution.certificate.relativeGap, reweighted.relativeGap),
                tolerance: settings.relativeGap, epochs: selected.epochs + reweighted.epochs,
                fullPasses: selected.fullPasses),
            settings: settings.described(prepared.orientation), warnings: [], seconds: StageSeconds())
        let late = warnings(estimate)
        for warning in late { monitor.warn(warning) }
        estimate.warnings = early + late
        estimate.seconds = StageSeconds(
            prepare: Double(preparedAt - began) * 1e-9, solve: Double(solved - preparedAt) * 1e-9,
            total: Double(solved - began) * 1e-9)
        return estimate
    }

    private func select(
        _ prepared: PreparedProblem, _ session: some SolverSession, _ stop: StopRule, _ monitor: Monitor
    ) throws -> PathSearch.Outcome {
        let risk = SteinRisk(noiseVariance: prepared.noiseVariance)
        switch settings.lambda {
        case .automatic:
            return try PathSearch().run(
                session, criterion: risk, stop: stop, parallelism: settings.parallelism, monitor: monitor)
        case .ratio(let ratio):
            return try PathSearch.fixed(
                ratio, session, criterion: risk, stop: stop, parallelism: settings.parallelism, monitor: monitor)
        }
    }

    private func warnings(_ estimate: Estimate) -> [String] {
        var warnings: [String] = []
        let chosen = estimate.selection.chosen
        if estimate.selection.atGridEdge {
            warnings.append(
                chosen.ratio >= 1
                    ? "SURE finds no λ better than one that leaves no source: the data look like noise of the given level"
                    : String(format: "SURE is smallest at the last λ tried (%.2g of λ_max): ", chosen.ratio)
                        + "the data hold more than the noise covariance and the gain account for")
        }
        if estimate.sources.isEmpty, !estimate.selection.atGridEdge {
            warnings.append(String(format: "no source is active at λ = %.3g of λ_max", chosen.ratio))
        }
        if estimate.certificate.relativeGap > settings.relativeGap {
            warnings.append(
                String(
                    format: "a solve stopped at a relative gap of %.1e instead of %.1e",
                    estimate.certificate.relativeGap,
                    settings.relativeGap))
        }
        return warnings
    }

    /// Amplitudes in A·m, fields, and what they explain; every weight undone once.
    private func sources(
        _ active: ActiveSet, _ prepared: PreparedProblem, _ forward: Forward
    ) -> (sources: [EstimatedSource], explained: Matrix, goodnessOfFit: Double) {
        let problem = prepared.problem
        let factors = settings.isDebiased ? Debiasing.factors(active, in: problem) : active.blocks.map { _ in 1 }
        var debiased = active.coefficients
        let t = debiased.rows
        for (i, factor) in factors.enumerated() {
            for k in (active.offsets[i] * t)..<(active.offsets[i + 1] * t) { debiased.elements[k] *= factor }
        }
        let scaled = ActiveSet(blocks: active.blocks, offsets: active.offsets, coefficients: debiased)
        let total = problem.squaredResponseNorm
        let residual = problem.response - scaled.fit(in: problem)
        let coefficients = scaled.coefficientsInOriginalSamples(of: problem)
        let samples = coefficients.rows
        var raw = Matrix(rows: prepared.sensors.count, columns: samples)
        var sources: [EstimatedSource] = []
        for (i, block) in active.blocks.enumerated() {
            let columns = problem.blocks.columns(of: block)
            let width = columns.count
            let own = ActiveSet(
                blocks: [block], offsets: [0, width],
                coefficients: debiased.columns(active.offsets[i]..<active.offsets[i + 1]))
            let field = own.fit(in: problem).squaredNorm
            let amplitudes = Matrix(rows: width, columns: samples) { k, s in
                coefficients[s, active.offsets[i] + k] * prepared.columnWeights[columns.lowerBound + k]
            }
            let axes = prepared.axes?[block]
            raw = raw + Self.sensorField(block, amplitudes, axes, prepared, forward)
            sources.append(
                EstimatedSource(
                    index: block, position: forward.sources.positions[block],
                    hemisphere: forward.sources.hemispheres?[block], vertex: forward.sources.vertices?[block],
                    amplitudes: amplitudes, axes: axes, field: field.squareRoot(),
                    share: total > 0 ? field / total : 0))
        }
        sources.sort { $0.field > $1.field || ($0.field == $1.field && $0.index < $1.index) }
        return (sources, prepared.projection.apply(raw), total > 0 ? 1 - residual.squaredNorm / total : 0)
    }

    /// What one source looks like at the sensors, SI units.
    private static func sensorField(
        _ block: Int, _ amplitudes: Matrix, _ axes: [SIMD3<Double>]?, _ prepared: PreparedProblem, _ forward: Forward
    ) -> Matrix {
        let rows = prepared.forwardRows
        let topography: Matrix
        if forward.orientations == 3, let axes {
            topography = Matrix(rows: rows.count, columns: axes.count) { i, k in
                (0..<3).reduce(0) { $0 + forward.gain[rows[i], 3 * block + $1] * axes[k][$1] }
            }
        } else {
            topography = Matrix(rows: rows.count, columns: 1) { i, _ in forward.gain[rows[i], block] }
        }
        return topography * amplitudes
    }
}
