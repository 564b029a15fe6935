import Foci
import Foundation
import TestSupport
import Testing

@Suite("Connections of a group, from the folder of a batch")
struct GroupConnectionsTests {
    static let simulated = Result {
        try Simulation.run(
            SimulationSettings(
                sourceCount: 120, activeCount: 3, minimumDistance: 0.05, seed: 3, megSites: 20, eegElectrodes: 0,
                samplingFrequency: 200))
    }

    /// A batch, done: six subjects, two conditions, 40 epochs of half a second each. Three places with memories; the first
    /// drives the second as each condition says, a little differently in each subject.
    static func batch(_ drive: [String: Double]) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let simulated = try simulated.get()
        try folder.write("forward.h5", try ForwardFile.encode(simulated.forward, singlePrecision: true))
        try folder.write("covariance.h5", try CovarianceFile.encode(simulated.covariance))
        let (gain, sensors) = (simulated.forward.gain, simulated.recording.sensors)
        let fields = Matrix(rows: gain.rows, columns: 3) { channel, place in
            let source = simulated.truth.sources[place]
            return 100e-9 * (0..<3).reduce(0) { $0 + gain[channel, 3 * source.index + $1] * source.direction[$1] }
        }
        let deviations = (0..<gain.rows).map { simulated.covariance.matrix[$0, $0].squareRoot() }
        var random = SeededGenerator(seed: 8)
        var rows = ["subject\tforward\trecording\tcovariance\tcondition"]
        for subject in 1...6 {
            let factor = 0.9 + 0.2 * random.uniform()
            for (condition, drive) in drive.sorted(by: { $0.key < $1.key }) {
                let epochs = (0..<40).map { _ in
                    var state = [0.0, 0, 0]
                    var places = Matrix(rows: 3, columns: 100)
                    for t in -20..<100 {
                        let driver = state[0]
                        for k in 0..<3 { state[k] = 0.6 * state[k] + random.normal() }
                        state[1] += factor * drive * driver
                        if t >= 0 { for k in 0..<3 { places[k, t] = state[k] } }
                    }
                    let data = fields * places
                    return Matrix(rows: data.rows, columns: data.columns) { channel, t in
                        data[channel, t] + deviations[channel] * random.normal()
                    }
                }
                let recording = try Recording(
                    epochs: epochs, samplingFrequency: 200, firstTime: 0, condition: condition, sensors: sensors,
                    projectors: simulated.recording.projectors)
                try folder.write("\(subject)\(condition).h5", try RecordingFile.encode(recording))
                rows.append("0\(subject)\tforward.h5\t\(subject)\(condition).h5\tcovariance.h5\t\(condition)")
            }
        }
        try folder.write("subjects.tsv", Array((rows.joined(separator: "\n") + "\n").utf8))
        // Without a baseline sources are told that are none, others from another start; of these one or the other leaks.
        let outcome = try Program.run(
            [
                "batch", ".", "out", "--table", "subjects.tsv", "--window", "0.05", "0.15", "--criterion", "sure",
                "--quiet", "participant",
            ], in: folder.path, limit: 300)
        #expect(outcome.status == 0, "\(outcome.errors)")
        return folder
    }

    static func group(_ folder: TemporaryFolder, _ options: [String] = []) throws -> Program.Outcome {
        try Program.run(["group", "out", "--analysis", "connections"] + options, in: folder.path, limit: 300)
    }

    static func answer(_ folder: TemporaryFolder, _ options: [String] = []) throws -> JSON {
        let outcome = try group(folder, options + ["--json", "--quiet"])
        expectSuccess(outcome)
        return try JSON(parsing: outcome.output)["connections"]
    }

    /// The number of each simulated place among those found.
    static func places(_ found: JSON) throws -> [Int] {
        let positions = found["positions_mm"].list.map { $0.list.compactMap(\.number) }
        return try simulated.get().truth.sources.map { source in
            let distances = positions.map { position in
                (0..<3).reduce(0) { $0 + pow(position[$1] - 1000 * source.position[$1], 2) }
            }
            return try #require(distances.indices.min { distances[$0] < distances[$1] }) + 1
        }
    }

    /// Of the connections over the group the strongest is the one that is there, and claimed; others may be what leaks between
    /// places that one source was split into.
    static func expectStrongest(_ found: JSON, from: Int, to: Int) throws {
        let all = found["connections"].list
        let strongest = try #require(all.max { $0["influence"].number ?? 0 < $1["influence"].number ?? 0 })
        #expect(strongest["claimed"].boolean == true)
        #expect([strongest["from"].integer, strongest["to"].integer] == [from, to])
        let back = all.first { [$0["from"].integer, $0["to"].integer] == [to, from] }
        #expect(back?["claimed"].boolean == false)
    }

    @Test("what drives in one condition only is found, and no other effect")
    func difference() throws {
        let folder = try Self.batch(["a": 0, "b": 0.4])
        let found = try Self.answer(folder)
        let places = try Self.places(found)
        #expect(Set(places).count == 3 && found["order"].integer == 1 && found["recordings"].integer == 12)
        #expect(found["formula"].text == "influence ~ condition + (condition | subject)")
        let count = found["positions_mm"].list.count
        #expect(found["tests"].integer == count * (count - 1))
        let significant = found["effects"].list.filter { $0["p_holm"].number ?? 1 < 0.05 }
        let effect = try #require(significant.first)
        #expect(significant.count == 1 && effect["effect"].text == "conditionb")
        #expect([effect["from"].integer, effect["to"].integer] == [places[0], places[1]])
        #expect(effect["inclusion"].number ?? 0 > 0.95 && effect["p_fdr"].number ?? 1 < 0.05)
        // The driver's part of the variance of what is new: log(1 + 0.16·1.5625), but for noise.
        #expect(abs((effect["estimate"].number ?? 0) - 0.2) < 0.06)
        try Self.expectStrongest(found, from: places[0], to: places[1])
        // What is alike but for whose it is and its number is told once.
        let told = found["warnings"].list.compactMap(\.text).map {
            $0.replacing(#/^[^:]*: /#, with: "").replacing(#/[0-9.]+ to [0-9.]+|[0-9]+\.[0-9]+/#, with: "")
        }
        #expect(!told.isEmpty && Set(told).count == told.count, "\(told)")
        let text = String(decoding: try folder.read("out/group/connections/connections.tsv"), as: UTF8.self)
        #expect(text.split(separator: "\n").count == 12 * count * (count - 1) + 1)
        #expect(text.hasPrefix("subject\tcondition\tsession\tfrom\tto\tinfluence\tstandard_error\tp\n"))
        let page = String(decoding: try folder.read("out/group.html"), as: UTF8.self)
        #expect(page.contains("<h2 id=\"connections\">") && page.contains("predictive influence"))
        // Any number of threads, and any name before the formula.
        let formula = "amplitude ~ condition + (condition | subject)"
        let again = try Self.answer(folder, ["--threads", "1", "--formula", formula])
        #expect(again["effects"] == found["effects"])
        for (options, parts) in [
            (["--connection-window", "0", "0.005"], ["--analysis connections", "samples are too few"]),
            (["--connection-window", "0.2", "0.1"], ["--connection-window", "0.2"]),
            (["--connection-window", "3", "4"], ["--connection-window", "0 to 0.495 s"]),
            (["--formula", "power ~ condition + (1 | subject)"], ["--formula", "'power'", "influence"]),
        ] {
            expectRefusal(try Self.group(folder, options), naming: parts)
        }
    }

    @Test("where conditions are alike, no effect is found")
    func none() throws {
        let found = try Self.answer(try Self.batch(["a": 0.4, "b": 0.4]))
        #expect(!found["effects"].list.isEmpty)
        for effect in found["effects"].list { #expect(effect["p_holm"].number ?? 1 > 0.05) }
        let places = try Self.places(found)
        try Self.expectStrongest(found, from: places[0], to: places[1])
    }

    @Test("averages are left out, and refused where connections are asked for by name")
    func averages() throws {
        let work = try BatchWorkspace(subjects: ["01", "02", "03"])
        #expect(try work.batch(["participant"]).status == 0)
        expectRefusal(try Self.group(work.folder), naming: ["--analysis connections", "epochs"])
        let all = try Program.run(["group", "out", "--json", "--quiet"], in: work.folder.path, limit: 300)
        expectSuccess(all)
        let left = try JSON(parsing: all.output)["left_out"]
        #expect(left.object.count == 1 && left["connections"].text?.contains("epochs") ?? false)
    }
}
