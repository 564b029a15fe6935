import ModelSelection
import TestSupport
import Testing

/// A random problem with true blocks and unit noise.
func noisyProblem(
    n: Int, blocks: BlockStructure, samples: Int, seed: UInt64, amplitude: Double = 1.5
) throws -> (problem: RegressionProblem, truth: Matrix) {
    var random = SeededGenerator(seed: seed)
    let design = random.normal(rows: n, columns: blocks.columnCount)
    var coefficients = Matrix(rows: blocks.columnCount, columns: samples)
    for block in stride(from: 0, to: blocks.count, by: max(1, blocks.count / 4)) {
        for c in blocks.columns(of: block) {
            for t in 0..<samples { coefficients[c, t] = amplitude * random.normal() }
        }
    }
    let truth = design * coefficients
    let response = truth + random.normal(rows: n, columns: samples)
    return (try RegressionProblem(design: design, response: response, blocks: blocks), truth)
}

@Suite("SURE and degrees of freedom")
struct SteinRiskTests {
    static let structures = [
        BlockStructure(count: 25, size: 1), BlockStructure(count: 12, size: 3),
        BlockStructure(sizes: [1, 3, 2, 1, 3, 3, 1, 2, 3]),
    ]

    @Test(
        "the degrees of freedom count all samples, reduced or not", arguments: structures, [(18, 3), (6, 2), (40, 12)])
    func reducedSamples(_ blocks: BlockStructure, _ size: (samples: Int, rank: Int)) throws {
        var random = SeededGenerator(seed: 4)
        let design = random.normal(rows: 12, columns: blocks.columnCount)
        let response =
            random.normal(rows: 12, columns: size.rank) * random.normal(rows: size.rank, columns: size.samples)
        let reduced = try RegressionProblem(design: design, response: response, blocks: blocks)
        let full = try RegressionProblem(design: design, response: response, blocks: blocks, keepsSamples: true)
        #expect(reduced.response.columns == size.rank && full.response.columns == size.samples)
        let penalty = try GroupLasso(lambda: 0.25 * full.largestLambda())
        let freedom = try [reduced, full].map {
            let solution = AutomaticSolver().solve($0, penalty, stop: StopRule(relativeGap: 1e-14))
            return try #require(degreesOfFreedom(of: solution, in: $0, under: penalty))
        }
        #expect(freedom[0] > 1 && abs(freedom[0] - freedom[1]) <= 1e-6 * freedom[1])
    }

    @Test(
        "exact degrees of freedom are the divergence of the fit, entry by entry", arguments: structures,
        [(1, false), (4, false), (4, true), (18, false), (18, true)])
    func divergence(_ blocks: BlockStructure, _ variant: (samples: Int, isWeighted: Bool)) throws {
        let (samples, isWeighted) = variant
        let (problem, _) = try noisyProblem(n: 12, blocks: blocks, samples: samples, seed: 5)
        let weights = isWeighted ? (0..<blocks.count).map { 0.7 + 0.1 * Double($0 % 7) } : nil
        let lambda = 0.25 * problem.largestLambda(weights: weights)
        try checkDivergence(problem, try GroupLasso(lambda: lambda, weights: weights), within: 2e-5)
    }

    @Test(
        "they are exact where a penalty bends up more along a block than across it", arguments: structures,
        [(1, 0.01), (4, 0.01), (4, 1), (18, 0.1)])
    func steepDivergence(_ blocks: BlockStructure, _ variant: (samples: Int, cube: Double)) throws {
        let (problem, _) = try noisyProblem(n: 12, blocks: blocks, samples: variant.samples, seed: 5)
        let lambda = 0.25 * problem.largestLambda()
        try checkDivergence(problem, CubicNorm(lambda: lambda, cube: variant.cube * lambda), within: 2e-5)
    }

    /// Compares the degrees of freedom at a solution with the divergence of the fit, entry by entry.
    private func checkDivergence(
        _ problem: RegressionProblem, _ penalty: some BlockPenalty, within tolerance: Double
    ) throws {
        let stop = StopRule(relativeGap: 1e-14)
        let solution = AndersonDescent().solve(problem, penalty, stop: stop)
        let exact = try #require(degreesOfFreedom(of: solution, in: problem, under: penalty))

        // The response before any reduction of its samples: the divergence is taken over all of its entries.
        let response = problem.reduction.map { problem.response * $0 } ?? problem.response
        func fit(_ row: Int, _ column: Int, _ shift: Double) throws -> Double {
            var moved = response
            moved[row, column] += shift
            let other = try RegressionProblem(design: problem.design, response: moved, blocks: problem.blocks)
            let active = AndersonDescent().solve(other, penalty, stop: stop).active
            let coefficients = active.coefficientsInOriginalSamples(of: other)
            let columns = active.designColumns(of: other)
            return (0..<columns.columns).reduce(0) { $0 + columns[row, $1] * coefficients[column, $1] }
        }
        var divergence = 0.0
        let step = 1e-4
        for row in 0..<problem.rowCount {
            for column in 0..<problem.sampleCount {
                divergence += (try fit(row, column, step) - fit(row, column, -step)) / (2 * step)
            }
        }
        #expect(solution.active.count > 1)
        #expect(abs(divergence - exact) < tolerance * exact, "\(exact), \(divergence) by differences")
    }

    @Test("for the Lasso the degrees of freedom are the number of nonzeros", arguments: [0.6, 0.2, 0.05])
    func lasso(_ ratio: Double) throws {
        let (problem, _) = try noisyProblem(n: 30, blocks: BlockStructure(count: 80, size: 1), samples: 1, seed: 9)
        let penalty = try GroupLasso(lambda: ratio * problem.largestLambda())
        let solution = AndersonDescent().solve(problem, penalty, stop: StopRule(relativeGap: 1e-12))
        let freedom = try #require(degreesOfFreedom(of: solution, in: problem, under: penalty))
        #expect(abs(freedom - Double(solution.active.count)) < 1e-8)
    }

    @Test("no source has none, and one free block without shrinkage has width times samples")
    func limits() throws {
        let (problem, _) = try noisyProblem(n: 20, blocks: BlockStructure(count: 1, size: 3), samples: 5, seed: 2)
        let largest = try GroupLasso(lambda: problem.largestLambda())
        let nothing = AndersonDescent().solve(problem, largest)
        #expect(degreesOfFreedom(of: nothing, in: problem, under: largest) == 0)
        let penalty = try GroupLasso(lambda: 1e-9)
        let solution = AndersonDescent().solve(problem, penalty, stop: StopRule(relativeGap: 1e-13))
        let freedom = try #require(degreesOfFreedom(of: solution, in: problem, under: penalty))
        #expect(abs(freedom - 15) < 1e-6)
    }

    @Test("SURE is unbiased for the squared error of the field", arguments: [0.5, 0.15])
    func unbiased(_ ratio: Double) throws {
        var random = SeededGenerator(seed: 77)
        let blocks = BlockStructure(count: 30, size: 1)
        let (problem, truth) = try noisyProblem(n: 15, blocks: blocks, samples: 3, seed: 3)
        let penalty = try GroupLasso(lambda: ratio * problem.largestLambda())
        var differences: [Double] = []
        for _ in 0..<400 {
            let drawn = try RegressionProblem(
                design: problem.design, response: truth + random.normal(rows: 15, columns: 3), blocks: blocks)
            let solution = AndersonDescent().solve(drawn, penalty, stop: StopRule(relativeGap: 1e-9))
            let judged = SteinRisk(noiseVariance: 1).judge(
                [Fit(solution, of: drawn, under: penalty)], of: drawn, wantsGradient: false)
            differences.append(judged.value - (solution.active.fit(in: drawn) - truth).squaredNorm)
        }
        let mean = differences.reduce(0, +) / 400
        let deviation = (differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 399).squareRoot()
        #expect(abs(mean) < 4 * deviation / 20, "mean difference \(mean) of standard error \(deviation / 20)")
    }
}
