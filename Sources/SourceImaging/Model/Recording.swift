/// Sensor data over time: an average, or single epochs of one condition.
public struct Recording: Sendable {
    /// Sensors × samples each, V, T or T/m by kind of sensor; one matrix for an average, more for epochs.
    public let epochs: [Matrix]
    /// Hz.
    public let samplingFrequency: Double
    /// Time of the first sample, s; 0 is the event.
    public let firstTime: Double
    /// How many trials each matrix of `epochs` is the average of, by the noise that is left: positive, whole or not (the
    /// difference of two averages of n trials counts as n/2). Nil where nothing says it.
    public let averages: Double?
    /// Name of the condition; may be empty.
    public let condition: String
    /// Whether the projectors are already applied to the data. A localization applies them in any case: over the
    /// channels it uses, to data, gain and covariance alike.
    public let isProjected: Bool
    /// Rows of the data.
    public let sensors: Sensors
    /// Directions to be removed, k × sensors; k may be 0.
    public let projectors: Matrix
    /// How the numbers came about, as far as the file says it.
    public var acquisition = Acquisition()

    /// A recording from its parts.
    ///
    /// Values may be NaN or infinite: what is used of them must not be, which a localization checks. Units are not checked
    /// here; see ``plausibilityWarnings()``.
    ///
    /// - Parameters:
    ///   - epochs: channels × samples each, all of one shape, V, T or T/m by kind of sensor; at least one.
    ///   - samplingFrequency: Hz, positive.
    ///   - firstTime: of the first sample, s from the event.
    ///   - averages: trials that each of `epochs` averages, positive, up to 1e9; nil when unknown.
    ///   - condition: name; may be empty.
    ///   - isProjected: whether the projectors are already applied.
    ///   - sensors: one a row.
    ///   - projectors: k × channels, of any length; nil for none.
    /// - Throws: ``InputError`` when shapes disagree, there is no sample, projectors hold NaN or infinity, or the sampling
    ///   frequency, first time or number of averages make no sense.
    public init(
        epochs: [Matrix], samplingFrequency: Double, firstTime: Double, averages: Double? = 1, condition: String = "",
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
        if let averages, !(averages > 0 && averages <= Self.mostAverages) {
            throw InputError(
                "averages", found: "\(averages)", expected: "the number of trials averaged, above 0 and up to 1e9",
                advice: "correct it, or leave it out where nobody knows it")
        }
        for data in epochs {
            guard data.rows == sensors.count, data.columns == first.columns else {
                throw InputError(
                    "data", found: "\(data.rows) × \(data.columns)",
                    expected: "\(sensors.count) × \(first.columns) (channels × samples)")
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

    /// No recording averages more trials than this.
    static let mostAverages = 1e9

    /// Number of samples in time.
    public var sampleCount: Int { epochs[0].columns }

    /// Time of a sample, s.
    public func time(_ sample: Int) -> Double { firstTime + Double(sample) / samplingFrequency }

    /// From the first to the last sample, s.
    public var span: ClosedRange<Double> { firstTime...time(sampleCount - 1) }

    /// The mean over epochs, sensors × samples.
    public var average: Matrix {
        guard epochs.count > 1 else { return epochs[0] }
        return epochs.dropFirst().reduce(epochs[0], +) * (1 / Double(epochs.count))
    }

    /// How many trials ``average`` averages over, by the noise that is left; nil when unknown.
    public var trialCount: Double? { averages.map { $0 * Double(epochs.count) } }

    /// Several conditions as one: single epochs side by side, or the mean of averages weighted by their trials.
    ///
    /// - Parameter parts: recordings of the same sensors and times; at least one.
    /// - Throws: ``InputError`` when they differ in either, averages are mixed with epochs, or a weight is unknown.
    public static func union(of parts: [Recording]) throws(InputError) -> Recording {
        guard let first = parts.first else {
            throw InputError(.condition, found: "no condition", expected: "at least one")
        }
        guard parts.count > 1 else { return first }
        let name = parts.map(\.condition).joined(separator: " + ")
        for part in parts {
            // Positions may be NaN, which equals nothing; those of one recording are the same.
            guard part.sensors.names == first.sensors.names, part.sensors.kinds == first.sensors.kinds,
                part.sensors.compensations == first.sensors.compensations, part.sampleCount == first.sampleCount,
                part.samplingFrequency == first.samplingFrequency,
                abs(part.firstTime - first.firstTime) < 0.1 / first.samplingFrequency
            else {
                throw InputError(
                    .condition, found: "'\(first.condition)' and '\(part.condition)' with other channels or times",
                    expected: "conditions of one recording")
            }
        }
        // Single epochs count alike, one by one; averages by what they average.
        let areEpochs = parts.allSatisfy { $0.averages == 1 }
        var weights: [Double] = []
        for part in parts where !areEpochs {
            guard part.epochs.count == 1, let weight = part.averages else {
                throw InputError(
                    .condition,
                    found: "'\(part.condition)', which is no average or does not say of how many trials",
                    expected: "averages with their numbers of trials, to weigh them by",
                    advice: "choose one condition")
            }
            weights.append(weight)
        }
        let total = weights.reduce(0, +)
        let epochs =
            areEpochs
            ? parts.flatMap(\.epochs)
            : [
                zip(parts, weights).dropFirst().reduce(first.epochs[0] * (weights[0] / total)) {
                    $0 + $1.0.epochs[0] * ($1.1 / total)
                }
            ]
        var whole = try Recording(
            epochs: epochs, samplingFrequency: first.samplingFrequency, firstTime: first.firstTime,
            averages: areEpochs ? 1 : total, condition: name, isProjected: first.isProjected, sensors: first.sensors,
            projectors: first.projectors)
        whole.acquisition = first.acquisition
        // Weighted by their numbers as a whole.
        whole.acquisition.averagesBySample = nil
        for note in parts.dropFirst().flatMap(\.acquisition.notes) where !whole.acquisition.notes.contains(note) {
            whole.acquisition.notes.append(note)
        }
        return whole
    }
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
