/// What values of real recordings, forwards and covariances look like. A value outside is possible but more often a
/// wrong unit; it is a warning, never an error.
///
/// Typical orders of magnitude: spontaneous EEG 10–100 µV, evoked fields 0.1–1 pT, gradients 1–50 pT/m
/// (Hämäläinen et al. 1993); a dipole of 10 nA·m gives about 100 fT at a magnetometer and 1 µV at the scalp. The bounds
/// leave at least a factor of ten to every real file that was seen.
public enum Plausibility {
    /// Median absolute value of a recording's channels of one kind, and median noise standard deviation of one epoch's
    /// samples, V, T or T/m.
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

    /// Largest distance of a source from the origin of its frame, m.
    static let headRadius = 0.01...0.2

    /// A sentence for each kind of channel whose median value lies outside of what is seen in practice.
    ///
    /// - Parameters:
    ///   - what: the quantity in plain English.
    ///   - values: one a channel or column; those of a kind in its unit per `divisor`.
    ///   - range: what is usual of a kind.
    ///   - divisor: what the sensor's unit is divided by; empty for a quantity that sensors measure.
    static func warnings(
        _ what: String, _ values: [SensorKind: [Double]], _ range: (SensorKind) -> ClosedRange<Double>,
        per divisor: String = ""
    ) -> [String] {
        SensorKind.allCases.compactMap { kind in
            let (value, range) = (median(values[kind] ?? []), range(kind))
            guard value > 0, !range.contains(value) else { return nil }
            let isLarge = value > range.upperBound
            var line = "the \(what) of \(kind.plural) is unusually \(isLarge ? "large" : "small"): "
            line += String(printf: "%.3g", value) + " \(kind.unit)\(divisor) in the median, where "
            line += String(printf: "%.0e to %.0e", range.lowerBound, range.upperBound) + " is usual"
            guard isLarge, divisor.isEmpty else { return line + "; check the unit" }
            return line + " (are the values in \(kind == .eeg ? "µV instead of V" : "fT instead of T")?)"
        }
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
        let data = average
        var typical: [SensorKind: [Double]] = [:]
        var flat: [String] = []
        for i in 0..<sensors.count where !sensors.bad[i] {
            let row = data.row(i).filter(\.isFinite)
            guard !row.isEmpty else { continue }
            if row.allSatisfy({ $0 == row[0] }), row.count > 1 {
                flat.append(sensors.names[i])
            } else {
                typical[sensors.kinds[i], default: []].append(Plausibility.median(row.map(abs)))
            }
        }
        var warnings = Plausibility.warnings("amplitude", typical, Plausibility.amplitude)
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
    /// - Parameter rows: of the gain that are looked at; nil for all but bad channels.
    /// - Complexity: O(gain).
    public func plausibilityWarnings(rows: [Int]? = nil) -> [String] {
        let used = rows ?? sensors.names.indices.filter { !sensors.bad[$0] }
        let byKind = Dictionary(grouping: used) { sensors.kinds[$0] }
        // Potentials are known up to a constant: it says nothing of an electrode.
        let electrodes = byKind[.eeg] ?? []
        var norms: [SensorKind: [Double]] = [:]
        var rowMaxima = [Double](repeating: 0, count: stored.rows)
        var zeroSources = Set<Int>()
        stored.forEachColumns { gain, range in
            for j in 0..<range.count {
                let constant =
                    electrodes.count > 1 ? electrodes.reduce(0) { $0 + gain[$1, j] } / Double(electrodes.count) : 0
                for (kind, rows) in byKind {
                    var square = 0.0
                    for i in rows {
                        let value = gain[i, j] - (kind == .eeg ? constant : 0)
                        rowMaxima[i] = max(rowMaxima[i], abs(gain[i, j]))
                        square += value * value
                    }
                    if square > 0 { norms[kind, default: []].append((square / Double(rows.count)).squareRoot()) }
                }
                if used.allSatisfy({ gain[$0, j] == 0 }) { zeroSources.insert((range.lowerBound + j) / orientations) }
            }
        }
        var warnings = Plausibility.warnings("gain", norms, Plausibility.gain, per: "/(A·m)")
        var deaf = used.filter { rowMaxima[$0] == 0 }
        // One electrode of zeros is what the potentials are relative to.
        let zeros = electrodes.filter { rowMaxima[$0] == 0 }
        if zeros.count == 1, electrodes.count > 2 { deaf.removeAll { $0 == zeros[0] } }
        if !deaf.isEmpty {
            warnings.append(
                "channels with a gain of zero for every source: \(Plausibility.list(deaf.map { sensors.names[$0] }))")
        }
        if !zeroSources.isEmpty {
            warnings.append(
                "\(zeroSources.count) of \(sources.count) sources have a gain of zero along an axis and cannot be seen in full"
            )
        }
        let radius = sources.positions.map { ($0 * $0).sum().squareRoot() }.max() ?? 0
        if !Plausibility.headRadius.contains(radius) {
            warnings.append(
                String(printf: "the outermost source lies %.3g m from the origin", radius)
                    + ", where 0.05 to 0.15 is usual; check that positions are in metres")
        }
        return warnings
    }
}

extension NoiseCovariance {
    /// What looks wrong with the values, in plain English, one line each; empty when nothing does.
    ///
    /// - Parameter rows: of the covariance that are looked at; nil for all but bad channels.
    /// - Complexity: O(sensors²).
    public func plausibilityWarnings(rows: [Int]? = nil) -> [String] {
        let used = rows ?? sensors.names.indices.filter { !sensors.bad[$0] }
        var deviations: [SensorKind: [Double]] = [:]
        var silent: [String] = []
        for i in used {
            let variance = matrix[i, i]
            if variance > 0 {
                deviations[sensors.kinds[i], default: []].append(variance.squareRoot())
            } else {
                silent.append(sensors.names[i])
            }
        }
        var warnings = Plausibility.warnings("noise deviation", deviations, Plausibility.amplitude)
        // A localization looks for them itself, since a reference electrode is one, too.
        if rows == nil, !silent.isEmpty {
            warnings.append("channels without noise (variance 0), not marked bad: \(Plausibility.list(silent))")
        }
        var tight: [String] = []
        for i in used {
            for j in used where j < i {
                let limit = (matrix[i, i] * matrix[j, j]).squareRoot()
                if abs(matrix[i, j]) > limit * (1 + 1e-6) { tight.append("\(sensors.names[j])–\(sensors.names[i])") }
            }
        }
        if !tight.isEmpty {
            warnings.append("channels correlated by more than 1, so this is no covariance: \(Plausibility.list(tight))")
        }
        if rows == nil, samples > 0, samples < 2 * sensors.count {
            warnings.append(
                "the covariance of \(sensors.count) channels was estimated from only \(samples) samples; expect a poor whitening"
            )
        }
        return warnings
    }
}
