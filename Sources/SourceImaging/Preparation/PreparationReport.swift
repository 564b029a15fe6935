/// What was found about the data while the problem was prepared.
public struct PreparationReport: Sendable, Equatable {
    /// Channels used, by kind.
    public let channels: [SensorKind: Int]
    /// Rank of the whitened data: independent directions left after projectors and null space.
    public let rank: Int
    /// Standard deviation of the whitened data before time 0, 1 when the covariance is right; nil without baseline.
    /// Where the covariance was estimated from that baseline: of parts of it that the estimate has not seen.
    public let baselineDeviation: Double?
    /// Standard deviation of the whitened noise that the selection assumed.
    public let noiseDeviation: Double
    /// Where the noise covariance came from, in plain English.
    public let noiseSource: String
    /// Trials in the average, by which the covariance was divided; whole or not, nil when unknown and not needed.
    public let averages: Double?
    /// Matrices over which the recording was averaged: single epochs, 1 for an average; nil when a file does not say.
    public var epochs: Int?
    /// The rank of each block of sensors and who says it, in plain English; empty when a file does not say.
    public var rankSource = ""
    /// What was looked at before anything was computed, in that order; empty when a file does not say.
    public var checks: [HealthCheck] = []

    /// A report as a file of results gives it; a preparation writes its own.
    public init(
        channels: [SensorKind: Int], rank: Int, baselineDeviation: Double?, noiseDeviation: Double, noiseSource: String,
        averages: Double?
    ) {
        self.channels = channels
        self.rank = rank
        self.baselineDeviation = baselineDeviation
        self.noiseDeviation = noiseDeviation
        self.noiseSource = noiseSource
        self.averages = averages
    }
}
