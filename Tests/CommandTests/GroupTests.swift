import Foundation
import TestSupport
import Testing

@Suite("Groups, from the folder of a batch")
struct GroupTests {
    /// A batch of three subjects with one recording each, done.
    private func batch() throws -> BatchWorkspace {
        let work = try BatchWorkspace(subjects: ["01", "02", "03"])
        let outcome = try work.batch(["participant"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        return work
    }

    private func group(_ work: BatchWorkspace, _ options: [String] = []) throws -> Program.Outcome {
        try Program.run(["group", "out", "--analysis", "joint"] + options, in: work.folder.path, limit: 300)
    }

    @Test("subjects are localized together, in folders like their own, a table and a section of the page")
    func whole() throws {
        let work = try batch()
        let before = try work.results()
        let outcome = try group(work, ["--json", "--quiet"])
        expectSuccess(outcome)
        let answer = try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
        let joint = try #require(answer["joint"] as? [String: Any])
        let condition = try #require((joint["conditions"] as? [[String: Any]])?.first)
        // All have the same data, so their places are the same: the narrowest kernel that candidates tell from wider ones.
        let kernel = String(format: "%g", try #require(condition["kernel_mm"] as? Double))
        #expect(condition["coupling"] as? Double == 0.7)
        let subjects = try #require(condition["subjects"] as? [[String: Any]])
        #expect(subjects.compactMap { $0["subject"] as? String } == ["01", "02", "03"])
        let results = try work.results()
        for (subject, told) in zip(["01", "02", "03"], subjects) {
            let place = "group/joint/sub-\(subject)_desc-simulated_mxne"
            for file in LocalizeTests.files + ["sources.json", "sub-\(subject)_desc-simulated-stc.h5"] {
                #expect(results["\(place)/\(file)"] != nil, "\(file)")
            }
            let estimate = try #require(told["estimate"] as? String)
            #expect(estimate == "\(place)/estimate.h5" && results[estimate] != nil)
            let rows = String(decoding: results["\(place)/sources.tsv"] ?? [], as: UTF8.self).split(separator: "\n")
            #expect(rows.count - 1 == told["sources"] as? Int)
            #expect(try #require(told["agreement"] as? Double) > 0)
            let sidecar = String(decoding: results["\(place)/sources.json"] ?? [], as: UTF8.self)
            #expect(sidecar.contains("\"joint\" : \"3 subjects\"") && sidecar.contains("\"kernel_mm\" : \"\(kernel)\""))
        }
        for file in ["subjects.tsv", "kernel.tsv", "clusters.tsv", "amplitudes.tsv", "density.svg", "section.json"] {
            #expect(results["group/joint/\(file)"] != nil, "\(file)")
        }
        let widths = String(decoding: results["group/joint/kernel.tsv"] ?? [], as: UTF8.self).split(separator: "\n")
            .dropFirst().compactMap { $0.split(separator: "\t").compactMap { Double($0) }.first }
        #expect(widths.min().map { String(format: "%g", $0) } == kernel, "\(widths)")
        let page = String(decoding: results["group.html"] ?? [], as: UTF8.self)
        #expect(page.contains("<h2 id=\"joint\">Localized together</h2>"))
        // What the batch left stays as it was.
        for (name, bytes) in before where !name.hasPrefix("group") { #expect(results[name] == bytes, "\(name)") }

        // The same once more gives the same bytes, on another number of threads, and the batch keeps the section.
        expectSuccess(try group(work, ["--quiet", "--threads", "1"]))
        #expect(try work.results() == results)
        #expect(try work.batch(["group"]).status == 0)
        #expect(try work.results()["group.html"] == results["group.html"])
        let plain = try group(work)
        #expect(plain.status == 0 && plain.output.contains("joint: "), "\(plain.errors)")
        #expect(plain.output.contains("3 subjects, kernel \(kernel) mm") && plain.output.contains("group.html"))
    }

    @Test("another batch makes what was found before old, and inputs that changed are told")
    func old() throws {
        let work = try batch()
        expectSuccess(try group(work, ["--quiet", "--coupling", "0"]))
        try work.add("04")
        #expect(try work.batch().status == 0)
        let page = String(decoding: try work.results()["group.html"] ?? [], as: UTF8.self)
        #expect(page.contains("Localized together") && page.contains("of other estimates than those of this page"))
        let path = work.folder.file("data/02/recording.h5")
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes.append(0)
        try bytes.write(to: URL(fileURLWithPath: path))
        let kept = try work.results()
        expectRefusal(try group(work), naming: ["data/02/recording.h5", "changed", "foci batch"])
        #expect(try work.results() == kept)
    }

    @Test("what cannot be analysed is told in a line")
    func refusals() throws {
        let work = try BatchWorkspace(subjects: ["01"])
        expectRefusal(try group(work), naming: ["out", "no batch in it"])
        #expect(try work.batch(["participant"]).status == 0)
        expectRefusal(try group(work), naming: ["joint", "two subjects"])
        for (options, parts) in [
            (["--analysis", "jiont"], ["--analysis", "'jiont'", "joint"]),
            (["--kernel", "0.1"], ["--kernel", "1 to 50"]),
            (["--coupling", "1"], ["--coupling", "below 1"]), (["--threads", "0"], ["--threads", "1 to 1024"]),
        ] {
            expectRefusal(try Program.run(["group", "out"] + options, in: work.folder.path), naming: parts)
        }
    }
}
