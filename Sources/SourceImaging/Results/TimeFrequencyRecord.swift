import TimeFrequency

/// In which frame the coefficients of sources are (``EstimatedSource/coefficients``), and how sparse they were asked to be.
public struct TimeFrequencyRecord: Sendable, Equatable {
    /// Windows, and what becomes of samples in them.
    public let frame: GaborFrame
    /// Samples a second.
    public let samplingFrequency: Double
    /// Time of the first sample, s.
    public let firstTime: Double
    /// Which part of the penalty was of single coefficients, 0…1.
    public let rho: Double

    /// A record as a method or a file tells it; nothing is checked.
    public init(frame: GaborFrame, samplingFrequency: Double, firstTime: Double, rho: Double) {
        self.frame = frame
        self.samplingFrequency = samplingFrequency
        self.firstTime = firstTime
        self.rho = rho
    }

    /// Frequencies of a dictionary, Hz.
    public func frequencies(of dictionary: Int) -> [Double] {
        frame.frequencies(of: dictionary).map { $0 * samplingFrequency }
    }

    /// The middle of each window of a dictionary, s.
    public func times(of dictionary: Int) -> [Double] {
        frame.centres(of: dictionary).map { firstTime + $0 / samplingFrequency }
    }
}
