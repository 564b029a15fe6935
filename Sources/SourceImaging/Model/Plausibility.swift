import Foundation

/// What values of real recordings, forwards and covariances look like. A value outside is possible but more often a
/// wrong unit; it is a warning, never an error.
///
/// Typical orders of magnitude: spontaneous EEG 10–100 µV, evoked fields 0.1–1 pT, gradients 1–50 pT/m
/// (Hämäläinen et al. 1993); a dipole of 10 nA·m gives about 100 fT at a magnetometer and 1 µV at the scalp. The bounds
/// leave at least a factor of ten to every real file that was seen.
public enum Plausibility {
    /// Median absolute value of a recording's channels of one kind, V, T or T/m.
    static func amplitude(_ kind: SensorKind) -> ClosedRange<Double> {
        switch kind {
        case .mag: 1e-16...1e-9
        case .grad: 1e-15...1e-7
        case .eeg: 1e-9...1e-3
        }
    }

    /// Median norm of the gain's columns at one sensor, V/(A·m), T/(A·m) or T/m/(A·m): root mean square over channels.
    static func gain(_ kind: SensorKind) -> ClosedRange<Double> {
        switch kind {
        case .mag: 1e-8...1e-4
        case .grad: 1e-8...1e-2
        case .eeg: 1...1e5
        }
    }

    /// Median noise standard deviation of one epoch's samples, V, T or T/m.
    static func noiseDeviation(_ kind: SensorKind) -> ClosedRange<Double> {
        switch kind {
        case .mag: 1e-16...1e-9
        case .grad: 1e-15...1e-7
        case .eeg: 1e-9...1e-3
        }
    }

    /// Largest distance of a source from the origin of its frame, m.
    static let headRadius = 0.01...0.2

    /// A sentence when a typical value of one kind of channel lies outside what is seen in practice.
    static func warning(
        _ what: String, _ kind: SensorKind, _ value: Double, _ range: ClosedRange<Double>, unit: String
    ) -> String? {
        guard value > 0, !range.contains(value) else { return nil }
        let size = value > range.upperBound ? "large" : "small"
        let bounds = String(format: "%.0e to %.0e", range.lowerBound, range.upperBound)
        var line = "the \(what) of \(kind.plural) is unusually \(size): "
        line += String(format: "%.3g", value) + " \(unit) in the median, where \(bounds) is usual"
        if kind == .eeg, unit == "V", value > range.upperBound {
            line += " (are the values in µV instead of V?)"
        } else if unit == "T" || unit == "T/m", value > range.upperBound {
            line += " (are the values in fT instead of T?)"
        } else {
            line += "; check the unit"
        }
        return line
    }

    /// The middle of a list; 0 for none.
    static func median(_ values: [Double]) -> Double {
        guard !values.isEmpty else { return 0 }
        let sorted = values.sorted()
        return sorted[sorted.count / 2]
    }

    /// A few names, and how many more.
    static func list(_ names: [String]) -> String {
        names.prefix(5).joined(separator: ", ") + (names.count > 5 ? " and \(names.count - 5) more" : "")
    }
}

extension Recording {
    /// What looks wrong with the values, in plain English, one line each; empty when nothing does.
    ///
    /// Bad channels are left out.
    /// - Complexity: O(values · log(samples)).
    public func plausibilityWarnings() -> [String] {
        var warnings: [String] = []
        let data = average
        var typical: [SensorKind: [Double]] = [:]
        var flat: [String] = []
        for i in 0..<sensors.count where !sensors.bad[i] {
            let row = data.row(i)
            if row.allSatisfy({ $0 == row[0] }), row.count > 1 {
                flat.append(sensors.names[i])
            } else {
                typical[sensors.kinds[i], default: []].append(Plausibility.median(row.map(abs)))
            }
        }
        for kind in SensorKind.allCases {
            guard let values = typical[kind] else { continue }
            let range = Plausibility.amplitude(kind)
            let median = Plausibility.median(values)
            if let line = Plausibility.warning("amplitude", kind, median, range, unit: kind.unit) {
                warnings.append(line)
            }
        }
        if flat.count == sensors.bad.count(where: { !$0 }) {
            warnings.append("every channel is flat: the recording holds no signal")
        } else if !flat.isEmpty {
            warnings.append("flat channels, not marked bad: \(Plausibility.list(flat))")
        }
        if sensors.bad.allSatisfy({ $0 }) { warnings.append("every channel is marked bad") }
        return warnings
    }
}

extension Forward {
    /// What looks wrong with the values, in plain English, one line each; empty when nothing does.
    ///
    /// Bad channels are left out.
    /// - Complexity: O(gain).
    public func plausibilityWarnings() -> [String] {
        var warnings: [String] = []
        var squares: [SensorKind: [Double]] = [:]
        var counts: [SensorKind: Int] = [:]
        for (kind, isBad) in zip(sensors.kinds, sensors.bad) where !isBad { counts[kind, default: 0] += 1 }
        for kind in counts.keys { squares[kind] = [Double](repeating: 0, count: gain.columns) }
        var rowMaxima = [Double](repeating: 0, count: gain.rows)
        var zeroSources = Set<Int>()
        for j in 0..<gain.columns {
            var columnIsZero = true
            for i in 0..<gain.rows {
                let value = gain[i, j]
                if !sensors.bad[i] { squares[sensors.kinds[i]]?[j] += value * value }
                rowMaxima[i] = max(rowMaxima[i], abs(value))
                if value != 0 { columnIsZero = false }
            }
            if columnIsZero { zeroSources.insert(j / orientations) }
        }
        for kind in SensorKind.allCases {
            guard let count = counts[kind], let sums = squares[kind] else { continue }
            let typical = Plausibility.median(sums.filter { $0 > 0 }.map { ($0 / Double(count)).squareRoot() })
            let unit = "\(kind.unit)/(A·m)"
            if let line = Plausibility.warning("gain", kind, typical, Plausibility.gain(kind), unit: unit) {
                warnings.append(line)
            }
        }
        let deaf = sensors.names.indices.filter { rowMaxima[$0] == 0 && !sensors.bad[$0] }.map { sensors.names[$0] }
        if !deaf.isEmpty {
            warnings.append("channels with a gain of zero for every source: \(Plausibility.list(deaf))")
        }
        if !zeroSources.isEmpty {
            warnings.append(
                "\(zeroSources.count) of \(sources.count) sources have a gain of zero along an axis and cannot be seen in full"
            )
        }
        let radius = sources.positions.map { ($0 * $0).sum().squareRoot() }.max() ?? 0
        if !Plausibility.headRadius.contains(radius) {
            warnings.append(
                String(format: "the outermost source lies %.3g m from the origin", radius)
                    + ", where 0.05 to 0.15 is usual; check that positions are in metres")
        }
        return warnings
    }
}

extension NoiseCovariance {
    /// What looks wrong with the values, in plain English, one line each; empty when nothing does.
    ///
    /// Bad channels are left out.
    /// - Complexity: O(sensors²).
    public func plausibilityWarnings() -> [String] {
        var warnings: [String] = []
        var deviations: [SensorKind: [Double]] = [:]
        var silent: [String] = []
        for i in 0..<sensors.count where !sensors.bad[i] {
            let variance = matrix[i, i]
            if variance > 0 {
                deviations[sensors.kinds[i], default: []].append(variance.squareRoot())
            } else {
                silent.append(sensors.names[i])
            }
        }
        for kind in SensorKind.allCases {
            guard let values = deviations[kind] else { continue }
            let range = Plausibility.noiseDeviation(kind)
            let median = Plausibility.median(values)
            if let line = Plausibility.warning("noise deviation", kind, median, range, unit: kind.unit) {
                warnings.append(line)
            }
        }
        if !silent.isEmpty {
            warnings.append("channels without noise (variance 0), not marked bad: \(Plausibility.list(silent))")
        }
        var tight: [String] = []
        for i in 0..<sensors.count {
            for j in 0..<i {
                let limit = (matrix[i, i] * matrix[j, j]).squareRoot()
                if abs(matrix[i, j]) > limit * (1 + 1e-6) { tight.append("\(sensors.names[j])–\(sensors.names[i])") }
            }
        }
        if !tight.isEmpty {
            warnings.append("channels correlated by more than 1, so this is no covariance: \(Plausibility.list(tight))")
        }
        if samples > 0, samples < 2 * sensors.count {
            warnings.append(
                "the covariance of \(sensors.count) channels was estimated from only \(samples) samples; expect a poor whitening"
            )
        }
        return warnings
    }
}
