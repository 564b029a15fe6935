import Foci
import Foundation
import TestSupport
import Testing

@testable import Batches

@Suite("How data sets lie")
struct LayoutTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func bids(_ shared: SharedInputs = SharedInputs()) throws -> DatasetFindings {
        try BIDSDerivatives(folder.path, shared: shared).find()
    }

    @Test(
        "Names of BIDS are read as they are written", arguments: ["sub-01", "sub-01_ses-a_task-rest_run-2_proc-clean"])
    func names(text: String) throws {
        let parsed = try #require(BIDSName.parse("\(text)_cov.fif.gz"))
        #expect(parsed.name.text == text && parsed.suffix == "cov" && parsed.ending == ".fif.gz")
    }

    @Test(
        "What is no name of BIDS is none",
        arguments: ["cov.fif", "sub-01.fif", "sub-01_sub-02_ave.fif", "sub-_ave.fif", "a-b_ave.fif", "task-a_ave.fif"])
    func noNames(text: String) { #expect(BIDSName.parse(text) == nil) }

    @Test("Labels hold letters and digits alone, and long ones differ")
    func labels() {
        #expect(BIDSName.label("auditory/left") == "auditoryLeft")
        #expect(BIDSName.label("0.5 × a") == "05A")
        let long = (0..<2).map { BIDSName.label(String(repeating: "a", count: 60) + "\($0)") }
        #expect(long[0] != long[1] && long[0].count == 40)
        #expect(!BIDSName.label("é").isEmpty)
    }

    @Test("A weighted average is called by what its parts share, whatever the weights")
    func titles() {
        #expect(ConditionTitle.of("0.2 × stim/target/11 + 0.8 × stim/target/22") == "stim/target")
        #expect(ConditionTitle.of("(0.2 × a/b/1 + 0.8 × a/b/2) - (1.0 × a/c/1)") == "a/b minus a/c/1")
        #expect(ConditionTitle.of("auditory/left") == "auditory/left")
        #expect(ConditionTitle.of("0.5 × a + 0.5 × b") == "0.5 × a + 0.5 × b")
    }

    @Test("Derivatives are paired: one forward a session, a covariance of all tasks, a rank beside it")
    func pairing() throws {
        let place = "sub-01/ses-a/meg/sub-01_ses-a"
        try BatchSample.write(
            [
                ("\(place)_task-x_ave.fif", "ave"), ("\(place)_task-y_ave.fif", "ave"), ("\(place)_fwd.fif", "fwd"),
                ("\(place)_proc-clean_cov.fif", "cov"),
            ], in: folder)
        try BatchSample.write("{\"meg\": 17, \"eeg\": 7}", to: "\(place)_proc-clean_rank.json", in: folder)
        let findings = try bids()
        #expect(findings.problems.isEmpty)
        #expect(findings.units.map(\.key) == ["sub-01_ses-a_task-x", "sub-01_ses-a_task-y"])
        for unit in findings.units {
            #expect(unit.forward.hasSuffix("_fwd.fif") && unit.covariance?.hasSuffix("_cov.fif") == true)
            #expect(unit.implied == ["--rank=eeg:7,meg:17"] && unit.datatype == "meg")
        }
    }

    @Test("Below a raw data set the derivatives are found")
    func rawDataSet() throws {
        let place = "derivatives/mne-bids-pipeline/sub-01/eeg/sub-01"
        try BatchSample.write([("\(place)_task-x_ave.fif", "ave"), ("\(place)_task-x_fwd.fif", "fwd")], in: folder)
        let unit = try #require(try bids().units.first)
        #expect(unit.covariance == nil && unit.notes.contains { $0.contains("no covariance") })
    }

    @Test("What cannot be paired is told with the reason, and stops nobody else")
    func problems() throws {
        func subject(_ name: String, _ files: [(String, String)]) throws {
            try BatchSample.write(files.map { ("sub-\(name)/meg/sub-\(name)_\($0.0)", $0.1) }, in: folder)
        }
        try subject("01", [("task-a_ave.fif", "ave"), ("fwd.fif", "fwd")])
        try subject("02", [("task-a_ave.fif", "ave")])
        try subject("03", [("task-a_ave.fif", "ave"), ("acq-x_fwd.fif", "fwd")])
        try subject(
            "04",
            [
                ("task-a_ave.fif", "ave"), ("fwd.fif", "fwd"), ("task-noise_proc-clean_cov.fif", "cov"),
                ("proc-clean_cov.fif", "cov"),
            ])
        try subject("05", [("task-a_ave.fif", "fwd"), ("fwd.fif", "fwd")])
        let findings = try bids()
        #expect(findings.units.map(\.subject) == ["01"])
        let reasons = Dictionary(uniqueKeysWithValues: findings.problems.map { ($0.name, $0.reason) })
        #expect(reasons["sub-02_task-a"]?.contains("no forward model beside it") == true)
        #expect(reasons["sub-03_task-a"]?.contains("agrees with it in acq, rec and space") == true)
        #expect(reasons["sub-04_task-a"]?.contains("2 covariances") == true)
        #expect(reasons["sub-05_task-a"]?.contains("no recording in it") == true)
        var shared = SharedInputs()
        shared.covariance = .kind("noise")
        shared.subjects = ["sub-04"]
        #expect(try bids(shared).units.first?.covariance?.contains("task-noise") == true)
    }

    @Test("A folder without averages says what was expected")
    func empty() throws {
        #expect(line { _ = try bids() }?.contains("--layout") == true)
        #expect(
            line { _ = try BIDSDerivatives("/nowhere", shared: SharedInputs()).find() }?.contains("/nowhere") == true)
    }

    @Test("A pattern finds files of several kinds, and tells what is missing")
    func pattern() throws {
        try BatchSample.write(
            [
                ("s1/s1-fwd.fif", "fwd"), ("s1/s1-ave.fif", "ave"), ("s1/s1-cov.fif", "cov"), ("s2/s2-ave.fif", "ave"),
                ("s3/s4-ave.fif", "ave"),
            ], in: folder)
        let layout = try PatternLayout(
            folder.path, pattern: "{subject}/{subject}-{kind}.fif", shared: SharedInputs())
        let findings = try layout.find()
        #expect(findings.units.map(\.key) == ["sub-s1"] && findings.units[0].covariance != nil)
        #expect(findings.problems.map(\.name) == ["s2"])
        for bad in ["{kind}.fif", "{subject}.fif", "{subject}/{what}.fif"] {
            #expect(throws: InputError.self) {
                try PatternLayout(folder.path, pattern: bad, shared: SharedInputs())
            }
        }
    }

    @Test("Conditions in names of files are conditions of one unit")
    func conditionsOfFiles() throws {
        try BatchSample.write(
            [("sub-1_task-P_hit.h5", "ave"), ("sub-1_task-P_miss.h5", "ave"), ("template.fif", "fwd")], in: folder)
        var shared = SharedInputs()
        shared.forward = folder.file("template.fif")
        let findings = try PatternLayout(
            folder.path, pattern: "sub-{subject}_task-{task}_{condition}.h5", shared: shared
        ).find()
        #expect(findings.units.map(\.key) == ["sub-1_task-P"])
        #expect(Set(findings.units[0].entries.map(\.label)) == ["hit", "miss"])
    }

    @Test("A table lists files relative to itself, with windows and averages")
    func table() throws {
        try BatchSample.write([("d/f.h5", "fwd"), ("d/r.h5", "ave"), ("d/c.h5", "cov")], in: folder)
        try BatchSample.write(
            "\u{FEFF}subject\tforward\trecording\tcovariance\twindow\taverages\r\n"
                + "01\tf.h5\tr.h5\tc.h5\t0.05 0.15\t12.5\r\n02\tf.h5\tr.h5\tn/a\t\t\r\n",
            to: "d/subjects.tsv", in: folder)
        let findings = try TableLayout(folder.file("d/subjects.tsv"), shared: SharedInputs()).find()
        #expect(findings.units.map(\.key) == ["sub-01", "sub-02"] && findings.problems.isEmpty)
        #expect(findings.units[0].entries[0].own == ["--window=0.05..0.15", "--averages=12.5"])
        #expect(findings.units[0].covariance == folder.file("d/c.h5") && findings.units[1].covariance == nil)
    }

    @Test(
        "A table that is wrong is told with its line",
        arguments: [
            ("subject\trecording\n1\tr.h5\n", "no column 'forward'"), ("subject\tforward\trecording\tage\n", "'age'"),
            ("subject\tforward\trecording\n1\tf.h5\n", "line 2"),
            ("subject\tforward\trecording\twindow\n1\tf\tr\tlate\n", "line 2: window 'late'"),
            ("subject\tforward\trecording\n", "no line below"),
            ("subject\tforward\trecording\na-b\tf.h5\tr.h5\naB\tf.h5\tr.h5\n", "'aB'"),
        ])
    func badTable(text: String, part: String) throws {
        try BatchSample.write(text, to: "t.tsv", in: folder)
        let said = line { _ = try TableLayout(folder.file("t.tsv"), shared: SharedInputs()).find() }
        #expect(said?.contains(part) == true, "\(said ?? "nothing")")
    }
}
