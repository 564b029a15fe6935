import Foundation

/// The samples of a recording that are analysed, and those that tell its noise.
struct AnalysisWindow {
    /// Samples of the window, ascending, at least one.
    let samples: [Int]
    /// Time of each of them, s.
    let times: [Double]
    /// Samples before time 0, ascending.
    let baseline: [Int]

    /// The samples from one time to another, half a sample of tolerance at either end.
    ///
    /// - Parameters:
    ///   - window: first and last time, s; nil takes all samples from time 0 on.
    ///   - recording: what is analysed.
    /// - Throws: ``InputError`` for times outside of the recording or between two samples.
    init(_ window: ClosedRange<Double>?, of recording: Recording) throws(InputError) {
        let half = 0.5 / recording.samplingFrequency
        let last = recording.time(recording.sampleCount - 1)
        let extent = String(format: "the recording has %.4g to %.4g s", recording.firstTime, last)
        let range = window ?? max(0, recording.firstTime)...max(max(0, recording.firstTime), last)
        guard range.lowerBound.isFinite, range.upperBound.isFinite else {
            throw InputError(.window, found: "\(range.lowerBound) to \(range.upperBound) s", expected: "finite times")
        }
        guard range.lowerBound >= recording.firstTime - half, range.upperBound <= last + half else {
            throw InputError(
                .window, found: String(format: "%.4g to %.4g s", range.lowerBound, range.upperBound),
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
                .window, found: String(format: "no samples from %.4g to %.4g s", range.lowerBound, range.upperBound),
                expected: String(format: "a window of at least one sample (%.4g s); ", 1 / recording.samplingFrequency)
                    + extent)
        }
        self.samples = samples
        times = samples.map { recording.time($0) }
        baseline = (0..<recording.sampleCount).filter { recording.time($0) < -half }
    }
}
