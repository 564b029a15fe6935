extension Comparison {
    /// Correlation over the estimate's times that the truth covers.
    static func correlation(
        _ found: EstimatedSource, _ times: [Double], _ truth: Truth.Source, _ trueTimes: [Double]
    ) -> Double? {
        let weights: [Double]
        if let axes = found.axes {
            weights = axes.map { ($0 * truth.direction).sum() }
        } else if found.amplitudes.rows == 1 {
            weights = [1]
        } else {
            return nil
        }
        var (estimated, expected): ([Double], [Double]) = ([], [])
        for (t, time) in times.enumerated() {
            guard let value = interpolate(truth.waveform, trueTimes, at: time) else { continue }
            expected.append(value)
            estimated.append(weights.indices.reduce(0) { $0 + weights[$1] * found.amplitudes[$1, t] })
        }
        return pearson(estimated, expected)
    }

    /// A waveform between its samples, linearly; nil outside of its times.
    static func interpolate(_ waveform: [Double], _ times: [Double], at time: Double) -> Double? {
        guard let first = times.first, let last = times.last else { return nil }
        let slack = slack(times)
        guard time >= first - slack, time <= last + slack else { return nil }
        // The first sample after `time`, by bisection.
        var (low, high) = (0, times.count)
        while low < high {
            let middle = (low + high) / 2
            if times[middle] > time { high = middle } else { low = middle + 1 }
        }
        guard low > 0 else { return waveform[0] }
        guard low < times.count else { return waveform[times.count - 1] }
        let fraction = (time - times[low - 1]) / (times[low] - times[low - 1])
        return waveform[low - 1] + fraction * (waveform[low] - waveform[low - 1])
    }

    /// Pearson's correlation; nil when either is constant or there are fewer than two samples.
    static func pearson(_ a: [Double], _ b: [Double]) -> Double? {
        guard a.count == b.count, a.count >= 2 else { return nil }
        // Scaled by the largest value: moments of 1e-9 A·m squared lose nothing, but their products might.
        func centred(_ x: [Double]) -> [Double]? {
            guard let largest = x.map(abs).max(), largest > 0 else { return nil }
            let mean = x.reduce(0) { $0 + $1 / largest } / Double(x.count)
            let centred = x.map { $0 / largest - mean }
            // What rounding alone leaves of a constant is no variation.
            return centred.contains { abs($0) > 1e-12 } ? centred : nil
        }
        guard let a = centred(a), let b = centred(b) else { return nil }
        func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
        let correlation = dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
        return correlation.isFinite ? max(-1, min(1, correlation)) : nil
    }

    /// What rounding may do to a sample's time, s: a thousandth of the mean interval.
    static func slack(_ times: [Double]) -> Double {
        guard let first = times.first, let last = times.last, times.count > 1 else { return 1e-9 }
        return 1e-3 * (last - first) / Double(times.count - 1)
    }
}
