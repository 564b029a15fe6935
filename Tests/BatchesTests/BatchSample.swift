import Foci
import Foundation
import TestSupport

@testable import Batches

/// A tiny simulated recording, and folders made of its files. What a file is, its content tells: the names are free.
enum BatchSample {
    static let files = Result {
        let simulated = try Simulation.run(
            SimulationSettings(
                sourceCount: 60, activeCount: 1, snr: 15, seed: 3, megSites: 8, eegElectrodes: 8,
                samplingFrequency: 100))
        return [
            "fwd": try ForwardFile.encode(simulated.forward, singlePrecision: true),
            "ave": try RecordingFile.encode(simulated.recording),
            "cov": try CovarianceFile.encode(simulated.covariance),
        ]
    }

    /// Writes files, each given by its path and its kind (`fwd`, `ave`, `cov`).
    static func write(_ places: [(path: String, kind: String)], in folder: TemporaryFolder) throws {
        let files = try files.get()
        for place in places {
            let path = folder.file(place.path)
            try FileManager.default.createDirectory(
                atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            try Data(files[place.kind] ?? []).write(to: URL(fileURLWithPath: path))
        }
    }

    /// Writes a text.
    static func write(_ text: String, to path: String, in folder: TemporaryFolder) throws {
        try FileManager.default.createDirectory(
            atPath: (folder.file(path) as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder.file(path)))
    }
}

/// The line of an error.
func line(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch {
        return (error as? InputError)?.text { "--\($0.rawValue)" } ?? "\(error)"
    }
}
