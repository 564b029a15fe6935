import Foci
import Foundation
import TestSupport
import Testing

@Suite("foci dynamics")
struct DynamicsCommandTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func foci(_ arguments: [String]) throws -> Program.Outcome {
        try Program.run(["dynamics"] + arguments, in: folder.path, limit: 300)
    }

    private func json(_ arguments: [String]) throws -> JSON {
        let outcome = try foci(arguments + ["--json", "--quiet"])
        expectSuccess(outcome)
        return try JSON(parsing: outcome.output)
    }

    /// Epochs of four variables: noise remembered for some samples, a → b and b → c, d alone.
    static func epochs(_ count: Int, samples: Int, seed: UInt64) -> [Matrix] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in
            var state = [0.0, 0, 0, 0]
            var epoch = Matrix(rows: 4, columns: samples)
            for sample in -50..<samples {
                let old = state
                for k in 0..<4 { state[k] = 0.7 * old[k] + random.normal() }
                state[1] += 0.5 * old[0]
                state[2] -= 0.5 * old[1]
                if sample >= 0 { for k in 0..<4 { epoch[k, sample] = state[k] } }
            }
            return epoch
        }
    }

    private func writeTable(_ epochs: [Matrix], _ name: String = "t.tsv") throws {
        var lines = ["time\tepoch\ta\tb\tc\td"]
        for (number, epoch) in epochs.enumerated() {
            for t in 0..<epoch.columns {
                lines.append(
                    "\(Double(t) / 200)\t\(number)\t" + epoch.column(t).map { "\($0)" }.joined(separator: "\t"))
            }
        }
        try folder.write(name, Array((lines.joined(separator: "\n") + "\n").utf8))
    }

    private func selected(_ found: JSON) -> [String] {
        found["connections"].list.filter { $0["selected"].boolean == true }
            .map { "\($0["from"].text ?? "") \($0["to"].text ?? "")" }
    }

    @Test("of a table: what drives what is claimed, and nothing else, with a page; the same on any number of threads")
    func table() throws {
        try writeTable(Self.epochs(10, samples: 200, seed: 1))
        let found = try json(["--table", "t.tsv", "--output", "out"])
        #expect(selected(found) == ["a b", "b c"])
        #expect(found["order"].number == 1 && found["epochs"].number == 10 && found["samples"].number == 2000)
        #expect(found["connections"].list.count == 12)
        for connection in found["connections"].list {
            let p = try #require(connection["p"].number)
            #expect(connection["fdr"].number ?? 0 >= p && connection["influence"].number ?? -1 >= 0)
            if connection["selected"].boolean == true {
                #expect(p < 1e-6 && connection["confirmed"].boolean == true && connection["frequency"].number == 1)
            }
        }
        // One step ahead: 1 − the noise's part of the variance of all four variables, 4 of 19.3; the variance of two
        // epochs so slow varies by a sixth.
        let near = try #require(found["forecast"].list.first)
        #expect(near["samples"].number == 1 && abs((near["explained"].number ?? 0) - 0.79) < 0.1)
        #expect(found["warnings"].list.contains { $0.text?.contains("predictive influence") ?? false })
        let threads = try json(["--table", "t.tsv", "--threads", "1"])
        #expect(threads.removing("seconds") == found.removing("seconds"))

        let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("out")).sorted()
        #expect(
            names == [
                "connections.svg", "connections.tsv", "dynamics.html", "dynamics.json", "forecast.svg", "influence.svg",
                "spectrum.svg",
            ])
        let rows = String(decoding: try folder.read("out/connections.tsv"), as: UTF8.self).split(separator: "\n")
        #expect(rows.count == 13 && rows[0].hasPrefix("from\tto\tinfluence\tp\tfdr\tselected"))
        let page = String(decoding: try folder.read("out/dynamics.html"), as: UTF8.self)
        #expect(page.contains("2 of 12 possible connections") && page.contains("predictive influence"))
    }

    @Test("every model finds its variables' names and ends with an answer", arguments: DynamicsKind.all.map(\.name))
    func models(_ model: String) throws {
        // Two springs, one of which pulls the other, without noise.
        var lines = ["time\tx\ty"]
        for t in 0..<300 {
            let s = Double(t) * 0.05
            // ẍ = −2x; ÿ = x − y, from x = 1, y = 0 at rest: y = (cos √2·s − cos s)·(−1)
            lines.append("\(s)\t\(cos(2.0.squareRoot() * s))\t\(cos(s) - cos(2.0.squareRoot() * s))")
        }
        try folder.write("t.tsv", Array((lines.joined(separator: "\n") + "\n").utf8))
        let arguments = ["--table", "t.tsv", "--model", model, "--resamples", "0"]
        // Without noise there is nothing to test against.
        guard model != "plain" else { return expectRefusal(try foci(arguments), naming: ["t.tsv", "without noise"]) }
        let found = try json(arguments)
        #expect(found["model"].text == model && found["connections"].list.count == 2)
        #expect(found["connections"].list[0]["from"].text == "y" && found["connections"].list[0]["to"].text == "x")
        if model == "linear" { #expect(selected(found) == ["x y"] && found["order"].number == 2) }
    }

    @Test("too few samples: nothing is claimed, and that is said")
    func short() throws {
        try writeTable(Self.epochs(1, samples: 250, seed: 2))
        let found = try json(["--table", "t.tsv"])
        #expect(selected(found).isEmpty)
        #expect(found["warnings"].list.contains { $0.text?.contains("cannot be told from 249 samples") ?? false })
    }

    @Test("of sources: the epochs of two that were found, whose fields overlap at the sensors")
    func sources() throws {
        let simulated = try Sample.simulated.get()
        for (name, bytes) in try Sample.files.get() { try folder.write(name, bytes) }
        let localized = try Program.run(Workspace.localization() + ["--quiet"], in: folder.path)
        expectSuccess(localized)
        let estimate = try EstimateFile.read(folder.file("result/estimate.h5"))
        try #require(estimate.sources.count > 1)
        // Of the two strongest the first drives the second, through the fields of their dipoles at the peak.
        let fields = estimate.sources.prefix(2).map { source -> [Double] in
            let gain = simulated.forward.gain
            let width = gain.columns / simulated.forward.sources.count
            let columns = gain.columns((source.index * width)..<((source.index + 1) * width))
            let axis = source.axes?.first ?? SIMD3(1, 0, 0)
            let parts = width == 1 ? [1] : [axis.x, axis.y, axis.z]
            return (columns * Matrix(rows: width, columns: 1, elements: parts)).column(0)
        }
        var random = SeededGenerator(seed: 5)
        let deviations = (0..<simulated.covariance.matrix.rows).map { simulated.covariance.matrix[$0, $0].squareRoot() }
        let data = Self.epochs(20, samples: 100, seed: 3).map { epoch in
            Matrix(rows: deviations.count, columns: 100) { channel, t in
                100e-9 * (fields[0][channel] * epoch[0, t] + fields[1][channel] * epoch[1, t])
                    + deviations[channel] * random.normal()
            }
        }
        let recording = try Recording(
            epochs: data, samplingFrequency: 200, firstTime: 0, sensors: simulated.recording.sensors,
            projectors: simulated.recording.projectors)
        try folder.write("epochs.h5", try RecordingFile.encode(recording))
        let arguments = [
            "result", "--recording", "epochs.h5", "--forward", "forward.h5", "--covariance", "covariance.h5",
        ]
        let found = try json(arguments + ["--output", "drives"])
        #expect(selected(found).contains("source 1 source 2") && !selected(found).contains("source 2 source 1"))
        #expect(found["epochs"].number == 20 && found["interval"].number == 0.005)
        let page = String(decoding: try folder.read("drives/dynamics.html"), as: UTF8.self)
        #expect(page.contains("from above"))

        // One average is refused, unless it is forced.
        let average = ["result", "--recording", "recording.h5", "--forward", "forward.h5"]
        expectRefusal(
            try foci(average + ["--covariance", "covariance.h5"]), naming: ["recording.h5", "average", "--force"])
        let forced = try json(average + ["--covariance", "covariance.h5", "--force", "--resamples", "0"])
        #expect(selected(forced).isEmpty && forced["samples"].number == Double(simulated.recording.sampleCount))
        // Without a covariance noise is what was before time 0.
        let alone = try json(average + ["--force", "--resamples", "0", "--output", "alone"])
        #expect(alone["samples"].number ?? 0 < forced["samples"].number ?? 0)
        #expect(!FileManager.default.fileExists(atPath: folder.file("alone/spectrum.svg")))
    }

    @Test("what cannot be worked with is told in a line")
    func wrong() throws {
        try writeTable(Self.epochs(3, samples: 60, seed: 4))
        let good = String(decoding: try folder.read("t.tsv"), as: UTF8.self)
        func write(_ text: String) throws { try folder.write("w.tsv", Array(text.utf8)) }
        func refused(_ arguments: [String], _ parts: [String]) throws {
            expectRefusal(try foci(arguments), naming: parts)
        }
        try refused([], ["no estimate", "--table"])
        try refused(["--table", "t.tsv", "--recording", "r.fif"], ["--table", "one of both"])
        try refused(["e.h5"], ["--recording", "nothing"])
        try refused(["--table", "nowhere.tsv"], ["nowhere.tsv"])
        try refused(["--table", "t.tsv", "--order", "0"], ["order", "0"])
        try refused(["--table", "t.tsv", "--order", "40"], ["t.tsv", "samples"])
        try refused(["--table", "t.tsv", "--held-out", "0.9"], ["--held-out", "0.9"])
        try refused(["--table", "t.tsv", "--false-discovery-rate", "2"], ["false discovery rate"])
        try write(good.replacing("time\t", with: "when\t"))
        try refused(["--table", "w.tsv"], ["no column 'time'", "when"])
        try write("time\ta\n0\t1\n1\t2\n")
        try refused(["--table", "w.tsv"], ["1 variable", "two"])
        try write(good.replacing("\n0.05\t1\t", with: "\n0.051\t1\t"))
        try refused(["--table", "w.tsv"], ["w.tsv", "epoch 2", "unequal"])
        try write(good.replacing("\n0.05\t1\t", with: "\n0.05\t0\t"))
        try refused(["--table", "w.tsv"], ["w.tsv", "epoch", "line"])
        try write("time\ta\tb\n" + (0..<50).map { "\($0)\t1\t\($0 % 7)\n" }.joined())
        try refused(["--table", "w.tsv"], ["w.tsv", "a never changes"])
        try write("time\ta\tb\n0\t1\tx\n1\t2\t3\n")
        try refused(["--table", "w.tsv"], ["'x'", "column 'b'", "line 2"])
    }
}
