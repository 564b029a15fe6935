import LinearAlgebra

/// How models of trajectories are fitted. Each kind of model reads what it needs.
public struct DynamicsSettings: Sendable {
    /// Lags of autoregression; nil chooses by BIC.
    public var order: Int?
    /// The largest order to choose from.
    public var maximumOrder = 10
    /// Share of false connections among those found that is accepted on average (Benjamini & Hochberg 1995).
    public var falseDiscoveryRate = 0.05
    /// Influences below this share of the strongest are left out: with enough samples any influence is significant.
    public var smallestInfluence = 0.1
    /// Whether the group Lasso weights a source by the inverse of what least squares finds of it.
    public var isAdaptive = false
    /// Resamples of the epochs that tell how often a connection is found again; 0: none.
    public var resamples = 0
    /// Seed of everything drawn at random.
    public var seed: UInt64 = 0
    /// Order of differential equations: 1 or 2.
    public var derivativeOrder = 2
    /// Half the width of a weak form's test function, samples.
    public var halfWidth = 14
    /// Largest degree of products in a library.
    public var degree = 2
    /// Whether a library holds tanh of every variable.
    public var hasSaturation = true
    /// What is known of the recording beside its numbers.
    public var recording = RecordingFacts()
    /// Threads; no result depends on them.
    public var parallelism = Parallelism.serial
    /// Whether the caller wants to stop: what is left of the resamples is then not fitted, and the model of no use.
    public var isCancelled: @Sendable () -> Bool = { false }

    /// The settings that the measurements recommend.
    public init() {}

    /// Throws where a setting is out of its range.
    ///
    /// - Throws: ``InvalidTrajectories/setting(_:)``.
    public func check() throws(InvalidTrajectories) {
        func require(_ isMet: Bool, _ text: @autoclosure () -> String) throws(InvalidTrajectories) {
            if !isMet { throw .setting(text()) }
        }
        try require(order.map { (1...1000).contains($0) } ?? true, "the order is \(order ?? 0); expected 1 to 1000")
        try require((1...1000).contains(maximumOrder), "the largest order is \(maximumOrder); expected 1 to 1000")
        try require(
            falseDiscoveryRate > 0 && falseDiscoveryRate < 1,
            "the false discovery rate is \(falseDiscoveryRate); expected a number between 0 and 1")
        try require(
            smallestInfluence >= 0 && smallestInfluence <= 1,
            "the smallest influence is \(smallestInfluence) of the strongest; expected 0 to 1")
        try require((0...100_000).contains(resamples), "there are \(resamples) resamples; expected 0 to 100000")
        try require(
            (1...2).contains(derivativeOrder), "the order of the equations is \(derivativeOrder); expected 1 or 2")
        try require((2...100_000).contains(halfWidth), "half the width is \(halfWidth) samples; expected 2 at least")
        try require((1...5).contains(degree), "the degree is \(degree); expected 1 to 5")
    }
}

/// What is known of how trajectories were recorded; nil is unknown. Numbers alone cannot tell.
public struct RecordingFacts: Sendable, Equatable {
    /// Whether the only epoch is an average of many.
    public var isAverage = false
    /// Whether the data were filtered or resampled.
    public var isFiltered = false
    /// Ratio of the power of the signal to that of the noise, dB.
    public var signalToNoise: Double?
    /// Distance of the two nearest sources, m.
    public var smallestDistance: Double?

    /// Nothing is known.
    public init() {}
}
