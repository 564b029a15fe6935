/// Who drives whom among the sources of an estimate, fitted again in every epoch of a recording.
public struct SourceDynamicsRequest: NamedRequest {
    /// What it is called.
    public static let function = DynamicsRequest.function

    /// What is asked about their amplitudes.
    public var dynamics = DynamicsRequest()
    /// First and last time of each epoch, s; nil: all, from time 0 on where noise is estimated before it.
    public var window: ClosedRange<Double>?
    /// When the name of a channel in one input means a channel of another.
    public var names = NameMatching.exact

    /// What becomes of the evoked response; nil: subtracted where there are epochs enough to know it.
    public var evoked: EvokedPart?

    /// The default request.
    public init() {}

    /// What it can be asked, by the names of the command's options.
    public static var options: [RequestOption<SourceDynamicsRequest>] {
        DynamicsRequest.options.map { option in
            RequestOption<SourceDynamicsRequest>(option.name, option.help) { (r, v, n) throws(InputError) in
                try option.set(&r.dynamics, v, n)
            }
        } + [
            .init(
                .window, "first and last time of each epoch, s; all unless given, without a covariance from time 0 on"
            ) { (r, v, n) throws(InputError) in r.window = try v.times(n) },
            .init(
                .evoked,
                "whether the mean over epochs is taken from each: subtract or keep; subtracted from 10 epochs on unless given"
            ) { (r, v, n) throws(InputError) in r.evoked = try v.word(n) },
            .init(.matchNames, "when names of channels mean the same: exact or loose") {
                (r, v, n) throws(InputError) in r.names = try v.word(n)
            },
        ]
    }

    /// The amplitudes of the sources, prepared as their estimate was.
    ///
    /// - Parameters:
    ///   - estimate: whose sources.
    ///   - recording: of the same subject, epochs or an average.
    ///   - forward: the one that the sources were found with.
    ///   - covariance: noise of one epoch; nil estimates it before time 0.
    ///   - monitor: progress and warnings.
    /// - Throws: ``InputError`` for settings or inputs that cannot be worked with.
    public func trajectories(
        of estimate: Estimate, recording: Recording, forward: Forward, covariance: NoiseCovariance?,
        monitor: Monitor = .silent
    ) throws(InputError) -> NamedTrajectories {
        try dynamics.check()
        if evoked == .subtract, recording.epochs.count < 2 {
            throw InputError(.evoked, found: "subtract, of one epoch", expected: "several epochs")
        }
        var settings = try PreparationSettings.of(estimate)
        settings.names = names
        // Without a covariance the noise is that before time 0.
        settings.window = window ?? (covariance == nil ? nil : recording.span)
        monitor.report(.init(stage: "sources over time", detail: ""))
        let courses = try SourceCourses(
            estimate, recording: recording, forward: forward, covariance: covariance, settings: settings,
            parallelism: dynamics.settings.parallelism
        ).handlingEvoked(evoked)
        for warning in courses.warnings { monitor.warn(warning) }
        return try NamedTrajectories(courses)
    }
}
