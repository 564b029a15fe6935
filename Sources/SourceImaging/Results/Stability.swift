/// What the repeats of a choice differ in.
public enum StabilityMethod: String, Sendable, CaseIterable, Codable {
    /// Epochs drawn with replacement (Efron 1979).
    case epochs
    /// A random part of the whitened sensor rows left out, a fold at a time.
    case sensors
    /// The fitted field with fresh noise of the level that the choice counts with.
    case noise
}

/// What is found when the whole choice is repeated with data that could as well have been measured.
///
/// How often each source of the estimate is found again, and how far it scatters, stands with the source:
/// ``EstimatedSource/stability``.
public struct Stability: Sendable, Equatable {
    /// What became of one source of the estimate.
    public struct Source: Sendable, Equatable {
        /// Distance to the source of each repeat that stands for it, m; nil where none lies within the radius.
        public let distances: [Double?]
        /// Peak amplitude of that source, A·m; nil where there is none.
        public let amplitudes: [Double?]

        /// A source; both lists have a value a repeat, nil in the same repeats. Nothing is checked.
        public init(distances: [Double?], amplitudes: [Double?]) {
            self.distances = distances
            self.amplitudes = amplitudes
        }

        /// Part of the repeats in which it is found, 0…1.
        public var found: Double {
            distances.isEmpty ? 0 : Double(distances.count { $0 != nil }) / Double(distances.count)
        }

        /// Root mean square of the distances, m; nil where it is never found.
        public var positionSpread: Double? { Stability.rootMeanSquare(distances.compactMap(\.self)) }

        /// Standard deviation of the peak amplitude over its mean; nil where it is found fewer than twice.
        public var amplitudeSpread: Double? {
            let values = amplitudes.compactMap(\.self)
            guard values.count > 1 else { return nil }
            let mean = values.reduce(0, +) / Double(values.count)
            let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            return mean > 0 ? (squares / Double(values.count - 1)).squareRoot() / mean : nil
        }
    }

    /// A place where repeats find a source that the estimate does not have.
    public struct Other: Sendable, Equatable {
        /// Position of the most frequent source there in the forward model, from 0.
        public let index: Int
        /// Where it is, m.
        public let position: SIMD3<Double>
        /// Part of the repeats that have a source within the radius of it that stands for none of the estimate.
        public let found: Double
        /// Root mean square distance of those sources, m.
        public let positionSpread: Double

        /// A place as repeats or a file tell it; nothing is checked.
        public init(index: Int, position: SIMD3<Double>, found: Double, positionSpread: Double) {
            self.index = index
            self.position = position
            self.found = found
            self.positionSpread = positionSpread
        }
    }

    /// What the repeats differ in.
    public let method: StabilityMethod
    /// Distance within which a source of a repeat stands for one of the estimate, m.
    public let radius: Double
    /// Where at least half of the repeats find a source that the estimate does not have, the most frequent first.
    public let others: [Other]
    /// Number of sources in each repeat.
    public let counts: [Int]
    /// λ over λ_max that each repeat chose; geometric mean where every source has a λ_j of its own.
    public let ratios: [Double]

    /// Part of the repeats from which on a source that the estimate lacks is told.
    public static let often = 0.5

    /// Number of repeats.
    public var repeats: Int { counts.count }

    /// A stability as repeats or a file tell it; `counts` and `ratios` have a value a repeat. Nothing is checked.
    public init(method: StabilityMethod, radius: Double, others: [Other], counts: [Int], ratios: [Double]) {
        self.method = method
        self.radius = radius
        self.others = others
        self.counts = counts
        self.ratios = ratios
    }

    /// One repeat's source.
    struct Found: Sendable {
        let index: Int
        let position: SIMD3<Double>
        /// Peak amplitude, A·m.
        let amplitude: Double
    }

    /// Pairs the sources of every repeat with those of the estimate, one to one (``Comparison`` does the same with a
    /// truth), and gathers what is left over.
    ///
    /// - Parameters:
    ///   - positions: of the sources of the estimate, m.
    ///   - repeats: what each repeat found, and with which λ over λ_max.
    /// - Returns: the stability, and what became of each source of the estimate, in the order of `positions`.
    /// - Complexity: O(repeats · s²·l) for s and l sources on either side, and O(u²) for u positions left over.
    static func pairing(
        method: StabilityMethod, radius: Double, positions: [SIMD3<Double>], repeats: [[Found]], ratios: [Double]
    ) -> (stability: Stability, sources: [Source]) {
        var distances = [[Double?]](
            repeating: [Double?](repeating: nil, count: repeats.count), count: positions.count)
        var amplitudes = distances
        var left: [(repetition: Int, source: Found)] = []
        for (r, found) in repeats.enumerated() {
            let table = positions.map { position in found.map { position.distance(to: $0.position) } }
            let partners = Assignment.mostPairs(table, within: radius)
            for (s, partner) in partners.enumerated() {
                guard let partner else { continue }
                distances[s][r] = table[s][partner]
                amplitudes[s][r] = found[partner].amplitude
            }
            let taken = Set(partners.compactMap(\.self))
            left += found.indices.filter { !taken.contains($0) }.map { (r, found[$0]) }
        }
        return (
            Stability(
                method: method, radius: radius, others: others(left, within: radius, repeats: repeats.count),
                counts: repeats.map(\.count), ratios: ratios),
            positions.indices.map { Source(distances: distances[$0], amplitudes: amplitudes[$0]) }
        )
    }

    static func rootMeanSquare(_ values: [Double]) -> Double? {
        values.isEmpty ? nil : (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
    }
}
