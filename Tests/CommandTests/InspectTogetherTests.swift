import Foci
import Foundation
import TestSupport
import Testing

/// `foci inspect` of files that are to be localized together.
@Suite(
    "Files inspected together",
    .enabled(if: PythonEnvironment.isPresent, Comment(rawValue: PythonEnvironment.absence)))
struct InspectTogetherTests {
    let folder: TemporaryFolder

    init() throws { folder = try PythonFiles.recorded.get().folder() }

    private static let files = ["tone-ave.fif", "tones-fwd.fif", "tones-cov.fif"]

    private func inspect(_ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        let outcome = try Program.run(["inspect"] + arguments, in: folder.path)
        expectSuccess(outcome, sourceLocation: sourceLocation)
        return outcome.output
    }

    private func checks(_ arguments: [String]) throws -> [JSON] {
        try JSON(parsing: inspect(arguments + ["--json"]))["checks"].list
    }

    /// Names of what has a mark.
    private func names(_ checks: [JSON], _ mark: String) -> [String] {
        checks.filter { $0["mark"].text == mark }.compactMap { $0["name"].text }
    }

    /// The lines of the checklist.
    private func list(_ text: String) -> [Substring] {
        text.split(separator: "\n").drop { $0 != "together:" }.dropFirst().map { $0 }
    }

    /// The finding and the advice of the first check of a name that is not as it should be.
    private func said(_ checks: [JSON], _ name: String) -> String {
        let check = checks.first { $0["name"].text == name && $0["mark"].text != "ok" }
        return "\(check?["finding"].text ?? "nothing") → \(check?["advice"].text ?? "nothing")"
    }

    // MARK: A clean recording

    @Test("All is ok of files that fit, in any order")
    func clean() throws {
        var seen: [[Substring]] = []
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let files = order.map { Self.files[$0] }
            let text = try inspect(files)
            // Each file is described, in the order given.
            let places = try files.map { try #require(text.range(of: "\($0): ")).lowerBound }
            #expect(places == places.sorted())
            seen.append(list(text))
        }
        #expect(seen[0].count >= 12 && seen.allSatisfy { $0 == seen[0] })
        #expect(seen[0].allSatisfy { $0.hasPrefix("  ok ") })
    }

    @Test("The JSON has a member for each file and each check, with its keys")
    func json() throws {
        let json = try JSON(parsing: inspect(Self.files.reversed() + ["--json"]))
        #expect(json.object.keys.sorted() == ["checks", "files"])
        #expect(json["files"].list.map { $0["file"].text } == Self.files.reversed())
        let contents = json["files"].list.map { $0["contents"].list.compactMap(\.text) }
        #expect(contents == [["covariance"], ["forward"], ["recording"]])
        let checks = json["checks"].list
        for check in checks {
            #expect(check.object.keys.sorted() == ["advice", "finding", "mark", "name"])
            #expect(check["finding"].text?.isEmpty == false && check["advice"] == .text(""))
            #expect(check["mark"] == .text("ok"))
        }
        let names = names(checks, "ok")
        for name in [
            "condition", "channels", "compensation", "head position", "window", "values", "baseline", "reference",
            "averages", "noise", "units",
        ] { #expect(names.count { $0 == name } == 1, "\(name)") }
        // One for MEG, one for the electrodes.
        #expect(names.count { $0 == "rank" } == 2)
    }

    @Test("A localization has the same checks, in its JSON and at the head of its summary")
    func localization() throws {
        let arguments = Workspace.localization(
            forward: "tones-fwd.fif", recording: "tone-ave.fif", covariance: "tones-cov.fif", output: "plain",
            ["--averages", "3", "--lambda", "0.5"])
        let outcome = try Program.run(arguments, in: folder.path)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let listed = list(try inspect(Self.files + ["--averages", "3"]))
        let lines = outcome.output.split(separator: "\n")
        #expect(lines.dropFirst().prefix(listed.count).map { $0 } == listed)
        #expect(listed.contains { $0.hasPrefix("  LOOK   noise ") })
        let json = try Program.run(arguments + ["--json", "--quiet", "--force"], in: folder.path)
        let summary = try JSON(parsing: json.output)
        #expect(try summary["checks"].list == checks(Self.files + ["--averages", "3"]))
        // What is to be looked at is a warning, too.
        let looks = summary["checks"].list.filter { $0["mark"] == .text("look") }
        #expect(looks.count == 1)
        for look in looks {
            let text = "\(look["finding"].text ?? ""); \(look["advice"].text ?? "")"
            #expect(summary["warnings"].list.contains(.text(text)))
            #expect(outcome.errorLines.contains("foci: warning: \(text)"))
        }
    }

    // MARK: Something is off

    @Test("What is worth a look has advice, and the rest stays ok")
    func looks() throws {
        let others = Array(Self.files.dropFirst())
        for (arguments, name, parts) in [
            (Self.files + ["--averages", "3"], "noise", ["0.33 where 1 is expected", "set it with --averages"]),
            (Array(Self.files.prefix(2)), "noise", ["no noise covariance was given", "50 samples before time 0"]),
            (["turned-ave.fif"] + others, "head position", ["7.0 mm", "compute the forward from"]),
            (["tone-ave.fif", "few-fwd.fif", "tones-cov.fif"], "channels", ["2 of 56 channels", "'Fp1', 'Fp2'"]),
            (["microvolt-ave.fif"] + others, "units", ["EEG", "µV instead of V"]),
            (["flat-ave.fif"] + others, "channels", ["'M02R'", "mark flat channels bad"]),
        ] {
            let checks = try checks(arguments)
            let said = said(checks, name)
            for part in parts { #expect(said.contains(part), "'\(part)' in: \(said)") }
            #expect(names(checks, "wrong").isEmpty)
            #expect(names(checks, "ok").count >= 9)
            let line = try #require(list(try inspect(arguments)).first { $0.hasPrefix("  LOOK ") })
            #expect(line.contains(name) || arguments[0].hasPrefix("microvolt"))
        }
    }

    @Test("What is wrong ends the list, and the exit code stays 0")
    func wrong() throws {
        let others = Array(Self.files.dropFirst())
        for (arguments, name, parts) in [
            (["graded-ave.fif"] + others, "compensation", ["'grade 3' in the recording", "'none' in the forward"]),
            (["hollow-ave.fif"] + others, "preparation", ["nan in channel 'Cz'", "mark the channel bad"]),
            (Self.files + ["--window", "3", "4"], "preparation", ["--window: 3 to 4 s", "has -0.2 to 0.3 s"]),
            (Self.files + ["--rank", "eeg:24"], "preparation", ["--rank: 24 for EEG", "at most 23"]),
        ] {
            let checks = try checks(arguments)
            #expect(names(checks, "wrong") == [name])
            let said = said(checks, name)
            for part in parts { #expect(said.contains(part), "'\(part)' in: \(said)") }
            #expect(list(try inspect(arguments)).contains { $0.hasPrefix("  WRONG  \(name) ") })
            #expect(names(checks, "ok").contains("condition"))
        }
    }

    @Test("Files that lack a recording or a forward, or cannot be read, are refused by name")
    func refused() throws {
        for (files, parts) in [
            (["tones-fwd.fif", "tones-cov.fif"], ["no recording in any of them"]),
            (["tone-ave.fif", "tones-cov.fif"], ["no forward model in any of them"]),
            (Self.files + ["nowhere.fif"], ["nowhere.fif: no such file"]),
        ] {
            expectRefusal(try Program.run(["inspect"] + files, in: folder.path), naming: parts)
        }
    }
}
