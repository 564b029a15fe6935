/// A covariance that was given, but was estimated from fewer samples than it takes.
///
/// What few samples happen not to hold looks as if there were no noise; taken at its word, such a covariance makes tens of
/// sources of noise. It is shrunk toward white noise of the sensors by how few they are, electrodes and other sensors apart
/// (oracle-approximating shrinkage: Chen, Wiesel, Eldar & Hero 2010).
enum FewSamples {
    /// Samples a channel from which on a covariance is taken as it is.
    static let enough = 3

    /// Whether a covariance was made of a baseline itself, shrunk or not: but for a factor, its entries off the diagonal are
    /// those of the samples' own covariance, within every kind of sensor. What it has seen cannot judge it.
    ///
    /// - Parameters:
    ///   - covariance: sensors × sensors, SI units.
    ///   - baseline: sensors × samples; fewer than two are no answer.
    ///   - sensors: their channels.
    /// - Complexity: O(sensors²·samples).
    static func isMade(_ covariance: Matrix, of baseline: Matrix, sensors: Sensors) -> Bool {
        guard baseline.columns > 1 else { return false }
        return [baseline, baseline.subtracting(baseline.rowMeans)].contains { samples in
            let own = Matrix.product(samples, transposed: false, samples, transposed: true)
            let kinds = Set(sensors.kinds).map { kind in sensors.kinds.indices.filter { sensors.kinds[$0] == kind } }
                .filter { $0.count > 2 }
            return !kinds.isEmpty
                && kinds.allSatisfy { rows in
                    // Values in units of the deviations of the channels, so that no loud one decides.
                    let scales = rows.map { own[$0, $0] > 0 ? 1 / own[$0, $0].squareRoot() : 0 }
                    var (both, first, second) = (0.0, 0.0, 0.0)
                    for (j, column) in rows.enumerated() {
                        for (i, row) in rows.enumerated() where i < j {
                            let (a, b) = (
                                covariance[row, column] * scales[i] * scales[j],
                                own[row, column] * scales[i] * scales[j]
                            )
                            both += a * b
                            first += a * a
                            second += b * b
                        }
                    }
                    return both > 0 && both * both > 0.9999 * first * second
                }
        }
    }

    /// The covariance, shrunk, and by how much at most; unchanged where samples are enough, or not known.
    ///
    /// - Parameters:
    ///   - covariance: sensors × sensors, SI units.
    ///   - samples: how many it was estimated from; 0 when unknown.
    ///   - sensors: its channels.
    /// - Complexity: O(sensors²).
    static func regularized(
        _ covariance: Matrix, samples: Int, sensors: Sensors
    ) -> (matrix: Matrix, shrinkage: Double) {
        guard samples > 0, samples < enough * sensors.count else { return (covariance, 0) }
        let scales = Whitener.scales(covariance, sensors)
        var (result, most) = (covariance, 0.0)
        for isElectrode in [false, true] {
            // A channel without variance keeps none.
            let rows = sensors.kinds.indices.filter {
                (sensors.kinds[$0] == .eeg) == isElectrode && covariance[$0, $0] > 0
            }
            let (p, n) = (Double(rows.count), Double(samples))
            guard rows.count > 1 else { continue }
            var (trace, squares) = (0.0, 0.0)
            for i in rows {
                trace += covariance[i, i] * scales[i] * scales[i]
                for j in rows {
                    let value = covariance[i, j] * scales[i] * scales[j]
                    squares += value * value
                }
            }
            let spread = squares - trace * trace / p
            guard spread > 0, spread.isFinite else { continue }
            let part = min(1, ((1 - 2 / p) * squares + trace * trace) / ((n + 1 - 2 / p) * spread))
            most = max(most, part)
            for i in rows {
                for j in rows { result[i, j] *= 1 - part }
                result[i, i] += part * trace / p / (scales[i] * scales[i])
            }
        }
        return (result, most)
    }
}
