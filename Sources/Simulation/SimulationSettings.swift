import Foundation
import SourceImaging

/// What to simulate.
public struct SimulationSettings: Sendable, Equatable {
    /// Candidate sources, 50…50,000.
    public var sourceCount: Int
    /// Active sources, 0…50; 0 gives noise alone.
    public var activeCount: Int
    /// Smallest distance between two active sources, m.
    public var minimumDistance: Double
    /// Signal-to-noise ratio, dB: 10·log₁₀(‖S‖²/(rank·samples)), with S the signal of the active sources, projected and
    /// whitened by the noise of the average, in ``signalWindow``. At 0 dB signal and noise have the same energy there.
    public var snr: Double
    /// Seed of the active sources, their waveforms and the noise.
    public var seed: UInt64
    /// Seed of the cortical folds; the same number is the same head in another session.
    public var anatomySeed: UInt64
    /// MEG sites, 0…500; three channels each.
    public var megSites: Int
    /// EEG electrodes, 0 or 4…500.
    public var eegElectrodes: Int
    /// Trials in the average, 1…1,000,000; the noise has the covariance of one epoch divided by it.
    public var averages: Int
    /// Hz, up to 5000.
    public var samplingFrequency: Double
    /// Time of the first sample, s; 0 is the event. From −60 to the start of ``signalWindow``.
    public var firstTime: Double
    /// Time up to which it is recorded, s; from the end of ``signalWindow`` to 60.
    public var lastTime: Double
    /// How the noise is spread over frequencies.
    public var noiseSpectrum: NoiseSpectrum
    /// Independent samples of noise from which the covariance is estimated, up to 1,000,000; 0 gives the exact one.
    public var covarianceSamples: Int

    /// Values that a recording may hold, 800 MB in double precision.
    static let largestRecording = 100_000_000

    /// Where the signal-to-noise ratio is defined, s.
    public static let signalWindow = 0.05...0.15

    /// Settings; what is left out is a recording with 306 MEG and 60 EEG channels, 2000 candidate and 3 active sources.
    public init(
        sourceCount: Int = 2000, activeCount: Int = 3, minimumDistance: Double = 0.035, snr: Double = 6,
        seed: UInt64 = 1, anatomySeed: UInt64 = 1, megSites: Int = 102, eegElectrodes: Int = 60, averages: Int = 50,
        samplingFrequency: Double = 600, firstTime: Double = -0.2, lastTime: Double = 0.4,
        noiseSpectrum: NoiseSpectrum = .white, covarianceSamples: Int = 3000
    ) {
        self.sourceCount = sourceCount
        self.activeCount = activeCount
        self.minimumDistance = minimumDistance
        self.snr = snr
        self.seed = seed
        self.anatomySeed = anatomySeed
        self.megSites = megSites
        self.eegElectrodes = eegElectrodes
        self.averages = averages
        self.samplingFrequency = samplingFrequency
        self.firstTime = firstTime
        self.lastTime = lastTime
        self.noiseSpectrum = noiseSpectrum
        self.covarianceSamples = covarianceSamples
    }

    /// The recording that is kept with the program: all sensors, sources about 9 mm apart, 300 Hz; its three files
    /// take some 3.5 MB in single precision, compressed.
    public static let embeddedSample = SimulationSettings(sourceCount: 640, samplingFrequency: 300)

    /// Number of channels.
    var sensorCount: Int { 3 * megSites + eegElectrodes }

    /// Number of samples in time. Only for checked settings.
    var sampleCount: Int {
        Int(((lastTime - firstTime) * samplingFrequency + 1e-6).rounded(.down)) + 1
    }

    /// Time of each sample, s. Only for checked settings.
    var sampleTimes: [Double] {
        (0..<sampleCount).map { firstTime + Double($0) / samplingFrequency }
    }

    /// Samples in ``signalWindow``. Only for checked settings.
    var signalSamples: [Int] {
        // A sample on the edge of the window belongs to it, whatever the rounding of its time.
        let slack = 1e-6 / samplingFrequency
        let window = (Self.signalWindow.lowerBound - slack)...(Self.signalWindow.upperBound + slack)
        return sampleTimes.enumerated().filter { window.contains($0.element) }.map(\.offset)
    }

    /// Each setting by name, as it was given.
    public var described: [Setting] {
        [
            ("sources", "\(sourceCount)"), ("active", "\(activeCount)"), ("minimum_distance_m", "\(minimumDistance)"),
            ("snr_db", "\(snr)"), ("seed", "\(seed)"), ("anatomy_seed", "\(anatomySeed)"), ("meg_sites", "\(megSites)"),
            ("eeg_electrodes", "\(eegElectrodes)"), ("averages", "\(averages)"),
            ("sampling_frequency_hz", "\(samplingFrequency)"), ("first_time_s", "\(firstTime)"),
            ("last_time_s", "\(lastTime)"), ("noise_spectrum", noiseSpectrum.rawValue),
            ("covariance_samples", "\(covarianceSamples)"),
        ].map { Setting($0, $1) }
    }

    /// Checks that the settings can be simulated.
    ///
    /// - Throws: ``InputError`` that names the setting, its value and its range.
    public func check() throws(InputError) {
        func check<T: Comparable>(_ name: String, _ value: T, in range: ClosedRange<T>) throws(InputError) {
            guard range.contains(value) else {
                throw InputError(
                    name, found: "\(value)", expected: "a number from \(range.lowerBound) to \(range.upperBound)")
            }
        }
        try check("candidate sources", sourceCount, in: 50...50_000)
        try check("active sources", activeCount, in: 0...50)
        try check("minimum distance (m)", minimumDistance, in: 0...0.2)
        try check("signal-to-noise ratio (dB)", snr, in: -100...100)
        try check("MEG sites", megSites, in: 0...500)
        if eegElectrodes != 0 { try check("EEG electrodes", eegElectrodes, in: 4...500) }
        guard megSites + eegElectrodes > 0 else {
            throw InputError("sensors", found: "no MEG sites and no EEG electrodes", expected: "some of either")
        }
        try check("averages", averages, in: 1...1_000_000)
        try check("sampling frequency (Hz)", samplingFrequency, in: 20...5000)
        try check("first time (s)", firstTime, in: -60...Self.signalWindow.lowerBound)
        try check("last time (s)", lastTime, in: Self.signalWindow.upperBound...60)
        try check("covariance samples", covarianceSamples, in: 0...1_000_000)
        guard sensorCount * sampleCount <= Self.largestRecording else {
            throw InputError(
                "recording", found: "\(sensorCount) channels × \(sampleCount) samples",
                expected: "at most \(Self.largestRecording) values", advice: "shorten it or sample it slower")
        }
    }
}
