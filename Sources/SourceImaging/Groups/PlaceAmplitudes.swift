import Glibc

/// One amplitude a subject, condition, session and place, with the error covariance over places: the rows of a model of
/// mixed effects whose first level is known.
public struct PlaceAmplitudes: Sendable {
    /// Over which times amplitudes are averaged.
    public enum Averaging: Sendable, Equatable {
        /// From one time to another, s; nil: the whole window of each recording.
        case window(ClosedRange<Double>?)
        /// About the latency of each place, at which all subjects and conditions pooled stand out most, as far to either
        /// side, s.
        case peak(halfWidth: Double)
    }

    /// One recording, fitted.
    public struct Recording: Sendable {
        /// Whom it is of.
        public let subject: String
        /// In which condition; may be empty.
        public let condition: String
        /// In which session; may be empty.
        public let session: String
        /// Its amplitudes over time.
        public let fit: PlaceFit

        /// A fit with its names.
        public init(subject: String, condition: String, session: String = "", fit: PlaceFit) {
            self.subject = subject
            self.condition = condition
            self.session = session
            self.fit = fit
        }
    }

    /// The amplitudes of one recording.
    public struct Row: Sendable, Equatable {
        /// Whom it is of.
        public let subject: String
        /// In which condition; may be empty.
        public let condition: String
        /// In which session; may be empty.
        public let session: String
        /// A place each, A·m; NaN where the subject has none there.
        public internal(set) var amplitudes: [Double]
        /// Of the errors, (A·m)², places × places; NaN where the subject has none there.
        public internal(set) var covariance: Matrix
    }

    /// By subject, then session, then condition.
    public let rows: [Row]
    /// The latency of each place, s; nil where amplitudes are means over a window.
    public let latencies: [Double?]
    /// What the user should know, one line each.
    public let warnings: [String]

    /// Averages over time, and gives each subject's place one sign.
    ///
    /// A subject's amplitudes at a place are positive where the source points as it does in all its conditions and sessions
    /// pooled, weighted by precision. Of errors that pooled mean is independent, given precision, from every difference of
    /// conditions: signs make no effect of a condition. The mean itself they make positive: that it is not zero is not tested.
    /// Neither does a latency that is taken where all conditions pooled are strongest.
    ///
    /// - Parameters:
    ///   - recordings: in any order, one a subject, condition and session, with as many places each.
    ///   - averaging: over which times.
    /// - Throws: ``InputError`` where recordings have different places, two are of the same condition and session of a
    ///   subject, or none has samples in the window.
    /// - Complexity: O(recordings · samples · places²).
    public init(_ recordings: [Recording], averaging: Averaging) throws(InputError) {
        let recordings = recordings.sorted {
            ($0.subject, $0.session, $0.condition) < ($1.subject, $1.session, $1.condition)
        }
        try Self.check(recordings, averaging)
        let places = recordings.first?.fit.courses.rows ?? 0
        let subjects = Self.runs(recordings.map(\.subject))
        var latencies = [Double?](repeating: nil, count: places)
        if case .peak = averaging { latencies = try Self.latencies(recordings, subjects) }
        var rows: [Row] = []
        for recording in recordings {
            let weights = try (0..<places).map { place throws(InputError) in
                try Self.weights(recording, averaging, latency: latencies[place])
            }
            let means = recording.fit.means(weights)
            rows.append(
                Row(
                    subject: recording.subject, condition: recording.condition, session: recording.session,
                    amplitudes: means.amplitudes, covariance: means.covariance))
        }
        for subject in subjects {
            for place in 0..<places where Self.pooled(rows[subject], place) < 0 {
                for k in subject { rows[k].flip(place) }
            }
        }
        self.rows = rows
        self.latencies = latencies
        let untold = recordings.count { !$0.fit.knowsNoiseInTime }
        warnings =
            untold == 0
            ? []
            : [
                "\(untold) of \(recordings.count) recordings have fewer than \(TemporalNoise.fewestSamples) samples before "
                    + "time 0: their noise counts as white in time, and their amplitudes as more exact than they are "
                    + "if it is slow"
            ]
    }

    private static func check(_ recordings: [Recording], _ averaging: Averaging) throws(InputError) {
        guard let first = recordings.first else {
            throw InputError("group", found: "no recordings", expected: "at least one")
        }
        for (last, next) in zip(recordings, recordings.dropFirst())
        where (last.subject, last.session, last.condition) == (next.subject, next.session, next.condition) {
            throw InputError(
                "group", found: "two recordings of \(next.subject) \(next.session) \(next.condition)",
                expected: "one a subject, session and condition", advice: "leave one out, or name them apart")
        }
        guard recordings.allSatisfy({ $0.fit.courses.rows == first.fit.courses.rows }) else {
            throw InputError("group", found: "recordings with different numbers of places", expected: "the same places")
        }
        if case .peak(let half) = averaging, !(half >= 0 && half.isFinite) {
            throw InputError("amplitude window", found: "\(half) s about the peak", expected: "0 or more")
        }
    }

    /// Stretches of the same name.
    private static func runs(_ names: [String]) -> [Range<Int>] {
        var starts = names.indices.filter { $0 == 0 || names[$0] != names[$0 - 1] }
        starts.append(names.count)
        return zip(starts, starts.dropFirst()).map { $0..<$1 }
    }

    /// The mean of rows at a place, weighted by precision; 0 where there is none.
    private static func pooled(_ rows: ArraySlice<Row>, _ place: Int) -> Double {
        rows.reduce(0) { sum, row in
            let value = row.amplitudes[place] / row.covariance[place, place]
            return value.isFinite ? sum + value : sum
        }
    }

    /// What each sample counts in the amplitude of a place.
    private static func weights(
        _ recording: Recording, _ averaging: Averaging, latency: Double?
    ) throws(InputError) -> [Double] {
        let times = recording.fit.times
        let samples: [Int]
        switch averaging {
        case .window(nil): samples = Array(times.indices)
        case .window(let range?): samples = times.indices.filter { range.contains(times[$0]) }
        case .peak(let half):
            let centre = latency ?? 0
            let nearest = times.indices.min { abs(times[$0] - centre) < abs(times[$1] - centre) }
            samples = times.indices.filter { abs(times[$0] - centre) <= half * (1 + 1e-9) || $0 == nearest }
        }
        guard !samples.isEmpty else {
            let span = String(printf: "%.4g to %.4g s", times.first ?? .nan, times.last ?? .nan)
            throw InputError(
                "amplitude window", found: "no sample of \(recording.subject) \(recording.condition) in the window",
                expected: "times within \(span), what was localized")
        }
        var weights = [Double](repeating: 0, count: times.count)
        for sample in samples { weights[sample] = 1 / Double(samples.count) }
        return weights
    }

    /// When each place stands out most over all subjects: the time at which Σ_subjects a²/v is largest, a being a subject's
    /// conditions pooled by precision and v the variance of that.
    ///
    /// Sought at the samples of the first recording that lie within the window of every other.
    private static func latencies(
        _ recordings: [Recording], _ subjects: [Range<Int>]
    ) throws(InputError) -> [Double?] {
        let starts = recordings.map { $0.fit.times.first ?? .infinity }.max() ?? 0
        let ends = recordings.map { $0.fit.times.last ?? -.infinity }.min() ?? 0
        let grid = recordings[0].fit.times.filter { $0 >= starts - 1e-9 && $0 <= ends + 1e-9 }
        guard !grid.isEmpty else {
            throw InputError(
                "amplitude window", found: "windows of recordings that have no time in common",
                expected: "times that all share",
                advice: "average over a window instead of about the peak")
        }
        let places = recordings[0].fit.courses.rows
        var power = Matrix(rows: places, columns: grid.count)
        for subject in subjects {
            var sum = Matrix(rows: places, columns: grid.count)
            var precision = [Double](repeating: 0, count: places)
            for recording in recordings[subject] {
                let nearest = nearest(grid, in: recording.fit.times)
                for place in 0..<places {
                    let weight = 1 / recording.fit.covariance[place, place]
                    guard weight.isFinite else { continue }
                    precision[place] += weight
                    for (t, sample) in nearest.enumerated() {
                        sum[place, t] += weight * recording.fit.courses[place, sample]
                    }
                }
            }
            for place in 0..<places where precision[place] > 0 {
                for t in grid.indices { power[place, t] += sum[place, t] * sum[place, t] / precision[place] }
            }
        }
        return (0..<places).map { place in
            grid[grid.indices.max { power[place, $0] < power[place, $1] } ?? 0]
        }
    }

    /// The sample nearest to each of some ascending times.
    private static func nearest(_ grid: [Double], in times: [Double]) -> [Int] {
        var sample = 0
        return grid.map { time in
            while sample + 1 < times.count, abs(times[sample + 1] - time) < abs(times[sample] - time) { sample += 1 }
            return sample
        }
    }
}

extension PlaceAmplitudes.Row {
    /// Turns the sign of a place.
    fileprivate mutating func flip(_ place: Int) {
        amplitudes[place] = -amplitudes[place]
        for other in amplitudes.indices where other != place {
            covariance[place, other] = -covariance[place, other]
            covariance[other, place] = -covariance[other, place]
        }
    }
}
