import Foci
import Foundation
import HDF5
import SparseRegression
import TestSupport
import Testing

@Suite("foci solve")
struct SolveTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A problem with three active blocks in noise.
    private static func contents(orientations: Int) throws -> ProblemContents {
        var random = SeededGenerator(seed: 11)
        let gain = random.normal(rows: 24, columns: 40 * orientations)
        var data = random.normal(rows: 24, columns: 6) * 0.5
        for block in [3, 17, 31] {
            let columns = gain.columns((block * orientations)..<((block + 1) * orientations))
            data = data + columns * random.normal(rows: orientations, columns: 6)
        }
        return try ProblemContents(gain: gain, data: data, orientations: orientations)
    }

    private func solve(_ problem: String, _ options: String...) throws -> Program.Outcome {
        try Program.run(["solve", "--problem", problem] + options, in: folder.path)
    }

    @Test("The JSON holds the objective, its certificate and the support that the library finds", arguments: [1, 3])
    func numbers(orientations: Int) throws {
        let contents = try Self.contents(orientations: orientations)
        try folder.write("p.h5", try ProblemFile.encode(contents))
        let outcome = try solve("p.h5", "--lambda-ratio", "0.2", "--gap", "1e-11", "--json")
        expectSuccess(outcome)
        let json = try JSON(parsing: outcome.output)
        for key in ["epochs", "full_passes", "nonzero"] { #expect(try #require(json[key].integer) > 0, "\(key)") }
        #expect(try #require(json["seconds"].number) >= 0)
        #expect(try #require(json["relative_gap"].number) <= 1e-11)

        // λ_max from its definition: the largest ‖X_jᵀY‖.
        let correlation = Matrix.product(contents.gain, transposed: true, contents.data)
        let largest =
            (0..<40).map { j in
                correlation.rows((j * orientations)..<((j + 1) * orientations)).squaredNorm.squareRoot()
            }.max() ?? 0
        let lambda = 0.2 * largest
        #expect(abs(try #require(json["lambda"].number) - lambda) <= 1e-12 * lambda)

        let problem = try RegressionProblem(
            design: contents.gain, response: contents.data, blocks: BlockStructure(count: 40, size: orientations))
        let solution = AndersonDescent().solve(
            problem, try GroupLasso(lambda: lambda), stop: StopRule(relativeGap: 1e-11), parallelism: .serial,
            monitor: .silent)
        let residual = contents.data - Self.fit(solution.active, contents)
        let objective = 0.5 * residual.squaredNorm + lambda * solution.active.norms.reduce(0, +)
        #expect(abs(try #require(json["objective"].number) - objective) <= 1e-8 * objective)
        let support = json["support"].list.compactMap(\.integer)
        #expect(support == solution.active.blocks)
        #expect(support.count == json["nonzero"].integer && support == support.sorted())
        #expect(Set([3, 17, 31]).isSubset(of: support))
    }

    /// XB, by hand.
    private static func fit(_ active: ActiveSet, _ contents: ProblemContents) -> Matrix {
        var fit = Matrix(rows: contents.data.rows, columns: contents.data.columns)
        for (i, block) in active.blocks.enumerated() {
            for k in 0..<contents.orientations {
                let column = contents.gain.column(block * contents.orientations + k)
                for t in 0..<fit.columns {
                    for n in 0..<fit.rows { fit[n, t] += column[n] * active.coefficients[t, active.offsets[i] + k] }
                }
            }
        }
        return fit
    }

    @Test("At λ_max nothing is active; without --json the result is told in plain text")
    func largestLambda() throws {
        try folder.write("p.h5", try ProblemFile.encode(try Self.contents(orientations: 3)))
        let json = try JSON(parsing: try solve("p.h5", "--lambda-ratio", "1", "--json").output)
        #expect(json["nonzero"].integer == 0 && json["support"] == .list([]))
        let text = try solve("p.h5", "--lambda-ratio", "1")
        expectSuccess(text)
        #expect(text.output.contains("0 of 40 sources") && text.output.contains("converged"))
    }

    @Test("The number of threads changes nothing")
    func threads() throws {
        try folder.write("p.h5", try ProblemFile.encode(try Self.contents(orientations: 3)))
        let results = try ["1", "2", "5"].map { threads in
            try JSON(parsing: try solve("p.h5", "--lambda-ratio", "0.1", "--threads", threads, "--json").output)
                .removing("seconds").removing("load_seconds")
        }
        #expect(results[0]["nonzero"].integer != nil)
        #expect(results.allSatisfy { $0 == results[0] })
    }

    /// One row of a file of optima.
    private struct Optima: Decodable {
        struct Row: Decodable {
            let ratio: Double
            let objective: Double
            let support: [Int]
        }
        let rows: [Row]
    }

    @Test(
        "Reference optima: objective within 1e-8 and the same support",
        .enabled(if: Shared.isPresent, "the shared reference problems are not there"),
        arguments: ["meg-fixed", "sample-free"])
    func reference(name: String) throws {
        let file = URL(fileURLWithPath: Shared.path("reference/\(name).optima.json"))
        let row = try #require(try JSONDecoder().decode(Optima.self, from: Data(contentsOf: file)).rows.first)
        let outcome = try solve(
            Shared.path("reference/\(name).problem.h5"), "--lambda-ratio", "\(row.ratio)", "--gap", "1e-10", "--json")
        expectSuccess(outcome)
        let json = try JSON(parsing: outcome.output)
        #expect(abs(try #require(json["objective"].number) - row.objective) <= 1e-8 * row.objective)
        #expect(json["support"].list.compactMap(\.integer) == row.support)
    }

    @Test(
        "Time-frequency references: objective within 1e-8 and the same support",
        .enabled(if: Shared.isPresent, "the shared reference problems are not there"),
        arguments: ["tf-fixed-one-window", "tf-fixed-two-windows", "tf-free-two-windows"])
    func timeFrequency(name: String) throws {
        let file = try HDF5File(Shared.path("reference/time-frequency/\(name).h5"))
        func matrix(_ name: String) throws -> Matrix {
            let found = try file.matrix(name)
            return Matrix(rows: found.rows, columns: found.columns, elements: found.elements)
        }
        func number(_ name: String) throws -> Double { try #require(try file.double(attribute: name)) }
        try folder.write(
            "p.h5",
            try ProblemFile.encode(
                ProblemContents(
                    gain: try matrix("gain"), data: try matrix("data"),
                    orientations: Int(try number("orientations")))))
        func counts(_ name: String) throws -> String {
            try file.doubles(name).elements.map { "\(Int($0))" }.joined(separator: ",")
        }
        let outcome = try solve(
            "p.h5", "--method", "tf", "--rho", "\(try number("rho"))", "--windows", try counts("windows"), "--steps",
            try counts("steps"), "--lambda-ratio", "\(try number("lambda_") / number("lambda_max"))", "--gap", "1e-11",
            "--json")
        expectSuccess(outcome)
        let json = try JSON(parsing: outcome.output)
        let primal = try number("primal")
        #expect(abs(try #require(json["objective"].number) - primal) <= 1e-8 * primal)
        #expect(json["support"].list.compactMap(\.integer) == (try file.doubles("active").elements.map { Int($0) }))
        #expect(json["method"].text == "tf" && json["relative_gap"].number ?? 1 <= 1e-11)
    }

    @Test(
        "Options outside of their range are refused",
        arguments: [
            (["--lambda-ratio", "0"], "--lambda-ratio: 0.0"), (["--lambda-ratio", "1.5"], "--lambda-ratio: 1.5"),
            (["--lambda-ratio", "nan"], "--lambda-ratio: nan"), (["--lambda-ratio", "-0.1"], "--lambda-ratio: -0.1"),
            (["--lambda-ratio", "0.5", "--gap", "0"], "--gap: 0.0"),
            (["--lambda-ratio", "0.5", "--gap", "inf"], "--gap: inf"),
            (["--lambda-ratio", "0.5", "--threads", "0"], "--threads: 0"),
            (["--lambda-ratio", "0.5", "--rho", "0.3"], "--rho: a value"),
            (["--lambda-ratio", "0.5", "--method", "tf", "--rho", "1.5"], "--rho: 1.5"),
            (["--lambda-ratio", "0.5", "--method", "tf", "--windows", "5"], "--windows: the window"),
            (["--lambda-ratio", "0.5", "--method", "tf", "--windows", "4", "--steps", "1,2"], "--steps: 2"),
            (["--lambda-ratio", "0.5", "--method", "tf", "--windows", "64"], "--windows: [64]"),
            (["--lambda-ratio", "0.5", "--method", "tf", "--windows", "1000000"], "--windows: the window has 1000000"),
            (["--lambda-ratio", "0.5", "--method", "tf", "--penalty", "l1"], "--penalty: l1"),
        ])
    func options(options: [String], mention: String) throws {
        try folder.write("p.h5", try ProblemFile.encode(try Self.contents(orientations: 1)))
        let outcome = try Program.run(["solve", "--problem", "p.h5", "--json"] + options, in: folder.path)
        expectRefusal(outcome, naming: [mention, "expected"])
    }

    @Test("Problems that are none are refused")
    func problems() throws {
        let contents = try Self.contents(orientations: 3)
        let bytes = try ProblemFile.encode(contents)
        try folder.write("cut.h5", bytes.prefix(bytes.count / 2))
        try folder.write("nan.h5", try replacing(contents.gain[5, 7], with: .nan, in: bytes))
        try folder.write(
            "zero.h5",
            try ProblemFile.encode(
                ProblemContents(gain: contents.gain, data: Matrix(rows: 24, columns: 6), orientations: 3)))
        try folder.write("recording.h5", try #require(try Sample.files.get()["recording.h5"]))
        for (file, mention) in [
            ("absent.h5", "no such file"), ("cut.h5", "cut off"), ("nan.h5", "gain: nan in row 5, column 7"),
            ("zero.h5", "λ_max is 0"), ("recording.h5", "a recording file; expected a problem file"),
        ] {
            expectRefusal(try solve(file, "--lambda-ratio", "0.5", "--json"), naming: ["foci: \(file)", mention])
        }
    }
}
