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
    /// Projected data in the window, channels × samples, SI units.
    public let measured: Matrix
    /// Factor on each column of the gain, by orientation and depth: coefficients of the problem times it are amplitudes in
    /// A·m. 0 where no sensor sees the source.
    public let columnWeights: [Double]
    /// Axes of each source, one a column of its block; nil for a fixed forward without normals.
    public let axes: [[SIMD3<Double>]]?
    /// What the user should know, one line each.
    public let warnings: [String]

    let noise: AverageNoise
    let projection: Projection
    let forwardRows: [Int]
    /// Projected data before time 0, channels × samples, SI units.
    let baseline: Matrix

    /// Prepares a problem.
    ///
    /// - Parameters:
    ///   - recording: what the sensors measured; its epochs are averaged.
    ///   - forward: gain and sources.
    ///   - covariance: noise of one epoch; nil estimates the noise of the average before time 0.
    ///   - settings: channels, orientation, depth, window, noise level.
    ///   - keepsEpochs: whether the single epochs are whitened, too, for criteria and repeats that need them.
    ///   - parallelism: threads; no result depends on them.
    /// - Throws: ``InputError`` for settings outside of their range or that the forward does not allow, without a channel in
    ///   common, for a window without samples, and for a noise covariance that is none or cannot be estimated.
    /// - Complexity: O(sensors²·(sensors + columns of the gain)); memory of one gain beside the forward's.
    public init(
        recording: Recording, forward: Forward, covariance: NoiseCovariance?, settings: PreparationSettings,
        keepsEpochs: Bool = false, parallelism: Parallelism = .serial
    ) throws(InputError) {
        guard settings.depth >= 0, settings.depth <= 1 else {
            throw InputError(.depth, found: "\(settings.depth)", expected: "a number from 0 (none) to 1")
        }
        orientation = try Orientation.resolved(settings.orientation, for: forward)
        let matching = try ChannelMatching(
            recording: recording.sensors, forward: forward.sensors, covariance: covariance?.sensors,
            selection: settings.sensors)
        let window = try AnalysisWindow(settings.window, of: recording)
        let (projection, notes) = Projection.all(of: recording, covariance, matching)
        let data = projection.apply(recording.average.rows(matching.inRecording))
        baseline = data.columns(window.baseline)
        noise = try AverageNoise(
            covariance: covariance, baseline: baseline, matching: matching, projection: projection, forward: forward,
            trials: recording.trialCount ?? 1, level: settings.noiseLevel, parallelism: parallelism)
        let whitener = noise.whitener
        measured = data.columns(window.samples)
        let gain = WhitenedGain(
            whitener: whitener.matrix, forward: forward, rows: matching.inForward, orientation: orientation,
            depth: settings.depth, parallelism: parallelism)
        do {
            problem = try RegressionProblem(
                design: gain.matrix, response: whitener.matrix * measured,
                blocks: BlockStructure(count: forward.sources.count, size: gain.width))
        } catch {
            throw InputError("problem", found: "\(error)")
        }
        report = PreparationReport(
            channels: matching.sensors.countByKind, rank: whitener.rank, baselineDeviation: noise.baselineDeviation,
            noiseDeviation: noise.variance.squareRoot(), noiseSource: noise.source, averages: recording.trialCount)
        replicates =
            keepsEpochs && recording.epochs.count > 1
            ? Replicates(
                recording.epochs.map { whitener.matrix * $0.columns(window.samples).rows(matching.inRecording) })
            : nil
        sensors = matching.sensors
        times = window.times
        columnWeights = gain.columnWeights
        axes = gain.axes
        self.projection = projection
        forwardRows = matching.inForward
        let unseen =
            gain.unseenCount > 0 ? ["\(gain.unseenCount) sources are seen by no sensor and stay out"] : []
        warnings = matching.warnings + notes + noise.warnings + unseen
    }
}
