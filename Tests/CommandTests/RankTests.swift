import Foci
import Foundation
import TestSupport
import Testing

/// The rank of data that have lost directions, against MNE-Python: what is whitened, and what is found.
@Suite(
    "Rank-deficient data against MNE-Python",
    .enabled(if: PythonEnvironment.isPresent, Comment(rawValue: PythonEnvironment.absence)))
struct RankTests {
    /// Recordings and covariances, and as JSON what MNE-Python makes of them.
    private static let files = Result {
        try PythonFiles("import json, situations; print(json.dumps(situations.ranks()))")
    }

    /// A recording, and the rank that it has.
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let rank: Int
        /// Who says so.
        let source: String
        /// Of `empirical` and `regularized`, which is of full rank.
        var covariance = "empirical"
        var choice = "auto"

        var testDescription: String { "\(name), \(covariance) covariance, --rank \(choice)" }
    }

    private static let recordings = [
        // 24 moments of fourth order, of which the filter's regularization leaves 18; a projector takes one of them.
        Case(name: "maxwell", rank: 18, source: "processing history"),
        Case(name: "projected", rank: 17, source: "processing history"),
        Case(name: "both", rank: 18 + 23, source: "processing history"),
        // 24 electrodes less eight components; the mean takes nothing of these directions.
        Case(name: "cleaned", rank: 16, source: "data"),
        Case(name: "interpolated", rank: 21, source: "data"),
        Case(name: "whole", rank: 23, source: "projectors"),
        Case(name: "lowpass", rank: 23, source: "projectors"),
        // The history counts every projector, also one of before the filter.
        Case(name: "room", rank: 18, source: "data", choice: "data"),
    ]

    static let cases =
        recordings.flatMap { test in
            ["empirical", "regularized"].map { covariance in
                var test = test
                test.covariance = covariance
                return test
            }
        }
        // What is left of a regularized covariance of magnetometers and gradiometers depends on their scales.
        + [Case(name: "planar", rank: 13, source: "processing history")]

    private let comparison = MixedNormComparison(window: 0.03...0.16)

    private func paths(_ test: Case) -> [String] {
        ["\(test.name)-fwd.fif", "\(test.name)-ave.fif", "\(test.name)-\(test.covariance)-cov.fif"]
    }

    @Test("Rank, whitened baseline and active set are those of MNE-Python", arguments: cases)
    func likeMNE(_ test: Case) throws {
        let files = try Self.files.get()
        let folder = try files.folder()
        let theirs = try JSON(parsing: files.output)["\(test.name)-\(test.covariance)"]
        let (estimate, summary) = try comparison.own(paths(test), in: folder, "--rank", test.choice)
        #expect(summary["rank"].integer == test.rank && theirs["rank"].integer == test.rank)
        #expect(summary["rank_source"].text?.contains(" by \(test.source)") == true, "\(summary["rank_source"])")
        let (own, other) = (try #require(summary["noise_deviation"].number), try #require(theirs["deviation"].number))
        #expect(abs(own / other - 1) <= 1e-6)
        try comparison.expectSame(estimate, theirs, tolerance: 1e-6)
        // Where a covariance claims noise for directions that are none, that is told, and only there.
        let isOverstated = test.covariance == "regularized" && !["whole", "lowpass"].contains(test.name)
        let warnings = summary["warnings"].list.compactMap(\.text).filter {
            $0.contains("the covariance claims noise in")
        }
        #expect(warnings.count == (isOverstated ? 1 : 0), "\(warnings)")
        #expect(warnings.allSatisfy { $0.hasSuffix("or set the rank with --rank") })
    }

    @Test("A projector of before the filter counts as one of after it; that the data have more is told")
    func projectorOfBefore() throws {
        let test = Case(name: "room", rank: 17, source: "processing history")
        let summary = try comparison.own(paths(test), in: Self.files.get().folder()).summary
        #expect(summary["rank"].integer == 17)
        let check = try #require(summary["checks"].list.first { $0["name"] == .text("rank") })
        #expect(check["mark"] == .text("look"))
        #expect(check["finding"].text?.contains("processing history 17, data 18, covariance 18") == true)
    }

    @Test("A number given for the rank is used, by kind; one beyond the channels is refused")
    func given() throws {
        let folder = try Self.files.get().folder()
        let files = ["both-fwd.fif", "both-ave.fif", "both-empirical-cov.fif"]
        let summary = try comparison.own(files, in: folder, "--rank", "meg:16,eeg:20").summary
        #expect(summary["rank"].integer == 36)
        func refused(_ rank: String) throws -> Program.Outcome {
            try Program.run(
                Workspace.localization(
                    forward: files[0], recording: files[1], covariance: files[2], output: "no", ["--rank", rank]),
                in: folder.path)
        }
        expectRefusal(try refused("20"), naming: ["--rank", "one number for MEG and EEG", "meg:70,eeg:59"])
        expectRefusal(try refused("eeg:24"), naming: ["--rank", "24 for EEG", "at most 23"])
        expectRefusal(try refused("many"), naming: ["--rank", "'many'", "auto, info, data, full"])
    }

    @Test("Without a covariance the rank is that of the data")
    func withoutCovariance() throws {
        let folder = try Self.files.get().folder()
        for (name, rank) in [("maxwell", 18), ("cleaned", 16), ("interpolated", 21), ("whole", 23)] {
            let outcome = try Program.run(
                Workspace.localization(
                    forward: "\(name)-fwd.fif", recording: "\(name)-ave.fif", covariance: nil, output: name,
                    ["--json", "--quiet", "--window", "0.03", "0.16", "--lambda", "0.5"]),
                in: folder.path)
            try #require(outcome.status == 0, "\(outcome.errors)")
            #expect(try JSON(parsing: outcome.output)["rank"].integer == rank, "\(name)")
        }
    }
}
