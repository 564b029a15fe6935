import Formats
import Foundation
import SparseRegression
import TestSupport
import Testing

@Suite("Reference optima", .enabled(if: Shared.isPresent, "the shared reference problems are not there"))
struct ReferenceTests {
    /// One row of a file of optima.
    struct Row: Decodable {
        let ratio: Double
        let lambda_max: Double
        let objective: Double
        let relative_gap: Double
        let support: [Int]
    }

    struct Optima: Decodable {
        let rows: [Row]
    }

    private func load(_ name: String) throws -> (problem: RegressionProblem, rows: [Row]) {
        let contents = try ProblemFile.read(Shared.path("reference/\(name).problem.h5"))
        let problem = try RegressionProblem(
            design: contents.gain, response: contents.data,
            blocks: BlockStructure(count: contents.gain.columns / contents.orientations, size: contents.orientations))
        let json = try Data(contentsOf: URL(fileURLWithPath: Shared.path("reference/\(name).optima.json")))
        return (problem, try JSONDecoder().decode(Optima.self, from: json).rows)
    }

    /// Proximal gradient is left to small problems: thousands of iterations of a full pass with all of B are minutes here.
    static let engines: [Engine] = {
        var residual = AndersonDescent()
        residual.form = .residual
        var greedy = AndersonDescent()
        greedy.order = .greedy
        return Engine.main + [
            Engine(name: "Anderson, residual form", solver: residual, isExact: true),
            Engine(name: "Anderson, greedy", solver: greedy, isExact: true),
        ]
    }()

    @Test("every engine reaches a relative gap of 1e-10", arguments: ["meg-fixed", "sample-free"], engines)
    func certified(_ name: String, _ engine: Engine) throws {
        let (problem, rows) = try load(name)
        let session = engine.solver.session(for: problem, parallelism: .allCores)
        let largest = problem.largestLambda(parallelism: .allCores)
        for row in rows {
            let solution = session.solve(
                try GroupLasso(lambda: row.ratio * largest), from: nil, stop: StopRule(relativeGap: 1e-10),
                monitor: .silent)
            #expect(solution.reason == .converged && solution.certificate.relativeGap <= 1e-10, "\(row.ratio)")
            #expect(
                abs(solution.certificate.objective - row.objective)
                    <= (1e-10 + row.relative_gap) * 0.5 * problem.squaredResponseNorm, "\(row.ratio)")
        }
    }

    @Test("objective within 1e-8 and the same support", arguments: ["meg-fixed", "sample-free"])
    func optima(_ name: String) throws {
        let (problem, rows) = try load(name)
        #expect(rows.count >= 3)
        let session = AndersonDescent().session(for: problem, parallelism: .allCores)
        let largest = problem.largestLambda(parallelism: .allCores)
        for row in rows {
            #expect(abs(largest - row.lambda_max) < 1e-10 * largest)
            let solution = session.solve(
                try GroupLasso(lambda: row.ratio * largest), from: nil, stop: StopRule(relativeGap: 1e-10),
                monitor: .silent)
            #expect(solution.certificate.relativeGap <= 1e-10)
            #expect(abs(solution.certificate.objective - row.objective) <= 1e-8 * row.objective)
            #expect(solution.active.blocks == row.support)
            #expect(solution.certificate.fullPasses <= 16, "the working set grows too slowly")
        }
    }
}
