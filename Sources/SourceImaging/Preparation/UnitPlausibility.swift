/// Whether the units of what is used fit each other, kind by kind: a factor of 100 in one of them shows.
///
/// The noise of an epoch and the gain of a kind make an equivalent moment: how strong a typical source would have to be to
/// look as strong as the noise. In a real recording it is the same for all kinds to a factor of two: 69 nA·m at the
/// magnetometers, 113 at the gradiometers and 119 at the electrodes, by its own covariance.
struct UnitPlausibility {
    let matching: ChannelMatching
    let forward: Forward
    let covariance: NoiseCovariance?
    /// The projected average in the window and before it.
    let measured: Matrix
    let baseline: Matrix
    let averages: Double?
    /// What earlier recordings left.
    var shared: SharedPreparation?

    /// What is seen in a gain: it needs passes over all of it, and no recording.
    struct GainFindings {
        let warnings: [String]
        /// Root mean square of the fields of all sources at a channel of each kind, per A·m.
        let fields: [SensorKind: Double]
    }

    /// Noise of an epoch as a moment, A·m.
    private static let moments = 2e-9...8e-6
    /// Largest ratio of such moments of two kinds.
    private static let mostBetweenKinds = 20.0
    /// Largest ratio between the noise before time 0 and what the covariance says of it, either way.
    private static let mostNoise = 8.0

    /// Compares recording, gain and covariance.
    func compare(_ checks: inout Checklist) {
        var warnings = Plausibility.warnings("amplitude", amplitudes, Plausibility.amplitude)
        let gain = (shared ?? SharedPreparation(keepsGain: false)).findings(forward, rows: matching.inForward) {
            GainFindings(warnings: forward.plausibilityWarnings(rows: matching.inForward), fields: fields)
        }
        warnings += gain.warnings
        if let covariance, let rows = matching.inCovariance { warnings += covariance.plausibilityWarnings(rows: rows) }
        for warning in warnings { checks.look("units", Message(warning)) }
        var isOdd = !warnings.isEmpty
        let moments = equivalents(gain.fields)
        for warning in noiseWarnings + momentWarnings(moments) {
            checks.look("units", Message(warning), "check the units of recording, covariance and forward")
            isOdd = true
        }
        if !isOdd { checks.ok("units", Message("plausible" + text(moments))) }
    }

    /// Median absolute value of each channel.
    private var amplitudes: [SensorKind: [Double]] {
        byKind { i in Plausibility.median(measured.row(i).map(abs)) }
    }

    private func byKind(_ value: (Int) -> Double?) -> [SensorKind: [Double]] {
        let kinds = matching.sensors.kinds
        return Dictionary(grouping: kinds.indices) { kinds[$0] }.mapValues { $0.compactMap(value) }
    }

    /// Deviation of the noise of one epoch at each channel: of the covariance, else of the baseline.
    private var noise: [SensorKind: Double] {
        // Of an average of unknown size nothing is known of an epoch.
        guard covariance != nil || averages != nil else { return [:] }
        return byKind { i in
            if let covariance, let rows = matching.inCovariance {
                return covariance.matrix[rows[i], rows[i]].squareRoot()
            }
            return baselineDeviation(i).map { $0 * (averages ?? 1).squareRoot() }
        }.mapValues(Plausibility.median).filter { $0.value > 0 }
    }

    private func baselineDeviation(_ row: Int) -> Double? {
        let values = baseline.row(row)
        guard values.count > 4 else { return nil }
        let mean = values.reduce(0, +) / Double(values.count)
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
    }

    /// The noise before time 0 against what the covariance says, by kind.
    private var noiseWarnings: [String] {
        guard let covariance, let rows = matching.inCovariance, let averages else { return [] }
        let hasBaseline = baseline.columns > 4
        let ratios = byKind { i in
            let expected = (covariance.matrix[rows[i], rows[i]] / averages).squareRoot()
            let row = measured.row(i)
            let size =
                hasBaseline ? baselineDeviation(i) : (row.reduce(0) { $0 + $1 * $1 } / Double(row.count)).squareRoot()
            return size.flatMap { expected > 0 ? $0 / expected : nil }
        }.mapValues(Plausibility.median).filter { $0.value > 0 }
        guard hasBaseline else {
            // A response may be many times the noise, but not of one kind of sensors alone.
            guard let least = ratios.min(by: { $0.value < $1.value }),
                let most = ratios.max(by: { $0.value < $1.value }),
                most.value > Self.mostBetweenKinds * least.value
            else { return [] }
            return [
                String(printf: "the data are %.3g times the noise of the covariance at ", most.value)
                    + most.key.plural + String(printf: ", %.3g times at ", least.value) + least.key.plural
            ]
        }
        return SensorKind.allCases.compactMap { kind in
            guard let ratio = ratios[kind], ratio > Self.mostNoise || ratio < 1 / Self.mostNoise else { return nil }
            return "the noise of \(kind.plural) before time 0 is "
                + String(printf: "%.3g times what the covariance says", ratio)
        }
    }

    private var fields: [SensorKind: Double] {
        let (rows, kinds) = (matching.inForward, matching.sensors.kinds)
        let electrodes = rows.indices.filter { kinds[$0] == .eeg }.map { rows[$0] }
        var squares = [Double](repeating: 0, count: rows.count)
        let columns = forward.stored.columns
        forward.stored.forEachColumns { gain, range in
            for j in 0..<range.count {
                // Potentials are known up to a constant.
                let constant = electrodes.reduce(0) { $0 + gain[$1, j] } / Double(max(1, electrodes.count))
                for (k, row) in rows.enumerated() {
                    let value = gain[row, j] - (kinds[k] == .eeg ? constant : 0)
                    squares[k] += value * value
                }
            }
        }
        return byKind { (squares[$0] / Double(columns)).squareRoot() }.mapValues(Plausibility.median)
            .filter { $0.value > 0 }
    }

    /// The equivalent moments of the kinds, A·m.
    private func equivalents(_ fields: [SensorKind: Double]) -> [(kind: SensorKind, moment: Double)] {
        let noise = noise
        return SensorKind.allCases.compactMap { kind in
            guard let noise = noise[kind], let gain = fields[kind] else { return nil }
            return (kind, noise / gain)
        }
    }

    private func text(_ moments: [(kind: SensorKind, moment: Double)]) -> String {
        let parts = moments.map { String(printf: "%.0f nA·m at ", $0.moment * 1e9) + $0.kind.plural }
        return parts.isEmpty ? "" : "; an epoch's noise is worth " + parts.joined(separator: ", ")
    }

    private func momentWarnings(_ all: [(kind: SensorKind, moment: Double)]) -> [String] {
        guard let least = all.min(by: { $0.moment < $1.moment }), let most = all.max(by: { $0.moment < $1.moment })
        else {
            return []
        }
        if most.moment > Self.mostBetweenKinds * least.moment {
            return [
                "by the gain, \(most.kind.plural) have "
                    + String(printf: "%.0f times the noise that ", most.moment / least.moment)
                    + "\(least.kind.plural) have; alike is usual"
            ]
        }
        return all.filter { !Self.moments.contains($0.moment) }.map {
            "an epoch's noise of \($0.kind.plural) is worth "
                + String(printf: "%.3g nA·m of a source, where some 100 is usual", $0.moment * 1e9)
        }
    }
}
