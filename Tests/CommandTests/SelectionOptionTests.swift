import Foci
import Foundation
import TestSupport
import Testing

@Suite("foci localize, choosing")
struct SelectionOptionTests {
    let workspace: Workspace

    init() throws {
        workspace = try Workspace()
        for (name, bytes) in try Self.epochs.get() { try workspace.folder.write(name, bytes) }
    }

    /// The sample as single epochs, fewer than its average is of and with less noise in each, and the covariance of one.
    private static let epochs = Result { () throws -> [String: [UInt8]] in
        let sample = try Sample.simulated.get()
        let few = try Recording(
            epochs: sample.recording.epochs, samplingFrequency: sample.recording.samplingFrequency,
            firstTime: sample.recording.firstTime, averages: 6, sensors: sample.recording.sensors,
            projectors: sample.recording.projectors)
        let noise = sample.covariance.matrix * (6 / (sample.recording.averages ?? .nan))
        return [
            "epochs.h5": try RecordingFile.encode(try few.singleEpochs(noise: noise, seed: 4)),
            "epoch-covariance.h5": try CovarianceFile.encode(
                NoiseCovariance(matrix: noise, samples: 0, sensors: sample.covariance.sensors)),
        ]
    }

    private func localize(
        _ options: [String], recording: String = "recording.h5", covariance: String = "covariance.h5"
    ) throws -> Program.Outcome {
        try Program.run(
            Workspace.localization(
                recording: recording, covariance: covariance, output: "result",
                ["--window", "0.05", "0.15"] + options),
            in: workspace.folder.path)
    }

    @Test(
        "Every criterion, search and weighting can be asked for, and is named in what is written",
        arguments: [
            (["--criterion", "sure-mc", "--draws", "2"], "SURE (Monte-Carlo)", "path"),
            (["--criterion", "kfold", "--folds", "4"], "4-fold", "path"),
            (["--criterion", "held-out", "--search", "grid"], "held-out", "grid"),
            (["--criterion", "gcv", "--search", "brent"], "GCV", "brent"),
            (["--criterion", "bic", "--search", "l-bfgs"], "BIC", "l-bfgs"),
            (["--criterion", "aic", "--search", "line-search"], "AIC", "line-search"),
            (["--criterion", "ebic", "--search", "adam"], "EBIC", "adam"),
            (["--search", "random", "--seed", "3"], "SURE", "random"), (["--search", "bayesian"], "SURE", "bayesian"),
            (["--search", "gradient"], "SURE", "gradient"), (["--weights", "shared"], "SURE", "path"),
            (["--weights", "reweighted"], "SURE", "path"), (["--weights", "refined"], "SURE", "path"),
            (["--weights", "learned"], "SURE", "line-search"),
            (["--weights", "learned", "--search", "l-bfgs", "--criterion", "gcv"], "GCV", "l-bfgs"),
            (["--weights", "evidence"], "evidence", "updates"), (["--criterion", "evidence"], "evidence", "updates"),
            (["--sigma", "baseline"], "SURE", "path"), (["--sigma", "1.3"], "SURE", "path"),
            (["--penalty", "mcp"], "SURE", "path"), (["--penalty", "scad", "--weights", "shared"], "SURE", "path"),
            (["--penalty", "elastic-net", "--ridge", "0.5"], "SURE", "path"),
            (["--penalty", "elastic-net", "--ridge", "0.5", "--weights", "learned"], "SURE", "line-search"),
        ])
    func choices(_ options: [String], _ criterion: String, _ search: String) throws {
        let outcome = try localize(["--json"] + options)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let json = try JSON(parsing: outcome.output)
        #expect(json["criterion"] == .text(criterion) && json["search"] == .text(search))
        #expect(!json["sources"].list.isEmpty && json["at_grid_edge"] == .boolean(false))
        let isOne = !options.contains("learned") && !options.contains("evidence")
        #expect((json["selection_shape"]["wells"].integer ?? 0) >= 1 || !isOne)
        #expect((json["selection_shape"] == .null) != isOne)
        if options.contains("--sigma") {
            #expect(json["sigma"].number != 1)
        } else {
            #expect(json["sigma"] == .number(1))
        }
        let stored = try EstimateFile.read(workspace.folder.file("result/estimate.h5"))
        #expect(stored.selection.criterion == criterion && stored.selection.search == search)
        #expect((stored.selection.axis == .lambda) == isOne)
        for k in stride(from: 0, to: options.count, by: 2) {
            let setting = Setting(String(options[k].dropFirst(2)), options[k + 1])
            #expect(stored.settings.contains(setting), "\(setting)")
        }
        let figure = try workspace.text("result/selection.svg")
        #expect(xmlElements(figure)?.first == "svg" && figure.contains(criterion))
        #expect(figure.contains(">Evaluation<") != isOne)
        let table = try workspace.table("result/selection.tsv")
        #expect(table.count { $0["chosen"] == "1" } == 1 && table.count == stored.selection.points.count)
    }

    @Test(
        "λ by epochs, and stability by a bootstrap of them, in every output",
        arguments: ["held-out-epochs", "kfold-epochs"])
    func epochs(_ criterion: String) throws {
        let options = ["--criterion", criterion, "--folds", "3", "--stability", "4"]
        let outcome = try localize(["--json"] + options, recording: "epochs.h5", covariance: "epoch-covariance.h5")
        expectSuccess(outcome)
        let json = try JSON(parsing: outcome.output)
        let stability = json["stability"]
        #expect(stability["repeats"].integer == 4 && stability["by"] == .text("epochs"))
        #expect(stability["radius_mm"].number == 10 && stability["source_counts"].list.count == 4)
        #expect(stability["lambda_ratios"].list.compactMap(\.number).count == 4)
        let names = try workspace.files(of: "result").keys.sorted()
        #expect(names == (LocalizeTests.files + ["stability.svg", "stability.tsv"]).sorted())

        let stored = try EstimateFile.read(workspace.folder.file("result/estimate.h5"))
        let measured = try #require(stored.stability)
        let rows = try workspace.table("result/stability.tsv")
        let sources = try workspace.table("result/sources.tsv")
        let found = try stored.sources.map { try #require($0.stability) }
        try #require(found.count == json["sources"].list.count && sources.count == found.count)
        #expect(rows.count == found.count + measured.others.count)
        for (place, source) in json["sources"].list.enumerated() {
            let fraction = try #require(source["found_fraction"].number)
            #expect(fraction == found[place].found)
            #expect(source["peak_spread"].number == found[place].amplitudeSpread)
            #expect(
                sources[place]["found_fraction"].flatMap { Double($0) }
                    == rows[place]["found_fraction"].flatMap { Double($0) })
            #expect(rows[place]["rank"] == "\(place + 1)")
        }
        #expect(found.first?.found == 1)
        let figure = try workspace.text("result/stability.svg")
        #expect(xmlElements(figure)?.first == "svg" && figure.contains("4 repeats"))
        let again = try localize(
            ["--json", "--force"] + options, recording: "epochs.h5", covariance: "epoch-covariance.h5")
        #expect(try JSON(parsing: again.output)["stability"] == stability)
        let plain = try localize(["--force"] + options, recording: "epochs.h5", covariance: "epoch-covariance.h5")
        for part in ["4 repeats with a bootstrap of epochs", "found", "spread"] { #expect(plain.output.contains(part)) }
    }

    @Test("λ by the quantile of noise is told with its noise levels in every output")
    func noiseQuantile() throws {
        let outcome = try localize(["--json", "--criterion", "noise-quantile", "--weights", "shared"])
        expectSuccess(outcome)
        let json = try JSON(parsing: outcome.output)
        let levels = json["noise_quantile"]["deviations"].list.compactMap(\.number)
        #expect(!levels.isEmpty && levels.allSatisfy { (0.5...2).contains($0) }, "\(levels)")
        #expect(json["criterion"] == .text("noise-quantile") && !json["sources"].list.isEmpty)
        let stored = try EstimateFile.read(workspace.folder.file("result/estimate.h5"))
        let record = try #require(stored.selection.quantile)
        #expect(record.deviations == levels && record.draws == 40 && record.quantile > 0)
        #expect(json["noise_quantile"]["correlation"].number == record.correlation && abs(record.correlation) < 1)
        #expect(stored.settings.contains(Setting("draws", "40")))
        #expect(try workspace.text("result/selection.svg").contains("noise-quantile"))
        let plain = try localize(["--force", "--criterion", "noise-quantile", "--draws", "60"])
        expectSuccess(plain)
        #expect(plain.output.contains("of 60 draws"))
    }

    @Test("Without sources stability has nothing to show, and says so")
    func noSources() throws {
        let sample = try Sample.simulated.get().recording
        let silent = try Recording(
            epochs: [Matrix(rows: sample.sensors.count, columns: sample.sampleCount)],
            samplingFrequency: sample.samplingFrequency, firstTime: sample.firstTime, averages: sample.averages,
            sensors: sample.sensors, projectors: sample.projectors)
        try workspace.folder.write("zeros.h5", try RecordingFile.encode(silent))
        let outcome = try localize(["--json", "--stability", "3"], recording: "zeros.h5")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let json = try JSON(parsing: outcome.output)
        #expect(json["sources"] == .list([]) && json["stability"]["source_counts"].list.count == 3)
        #expect(try workspace.text("result/stability.svg").contains("No sources"))
    }

    @Test(
        "Options that make no sense together end in one line that names them",
        arguments: [
            (["--weights", "shared", "--reweight", "3"], ["--weights", "shared", "--reweight"]),
            (["--weights", "reweighted", "--reweight", "0"], ["--weights", "--weights shared"]),
            (["--weights", "learned", "--search", "brent"], ["--search", "brent", "line-search"]),
            (["--weights", "evidence", "--criterion", "gcv"], ["--criterion", "gcv", "evidence"]),
            (["--weights", "evidence", "--search", "path"], ["--search", "path"]),
            (["--weights", "evidence", "--lambda", "0.2"], ["--lambda"]),
            (["--lambda", "0.2", "--criterion", "gcv"], ["--criterion", "gcv"]),
            (["--lambda", "0.2", "--search", "grid"], ["--search", "grid"]),
            (["--penalty", "l1"], ["--penalty", "l1", "l21"]),
            (["--penalty", "elastic-net"], ["--ridge", "elastic-net"]),
            (["--penalty", "mcp", "--weights", "reweighted"], ["--penalty", "mcp", "l21"]),
            (["--penalty", "mcp", "--reweight", "2"], ["--penalty", "mcp", "reweighting"]),
            (["--penalty", "scad", "--criterion", "evidence"], ["--penalty", "scad", "evidence"]),
            (["--gamma", "3"], ["--gamma", "mcp or scad"]), (["--penalty", "mcp", "--gamma", "0"], ["--gamma", "0"]),
            (["--penalty", "scad", "--gamma", "1.5"], ["--gamma", "1.5", "above 2"]),
            (["--criterion", "noise-quantile", "--search", "grid"], ["--criterion", "noise-quantile"]),
            (["--criterion", "noise-quantile", "--weights", "learned"], ["--criterion", "noise-quantile"]),
            (["--criterion", "noise-quantile", "--sigma", "2"], ["--sigma", "noise-quantile"]),
            (["--criterion", "noise-quantile", "--draws", "5"], ["--criterion", "5 draws", "19"]),
            (["--criterion", "kfold-epochs"], ["--criterion", "kfold-epochs", "one average"]),
            (["--folds", "4"], ["--folds", "sure"]), (["--draws", "4"], ["--draws", "sure-mc"]),
            (["--criterion", "kfold", "--folds", "77"], ["--folds", "77 folds of 75 rows"]),
            (["--sigma", "loud"], ["--sigma", "loud"]), (["--sigma", "-1"], ["--sigma", "-1"]),
            (["--criterion", "gcv", "--sigma", "2"], ["--sigma", "gcv"]),
            (["--stability", "0"], ["--stability"]), (["--stability", "5000"], ["--stability", "5000"]),
            (["--stability-by", "noise"], ["--stability-by", "--stability N"]),
            (["--stability", "5", "--stability-by", "epochs"], ["--stability-by", "one average"]),
        ])
    func refusals(_ options: [String], _ parts: [String]) throws {
        let outcome = try localize(["--json"] + options)
        expectRefusal(outcome, naming: parts)
        #expect(!workspace.contents.contains("result"))
    }
}
