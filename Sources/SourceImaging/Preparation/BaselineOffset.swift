/// How far the mean of a baseline is from 0, all channels together.
struct BaselineOffset {
    /// Root mean square of the mean, in deviations of the noise about it.
    let deviations: Double
    /// The same in standard errors of the mean; these are measured on stretches of the baseline, since neighbouring samples
    /// of slow noise say much the same.
    let standardErrors: Double

    /// Standard errors from which an offset is no chance.
    private static let certainty = 5.0
    private static let stretches = 5
    /// Least noise that counts, of the variance of a channel; more where samples are few or alike, which show too little
    /// noise in most directions.
    private static let ridge = 0.01

    /// Whether chance cannot account for the mean.
    var isCertain: Bool { standardErrors > Self.certainty && deviations > 0.1 }

    /// The mean in words.
    var text: String {
        String(printf: "its mean is %.2g times the noise about it, %.0f standard errors", deviations, standardErrors)
    }

    /// Measures the mean in directions in which the noise is independent and of equal strength, so that an offset is seen
    /// where the noise is small.
    ///
    /// - Parameter samples: channels × samples, any units; nil where there are fewer than five, nothing varies, or the mean is
    ///   0 to rounding.
    /// - Complexity: O(channels²·(channels + samples)).
    init?(_ samples: Matrix) {
        let count = samples.columns
        guard count >= Self.stretches else { return nil }
        let means = samples.rowMeans
        let centred = samples.subtracting(means)
        let deviations = (0..<samples.rows).map { i in
            (centred.row(i).reduce(0) { $0 + $1 * $1 } / Double(count)).squareRoot()
        }
        // Subtracting the mean of a constant leaves rounding, which is no noise.
        let rows = means.indices.filter { deviations[$0] > 1e-10 * abs(means[$0]) && deviations[$0] > 0 }
        guard rows.contains(where: { abs(means[$0]) > 1e-3 * deviations[$0] }) else { return nil }
        let scaled = Matrix(rows: rows.count, columns: count) { samples[rows[$0], $1] / deviations[rows[$0]] }
        let noise = scaled.subtracting(scaled.rowMeans)
        // Means of stretches vary as much as those of so many independent samples would.
        let slowness = Self.spread(of: scaled).reduce(0, +) / Double(rows.count)
        let independent = min(Double(count), Double(Self.stretches) / max(slowness, 1e-12))
        let ridge = max(Self.ridge, Double(rows.count) / independent)
        var correlation = Matrix.product(noise, transposed: false, noise, transposed: true) * (1 / Double(count))
        for i in 0..<rows.count { correlation[i, i] += ridge }
        guard let eigen = try? SymmetricEigen(correlation) else { return nil }
        let white = Matrix.product(eigen.vectors, transposed: true, scaled)
        let offset = zip(white.rowMeans, eigen.values).reduce(0) { $0 + $1.0 * $1.0 / $1.1 }
        let error = zip(Self.spread(of: white), eigen.values).reduce(0) { $0 + $1.0 / $1.1 } / Double(Self.stretches)
        guard error > 0 else { return nil }
        self.deviations = (offset / Double(rows.count)).squareRoot()
        standardErrors = (offset / error).squareRoot()
    }

    /// The variance of the means of stretches, of each row.
    private static func spread(of samples: Matrix) -> [Double] {
        let (count, whole) = (samples.columns, samples.rowMeans)
        let parts = (0..<stretches).map { k in
            samples.columns(Array((k * count / stretches)..<((k + 1) * count / stretches))).rowMeans
        }
        return whole.indices.map { i in
            parts.reduce(0) { $0 + ($1[i] - whole[i]) * ($1[i] - whole[i]) } / Double(stretches - 1)
        }
    }
}
