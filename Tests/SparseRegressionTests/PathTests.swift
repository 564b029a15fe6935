import SparseRegression
import Synchronization
import Testing

@Suite("Paths and sessions")
struct PathTests {
    static let engines = Engine.main + [.proximalGradient]

    private func problem(_ width: Int = 1) throws -> RegressionProblem {
        try randomProblem(n: 20, blocks: 50, width: width, samples: 4, seed: 9, correlation: 0.8)
    }

    @Test("every point is certified, and as good as a solve from zero", arguments: engines, [false, true])
    func certified(_ engine: Engine, _ hasFree: Bool) throws {
        let problem = try problem(2)
        let weights: [Double]? = hasFree ? (0..<50).map { $0 % 20 == 7 ? 0 : 1 } : nil
        let largest = problem.largestLambda(weights: weights)
        let grid = LambdaGrid(from: largest, toRatio: 0.05, count: 8)
        let stop = StopRule(relativeGap: 1e-9)
        let session = engine.solver.session(for: problem, parallelism: .serial)
        #expect(abs(session.largestLambda(weights: weights) - largest) <= 1e-12 * largest)
        let points = try session.path(over: grid, penalty: { try GroupLasso(lambda: $0, weights: weights) }, stop: stop)
        #expect(points.map(\.lambda) == grid.values)
        for point in points {
            let own = ConvexCase(problem: problem, lambda: point.lambda, weights: weights, description: "")
            let cold = try own.solve(engine.solver, stop: stop)
            #expect(point.solution.reason == .converged && point.solution.certificate.relativeGap <= 1e-9)
            #expect(abs(point.solution.certificate.objective - cold.certificate.objective) <= 1e-9 * own.unit)
            let b = own.dense(point.solution.active)
            #expect(abs(own.objective(b) - point.solution.certificate.objective) <= 1e-12 * own.unit)
            if hasFree { #expect(point.solution.active.blocks.contains(7)) }
        }
        if !hasFree { #expect(points[0].solution.active.count == 0) }
    }

    @Test("a path ends where it is told to, and when it is cancelled", arguments: engines)
    func ends(_ engine: Engine) throws {
        let problem = try problem()
        let grid = LambdaGrid(from: problem.largestLambda(), toRatio: 0.1, count: 10)
        let session = engine.solver.session(for: problem, parallelism: .serial)
        let enough = try session.path(over: grid, penalty: { try GroupLasso(lambda: $0) }) {
            $0.solution.active.count >= 3
        }
        #expect(enough.count < 10 && enough.dropLast().allSatisfy { $0.solution.active.count < 3 })
        #expect((enough.last?.solution.active.count ?? 0) >= 3)

        let asked = Mutex(0)
        let monitor = Monitor(isCancelled: {
            asked.withLock {
                $0 += 1; return $0 > 6
            }
        })
        let cancelled = try session.path(over: grid, penalty: { try GroupLasso(lambda: $0) }, monitor: monitor)
        #expect(cancelled.count < 10 && cancelled.last?.solution.reason == .cancelled)
        #expect(cancelled.dropLast().allSatisfy { $0.solution.reason == .converged })

        let late = try session.path(
            over: grid, penalty: { try GroupLasso(lambda: $0) }, stop: StopRule(relativeGap: 0, maximumSeconds: 0))
        #expect(late.count <= 2 && late.last?.solution.reason == .timeLimit)

        // After all that the session is as good as new.
        let penalty = try GroupLasso(lambda: grid.values[7])
        let (used, fresh) = (
            session.solve(penalty, from: nil, stop: StopRule(relativeGap: 1e-10), monitor: .silent),
            engine.solver.solve(problem, penalty, stop: StopRule(relativeGap: 1e-10))
        )
        #expect(used.reason == .converged && used.active.blocks == fresh.active.blocks)
        #expect(abs(used.certificate.objective - fresh.certificate.objective) <= 1e-10 * problem.squaredResponseNorm)
    }

    @Test(
        "λ may rise again, penalties may change, and starts may be bad: every solve is as good as a first",
        arguments: engines)
    func anyOrder(_ engine: Engine) throws {
        let problem = try problem(2)
        let largest = problem.largestLambda()
        let session = engine.solver.session(for: problem, parallelism: .serial)
        var weights = [Double](repeating: 1, count: 50)
        (weights[3], weights[4], weights[5]) = (0, .infinity, 0.2)
        let penalties: [any BlockPenalty] = [
            try GroupLasso(lambda: 0.3 * largest), try GroupLasso(lambda: 0.03 * largest, weights: weights),
            try ElasticNet(lambda: 0.2 * largest, ridge: 3, weights: weights), try Lasso(lambda: 0.1 * largest),
            try GroupLasso(lambda: 0.9 * largest), try GroupLasso(lambda: 0.1 * largest),
            try ElasticNet(lambda: 0.1 * largest, ridge: 0.1),
        ]
        var start: ActiveSet?
        let stop = StopRule(relativeGap: 1e-9)
        for (number, penalty) in (penalties + penalties.reversed()).enumerated() {
            func compare(_ penalty: some BlockPenalty) {
                let used = session.solve(penalty, from: start, stop: stop, monitor: .silent)
                let fresh = engine.solver.solve(problem, penalty, stop: stop)
                #expect(used.reason == .converged, "\(number)")
                #expect(
                    abs(used.certificate.objective - fresh.certificate.objective) <= 1e-9 * problem.squaredResponseNorm,
                    "\(number)")
                start = number % 5 == 3 ? nil : used.active
            }
            compare(penalty)
            _ = session.solve(
                try GroupLasso(lambda: 0.01 * largest), from: start,
                stop: StopRule(relativeGap: 1e-12, maximumEpochs: 2, maximumPasses: 2), monitor: .silent)
        }
    }

    @Test("several right-hand sides give what fresh sessions give", arguments: Engine.main)
    func rightHandSides(_ engine: Engine) throws {
        let problem = try problem(2)
        var random = SeededGenerator(seed: 77)
        let session = engine.solver.session(for: problem, parallelism: .serial)
        for samples in [4, 4, 1, 30, 4] {
            let response = random.normal(rows: 20, columns: samples)
            let own = try problem.with(response: response)
            session.adopt(own)
            #expect(session.problem.response == own.response)
            for penalty in [try GroupLasso(lambda: 0.2 * own.largestLambda())] as [any BlockPenalty] + [
                try Lasso(lambda: 0.3 * own.largestLambda())
            ] {
                func compare(_ penalty: some BlockPenalty) {
                    let stop = StopRule(relativeGap: 1e-10)
                    let used = session.solve(penalty, from: nil, stop: stop, monitor: .silent)
                    let fresh = engine.solver.solve(own, penalty, stop: stop)
                    #expect(used.reason == .converged && used.active.blocks == fresh.active.blocks)
                    #expect(
                        abs(used.certificate.objective - fresh.certificate.objective) <= 1e-10 * own.squaredResponseNorm
                    )
                }
                compare(penalty)
            }
        }
        // A problem with another design is taken up from the beginning.
        let other = try randomProblem(n: 11, blocks: 23, width: 1, samples: 4, seed: 3)
        session.adopt(other)
        let penalty = try GroupLasso(lambda: 0.2 * other.largestLambda())
        let used = session.solve(penalty, from: nil, stop: StopRule(), monitor: .silent)
        #expect(used.active == engine.solver.solve(other, penalty).active)
    }

    @Test("a grid descends, without repetitions and impossible values")
    func grid() {
        #expect(LambdaGrid([1, 3, 2, 3, 0, -1, .nan, .infinity]).values == [3, 2, 1])
        #expect(LambdaGrid(from: 8, toRatio: 0.125, count: 4).values.map { $0.rounded() } == [8, 4, 2, 1])
        #expect(LambdaGrid(from: 8, toRatio: 0.5, count: 1).values == [8])
        #expect(LambdaGrid(from: 8, toRatio: 0.5, count: 0).values == [])
        #expect(LambdaGrid(from: 0, toRatio: 0.5, count: 3).values == [])
        #expect(LambdaGrid(from: 1, toRatio: 0.5, count: -1).values == [])
    }
}
