import Foci
import Foundation
import TestSupport
import Testing

@Suite("foci localize, noise of epochs")
struct NoiseTests {
    let workspace: Workspace

    init() throws {
        workspace = try Workspace()
        for (name, bytes) in try Self.files.get() { try workspace.folder.write(name, bytes) }
    }

    /// Thirty epochs of electrodes.
    private static let files = Result { () throws -> [String: [UInt8]] in
        let simulated = try Simulation.run(
            SimulationSettings(
                sourceCount: 300, activeCount: 2, snr: 12, megSites: 0, eegElectrodes: 24, averages: 30,
                samplingFrequency: 200, covarianceSamples: 0))
        return [
            "eeg.forward.h5": try ForwardFile.encode(simulated.forward),
            "eeg.h5": try RecordingFile.encode(
                try simulated.recording.singleEpochs(noise: simulated.covariance.matrix, seed: 4)),
            "eeg.average.h5": try RecordingFile.encode(simulated.recording),
            "eeg.covariance.h5": try CovarianceFile.encode(simulated.covariance),
        ]
    }

    private func localize(_ options: String, _ recording: String = "eeg.h5") throws -> Program.Outcome {
        try Program.run(
            ["localize", "--forward", "eeg.forward.h5", "--recording", recording, "--window", "0.05", "0.15", "--json"]
                + options.split(separator: " ").map(String.init), in: workspace.folder.path)
    }

    @Test("without a covariance epochs tell the noise; what they told, written and given, finds the same sources")
    func written() throws {
        let first = try localize("--output first --write-noise")
        #expect(first.status == 0, "\(first.errors)")
        let told = try JSON(parsing: first.output)
        let findings = told["checks"].list.filter { $0["name"] == .text("noise") }
        #expect(
            findings.contains {
                $0["finding"].text?.hasPrefix("from 30 epochs (held-out log-likelihood per sample") == true
            }, "\(findings)")
        let noise = try CovarianceFile.read(workspace.folder.file("first/noise.h5"))
        #expect(noise.sensors.count == 24 && noise.samples == 0)
        let second = try localize("--output second --covariance first/noise.h5")
        #expect(second.status == 0, "\(second.errors)")
        let again = try JSON(parsing: second.output)
        let (a, b) = (told["sources"].list, again["sources"].list)
        #expect(!a.isEmpty && a.map { $0["index"] } == b.map { $0["index"] })
        for (a, b) in zip(a, b) {
            let (x, y) = (try #require(a["peak_nAm"].number), try #require(b["peak_nAm"].number))
            #expect(abs(x / y - 1) < 1e-4)
        }
        let stored = try EstimateFile.read(workspace.folder.file("first/estimate.h5"))
        #expect(stored.preparation.noiseSource.hasPrefix("estimated from 30 epochs of 21 samples"))
        #expect(!stored.settings.contains { $0.name == "noise" })
    }

    @Test(
        "a source of the noise that is asked for is taken, and written with the settings",
        arguments: ["auto", "covariance", "baseline", "epochs"])
    func forced(_ source: String) throws {
        let outcome = try localize("--output result --covariance eeg.covariance.h5 --noise \(source)")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let stored = try EstimateFile.read(workspace.folder.file("result/estimate.h5"))
        #expect(stored.settings.contains(Setting("noise", source)))
        let wanted = ["baseline": "before time 0", "epochs": "30 epochs of 21"][source] ?? "covariance of one epoch"
        #expect(stored.preparation.noiseSource.contains(wanted), "\(stored.preparation.noiseSource)")
        #expect(!FileManager.default.fileExists(atPath: workspace.folder.file("result/noise.h5")))
    }

    @Test("what cannot be had is refused")
    func refusals() throws {
        expectRefusal(try localize("--output result --noise covariance"), naming: ["--noise", "--covariance"])
        expectRefusal(
            try localize("--output result --noise epochs", "eeg.average.h5"), naming: ["--noise", "one average"])
        #expect(try localize("--output result --noise silence").status != 0)
        #expect(!FileManager.default.fileExists(atPath: workspace.folder.file("result")))
    }
}
