/// How well an estimate found the sources that were simulated.
///
/// Found and true sources are paired one to one, never further apart than a radius: as many pairs as possible, and among
/// all ways to make that many the one with the smallest sum of distances (Kuhn 1955, Munkres 1957).
public struct Comparison: Sendable, Equatable, Codable {
    /// A true source and the found source that stands for it.
    public struct Match: Sendable, Equatable, Codable {
        /// Number of the true source, from 0, in the order of the truth.
        public let trueSource: Int
        /// Number of the found source, from 0, in the order of the estimate.
        public let foundSource: Int
        /// Where the true source is, mm.
        public let truePosition: SIMD3<Double>
        /// Where the found source is, mm.
        public let foundPosition: SIMD3<Double>
        /// Distance between the two, mm.
        public let error: Double
        /// Pearson correlation of the two waveforms at the estimate's times, −1…1, the found dipole projected on the
        /// true direction; nil when one of them is constant or the estimate does not give the directions it needs.
        public let correlation: Double?

        private enum CodingKeys: String, CodingKey {
            case trueSource = "true_source"
            case foundSource = "found_source"
            case truePosition = "true_position_mm"
            case foundPosition = "found_position_mm"
            case error = "error_mm"
            case correlation = "waveform_correlation"
        }
    }

    /// A source without partner.
    public struct Unmatched: Sendable, Equatable, Codable {
        /// Its number, from 0: in the truth for a missed source, in the estimate for a false one.
        public let source: Int
        /// Where it is, mm.
        public let position: SIMD3<Double>
        /// Distance to the nearest source of the other side, paired or not, mm; nil when there is none.
        public let nearest: Double?

        private enum CodingKeys: String, CodingKey {
            case source
            case position = "position_mm"
            case nearest = "nearest_mm"
        }
    }

    /// Largest distance at which a true source counts as found, mm.
    public let radius: Double
    /// Pairs, in the order of the truth.
    public let matches: [Match]
    /// True sources that were not found, in the order of the truth.
    public let missedSources: [Unmatched]
    /// Found sources that are not true, in the order of the estimate.
    public let falseSources: [Unmatched]
    /// Number of true sources that were found.
    public let foundCount: Int
    /// Number of true sources that were not found.
    public let missedCount: Int
    /// Number of found sources that are not true.
    public let falseCount: Int
    /// Mean localization error of the pairs, mm; nil without pairs.
    public let meanError: Double?
    /// Median localization error of the pairs, mm; nil without pairs.
    public let medianError: Double?
    /// Largest localization error of the pairs, mm; nil without pairs.
    public let maximumError: Double?
    /// Part of the found sources that are true; nil when nothing was found.
    public let precision: Double?
    /// Part of the true sources that were found; nil when there are none.
    public let recall: Double?
    /// Harmonic mean of precision and recall, 2·pairs/(found + true); nil when nothing was found and nothing is true.
    public let f1: Double?
    /// Mean correlation of waveforms over the pairs that have one; nil when none has.
    public let meanCorrelation: Double?
    /// How far amplitude has to move to turn one side's sources into the other's, mm: the root mean square over amplitude of
    /// the shortest ways (``SourceMap/distance(to:reach:)``), of the largest magnitudes at the estimate's times. What would
    /// have to move farther than ``reach``, and what one side alone has, counts as that. Unlike the errors of pairs it has no
    /// threshold, and weak sources count little. Nil when neither side has sources.
    public let transportDistance: Double?
    /// As how far amplitude counts that has no counterpart, mm.
    public let reach: Double

    private enum CodingKeys: String, CodingKey {
        case radius = "radius_mm"
        case matches
        case missedSources = "missed_sources"
        case falseSources = "false_sources"
        case foundCount = "found"
        case missedCount = "missed"
        case falseCount = "false"
        case meanError = "mean_error_mm"
        case medianError = "median_error_mm"
        case maximumError = "max_error_mm"
        case precision
        case recall
        case f1
        case meanCorrelation = "mean_waveform_correlation"
        case transportDistance = "transport_distance_mm"
        case reach = "transport_reach_mm"
    }

    /// Compares an estimate with the truth.
    ///
    /// - Parameters:
    ///   - radius: largest distance at which a true source counts as found, m.
    ///   - reach: as how far amplitude counts that has no counterpart, m.
    /// - Throws: ``InputError`` as ``init(found:times:frame:truth:radius:reach:)``.
    public init(
        _ estimate: Estimate, truth: Truth, radius: Double = 0.015, reach: Double = 0.030
    ) throws(InputError) {
        try self.init(
            found: estimate.sources, times: estimate.times, frame: estimate.frame, truth: truth, radius: radius,
            reach: reach)
    }

    /// Compares found sources with the truth.
    ///
    /// - Parameters:
    ///   - found: the found sources.
    ///   - times: time of each sample of their amplitudes, s, ascending.
    ///   - frame: frame of their positions and axes.
    ///   - truth: the true sources.
    ///   - radius: largest distance at which a true source counts as found, m.
    ///   - reach: as how far amplitude counts that has no counterpart, m.
    /// - Throws: ``InputError`` when the frames differ, the radius or the reach is not positive, a position is not in metres, times
    ///   or waveforms do not fit together, or there are sources on both sides but no common times.
    /// - Complexity: O(s²·l) for s sources on the side with fewer and l on the other.
    public init(
        found: [EstimatedSource], times: [Double], frame: CoordinateFrame, truth: Truth, radius: Double = 0.015,
        reach: Double = 0.030
    ) throws(InputError) {
        try Self.check(radius: radius, reach: reach, frames: frame, truth.frame)
        try Self.check(truth)
        try Self.check(found, times)
        if !found.isEmpty, !truth.sources.isEmpty {
            try Self.checkOverlap(times, truth.times)
        }

        let distances = truth.sources.map { t in
            found.map { $0.position.distance(to: t.position) }
        }
        let partners = Assignment.mostPairs(distances, within: radius)
        matches = partners.enumerated().compactMap { (t, partner) in
            partner.map { f in
                Match(
                    trueSource: t, foundSource: f, truePosition: truth.sources[t].position * 1000,
                    foundPosition: found[f].position * 1000, error: distances[t][f] * 1000,
                    correlation: Self.correlation(found[f], times, truth.sources[t], truth.times))
            }
        }
        missedSources = partners.indices.filter { partners[$0] == nil }.map { t in
            Unmatched(
                source: t, position: truth.sources[t].position * 1000, nearest: distances[t].min().map { $0 * 1000 })
        }
        let taken = Set(partners.compactMap(\.self))
        falseSources = found.indices.filter { !taken.contains($0) }.map { f in
            Unmatched(
                source: f, position: found[f].position * 1000,
                nearest: distances.map { $0[f] }.min().map { $0 * 1000 })
        }
        self.radius = radius * 1000
        foundCount = matches.count
        missedCount = missedSources.count
        falseCount = falseSources.count

        func mean(_ values: [Double]) -> Double? {
            values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
        }
        let errors = matches.map(\.error).sorted()
        meanError = mean(errors)
        medianError = errors.isEmpty ? nil : (errors[(errors.count - 1) / 2] + errors[errors.count / 2]) / 2
        maximumError = errors.last
        func part(_ count: Int, of whole: Int) -> Double? { whole > 0 ? Double(count) / Double(whole) : nil }
        precision = part(matches.count, of: found.count)
        recall = part(matches.count, of: truth.sources.count)
        f1 = part(2 * matches.count, of: found.count + truth.sources.count)
        meanCorrelation = mean(matches.compactMap(\.correlation))
        self.reach = reach * 1000
        transportDistance = SourceMap.distance(SourceMap(found), SourceMap(truth, during: times), reach: reach).map {
            $0 * 1000
        }
    }
}
