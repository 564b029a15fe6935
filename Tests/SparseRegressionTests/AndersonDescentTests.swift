import SparseRegression
import Testing

/// A shape of problem.
struct Shape: CustomTestStringConvertible, Sendable {
    let n: Int
    let blocks: Int
    let width: Int
    let samples: Int
    var testDescription: String { "\(n) × \(blocks)·\(width), \(samples) samples" }

    static let all = [
        Shape(n: 20, blocks: 60, width: 1, samples: 1), Shape(n: 30, blocks: 100, width: 1, samples: 7),
        Shape(n: 24, blocks: 50, width: 3, samples: 5), Shape(n: 15, blocks: 40, width: 2, samples: 40),
        Shape(n: 60, blocks: 20, width: 1, samples: 3), Shape(n: 8, blocks: 1, width: 3, samples: 2),
    ]
}

@Suite("Anderson-accelerated block coordinate descent")
struct AndersonDescentTests {
    @Test("optimality conditions hold and the gap is what was asked for", arguments: Shape.all, [0.9, 0.3, 0.05])
    func optimality(_ shape: Shape, _ ratio: Double) throws {
        let problem = try randomProblem(
            n: shape.n, blocks: shape.blocks, width: shape.width, samples: shape.samples, seed: 11)
        let lambda = ratio * problem.largestLambda()
        let solution = AndersonDescent().solve(
            problem, try GroupLasso(lambda: lambda), stop: StopRule(relativeGap: 1e-12))
        let dense = problem.dense(solution.active)
        #expect(solution.reason == .converged)
        #expect(solution.certificate.relativeGap <= 1e-12)
        #expect(problem.violation(dense, lambda: lambda) < 1e-4)
        let objective = problem.objective(dense, lambda: lambda)
        #expect(abs(objective - solution.certificate.objective) < 1e-10 * objective)
        #expect(
            abs((problem.response - problem.design.matrix * dense).squaredNorm - solution.squaredResidual) < 1e-9
                * objective)
    }

    @Test(
        "every combination of accelerations reaches the same objective",
        arguments: [(false, false), (true, false), (false, true)])
    func accelerations(_ extrapolates: Bool, _ usesNewton: Bool) throws {
        let problem = try randomProblem(n: 40, blocks: 150, width: 3, samples: 6, seed: 2, correlation: 0.9)
        let penalty = try GroupLasso(lambda: 0.1 * problem.largestLambda())
        let stop = StopRule(relativeGap: 1e-10)
        var solver = AndersonDescent()
        let reference = solver.solve(problem, penalty, stop: stop)
        solver.extrapolates = extrapolates
        solver.usesNewton = usesNewton
        let other = solver.solve(problem, penalty, stop: stop)
        #expect(other.reason == .converged)
        #expect(
            abs(reference.certificate.objective - other.certificate.objective) <= 1e-10 * 0.5
                * problem.squaredResponseNorm)
        // With Newton steps alone rounding decides which of the two takes fewer sweeps.
        if !usesNewton { #expect(reference.certificate.epochs <= other.certificate.epochs) }
    }

    @Test("with orthonormal columns the solution is block soft thresholding")
    func orthonormal() throws {
        var random = SeededGenerator(seed: 8)
        let design = try SingularValues(random.normal(rows: 30, columns: 12)).u
        let response = random.normal(rows: 30, columns: 4)
        let problem = try RegressionProblem(
            design: design, response: response, blocks: BlockStructure(count: 4, size: 3))
        let lambda = 0.6 * problem.largestLambda()
        let solution = AndersonDescent().solve(
            problem, try GroupLasso(lambda: lambda), stop: StopRule(relativeGap: 1e-14))
        let correlation = Matrix.product(design, transposed: true, response)
        var expected = Matrix(rows: 12, columns: 4)
        for j in 0..<4 {
            let norm = correlation.rows(problem.blocks.columns(of: j)).squaredNorm.squareRoot()
            for r in problem.blocks.columns(of: j) {
                for t in 0..<4 { expected[r, t] = max(0, 1 - lambda / norm) * correlation[r, t] }
            }
        }
        #expect((problem.dense(solution.active) - expected).squaredNorm < 1e-18)
    }

    @Test("at λ_max and above nothing is active, just below something is")
    func largestLambda() throws {
        let problem = try randomProblem(n: 20, blocks: 30, width: 3, samples: 4, seed: 6)
        let largest = problem.largestLambda()
        for factor in [1.0 + 1e-12, 1.5, 100] {
            let solution = AndersonDescent().solve(problem, try GroupLasso(lambda: factor * largest))
            #expect(solution.active.count == 0)
            #expect(solution.certificate.fullPasses == 1)
            #expect(solution.certificate.relativeGap < 1e-12)
        }
        let below = AndersonDescent().solve(
            problem, try GroupLasso(lambda: 0.999 * largest), stop: StopRule(relativeGap: 1e-12))
        #expect(below.active.count == 1)
    }

    @Test("weights are the same as scaled columns, and infinity excludes")
    func weights() throws {
        let problem = try randomProblem(n: 25, blocks: 40, width: 2, samples: 5, seed: 12)
        var random = SeededGenerator(seed: 1)
        var weights = (0..<40).map { _ in 0.5 + 2 * random.uniform() }
        weights[problem.blocks.count - 1] = .infinity
        weights[0] = .infinity
        let lambda = 0.2 * problem.largestLambda(weights: weights)
        let weighted = AndersonDescent().solve(
            problem, try GroupLasso(lambda: lambda, weights: weights), stop: StopRule(relativeGap: 1e-13))
        #expect(!weighted.active.blocks.contains(0))
        var scaled = problem.design.matrix
        for j in 0..<40 {
            for c in problem.blocks.columns(of: j) {
                for i in 0..<25 { scaled[i, c] = weights[j].isFinite ? scaled[i, c] / weights[j] : 0 }
            }
        }
        let equivalent = try RegressionProblem(design: scaled, response: problem.response, blocks: problem.blocks)
        let plain = AndersonDescent().solve(
            equivalent, try GroupLasso(lambda: lambda), stop: StopRule(relativeGap: 1e-13))
        #expect(weighted.active.blocks == plain.active.blocks)
        #expect(abs(weighted.certificate.objective - plain.certificate.objective) < 1e-11 * problem.squaredResponseNorm)
        #expect(problem.violation(problem.dense(weighted.active), lambda: lambda, weights: weights) < 1e-4)
    }

    @Test("copied columns and columns of zeros do no harm")
    func degenerate() throws {
        let base = try randomProblem(n: 20, blocks: 30, width: 1, samples: 6, seed: 21)
        let lambda = 0.1 * base.largestLambda()
        let reference = AndersonDescent().solve(
            base, try GroupLasso(lambda: lambda), stop: StopRule(relativeGap: 1e-11))
        // Every column twice, then zeros: the optimum is the same.
        let columns = (0..<30).flatMap { [$0, $0] }
        let zeros = [Double](repeating: 0, count: 20 * 5)
        let design = Matrix(
            rows: 20, columns: 65, elements: base.design.columns(columns).elements + zeros)
        let problem = try RegressionProblem(
            design: design, response: base.response, blocks: BlockStructure(count: 65, size: 1))
        let solution = AndersonDescent().solve(
            problem, try GroupLasso(lambda: lambda), stop: StopRule(relativeGap: 1e-11))
        #expect(solution.reason == .converged)
        #expect(
            abs(solution.certificate.objective - reference.certificate.objective) < 1e-10 * base.squaredResponseNorm)
        #expect(solution.active.blocks.allSatisfy { $0 < 60 })
        #expect(
            (problem.design.matrix * problem.dense(solution.active) - base.design.matrix * base.dense(reference.active))
                .squaredNorm
                < 1e-7)
    }

    @Test("more samples than rows change nothing but the work", arguments: [1, 3])
    func reduction(_ width: Int) throws {
        let problem = try randomProblem(n: 10, blocks: 25, width: width, samples: 60, seed: 31)
        #expect(problem.response.columns == 10 && problem.sampleCount == 60)
        let lambda = 0.2 * problem.largestLambda()
        let solution = AndersonDescent().solve(
            problem, try GroupLasso(lambda: lambda), stop: StopRule(relativeGap: 1e-12))
        let full = solution.active.coefficientsInOriginalSamples(of: problem)
        #expect(full.rows == 60)
        for (i, norm) in solution.active.norms.enumerated() {
            let columns = full.columns(solution.active.offsets[i]..<solution.active.offsets[i + 1])
            #expect(abs(columns.squaredNorm.squareRoot() - norm) < 1e-10)
        }
    }

    @Test("a warm start and a session used before reach the same optimum")
    func warmStart() throws {
        let problem = try randomProblem(n: 40, blocks: 120, width: 3, samples: 8, seed: 41, correlation: 0.8)
        let largest = problem.largestLambda()
        let stop = StopRule(relativeGap: 1e-11)
        let session = AndersonDescent().session(for: problem, parallelism: .serial)
        var start: ActiveSet?
        for ratio in [0.7, 0.4, 0.2, 0.1, 0.3, 0.1] {
            let penalty = try GroupLasso(lambda: ratio * largest)
            let warm = session.solve(penalty, from: start, stop: stop, monitor: .silent)
            let cold = AndersonDescent().solve(problem, penalty, stop: stop)
            #expect(warm.active.blocks == cold.active.blocks)
            #expect(abs(warm.certificate.objective - cold.certificate.objective) < 1e-10 * problem.squaredResponseNorm)
            start = warm.active
        }
    }

    @Test("the number of threads changes no bit")
    func threads() throws {
        let problem = try randomProblem(n: 30, blocks: 900, width: 3, samples: 10, seed: 51)
        let penalty = try GroupLasso(lambda: 0.15 * problem.largestLambda())
        let one = AndersonDescent().solve(problem, penalty, parallelism: .serial)
        let three = AndersonDescent().solve(problem, penalty, parallelism: Parallelism(threads: 3))
        #expect(one.active == three.active)
        // Each thread has scratch memory of its own; nothing else may differ.
        var (first, second) = (one.certificate, three.certificate)
        first.allocations = 0
        second.allocations = 0
        #expect(first == second)
    }

    @Test("limits and cancellation return what was reached, with an honest gap")
    func limits() throws {
        let problem = try randomProblem(n: 40, blocks: 300, width: 1, samples: 5, seed: 61, correlation: 0.95)
        let penalty = try GroupLasso(lambda: 0.02 * problem.largestLambda())
        let optimum = AndersonDescent().solve(problem, penalty, stop: StopRule(relativeGap: 1e-12)).certificate
            .objective
        let limited = AndersonDescent().solve(problem, penalty, stop: StopRule(relativeGap: 1e-12, maximumPasses: 2))
        #expect(limited.reason == .limit)
        #expect(limited.certificate.fullPasses == 2)
        let cancelled = AndersonDescent().solve(problem, penalty, monitor: Monitor(isCancelled: { true }))
        #expect(cancelled.reason == .cancelled)
        for solution in [limited, cancelled] {
            let distance = (solution.certificate.objective - optimum) / (0.5 * problem.squaredResponseNorm)
            #expect(distance <= solution.certificate.relativeGap + 1e-12)
            #expect(solution.certificate.relativeGap > 1e-12)
        }
    }

    @Test("a response of zeros has the answer zero")
    func zeroResponse() throws {
        let problem = try RegressionProblem(
            design: .identity(5), response: Matrix(rows: 5, columns: 3), blocks: BlockStructure(count: 5, size: 1))
        #expect(problem.largestLambda() == 0)
        let solution = AndersonDescent().solve(problem, try GroupLasso(lambda: 1))
        #expect(solution.active.count == 0 && solution.certificate.relativeGap == 0)
    }

    @Test("impossible problems and penalties are refused")
    func invalid() throws {
        let design = Matrix.identity(3)
        let good = Matrix(rows: 3, columns: 1, repeating: 1)
        var bad = good
        bad[1, 0] = .infinity
        let blocks = BlockStructure(count: 3, size: 1)
        #expect(throws: RegressionProblem.Invalid.responseNotFinite(row: 1, column: 0)) {
            try RegressionProblem(design: design, response: bad, blocks: blocks)
        }
        #expect(throws: RegressionProblem.Invalid.rows(design: 3, response: 2)) {
            try RegressionProblem(design: design, response: Matrix(rows: 2, columns: 1), blocks: blocks)
        }
        #expect(throws: RegressionProblem.Invalid.blocks(columns: 3, covered: 2)) {
            try RegressionProblem(design: design, response: good, blocks: BlockStructure(count: 2, size: 1))
        }
        #expect(throws: RegressionProblem.Invalid.empty) {
            try RegressionProblem(design: design, response: Matrix(rows: 3, columns: 0), blocks: blocks)
        }
        #expect(throws: RegressionProblem.Invalid.overflow) {
            try RegressionProblem(design: design * 1e200, response: good, blocks: blocks)
        }
        #expect(throws: RegressionProblem.Invalid.underflow) {
            try RegressionProblem(design: design * 1e-160, response: good, blocks: blocks)
        }
        #expect(throws: InvalidPenalty.lambda(0)) { try GroupLasso(lambda: 0) }
        #expect(throws: InvalidPenalty.weight(block: 1, value: -1)) { try GroupLasso(lambda: 1, weights: [1, -1]) }
    }

    @Test("blocks of different widths mix in one problem")
    func mixedWidths() throws {
        var random = SeededGenerator(seed: 71)
        let blocks = BlockStructure(sizes: (0..<30).map { 1 + ($0 % 3) })
        let problem = try RegressionProblem(
            design: random.normal(rows: 25, columns: blocks.columnCount), response: random.normal(rows: 25, columns: 4),
            blocks: blocks)
        let lambda = 0.3 * problem.largestLambda()
        let solution = AndersonDescent().solve(
            problem, try GroupLasso(lambda: lambda), stop: StopRule(relativeGap: 1e-12))
        #expect(problem.violation(problem.dense(solution.active), lambda: lambda) < 1e-4)
        #expect(Set(solution.active.blocks.map { blocks.columns(of: $0).count }).count > 1)
    }
}
