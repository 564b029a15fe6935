import SourceImaging
import TestSupport
import Testing

@testable import Formats

/// A dataset of EEGLAB in Python, and the conditions that are to be found in it.
struct EEGLABCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Arguments of `dataset`.
    let script: String
    /// Names, and the epochs of each.
    let expected: [(name: String, epochs: [Int])]
    /// Piece of the only note; empty where there is none.
    let note: String

    init(_ name: String, _ script: String, _ expected: [(name: String, epochs: [Int])], note: String = "") {
        testDescription = name
        self.script = script
        self.expected = expected
        self.note = note
    }
}

@Suite(
    "EEGLAB datasets", .enabled(if: PythonEnvironment.isPresent, Comment(rawValue: PythonEnvironment.absence)))
struct MATLABEEGLABTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func open(_ arguments: String) throws -> any FormatReader {
        try PythonEnvironment.run(
            MATLABSamples.eeglabEvents + """
                made = dataset(\(arguments))
                save("case.set", made)
                native.recording("all.h5", np.moveaxis(data.astype(float) * 1e-6, 2, 0), ["Fz", "Cz"], ["eeg"] * 2, 100.0, -0.2, 1, "")
                data.T.astype("<f4").tofile("case.fdt")
                made["EEG"]["data"] = "case.fdt"
                save("beside.set", made)

                """, in: folder.path)
        return try FileFormats.open(folder.file("case.set"))
    }

    @Test("Epochs are conditions by the type of the event that they are locked to", arguments: EEGLABCase.events)
    func conditions(of one: EEGLABCase) throws {
        let file = try open(one.script)
        #expect(file.conditions.map(\.name) == one.expected.map(\.name))
        let all = try RecordingFile.read(folder.file("all.h5")).epochs
        for file in [file, try FileFormats.open(folder.file("beside.set"))] {
            for (index, expected) in one.expected.enumerated() {
                let read = try file.recording(ReadingOptions(conditions: ["\(expected.name)"]))
                #expect(read.epochs == expected.epochs.map { all[$0] })
                #expect(read.condition == expected.name && read.averages == 1)
                let amount = file.conditions[index].amount
                #expect(amount == (expected.name == "oddball" ? "" : "\(expected.epochs.count) epochs"))
                #expect(read.acquisition.notes.count == (one.note.isEmpty ? 0 : 1))
                for note in read.acquisition.notes { #expect(note.text { $0.rawValue }.contains(one.note)) }
            }
        }
        if one.expected.count == 1 { #expect(try file.recording(ReadingOptions()).epochs.count == all.count) }
    }

    @Test("Tags of types choose all that have them, and several conditions are read as one")
    func tags() throws {
        let file = try open("epoch=epochs(['tone/left', 'tone/right', 'flash/left', 'flash/right', 'tone/left'] * 2)")
        for (wanted, count) in [
            (["tone"], 6), (["left"], 6), (["flash/right"], 2), (["right/tone"], 2), (["flash", "tone/right"], 6),
        ] {
            #expect(try file.recording(ReadingOptions(conditions: wanted)).epochs.count == count)
        }
        let error = #expect(throws: InputError.self) { try file.recording(ReadingOptions()) }
        #expect(
            error?.description.contains("4 conditions: 0 'tone/left' (4 epochs), 1 'tone/right' (2 epochs)") == true)
    }

    @Test(
        "An average of unknown size is read as one where it is an epoch",
        arguments: [
            ("trials=1.0, data=data[:, :, 0]", nil), ("trials=1.0, data=data[:, :, 0], etc={'averages': 12.5}", 12.5),
            ("trials=1.0, xmin=0.1, data=data[:, :, 0], epoch={'eventtype': 'a', 'eventlatency': -100.0}", nil),
        ] as [(String, Double?)])
    func averages(arguments: String, expected: Double?) throws {
        let recording = try open(arguments).recording(ReadingOptions())
        #expect(recording.averages == expected)
        #expect(recording.condition == "oddball")
    }

    @Test("A damaged list of events is told")
    func damaged() throws {
        _ = try open("epoch=epochs(['a', 'b'] * 5)")
        try PythonEnvironment.run(
            "import h5py\nwith h5py.File('case.set', 'r+') as f: f['EEG/epoch/eventtype'][3, 0] = h5py.Reference()",
            in: folder.path)
        let error = #expect(throws: InputError.self) { try FileFormats.open(folder.file("case.set")) }
        #expect(error?.description.contains("EEG.epoch.eventtype: element 4 leads nowhere") == true)
    }

    @Test(
        "Brainstorm: the effective number of averages counts before all of them; without either it is unknown",
        arguments: [
            ("nAvg=232.0, Leff=32.4353", 32.4353, 0), ("nAvg=232.0", 232, 0), ("Leff=0.5", 0.5, 0), ("", nil, 0),
            ("nAvg=40.0, Leff=0.0", 40, 1), ("nAvg=40.0, Leff=np.nan", 40, 1), ("nAvg=-1.0, Leff=np.inf", nil, 2),
            ("nAvg=40.0, Leff=np.zeros((0, 0))", 40, 0),
        ] as [(String, Double?, Int)])
    func effectiveAverages(fields: String, expected: Double?, notes: Int) throws {
        try PythonEnvironment.run(
            MATLABSamples.brainstorm + """
                save("case.mat", dict(F=F, Time=time[None], Comment="a - b", \(fields)))
                save("single.mat", {"NoiseCov": noise.astype("f4"), "nSamples": 100.0})

                """, in: folder.path)
        let options = ReadingOptions(channels: folder.file("channel.mat"))
        let recording = try FileFormats.open(folder.file("case.mat")).recording(options)
        #expect(recording.averages == expected)
        #expect(recording.acquisition.notes.count == notes)
        #expect(try FileFormats.open(folder.file("single.mat")).covariance(options).isSinglePrecision)
        #expect(try !FileFormats.open(folder.file("noisecov.mat")).covariance(options).isSinglePrecision)
    }
}

extension EEGLABCase {
    static let events: [EEGLABCase] = [
        EEGLABCase("no events", "", [("oddball", Array(0..<10))]),
        EEGLABCase("one type", "epoch=epochs(['tone'] * 10)", [("tone", Array(0..<10))]),
        EEGLABCase(
            "two types, also in event, which is another's",
            "epoch=epochs(['b', 'a'] * 5), event=events([('c', 1, 0)])",
            [("b", [0, 2, 4, 6, 8]), ("a", [1, 3, 5, 7, 9])]),
        EEGLABCase(
            "three types with several events in an epoch: that at time 0",
            """
            epoch=epochs(['x', ['resp', 'y'], ['y', 'resp', 'x'], 'z', ['z']] * 2,
                         [0.0, [-180.0, 0.0], [-100.0, 210.0, 1.5], 0.0, [0.0]] * 2)
            """, [("x", [0, 2, 5, 7]), ("y", [1, 6]), ("z", [3, 4, 8, 9])]),
        EEGLABCase(
            "numbers, in cells and alone",
            "epoch=epochs([1.0, [2.0, 65.0], np.array([1.0, 2.0]), 2.5, '1'] * 2, "
                + "[0.0, [0.0, 300.0], np.array([0.0, 100.0]), 0.0, 0.0] * 2)",
            [("1", [0, 2, 4, 5, 7, 9]), ("2", [1, 6]), ("2.5", [3, 8])]),
        EEGLABCase(
            "epochs without an event",
            "epoch=epochs(['a', np.zeros((0, 0)), [], ''] + ['a'] * 6, "
                + "[0.0, np.zeros((0, 0)), [], 0.0] + [0.0] * 6)",
            [("a", [0, 4, 5, 6, 7, 8, 9]), ("no event", [1, 2, 3])]),
        EEGLABCase("no epoch with an event", "epoch=epochs([[]] * 10, [[]] * 10)", [("oddball", Array(0..<10))]),
        EEGLABCase(
            "types that are neither text nor numbers", "epoch=epochs([{'a': 1.0}] * 10)", [("oddball", Array(0..<10))]),
        EEGLABCase(
            "events by the number of their epoch, boundaries apart",
            """
            event=events([('boundary', 1, 0)] + [('left', e, 0) for e in (1, 2, 3, 4)] + [('resp', 2, -7)]
                         + [('right', e, 0.4) for e in (5, 6, 7, 8, 9, 10)] + [('resp', 9, 3)])
            """, [("left", [0, 1, 2, 3]), ("right", [4, 5, 6, 7, 8, 9])]),
        EEGLABCase(
            "numbers of events, some beyond the epochs",
            "event=events([(3.0, 1 + e, 0) for e in range(5)] + [(4.0, 6 + e, 0) for e in range(7)] + [(9.0, 0, 0)])",
            [("3", Array(0..<5)), ("4", Array(5..<10))]),
        EEGLABCase(
            "epochs of another number, events that fit",
            "epoch=epochs(['z'] * 8), event=events([('a' if e < 4 else 'b', e, 0) for e in range(1, 11)])",
            [("a", [0, 1, 2]), ("b", Array(3..<10))], note: "epoch of the dataset has 8 entries for 10 epochs"),
        EEGLABCase(
            "epochs of another number", "epoch=epochs(['a', 'b', 'c'] * 4)", [("oddball", Array(0..<10))],
            note: "12 entries for 10 epochs"),
        EEGLABCase(
            "continuous events", "event=StructArray([{'type': 'a', 'latency': 3.0}] * 4)", [("oddball", Array(0..<10))]),
    ]
}
