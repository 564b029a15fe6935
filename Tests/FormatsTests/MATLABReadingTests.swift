import HDF5
import SourceImaging
import TestSupport
import Testing

@testable import Formats

@Suite("MATLAB 7.3 files", .enabled(if: PythonEnvironment.isPresent, Comment(rawValue: PythonEnvironment.absence)))
struct MATLABReadingTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func open(_ name: String) throws -> any FormatReader { try FileFormats.open(folder.file(name)) }

    private func isClose(_ a: Matrix, _ b: Matrix, tolerance: Double = 1e-15) -> Bool {
        guard a.rows == b.rows, a.columns == b.columns else { return false }
        return zip(a.elements, b.elements).allSatisfy { abs($0 - $1) <= tolerance * abs($1) }
    }

    private func expectEqual(_ read: Forward, _ expected: Forward) {
        #expect(isClose(read.gain, expected.gain))
        #expect(read.orientations == expected.orientations)
        #expect(read.sensors == expected.sensors)
        #expect(read.sources.frame == expected.sources.frame)
        #expect(read.sources.vertices == expected.sources.vertices)
        #expect(read.sources.normals == expected.sources.normals)
        for (p, q) in zip(read.sources.positions, expected.sources.positions) {
            let d = p - q
            #expect((d * d).sum() < 1e-32)
        }
    }

    private func expectEqual(_ read: Recording, _ expected: Recording) {
        #expect(read.epochs.count == expected.epochs.count)
        #expect(zip(read.epochs, expected.epochs).allSatisfy { isClose($0, $1) })
        #expect(abs(read.samplingFrequency - expected.samplingFrequency) < 1e-9)
        #expect(abs(read.firstTime - expected.firstTime) < 1e-15)
        #expect(read.averages == expected.averages)
        #expect(read.condition == expected.condition)
        #expect(read.sensors == expected.sensors)
        #expect(read.isProjected == expected.isProjected)
    }

    @Test("FieldTrip: averages, trials and covariances are those of the file, in SI units")
    func fieldTripData() throws {
        try PythonEnvironment.run(MATLABSamples.fieldTripData, in: folder.path)
        let options = ReadingOptions()
        let average = try open("timelock.mat")
        #expect(average is FieldTripFile)
        #expect(average.contents == [.recording, .covariance])
        #expect(average.conditions == [Condition("standard")])
        expectEqual(try average.recording(options), try RecordingFile.read(folder.file("timelock.h5")))
        expectEqual(try open("trials.mat").recording(options), try RecordingFile.read(folder.file("trials.h5")))
        let covariance = try CovarianceFile.read(folder.file("cov.h5"))
        for name in ["timelock.mat", "trials.mat"] {
            let read = try open(name).covariance(options)
            #expect(isClose(read.matrix, covariance.matrix, tolerance: 1e-14))
            #expect(read.sensors == covariance.sensors)
        }
    }

    @Test("FieldTrip: lead fields, with empty cells outside, in the units and the frame that are stated")
    func fieldTripForward() throws {
        try PythonEnvironment.run(MATLABSamples.fieldTripForward, in: folder.path)
        let file = try open("leadfield.mat")
        #expect(file.contents == [.forward])
        expectEqual(try file.forward(ReadingOptions()), try ForwardFile.read(folder.file("forward.h5")))
        expectEqual(
            try open("metres.mat").forward(ReadingOptions()), try ForwardFile.read(folder.file("metres.h5")))
    }

    @Test("Brainstorm: head model, recording, covariance and projectors, by the channel file")
    func brainstorm() throws {
        try PythonEnvironment.run(MATLABSamples.brainstorm, in: folder.path)
        let options = ReadingOptions(channels: folder.file("channel.mat"))
        let head = try open("headmodel.mat")
        #expect(head is BrainstormFile)
        expectEqual(try head.forward(options), try ForwardFile.read(folder.file("headmodel.h5")))
        let (recording, expected) = (
            try open("data.mat").recording(options), try RecordingFile.read(folder.file("data.h5"))
        )
        expectEqual(recording, expected)
        let (covariance, expectedCovariance) = (
            try open("noisecov.mat").covariance(options), try CovarianceFile.read(folder.file("noisecov.h5"))
        )
        #expect(covariance.matrix == expectedCovariance.matrix)
        #expect(covariance.samples == 5000)
        for (projectors, other) in [
            (recording.projectors, expected.projectors), (covariance.projectors, expectedCovariance.projectors),
        ] {
            // An average reference is found as an eigenvector, whose sign is free.
            #expect(projectors.rows == 3)
            #expect(isClose(projectors.rows([0, 1]), other.rows([0, 1])))
            #expect(abs(abs(zip(projectors.row(2), other.row(2)).reduce(0) { $0 + $1.0 * $1.1 }) - 1) < 1e-12)
        }
        #expect(throws: InputError.self) { try head.forward(ReadingOptions()) }
    }

    @Test(
        "EEGLAB: epochs in the file or beside it, and averages that say of how many trials",
        arguments: [
            ("epochs.set", "epochs.h5"), ("flat.set", "epochs.h5"), ("average.set", "average.h5"),
        ])
    func eeglab(name: String, expected: String) throws {
        try PythonEnvironment.run(MATLABSamples.eeglab, in: folder.path)
        let file = try open(name)
        #expect(file is EEGLABFile)
        expectEqual(try file.recording(ReadingOptions()), try RecordingFile.read(folder.file(expected)))
    }

    @Test("MNE-Python reads the same numbers from the same FieldTrip and EEGLAB files")
    func againstMNE() throws {
        try PythonEnvironment.run(
            MATLABSamples.fieldTripData + MATLABSamples.eeglab + """
                import mne, h5py
                mne.set_log_level("ERROR")
                with h5py.File("mne.h5", "w") as f:
                    # MNE-Python takes the numbers as they are stored, whatever their units.
                    info = mne.create_info(labels, 250.0, "misc")
                    f["average"] = mne.read_evoked_fieldtrip("timelock.mat", info, data_name="standard").data
                    f["epochs"] = mne.read_epochs_eeglab("epochs.set", events=np.stack([np.arange(7), 0 * np.arange(7), 0 * np.arange(7) + 1], 1), event_id=dict(a=1)).get_data()

                """, in: folder.path)
        let file = try HDF5File(folder.file("mne.h5"))
        let average = Matrix(try file.matrix("average"))
        let own = try open("timelock.mat").recording(ReadingOptions()).average
        let factors = [100, 100, 1e-15, 1e-6, 1e-6]
        for (row, channel) in [0, 1, 3, 4, 5].enumerated() {
            #expect(
                zip(own.row(row), average.row(channel)).allSatisfy { abs($0 - $1 * factors[row]) <= 1e-15 * abs($0) })
        }
        let epochs = try open("epochs.set").recording(ReadingOptions()).epochs
        let theirs = try file.matrices("epochs").map { Matrix($0).rows([0, 1, 3]) }
        #expect(epochs.count == theirs.count)
        #expect(zip(epochs, theirs).allSatisfy { isClose($0, $1) })
    }
}
