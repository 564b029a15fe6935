import SourceImaging
import TestSupport
import Testing

@testable import Formats

@Suite("Formats: real files", .enabled(if: Shared.isPresent, "the shared data are not there (set FOCI_SHARED)"))
struct SharedFilesTests {
    @Test(
        "Every real file is read and looks plausible",
        arguments: [
            "data/cam-can/CC120166.forward.h5", "data/cam-can/CC120264.forward.h5", "data/ecog-oct6/ecog.forward.h5",
            "data/sample-audvis/sample.forward.h5", "data/sample-audvis/left-auditory.recording.h5",
            "data/sample-audvis/sample.covariance.h5", "data/erp-core-p3/sub-015_task-P3_target.recording.h5",
            "data/erp-core-p3/sub-016_task-P3_nontarget.recording.h5", "reference/meg-fixed.problem.h5",
            "reference/sample-free.problem.h5",
        ])
    func described(_ name: String) throws {
        let description = try FileInspection.describe(Shared.path(name))
        #expect(description.warnings == [])
        #expect(description.contents.count == 1 && name.contains(description.contents[0].rawValue))
    }

    @Test("The real forward, recording and covariance have their known numbers")
    func numbers() throws {
        let forward = try ForwardFile.read(Shared.path("data/sample-audvis/sample.forward.h5"))
        #expect(forward.gain.rows == 366 && forward.gain.columns == 6102 && forward.orientations == 3)
        #expect(forward.sensors.countByKind == [.mag: 102, .grad: 204, .eeg: 60])
        #expect(forward.sensors.names[0] == "MEG 0113")
        let recording = try RecordingFile.read(Shared.path("data/sample-audvis/left-auditory.recording.h5"))
        #expect(recording.averages == 3 && recording.sampleCount == 421 && recording.isProjected)
        #expect(recording.condition == "Left Auditory" && recording.projectors.rows == 4)
        let covariance = try CovarianceFile.read(Shared.path("data/sample-audvis/sample.covariance.h5"))
        #expect(covariance.samples == 2904 && covariance.matrix.rows == 366)
        let problem = try ProblemFile.read(Shared.path("reference/sample-free.problem.h5"))
        #expect(problem.orientations == 3 && problem.gain.columns == 6102 && problem.data.columns == 85)
        let facts = try FileInspection.describe(Shared.path("data/erp-core-p3/sub-015_task-P3_target.recording.h5"))
            .facts
        #expect(facts.contains { $0.name == "averages" && $0.value == "40" })
    }

    @Test(
        "Files of other programs are no files of the own layout",
        arguments: [
            ("data/sample-audvis/sample-fwd.fif", "FIF"),
            ("data/sample-audvis/sample-fwd.h5", "without the attribute 'format'"),
        ])
    func foreign(_ name: String, looks: String) throws {
        do {
            _ = try ForwardFile.read(Shared.path(name))
            Issue.record("it was read")
        } catch {
            #expect(error.description.contains(looks))
        }
    }

    @Test("FIF, MNE's HDF5 and the own layout hold the same sample", arguments: ["sample-fwd.fif", "sample-fwd.h5"])
    func sample(name: String) throws {
        func path(_ name: String) -> String { Shared.path("data/sample-audvis/\(name)") }
        let own = try ForwardFile.read(path("sample.forward.h5"))
        let forward = try FileFormats.open(path(name)).forward(ReadingOptions())
        #expect(
            forward.gain == own.gain && forward.sensors.names == own.sensors.names && forward.subject == own.subject)
        #expect(forward.sources.vertices == own.sources.vertices)
        #expect(forward.sources.hemispheres == own.sources.hemispheres)
        for j in 0..<own.sources.count {
            let (position, normal) = (own.sources.positions[j], try #require(own.sources.normal(j)))
            #expect(abs((forward.sources.positions[j] - position).max()) <= 1e-12)
            #expect((try #require(forward.sources.normal(j)) * normal).sum() >= 1 - 1e-12)
        }
        let recording = try FileFormats.open(path("left-auditory-ave.fif")).recording(ReadingOptions())
        let ownRecording = try RecordingFile.read(path("left-auditory.recording.h5"))
        #expect(recording.epochs == ownRecording.epochs && recording.sensors.names == ownRecording.sensors.names)
        #expect(recording.projectors == ownRecording.projectors && recording.averages == ownRecording.averages)
        #expect(abs(recording.firstTime - ownRecording.firstTime) < 1e-8)
        let covariance = try FileFormats.open(path("sample-cov.fif")).covariance(
            ReadingOptions(sensors: recording.sensors))
        let ownCovariance = try CovarianceFile.read(path("sample.covariance.h5"))
        #expect(covariance.matrix == ownCovariance.matrix && covariance.samples == ownCovariance.samples)
        #expect(covariance.projectors == ownCovariance.projectors)
    }
}
