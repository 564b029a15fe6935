import Foundation

/// Sensor data over time: an average, or single epochs of one condition.
public struct Recording: Sendable {
    /// Sensors × samples each, V, T or T/m by kind of sensor; one matrix for an average, more for epochs.
    public let epochs: [Matrix]
    /// Hz.
    public let samplingFrequency: Double
    /// Time of the first sample, s; 0 is the event.
    public let firstTime: Double
    /// How many trials each matrix of `epochs` is the average of, at least 1.
    public let averages: Int
    /// Name of the condition; may be empty.
    public let condition: String
    /// Whether the projectors are already applied to the data. A localization applies them in any case: over the
    /// channels it uses, to data, gain and covariance alike.
    public let isProjected: Bool
    /// Rows of the data.
    public let sensors: Sensors
    /// Directions to be removed, k × sensors; k may be 0.
    public let projectors: Matrix

    /// A recording from its parts.
    ///
    /// NaN and infinity in channels marked bad are set to zero: nothing reads them. Units are not checked here; see
    /// ``plausibilityWarnings()``.
    ///
    /// - Parameters:
    ///   - epochs: channels × samples each, all of one shape, V, T or T/m by kind of sensor; at least one.
    ///   - samplingFrequency: Hz, positive.
    ///   - firstTime: of the first sample, s from the event.
    ///   - averages: trials that each of `epochs` averages, 1 to 1e9.
    ///   - condition: name; may be empty.
    ///   - isProjected: whether the projectors are already applied.
    ///   - sensors: one a row.
    ///   - projectors: k × channels, of any length; nil for none.
    /// - Throws: ``InputError`` when shapes disagree, there is no sample, data or projectors hold NaN or infinity (the
    ///   channel and sample are named), or the sampling frequency, first time or number of averages make no sense.
    public init(
        epochs: [Matrix], samplingFrequency: Double, firstTime: Double, averages: Int = 1, condition: String = "",
        isProjected: Bool = false, sensors: Sensors, projectors: Matrix? = nil
    ) throws(InputError) {
        guard let first = epochs.first, first.columns > 0 else {
            throw InputError("data", found: "no samples", expected: "at least one epoch with one sample")
        }
        guard samplingFrequency.isFinite, samplingFrequency > 0 else {
            throw InputError("sampling_frequency", found: "\(samplingFrequency)", expected: "a positive number of Hz")
        }
        guard firstTime.isFinite else {
            throw InputError("first_time", found: "\(firstTime)", expected: "seconds from the event")
        }
        guard (1...1_000_000_000).contains(averages) else {
            throw InputError("averages", found: "\(averages)", expected: "the number of trials averaged, 1 to 1e9")
        }
        let epochs = epochs.map { $0.silencing(sensors.bad) }
        for (e, data) in epochs.enumerated() {
            guard data.rows == sensors.count, data.columns == first.columns else {
                throw InputError(
                    "data", found: "\(data.rows) × \(data.columns)",
                    expected: "\(sensors.count) × \(first.columns) (channels × samples)")
            }
            if let (row, column) = data.firstNonFinite {
                let time = firstTime + Double(column) / samplingFrequency
                throw InputError(
                    "data",
                    found: "\(data[row, column]) in channel '\(sensors.names[row])' at sample \(column)"
                        + String(format: " (%.4g s)", time) + (epochs.count > 1 ? ", epoch \(e)" : ""),
                    expected: "finite values", advice: "mark the channel bad or mend the recording")
            }
        }
        let projectors = projectors ?? Matrix(rows: 0, columns: sensors.count)
        try checkProjectors(projectors, sensors)
        self.epochs = epochs
        self.samplingFrequency = samplingFrequency
        self.firstTime = firstTime
        self.averages = averages
        self.condition = condition
        self.isProjected = isProjected
        self.sensors = sensors
        self.projectors = projectors
    }

    /// Number of samples in time.
    public var sampleCount: Int { epochs[0].columns }

    /// Time of a sample, s.
    public func time(_ sample: Int) -> Double { firstTime + Double(sample) / samplingFrequency }

    /// The mean over epochs, sensors × samples.
    public var average: Matrix {
        guard epochs.count > 1 else { return epochs[0] }
        return epochs.dropFirst().reduce(epochs[0], +) * (1 / Double(epochs.count))
    }

    /// How many trials ``average`` averages over.
    public var trialCount: Int { averages * epochs.count }
}

/// Throws unless projectors are k × sensors and finite.
func checkProjectors(_ projectors: Matrix, _ sensors: Sensors) throws(InputError) {
    guard projectors.rows == 0 || projectors.columns == sensors.count else {
        throw InputError(
            "projectors", found: "\(projectors.rows) × \(projectors.columns)",
            expected: "k × \(sensors.count), a column a channel")
    }
    if let (row, column) = projectors.firstNonFinite {
        throw InputError(
            "projectors", found: "\(projectors[row, column]) in projector \(row), channel '\(sensors.names[column])'",
            expected: "finite values")
    }
}
