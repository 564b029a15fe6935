import SparseRegression
import Testing

@Suite("Nonconvex penalties")
struct NonconvexTests {
    /// A nonconvex penalty at a fraction of the λ at which zero stops being a fixed point, chosen by bisection.
    static func penalties(_ problem: RegressionProblem) throws -> [NamedPenalty] {
        let largest = problem.largestLambda()
        let columns = problem.design.matrix.columns(Array(problem.blocks.columns(of: 0)))
        let lipschitz = columns.squaredNorm
        return [
            .init(name: "MCP", penalty: try MinimaxConcavePenalty(lambda: 0.3 * largest, gamma: 4 / lipschitz)),
            .init(name: "hard MCP", penalty: try MinimaxConcavePenalty(lambda: 0.3 * largest, gamma: 0.3 / lipschitz)),
            .init(name: "SCAD", penalty: try SmoothlyClippedPenalty(lambda: 0.3 * largest, gamma: 3.7)),
            .init(name: "log", penalty: try LogarithmicPenalty(lambda: 0.2 * largest, width: 1)),
            .init(name: "square root", penalty: try SquareRootPenalty(lambda: 0.2 * largest)),
            .init(
                name: "MCP of entries", penalty: Entrywise(try MinimaxConcavePenalty(lambda: 0.1 * largest, gamma: 1))),
        ]
    }

    @Test(
        "a direct solve ends at a fixed point of every block's proximal step, below zero's objective",
        arguments: 0..<12, Engine.main)
    func fixedPoint(_ number: Int, _ engine: Engine) throws {
        let width = 1 + number % 3
        let problem = try randomProblem(
            n: [10, 25][number % 2], blocks: 40, width: width, samples: [1, 4, 5][number % 3], seed: UInt64(number),
            correlation: [0, 0.7, 0.95][number % 3])
        for named in try Self.penalties(problem) {
            let penalty = named.penalty
            let solution = engine.solver.solve(
                problem, penalty, stop: StopRule(relativeViolation: 1e-9, maximumEpochs: 20_000))
            #expect(solution.reason == .converged, "\(named.name): \(solution.certificate)")
            #expect(solution.certificate.relativeGap == .infinity)
            #expect(solution.certificate.objective <= 0.5 * problem.squaredResponseNorm * (1 + 1e-14), "\(named.name)")
            #expect(solution.active.count > 0, "\(named.name)")
            // From the definitions.
            let isOfEntries = penalty.scope == .entry
            let response =
                isOfEntries ? (problem.reduction.map { problem.response * $0 } ?? problem.response) : problem.response
            let own = ConvexCase(
                problem: problem, lambda: 1, weights: nil, isOfEntries: isOfEntries, description: "")
            let b = own.dense(solution.active)
            let x = problem.design.matrix
            let correlation = Matrix.product(x, transposed: true, response - x * b)
            let blocks = isOfEntries ? BlockStructure(count: x.columns, size: 1) : problem.blocks
            let first = Matrix.product(x, transposed: true, response)
            var (worst, largest, value) = (0.0, 0.0, 0.5 * (response - x * b).squaredNorm)
            for block in 0..<blocks.count {
                let rows = blocks.columns(of: block)
                let own = x.columns(Array(rows))
                let squared = try SingularValues(own).values.first.map { $0 * $0 } ?? 0
                let parts = isOfEntries ? (0..<response.columns).map { $0..<($0 + 1) } : [0..<response.columns]
                for samples in parts {
                    func part(_ m: Matrix) -> [Double] { samples.flatMap { s in rows.map { m[$0, s] } } }
                    func norm(_ v: [Double]) -> Double { v.reduce(0) { $0 + $1 * $1 }.squareRoot() }
                    let moved = zip(part(b), part(correlation)).map { $0 + $1 / squared }
                    let size = norm(moved)
                    let shrunk = penalty.proximal(norm: size, step: 1 / squared, block: block)
                    worst = max(worst, squared * norm(zip(part(b), moved).map { $0 - $1 * shrunk / size }))
                    largest = max(largest, norm(part(first)))
                    value += penalty.value(norm: norm(part(b)), block: block)
                }
            }
            #expect(worst <= 1.1e-9 * largest, "\(named.name): \(worst / largest)")
            #expect(abs(value - solution.certificate.objective) <= 1e-12 * value, "\(named.name)")
        }
    }

    @Test("from a reweighted solution a direct solve only goes down; reweighting never raises its own objective")
    func reweighted() throws {
        let problem = try randomProblem(n: 30, blocks: 80, width: 2, samples: 5, seed: 2, correlation: 0.8)
        let lambda = 0.15 * problem.largestLambda()
        let stop = StopRule(relativeGap: 1e-10, relativeViolation: 1e-9)
        let first = AutomaticSolver().solve(problem, try GroupLasso(lambda: lambda), stop: stop)
        let c = first.active.norms.map { $0.squareRoot() }.reduce(0, max)
        // The weights c/√‖B_j‖ are those of 2λc·Σ√‖B_j‖.
        let penalty = try SquareRootPenalty(lambda: 2 * lambda * c)
        func objective(_ active: ActiveSet, _ squared: Double) -> Double {
            active.norms.reduce(0.5 * squared) { $0 + penalty.value(norm: $1, block: 0) }
        }
        var last = objective(first.active, first.squaredResidual)
        for rounds in 1...8 {
            let outcome = try Reweighting(rounds: rounds).run(
                problem, from: first, lambda: lambda, solver: AutomaticSolver(), stop: stop, parallelism: .serial)
            let value = objective(outcome.active, outcome.squaredResidual)
            #expect(value <= last + 1e-9 * problem.squaredResponseNorm)
            last = value
            for engine in Engine.main {
                let direct = engine.solver.solve(problem, penalty, from: outcome.active, stop: stop)
                #expect(direct.reason == .converged)
                #expect(direct.certificate.objective <= value * (1 + 1e-12), "\(engine.name), round \(rounds)")
            }
        }
    }
}
