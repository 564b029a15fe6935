import Foci
import Foundation
import TestSupport
import Testing

/// Raw recordings in FIF, localized by themselves, against the average that MNE-Python makes of the same epochs.
@Suite(
    "Raw recordings against averages of MNE-Python",
    .enabled(if: PythonEnvironment.isPresent, Comment(rawValue: PythonEnvironment.absence)))
struct RawTests {
    /// Options that cut epochs, and the average that they amount to.
    struct Case: CustomTestStringConvertible, Sendable {
        let average: String
        let events: String
        let condition: String
        var epoch = ["-0.2", "0.3"]
        var isRejecting = true

        var options: [String] {
            ["--events", events, "--condition", condition, "--epoch"] + epoch
                + (isRejecting ? ["--reject", "eeg:150e-6", "--reject", "mag:2e-11"] : [])
        }

        var testDescription: String { "\(average): \(options.joined(separator: " "))" }
    }

    static let cases = [
        Case(average: "tone", events: "STI 014", condition: "1"),
        Case(average: "tone", events: "tones-eve.fif", condition: "1"),
        Case(average: "tone", events: "tones.eve", condition: "1"),
        Case(average: "tone", events: "events.tsv", condition: "tone"),
        Case(average: "flash", events: "events.tsv", condition: "flash"),
        Case(average: "short", events: "STI 014", condition: "1", epoch: ["-0.1", "0.2"]),
        Case(average: "all", events: "STI 014", condition: "1", isRejecting: false),
    ]

    let folder: TemporaryFolder

    init() throws { folder = try PythonFiles.recorded.get().folder() }

    private func localize(_ recording: String, to output: String, _ options: [String]) throws -> JSON {
        let common = ["--window", "0.05", "0.15", "--lambda", "0.15", "--reweight", "0", "--no-debias"]
        let outcome = try Program.run(
            Workspace.localization(
                forward: "tones-fwd.fif", recording: recording, covariance: "tones-cov.fif", output: output,
                common + ["--json", "--quiet"] + options),
            in: folder.path)
        try #require(outcome.status == 0, "\(outcome.errors)")
        return try JSON(parsing: outcome.output)
    }

    @Test("The same sources and amplitudes, and as many epochs", arguments: cases)
    func sources(_ test: Case) throws {
        let summary = try localize("tones-raw.fif", to: "raw", test.options)
        let expected = try localize("\(test.average)-ave.fif", to: "average", [])
        let counts = try JSON(parsing: PythonFiles.recorded.get().output)
        #expect(summary["averages"] == counts[test.average] && expected["averages"] == counts[test.average])
        #expect(summary["rank"] == expected["rank"])
        let (one, other) = (
            try EstimateFile.read(folder.file("raw/estimate.h5")),
            try EstimateFile.read(folder.file("average/estimate.h5"))
        )
        #expect(one.sources.count > 1)
        #expect(one.sources.map(\.index) == other.sources.map(\.index))
        // MNE-Python writes averages in single precision.
        let largest = other.sources.map(\.peakAmplitude).max() ?? 0
        for (source, expected) in zip(one.sources, other.sources) {
            let difference = source.amplitudes - expected.amplitudes
            #expect(difference.elements.allSatisfy { abs($0) <= 1e-6 * largest })
        }
        let told = summary["warnings"].list.compactMap(\.text)
        let hasTones = test.condition != "flash"
        #expect(told.contains { $0.contains("3 of 31 epochs rejected") } == (hasTones && test.isRejecting))
        #expect(told.contains { $0.contains("1 epochs left out, which the file marks bad") } == hasTones)
    }

    @Test("Several conditions, and the default settings: the sources of both, over all epochs")
    func bothConditions() throws {
        let options = ["--events", "STI014", "--condition", "1", "--condition", "2", "--reject", "eeg:150e-6"]
        let outcome = try Program.run(
            Workspace.localization(
                forward: "tones-fwd.fif", recording: "tones-raw.fif", covariance: "tones-cov.fif", output: "both",
                ["--window", "0.05", "0.15", "--epoch", "-0.2", "0.3", "--json", "--quiet"] + options),
            in: folder.path)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let summary = try JSON(parsing: outcome.output)
        #expect(Set(summary["sources"].list.compactMap { $0["index"].integer }) == [15, 75])
    }

    @Test("Without events, or with those of nothing, the line says what to give")
    func refusals() throws {
        func refused(_ options: String...) throws -> Program.Outcome {
            try Program.run(
                Workspace.localization(
                    forward: "tones-fwd.fif", recording: "tones-raw.fif", covariance: "tones-cov.fif", output: "no",
                    options), in: folder.path)
        }
        expectRefusal(try refused(), naming: ["tones-raw.fif", "--events FILE", "'STI 014'", "--epoch"])
        expectRefusal(
            try refused("--events", "STI 014"), naming: ["tones-raw.fif", "2 conditions: 0 '1' (", "--condition NAME"])
        expectRefusal(try refused("--events", "STI 101"), naming: ["'STI 101'", "'STI 014'"])
        expectRefusal(try refused("--epoch", "-0.2", "0.3"), naming: ["--epoch", "--events"])
        expectRefusal(
            try refused("--events", "STI 014", "--condition", "1", "--reject", "eeg:1e-9"),
            naming: ["epochs rejected", "--reject"])
    }
}
