/// The samples of a recording that are analysed, and those that tell its noise.
struct AnalysisWindow {
    /// Samples of the window, ascending, at least one.
    let samples: [Int]
    /// Time of each of them, s.
    let times: [Double]
    /// Samples that hold noise alone, ascending: before time 0 or where the caller says, none of the window.
    private(set) var baseline: [Int]
    /// Samples whose mean may be subtracted: the baseline, and what the window has of the times that the caller says.
    private(set) var reference: [Int]

    /// The samples from one time to another, half a sample of tolerance at either end.
    ///
    /// - Parameters:
    ///   - window: first and last time, s; nil takes all samples from time 0 on, or all where none is.
    ///   - choice: which samples are the baseline.
    ///   - recording: what is analysed.
    ///   - checks: is told what was taken.
    /// - Throws: ``InputError`` for times outside of the recording or between two samples.
    init(
        _ window: ClosedRange<Double>?, baseline choice: BaselineChoice, of recording: Recording,
        checks: inout Checklist
    ) throws(InputError) {
        let half = 0.5 / recording.samplingFrequency
        let last = recording.time(recording.sampleCount - 1)
        let isBeforeEvent = last < -half
        let usual = isBeforeEvent ? recording.firstTime...last : max(0, recording.firstTime)...max(0, last)
        let samples = try Self.samples(window ?? usual, .window, recording)
        self.samples = samples
        times = samples.map { recording.time($0) }
        switch choice {
        case .automatic, .none: reference = (0..<recording.sampleCount).filter { recording.time($0) < -half }
        case .times(let range): reference = try Self.samples(range, .baseline, recording)
        }
        let inWindow = Set(samples)
        baseline = reference.filter { !inWindow.contains($0) }
        // Times of files are rounded: what is next to 0 is meant as 0.
        let shown = [times[0], times[times.count - 1]].map { abs($0) < 1e-7 ? 0 : $0 }
        let span = String(printf: "%.4g to %.4g s", shown[0], shown[1])
        if case .times = choice, baseline.isEmpty {
            checks.look(
                "baseline", "the baseline lies within the window: its mean takes a part of the response away",
                "choose other times with \(.baseline)")
        }
        if window == nil, isBeforeEvent {
            checks.look(
                "window", "the recording ends before time 0: all of it is analysed, \(span)",
                baseline.isEmpty
                    ? "choose with \(.window), and with \(.baseline) what is noise" : "choose with \(.window)")
        } else {
            checks.ok(
                "window", Message("\(span), \(samples.count) samples" + (window == nil ? ", all from time 0 on" : "")))
        }
    }

    /// The samples in a range of times.
    private static func samples(
        _ range: ClosedRange<Double>, _ setting: SettingName, _ recording: Recording
    ) throws(InputError) -> [Int] {
        let half = 0.5 / recording.samplingFrequency
        let last = recording.time(recording.sampleCount - 1)
        let extent = String(printf: "the recording has %.4g to %.4g s", recording.firstTime, last)
        guard range.lowerBound.isFinite, range.upperBound.isFinite else {
            throw InputError(setting, found: "\(range.lowerBound) to \(range.upperBound) s", expected: "finite times")
        }
        guard range.lowerBound >= recording.firstTime - half, range.upperBound <= last + half else {
            throw InputError(
                setting, found: String(printf: "%.4g to %.4g s", range.lowerBound, range.upperBound),
                expected: "times within the recording; \(extent)")
        }
        // A hair under half a sample: a bound midway between two samples takes neither of them twice.
        let samples = (0..<recording.sampleCount).filter {
            let time = recording.time($0)
            return time >= range.lowerBound - 0.99 * half && time <= range.upperBound + 0.99 * half
        }
        // A window between two samples is empty; a single time takes the sample nearest to it.
        let isBetween =
            range.lowerBound < range.upperBound
            && !(0..<recording.sampleCount).contains {
                recording.time($0) >= range.lowerBound - 0.01 * half
                    && recording.time($0) <= range.upperBound + 0.01 * half
            }
        guard !samples.isEmpty, !isBetween else {
            throw InputError(
                setting, found: String(printf: "no samples from %.4g to %.4g s", range.lowerBound, range.upperBound),
                expected: String(printf: "a window of at least one sample (%.4g s); ", 1 / recording.samplingFrequency)
                    + extent)
        }
        return samples
    }

    /// The window with some samples taken from its baseline.
    func withoutBaseline(_ samples: Set<Int>) -> AnalysisWindow {
        var rest = self
        rest.baseline.removeAll { samples.contains($0) }
        rest.reference.removeAll { samples.contains($0) }
        return rest
    }
}
