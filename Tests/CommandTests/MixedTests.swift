import Foci
import Foundation
import HDF5
import TestSupport
import Testing

@Suite("foci mixed")
struct MixedTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func foci(_ arguments: [String]) throws -> Program.Outcome {
        try Program.run(["mixed"] + arguments, in: folder.path)
    }

    private func json(_ arguments: [String]) throws -> JSON {
        let outcome = try foci(arguments + ["--json", "--quiet"])
        expectSuccess(outcome)
        return try JSON(parsing: outcome.output)
    }

    private func write(_ name: String, _ text: String) throws { try folder.write(name, Array(text.utf8)) }

    /// 24 subjects, 12 rows each: y = 5 + 2·dose + subjects' own level and slope of dose; noise columns, and a factor that does
    /// nothing.
    private func writeStudy(_ name: String = "study.tsv", separator: String = "\t") throws {
        var random = SeededGenerator(seed: 12)
        var lines = [["subject", "dose", "sham", "site", "y"].joined(separator: separator)]
        for subject in 0..<24 {
            let (level, slope) = (random.normal(), random.normal())
            for row in 0..<12 {
                let (dose, sham) = (Double(row % 4), random.normal())
                let y = 5 + level + (2 + slope) * dose + 0.5 * random.normal()
                lines.append(
                    ["s\(subject)", "\(dose)", "\(sham)", subject % 2 == 0 ? "north" : "south", "\(y)"]
                        .joined(separator: separator))
            }
        }
        try write(name, lines.joined(separator: "\n") + "\n")
    }

    // MARK: Against lme4

    @Test(
        "sleepstudy and a simulated study: what lme4 finds", .enabled(if: Shared.isPresent, "\(Shared.absence)"),
        arguments: ["12-lmer-sleepstudy", "13-lmer-simulated"],
        ["diagonal-ml", "diagonal-reml", "full-ml", "full-reml"])
    func lme4(file name: String, model: String) throws {
        let path = Shared.path("reference/mixed-effects/\(name).h5")
        guard FileManager.default.fileExists(atPath: path) else { return }
        let file = try HDF5File(path)
        func numbers(_ name: String) throws -> [Double] { try file.doubles(name).elements }
        let (x, y) = (try file.doubles("X"), try numbers("y"))
        let offsets = try file.integers("offsets").elements
        let p = x.elements.count / y.count
        var lines = ["g,y," + (1..<p).map { "x\($0)" }.joined(separator: ",")]
        for (group, (first, end)) in zip(offsets, offsets.dropFirst()).enumerated() {
            for row in first..<end {
                lines.append(
                    "g\(group),\(y[row])," + (1..<p).map { "\(x.elements[row * p + $0])" }.joined(separator: ","))
            }
        }
        try write("table.csv", lines.joined(separator: "\n"))
        let columns = (1..<p).map { "x\($0)" }.joined(separator: " + ")
        let found = try json([
            "table.csv", "--formula", "y ~ \(columns) + (\(columns) \(model.hasPrefix("full") ? "|" : "||") g)",
            "--select", "none", "--estimation", model.hasSuffix("reml") ? "reml" : "ml",
        ])
        let (beta, errors) = (try numbers("\(model)/beta"), try numbers("\(model)/standard_error"))
        for (k, effect) in found["fixed"].list.enumerated() {
            #expect(abs((effect["estimate"].number ?? .nan) - beta[k]) < 1e-5 * max(1, abs(beta[k])))
            #expect(abs((effect["standard_error"].number ?? .nan) - errors[k]) < 1e-4 * errors[k])
        }
        let covariance = try numbers("\(model)/Gamma")
        for (k, effect) in found["random"].list.enumerated() {
            let expected = covariance[k * p + k]
            #expect(abs((effect["estimate"].number ?? .nan) - expected) < 2e-4 * max(expected, 0.01))
        }
        let criterion = try #require(try file.double(attribute: "minus2loglik", of: model))
        let key = model.hasSuffix("reml") ? "minus_twice_restricted_log_likelihood" : "minus_twice_log_likelihood"
        #expect(abs((found[key].number ?? .nan) - criterion) < 1e-7 * abs(criterion))
        let noise = try #require(try file.double(attribute: "sigma2", of: model))
        #expect(abs((found["noise_variance"].number ?? .nan) - noise) < 1e-4 * noise)
        for effect in found["random"].list {
            #expect((0...1).contains(effect["p"].number ?? -1))
            #expect((effect["lower"].number == nil) == model.hasPrefix("full"))
        }
        guard name.contains("sleepstudy"), model == "diagonal-ml" else { return }
        // confint(method = "profile") of lme4 1.1-31.
        for (effect, (lower, upper)) in zip(found["random"].list, [(15.2586, 37.7865), (3.9641, 8.7692)]) {
            #expect(abs((effect["lower"].number ?? .nan) - lower) < 1e-3 * lower)
            #expect(abs((effect["upper"].number ?? .nan) - upper) < 1e-3 * upper)
        }
    }

    // MARK: Selection

    @Test("what is there is found, what is not is left out, and probabilities say so")
    func average() throws {
        try writeStudy()
        let found = try json([
            "study.tsv", "--response", "y", "--group", "subject", "--fixed", "dose,sham,site", "--random", "dose,sham",
        ])
        let fixed = found["fixed"].list
        #expect(fixed.map { $0["name"].text } == ["(Intercept)", "dose", "sham", "sitesouth"])
        #expect(fixed.map { $0["selected"].boolean } == [true, true, false, false])
        #expect(abs((fixed[1]["estimate"].number ?? 0) - 2) < 0.7 && fixed[2]["estimate"].number == 0)
        #expect(fixed.allSatisfy { (0...1).contains($0["inclusion"].number ?? -1) })
        let random = found["random"].list
        #expect(random.map { $0["name"].text } == ["(Intercept)", "dose", "sham"])
        #expect(random.map { $0["selected"].boolean } == [true, true, false])
        #expect((0.4...2.5).contains(random[1]["estimate"].number ?? 0))
        #expect((0.2...0.3).contains(found["noise_variance"].number ?? 0))
        for key in ["objective", "bic", "iterations", "seconds"] { #expect(found[key].number != nil, "\(key)") }
        #expect(found["references"].list.map { $0["level"].text } == ["north"])
        // The same in every run but for the time it took.
        let again = try json([
            "study.tsv", "--response", "y", "--group", "subject", "--fixed", "dose,sham,site", "--random", "dose,sham",
        ])
        let clocks = ["selection_seconds", "fit_seconds", "seconds"]
        #expect(clocks.reduce(again) { $0.removing($1) } == clocks.reduce(found) { $0.removing($1) })
        let times = try clocks.map { try #require(found[$0].number) }
        #expect(0 < times[0] && times == times.sorted())
    }

    @Test("every selection finds the same in a clear case", arguments: MixedRequest.Selection.allCases)
    func selections(_ selection: MixedRequest.Selection) throws {
        try writeStudy()
        let found = try json([
            "study.tsv", "--formula", "y ~ dose + sham + (dose + sham || subject)", "--select", selection.rawValue,
        ])
        let fixed = found["fixed"].list.map { $0["selected"].boolean }
        #expect(fixed == (selection == .none ? [true, true, true] : [true, true, false]))
        #expect((found["lambda"].number != nil) == selection.isPenalized)
        #expect((found["eta"].number != nil) == selection.isRelaxed)
        #expect(found["trials"].list.isEmpty == !selection.isPenalized)
        // The penalty shrinks what it leaves, which is then fitted again.
        for (effect, isSelected) in zip(found["fixed"].list, fixed) {
            guard selection.isPenalized else {
                #expect(effect["penalized"].number == nil)
                continue
            }
            let (shrunk, estimate) = (effect["penalized"].number ?? .nan, effect["estimate"].number ?? .nan)
            #expect(isSelected == true ? shrunk != 0 && abs(shrunk - estimate) < 0.5 : shrunk == 0)
        }
    }

    @Test("a folder with tables that belong together, and figures")
    func output() throws {
        try writeStudy("study.csv", separator: ",")
        let arguments = [
            "study.csv", "--response", "y", "--group", "subject", "--fixed", "dose,sham", "--random", "dose",
            "--output", "result",
        ]
        let outcome = try foci(arguments)
        expectSuccess(outcome)
        for part in [
            "288 rows of 24 groups", "2 of 3 fixed effects", "dose", "Not in the model: sham", "Results are in result",
        ] {
            #expect(outcome.output.contains(part), "\(part) in \(outcome.output)")
        }
        let names = Set(try FileManager.default.contentsOfDirectory(atPath: folder.file("result")))
        #expect(
            names == ["fixed.tsv", "random.tsv", "groups.tsv", "effects.svg", "inclusion.svg", "model.json"])
        func table(_ name: String) throws -> DataTable { try DataTable.read(folder.file("result/\(name)")) }
        #expect(try table("fixed.tsv").rowCount == 3 && table("random.tsv").rowCount == 3)
        let groups = try table("groups.tsv")
        #expect(groups.rowCount == 24 && groups.columns.map(\.name) == ["subject", "rows", "(Intercept)", "dose"])
        #expect(groups.columns[1].numbers.reduce(0, +) == 288)
        expectRefusal(try foci(arguments), naming: ["result", "exists", "--force"])
        expectSuccess(try foci(arguments + ["--force", "--quiet"]))
        let penalized = try foci([
            "study.csv", "--response", "y", "--group", "subject", "--fixed", "dose,sham", "--random", "dose",
            "--select",
            "pgd", "--output", "path", "--quiet",
        ])
        expectSuccess(penalized)
        #expect(penalized.output.isEmpty)
        #expect(try DataTable.read(folder.file("path/selection.tsv")).rowCount > 10)
        #expect(FileManager.default.fileExists(atPath: folder.file("path/paths.svg")))
    }

    @Test("missing cells and columns that say nothing are told, on standard error")
    func told() throws {
        try write(
            "t.csv", "g,y,x,z\na,1,1,2\na,2,2,4\na,,3,6\nb,4,1,2\nb,5,n/a,6\nb,7,3,6\nc,2,1,2\nc,3,2,4\nc,3.5,3,6\n")
        let outcome = try foci(["t.csv", "--response", "y", "--group", "g", "--fixed", "x,z", "--select", "none"])
        #expect(outcome.status == 0 && outcome.errorLines.count == 1)
        #expect(outcome.errors.contains("'z' was left out: it is a multiple of 'x'"))
        #expect(
            outcome.output.contains("7 rows of 3 groups")
                && outcome.output.contains("2 rows with missing cells left out"))
    }

    // MARK: What is wrong

    @Test(
        "what cannot be is refused in one line, and nothing is written",
        arguments: [
            (["none.tsv", "--response", "y", "--group", "g"], ["none.tsv", "no such file"]),
            (["t.tsv", "--response", "yy", "--group", "g"], ["--response", "no column 'yy'", "'y'"]),
            (["t.tsv", "--response", "y", "--group", "g", "--fixed", "coffe"], ["--fixed", "'coffe'", "'coffee'"]),
            (["t.tsv", "--group", "g"], ["--response", "nothing"]),
            (["t.tsv", "--response", "y"], ["--group", "nothing"]),
            (["t.tsv", "--formula", "y ~ coffee + (1 | g"], ["--formula", "')'"]),
            (["t.tsv", "--formula", "y ~ coffee + (1 | g)", "--fixed", "x"], ["--fixed", "beside a formula"]),
            (["t.tsv", "--response", "word", "--group", "g"], ["column 'word'", "words"]),
            (["t.tsv", "--response", "y", "--group", "g", "--fixed", "typo"], ["t.tsv", "'typo', line 3", "'1O'"]),
            (["t.tsv", "--response", "y", "--group", "word"], ["t.tsv", "one group"]),
            (["t.tsv", "--response", "y", "--group", "id"], ["t.tsv", "one row in each group", "--noise-variance"]),
            (["t.tsv", "--response", "y", "--group", "g", "--lambda", "1"], ["--lambda", "--select"]),
            (["t.tsv", "--response", "y", "--group", "g", "--select", "pgd", "--lambda", "-1"], ["--lambda", "-1"]),
            (["t.tsv", "--response", "y", "--group", "g", "--select", "pgd", "--eta", "1"], ["--eta", "msr3"]),
            (["t.tsv", "--response", "y", "--group", "g", "--select", "best"], ["best"]),
            (["t.tsv", "--response", "y", "--group", "g", "--penalty", "l7"], ["l7"]),
            (["t.tsv", "--response", "y", "--group", "g", "--noise-variance", "-1"], ["--noise-variance", "-1"]),
            (
                ["t.tsv", "--response", "y", "--group", "g", "--noise-variance", "nope"],
                ["--noise-variance", "'nope'"]
            ),
            (["t.tsv", "--response", "y", "--group", "g", "--keep", "tea"], ["--keep", "'tea'"]),
            (["t.tsv", "--response", "y", "--group", "g", "--confidence", "2"], ["--confidence", "2.0"]),
            (["ragged.tsv", "--response", "y", "--group", "g"], ["ragged.tsv", "line 3", "1 cell"]),
            (["comma.csv", "--response", "y", "--group", "g"], ["comma.csv", "decimal points"]),
            (["quote.csv", "--response", "y", "--group", "g"], ["quote.csv", "line 2", "not closed"]),
            (["header.csv", "--response", "y", "--group", "g"], ["header.csv", "no row"]),
            (["binary.csv", "--response", "y", "--group", "g"], ["binary.csv", "UTF-8"]),
            (["exact.csv", "--response", "y", "--group", "g", "--fixed", "x"], ["exact.csv", "without error"]),
        ])
    func refused(arguments: [String], parts: [String]) throws {
        var lines = ["id\tg\ty\tcoffee\tword\ttypo"]
        for k in 0..<12 { lines.append("i\(k)\tg\(k % 4)\t\(k * k % 7)\t\(k % 5)\tw\t\(k == 1 ? "1O" : "\(k)")") }
        try write("t.tsv", lines.joined(separator: "\n"))
        try write("ragged.tsv", "g\ty\na\t1\nb\n")
        try write("comma.csv", "g;y\na;1,5\nb;2,5\n")
        try write("quote.csv", "g,y\n\"a,1\nb,2\n")
        try write("header.csv", "g,y\n")
        try folder.write("binary.csv", [0x67, 0x2C, 0xFF, 0xFE, 0x0A])
        try write("exact.csv", "g,y,x\n" + (0..<9).map { "\($0 % 3),\(2 * $0),\($0)\n" }.joined())
        let before = folder.contents
        expectRefusal(try foci(arguments + ["--output", "result"]), naming: parts)
        #expect(folder.contents == before)
    }
}
