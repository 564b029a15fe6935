/// A covariance that was given, but was estimated from fewer samples than it takes.
///
/// What few samples happen not to hold looks as if there were no noise; taken at its word, such a covariance makes tens of
/// sources of noise. It is shrunk toward white noise of the sensors by how few they are, electrodes and other sensors apart
/// (oracle-approximating shrinkage: Chen, Wiesel, Eldar & Hero 2010).
enum FewSamples {
    /// Samples a channel from which on a covariance is taken as it is.
    static let enough = 3

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
