/// A noise covariance estimated from the recording before time 0, for want of a better one.
///
/// Ledoit–Wolf shrinkage (Ledoit & Wolf 2004) toward a multiple of the identity, after scaling by sensor kind. What the
/// target adds to directions that projectors removed, the whitener removes again.
struct BaselineCovariance {
    /// Covariance of the average, sensors × sensors, SI units.
    let matrix: Matrix
    /// Weight of the shrinkage target, 0…1.
    let shrinkage: Double
    /// Samples it was estimated from.
    let samples: Int
    /// Variance, after whitening with four fifths of the baseline, of the other fifth: what σ² to expect of data that
    /// the covariance has not seen. Mean over the five choices.
    let heldOutVariance: Double

    /// Samples below which no covariance is estimated.
    static let fewestSamples = 10

    /// Estimates a covariance.
    ///
    /// - Parameter baseline: sensors × samples before time 0, projected.
    /// - Throws: ``InputError`` when there are too few samples or they are constant.
    /// - Complexity: O(sensors²·samples).
    init(_ baseline: Matrix, sensors: Sensors, projection: Projection) throws(InputError) {
        guard baseline.columns >= Self.fewestSamples else {
            throw InputError(
                "recording", found: "\(baseline.columns) samples before time 0",
                expected: "at least \(Self.fewestSamples) to estimate the noise from",
                advice: "give a noise covariance with --covariance")
        }
        let whole = try Self.shrunk(baseline, sensors)
        matrix = whole.matrix
        shrinkage = whole.shrinkage
        samples = baseline.columns
        var squares = 0.0
        var entries = 0
        for k in 0..<5 {
            let held = (k * baseline.columns / 5)..<((k + 1) * baseline.columns / 5)
            let rest = (0..<baseline.columns).filter { !held.contains($0) }
            let training = baseline.columns(rest)
            let whitener = try Whitener(
                covariance: Self.shrunk(training, sensors).matrix, sensors: sensors, projection: projection)
            let mean = training.rowMeans
            var test = baseline.columns(held)
            for j in 0..<test.columns {
                for i in 0..<test.rows { test[i, j] -= mean[i] }
            }
            squares += (whitener.matrix * test).squaredNorm
            entries += whitener.rank * held.count
        }
        heldOutVariance = squares / Double(max(1, entries))
    }

    private static func shrunk(
        _ samples: Matrix, _ sensors: Sensors
    ) throws(InputError) -> (matrix: Matrix, shrinkage: Double) {
        let (p, count) = (samples.rows, samples.columns)
        let mean = samples.rowMeans
        var centred = samples
        for j in 0..<count {
            for i in 0..<p { centred[i, j] -= mean[i] }
        }
        let raw = Matrix.product(centred, transposed: false, centred, transposed: true) * (1 / Double(count))
        // Subtracting the mean of a constant leaves rounding, which is no noise.
        guard (0..<p).contains(where: { raw[$0, $0] > 1e-20 * mean[$0] * mean[$0] && raw[$0, $0] > 0 }) else {
            throw InputError(
                "recording", found: "a constant signal before time 0",
                expected: "noise to estimate the covariance from",
                advice: "give a noise covariance with --covariance")
        }
        let scales = Whitener.scales(raw, sensors)
        let scaled = Matrix(rows: p, columns: p) { scales[$0] * raw[$0, $1] * scales[$1] }
        let mu = (0..<p).reduce(0) { $0 + scaled[$1, $1] } / Double(p)
        // d² = ‖S − μI‖², b² = mean over samples of ‖xxᵀ − S‖² / count; both a sensor's share.
        var distance = scaled.squaredNorm
        distance -= Double(p) * mu * mu
        var spread = 0.0
        for j in 0..<count {
            var length = 0.0
            for i in 0..<p {
                let value = scales[i] * centred[i, j]
                length += value * value
            }
            spread += length * length
        }
        spread = (spread / Double(count) - scaled.squaredNorm) / Double(count)
        let shrinkage = distance > 0 ? min(1, max(0, spread / distance)) : 1
        // Neighbouring samples of filtered data are not independent and the formula takes them to be; a floor keeps
        // the estimate invertible.
        let weight = max(shrinkage, count > p ? 1e-3 : 0.01)
        let matrix = Matrix(rows: p, columns: p) { row, column in
            let value = (1 - weight) * scaled[row, column] + (row == column ? weight * mu : 0)
            return value / (scales[row] * scales[column])
        }
        return (matrix, weight)
    }
}

extension Matrix {
    /// The mean of each row.
    var rowMeans: [Double] {
        var means = [Double](repeating: 0, count: rows)
        for j in 0..<columns {
            for i in 0..<rows { means[i] += self[i, j] / Double(columns) }
        }
        return means
    }
}
