import ArgumentParser
import Foci
import Foundation

/// `foci simulate`: a recording whose sources are known.
struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Make a recording whose sources are known.",
        discussion: """
            Writes a folder with forward.h5, recording.h5, covariance.h5 and truth.h5. The same seed gives the same files.

            EXAMPLES
              foci simulate --output data --sources 2 --snr 0 --seed 7
              foci simulate --output data --embedded
                  The sample that comes with the program.
            """)

    @Option(help: ArgumentHelp("Folder to write; must not exist.", valueName: "dir"))
    var output: String

    @Option(help: ArgumentHelp("Active sources.", valueName: "n"))
    var sources: Int?

    @Option(
        help: ArgumentHelp("Signal-to-noise ratio of the average, dB, whitened, from 0.05 to 0.15 s.", valueName: "dB"))
    var snr: Double?

    @Option(help: ArgumentHelp("Seed of sources, waveforms and noise.", valueName: "n"))
    var seed: UInt64?

    @Option(help: ArgumentHelp("Candidate sources, of which the active ones are some.", valueName: "n"))
    var candidates: Int?

    @Option(help: ArgumentHelp("MEG sites, three channels each.", valueName: "n"))
    var megSites: Int?

    @Option(help: ArgumentHelp("EEG electrodes.", valueName: "n"))
    var electrodes: Int?

    @Option(help: ArgumentHelp("Trials in the average.", valueName: "n"))
    var averages: Int?

    @Option(help: ArgumentHelp("Sampling frequency, Hz.", valueName: "Hz"))
    var samplingFrequency: Double?

    @Option(help: ArgumentHelp("Times of the recording in seconds, as two numbers.", valueName: "first last"))
    var times: TimeRange?

    @Option(help: "Spectrum of the noise: white or pink.")
    var noise: NoiseSpectrum?

    @Option(
        help: ArgumentHelp("Noise samples that the covariance is estimated from; 0 for the exact one.", valueName: "n"))
    var covarianceSamples: Int?

    @Flag(help: "Start from the settings of the sample that comes with the program.")
    var embedded = false

    @Flag(help: "Replace the files of an output folder that exists.")
    var force = false

    @Flag(help: "Say nothing.")
    var quiet = false

    mutating func run() throws {
        var settings = embedded ? SimulationSettings.embeddedSample : SimulationSettings()
        if let sources { settings.activeCount = sources }
        if let snr { settings.snr = snr }
        if let seed { settings.seed = seed }
        if let candidates { settings.sourceCount = candidates }
        if let megSites { settings.megSites = megSites }
        if let electrodes { settings.eegElectrodes = electrodes }
        if let averages { settings.averages = averages }
        if let samplingFrequency { settings.samplingFrequency = samplingFrequency }
        if let times {
            let range = try times.range(of: "--times")
            settings.firstTime = range.lowerBound
            settings.lastTime = range.upperBound
        }
        if let noise { settings.noiseSpectrum = noise }
        if let covarianceSamples { settings.covarianceSamples = covarianceSamples }
        var folder = try OutputFolder(output, force: force)
        let simulated = try Simulation.run(settings)
        try folder.add("forward.h5", bytes: ForwardFile.encode(simulated.forward, singlePrecision: true))
        try folder.add("recording.h5", bytes: RecordingFile.encode(simulated.recording))
        try folder.add("covariance.h5", bytes: CovarianceFile.encode(simulated.covariance))
        try folder.add("truth.h5", bytes: TruthFile.encode(simulated.truth))
        if Interruption.isRequested { throw CancellationError() }
        try folder.commit()
        if !quiet {
            let window = SimulationSettings.signalWindow
            let lines = simulated.truth.sources.map { source in
                let p = source.position * 1000
                let peak = (source.waveform.map { abs($0) }.max() ?? 0) * 1e9
                return String(format: "  (%.0f, %.0f, %.0f) mm, peak %.1f nA·m", p.x, p.y, p.z, peak)
            }
            try Terminal.result(
                """
                Simulated \(lines.count) active sources; files are in \(output)
                \(lines.joined(separator: "\n"))
                Find them again, in the window in which the signal-to-noise ratio is defined:
                  foci localize --forward \(output)/forward.h5 --recording \(output)/recording.h5 \\
                      --covariance \(output)/covariance.h5 --window \(window.lowerBound) \(window.upperBound) --output result
                """)
        }
    }
}
