import Glibc

/// How noise is correlated in time: one autoregression for all channels, by Yule and Walker from their pooled autocovariance,
/// its order by the Bayesian information criterion.
///
/// Samples of slow noise say much the same; see ``TemporalBasis`` for what follows.
struct TemporalNoise: Sendable {
    /// a_1 … a_p: the noise at sample t is Σ a_k · (that at t − k) and something new.
    let coefficients: [Double]

    /// White noise.
    static let white = TemporalNoise(coefficients: [])

    private static let highestOrder = 12
    /// Samples below which noise is taken as white.
    static let fewestSamples = 60
    /// Channels say much the same of the time course: no more than so many are counted.
    private static let independentChannels = 10.0
    /// White noise that is added, over the variance: filters leave frequencies without noise, which no whitening may raise.
    private static let floor = 0.01

    private init(coefficients: [Double]) { self.coefficients = coefficients }

    /// Estimates the autoregression of one stretch of noise, channels × samples.
    init(_ baseline: Matrix) { self.init([baseline]) }

    /// Estimates the autoregression.
    ///
    /// - Parameter stretches: of noise, channels × samples each; each channel counts alike, whatever its unit.
    /// - Complexity: O(channels · samples · 12).
    init(_ stretches: [Matrix]) {
        let (rows, count) = (stretches.first?.rows ?? 0, stretches.reduce(0) { $0 + $1.columns })
        guard count >= Self.fewestSamples else {
            self = .white
            return
        }
        var autocovariance = [Double](repeating: 0, count: Self.highestOrder + 1)
        for i in 0..<rows {
            let courses = stretches.map { $0.row(i) }
            let mean = courses.reduce(0) { $0 + $1.reduce(0, +) } / Double(count)
            let centred = courses.map { $0.map { $0 - mean } }
            let power = centred.reduce(0) { $0 + $1.reduce(0) { $0 + $1 * $1 } }
            // A constant less its mean leaves rounding.
            guard power > 1e-20 * Double(count) * mean * mean, power > 0 else { continue }
            for lag in autocovariance.indices {
                var sum = 0.0
                for course in centred {
                    for t in min(lag, course.count)..<course.count { sum += course[t] * course[t - lag] }
                }
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
        var best = (criterion: 0.0, coefficients: [Double]())
        for order in 1...Self.highestOrder {
            let new =
                (r[order] - zip(current.indices, current).reduce(0) { $0 + $1.1 * r[order - 1 - $1.0] }) / variance
            current = current.enumerated().map { $0.element - new * current[current.count - 1 - $0.offset] } + [new]
            variance *= 1 - new * new
            guard variance > 0 else { break }
            let criterion = weight * log(variance) + Double(order) * log(weight)
            if criterion < best.criterion { best = (criterion, current) }
        }
        self.init(coefficients: best.coefficients)
    }

    /// Whether samples are independent.
    var isWhite: Bool { coefficients.isEmpty }

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

    /// The correlations of as many successive samples.
    func correlation(_ count: Int) -> Matrix {
        let correlations = autocorrelations(count)
        return Matrix(rows: count, columns: count) { correlations[abs($0 - $1)] }
    }
}
