/// Amplitudes of a few places in one recording over time, by least squares on their whitened fields, with the covariance
/// of their errors.
///
/// What is estimated again at fixed places is not missing at random, as sources of a sparse estimate are, and has no bias
/// toward zero. With whitened data Y = FA + noise of variance σ², Â = (FᵀF)⁻¹FᵀY has the error covariance
/// σ²(FᵀF)⁻¹ over places at one sample: cross-talk of places that the sensors tell poorly apart, and how many trials a
/// recording averages, are all in it. Over time errors are correlated as the noise before time 0 is.
public struct PlaceFit: Sendable {
    /// Time of each sample, s.
    public let times: [Double]
    /// Amplitude over time, A·m, places × samples; NaN for a place that was left out.
    public let courses: Matrix
    /// Error covariance of the places at one sample, (A·m)², places × places; NaN for a place that was left out.
    public let covariance: Matrix
    /// How errors are correlated in time.
    let noise: TemporalNoise
    /// Whether ``noise`` could be told from samples before time 0; else errors count as white in time.
    public let knowsNoiseInTime: Bool

    /// A place that cannot be told from another in a subject.
    public struct Merger: Sendable, Equatable {
        /// The place that was left out.
        public let place: Int
        /// That of those kept whose field is most alike.
        public let other: Int
    }

    /// A place is left out whose field the fields of the places before it explain but for this part of its power: its
    /// amplitude would be seven times as uncertain as alone.
    static let leastOwnPart = 0.02

    /// Fits the recordings of one subject: all conditions, and sessions where they share their source space.
    ///
    /// Where dipoles may turn, each place points the same way in all recordings: along the largest principal axis of its
    /// moments over all of them pooled, each weighted by its precision. So does its sign: it is that of all conditions together,
    /// see ``PlaceAmplitudes``.
    ///
    /// - Parameter recordings: with as many places each.
    /// - Returns: a fit a recording, and the places that were left out since others explain their field.
    /// - Throws: ``InputError`` where recordings disagree about their places, and for fields that are not finite.
    /// - Complexity: O(recordings · rank · places · (places + samples)).
    public static func fit(
        _ recordings: [PlaceRecording]
    ) throws(InputError) -> (fits: [PlaceFit], mergers: [Merger]) {
        guard let first = recordings.first else { return ([], []) }
        let places = first.count
        guard recordings.allSatisfy({ $0.widths == first.widths }) else {
            throw InputError(
                "places", found: "recordings of a subject that see different places",
                expected: "the same sources in each", advice: "use forwards of one source space")
        }
        do throws(LinearAlgebraError) {
            let directions = try directions(recordings)
            let (kept, mergers) = distinct(recordings, directions)
            var fits: [PlaceFit] = []
            for recording in recordings {
                fits.append(try PlaceFit(recording, directions, kept: kept, places: places))
            }
            return (fits, mergers)
        } catch {
            throw InputError(
                "places", found: "fields of which \(error)", expected: "finite, independent fields",
                advice: "check the forward")
        }
    }

    private init(
        _ recording: PlaceRecording, _ directions: [[Double]?], kept: [Int], places: Int
    ) throws(LinearAlgebraError) {
        var courses = Matrix(rows: places, columns: recording.response.columns, repeating: .nan)
        var covariance = Matrix(rows: places, columns: places, repeating: .nan)
        // Fields differ in size by orders of magnitude with depth and unit: of length one they are factored.
        var fields = recording.fields(along: directions).columns(kept)
        let sizes = (0..<kept.count).map { k in fields.column(k).reduce(0) { $0 + $1 * $1 }.squareRoot() }
        for k in 0..<kept.count {
            for i in 0..<fields.rows { fields[i, k] /= sizes[k] }
        }
        let factor = try Cholesky(Matrix.product(fields, transposed: true, fields))
        let solved = factor.solve(Matrix.product(fields, transposed: true, recording.response))
        let inverse = factor.inverse()
        for (k, place) in kept.enumerated() {
            for t in 0..<solved.columns { courses[place, t] = solved[k, t] / sizes[k] }
            for (l, other) in kept.enumerated() {
                covariance[place, other] = recording.noiseVariance * inverse[k, l] / (sizes[k] * sizes[l])
            }
        }
        (times, noise, knowsNoiseInTime) = (recording.times, recording.noise, recording.knowsNoiseInTime)
        (self.courses, self.covariance) = (courses, covariance)
    }

    /// Where each place points, as parts along its axes; nil where it is not seen.
    private static func directions(_ recordings: [PlaceRecording]) throws(LinearAlgebraError) -> [[Double]?] {
        guard let first = recordings.first else { return [] }
        let offsets = first.offsets
        var directions: [[Double]?] = first.widths.map { $0 == 1 ? [1] : nil }
        guard first.widths.contains(where: { $0 > 1 }) else { return directions }
        var spreads = first.widths.map { Matrix(rows: $0, columns: $0) }
        for recording in recordings {
            let moments = try recording.moments()
            for (place, width) in first.widths.enumerated() where width > 1 {
                let columns = offsets[place]..<(offsets[place] + width)
                // A recording counts by how exact its moments are: by the power of the field over the noise.
                let power = recording.fields.columns(columns).squaredNorm / recording.noiseVariance
                let own = moments.rows(columns)
                spreads[place] = spreads[place] + Matrix.product(own, transposed: false, own, transposed: true) * power
            }
        }
        for (place, width) in first.widths.enumerated() where width > 1 {
            let eigen = try SymmetricEigen(spreads[place] * (1 / max(spreads[place].squaredNorm.squareRoot(), 1e-300)))
            directions[place] = eigen.vectors.column(width - 1)
        }
        return directions
    }

    /// The places that can be told apart in every recording, ascending, and those that cannot: a modified Gram–Schmidt in
    /// the order of places, so that of two the one of most subjects stays.
    private static func distinct(
        _ recordings: [PlaceRecording], _ directions: [[Double]?]
    ) -> (kept: [Int], mergers: [Merger]) {
        let all = recordings.map { $0.fields(along: directions) }
        var bases = all.map { _ in [[Double]]() }
        var (kept, mergers): ([Int], [Merger]) = ([], [])
        for place in directions.indices where directions[place] != nil {
            var residuals: [[Double]] = []
            var isOwn = true
            for (r, fields) in all.enumerated() {
                var rest = fields.column(place)
                let power = rest.reduce(0) { $0 + $1 * $1 }
                for basis in bases[r] {
                    let part = zip(basis, rest).reduce(0) { $0 + $1.0 * $1.1 }
                    for i in rest.indices { rest[i] -= part * basis[i] }
                }
                let own = rest.reduce(0) { $0 + $1 * $1 }
                // Written so that NaN counts as not its own.
                if !(power > 0 && own >= leastOwnPart * power) { isOwn = false }
                residuals.append(own > 0 ? rest.map { $0 / own.squareRoot() } : rest)
            }
            if isOwn {
                kept.append(place)
                for r in bases.indices { bases[r].append(residuals[r]) }
            } else if let other = kept.max(by: { likeness(place, $0, all) < likeness(place, $1, all) }) {
                mergers.append(Merger(place: place, other: other))
            }
        }
        return (kept, mergers)
    }

    /// The mean squared cosine of the fields of two places.
    private static func likeness(_ place: Int, _ other: Int, _ all: [Matrix]) -> Double {
        all.reduce(0) { sum, fields in
            let (a, b) = (fields.column(place), fields.column(other))
            let product = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
            let (first, second) = (a.reduce(0) { $0 + $1 * $1 }, b.reduce(0) { $0 + $1 * $1 })
            return sum + (first > 0 && second > 0 ? product * product / (first * second) : 0)
        }
    }

    /// Weighted means over time, and their error covariance.
    ///
    /// With weights h_p over samples and the correlation C of the noise, Λ_pq = σ²[(FᵀF)⁻¹]_pq · h_pᵀCh_q: a mean of
    /// T independent samples has 1/T of the variance of one, of slow noise as much as it deserves.
    ///
    /// - Parameter weights: one row of weights a place, each over all samples.
    /// - Complexity: O(places² · samples + places · samples²).
    func means(_ weights: [[Double]]) -> (amplitudes: [Double], covariance: Matrix) {
        let h = Matrix(rows: times.count, columns: weights.count) { weights[$1][$0] }
        let spread = Matrix.product(h, transposed: true, noise.correlation(times.count) * h)
        let amplitudes = weights.indices.map { place in
            weights[place].indices.reduce(0) { $0 + weights[place][$1] * courses[place, $1] }
        }
        return (
            amplitudes,
            Matrix(rows: weights.count, columns: weights.count) { covariance[$0, $1] * spread[$0, $1] }
        )
    }
}
