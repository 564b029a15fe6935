import Glibc

/// The values of the matched channels in window and baseline: checked, without channels that hold no signal, and with the
/// mean of the baseline subtracted where that is asked for or needed.
struct MeasuredChannels {
    /// The channels that are left.
    let matching: ChannelMatching
    /// The samples that are analysed, and those of the baseline that are finite.
    let window: AnalysisWindow
    /// The average, channels × all samples, SI units; values outside of window and baseline may be NaN.
    let average: Matrix
    /// Whether the mean of the baseline was subtracted.
    private let isCorrected: Bool

    /// Variances below this part of the median of their kind are no signal: a channel at a hundredth of the others measures
    /// something else than the gain says.
    private static let silence = 1e-4
    /// And below this part they are told of.
    private static let quietness = 1.0 / 900

    /// Looks at the values.
    ///
    /// - Throws: ``InputError`` naming the channel and the time of a value that is used and not finite, or when no channel
    ///   varies.
    init(
        _ recording: Recording, _ average: Matrix, _ matching: ChannelMatching, _ window: AnalysisWindow,
        _ choice: BaselineChoice, covariance: NoiseCovariance?, forward: Forward, checks: inout Checklist
    ) throws(InputError) {
        let all = average.rows(matching.inRecording)
        self.window = try Self.finite(all, window, matching, recording, &checks)
        try Self.checkFinite(forward.defects, matching.inForward, matching, .forward)
        if let covariance, let rows = matching.inCovariance {
            try Self.checkFinite(covariance.defects, rows, matching, .covariance)
        }
        let silent = Self.silent(all, self.window, matching, covariance, &checks)
        self.matching = try matching.without(silent)
        let kept = all.rows(matching.inRecording.indices.filter { !silent.contains($0) })
        let mean = try Self.mean(kept, self.window, choice, &checks)
        isCorrected = mean != nil
        self.average = mean.map { kept.subtracting($0) } ?? kept
    }

    /// An epoch of the recording, treated as the average was: its channels, less the mean of its own baseline where that
    /// is subtracted.
    func corrected(_ epoch: Matrix) -> Matrix {
        let own = epoch.rows(matching.inRecording)
        return isCorrected ? own.subtracting(own.columns(window.reference).rowMeans) : own
    }

    // MARK: NaN and infinity

    /// The window without samples of the baseline at which most channels are NaN (averages of trials of different lengths).
    private static func finite(
        _ data: Matrix, _ window: AnalysisWindow, _ matching: ChannelMatching, _ recording: Recording,
        _ checks: inout Checklist
    ) throws(InputError) -> AnalysisWindow {
        func broken(_ t: Int) -> [Int] { (0..<data.rows).filter { !data[$0, t].isFinite } }
        var empty = Set<Int>()
        let inBaseline = Set(window.baseline)
        for t in window.baseline + window.samples {
            let channels = broken(t)
            guard let i = channels.first else { continue }
            if inBaseline.contains(t), 2 * channels.count > data.rows {
                empty.insert(t)
                continue
            }
            let name = matching.sensors.names[i]
            var place = String(printf: "%.4g s", recording.time(t))
            if recording.epochs.count > 1,
                let e = recording.epochs.firstIndex(where: { !$0[matching.inRecording[i], t].isFinite })
            {
                place += ", epoch \(e)"
            }
            throw InputError(
                at: .input(.recording),
                found: "\(data[i, t]) in channel '\(name)' at sample \(t) (\(place))"
                    + (channels.count > 1 ? ", and in \(channels.count - 1) more channels" : ""),
                expected: "finite values in window and baseline",
                advice: inBaseline.contains(t)
                    ? "mark the channel bad, choose other times with \(.baseline), or mend the recording"
                    : "mark the channel bad, choose other times with \(.window), or mend the recording")
        }
        let used = Set(window.baseline + window.samples)
        let elsewhere = (0..<data.columns).count { !used.contains($0) && !broken($0).isEmpty }
        let others = Set(matching.inRecording)
        let unused = recording.sensors.names.indices.count { i in
            !others.contains(i) && recording.epochs.contains { epoch in epoch.row(i).contains { !$0.isFinite } }
        }
        let parts = [
            unused > 0 ? "\(unused) channels that are not used" : "",
            elsewhere > 0 ? "\(elsewhere) samples outside of window and baseline" : "",
            empty.isEmpty ? "" : "\(empty.count) samples of the baseline, which are left out",
        ].filter { !$0.isEmpty }
        checks.ok(
            "values",
            parts.isEmpty ? "finite" : Message("finite where used; NaN in " + parts.joined(separator: " and ")))
        return window.withoutBaseline(empty)
    }

    private static func checkFinite(
        _ defects: [Int: String], _ rows: [Int], _ matching: ChannelMatching, _ input: InputError.InputName
    ) throws(InputError) {
        guard let place = rows.indices.first(where: { defects[rows[$0]] != nil }), let found = defects[rows[place]]
        else { return }
        let count = rows.count { defects[$0] != nil }
        throw InputError(
            at: .input(input),
            found: found + (found.contains("'") ? "" : " of channel '\(matching.sensors.names[place])'")
                + (count > 1 ? " and the like in \(count - 1) more" : ""),
            expected: "finite values", advice: "mark the channel bad or compute the \(input.rawValue) again")
    }

    // MARK: Channels without signal

    /// Channels that do not vary, or have no noise in the covariance.
    ///
    /// An electrode of zeros among electrodes that are not average-referenced is the one that the others are measured
    /// against: a channel like any other as soon as an average reference is applied. So it is in a covariance.
    private static func silent(
        _ all: Matrix, _ window: AnalysisWindow, _ matching: ChannelMatching, _ covariance: NoiseCovariance?,
        _ checks: inout Checklist
    ) -> [Int] {
        let kinds = matching.sensors.kinds
        let names = { (rows: [Int]) in ChannelMatching.list(rows.map { matching.sensors.names[$0] }) }
        let data = all.columns(window.baseline + window.samples)
        let own = covariance.flatMap { covariance in
            matching.inCovariance.map { covariance.matrix.rows($0).columns($0) }
        }
        guard data.columns > 1 else { return [] }
        // Of few samples two may be alike by chance.
        let (silence, quietness) = data.columns < 10 ? (1e-18, 0) : (silence, quietness)
        let flat = Self.low(variances(data), kinds, below: silence)
        let still = own == nil ? all.columns(window.baseline) : Matrix(rows: kinds.count, columns: 0)
        let noise = own.map { own in kinds.indices.map { own[$0, $0] } } ?? variances(still)
        let noiseless = Self.low(noise, kinds, below: own == nil ? silence : Whitener.silence)
        guard flat.count < kinds.count, noiseless.count < kinds.count else {
            // Nothing is left to compare with: what that means is for whoever needs a signal, or noise.
            if flat.count == kinds.count {
                checks.look("channels", "every channel is flat: the recording holds no signal")
            }
            return []
        }
        let reference = Self.reference(flat.filter { i in data.row(i).allSatisfy { $0 == 0 } }, kinds) { rows in
            let products = Matrix.product(data, transposed: false, data, transposed: true)
            return products.commonPart(of: rows)
        }
        if let reference {
            checks.ok("reference", "\(names([reference])) is zero: the electrode that the others were measured against")
        }
        let ofNoise = own.flatMap { own in Self.reference(noiseless, kinds) { own.commonPart(of: $0) } }
        let silent = Set(flat).subtracting([reference].compactMap(\.self))
            .union(Set(noiseless).subtracting([reference, ofNoise].compactMap(\.self)))
        let quiet = Set(Self.low(variances(data), kinds, below: quietness) + Self.low(noise, kinds, below: quietness))
            .subtracting(silent).subtracting([reference, ofNoise].compactMap(\.self)).sorted()
        if !silent.isEmpty {
            let what = silent.isSubset(of: flat) ? "do not vary" : "do not vary or have no noise variance"
            checks.look(
                "channels", Message("\(silent.count) channels \(what) and are left out: \(names(silent.sorted()))"),
                "mark flat channels bad")
        }
        if !quiet.isEmpty {
            checks.look(
                "channels",
                Message(
                    "\(quiet.count) channels are more than 30 times quieter than others of their kind: \(names(quiet))"),
                "the gain knows nothing of it; mark them bad if they are broken")
        }
        return silent.sorted()
    }

    /// How much each channel varies: the square of its range; 0 for fewer than two samples.
    private static func variances(_ data: Matrix) -> [Double] {
        (0..<data.rows).map { i in
            let row = data.row(i)
            return pow((row.max() ?? 0) - (row.min() ?? 0), 2)
        }
    }

    /// Channels whose variance is below a part of the median of the others of their kind; none where all are zero.
    private static func low(_ variances: [Double], _ kinds: [SensorKind], below part: Double) -> [Int] {
        guard variances.contains(where: { $0 > 0 }) else { return variances.isEmpty ? [] : Array(kinds.indices) }
        let usual = Dictionary(grouping: kinds.indices.filter { variances[$0] > 0 }) { kinds[$0] }
            .mapValues { rows in Plausibility.median(rows.map { variances[$0] }) }
        return kinds.indices.filter { !(variances[$0] > part * usual[kinds[$0], default: 0]) }
    }

    /// The one electrode of zeros that the others are measured against; nil where there is none, several are zero, or the
    /// others are average-referenced: then a zero is no signal.
    ///
    /// - Parameters:
    ///   - zeros: channels of zeros.
    ///   - common: the part of the electrodes' power that all have alike.
    private static func reference(
        _ zeros: [Int], _ kinds: [SensorKind], common: (_ electrodes: [Int]) -> Double
    ) -> Int? {
        let zeros = zeros.filter { kinds[$0] == .eeg }
        let electrodes = kinds.indices.filter { kinds[$0] == .eeg }
        // Setting one to zero leaves of an average reference what that one had.
        guard zeros.count == 1, electrodes.count > 2, common(electrodes) > 1 / Double(electrodes.count) else {
            return nil
        }
        return zeros[0]
    }

    // MARK: Offset

    /// The mean that is subtracted from each channel; nil for none.
    private static func mean(
        _ data: Matrix, _ window: AnalysisWindow, _ choice: BaselineChoice, _ checks: inout Checklist
    ) throws(InputError) -> [Double]? {
        guard !window.reference.isEmpty else {
            guard case .times = choice else { return nil }
            throw InputError(.baseline, found: "no finite sample at these times", expected: "a baseline with data")
        }
        let means = data.columns(window.reference).rowMeans
        if case .times = choice {
            checks.ok("baseline", "the mean of \(window.reference.count) samples was subtracted, as asked for")
            return means
        }
        guard let found = BaselineOffset(data.columns(window.baseline)) else { return nil }
        guard found.isCertain else {
            checks.ok("baseline", Message("no offset: \(found.text)"))
            return nil
        }
        guard choice == .automatic else {
            checks.look(
                "baseline", Message("the baseline has an offset, which counts as noise: \(found.text)"),
                "subtract it with \(.baseline) auto")
            return nil
        }
        checks.look(
            "baseline", Message("the baseline had an offset, which was corrected: \(found.text)"),
            "keep it with \(.baseline) none")
        return means
    }
}
