import Foci
import Foundation
import TestSupport

/// A small simulated recording: 60 MEG and 16 EEG channels, 300 candidate and two active sources.
enum Sample {
    static let settings = SimulationSettings(
        sourceCount: 300, activeCount: 2, snr: 10, seed: 3, megSites: 20, eegElectrodes: 16, samplingFrequency: 200)

    /// The options of `foci simulate` that mean ``settings``.
    static let options = [
        "--candidates", "300", "--sources", "2", "--snr", "10", "--seed", "3", "--meg-sites", "20", "--electrodes",
        "16",
        "--sampling-frequency", "200",
    ]

    static let simulated = Result { try Simulation.run(settings) }

    /// Files by name, as `foci simulate` writes them.
    static let files = Result {
        let simulated = try Sample.simulated.get()
        return [
            "forward.h5": try ForwardFile.encode(simulated.forward, singlePrecision: true),
            "recording.h5": try RecordingFile.encode(simulated.recording),
            "covariance.h5": try CovarianceFile.encode(simulated.covariance),
            "truth.h5": try TruthFile.encode(simulated.truth),
        ]
    }
}

/// A folder with the files of ``Sample``, in which the program runs; removed with the value.
struct Workspace {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        for (name, bytes) in try Sample.files.get() { try folder.write(name, bytes) }
    }

    /// Names of what is in the folder, sorted; partial and hidden files too.
    var contents: [String] { folder.contents }

    /// Runs the program in the folder.
    func foci(_ arguments: String..., shell: String? = nil) throws -> Program.Outcome {
        try Program.run(arguments, in: folder.path, shell: shell)
    }

    /// Arguments of a localization of the sample.
    static func localization(
        forward: String = "forward.h5", recording: String = "recording.h5", covariance: String? = "covariance.h5",
        output: String = "result", _ options: [String] = []
    ) -> [String] {
        ["localize", "--forward", forward, "--recording", recording]
            + (covariance.map { ["--covariance", $0] } ?? []) + ["--output", output] + options
    }

    /// Localizes the sample.
    func localize(
        forward: String = "forward.h5", recording: String = "recording.h5", covariance: String? = "covariance.h5",
        output: String = "result", _ options: String..., shell: String? = nil
    ) throws -> Program.Outcome {
        try Program.run(
            Self.localization(
                forward: forward, recording: recording, covariance: covariance, output: output, options),
            in: folder.path, shell: shell)
    }

    /// The bytes of each file of a folder in this one, by name.
    func files(of name: String) throws -> [String: [UInt8]] {
        let path = folder.file(name)
        var files: [String: [UInt8]] = [:]
        for file in try FileManager.default.contentsOfDirectory(atPath: path) {
            files[file] = Array(try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(file)")))
        }
        return files
    }

    /// A text file.
    func text(_ name: String) throws -> String {
        try String(contentsOfFile: folder.file(name), encoding: .utf8)
    }

    /// A tab-separated file: a dictionary a row.
    func table(_ name: String) throws -> [[String: String]] {
        let lines = try text(name).split(separator: "\n").map { $0.components(separatedBy: "\t") }
        guard let header = lines.first else { return [] }
        return lines.dropFirst().map { Dictionary(uniqueKeysWithValues: zip(header, $0)) }
    }
}
