import Foci
import Foundation
import TestSupport
import Testing

/// One of the sample's files in a bad state, and what the program must say of it.
struct BadFile: Sendable, CustomTestStringConvertible {
    /// What is wrong.
    let testDescription: String
    /// The file that is replaced.
    let file: String
    /// What the line on standard error must hold beside the file's name.
    let mentions: [String]
    /// The replacement.
    let bytes: @Sendable () throws -> [UInt8]

    init(_ fault: String, _ file: String, _ mentions: String..., bytes: @escaping @Sendable () throws -> [UInt8]) {
        testDescription = fault
        self.file = file
        self.mentions = mentions
        self.bytes = bytes
    }
}

/// The one line, the exit code, and that nothing is written, for all that can be wrong with a localization's input.
@Suite("Bad input of foci localize")
struct BadInputTests {
    let workspace: Workspace

    init() throws { workspace = try Workspace() }

    /// Localizes and expects a refusal that leaves no trace.
    private func expectNoTrace(
        _ arguments: [String], naming parts: [String], shell: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let before = workspace.contents
        let outcome = try Program.run(arguments, in: workspace.folder.path, shell: shell)
        expectRefusal(outcome, naming: parts, sourceLocation: sourceLocation)
        #expect(workspace.contents == before, sourceLocation: sourceLocation)
    }

    // MARK: Files that cannot be read

    static let inputs = ["forward", "recording", "covariance"]

    @Test("A missing file is named", arguments: inputs)
    func missing(input: String) throws {
        try FileManager.default.removeItem(atPath: workspace.folder.file("\(input).h5"))
        try expectNoTrace(Workspace.localization(), naming: ["foci: \(input).h5: no such file"])
    }

    @Test("A folder in place of a file is named", arguments: inputs)
    func folder(input: String) throws {
        try FileManager.default.removeItem(atPath: workspace.folder.file("\(input).h5"))
        try FileManager.default.createDirectory(
            atPath: workspace.folder.file("\(input).h5"), withIntermediateDirectories: false)
        try expectNoTrace(Workspace.localization(), naming: ["foci: \(input).h5", "folder"])
    }

    @Test("A file that was cut off anywhere is named", arguments: inputs)
    func truncated(input: String) throws {
        let whole = try #require(try Sample.files.get()["\(input).h5"])
        for length in [0, 5, 60, 1000, whole.count / 2, whole.count * 9 / 10, whole.count - 1] {
            try workspace.folder.write("\(input).h5", whole.prefix(length))
            try expectNoTrace(Workspace.localization(), naming: ["foci: \(input).h5"])
        }
    }

    static let foreign: [(name: String, bytes: [UInt8], mention: String)] = [
        ("text", Array("channel,time\nMEG 0111,0.1\n".utf8), "a text file"),
        ("FIF", [0, 0, 0, 100, 0, 0, 0, 31, 0, 0, 0, 20] + [UInt8](repeating: 7, count: 500), "a FIF file"),
        (
            "MATLAB 5", Array("MATLAB 5.0 MAT-file, Platform: GLNXA64".utf8) + [UInt8](repeating: 0, count: 500),
            "-v7.3"
        ),
        ("gzip", [0x1F, 0x8B, 8, 0] + [UInt8](repeating: 1, count: 100), "gunzip"),
        ("noise", (0..<2000).map { UInt8(truncatingIfNeeded: $0 &* 73 &+ $0 / 3) }, "HDF5"),
    ]

    @Test("A file of another kind is recognized", arguments: foreign)
    func ofAnotherKind(name: String, bytes: [UInt8], mention: String) throws {
        for input in Self.inputs {
            let path = "\(input)-foreign.h5"
            try workspace.folder.write(path, bytes)
            let arguments = Workspace.localization(
                forward: input == "forward" ? path : "forward.h5",
                recording: input == "recording" ? path : "recording.h5",
                covariance: input == "covariance" ? path : "covariance.h5")
            try expectNoTrace(arguments, naming: ["foci: \(path)", mention])
        }
    }

    @Test("Files given for one another are told apart")
    func swapped() throws {
        for (arguments, line) in [
            (
                Workspace.localization(forward: "recording.h5"),
                "recording.h5: a recording file; expected a forward file"
            ),
            (Workspace.localization(recording: "forward.h5"), "forward.h5: a forward file; expected a recording file"),
            (Workspace.localization(covariance: "truth.h5"), "truth.h5: a truth file; expected a covariance file"),
        ] {
            try expectNoTrace(arguments, naming: ["foci: \(line)"])
        }
    }

    // MARK: Files whose content is wrong

    static let badFiles: [BadFile] = [
        BadFile("unknown format", "recording.h5", "@format", "'spikes'") { try RawFile.recording(format: "spikes") },
        BadFile("newer layout", "recording.h5", "@version", "7") { try RawFile.recording(version: 7) },
        BadFile("no data", "recording.h5", "data: not in the file") { try RawFile.recording(without: ["data"]) },
        BadFile("no channel names", "recording.h5", "sensors/name") { try RawFile.recording(without: ["name"]) },
        BadFile("no sampling frequency", "recording.h5", "@sampling_frequency", "Hz") {
            try RawFile.recording(without: ["sampling_frequency"])
        },
        BadFile("averages of nothing", "recording.h5", "averages: 0") { try RawFile.recording(averages: 0) },
        BadFile("a sampling frequency of 0", "recording.h5", "sampling_frequency: 0") {
            try RawFile.recording(frequency: 0)
        },
        BadFile("transposed data", "recording.h5", "data: 5 × 5", "expected 4 × 5 (channels × samples)") {
            try RawFile.recording(data: [Double](repeating: 1e-13, count: 25), shape: [5, 5])
        },
        BadFile("data of one dimension", "recording.h5", "data", "20") { try RawFile.recording(shape: [20]) },
        BadFile("no samples", "recording.h5", "data", "no samples") {
            try RawFile.recording(data: [], shape: [4, 0])
        },
        BadFile("a channel twice", "recording.h5", "sensors/name", "'M1' stands twice") {
            try RawFile.recording(names: ["M1", "M2", "M1", "E2"])
        },
        BadFile("an unknown kind", "recording.h5", "sensors/kind", "'ecg' for channel 'E1'") {
            try RawFile.recording(kinds: ["mag", "mag", "ecg", "eeg"])
        },
        BadFile("NaN in the data", "recording.h5", "nan in channel '", "at sample 33", "expected finite") {
            let recording = try Sample.simulated.get().recording
            return try replacing(recording.epochs[0][7, 33], with: .nan, in: RecordingFile.encode(recording))
        },
        BadFile("infinity in the data", "recording.h5", "inf in channel 'MEG 0132' at sample 45 (0.025 s)") {
            let recording = try Sample.simulated.get().recording
            return try replacing(recording.epochs[0][7, 45], with: .infinity, in: RecordingFile.encode(recording))
        },
        BadFile("no covariance", "covariance.h5", "covariance: not in the file") {
            try RawFile.covariance(without: ["covariance"])
        },
        BadFile("a covariance that is not square", "covariance.h5", "covariance: 2 × 8", "4 × 4") {
            try RawFile.covariance(shape: [2, 8])
        },
        BadFile("a channel twice in the covariance", "covariance.h5", "'M2' stands twice") {
            try RawFile.covariance(names: ["M1", "M2", "M2", "E2"])
        },
        BadFile("NaN in the covariance", "covariance.h5", "nan between channels 'MEG 0113' and 'MEG 0113'") {
            let covariance = try Sample.simulated.get().covariance
            return try replacing(covariance.matrix[2, 2], with: .nan, in: CovarianceFile.encode(covariance))
        },
        BadFile("infinity in the covariance", "covariance.h5", "inf between channels 'MEG 0112' and 'MEG 0122'") {
            let covariance = try Sample.simulated.get().covariance
            return try replacing(covariance.matrix[1, 4], with: .infinity, in: CovarianceFile.encode(covariance))
        },
        BadFile("an asymmetric covariance", "covariance.h5", "'E1' and 'M2'", "symmetric") {
            try RawFile.covariance(values: (0..<16).map { $0 % 5 == 0 ? 1e-26 : ($0 == 6 ? 1e-27 : 0) })
        },
        BadFile("a negative variance", "covariance.h5", "variance -1e-26 of channel 'E1'", "positive semidefinite") {
            try RawFile.covariance(values: (0..<16).map { $0 == 10 ? -1e-26 : ($0 % 5 == 0 ? 1e-26 : 0) })
        },
        BadFile("no gain", "forward.h5", "gain: not in the file") { try RawFile.forward(without: ["gain"]) },
        BadFile("no orientations", "forward.h5", "gain@orientations", "1 (fixed) or 3 (free)") {
            try RawFile.forward(without: ["orientations"])
        },
        BadFile("no positions", "forward.h5", "sources/position") { try RawFile.forward(without: ["position"]) },
        BadFile("no frame", "forward.h5", "sources@frame", "'head', 'mri' or 'ctf'") {
            try RawFile.forward(without: ["frame"])
        },
        BadFile("a gain of other channels", "forward.h5", "gain: 2 rows", "expected 4") {
            try RawFile.forward(shape: [2, 4])
        },
        BadFile("a channel twice in the gain", "forward.h5", "'E1' stands twice") {
            try RawFile.forward(names: ["M1", "M2", "E1", "E1"])
        },
        BadFile("positions in mm", "forward.h5", "sources/position", "millimetres") {
            try RawFile.forward(positions: [0, 0, 50, 0, 50, 0])
        },
        BadFile("infinity in the gain", "forward.h5", "-inf at source 1 of channel 'MEG 0112'") {
            let forward = try Sample.simulated.get().forward
            return try replacing(forward.gain[1, 4], with: -.infinity, in: ForwardFile.encode(forward))
        },
        BadFile("NaN in a gain of three orientations", "forward.h5", "nan at source 41 of channel '") {
            let forward = try Sample.simulated.get().forward
            return try replacing(forward.gain[5, 3 * 41 + 1], with: .nan, in: ForwardFile.encode(forward))
        },
    ]

    @Test("A file with one fault is refused, with its place and what was expected", arguments: badFiles)
    func badFile(_ bad: BadFile) throws {
        try workspace.folder.write(bad.file, try bad.bytes())
        try expectNoTrace(Workspace.localization(), naming: ["foci: \(bad.file): "] + bad.mentions)
    }

    @Test("The channel of a NaN is the one that holds it")
    func channelOfNaN() throws {
        let recording = try Sample.simulated.get().recording
        try workspace.folder.write(
            "recording.h5",
            try replacing(recording.epochs[0][7, 33], with: .nan, in: RecordingFile.encode(recording)))
        try expectNoTrace(Workspace.localization(), naming: ["'\(recording.sensors.names[7])' at sample 33"])
    }

    // MARK: Files that do not fit together

    /// The sample's channels under other names.
    private func renamed(_ sensors: Sensors) throws -> Sensors {
        try Sensors(names: sensors.names.map { "X" + $0 }, kinds: sensors.kinds)
    }

    @Test("Without a channel in common nothing can be done")
    func noCommonChannels() throws {
        let forward = try Sample.simulated.get().forward
        try workspace.folder.write(
            "forward.h5",
            try ForwardFile.encode(
                Forward(
                    gain: forward.gain, orientations: 3, sensors: renamed(forward.sensors), sources: forward.sources)))
        let name = forward.sensors.names[0]
        try expectNoTrace(
            Workspace.localization(),
            naming: [
                "no channels in common", "the recording has '\(name)'", "the forward 'X\(name)'",
            ])
    }

    @Test("A covariance of other channels is refused, of some of them used with a warning")
    func otherCovariance() throws {
        let covariance = try Sample.simulated.get().covariance
        let sensors = covariance.sensors
        try workspace.folder.write(
            "other.h5",
            try CovarianceFile.encode(
                NoiseCovariance(matrix: covariance.matrix, samples: 3000, sensors: renamed(sensors))))
        try expectNoTrace(
            Workspace.localization(covariance: "other.h5"),
            naming: ["no channels in common", "the covariance 'X\(sensors.names[0])'"])

        let some = 0..<70
        try workspace.folder.write(
            "some.h5",
            try CovarianceFile.encode(
                NoiseCovariance(
                    matrix: covariance.matrix.rows(some).columns(some), samples: 3000,
                    sensors: Sensors(names: Array(sensors.names[some]), kinds: Array(sensors.kinds[some])))))
        let outcome = try workspace.localize(covariance: "some.h5", "--lambda", "0.5")
        #expect(outcome.status == 0)
        #expect(outcome.errors.contains("6 of 76 channels left out, which the covariance does not have: 'EEG 011'"))
    }

    @Test("A channel of two kinds is refused")
    func twoKinds() throws {
        let recording = try Sample.simulated.get().recording
        var kinds = recording.sensors.kinds
        kinds[0] = .eeg
        try workspace.folder.write(
            "recording.h5",
            try RecordingFile.encode(
                Recording(
                    epochs: recording.epochs, samplingFrequency: 200, firstTime: -0.2, averages: 50,
                    sensors: Sensors(names: recording.sensors.names, kinds: kinds))))
        try expectNoTrace(
            Workspace.localization(), naming: ["channel '\(recording.sensors.names[0])'", "eeg in the recording"])
    }

    @Test("A covariance with a negative eigenvalue is refused")
    func indefinite() throws {
        let covariance = try Sample.simulated.get().covariance
        var matrix = covariance.matrix
        // Two channels correlated by 3.
        let value = 3 * (matrix[0, 0] * matrix[1, 1]).squareRoot()
        matrix[0, 1] = value
        matrix[1, 0] = value
        try workspace.folder.write(
            "covariance.h5",
            try CovarianceFile.encode(NoiseCovariance(matrix: matrix, samples: 3000, sensors: covariance.sensors)))
        try expectNoTrace(
            Workspace.localization(), naming: ["covariance", "negative eigenvalue", "expected a positive semidefinite"])
    }

    @Test("A covariance of zeros is refused")
    func noNoise() throws {
        let covariance = try Sample.simulated.get().covariance
        try workspace.folder.write(
            "covariance.h5",
            try CovarianceFile.encode(
                NoiseCovariance(
                    matrix: Matrix(rows: covariance.sensors.count, columns: covariance.sensors.count), samples: 0,
                    sensors: covariance.sensors)))
        try expectNoTrace(Workspace.localization(), naming: ["covariance: all variances are zero"])
    }

    @Test("Sensors that the recording does not have, and orientations that the forward does not have, are refused")
    func unavailable() throws {
        let sample = try Sample.simulated.get()
        let meg = 0..<60
        let sensors = sample.recording.sensors
        let kept = try Sensors(names: Array(sensors.names[meg]), kinds: Array(sensors.kinds[meg]))
        try workspace.folder.write(
            "meg.h5",
            try RecordingFile.encode(
                Recording(
                    epochs: [sample.recording.epochs[0].rows(meg)], samplingFrequency: 200, firstTime: -0.2,
                    averages: 50, sensors: kept)))
        try expectNoTrace(
            Workspace.localization(recording: "meg.h5", ["--sensors", "eeg"]),
            naming: ["no channel of kind 'eeg'", "mag, grad"])
        let forward = sample.forward
        try workspace.folder.write(
            "fixed.h5",
            try ForwardFile.encode(
                Forward(
                    gain: forward.gain.columns(stride(from: 0, to: 900, by: 3).map { $0 }), orientations: 1,
                    sensors: forward.sensors, sources: forward.sources)))
        for orientation in ["free", "loose:0.2"] {
            try expectNoTrace(
                Workspace.localization(forward: "fixed.h5", ["--orientation", orientation]),
                naming: ["orientation: \(orientation)", "use --orientation fixed"])
        }
    }

    @Test("Without covariance and without a baseline the noise is unknown")
    func noBaseline() throws {
        let recording = try Sample.simulated.get().recording
        try workspace.folder.write(
            "late.h5",
            try RecordingFile.encode(
                Recording(
                    epochs: recording.epochs, samplingFrequency: 200, firstTime: 0, averages: 50,
                    sensors: recording.sensors)))
        try expectNoTrace(
            Workspace.localization(recording: "late.h5", covariance: nil),
            naming: ["late.h5: 0 samples before time 0", "--covariance"])
    }

    // MARK: Options

    @Test(
        "An option outside of its range is refused",
        arguments: [
            (["--lambda", "1.5"], "lambda: 1.5"), (["--lambda", "0"], "lambda: 0.0"),
            (["--lambda", "nan"], "lambda: nan"),
            (["--lambda", "-0.5"], "lambda: -0.5"), (["--depth", "2"], "depth: 2.0"),
            (["--depth", "nan"], "depth: nan"),
            (["--depth", "-1"], "depth: -1.0"), (["--gap", "0"], "gap: 0.0"), (["--gap", "-1e-6"], "gap: -1e-06"),
            (["--gap", "nan"], "gap: nan"), (["--threads", "0"], "--threads: 0"),
            (["--threads", "-2"], "--threads: -2"), (["--reweight", "-1"], "reweight: -1"),
            (["--reweight", "1000000"], "reweight: 1000000"), (["--window", "0.1", "0.05"], "--window: 0.1 to 0.05 s"),
            (["--window", "nan", "0.1"], "--window: nan"), (["--window", "0.1012", "0.1013"], "window: no samples"),
            (["--window", "5", "6"], "the recording has -0.2 to 0.4 s"),
            (["--window", "-1", "0.1"], "the recording has -0.2 to 0.4 s"),
        ])
    func option(options: [String], mention: String) throws {
        try expectNoTrace(Workspace.localization(options), naming: [mention, "expected"])
    }

    // MARK: Places that cannot be written

    @Test("A folder that exists is not touched without --force")
    func existingFolder() throws {
        try FileManager.default.createDirectory(
            atPath: workspace.folder.file("result"), withIntermediateDirectories: false)
        try workspace.folder.write("result/estimate.h5", Array("old".utf8))
        try expectNoTrace(Workspace.localization(), naming: ["foci: result: a folder that exists", "--force"])
        #expect(try workspace.files(of: "result") == ["estimate.h5": Array("old".utf8)])
    }

    @Test("A file at the output's place, or above it, is not replaced", arguments: [[], ["--force"]])
    func existingFile(options: [String]) throws {
        try workspace.folder.write("result", Array("mine".utf8))
        try expectNoTrace(Workspace.localization(options), naming: ["foci: result: a file of this name"])
        try expectNoTrace(
            Workspace.localization(output: "result/below", ["--lambda", "0.5"] + options),
            naming: ["foci: result/below", "Not a directory"])
        #expect(try workspace.folder.read("result") == Array("mine".utf8))
    }

    @Test("A place where nobody may write is named")
    func unwritablePlace() throws {
        // Not even the superuser makes folders here.
        try expectNoTrace(
            Workspace.localization(output: "/proc/foci/result", ["--lambda", "0.5"]),
            naming: ["foci: /proc/foci/result: cannot be written"])
    }

    @Test(
        "A folder without the right to write is named", .enabled(if: geteuid() != 0, "the superuser may write anywhere")
    )
    func unwritableFolder() throws {
        let place = workspace.folder.file("locked")
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
        try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: place)
        try expectNoTrace(
            Workspace.localization(output: "locked/result", ["--lambda", "0.5"]),
            naming: ["foci: locked/result: cannot be written: Permission denied"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: place).isEmpty)
    }

    /// No file beyond 8 blocks, 4 kB: what a full disk looks like to a program.
    private static let littleRoom = "ulimit -f 8; exec \"$@\""

    @Test("A full disk leaves no folder, nor a part of one")
    func fullDisk() throws {
        try expectNoTrace(
            Workspace.localization(["--lambda", "0.5"]), naming: ["foci: result/estimate.h5: cannot be written"],
            shell: Self.littleRoom)
        try expectNoTrace(
            Workspace.localization(output: "new/parents/result", ["--lambda", "0.5"]),
            naming: ["foci: new/parents/result/estimate.h5: cannot be written"], shell: Self.littleRoom)
        try expectNoTrace(
            ["simulate", "--output", "made"] + Sample.options, naming: ["foci: made/forward.h5: cannot be written"],
            shell: Self.littleRoom)
    }

    @Test("A full disk leaves the files of an old result as they were")
    func fullDiskByForce() throws {
        expectSuccess(try workspace.localize("--quiet", "--lambda", "0.5"))
        let old = try workspace.files(of: "result")
        try expectNoTrace(
            Workspace.localization(["--lambda", "0.3", "--force"]), naming: ["estimate.h5: cannot be written"],
            shell: Self.littleRoom)
        #expect(try workspace.files(of: "result") == old)
    }

    @Test(
        "A standard output that takes nothing is an error, not a silence",
        .enabled(if: FileManager.default.fileExists(atPath: "/dev/full"), "there is no /dev/full"))
    func fullOutput() throws {
        expectRefusal(
            try workspace.foci("inspect", "truth.h5", shell: "exec \"$@\" > /dev/full"),
            naming: ["standard output: it cannot be written to"])
    }

    @Test(
        "foci inspect refuses what it cannot read",
        arguments: [("absent.h5", "no such file"), (".", "folder"), ("text.h5", "a text file"), ("cut.h5", "")])
    func inspect(file: String, mention: String) throws {
        try workspace.folder.write("text.h5", Array("hello\n".utf8))
        try workspace.folder.write("cut.h5", try #require(try Sample.files.get()["truth.h5"]).prefix(3000))
        for options in [[], ["--json"]] {
            try expectNoTrace(
                ["inspect", file] + options, naming: ["foci: \(file): ", mention].filter { !$0.isEmpty })
        }
    }
}
