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

    @Test("objective within 1e-8 and the same support", arguments: ["meg-fixed", "sample-free"])
    func optima(_ name: String) throws {
        let contents = try ProblemFile.read(Shared.path("reference/\(name).problem.h5"))
        let problem = try RegressionProblem(
            design: contents.gain, response: contents.data,
            blocks: BlockStructure(count: contents.gain.columns / contents.orientations, size: contents.orientations))
        let json = try Data(contentsOf: URL(fileURLWithPath: Shared.path("reference/\(name).optima.json")))
        let rows = try JSONDecoder().decode(Optima.self, from: json).rows
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
