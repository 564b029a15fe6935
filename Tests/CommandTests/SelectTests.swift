import Foci
import Foundation
import TestSupport
import Testing

@Suite("foci select")
struct SelectTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.write("p.h5", try ProblemFile.encode(Self.contents(orientations: 1)))
        try folder.write("free.h5", try ProblemFile.encode(Self.contents(orientations: 3)))
    }

    /// A problem with three active blocks in noise of deviation 0.5.
    private static func contents(orientations: Int) throws -> ProblemContents {
        var random = SeededGenerator(seed: 12)
        let gain = random.normal(rows: 24, columns: 40 * orientations)
        var data = random.normal(rows: 24, columns: 8) * 0.5
        for block in [3, 17, 31] {
            let columns = gain.columns((block * orientations)..<((block + 1) * orientations))
            data = data + columns * random.normal(rows: orientations, columns: 8)
        }
        return try ProblemContents(gain: gain, data: data, orientations: orientations)
    }

    private func select(_ options: [String], problem: String = "p.h5") throws -> Program.Outcome {
        try Program.run(
            ["select", "--problem", problem, "--sigma", "0.5", "--quiet", "--json"] + options, in: folder.path)
    }

    @Test(
        "Every criterion gives its keys, finds the sources, and its minimum is the least of its history",
        arguments: ["sure", "sure-mc", "held-out", "kfold", "gcv", "aic", "bic", "ebic"], ["p.h5", "free.h5"])
    func criteria(_ criterion: String, _ problem: String) throws {
        let outcome = try select(["--criterion", criterion], problem: problem)
        expectSuccess(outcome)
        let json = try JSON(parsing: outcome.output)
        let history = json["history"].list
        let value = try #require(json["value"].number)
        #expect(history.count == json["evaluations"].integer && history.count > 3)
        #expect(try #require(json["inner_solves"].integer) >= history.count)
        #expect(history.compactMap { $0["value"].number }.allSatisfy { value <= $0 + 1e-3 * abs($0) })
        #expect((0.001...1).contains(try #require(json["lambda_ratio"].number)))
        #expect(json["gradient_norm"].number != nil && json["seconds"].number != nil)
        #expect(Set([3, 17, 31]).isSubset(of: json["support"].list.compactMap(\.integer)))
    }

    @Test(
        "Every search, penalty and gradient can be asked for",
        arguments: [
            ["--search", "path"], ["--search", "grid", "--evaluations", "6"],
            ["--search", "random", "--evaluations", "5"], ["--search", "bayesian", "--evaluations", "8"],
            ["--search", "gradient"], ["--search", "line-search"], ["--search", "l-bfgs"], ["--search", "adam"],
            ["--penalty", "l1", "--criterion", "sure-mc"], ["--penalty", "elastic-net"],
            ["--penalty", "elastic-net", "--search", "l-bfgs"],
            ["--search", "l-bfgs", "--hypergradient", "backward"],
            ["--search", "l-bfgs", "--hypergradient", "finite-differences"],
        ])
    func combinations(_ options: [String]) throws {
        let outcome = try select(options)
        expectSuccess(outcome)
        let json = try JSON(parsing: outcome.output)
        #expect(json["value"].number != nil && json["end"].text != nil)
        #expect(json["lambda_ratio"].number != nil && json["weights"] == .null)
        #expect((json["ridge"].number != nil) == options.contains("elastic-net"))
    }

    @Test("Learned weights come one a source and beat the shared λ; the evidence finds the three sources")
    func weights() throws {
        let shared = try JSON(parsing: try select([]).output)
        let net = try JSON(parsing: try select(["--weights", "learned", "--penalty", "elastic-net"]).output)
        #expect(net["weights"].list.count == 40 && (net["ridge"].number ?? 0) > 0)
        let learned = try JSON(parsing: try select(["--weights", "learned"]).output)
        #expect(learned["weights"].list.count == 40 && learned["lambda_ratio"] == .null)
        #expect(try #require(learned["value"].number) < #require(shared["value"].number))
        let evidence = try JSON(parsing: try select(["--criterion", "evidence"]).output)
        #expect(evidence["weights"].list.count == 40)
        #expect(Set([3, 17, 31]).isSubset(of: evidence["support"].list.compactMap(\.integer)))
        // With 24 rows and 8 samples a few weak sources are kept beside the three.
        #expect(evidence["support"].list.count < 40 / 2)
        #expect(try #require(evidence["gradient_norm"].number) < 0.1)
    }

    @Test(
        "The quantile of noise needs neither a path nor σ, and tells what λ follows from",
        arguments: ["p.h5", "free.h5"])
    func noiseQuantile(_ problem: String) throws {
        let json = try JSON(parsing: try select(["--criterion", "noise-quantile"], problem: problem).output)
        let noise = json["noise_quantile"]
        let sigma = try #require(noise["deviations"].list.first?.number)
        // With three columns a block and 24 rows much of the sources is shrunk, and counts as noise.
        let isWide = problem == "free.h5"
        #expect(noise["draws"].integer == 40 && (0.35...(isWide ? 1.2 : 0.75)).contains(sigma), "\(sigma)")
        let lambda = try #require(json["lambda_ratio"].number) * (try #require(json["lambda_max"].number))
        #expect(abs(lambda - sigma * (try #require(noise["quantile"].number))) < 1e-3 * lambda)
        let rounds = json["history"].list.compactMap { $0["value"].number }
        #expect((3...30).contains(rounds.count) && zip(rounds, rounds.dropFirst()).allSatisfy { $1 <= $0 * (1 + 1e-6) })
        #expect(Set([3, 17, 31]).isSubset(of: json["support"].list.compactMap(\.integer)))
        // Noise is not told by the option, and other draws change little.
        let other = try JSON(
            parsing: try select(
                ["--criterion", "noise-quantile", "--sigma", "9", "--seed", "4", "--draws", "60"], problem: problem
            ).output)
        let ratio = try #require(other["lambda_ratio"].number) / (try #require(json["lambda_ratio"].number))
        #expect(abs(ratio - 1) < (isWide ? 0.3 : 0.1) && other["noise_quantile"]["draws"].integer == 60)
        let text = try Program.run(
            ["select", "--problem", problem, "--criterion", "noise-quantile", "--quiet"], in: folder.path)
        #expect(text.output.contains("quantile") && text.output.contains("40 draws"))
        let net = try select(
            ["--criterion", "noise-quantile", "--penalty", "elastic-net", "--ridge", "0.5"], problem: problem)
        #expect(try JSON(parsing: net.output)["ridge"].number == 0.5)
    }

    @Test("A search that was cut short goes on from its file")
    func state() throws {
        let whole = try JSON(parsing: try select([]).output)
        let first = try JSON(parsing: try select(["--state", "s.json", "--evaluations", "3"]).output)
        #expect(first["evaluations"].integer == 3 && first["end"].text == "evaluation limit")
        let resumed = try JSON(parsing: try select(["--state", "s.json"]).output)
        #expect(resumed["evaluations"] == whole["evaluations"] && resumed["end"] == whole["end"])
        let (a, b) = (try #require(resumed["lambda_ratio"].number), try #require(whole["lambda_ratio"].number))
        #expect(abs(a - b) < 1e-3 * b)
        expectRefusal(try select(["--state", "s.json", "--search", "adam"]), naming: ["s.json", "brent", "adam"])
        expectRefusal(
            try select(["--state", "s.json", "--penalty", "elastic-net"]), naming: ["s.json", "elastic-net"])
        expectRefusal(
            try select(["--state", "s.json", "--criterion", "gcv"]), naming: ["s.json", "SURE, l21", "GCV, l21"])
        expectRefusal(try select(["--state", "s.json"], problem: "free.h5"), naming: ["s.json", "24 × 120 × 8"])
        try folder.write("broken.json", Array("{\"search\":".utf8))
        expectRefusal(try select(["--state", "broken.json"]), naming: ["broken.json", "no search"])
    }

    @Test(
        "Options outside of their range are refused",
        arguments: [
            (["--sigma", "0"], "--sigma"), (["--sigma", "nan"], "--sigma"), (["--start", "1.5"], "--start"),
            (["--gap", "0"], "--gap"), (["--evaluations", "0"], "--evaluations"), (["--folds", "1"], "--folds"),
            (["--criterion", "kfold", "--folds", "25"], "25 folds of 24 rows"), (["--draws", "0"], "--draws"),
            (["--weights", "learned", "--search", "brent"], "--search: brent for one hyperparameter a source"),
            (["--criterion", "evidence", "--search", "grid"], "--criterion: evidence with a penalty or a search"),
            (["--penalty", "elastic-net", "--search", "path"], "--search: path for two hyperparameters"),
            (["--criterion", "noise-quantile", "--search", "l-bfgs"], "--criterion: noise-quantile with a search"),
            (["--criterion", "noise-quantile", "--weights", "learned"], "--criterion: noise-quantile with a search"),
            (["--criterion", "noise-quantile", "--penalty", "l1"], "--criterion: noise-quantile with l1"),
            (["--criterion", "noise-quantile", "--penalty", "elastic-net"], "noise-quantile with elastic-net"),
            (["--criterion", "noise-quantile", "--draws", "18"], "18 draws of noise, expected 19 or more"),
            (["--criterion", "noise-quantile", "--state", "n.json"], "--criterion: noise-quantile with a state"),
            (["--criterion", "best"], "best"), (["--seed", "-1"], "-1"),
        ])
    func refusals(_ options: [String], _ mention: String) throws {
        let outcome = try Program.run(["select", "--problem", "p.h5", "--json"] + options, in: folder.path)
        expectRefusal(outcome, naming: [mention])
    }
}
