import SourceImaging
import TestSupport
import Testing

@testable import Formats

@Suite(
    "FieldTrip structures", .enabled(if: PythonEnvironment.isPresent, Comment(rawValue: PythonEnvironment.absence)))
struct MATLABFieldTripTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func open(_ sample: String, _ script: String) throws -> any FormatReader {
        try PythonEnvironment.run(sample + script, in: folder.path)
        return try FileFormats.open(folder.file("case.mat"))
    }

    private func text(_ message: Message) -> String { message.text { "--\($0.rawValue)" } }

    private func isClose(_ a: Matrix, _ b: Matrix) -> Bool {
        a.rows == b.rows && a.columns == b.columns
            && zip(a.elements, b.elements).allSatisfy { abs($0 - $1) <= 1e-12 * abs($1) || ($0.isNaN && $1.isNaN) }
    }

    // MARK: Units

    @Test(
        "Units are those of the data, stated or told by sizes, never those of the geometry",
        arguments: MATLABCase.units)
    func units(of one: MATLABCase) throws {
        let file = try open(MATLABSamples.fieldTripUnits, one.script)
        let recording = try file.recording(ReadingOptions())
        let expected = try RecordingFile.read(folder.file("si.h5"))
        #expect(recording.sensors == expected.sensors)
        #expect(isClose(recording.epochs[0], expected.epochs[0]))
        if file.contents.contains(.covariance) {
            let covariance = try CovarianceFile.read(folder.file("si-cov.h5"))
            #expect(isClose(try file.covariance(ReadingOptions()).matrix, covariance.matrix))
        }
        let notes = recording.acquisition.notes.map(text)
        #expect(notes.count == (one.says.isEmpty ? 0 : 1), "\(notes)")
        for piece in one.says { #expect(notes.first?.contains(piece) == true, "\(notes)") }
    }

    @Test("What sizes leave in doubt ends with a line that says what to add", arguments: MATLABCase.doubts)
    func doubt(about one: MATLABCase) throws {
        let file = try open(MATLABSamples.fieldTripUnits, one.script)
        for read in [
            { _ = try file.recording(ReadingOptions()) }, { _ = try file.covariance(ReadingOptions()) },
        ] as [() throws -> Void] {
            let error = #expect(throws: InputError.self) { try read() }
            for piece in one.says { #expect(error?.description.contains(piece) == true, "\(error?.description ?? "")") }
        }
    }

    @Test("A covariance in single precision is known as one, in whatever units", arguments: [false, true])
    func precision(isSingle: Bool) throws {
        let file = try open(
            MATLABSamples.fieldTripUnits,
            "s = structure(eeg='uV', rows=range(6, 9))\ns.update(chanunit=['uV'] * 3)\n"
                + (isSingle ? "s['cov'] = s['cov'].astype('f4')\n" : "") + "save('case.mat', {'erf': s})")
        #expect(try file.covariance(ReadingOptions()).isSinglePrecision == isSingle)
    }

    // MARK: Averages

    @Test("Averages are the fewest of all channels that have data, at each sample", arguments: MATLABCase.averages)
    func averages(of one: (name: String, script: String, fewest: Double?, atThirty: Double?)) throws {
        let file = try open(
            MATLABSamples.fieldTripUnits,
            "s = structure(rows=range(6, 9), chanunit=['V'] * 3)\nd = np.full((3, 40), 60.0)\ns['dof'] = d\n"
                + one.script
                + "\nsave('case.mat', {'erf': s})")
        let recording = try file.recording(ReadingOptions())
        #expect(recording.averages == one.fewest)
        let bySample = recording.acquisition.averagesBySample
        #expect((bySample == nil ? recording.averages : bySample?[30]) == one.atThirty)
        #expect(bySample == nil || bySample?.count == recording.sampleCount)
    }

    // MARK: Conditions

    @Test(
        "Codes in the first column of trialinfo are conditions, other numbers are none",
        arguments: MATLABCase.conditions)
    func conditions(of one: (name: String, info: String, expected: [Condition], fact: String)) throws {
        let file = try open(
            MATLABSamples.fieldTripTrials, "save('case.mat', {'data': trialed(trialinfo=\(one.info))})")
        #expect(file.conditions == one.expected)
        let facts = try file.facts(ReadingOptions()).map { "\($0.name): \($0.value)" }
        #expect(facts.count == (one.fact.isEmpty ? 0 : 1), "\(facts)")
        #expect(one.fact.isEmpty || facts.first?.contains(one.fact) == true, "\(facts)")
    }

    @Test("A condition holds its trials, several of them all of theirs; averages are a condition a variable")
    func chosenTrials() throws {
        let file = try open(
            MATLABSamples.fieldTripTrials + MATLABSamples.fieldTripUnits,
            """
            time = -0.1 + np.arange(40) / 200
            save("case.mat", {"data": trialed(trialinfo=(np.arange(12) % 3)[:, None] + 1.0)})
            for name, chosen in [("one", [1, 4, 7, 10]), ("two", [1, 4, 7, 10, 2, 5, 8, 11])]:
                native.recording(name + ".h5", 1e-6 * trials[chosen], ["E1", "E2"], ["eeg"] * 2, 200.0, -0.1, 1, "data/2")
            save("averages.mat", {"erf": structure(chanunit=\(MATLABCase.stated)), "erg": structure(chanunit=\(MATLABCase.stated))})
            """)
        // A code is a name, not an index.
        for (wanted, name) in [(["data/2"], "one"), (["2"], "one"), (["data/2", "data/3"], "two")] {
            let read = try file.recording(ReadingOptions(conditions: wanted))
            let expected = try RecordingFile.read(folder.file("\(name).h5"))
            #expect(read.epochs.count == expected.epochs.count)
            #expect(zip(read.epochs, expected.epochs).allSatisfy { isClose($0, $1) })
            #expect(read.averages == 1)
        }
        #expect(throws: InputError.self) { try file.recording(ReadingOptions()) }
        let averages = try FileFormats.open(folder.file("averages.mat"))
        #expect(averages.conditions == [Condition("erf"), Condition("erg")])
        #expect(try averages.covariance(ReadingOptions(conditions: ["erg"])).sensors.count == 9)
    }

    @Test("Raw data beside an average are left out, with a line that says so")
    func leftOut() throws {
        let file = try open(
            MATLABSamples.fieldTripUnits,
            """
            raw = dict(label=names, trial=[si, si], time=[time, time])
            save("case.mat", {"data": raw, "erf": structure(chanunit=\(MATLABCase.stated))})
            """)
        #expect(file.conditions == [Condition("erf")])
        let facts = try file.facts(ReadingOptions())
        #expect(facts.contains { $0.name == "left out" && $0.value.contains("data: raw data") })
    }

    // MARK: Compensation

    @Test(
        "Gradient compensation of data and lead fields is that of their sensor arrays",
        arguments: [
            ("'none'", "none"), ("'G1BR'", "grade 1"), ("'G3BR'", "grade 3"), ("['G3BR']", "grade 3"),
            ("['G2BR', 'comp']", "grade 2"), ("'invcomp'", "none"), ("'planar'", "planar"), ("['none']", "none"),
            ("[]", "none"),
            ("3.0", nil),
        ])
    func compensation(current: String, expected: String?) throws {
        let file = try open(
            MATLABSamples.fieldTripUnits,
            """
            grad = array("T/m", "m", balance={"current": \(current), "G3BR": {"tra": np.eye(6)}})
            s = structure(chanunit=\(MATLABCase.stated))
            s["grad"] = grad
            lf = dict(pos=np.eye(3) / 20, unit="m", coordsys="ctf", label=names, chanunit=\(MATLABCase.stated),
                      leadfield=[rng.standard_normal((9, 3)) for _ in range(3)], cfg={"grad": grad})
            save("case.mat", {"erf": s, "lf": lf})
            """)
        let whole = expected.map { [String](repeating: $0, count: 6) + ["none", "none", "none"] }
        #expect(try file.recording(ReadingOptions()).sensors.compensations == whole)
        #expect(try file.covariance(ReadingOptions()).sensors.compensations == whole)
        #expect(try file.forward(ReadingOptions()).sensors.compensations == whole)
    }
}

extension MATLABCase {
    /// The units of `structure`, where nothing else is asked for.
    static let stated = "['T'] * 2 + ['T/m'] * 4 + ['V'] * 3"

    static let units: [MATLABCase] = [
        MATLABCase(
            "T/m by hdr, T/cm by a geometry in cm",
            "save('case.mat', {'erf': dict(structure(), grad=array(), elec=elec(), hdr=hdr(\(stated)))})"),
        MATLABCase(
            "µV by hdr, V by elec",
            """
            save('case.mat', {'erf': dict(structure(eeg='uV'), hdr=hdr(['T'] * 2 + ['T/m'] * 4 + ['uV'] * 3),
                grad=array(), elec=elec())})
            """
        ),
        MATLABCase(
            "its own chanunit before hdr",
            """
            save('case.mat', {'erf': dict(structure(), chanunit=\(stated),
                hdr=hdr(['fT'] * 2 + ['fT/cm'] * 4 + ['uV'] * 3))})
            """
        ),
        MATLABCase(
            "a clock in s and a coil in A·m that are no sensors",
            """
            s = structure()
            s["avg"] = np.vstack([s["avg"], np.ones((2, 40))])
            del s["cov"]
            s.update(label=names + ["CLK", "HPI"], chanunit=\(stated) + ["s", "Am"])
            save("case.mat", {"erf": s})
            """),
        MATLABCase(
            "T/m, T/cm by a geometry in cm alone",
            "save('case.mat', {'erf': dict(structure(), grad=array(), elec=elec())})",
            "gradiometers are taken to be in T/m, not in T/cm as erf.grad.chanunit has it",
            "times those of magnetometers"),
        MATLABCase(
            "T/m, T/cm by the geometry in cfg, no covariance",
            """
            s = structure()
            del s['cov']
            s.update(cfg={'grad': array(), 'elec': elec()})
            save('case.mat', {'erf': s})
            """,
            "gradiometers are taken to be in T/m, not in T/cm as erf.cfg.grad.chanunit has it"),
        MATLABCase(
            "T/cm, as the geometry says",
            "save('case.mat', {'erf': dict(structure(grad='T/cm'), grad=array(), elec=elec())})"),
        MATLABCase(
            "T/cm, T/m by a geometry in m",
            "save('case.mat', {'erf': dict(structure(grad='T/cm'), grad=array('T/m', 'm'), elec=elec())})",
            "gradiometers are taken to be in T/cm, not in T/m as erf.grad.chanunit has it"),
        MATLABCase(
            "T/mm, as the geometry says",
            "save('case.mat', {'erf': dict(structure(grad='T/mm'), grad=array('T/mm', 'mm'), elec=elec())})"),
        MATLABCase(
            "T/m, T/mm by the geometry",
            "save('case.mat', {'erf': dict(structure(), grad=array('T/mm', 'mm'), elec=elec())})",
            "gradiometers are taken to be in T/m, not in T/mm"),
        MATLABCase(
            "µV, V by elec alone",
            """
            save('case.mat', {'erf': dict(structure(eeg='uV'), chanunit=['T'] * 2 + ['T/m'] * 4 + ['unknown'] * 3,
                elec=elec())})
            """,
            "EEG electrodes are taken to be in uV, not in V as erf.elec.chanunit has it"),
        MATLABCase(
            "mV by elec, as sizes allow",
            "save('case.mat', {'erf': dict(structure(eeg='mV'), grad=array('T/m', 'm'), elec=elec('mV'))})"),
        MATLABCase(
            "V, labels of elec without any unit or type",
            "save('case.mat', {'erf': dict(structure(rows=range(6, 9)), elec={'label': names[6:]})})",
            "EEG electrodes are taken to be in V, which nothing in the file states"),
        MATLABCase(
            "fT/cm, types alone",
            """
            save('case.mat', {'erf': dict(structure('fT', 'fT/cm', rows=range(6)), chantype=types[:6],
                chanunit=['fT'] * 2 + ['unknown'] * 4)})
            """,
            "gradiometers are taken to be in fT/cm, which nothing in the file states"),
        MATLABCase(
            "fT, types alone",
            "save('case.mat', {'erf': dict(structure('fT', rows=range(2)), chantype=types[:2])})",
            "magnetometers are taken to be in fT, which nothing in the file states"),
        MATLABCase(
            "gradiometers alone, in T/m by a geometry in m",
            "save('case.mat', {'erf': dict(structure(rows=range(2, 6)), grad=array('T/m', 'm'))})"),
        MATLABCase(
            "gradiometers with much interference, in T/m by a geometry in m",
            """
            si[:2] *= 10
            si_cov[:2] *= 10
            si_cov[:, :2] *= 10
            save('case.mat', {'erf': dict(structure(), grad=array('T/m', 'm'), elec=elec())})
            """
        ),
        MATLABCase(
            "a channel of NaN and a flat one",
            "si[2] = 0\nsi[3] = np.nan\nsave('case.mat', {'erf': dict(structure(), grad=array(), elec=elec())})",
            "not in T/cm as erf.grad.chanunit has it"),
    ]

    static let doubts: [MATLABCase] = [
        MATLABCase(
            "gradiometers alone, in T/cm by the geometry",
            "save('case.mat', {'erf': dict(structure(rows=range(2, 6)), grad=array())})",
            "erf: no unit for channel 'G1' and others: 'T/cm' in erf.grad.chanunit is that of the geometry",
            "erf.chanunit = repmat({'T/m'}, numel(erf.label), 1)"),
        MATLABCase(
            "three times the magnetometers",
            """
            si[:2] *= 10
            si_cov[:2] *= 10
            si_cov[:, :2] *= 10
            save('case.mat', {'erf': dict(structure(), grad=array(), elec=elec())})
            """,
            "'T/cm' in erf.grad.chanunit", "sizes leave it in doubt", "times those of magnetometers"),
        MATLABCase(
            "EEG between V and µV",
            """
            si *= 5e3 / 2
            si_cov *= 25e6 / 4
            save('case.mat', {'erf': dict(structure(rows=range(6, 9)), elec=elec())})
            """,
            "no unit for channel 'E1' and others: 'V' in erf.elec.chanunit", "erf.chanunit = repmat({'V'}"),
        MATLABCase(
            "average and covariance in different units",
            "s = structure(rows=range(6, 9))\ns.update(elec=elec())\ns['avg'] *= 1e6\nsave('case.mat', {'erf': s})",
            "sizes leave it in doubt"),
        MATLABCase(
            "flat data",
            """
            s = structure(rows=range(2))
            s.update(grad=array())
            s['avg'] *= 0
            s['cov'] *= 0
            save('case.mat', {'erf': s})
            """,
            "there are no numbers to tell it by"),
        MATLABCase(
            "MEG of a kind that nothing tells",
            "save('case.mat', {'erf': dict(structure(rows=range(6)), grad={'label': names[:6], 'unit': 'cm'})})",
            "no unit for channel 'M1' and others", "'chanunit'"),
    ]

    static let averages: [(name: String, script: String, fewest: Double?, atThirty: Double?)] = [
        ("the same everywhere", "", 60, 60),
        ("one number", "s['dof'] = 12.5", 12.5, 12.5),
        ("a fraction everywhere", "d[:] = 32.4359", 32.4359, 32.4359),
        ("fewer at the end", "d[:, 35:] = 38", 38, 60),
        ("fewer in a channel", "d[1, 25:] = 41", 41, 41),
        ("fewer before the event", "d[:, :10] = 20", 20, 60),
        ("none where there are no data", "d[:, 32:] = 0; s['avg'][:, 32:] = np.nan", 60, 60),
        ("none of a channel without data", "d[2] = 0; s['avg'][2] = np.nan", 60, 60),
        ("fewer where one channel has no data", "d[:, 38:] = 3; s['avg'][0, 38:] = np.nan", 3, 60),
        ("nothing where there are data", "d[1, 5] = 0", nil, nil),
        ("not there", "del s['dof']", nil, nil),
        ("empty", "s['dof'] = np.zeros((0, 0))", nil, nil),
    ]

    static let conditions: [(name: String, info: String, expected: [Condition], fact: String)] = [
        (
            "three codes beside reaction times", "np.stack([np.arange(12) % 3, rng.uniform(0.2, 0.8, 12)], 1)",
            [
                Condition("data/0", amount: "4 epochs"), Condition("data/1", amount: "4 epochs"),
                Condition("data/2", amount: "4 epochs"),
            ], ""
        ),
        (
            "negative and large codes", "np.array([-1.0, 65281] * 6)[:, None].astype('f4')",
            [Condition("data/-1", amount: "6 epochs"), Condition("data/65281", amount: "6 epochs")], ""
        ),
        ("one code", "np.full((12, 1), 7.0)", [Condition("data", amount: "12 epochs")], ""),
        (
            "reaction times", "rng.uniform(0.2, 0.8, (12, 2))", [Condition("data", amount: "12 epochs")],
            "trialinfo of data: tells no conditions: no column holds whole numbers that come back"
        ),
        (
            "whole milliseconds", "np.arange(12.0)[:, None] * 17 + 300", [Condition("data", amount: "12 epochs")],
            "whole numbers that come back"
        ),
        (
            "NaN", "np.where(np.arange(12) % 2, np.nan, 1.0)[:, None]", [Condition("data", amount: "12 epochs")],
            "whole numbers that come back"
        ),
        (
            "other trials", "np.ones((11, 1))", [Condition("data", amount: "12 epochs")],
            "nothing is a matrix of numbers with a row a trial"
        ),
        ("a text", "'codes'", [Condition("data", amount: "12 epochs")], "nothing is a matrix of numbers"),
        ("nothing", "np.zeros((0, 0))", [Condition("data", amount: "12 epochs")], ""),
    ]
}
