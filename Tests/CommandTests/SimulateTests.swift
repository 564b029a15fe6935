import Foci
import Testing

@Suite("foci simulate, inspect and compare")
struct SimulateTests {
    let workspace: Workspace

    init() throws { workspace = try Workspace() }

    // MARK: simulate

    @Test("The same seed gives the same bytes, which are those of the library; another seed does not")
    func seeds() throws {
        let made = try Program.run(["simulate", "--output", "made"] + Sample.options, in: workspace.folder.path)
        expectSuccess(made)
        #expect(made.output.hasPrefix("Simulated 2 active sources; files are in made\n"))
        expectSuccess(
            try Program.run(["simulate", "--quiet", "--output", "again"] + Sample.options, in: workspace.folder.path))
        let first = try workspace.files(of: "made")
        #expect(try workspace.files(of: "again") == first)
        #expect(try Sample.files.get() == first)
        let other = Sample.options.map { $0 == "3" ? "4" : $0 }
        let quiet = try Program.run(["simulate", "--quiet", "--output", "other"] + other, in: workspace.folder.path)
        expectSuccess(quiet)
        #expect(quiet.output.isEmpty)
        let different = try workspace.files(of: "other")
        #expect(different["recording.h5"] != first["recording.h5"])
        #expect(different["forward.h5"] == first["forward.h5"], "another session of the same head")
    }

    @Test("Negative numbers are values, not options")
    func negativeValues() throws {
        let outcome = try Program.run(
            ["simulate", "--output", "weak"] + Sample.options
                + ["--snr", "-5", "--times", "-0.1", "0.3", "--noise", "pink", "--covariance-samples", "0"],
            in: workspace.folder.path)
        expectSuccess(outcome)
        let truth = try TruthFile.read(workspace.folder.file("weak/truth.h5"))
        #expect(truth.settings.contains(Setting("snr_db", "-5.0")))
        #expect(truth.settings.contains(Setting("noise_spectrum", "pink")))
        #expect(truth.times.first == -0.1)
    }

    @Test("--force replaces a simulation")
    func force() throws {
        let arguments = ["simulate", "--quiet", "--output", "made"] + Sample.options
        expectSuccess(try Program.run(arguments, in: workspace.folder.path))
        expectRefusal(
            try Program.run(arguments, in: workspace.folder.path), naming: ["made: a folder that exists", "--force"])
        expectSuccess(try Program.run(arguments + ["--seed", "9", "--force"], in: workspace.folder.path))
        let old = try Sample.files.get()
        #expect(try workspace.files(of: "made")["truth.h5"] != old["truth.h5"])
    }

    @Test(
        "Settings that cannot be simulated are refused",
        arguments: [
            (["--candidates", "3"], "candidate sources: 3"), (["--sources", "60"], "active sources: 60"),
            (["--electrodes", "2"], "EEG electrodes: 2"), (["--averages", "0"], "averages: 0"),
            (["--times", "0.3", "-0.2"], "--times"), (["--snr", "nan"], "signal-to-noise ratio (dB): nan"),
            (["--meg-sites", "0", "--electrodes", "0"], "no MEG sites and no EEG electrodes"),
        ])
    func refused(options: [String], mention: String) throws {
        let before = workspace.contents
        let outcome = try Program.run(["simulate", "--output", "made"] + options, in: workspace.folder.path)
        expectRefusal(outcome, naming: [mention])
        #expect(workspace.contents == before)
    }

    // MARK: inspect

    @Test("Every kind of file is described, as text and as JSON")
    func inspect() throws {
        expectSuccess(try workspace.localize("--quiet"))
        try workspace.folder.write(
            "problem.h5",
            try ProblemFile.encode(
                ProblemContents(
                    gain: Matrix(rows: 4, columns: 6, repeating: 1), data: Matrix(rows: 4, columns: 2, repeating: 2),
                    orientations: 3)))
        let files: [(path: String, content: String, facts: [String: String])] = [
            ("forward.h5", "forward", ["gain": "76 channels × 900 columns", "sources": "300, free orientation"]),
            ("recording.h5", "recording", ["data": "76 channels × 121 samples", "sampling frequency": "200 Hz"]),
            ("covariance.h5", "covariance", ["samples": "3000", "bad channels": "none"]),
            ("truth.h5", "truth", ["sources": "2", "setting seed": "3"]),
            ("problem.h5", "problem", ["positions": "2, 3 orientation(s) each", "‖data‖": "5.657"]),
            ("result/estimate.h5", "estimate", ["setting lambda": "auto", "version of foci": fociVersion]),
        ]
        #expect(files.map(\.content).sorted() == FileContent.allCases.map(\.rawValue).sorted())
        for file in files {
            let text = try workspace.foci("inspect", file.path)
            expectSuccess(text)
            #expect(text.output.hasPrefix("\(file.path): \(file.content), Foci HDF5\n"))
            let outcome = try workspace.foci("inspect", file.path, "--json")
            expectSuccess(outcome)
            let json = try JSON(parsing: outcome.output)
            #expect(json["file"] == .text(file.path) && json["contents"] == .list([.text(file.content)]))
            #expect(json["warnings"] == .list([]))
            for (name, value) in file.facts {
                #expect(json["facts"][name] == .text(value), "\(file.path): \(name)")
                #expect(text.output.contains(value), "\(file.path): \(name)")
            }
        }
    }

    // MARK: compare

    @Test("An estimate is compared with the truth, as text and as JSON")
    func compare() throws {
        expectSuccess(try workspace.localize("--quiet"))
        let text = try workspace.foci("compare", "result/estimate.h5", "truth.h5")
        expectSuccess(text)
        #expect(text.output.contains("2 true sources: 2 found within 15.0 mm, 0 missed"))
        let outcome = try workspace.foci("compare", "result/estimate.h5", "truth.h5", "--json")
        expectSuccess(outcome)
        let json = try JSON(parsing: outcome.output)
        #expect(json["found"].integer == 2 && json["missed"].integer == 0 && json["false"].integer != nil)
        #expect(json["recall"].number == 1 && json["radius_mm"].number == 15)
        #expect(try #require(json["mean_waveform_correlation"].number) > 0.9)
        #expect(json["matches"].list.count == 2)
        for match in json["matches"].list {
            let ends = try ["true_position_mm", "found_position_mm"].map { key in
                let numbers = match[key].list.compactMap(\.number)
                try #require(numbers.count == 3)
                return SIMD3(numbers[0], numbers[1], numbers[2])
            }
            let difference = ends[0] - ends[1]
            let error = try #require(match["error_mm"].number)
            #expect(abs(error - (difference * difference).sum().squareRoot()) < 1e-9)
            #expect(error <= 15)
        }
    }

    @Test("A comparison of the wrong files, or within no distance, is refused")
    func comparisonRefused() throws {
        expectSuccess(try workspace.localize("--quiet"))
        expectRefusal(
            try workspace.foci("compare", "truth.h5", "result/estimate.h5"),
            naming: ["truth.h5: a truth file", "expected an estimate file"])
        for radius in ["0", "-1", "nan", "inf"] {
            expectRefusal(
                try workspace.foci("compare", "result/estimate.h5", "truth.h5", "--radius", radius),
                naming: ["--radius", "expected"])
        }
    }
}
