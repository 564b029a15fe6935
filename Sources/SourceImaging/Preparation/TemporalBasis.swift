import Glibc

/// What the time courses of a window and of the noise before it are reduced to before sources are sought: their slowest
/// cosines, whitened.
///
/// A response fills a band; beyond it there is but noise, most of all that of the sensors, which is white. In the band the
/// noise of the brain outweighs it, lies in few directions and can be whitened away: a covariance of the band and data of
/// the band tell far weaker sources than those of all frequencies. Samples of slow noise say much the same; whitened in
/// time, too, they are as many independent ones as they look like.
struct TemporalBasis: Sendable {
    /// The part of the cosines that is kept, 0…1: the highest frequency over half the sampling frequency.
    let band: Double
    /// How the noise is correlated in time.
    let noise: TemporalNoise
    /// Makes the reduced noise vary by one, where a channel of it does.
    private let scale: Double

    /// All there is, as it is.
    static let identity = TemporalBasis(band: 1, noise: .white, scale: 1)

    /// Cosines below which there is no band.
    private static let fewest = 6
    /// Standard deviations by which what lies beyond the band may exceed noise.
    private static let doubt = 3.0
    /// Noise that filters left of a frequency is no less than this part of the mean.
    private static let floor = 0.01

    private init(band: Double, noise: TemporalNoise, scale: Double) {
        self.band = band
        self.noise = noise
        self.scale = scale
    }

    /// The basis that tells a window from noise.
    ///
    /// The band ends where the power of all that lies beyond exceeds that of the baseline by no more than chance.
    ///
    /// - Parameters:
    ///   - window: channels × samples.
    ///   - baseline: channels × samples of noise; each channel counts alike, whatever its unit. Little of it tells nothing:
    ///     then all is kept.
    ///   - noise: how it is correlated in time.
    /// - Complexity: O(channels · (samples of both) · samples of the window).
    init(_ window: Matrix, beside baseline: Matrix, noise: TemporalNoise) {
        let scales = (0..<baseline.rows).map { i -> Double in
            let course = baseline.row(i)
            let power = course.reduce(0) { $0 + $1 * $1 }
            return power > 0 ? (Double(course.count) / power).squareRoot() : 0
        }
        func alike(_ matrix: Matrix) -> Matrix {
            Matrix(rows: matrix.rows, columns: matrix.columns) { scales[$0] * matrix[$0, $1] }
        }
        let quiet = alike(baseline)
        let band = Self.band(alike(window), beside: quiet)
        let plain = TemporalBasis(band: band, noise: noise, scale: 1)
        self = plain.scaled(by: quiet, window.columns)
    }

    /// The same with noise of one, by a baseline of channels alike.
    private func scaled(by baseline: Matrix, _ length: Int) -> TemporalBasis {
        guard !isIdentity, baseline.columns >= TemporalNoise.fewestSamples else { return self }
        let length = min(baseline.columns, max(length, 1))
        let reducer = matrix(length)
        let reduced = Self.pieces(baseline, length).map { $0 * reducer }
        let power = reduced.reduce(0) { $0 + $1.squaredNorm }
        let channels = (0..<baseline.rows).count { i in (0..<baseline.columns).contains { baseline[i, $0] != 0 } }
        guard power > 0 else { return self }
        return TemporalBasis(
            band: band, noise: noise,
            scale: (Double(channels * reduced.count * reducer.columns) / power).squareRoot())
    }

    /// Whether nothing is reduced.
    var isIdentity: Bool { band >= 1 && noise.isWhite }

    /// What remains of as many samples.
    func count(_ length: Int) -> Int { min(length, max(1, Int((band * Double(length)).rounded()))) }

    /// What courses of as many samples are multiplied by, samples × ``count(_:)``: cosines Q, whitened by the correlations C
    /// of the noise, Q(QᵀCQ)^(−1/2).
    ///
    /// - Complexity: O(length²·count).
    func matrix(_ length: Int) -> Matrix {
        if isIdentity { return .identity(length) }
        let cosines = Self.cosines(length, count(length))
        if noise.isWhite { return cosines * scale }
        let own = Matrix.product(cosines, transposed: true, noise.correlation(length) * cosines)
        guard let eigen = try? SymmetricEigen(own) else { return cosines * scale }
        let roots = Matrix(rows: own.rows, columns: own.rows) {
            eigen.vectors[$0, $1] * scale / max(eigen.values[$1], 1e-6).squareRoot()
        }
        return cosines * Matrix.product(roots, transposed: false, eigen.vectors, transposed: true)
    }

    /// The slowest of the orthonormal cosines over some samples (DCT-II), length × count.
    private static func cosines(_ length: Int, _ count: Int) -> Matrix {
        Matrix(rows: length, columns: count) { t, k in
            ((k == 0 ? 1 : 2) / Double(length)).squareRoot()
                * cos(.pi * (Double(t) + 0.5) * Double(k) / Double(length))
        }
    }

    /// Stretches of a length, one after the other; where more than half of one is left, another that ends where the samples do.
    private static func pieces(_ samples: Matrix, _ length: Int) -> [Matrix] {
        let count = samples.columns / length
        var starts = (0..<count).map { $0 * length }
        if samples.columns - count * length > length / 2 { starts.append(samples.columns - length) }
        return starts.map { samples.columns($0..<($0 + length)) }
    }

    /// The band of a window, see ``init(_:beside:noise:)``; channels alike.
    private static func band(_ window: Matrix, beside baseline: Matrix) -> Double {
        let length = min(window.columns, baseline.columns)
        guard length > fewest, baseline.columns >= TemporalNoise.fewestSamples else { return 1 }
        let cosines = cosines(length, length)
        let (quiet, loud) = (
            pieces(baseline, length).map { $0 * cosines }, pieces(window, length).map { $0 * cosines }
        )
        func powers(_ pieces: [Matrix]) -> [Double] {
            (0..<length).map { k in
                pieces.reduce(0) { sum, piece in sum + (0..<piece.rows).reduce(0) { $0 + piece[$1, k] * piece[$1, k] } }
                    / Double(pieces.count)
            }
        }
        let (own, other) = (powers(quiet), powers(loud))
        let least = floor * own.reduce(0, +) / Double(length)
        guard least > 0 else { return 1 }
        var (kept, excess, variance) = (length, 0.0, 0.0)
        for k in (fewest..<length).reversed() {
            excess += (other[k] - own[k]) / (own[k] + least)
            let channels = independentChannels(quiet, max(0, k - 2)..<min(length, k + 3), own)
            variance += 2 / channels * (1 / Double(quiet.count) + 1 / Double(loud.count))
            if excess > doubt * variance.squareRoot() { break }
            kept = k
        }
        return Double(kept) / Double(length)
    }

    /// How many channels tell as much as those of some cosines, were they independent: (tr C)²/tr C² of their covariance C,
    /// without the bias of few samples.
    private static func independentChannels(_ pieces: [Matrix], _ cosines: Range<Int>, _ powers: [Double]) -> Double {
        let samples = pieces.flatMap { piece in
            cosines.filter { powers[$0] > 0 }.map { k in
                let factor = 1 / powers[k].squareRoot()
                return piece.column(k).map { factor * $0 }
            }
        }
        guard samples.count > 1 else { return 1 }
        let columns = Matrix(rows: samples[0].count, columns: samples.count, elements: samples.flatMap { $0 })
        let products = Matrix.product(columns, transposed: true, columns)
        let trace = (0..<samples.count).reduce(0) { $0 + products[$1, $1] }
        let squares = products.squaredNorm - (0..<samples.count).reduce(0) { $0 + products[$1, $1] * products[$1, $1] }
        let mean = trace / Double(samples.count)
        let concentration = squares / Double(samples.count * (samples.count - 1)) / (mean * mean)
        return min(Double(samples[0].count), max(1, 1 / max(concentration, 1e-12)))
    }
}
