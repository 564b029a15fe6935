import Foci
import Foundation
import TestSupport
import Testing

@Suite("Interruption")
struct InterruptionTests {
    /// Waits until a process catches SIGINT, as its status tells, so that no signal comes before the program is ready
    /// for it.
    private static func waitUntilCatching(_ process: Int32) throws {
        for _ in 0..<2000 {
            let status = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
            let line = status.split(separator: "\n").first { $0.hasPrefix("SigCgt:") }
            let mask = line.flatMap { UInt64($0.dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16) } ?? 0
            if mask & (1 << UInt64(SIGINT - 1)) != 0 { return }
            usleep(2000)
        }
        Issue.record("the program never caught SIGINT")
    }

    @Test(
        "An interrupted localization ends with 130 and writes nothing", arguments: [0.0, 0.5])
    func interrupted(delay: Double) throws {
        let folder = try TemporaryFolder()
        for (name, bytes) in try Self.files.get() { try folder.write(name, bytes) }
        let before = folder.contents
        let outcome = try Program.run(
            Workspace.localization(["--orientation", "free", "--gap", "1e-12", "--reweight", "50"]), in: folder.path
        ) { process in
            do { try Self.waitUntilCatching(process) } catch { Issue.record(error) }
            usleep(UInt32(delay * 1e6))
            kill(process, SIGINT)
        }
        #expect(outcome.status == 130, "\(outcome.errors)")
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors == "foci: interrupted; nothing was written\n")
        #expect(folder.contents == before)
    }

    /// A recording that takes some seconds.
    private static let files = Result {
        let simulated = try Simulation.run(
            SimulationSettings(sourceCount: 1500, activeCount: 5, seed: 5, megSites: 60, eegElectrodes: 40))
        return [
            "forward.h5": try ForwardFile.encode(simulated.forward),
            "recording.h5": try RecordingFile.encode(simulated.recording),
            "covariance.h5": try CovarianceFile.encode(simulated.covariance),
        ]
    }
}
