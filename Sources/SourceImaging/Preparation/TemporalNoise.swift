import Foundation

/// How noise is correlated in time: one autoregression for all channels, by Yule and Walker from their pooled autocovariance,
/// its order by the Bayesian information criterion.
///
/// Samples of slow noise say much the same. Whitened in time they are as many independent samples as they look like, a
/// covariance from them is surer, and a source is judged by what the noise does not have.
struct TemporalNoise: Sendable {
    /// a_1 … a_p: the noise at sample t is Σ a_k · (that at t − k) and something new.
    let coefficients: [Double]
    /// Variance of what is new over that of the noise.
    let innovation: Double
    /// Samples that the estimate rests on.
    let samples: Int

    /// White noise.
    static let white = TemporalNoise(coefficients: [], innovation: 1, samples: 0)

    private static let highestOrder = 12
    /// Samples below which noise is taken as white.
    private static let fewestSamples = 60
    /// Channels say much the same of the time course: no more than so many are counted.
    private static let independentChannels = 10.0
    /// White noise that is added, over the variance: filters leave frequencies without noise, which no whitening may raise,
    /// and slow responses lie where slow noise does.
    private static let floor = 0.3

    private init(coefficients: [Double], innovation: Double, samples: Int) {
        self.coefficients = coefficients
        self.innovation = innovation
        self.samples = samples
    }

    /// Estimates the autoregression.
    ///
    /// - Parameter baseline: channels × samples of noise; each channel counts alike, whatever its unit.
    /// - Complexity: O(channels · samples · 12).
    init(_ baseline: Matrix) {
        let (rows, count) = (baseline.rows, baseline.columns)
        guard count >= Self.fewestSamples else {
            self = .white
            return
        }
        var autocovariance = [Double](repeating: 0, count: Self.highestOrder + 1)
        for i in 0..<rows {
            let course = baseline.row(i)
            let mean = course.reduce(0, +) / Double(count)
            let centred = course.map { $0 - mean }
            let power = centred.reduce(0) { $0 + $1 * $1 }
            // A constant less its mean leaves rounding.
            guard power > 1e-20 * Double(count) * mean * mean, power > 0 else { continue }
            for lag in autocovariance.indices {
                var sum = 0.0
                for t in lag..<count { sum += centred[t] * centred[t - lag] }
                autocovariance[lag] += sum / power
            }
        }
        guard autocovariance[0] > 0 else {
            self = .white
            return
        }
        let scale = autocovariance[0] * (1 + Self.floor)
        let r = autocovariance.enumerated().map { $0.offset == 0 ? 1 : $0.element / scale }
        let weight = Double(count) * min(Double(rows), Self.independentChannels)
        // Levinson and Durbin: every order from the one below.
        var (current, variance) = ([Double](), 1.0)
        var best = (criterion: 0.0, coefficients: [Double](), innovation: 1.0)
        for order in 1...Self.highestOrder {
            let new =
                (r[order] - zip(current.indices, current).reduce(0) { $0 + $1.1 * r[order - 1 - $1.0] }) / variance
            current = current.enumerated().map { $0.element - new * current[current.count - 1 - $0.offset] } + [new]
            variance *= 1 - new * new
            guard variance > 0 else { break }
            let criterion = weight * log(variance) + Double(order) * log(weight)
            if criterion < best.criterion { best = (criterion, current, variance) }
        }
        self.init(coefficients: best.coefficients, innovation: best.innovation, samples: count)
    }

    /// Whether samples are independent.
    var isWhite: Bool { coefficients.isEmpty }

    /// Independent samples that one sample is worth: 1 over the sum of squared autocorrelations.
    var independentPart: Double {
        let correlations = autocorrelations(400)
        return 1 / (2 * correlations.reduce(0) { $0 + $1 * $1 } - 1)
    }

    /// The autocorrelations at lags 0 to `count` − 1.
    private func autocorrelations(_ count: Int) -> [Double] {
        guard !isWhite, count > 0 else { return (0..<count).map { $0 == 0 ? 1 : 0 } }
        // What one new thing does later; it fades within some thousand samples at most.
        let length = count + 2000
        var response = [Double](repeating: 0, count: length)
        response[0] = 1
        for t in 1..<length {
            for (k, a) in coefficients.enumerated() where k < t { response[t] += a * response[t - 1 - k] }
        }
        let products = (0..<count).map { lag in
            (lag..<length).reduce(0) { $0 + response[$1] * response[$1 - lag] }
        }
        return products.map { $0 / products[0] }
    }

    /// Noise without its memory, of the same variance: channels × (samples − order).
    func whitened(_ samples: Matrix) -> Matrix {
        let order = coefficients.count
        guard order > 0, samples.columns > order else { return samples }
        let scale = 1 / innovation.squareRoot()
        return Matrix(rows: samples.rows, columns: samples.columns - order) { i, t in
            var value = samples[i, t + order]
            for (k, a) in coefficients.enumerated() { value -= a * samples[i, t + order - 1 - k] }
            return scale * value
        }
    }

    /// What whitens a window in time: C^(−1/2) of the correlations C of its samples, count × count.
    ///
    /// - Complexity: O(count³).
    func whitener(_ count: Int) -> Matrix {
        let correlations = autocorrelations(count)
        guard !isWhite,
            let eigen = try? SymmetricEigen(
                Matrix(rows: count, columns: count) { correlations[abs($0 - $1)] })
        else { return .identity(count) }
        let scaled = Matrix(rows: count, columns: count) {
            eigen.vectors[$0, $1] / max(eigen.values[$1], 1e-6).squareRoot()
        }
        return Matrix.product(scaled, transposed: false, eigen.vectors, transposed: true)
    }
}
