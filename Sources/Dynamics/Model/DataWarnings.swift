import Glibc
import LinearAlgebra

extension DynamicsWarning {
    /// What can be said before any model is fitted.
    ///
    /// - Complexity: O(samples · variables²).
    static func of(_ trajectories: Trajectories, _ recording: RecordingFacts) -> [DynamicsWarning] {
        var warnings: [DynamicsWarning] = [.predictiveOnly]
        if recording.isAverage { warnings.append(.average) }
        if recording.isFiltered { warnings.append(.filtered) }
        // An interval that was read from a table is rounded.
        if 1 / trajectories.interval > 255 { warnings.append(.fastSampling(rate: 1 / trajectories.interval)) }
        if let ratio = recording.signalToNoise, ratio <= 5, trajectories.sampleCount < 5000 {
            warnings.append(.noisy(signalToNoise: ratio, samples: trajectories.sampleCount))
        }
        if let distance = recording.smallestDistance, distance < 0.02 {
            warnings.append(.nearSources(distance: distance))
        }
        return warnings + collinear(trajectories) + nonstationary(trajectories)
    }

    /// Pairs of variables whose correlation is above 0.95.
    private static func collinear(_ trajectories: Trajectories) -> [DynamicsWarning] {
        let (standardized, _) = trajectories.standardized()
        let moments = LagMoments(standardized, lags: 0)
        let products = moments.products * (1 / Double(moments.count))
        return correlated(products, above: 0.95).map {
            .nearlyCollinear(first: $0.first, second: $0.second, correlation: $0.correlation)
        }
    }

    /// Pairs of variables whose covariance is large.
    static func correlated(
        _ covariance: Matrix, above limit: Double
    ) -> [(first: Int, second: Int, correlation: Double)] {
        var found: [(first: Int, second: Int, correlation: Double)] = []
        for second in 0..<covariance.rows {
            for first in 0..<second {
                let scale = (covariance[first, first] * covariance[second, second]).squareRoot()
                let correlation = covariance[first, second] / scale
                if abs(correlation) > limit { found.append((first, second, correlation)) }
            }
        }
        return found
    }

    /// Variables whose mean square over the second half of the epochs is more than half, or less than two thirds, of that over
    /// the first, by more than epochs differ by chance: four standard errors of the difference.
    private static func nonstationary(_ trajectories: Trajectories) -> [DynamicsWarning] {
        let epochs = trajectories.epochs
        guard epochs.count >= 8 else { return [] }
        return (0..<trajectories.variableCount).compactMap { variable in
            let center = trajectories.moments(of: variable).mean
            let squares = epochs.map { epoch in
                (0..<epoch.columns).reduce(0) { $0 + (epoch[variable, $1] - center) * (epoch[variable, $1] - center) }
                    / Double(epoch.columns)
            }
            let (first, second) = (squares.prefix(epochs.count / 2), squares.suffix(epochs.count / 2))
            func mean(_ values: ArraySlice<Double>) -> Double { values.reduce(0, +) / Double(values.count) }
            func error(_ values: ArraySlice<Double>) -> Double {
                let center = mean(values)
                return values.reduce(0) { $0 + ($1 - center) * ($1 - center) }
                    / Double(values.count * (values.count - 1))
            }
            let (a, b) = (mean(first), mean(second))
            let ratio = b / a
            guard ratio > 1.5 || ratio < 1 / 1.5, abs(b - a) > 4 * (error(first) + error(second)).squareRoot() else {
                return nil
            }
            return .nonstationary(variable: variable, ratio: ratio)
        }
    }
}
