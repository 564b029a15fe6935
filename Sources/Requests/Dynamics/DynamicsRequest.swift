@_exported import Dynamics
import Glibc

/// Who drives whom among variables that were recorded together: what `foci dynamics` and the library's callers ask for.
public struct DynamicsRequest: Sendable {
    /// The kind of model.
    public var model = DynamicsKind.all[0]
    /// How it is fitted; ``DynamicsSettings/resamples`` is taken from ``resamples``.
    public var settings = DynamicsSettings()
    /// What keeps a network sparse.
    public var penalty = NetworkPenaltyKind.groupLasso
    /// λ of that; nil where held-out segments choose it.
    public var lambda: Double?
    /// Resamples of epochs that tell how steady connections are; nil: 100 of autoregression, 20 of other models.
    public var resamples: Int?
    /// Whether one averaged response is worked with all the same.
    public var isForced = false
    /// Part of the epochs, of one epoch of its time, that is held out to judge forecasts; 0 for none.
    public var heldOut = 0.2

    /// The default request.
    public init() { settings.parallelism = .allCores }

    /// Horizons of forecasts, samples.
    private static let horizons = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89]
    /// Frequencies of spectra.
    private static let frequencyCount = 64

    /// Throws for settings out of their range.
    ///
    /// - Throws: ``InputError``.
    public func check() throws(InputError) {
        do { try fitted(.silent).settings.check() } catch { throw InputError("dynamics", found: "\(error)") }
        guard model.name == DynamicsKind.network.name || lambda == nil && penalty == .groupLasso else {
            throw InputError(
                lambda == nil ? .penalty : .lambda, found: "it with model \(model.name)",
                expected: "model \(DynamicsKind.network.name)")
        }
        guard lambda.map({ $0 >= 0 && $0.isFinite }) ?? true else {
            throw InputError(.lambda, found: "\(lambda ?? 0)", expected: "a number from 0 on, or auto")
        }
        guard heldOut >= 0, heldOut <= 0.5 else {
            throw InputError(.heldOut, found: "\(heldOut)", expected: "0 (none) to 0.5")
        }
    }

    /// Fits the model and tells who drives whom.
    ///
    /// - Parameters:
    ///   - data: the variables.
    ///   - monitor: progress, cancellation, and warnings.
    /// - Throws: ``InputError`` for settings or data that cannot be worked with, `CancellationError`.
    public func run(_ data: NamedTrajectories, monitor: Monitor = .silent) throws -> DynamicsAnswer {
        try check()
        guard isForced || !data.facts.isAverage else {
            throw InputError(
                at: data.place,
                found: "one average of many trials: one event moves all sources, as if they drove each other",
                expected: "single epochs", advice: "fit it all the same with \(.force)")
        }
        let clock = Stopwatch()
        var (kind, settings) = fitted(monitor)
        settings.recording = data.facts
        monitor.report(.init(stage: "fit", detail: model.name))
        let model = try fit(kind, data, settings)
        if monitor.isCancelled() { throw CancellationError() }
        monitor.report(.init(stage: "forecast", detail: ""))
        let forecast = forecast(kind, data, settings)
        if monitor.isCancelled() { throw CancellationError() }
        let nyquist = 0.5 / data.trajectories.interval
        let frequencies = (0..<Self.frequencyCount).map { nyquist * Double($0) / Double(Self.frequencyCount) }
        for warning in model.warnings { monitor.warn(warning.text { data.names[$0] }) }
        return DynamicsAnswer(
            self, data, model, forecast: forecast, spectrum: model.spectrum(at: frequencies),
            resamples: settings.resamples, seconds: clock.seconds)
    }

    /// The kind of model and the settings that are meant.
    private func fitted(_ monitor: Monitor) -> (kind: DynamicsKind, settings: DynamicsSettings) {
        var settings = settings
        let isPlain = model.name == DynamicsKind.plain.name
        settings.resamples = resamples ?? (isPlain ? 100 : 20)
        settings.isCancelled = monitor.isCancelled
        if let order = settings.order, !isPlain { settings.derivativeOrder = order }
        guard model.name == DynamicsKind.network.name else { return (model, settings) }
        var network = NetworkSettings(penalty)
        network.lambda = lambda
        // Resamples and forecasts are fits, too: each would tell of its steps anew.
        network.monitor = Monitor(isCancelled: monitor.isCancelled)
        return (.network(network), settings)
    }

    private func fit(
        _ kind: DynamicsKind, _ data: NamedTrajectories, _ settings: DynamicsSettings
    ) throws(InputError) -> any DynamicalModel {
        do { return try kind.fit(data.trajectories, settings) } catch {
            throw InputError(at: data.place, found: error.text { data.names[$0] })
        }
    }

    /// How well what comes is told, by horizon, on what the model has not seen; empty where too little would be left to fit, and
    /// for a model that leaves the finite numbers.
    private func forecast(
        _ kind: DynamicsKind, _ data: NamedTrajectories, _ settings: DynamicsSettings
    ) -> [DynamicsAnswer.Horizon] {
        let (seen, unseen) = split(data.trajectories)
        guard !unseen.isEmpty, let seen else { return [] }
        var quick = settings
        quick.resamples = 0
        guard let model = try? kind.fit(seen, quick) else { return [] }
        let variables = data.trajectories.variableCount
        let means = (0..<variables).map { variable in
            let all = seen.epochs.flatMap { $0.row(variable) }
            return all.reduce(0, +) / Double(all.count)
        }
        let longest = Self.horizons.last ?? 1
        var errors = [Double](repeating: 0, count: longest)
        var (powers, counts) = (errors, [Int](repeating: 0, count: longest))
        for epoch in unseen {
            // Origins a history apart: neighbours say nearly the same.
            let step = max(model.historySamples, 5)
            for first in stride(from: 0, to: epoch.columns - model.historySamples, by: step) {
                let start = first + model.historySamples
                let count = min(longest, epoch.columns - start)
                guard let told = try? model.forecast(after: epoch.columns(first..<start), samples: count) else {
                    return []
                }
                for t in 0..<count {
                    for variable in 0..<variables {
                        let value = epoch[variable, start + t]
                        errors[t] += (value - told[variable, t]) * (value - told[variable, t])
                        powers[t] += (value - means[variable]) * (value - means[variable])
                    }
                    counts[t] += 1
                }
            }
        }
        return Self.horizons.filter { counts[$0 - 1] > 0 && powers[$0 - 1] > 0 }.map {
            .init(
                samples: $0, time: Double($0) * data.trajectories.interval,
                explained: 1 - errors[$0 - 1] / powers[$0 - 1])
        }
    }

    /// What is fitted and what is held out: the last epochs, of one epoch its last part.
    private func split(_ all: Trajectories) -> (seen: Trajectories?, unseen: [Matrix]) {
        guard heldOut > 0 else { return (nil, []) }
        let count = all.epochs.count
        if count > 1 {
            let kept = min(count - 1, Int((Double(count) * (1 - heldOut)).rounded()))
            return (all.epochs(Array(0..<kept)), Array(all.epochs[kept...]))
        }
        let epoch = all.epochs[0]
        let kept = Int((Double(epoch.columns) * (1 - heldOut)).rounded())
        guard kept > 1, kept < epoch.columns else { return (nil, []) }
        return (
            try? Trajectories(epochs: [epoch.columns(0..<kept)], interval: all.interval),
            [epoch.columns(kept..<epoch.columns)]
        )
    }
}
