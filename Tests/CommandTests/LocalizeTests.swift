import Foci
import Foundation
import TestSupport
import Testing

@Suite("foci localize")
struct LocalizeTests {
    let workspace: Workspace

    init() throws { workspace = try Workspace() }

    static let files = [
        "estimate.h5", "regions.tsv", "selection.svg", "selection.tsv", "sensors.svg", "sources.svg", "sources.tsv",
        "timecourses.svg",
    ]
    /// Where sources were not refined.
    static let filesWithoutRegions = files.filter { $0 != "regions.tsv" }
    static let figures = files.filter { $0.hasSuffix(".svg") }

    /// Runs with `--json` and parses what is printed.
    private func summary(
        covariance: String? = "covariance.h5", recording: String = "recording.h5", output: String = "result",
        _ options: String...
    ) throws -> JSON {
        let outcome = try Program.run(
            Workspace.localization(recording: recording, covariance: covariance, output: output, ["--json"] + options),
            in: workspace.folder.path)
        #expect(outcome.status == 0, "\(outcome.errors)")
        return try JSON(parsing: outcome.output)
    }

    private func estimate(_ output: String = "result") throws -> Estimate {
        try EstimateFile.read(workspace.folder.file("\(output)/estimate.h5"))
    }

    // MARK: What comes out

    @Test("The JSON summary has every key with its type, and sensible values")
    func json() throws {
        let outcome = try workspace.localize("--json", "--window", "0.05", "0.15")
        expectSuccess(outcome)
        let json = try JSON(parsing: outcome.output)
        for key in [
            "lambda", "lambda_ratio", "noise_deviation", "relative_gap", "degrees_of_freedom", "goodness_of_fit",
        ] {
            #expect(json[key].number != nil, "\(key)")
        }
        #expect(json["criterion"] == .text("SURE"))
        #expect(json["at_grid_edge"] == .boolean(false))
        #expect(json["warnings"] == .list([]))
        for key in ["load", "prepare", "solve", "total"] { #expect(try #require(json["seconds"][key].number) >= 0) }
        let parts = ["load", "prepare", "solve"].compactMap { json["seconds"][$0].number }.reduce(0, +)
        #expect(try #require(json["seconds"]["total"].number) >= parts)
        let seconds = try estimate().seconds
        #expect(json["seconds"]["total"].number == seconds.total && json["seconds"]["load"].number == seconds.load)

        // 76 channels less the average reference of the electrodes.
        #expect(json["rank"].integer == 75)
        #expect(try #require(json["relative_gap"].number) <= 1e-6)
        let ratio = try #require(json["lambda_ratio"].number)
        #expect(ratio > 0 && ratio < 1)
        // The noise was drawn from the covariance.
        #expect(abs(try #require(json["noise_deviation"].number) - 1) < 0.1)
        let fit = try #require(json["goodness_of_fit"].number)
        #expect(fit > 0.5 && fit < 1)

        let sources = json["sources"].list
        let forward = try Sample.simulated.get().forward
        #expect(!sources.isEmpty)
        for source in sources {
            let index = try #require(source["index"].integer)
            let position = source["position_mm"].list.compactMap(\.number)
            try #require(position.count == 3 && forward.sources.positions.indices.contains(index))
            for axis in 0..<3 { #expect(abs(position[axis] - 1000 * forward.sources.positions[index][axis]) <= 5e-4) }
            #expect(source["frame"] == .text("head"))
            #expect(source["hemisphere"].text == forward.sources.hemispheres?[index].name)
            #expect(source["vertex"].integer == forward.sources.vertices?[index])
            #expect(try #require(source["peak_nAm"].number) > 0)
            let time = try #require(source["peak_time_s"].number)
            #expect(time >= 0.05 - 1e-9 && time <= 0.15 + 1e-9)
            #expect([0, 5, 8].contains(try #require(source["extent_mm"].number)))
            #expect(try #require(source["times_noise"].number) > 1)
        }
        let refinement = json["refinement"]
        #expect(try #require(refinement["charge"].number) > 0 && refinement["settled"] == .boolean(true))
        // 40 samples before time 0, 21 in the window: from 0, 10 and 19 on.
        #expect(refinement["noise_stretches"].integer == 3 && refinement["stretch_samples"].integer == 21)
        #expect(refinement["objectives"].list.count == 2 && (refinement["looks"].integer ?? 0) > 0)
        let reweighted = try JSON(
            parsing: try workspace.localize(output: "other", "--json", "--weights", "reweighted").output)
        #expect(reweighted["refinement"] == .null && !reweighted["sources"].list.isEmpty)
        for source in reweighted["sources"].list {
            #expect(source["extent_mm"] == .null && source["times_noise"] == .null)
        }
        let rows = try workspace.table("other/sources.tsv")
        #expect(rows.allSatisfy { $0["extent_mm"] == "n/a" && $0["times_noise"] == "n/a" })
        #expect(try estimate("other").refinement == nil)
    }

    @Test("The output folder has exactly its files; tables, estimate and JSON agree; figures are well-formed")
    func folder() throws {
        let before = workspace.contents
        let json = try summary()
        #expect(workspace.contents == (before + ["result"]).sorted())
        #expect(try workspace.files(of: "result").keys.sorted() == Self.files)

        let rows = try workspace.table("result/sources.tsv")
        let sources = json["sources"].list
        let stored = try estimate()
        try #require(rows.count == sources.count && stored.sources.count == sources.count && !rows.isEmpty)
        for (place, (row, source)) in zip(rows, sources).enumerated() {
            #expect(row["rank"] == "\(place + 1)")
            #expect(row["index"].flatMap { Int($0) } == source["index"].integer)
            for (axis, name) in ["x_mm", "y_mm", "z_mm"].enumerated() {
                #expect(row[name].flatMap { Double($0) } == source["position_mm"].list[axis].number)
            }
            #expect(row["frame"] == source["frame"].text)
            #expect(row["hemisphere"] == source["hemisphere"].text)
            #expect(row["vertex"].flatMap { Int($0) } == source["vertex"].integer)
            for name in ["peak_nAm", "peak_time_s", "field"] {
                let (written, exact) = (
                    try #require(row[name].flatMap { Double($0) }), try #require(source[name].number)
                )
                #expect(abs(written - exact) <= 1e-5 * abs(exact), "\(name)")
            }
            let kept = stored.sources[place]
            #expect(kept.index == source["index"].integer)
            #expect(kept.peakAmplitude * 1e9 == source["peak_nAm"].number)
            #expect(kept.field == source["field"].number)
            #expect(kept.extent.map { $0 * 1000 } == source["extent_mm"].number)
            #expect(kept.timesNoise == source["times_noise"].number)
            #expect(row["extent_mm"].flatMap { Double($0) } == source["extent_mm"].number)
            if place > 0 { #expect(kept.field <= stored.sources[place - 1].field) }
        }

        let selection = try workspace.table("result/selection.tsv")
        let chosen = selection.filter { $0["chosen"] == "1" }
        #expect(selection.allSatisfy { $0["chosen"] == "0" || $0["chosen"] == "1" })
        try #require(chosen.count == 1)
        #expect(chosen[0]["lambda"].flatMap { Double($0) } == json["lambda"].number)
        #expect(chosen[0]["lambda_ratio"].flatMap { Double($0) } == json["lambda_ratio"].number)
        #expect(chosen[0]["degrees_of_freedom"].flatMap { Double($0) } == json["degrees_of_freedom"].number)
        let criteria = selection.compactMap { $0["criterion"].flatMap { Double($0) } }
        #expect(criteria.count == selection.count && criteria.min() == chosen[0]["criterion"].flatMap { Double($0) })
        #expect(stored.selection.points.count == selection.count)
        #expect(stored.selection.chosen.lambda == json["lambda"].number)

        #expect(stored.candidateCount == 300 && stored.frame == .head)
        #expect(stored.goodnessOfFit == json["goodness_of_fit"].number)
        let refinement = try #require(stored.refinement)
        #expect(refinement.charge.value == json["refinement"]["charge"].number)
        #expect(refinement.charge.stretches == json["refinement"]["noise_stretches"].integer)
        #expect(refinement.charge.length == json["refinement"]["stretch_samples"].integer)
        #expect(refinement.objectives == json["refinement"]["objectives"].list.compactMap(\.number))
        #expect(stored.preparation.rank == json["rank"].integer)
        #expect(stored.preparation.channels == [.mag: 20, .grad: 40, .eeg: 16])
        #expect(stored.versions.contains { $0.name == "foci" && $0.value == fociVersion })
        for figure in Self.figures {
            let elements = try #require(xmlElements(try workspace.text("result/\(figure)")), "\(figure)")
            #expect(elements.first == "svg" && elements.contains("text"), "\(figure)")
        }
    }

    @Test("No output names the machine's folders")
    func noPaths() throws {
        let place = workspace.folder.file("result")
        let outcome = try Program.run(
            Workspace.localization(
                forward: workspace.folder.file("forward.h5"), recording: workspace.folder.file("recording.h5"),
                covariance: workspace.folder.file("covariance.h5"), output: place, ["--json"]),
            in: "/")
        expectSuccess(outcome)
        #expect(!outcome.output.contains(workspace.folder.path))
        for (name, bytes) in try workspace.files(of: "result") {
            #expect(Data(bytes).range(of: Data(workspace.folder.path.utf8)) == nil, "\(name)")
        }
    }

    @Test("The command and the library give the same bits")
    func library() throws {
        _ = try summary(output: "result", "--window", "0.05", "0.15")
        let contents = try LocalizationFiles(
            forward: workspace.folder.file("forward.h5"), recording: workspace.folder.file("recording.h5"),
            covariance: workspace.folder.file("covariance.h5")
        ).read()
        var settings = LocalizationSettings()
        settings.preparation.window = 0.05...0.15
        let own = try Localization(settings).run(
            recording: contents.recording, forward: contents.forward, covariance: contents.covariance)
        let stored = try estimate()
        #expect(stored.sources.map(\.index) == own.sources.map(\.index))
        #expect(stored.sources.map(\.amplitudes) == own.sources.map(\.amplitudes))
        #expect(stored.selection.chosen.lambda == own.selection.chosen.lambda)
    }

    // MARK: Sameness

    /// Everything that a run gave, without the seconds: they alone may differ.
    private func timeless(_ output: String, _ json: JSON) throws -> (files: [String: [UInt8]], json: JSON) {
        var files = try workspace.files(of: output)
        // Read, and written again without its group of seconds.
        files["estimate.h5"] = try EstimateFile.encode(estimate(output), programVersion: fociVersion, timing: false)
        let table = try workspace.text("\(output)/selection.tsv").split(separator: "\n").map {
            $0.components(separatedBy: "\t")
        }
        let column = try #require(table.first?.firstIndex(of: "seconds"))
        files["selection.tsv"] = table.flatMap { row in
            Array(row.enumerated().filter { $0.offset != column }.map(\.element).joined(separator: "\t").utf8)
        }
        return (files, json.removing("seconds"))
    }

    @Test("Two runs, and any number of threads, give the same bytes but for the seconds")
    func repeatable() throws {
        let first = try timeless("a", try summary(output: "a", "--threads", "1"))
        for (name, threads) in [("b", "1"), ("c", "2"), ("d", "3")] {
            let other = try timeless(name, try summary(output: name, "--threads", threads))
            #expect(other.json == first.json, "\(threads) threads")
            #expect(other.files.keys.sorted() == first.files.keys.sorted())
            for file in Self.files {
                let isSame = other.files[file] == first.files[file]
                #expect(isSame, "\(file) differs with \(threads) threads")
            }
        }
    }

    // MARK: What is said

    @Test("Without --json the result is told in plain text")
    func plainText() throws {
        let outcome = try workspace.localize()
        expectSuccess(outcome)
        let count = try estimate().sources.count
        #expect(outcome.output.contains("\(count) source"))
        for part in ["of 300 candidates", "SURE", "20 magnetometers", "rank 75", "Results are in result"] {
            #expect(outcome.output.contains(part), "\(part)")
        }
        #expect(!outcome.output.contains("{") && !outcome.output.contains("warning"))
        #expect(outcome.output.contains("more than noise: ") && outcome.output.contains("before time 0"))
    }

    @Test("--quiet says nothing, warnings neither; with --json the JSON alone")
    func quiet() throws {
        let silent = try workspace.localize(covariance: nil, "--quiet")
        expectSuccess(silent)
        #expect(silent.output.isEmpty)
        #expect(try workspace.files(of: "result").count == Self.files.count)
        let json = try workspace.localize(covariance: nil, output: "other", "--quiet", "--json")
        expectSuccess(json)
        #expect(try JSON(parsing: json.output)["warnings"].list.count == 2)
    }

    @Test("--force replaces the files of a folder and leaves others alone")
    func force() throws {
        expectSuccess(try workspace.localize("--quiet", "--lambda", "0.5"))
        let old = try workspace.files(of: "result")
        try workspace.folder.write("result/notes.txt", Array("mine".utf8))
        expectSuccess(try workspace.localize("--quiet", "--lambda", "0.3", "--force"))
        var new = try workspace.files(of: "result")
        #expect(new.removeValue(forKey: "notes.txt") == Array("mine".utf8))
        #expect(new.keys.sorted() == Self.filesWithoutRegions)
        #expect(new["estimate.h5"] != old["estimate.h5"])
        #expect(abs(try estimate().selection.chosen.ratio - 0.3) < 1e-12)
    }

    @Test("Folders above the output are made; a slash at its end does no harm")
    func nestedOutput() throws {
        expectSuccess(try workspace.localize(output: "a/b/result/", "--quiet", "--lambda", "0.5"))
        #expect(try workspace.files(of: "a/b/result").keys.sorted() == Self.filesWithoutRegions)
        #expect(try FileManager.default.contentsOfDirectory(atPath: workspace.folder.file("a/b")) == ["result"])
    }

    // MARK: Options

    @Test("A window may begin before time 0, and holds the samples within it")
    func negativeWindow() throws {
        let recording = try Sample.simulated.get().recording
        let expected = (0..<recording.sampleCount).map { recording.time($0) }.filter { $0 > -0.0501 && $0 < 0.1001 }
        _ = try summary("--window", "-0.05", "0.1")
        #expect(try estimate().times == expected)
        _ = try summary(output: "joined", "--window=-0.05..0.1")
        #expect(try estimate("joined").times == expected)
    }

    @Test("All from time 0 on is analysed by default")
    func defaultWindow() throws {
        _ = try summary("--lambda", "0.5")
        let times = try estimate().times
        let (first, last) = (try #require(times.first), try #require(times.last))
        #expect(abs(first) < 1e-9 && abs(last - 0.4) < 1e-9)
    }

    @Test("Each orientation gives its number of axes", arguments: [("fixed", 1), ("free", 3), ("loose:0.2", 3)])
    func orientation(name: String, axes: Int) throws {
        let json = try summary("--orientation", name)
        let stored = try estimate()
        #expect(!stored.sources.isEmpty && json["sources"].list.count == stored.sources.count)
        let normals = try #require(try Sample.simulated.get().forward.sources.normals)
        for source in stored.sources {
            #expect(source.amplitudes.rows == axes && source.axes?.count == axes)
            guard name == "fixed", let axis = source.axes?.first else { continue }
            #expect((axis * normals[source.index]).sum() > 1 - 1e-9)
        }
        #expect(stored.settings.contains(Setting("orientation", name)))
    }

    @Test(
        "Each choice of sensors uses its channels",
        arguments: [
            ("all", [SensorKind.mag: 20, .grad: 40, .eeg: 16]), ("meg", [.mag: 20, .grad: 40]), ("eeg", [.eeg: 16]),
            ("mag", [.mag: 20]), ("grad", [.grad: 40]),
        ])
    func sensors(name: String, channels: [SensorKind: Int]) throws {
        let json = try summary("--sensors", name)
        #expect(try estimate().preparation.channels == channels)
        // The average reference takes one direction of the electrodes.
        let count = channels.values.reduce(0, +)
        #expect(json["rank"].integer == (channels[.eeg] == nil ? count : count - 1))
    }

    @Test("A given λ is used as it is, and without reweighting more sources stay")
    func givenLambda() throws {
        let convex = try summary(output: "convex", "--lambda", "0.3", "--reweight", "0")
        #expect(convex["criterion"] == .text("fixed"))
        #expect(abs(try #require(convex["lambda_ratio"].number) - 0.3) < 1e-12)
        #expect(convex["at_grid_edge"] == .boolean(false))
        let selection = try workspace.table("convex/selection.tsv")
        #expect(selection.count == 1)
        #expect(selection.first?["active"].flatMap { Int($0) } == convex["sources"].list.count)
        let reweighted = try summary(output: "reweighted", "--lambda", "0.3")
        #expect(reweighted["lambda"] == convex["lambda"])
        #expect(!reweighted["sources"].list.isEmpty)
        #expect(reweighted["sources"].list.count < convex["sources"].list.count)
    }

    @Test("The gap and the depth that were asked for are those of the result")
    func gapAndDepth() throws {
        let json = try summary("--gap", "1e-9", "--depth", "0", "--lambda", "0.3")
        #expect(try #require(json["relative_gap"].number) <= 1e-9)
        let stored = try estimate()
        #expect(stored.certificate.tolerance == 1e-9)
        #expect(stored.settings.contains(Setting("depth", "0.0")))
    }

    @Test("Without a covariance the noise is estimated before time 0, and that is said")
    func withoutCovariance() throws {
        let outcome = try workspace.localize(covariance: nil, "--json")
        #expect(outcome.status == 0)
        #expect(outcome.errorLines.count == 2)
        #expect(outcome.errors.hasPrefix("foci: warning: no noise covariance was given"))
        let warnings = try JSON(parsing: outcome.output)["warnings"].list
        #expect(warnings.count == 2 && warnings.first?.text?.contains("40 samples before time 0") == true)
        // A fifth of the baseline that the rest says nothing of, for all samples from time 0 on.
        #expect(warnings.last?.text?.contains("stretches of 8 samples for a window of 81, and scaled up") == true)
        #expect(try estimate().warnings == warnings.compactMap(\.text))
    }

    // MARK: Odd but honest data

    @Test("Electrodes in µV by mistake are told, on standard error and in the JSON")
    func microvolts() throws {
        let sample = try Sample.simulated.get().recording
        let data = sample.epochs[0]
        let scaled = Matrix(rows: data.rows, columns: data.columns) { i, j in
            data[i, j] * (sample.sensors.kinds[i] == .eeg ? 1e6 : 1)
        }
        let mistaken = try Recording(
            epochs: [scaled], samplingFrequency: sample.samplingFrequency, firstTime: sample.firstTime,
            averages: sample.averages, sensors: sample.sensors, projectors: sample.projectors)
        try workspace.folder.write("microvolts.h5", try RecordingFile.encode(mistaken))
        let outcome = try workspace.localize(recording: "microvolts.h5", "--json")
        #expect(outcome.status == 0)
        let warnings = try JSON(parsing: outcome.output)["warnings"].list.compactMap(\.text)
        let warning = try #require(warnings.first { $0.contains("µV instead of V") })
        #expect(warning.contains("EEG electrodes"))
        #expect(outcome.errorLines.contains("foci: warning: \(warning)"))
    }

    @Test("A recording of zeros has no sources, says so, and still has its figures")
    func zeros() throws {
        let sample = try Sample.simulated.get().recording
        let silent = try Recording(
            epochs: [Matrix(rows: sample.sensors.count, columns: sample.sampleCount)],
            samplingFrequency: sample.samplingFrequency, firstTime: sample.firstTime, averages: sample.averages,
            sensors: sample.sensors, projectors: sample.projectors)
        try workspace.folder.write("zeros.h5", try RecordingFile.encode(silent))
        let json = try summary(recording: "zeros.h5", output: "json")
        #expect(json["sources"] == .list([]))
        #expect(json["warnings"].list.contains { $0.text?.contains("every channel is flat") == true })
        let outcome = try workspace.localize(recording: "zeros.h5", output: "text")
        #expect(outcome.status == 0)
        #expect(outcome.output.hasPrefix("sphere: no sources of 300 candidates"))
        for figure in Self.figures { #expect(xmlElements(try workspace.text("text/\(figure)"))?.first == "svg") }
        #expect(try workspace.table("text/sources.tsv").isEmpty)
        #expect(try estimate("text").sources.isEmpty)
    }
}
