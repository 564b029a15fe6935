import SparseRegression
import Testing

@Suite("Failure is a value")
struct FailureTests {
    static let engines = Engine.main + [.proximalGradient]

    private func problem(_ rows: Int = 12, _ blocks: Int = 40, samples: Int = 3) throws -> RegressionProblem {
        try randomProblem(n: rows, blocks: blocks, width: 1, samples: samples, seed: 5, correlation: 0.9)
    }

    @Test("limits on sweeps, looks and time give the best point so far, its gap and the reason", arguments: engines)
    func limits(_ engine: Engine) throws {
        let problem = try problem()
        let penalty = try GroupLasso(lambda: 0.02 * problem.largestLambda())
        let optimum = AutomaticSolver().solve(problem, penalty, stop: StopRule(relativeGap: 1e-12)).certificate
            .objective
        for (rule, reason) in [
            (StopRule(relativeGap: 1e-12, maximumEpochs: 0), StopReason.limit),
            (StopRule(relativeGap: 1e-12, maximumEpochs: 1), .limit),
            (StopRule(relativeGap: 1e-12, maximumPasses: 1), .limit),
            (StopRule(relativeGap: 1e-12, maximumPasses: -3), .limit),
            (StopRule(relativeGap: 1e-12, maximumSeconds: 0), .timeLimit),
            (StopRule(relativeGap: 1e-12, maximumSeconds: -1), .timeLimit),
        ] {
            let solution = engine.solver.solve(problem, penalty, stop: rule)
            let half = 0.5 * problem.squaredResponseNorm
            #expect(solution.reason == reason, "\(rule)")
            #expect(solution.certificate.objective <= half * (1 + 1e-14))
            #expect(
                (solution.certificate.objective - optimum) / half <= solution.certificate.relativeGap + 1e-13, "\(rule)"
            )
        }
    }

    @Test("more digits than there are end in stagnation or at a gap of rounding", arguments: engines)
    func stagnation(_ engine: Engine) throws {
        for (rows, blocks) in [(12, 40), (40, 12)] {
            let problem = try problem(rows, blocks)
            for goal in [1e-17, 0, -1, .nan] {
                let solution = engine.solver.solve(
                    problem, try GroupLasso(lambda: 0.2 * problem.largestLambda()),
                    stop: StopRule(relativeGap: goal, maximumEpochs: 50_000))
                #expect(
                    solution.reason == .stagnated
                        || (solution.reason == .converged && solution.certificate.relativeGap <= 1e-17),
                    "\(solution.reason), \(goal)")
                #expect(solution.certificate.relativeGap < 1e-11)
            }
        }
    }

    @Test("a start that is not finite, or of another problem, is refused and zero taken instead", arguments: engines)
    func starts(_ engine: Engine) throws {
        let problem = try problem()
        let largest = problem.largestLambda()
        func start(_ blocks: [Int], _ width: Int, _ samples: Int, _ value: Double) -> ActiveSet {
            ActiveSet(
                blocks: blocks, offsets: (0...blocks.count).map { $0 * width },
                coefficients: Matrix(rows: samples, columns: blocks.count * width, repeating: value))
        }
        let bad = [
            start([3, 5], 1, 3, .nan), start([3], 1, 3, .infinity), start([3], 1, 2, 1), start([3], 2, 3, 1),
            start([40], 1, 3, 1), start([-1], 1, 3, 1), start([5, 3], 1, 3, 1), start([3, 3], 1, 3, 1),
        ]
        for penalty in [try GroupLasso(lambda: 0.3 * largest)] as [any BlockPenalty] + [
            try Lasso(lambda: 0.3 * largest)
        ] {
            let cold = engine.solver.solve(problem, penalty)
            for start in bad {
                let solution = engine.solver.solve(problem, penalty, from: start)
                #expect(solution.reason == .notFinite, "\(start.blocks), \(penalty.scope)")
                #expect(solution.certificate.relativeGap <= 1e-6)
                #expect(solution.active == cold.active)
            }
            #expect(engine.solver.solve(problem, penalty, from: start([3], 1, 3, 1)).reason == .converged)
        }
    }

    @Test("coefficients of a column of zeros do not survive", arguments: engines)
    func zeroColumn(_ engine: Engine) throws {
        let base = try problem(10, 6, samples: 2)
        let design = Matrix(
            rows: 10, columns: 7, elements: base.design.matrix.elements + Array(repeating: 0, count: 10))
        let problem = try RegressionProblem(
            design: design, response: base.response, blocks: BlockStructure(count: 7, size: 1))
        let start = ActiveSet(
            blocks: [6], offsets: [0, 1], coefficients: Matrix(rows: 2, columns: 1, repeating: 5))
        let solution = engine.solver.solve(
            problem, try GroupLasso(lambda: 0.2 * problem.largestLambda()), from: start)
        #expect(solution.reason == .converged && !solution.active.blocks.contains(6))
    }

    @Test("λ of any size, from every power of ten", arguments: Engine.main)
    func lambdas(_ engine: Engine) throws {
        for (rows, blocks) in [(6, 20), (20, 6)] {
            let problem = try problem(rows, blocks)
            for power in [-300.0, -100, -30, -12, 12, 100, 300] {
                let lambda = Double("1e\(Int(power))") ?? 1
                let solution = engine.solver.solve(
                    problem, try GroupLasso(lambda: lambda), stop: StopRule(relativeGap: 1e-9, maximumEpochs: 20_000))
                let half = 0.5 * problem.squaredResponseNorm
                if power > 0 {
                    #expect(solution.reason == .converged && solution.active.count == 0)
                } else {
                    // Slopes below their own rounding cannot be certified; the fit is still that of least squares.
                    #expect(solution.reason != .notFinite && solution.certificate.relativeGap <= 1)
                    let svd = try SingularValues(problem.design.matrix)
                    let fit = svd.u * Matrix.product(svd.u, transposed: true, problem.response)
                    let best = 0.5 * (problem.response - fit).squaredNorm
                    #expect(solution.certificate.objective <= best + 1e-4 * half, "\(lambda)")
                    #expect(
                        solution.certificate.objective - best <= solution.certificate.relativeGap * half + 1e-9 * half)
                }
            }
        }
    }

    @Test("everything excluded is zero at once", arguments: engines)
    func excluded(_ engine: Engine) throws {
        let problem = try problem()
        let weights = [Double](repeating: .infinity, count: 40)
        for penalty in [
            try GroupLasso(lambda: 1, weights: weights), try ElasticNet(lambda: 1, ridge: 1, weights: weights),
            try Lasso(lambda: 1, weights: weights),
        ] as [any BlockPenalty] {
            let solution = engine.solver.solve(problem, penalty)
            #expect(solution.reason == .converged && solution.active.count == 0)
            #expect(solution.certificate.relativeGap == 0 && solution.certificate.relativeViolation == 0)
        }
        #expect(problem.largestLambda(weights: weights) == 0)
    }

    @Test(
        "everything unpenalized is least squares, with more rows or more columns", arguments: engines,
        [(20, 6), (6, 20), (1, 1), (1, 3), (3, 1)])
    func unpenalized(_ engine: Engine, _ size: (rows: Int, blocks: Int)) throws {
        let problem = try randomProblem(
            n: size.rows, blocks: size.blocks, width: 1, samples: 2, seed: 5, correlation: 0.3)
        let weights = [Double](repeating: 0, count: size.blocks)
        let x = problem.design.matrix
        let svd = try SingularValues(x)
        let fit = svd.u * Matrix.product(svd.u, transposed: true, problem.response)
        let best = 0.5 * (problem.response - fit).squaredNorm
        let half = 0.5 * problem.squaredResponseNorm
        for penalty in [
            try GroupLasso(lambda: 1, weights: weights), try Lasso(lambda: 1, weights: weights),
        ] as [any BlockPenalty] {
            let solution = engine.solver.solve(problem, penalty, stop: StopRule(relativeGap: 1e-8))
            #expect(solution.reason == .converged, "\(solution.reason) \(solution.certificate)")
            let distance = (solution.certificate.objective - best) / half
            #expect(distance <= solution.certificate.relativeGap + 1e-13 && distance < 1e-8)
        }
        #expect(problem.largestLambda(weights: weights) == 0)
    }

    @Test("a design of zeros, and single rows, columns and samples", arguments: engines)
    func smallest(_ engine: Engine) throws {
        let zeros = try RegressionProblem(
            design: Matrix(rows: 4, columns: 6), response: Matrix(rows: 4, columns: 2, repeating: 1),
            blocks: BlockStructure(count: 2, size: 3))
        for weights in [nil, [0, 1], [0, 0]] as [[Double]?] {
            let solution = engine.solver.solve(zeros, try GroupLasso(lambda: 1, weights: weights))
            #expect(solution.reason == .converged && solution.active.count == 0)
            #expect(solution.certificate.relativeGap == 0)
            #expect(zeros.largestLambda(weights: weights) == 0)
        }
        for (n, blocks, samples) in [(1, 1, 1), (1, 5, 1), (5, 1, 1), (1, 1, 5), (1, 5, 4), (5, 1, 4), (5, 5, 1)] {
            let problem = try randomProblem(n: n, blocks: blocks, width: 1, samples: samples, seed: 3)
            let own = ConvexCase(
                problem: problem, lambda: 0.3 * problem.largestLambda(), weights: nil, description: "\(n) \(blocks)")
            let solution = try own.solve(engine.solver, stop: StopRule(relativeGap: 1e-9))
            let b = own.dense(solution.active)
            #expect(solution.reason == .converged)
            #expect(own.objective(b) - own.dualBound(b) <= 1e-8 * own.unit)
        }
    }

    @Test("numbers far from one, in design or data, lose no digits", arguments: Engine.main)
    func scales(_ engine: Engine) throws {
        let base = try problem()
        let reference = engine.solver.solve(
            base, try GroupLasso(lambda: 0.2 * base.largestLambda()), stop: StopRule(relativeGap: 1e-10))
        for (a, b) in [(1e-13, 1.0), (1, 1e-15), (1e-40, 1e-30), (1e40, 1e30), (1e-60, 1e60)] {
            let problem = try RegressionProblem(
                design: base.design.matrix * a, response: base.response * b, blocks: base.blocks)
            let solution = engine.solver.solve(
                problem, try GroupLasso(lambda: 0.2 * problem.largestLambda()), stop: StopRule(relativeGap: 1e-10))
            #expect(solution.reason == .converged, "\(a) \(b)")
            #expect(solution.active.blocks == reference.active.blocks)
        }
    }
}
