import Glibc
import LinearAlgebra

/// The amplitude of every source of an estimate over time, in every epoch of a recording: all sources fitted together by least
/// squares to the whitened sensors, so that none takes what another explains.
///
/// A dipole that may turn keeps one direction, the one along which its moments over all epochs are strongest.
public struct SourceCourses: Sendable {
    /// Of each epoch amplitudes, A·m: sources × samples.
    public private(set) var epochs: [Matrix]
    /// Time of each sample, s.
    public let times: [Double]
    /// Which sources of the estimate, or places, the rows are, ascending: all but those that the sensors do not see or cannot
    /// tell from another.
    public let sources: [Int]
    /// Their positions, m, in the frame of the forward.
    public let positions: [SIMD3<Double>]
    /// The power of amplitudes over that of their error, dB, over all epochs: the median over sources, −∞ where that is all
    /// error.
    public let signalToNoise: Double
    /// Whether the recording is one average of many trials.
    public let isAverage: Bool
    /// What the user should know, one line each.
    public private(set) var warnings: [String]
    /// Fewest epochs whose mean tells the evoked response from what is of each epoch alone.
    public static let fewestForEvoked = 10

    /// Fits the sources.
    ///
    /// - Parameters:
    ///   - estimate: whose sources.
    ///   - recording: of the same subject, epochs or an average.
    ///   - forward: the one that the sources were found with.
    ///   - covariance: noise of one epoch; nil estimates it before time 0.
    ///   - settings: channels, orientation, window and so on.
    ///   - parallelism: threads; no result depends on them.
    /// - Throws: ``InputError`` for an estimate without sources or of another forward, and for what cannot be prepared.
    /// - Complexity: O(epochs · rank · sources · samples), beside the preparation.
    public init(
        _ estimate: Estimate, recording: Recording, forward: Forward, covariance: NoiseCovariance?,
        settings: PreparationSettings, parallelism: Parallelism = .serial
    ) throws(InputError) {
        guard !estimate.sources.isEmpty else {
            throw InputError("estimate", found: "no source", expected: "some")
        }
        try Self.check(estimate, forward)
        let epochs = try PlaceEpochs(
            recording: recording, forward: forward, covariance: covariance, settings: settings,
            candidates: estimate.sources.map(\.index), parallelism: parallelism)
        let (fits, mergers) = try PlaceFit.fit(epochs.views)
        self.init(
            epochs, fits, merged: mergers,
            notes: mergers.map {
                "source \($0.place + 1) cannot be told from source \($0.other + 1) by the sensors: it is left out"
            })
    }

    /// Fits the same places in all recordings of a subject; each points the same way in all of them.
    ///
    /// - Parameter recordings: of one subject, with as many places each.
    /// - Returns: of each recording its courses, whose sources are places; and the places that were left out.
    /// - Throws: ``InputError`` as ``PlaceFit/fit(_:)`` does.
    /// - Complexity: O(epochs · rank · places · (places + samples)).
    public static func fit(
        _ recordings: [PlaceEpochs]
    ) throws(InputError) -> (courses: [SourceCourses], mergers: [PlaceFit.Merger]) {
        let (fits, mergers) = try PlaceFit.fit(recordings.flatMap(\.views))
        var rest = fits[...]
        let courses = recordings.map { recording in
            let own = Array(rest.prefix(recording.views.count))
            rest = rest.dropFirst(own.count)
            return SourceCourses(recording, own, merged: mergers)
        }
        return (courses, mergers)
    }

    /// The same without the evoked response, the mean over all epochs: what is the same in all of them follows the event, and
    /// passes for influence where one source answers it after another (Ding, Bressler, Yang & Liang 2000).
    ///
    /// - Parameter part: what to do; nil subtracts it where there are ``fewestForEvoked`` epochs at least, and warns where not.
    public func handlingEvoked(_ part: EvokedPart? = nil) -> SourceCourses {
        var result = self
        guard epochs.count >= Self.fewestForEvoked || part == .subtract, epochs.count > 1, part != .keep else {
            if part == nil, epochs.count > 1 {
                result.warnings.append(
                    "\(epochs.count) epochs are too few to tell the evoked response from the rest: it is still in them")
            }
            return result
        }
        let mean = epochs.dropFirst().reduce(epochs[0], +) * (1 / Double(epochs.count))
        result.epochs = epochs.map { $0 - mean }
        return result
    }

    private init(_ recording: PlaceEpochs, _ fits: [PlaceFit], merged: [PlaceFit.Merger], notes: [String] = []) {
        let kept = recording.places.indices.filter { place in
            recording.places[place] != nil && !merged.contains { $0.place == place }
        }
        epochs = fits.map { $0.courses.rows(kept) }
        times = recording.times
        sources = kept
        positions = kept.compactMap { recording.places[$0] }
        isAverage = recording.isAverage
        signalToNoise = Self.ratio(fits, kept)
        warnings = recording.warnings + notes
    }

    /// Throws where sources are not candidates of a forward.
    private static func check(_ estimate: Estimate, _ forward: Forward) throws(InputError) {
        let positions = forward.sources.positions
        for (number, source) in estimate.sources.enumerated() {
            let isThere =
                positions.indices.contains(source.index)
                && { ($0 * $0).sum() < 1e-10 }(positions[source.index] - source.position)
            guard isThere, forward.sources.frame == estimate.frame else {
                throw InputError(
                    at: .input(.forward), found: "no candidate where source \(number + 1) of the estimate is",
                    expected: "the forward that it was found with")
            }
        }
    }

    private static func ratio(_ fits: [PlaceFit], _ kept: [Int]) -> Double {
        let ratios = kept.map { source in
            let (power, error) = fits.reduce((0.0, 0.0)) { sum, fit in
                let course = fit.courses.row(source)
                return (
                    sum.0 + course.reduce(0) { $0 + $1 * $1 },
                    sum.1 + Double(course.count) * fit.covariance[source, source]
                )
            }
            return max(power - error, 0) / error
        }.sorted()
        return ratios.isEmpty ? -.infinity : 10 * log10(ratios[ratios.count / 2])
    }
}

/// What becomes of the mean over epochs where single epochs are looked at.
public enum EvokedPart: String, Sendable, CaseIterable, Codable {
    /// It is taken from each.
    case subtract
    /// It stays.
    case keep
}

/// The single epochs of one recording, whitened, and the fields of a few places. A prepared problem, which holds a whole gain,
/// can be let go once this is made of it.
public struct PlaceEpochs: Sendable {
    /// An epoch each.
    let views: [PlaceRecording]
    /// Where each place is, m; nil for one that the sensors do not see, or that the subject has not.
    let places: [SIMD3<Double>?]
    /// Time of each sample, s.
    public let times: [Double]
    let isAverage: Bool
    let warnings: [String]

    /// Prepares a recording.
    ///
    /// - Parameters:
    ///   - recording: epochs or an average.
    ///   - forward: of the same subject.
    ///   - covariance: noise of one epoch; nil estimates it before time 0.
    ///   - settings: channels, orientation, window and so on.
    ///   - candidates: the source of the forward that stands for each place; nil where the subject has none.
    ///   - parallelism: threads; no result depends on them.
    ///   - shared: what earlier recordings of the same forward left.
    /// - Throws: ``InputError`` for what cannot be prepared, and a source that the forward does not have.
    /// - Complexity: memory of epochs · rank · samples.
    public init(
        recording: Recording, forward: Forward, covariance: NoiseCovariance?, settings: PreparationSettings,
        candidates: [Int?], parallelism: Parallelism = .serial, shared: SharedPreparation? = nil
    ) throws(InputError) {
        var settings = settings
        // What differs between epochs is what is asked about here.
        if settings.noise == .automatic || settings.noise == nil && covariance == nil { settings.noise = .baseline }
        let prepared = try PreparedProblem(
            recording: recording, forward: forward, covariance: covariance, settings: settings, keepsEpochs: true,
            parallelism: parallelism, shared: shared)
        let average = try PlaceRecording(prepared, candidates: candidates)
        let whitened = prepared.replicates?.responses ?? [average.response]
        // Noise is of the average; of one epoch there is as many times as much.
        let variance = prepared.noiseVariance * Double(whitened.count)
        views = whitened.map { average.with(response: $0, noiseVariance: variance) }
        places = zip(candidates, average.widths).map { candidate, width in
            width > 0 ? candidate.map { forward.sources.positions[$0] } : nil
        }
        times = prepared.times
        isAverage = recording.epochs.count == 1 && recording.averages != 1
        warnings = prepared.warnings
    }
}
