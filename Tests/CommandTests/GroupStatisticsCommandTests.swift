import Foundation
import TestSupport
import Testing

@Suite("Statistics of a group, from the folder of a batch")
struct GroupStatisticsCommandTests {
    @Test("effects, amplitudes, deviations and a section of the page; the same bytes on any number of threads")
    func whole() throws {
        let work = try BatchWorkspace(subjects: ["01", "02", "03", "04"])
        try work.folder.write(
            "data/participants.tsv",
            Array("participant_id\tage\nsub-01\t20\nsub-02\t30\nsub-03\t45\nsub-04\t50\n".utf8))
        #expect(try work.batch(["participant"]).status == 0)
        func group(_ options: String...) throws -> Program.Outcome {
            try Program.run(["group", "out", "--analysis", "statistics"] + options, in: work.folder.path, limit: 300)
        }
        let formula = "amplitude ~ age + (1 | subject)"
        let outcome = try group("--formula", formula, "--json", "--quiet")
        expectSuccess(outcome)
        let answer = try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
        let statistics = try #require(answer["statistics"] as? [String: Any])
        let effects = try #require(statistics["effects"] as? [[String: Any]])
        let places = try #require(statistics["positions_mm"] as? [[Double]]).count
        #expect(places > 0 && effects.count == 2 * places && statistics["tests"] as? Int == places)
        // All have the same data: age changes nothing, and nobody differs.
        for effect in effects {
            let estimate = try #require(effect["estimate_nAm"] as? Double)
            if effect["effect"] as? String == "age" {
                #expect(abs(estimate) < 1e-6 && effect["p"] as? Double ?? 0 > 0.99)
            } else {
                #expect(estimate > 1 && effect["sd_between_subjects_nAm"] as? Double ?? 1 < 1e-3)
            }
        }
        let results = try work.results()
        for (file, lines) in [
            ("paths.tsv", 2 * places * 41 + 1), ("effects.tsv", 2 * places + 1), ("amplitudes.tsv", 4 * places + 1),
            ("deviations.tsv", 4 * places + 1),
        ] {
            let text = String(decoding: results["group/statistics/\(file)"] ?? [], as: UTF8.self)
            #expect(text.split(separator: "\n").count == lines, "\(file)")
        }
        let page = String(decoding: results["group.html"] ?? [], as: UTF8.self)
        #expect(page.contains("<h2 id=\"statistics\">") && page.contains("Holm"))
        #expect(page.contains("Effects by strength of the penalty") && results["group/statistics/paths.svg"] != nil)
        #expect(statistics["places"] as? String == "alone" && page.contains("each localized alone"))
        expectSuccess(try group("--formula", formula, "--quiet", "--threads", "1"))
        #expect(try work.results() == results)

        for (options, parts) in [
            (["--formula", "amplitude ~ agee + (1 | subject)"], ["--formula", "agee", "age"]),
            (["--formula", "amplitude ~ age + (1 | site)"], ["--formula", "site"]),
            (["--participants", "nowhere.tsv"], ["nowhere.tsv"]),
            (["--amplitude-window", "0.3", "0.4"], ["amplitude window", "no sample"]),
            (["--amplitude-window", "2", "1"], ["--amplitude-window", "2.0 1.0"]),
            (["--places", "joint"], ["--places", "joint localization"]),
            (["--places", "all"], ["--places", "'auto', 'joint' or 'alone'"]),
        ] {
            let refused = try Program.run(
                ["group", "out", "--analysis", "statistics"] + options, in: work.folder.path, limit: 300)
            expectRefusal(refused, naming: parts)
        }
        #expect(try work.results() == results)
    }

    @Test("places are those of the joint localization where that was done, and is of the same estimates")
    func joint() throws {
        let work = try BatchWorkspace(subjects: ["01", "02", "03"])
        #expect(try work.batch(["participant"]).status == 0)
        func group(_ options: String...) throws -> String {
            let outcome = try Program.run(
                ["group", "out", "--json", "--quiet"] + options, in: work.folder.path, limit: 300)
            expectSuccess(outcome)
            let answer = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
            return (answer?["statistics"] as? [String: Any])?["places"] as? String ?? ""
        }
        #expect(try group("--analysis", "statistics") == "alone")
        #expect(try group("--analysis", "joint,statistics") == "joint")
        #expect(try group("--analysis", "statistics") == "joint")
        #expect(try group("--analysis", "statistics", "--places", "alone") == "alone")
        // What is of other estimates is not used.
        #expect(try work.batch(["participant", "--depth", "0.5"]).status == 0)
        #expect(try group("--analysis", "statistics") == "alone")
    }
}
