/// What one recording says of a few places: their whitened fields, the whitened data, and how the noise is correlated in
/// time. A prepared problem, which holds a whole gain, can be let go once this is made of it.
public struct PlaceRecording: Sendable {
    /// Time of each sample, s.
    public let times: [Double]
    /// Number of places.
    public var count: Int { widths.count }
    /// Columns of each place: 1, 3 where dipoles may turn, 0 where the place is not seen.
    let widths: [Int]
    /// Whitened field of a dipole of 1 A·m along each axis of each place, rank × Σ widths.
    let fields: Matrix
    /// The part that orientation and depth let each column have, A·m: what a coefficient of one stands for.
    let priors: [Double]
    /// Unit vectors of the columns of each place; nil where a fixed forward has no normals.
    let axes: [[SIMD3<Double>]?]
    /// The whitened data, rank × samples.
    let response: Matrix
    /// Variance of the whitened noise.
    let noiseVariance: Double
    /// How the whitened noise before time 0 is correlated in time; white where there are too few samples to tell.
    let noise: TemporalNoise
    /// Whether there are samples enough before time 0 to tell ``noise``.
    public let knowsNoiseInTime: Bool

    /// Takes some places of a prepared recording.
    ///
    /// - Parameters:
    ///   - prepared: the recording.
    ///   - candidates: the source of the forward that stands for each place; nil where the subject has none.
    /// - Throws: ``InputError`` for a source that the forward does not have.
    /// - Complexity: O(rank · (channels · samples + places)); the baseline is whitened, too.
    public init(_ prepared: PreparedProblem, candidates: [Int?]) throws(InputError) {
        let blocks = prepared.problem.blocks
        var (columns, widths): ([Int], [Int]) = ([], [])
        var axes: [[SIMD3<Double>]?] = []
        for candidate in candidates {
            if let candidate, !(0..<blocks.count).contains(candidate) {
                throw InputError(
                    at: .input(.forward), found: "no source \(candidate)", expected: "one of \(blocks.count)",
                    advice: "use the forward that the sources were found with")
            }
            let own = candidate.map { Array(blocks.columns(of: $0)) } ?? []
            // What no sensor sees has a weight of zero.
            let seen = own.filter { prepared.columnWeights[$0] > 0 }.count == own.count ? own : []
            columns += seen
            widths.append(seen.count)
            axes.append(seen.isEmpty ? nil : candidate.flatMap { prepared.axes?[$0] })
        }
        let priors = columns.map { prepared.columnWeights[$0] }
        var fields = prepared.problem.design.columns(columns)
        for (k, prior) in priors.enumerated() {
            for i in 0..<fields.rows { fields[i, k] /= prior }
        }
        let whitener = prepared.noise.whitener.matrix
        let baseline = whitener * prepared.baseline
        self.init(
            times: prepared.times, widths: widths, fields: fields, priors: priors, axes: axes,
            response: whitener * prepared.measured, noiseVariance: prepared.noiseVariance,
            noise: TemporalNoise(baseline), knowsNoiseInTime: baseline.columns >= TemporalNoise.fewestSamples)
    }

    init(
        times: [Double], widths: [Int], fields: Matrix, priors: [Double], axes: [[SIMD3<Double>]?], response: Matrix,
        noiseVariance: Double, noise: TemporalNoise, knowsNoiseInTime: Bool
    ) {
        self.times = times
        self.widths = widths
        self.fields = fields
        self.priors = priors
        self.axes = axes
        self.response = response
        self.noiseVariance = noiseVariance
        self.noise = noise
        self.knowsNoiseInTime = knowsNoiseInTime
    }

    /// A recording that is whitened already: one column a place, errors that are independent in time.
    ///
    /// - Parameters:
    ///   - times: of the samples, s.
    ///   - fields: rank × places, of 1 A·m each.
    ///   - response: rank × samples.
    ///   - noiseVariance: of the whitened noise.
    package init(times: [Double], fields: Matrix, response: Matrix, noiseVariance: Double) {
        self.init(
            times: times, widths: [Int](repeating: 1, count: fields.columns), fields: fields,
            priors: [Double](repeating: 1, count: fields.columns),
            axes: [[SIMD3<Double>]?](repeating: nil, count: fields.columns),
            response: response, noiseVariance: noiseVariance, noise: .white, knowsNoiseInTime: true)
    }

    /// The same places seen in other data, of as many rows.
    func with(response: Matrix, noiseVariance: Double) -> PlaceRecording {
        PlaceRecording(
            times: times, widths: widths, fields: fields, priors: priors, axes: axes, response: response,
            noiseVariance: noiseVariance, noise: noise, knowsNoiseInTime: knowsNoiseInTime)
    }

    /// First column of each place, and the number of columns.
    var offsets: [Int] { widths.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1) } }

    /// The whitened field of 1 A·m along a direction of each place, rank × places; a place without one has zeros.
    ///
    /// - Parameter directions: along the axes of the place, as many numbers as it has columns; nil leaves it out.
    func fields(along directions: [[Double]?]) -> Matrix {
        var result = Matrix(rows: fields.rows, columns: count)
        let offsets = offsets
        for (place, direction) in directions.enumerated() where widths[place] > 0 {
            guard let direction else { continue }
            for (k, part) in direction.enumerated() {
                for i in 0..<fields.rows { result[i, place] += part * fields[i, offsets[place] + k] }
            }
        }
        return result
    }

    /// The moments of all columns over time, Σ widths × samples, A·m, drawn toward what orientation and depth expect:
    /// argmin ‖Y − FM‖²/σ² + ‖M/priors‖²/τ², τ² by the power of the data.
    ///
    /// Without it a direction that no sensor sees well, as radial ones are for magnetometers, would be the dominant one by
    /// its noise alone. Where data are far above noise nothing is drawn.
    func moments() throws(LinearAlgebraError) -> Matrix {
        let scaled = Matrix(rows: fields.rows, columns: fields.columns) { fields[$0, $1] * priors[$1] }
        var gram = Matrix.product(scaled, transposed: true, scaled)
        let trace = (0..<gram.rows).reduce(0) { $0 + gram[$1, $1] }
        guard trace > 0 else { return Matrix(rows: fields.columns, columns: response.columns) }
        // The power that the places explain beyond noise, by the fields' own power: E‖Fᵀy‖²/tr FᵀF is τ²·(about) tr FᵀF + σ².
        let samples = Double(max(1, response.columns))
        let correlation = Matrix.product(scaled, transposed: true, response)
        let gramSquared = gram.squaredNorm
        let excess = max(correlation.squaredNorm / samples - noiseVariance * trace, 0) / gramSquared
        // At the least what one column of mean field needs to be seen at all.
        let variance = max(excess, noiseVariance * Double(gram.rows) / trace)
        let ridge = noiseVariance / variance
        for k in 0..<gram.rows { gram[k, k] += max(ridge, 1e-12 * trace) }
        var moments = try Cholesky(gram).solve(correlation)
        for k in 0..<moments.rows {
            for t in 0..<moments.columns { moments[k, t] *= priors[k] }
        }
        return moments
    }
}
