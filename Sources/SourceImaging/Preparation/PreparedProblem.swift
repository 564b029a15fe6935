/// A recording, forward and covariance brought together: a whitened, weighted regression problem, and the way back.
public struct PreparedProblem: Sendable {
    /// The whitened, weighted problem.
    public let problem: RegressionProblem
    /// What was found on the way.
    public let report: PreparationReport
    /// Variance of the whitened noise, σ².
    public var noiseVariance: Double { noise.variance }
    /// The block of the noise covariance that each row of the problem is of: 0 for magnetometers and gradiometers, 1 for
    /// electrodes. A row is a mixture of all channels of its block, with noise of its own: to hold out a row is to hold
    /// out one such mixture, never a sensor.
    public var rowLabels: [Int] { noise.whitener.rowBlocks }
    /// The whitened epochs in the window, whose mean is the problem's response; nil unless asked for, and for an average.
    public let replicates: Replicates?
    /// Channels used, in the order of the recording.
    public let sensors: Sensors
    /// The orientation that was used.
    public let orientation: Orientation
    /// Time of each sample in the window, s.
    public let times: [Double]
    /// Samples a second.
    let samplingFrequency: Double
    /// Projected data in the window, channels × samples, SI units.
    public let measured: Matrix
    /// Factor on each column of the gain, by orientation and depth: coefficients of the problem times it are amplitudes in
    /// A·m. 0 where no sensor sees the source.
    public let columnWeights: [Double]
    /// Axes of each source, one a column of its block; nil for a fixed forward without normals.
    public let axes: [[SIMD3<Double>]]?
    /// What the user should know, one line each: all of the report's checks that are not as they should be.
    public let warnings: [String]

    let noise: AverageNoise
    let projection: Projection
    let forwardRows: [Int]
    /// Projected data before time 0, channels × samples, SI units.
    let baseline: Matrix

    /// How samples of the whitened noise are correlated with later ones, as far apart as the window is long: that before time 0;
    /// white of fewer than ``TemporalNoise/fewestSamples``.
    ///
    /// - Complexity: O(n · baseline · window).
    var noiseAutocorrelation: [Double] {
        guard baseline.columns >= TemporalNoise.fewestSamples else { return [1] }
        return NoiseQuantile.autocorrelation(of: noise.whitener.matrix * baseline, window: times.count)
    }

    /// Prepares a problem.
    ///
    /// - Parameters:
    ///   - recording: what the sensors measured; its epochs are averaged.
    ///   - forward: gain and sources.
    ///   - covariance: noise of one epoch; nil estimates it from the epochs or before time 0.
    ///   - settings: channels, orientation, depth, window, baseline, rank, averages, noise and its level.
    ///   - keepsEpochs: whether the single epochs are whitened, too, for criteria and repeats that need them.
    ///   - parallelism: threads; no result depends on them.
    ///   - shared: what earlier recordings of the same forward left; no result depends on it.
    ///   - naming: how the caller's users know a setting, for warnings that name one.
    /// - Throws: ``InputError`` for settings outside of their range or that the forward does not allow, without a channel in
    ///   common, for inputs that contradict each other, a window without samples, values that are not finite where they are
    ///   used, and for a noise covariance that is none or cannot be estimated.
    /// - Complexity: O(sensors²·(sensors + samples + columns of the gain)); memory of one gain beside the forward's.
    public init(
        recording: Recording, forward: Forward, covariance: NoiseCovariance?, settings: PreparationSettings,
        keepsEpochs: Bool = false, parallelism: Parallelism = .serial, shared: SharedPreparation? = nil,
        naming: @escaping (SettingName) -> String = \.rawValue
    ) throws(InputError) {
        var checks = Checklist(naming: naming)
        try self.init(recording, forward, covariance, settings, keepsEpochs, parallelism, shared, &checks)
    }

    /// Looks at all that decides whether a result could be trusted, and computes none.
    ///
    /// - Parameters: as of ``init(recording:forward:covariance:settings:keepsEpochs:parallelism:naming:)``.
    /// - Returns: what was looked at; where something is wrong, the list ends with it.
    public static func examine(
        recording: Recording, forward: Forward, covariance: NoiseCovariance?, settings: PreparationSettings,
        parallelism: Parallelism = .serial, naming: @escaping (SettingName) -> String = \.rawValue
    ) -> [HealthCheck] {
        var checks = Checklist(naming: naming)
        do {
            _ = try Self(recording, forward, covariance, settings, false, parallelism, nil, &checks)
        } catch {
            if error != checks.firstError { checks.wrong("preparation", error) }
        }
        return checks.checks
    }

    private init(
        _ recording: Recording, _ forward: Forward, _ covariance: NoiseCovariance?, _ settings: PreparationSettings,
        _ keepsEpochs: Bool, _ parallelism: Parallelism, _ shared: SharedPreparation?, _ checks: inout Checklist
    ) throws(InputError) {
        try Self.check(settings)
        try settings.noise?.check(recording, covariance)
        let covariance = [.baseline, .epochs].contains(settings.noise) ? nil : covariance
        orientation = try Orientation.resolved(settings.orientation, for: forward)
        Self.tell(recording, forward, covariance, &checks)
        let all = try ChannelMatching(
            recording: recording.sensors, forward: forward.sensors, covariance: covariance?.sensors,
            selection: settings.sensors, names: settings.names, checks: &checks)
        InputAgreement(recording: recording, forward: forward, matching: all).compare(&checks)
        try checks.validate()
        let times = try AnalysisWindow(
            settings.window, baseline: settings.baseline, of: recording, checks: &checks)
        let average = recording.average
        let channels = try MeasuredChannels(
            recording, average, all, times, settings.baseline, covariance: covariance, forward: forward, checks: &checks
        )
        let (matching, window) = (channels.matching, channels.window)
        let one = covariance.flatMap { covariance in
            matching.inCovariance.map { covariance.matrix.rows($0).columns($0) }
        }
        let rank = try DataRank(
            settings.rank,
            .init(
                recording: recording, matching: matching, baseline: channels.average.columns(window.baseline),
                covariance: one,
                isSinglePrecision: covariance?.isSinglePrecision ?? false, forward: forward,
                projection: Projection.all(of: recording, average, covariance, matching, checks: &checks)),
            checks: &checks)
        projection = rank.projection
        baseline = projection.apply(channels.average.columns(window.baseline))
        measured = projection.apply(channels.average.columns(window.samples))
        let asksEpochs =
            recording.epochs.count > 1
            && [.automatic, .epochs].contains(settings.noise ?? (covariance == nil ? .automatic : .covariance))
        let residuals =
            asksEpochs
            ? EpochResiduals(
                recording.epochs.map { rank.projection.apply(channels.corrected($0).columns(window.samples)) },
                trials: recording.averages ?? 1) : nil
        noise = try AverageNoise(
            source: settings.noise, covariance: covariance, epochs: residuals, window: measured, baseline: baseline,
            matching: matching, projection: projection, forward: forward,
            averages: settings.averages ?? Self.averages(of: recording, window, &checks),
            baselineAverages: settings.averages ?? Self.fewest(recording, window.baseline), level: settings.noiseLevel,
            seeksBand: settings.seeksBand, parallelism: parallelism,
            checks: &checks)
        if noise.temporal.band < 1 {
            checks.ok(
                "band",
                Message(
                    String(
                        printf: "0 to %.0f Hz: faster, the window is as the noise before it",
                        noise.temporal.band * recording.samplingFrequency / 2)))
        }
        let whitener = noise.whitener
        let lost = rank.blocks.reduce(0) { $0 + $1.rank } - whitener.rank
        if lost > 0 {
            checks.look(
                "rank", "\(lost) directions drown in the rounding of channels that are far louder than the others",
                "mark loud channels bad")
        }
        if baseline.columns == 0 { Self.tellOffset(whitener.matrix * measured, &checks) }
        UnitPlausibility(
            matching: matching, forward: forward, covariance: covariance, measured: measured, baseline: baseline,
            averages: noise.averages, shared: shared
        ).compare(&checks)
        let gain = (shared ?? SharedPreparation(keepsGain: false)).gain(
            whitener, forward: forward, rows: matching.inForward, orientation: orientation, depth: settings.depth,
            parallelism: parallelism)
        if gain.unseenCount > 0 {
            checks.look("sources", "\(gain.unseenCount) sources are seen by no sensor and stay out")
        }
        do {
            problem = try RegressionProblem(
                design: gain.matrix, response: whitener.matrix * measured,
                blocks: BlockStructure(count: forward.sources.count, size: gain.width))
        } catch {
            throw InputError("problem", found: "\(error)")
        }
        replicates =
            keepsEpochs && recording.epochs.count > 1
            ? Replicates(
                recording.epochs.map { epoch in
                    whitener.matrix * channels.corrected(epoch).columns(window.samples)
                }) : nil
        sensors = matching.sensors
        self.times = window.times
        samplingFrequency = recording.samplingFrequency
        columnWeights = gain.columnWeights
        axes = gain.axes
        forwardRows = matching.inForward
        var report = PreparationReport(
            channels: matching.sensors.countByKind, rank: whitener.rank, baselineDeviation: noise.baselineDeviation,
            noiseDeviation: noise.variance.squareRoot(), noiseSource: noise.source, averages: noise.averages)
        report.epochs = recording.epochs.count
        report.rankSource = rank.text
        report.checks = checks.checks
        self.report = report
        warnings = checks.warnings
    }

    /// How many trials the window averages: the fewest where that varies; nil when unknown.
    private static func averages(
        of recording: Recording, _ window: AnalysisWindow, _ checks: inout Checklist
    ) -> Double? {
        guard let all = recording.acquisition.averagesBySample, let least = fewest(recording, window.samples) else {
            return recording.trialCount
        }
        let most = (window.samples.map { all[$0] }.filter { $0 > 0 }.max() ?? least) * Double(recording.epochs.count)
        if least < most {
            checks.look(
                "averages",
                "the window averages \(AverageNoise.text(least)) to \(AverageNoise.text(most)) trials: the fewest count",
                "choose a window in which they are the same with \(.window), or give the number with \(.averages)")
        }
        return least
    }

    /// The fewest trials that some samples average, where that varies.
    private static func fewest(_ recording: Recording, _ samples: [Int]) -> Double? {
        guard let all = recording.acquisition.averagesBySample, all.count == recording.sampleCount else { return nil }
        return samples.map { all[$0] }.filter { $0 > 0 }.min().map { $0 * Double(recording.epochs.count) }
    }

    /// Throws for a setting out of its range.
    static func check(_ settings: PreparationSettings) throws(InputError) {
        guard settings.depth >= 0, settings.depth <= 1 else {
            throw InputError(.depth, found: "\(settings.depth)", expected: "a number from 0 (none) to 1")
        }
        if let averages = settings.averages, !(averages > 0 && averages <= Recording.mostAverages) {
            throw InputError(.averages, found: "\(averages)", expected: "a positive number, up to 1e9")
        }
    }

    /// Tells where most of the whitened data is the same at all times: without a baseline an offset looks like that.
    private static func tellOffset(_ white: Matrix, _ checks: inout Checklist) {
        guard white.columns >= 15, white.squaredNorm > 0 else { return }
        let part = white.rowMeans.reduce(0) { $0 + $1 * $1 } * Double(white.columns) / white.squaredNorm
        guard part > 0.7 else { return }
        checks.look(
            "baseline",
            Message(
                String(printf: "%.0f %% of the data's power is the same at all times, as an offset is", 100 * part)),
            "there is no baseline to correct it by: crop the recording less, or correct it before")
    }

    /// What the recording is of, and what the readers of the inputs had to decide.
    private static func tell(
        _ recording: Recording, _ forward: Forward, _ covariance: NoiseCovariance?, _ checks: inout Checklist
    ) {
        let count = recording.epochs.count
        checks.ok(
            "condition",
            Message(
                [
                    recording.condition.isEmpty ? "" : "'\(recording.condition)'",
                    count > 1 ? "\(count) epochs" : "an average",
                ]
                .filter { !$0.isEmpty }.joined(separator: ", ")))
        for note in recording.acquisition.notes { checks.look("recording", note) }
        // What is said of a file that holds both is said once.
        for note in covariance?.acquisition.notes ?? [] where !recording.acquisition.notes.contains(note) {
            checks.look("covariance", note)
        }
        for note in forward.acquisition.notes { checks.look("forward", note) }
    }
}
