import Foundation

/// The noise of a recording's average: its covariance, given or estimated before time 0, and its level after whitening.
struct AverageNoise {
    let whitener: Whitener
    /// Where σ comes from.
    let level: NoiseLevel
    /// σ²: variance of the whitened noise.
    let variance: Double
    /// Standard deviation of the whitened baseline, see ``PreparationReport/baselineDeviation``.
    let baselineDeviation: Double?
    /// Where the covariance comes from, in plain English.
    let source: String
    /// Where it was estimated from the baseline: fifths of it, each whitened by what the rest says of the noise.
    let folds: [BaselineCovariance.Fold]
    /// What the user should know, one line each.
    let warnings: [String]

    /// Measures the noise.
    ///
    /// - Parameters:
    ///   - covariance: of one epoch; nil estimates that of the average from the baseline.
    ///   - baseline: of the average, channels × samples, SI units, projected; may have no samples where a covariance is given.
    ///   - matching: the channels.
    ///   - projection: directions removed from data and covariance.
    ///   - forward: where a covariance is estimated, what the noise of a brain looks like.
    ///   - trials: how many the average is of.
    ///   - level: where σ comes from.
    ///   - parallelism: threads; no result depends on them.
    /// - Throws: ``InputError`` for a covariance that is none, a baseline too short to estimate one from, or, where σ comes
    ///   from the baseline, one without noise.
    init(
        covariance: NoiseCovariance?, baseline: Matrix, matching: ChannelMatching, projection: Projection,
        forward: Forward, trials: Double, level: NoiseLevel, parallelism: Parallelism
    ) throws(InputError) {
        let sensors = matching.sensors
        var warnings: [String] = []
        var deviation: Double?
        var usual = 1.0
        if let covariance, let rows = matching.inCovariance {
            source = "covariance of one epoch, divided by \(trials) averages"
            if covariance.samples > 0, covariance.samples < 3 * sensors.count {
                warnings.append(
                    "the covariance was estimated from \(covariance.samples) samples for \(sensors.count) channels; "
                        + "noise is underestimated where samples are few")
            }
            whitener = try Whitener(
                covariance: covariance.matrix.rows(rows).columns(rows) * (1 / trials), sensors: sensors,
                projection: projection)
            warnings += whitener.warnings
            folds = []
            if baseline.columns > 0 {
                let whitened = whitener.matrix * baseline
                deviation = (whitened.squaredNorm / Double(whitened.elements.count)).squareRoot()
            }
            if let deviation, deviation < 0.8 || deviation > 1.25 {
                warnings.append(
                    String(format: "the whitened baseline deviates by %.2f where 1 is expected: ", deviation)
                        + "check the covariance, the number of averages (\(trials)) and the rank (\(whitener.rank))")
            }
        } else {
            let estimated = try BaselineCovariance(
                baseline, sensors: sensors, projection: projection, gain: forward.gain.rows(matching.inForward),
                parallelism: parallelism)
            // Of a covariance estimated from the baseline only the held-out level means anything.
            let heldOut = estimated.heldOutVariance.squareRoot()
            source =
                "estimated from \(estimated.samples) samples before time 0, "
                + String(
                    format: "shrunk by %.2g toward sensor noise and %.2g of brain noise, held-out deviation %.2f",
                    estimated.shrinkage, estimated.brainPart, heldOut)
            warnings.append("no noise covariance was given: \(source)")
            whitener = try Whitener(covariance: estimated.matrix, sensors: sensors, projection: projection)
            warnings += whitener.warnings
            folds = estimated.folds
            deviation = heldOut
            usual = estimated.heldOutVariance
        }
        self.level = level
        variance = try level.variance(usual, baseline: deviation)
        baselineDeviation = deviation
        self.warnings = warnings
    }
}
