import Glibc

@testable import TimeFrequency

/// A random problem with a few bursts, a frame for it, and what defines an optimum, written out.
struct Case {
    let problem: RegressionProblem
    let frame: GaborFrame
    let truth: [Int]

    /// - Parameters:
    ///   - width: columns of a block.
    ///   - windows: length and step of each.
    init(
        rows: Int = 12, blocks: Int = 30, width: Int = 1, samples: Int = 22, windows: [(Int, Int)] = [(8, 2)],
        active: Int = 3, noise: Double = 0.5, seed: UInt64 = 1, transforms: WindowTransforms? = nil
    ) throws {
        var random = SeededGenerator(seed: seed)
        let design = random.normal(rows: rows, columns: blocks * width)
        truth = (0..<active).map { ($0 * 7919 + 3) % blocks }.sorted()
        var sources = Matrix(rows: blocks * width, columns: samples)
        for (k, block) in truth.enumerated() {
            let centre = Double(samples) * (Double(k) + 1) / Double(active + 1)
            for r in 0..<width {
                let amplitude = random.normal() + 2
                for t in 0..<samples {
                    let distance = (Double(t) - centre) / 5
                    sources[block * width + r, t] =
                        amplitude * exp(-distance * distance) * cos(0.9 * Double(t) * Double(k + 1) / 2)
                }
            }
        }
        problem = try RegressionProblem(
            design: design, response: design * sources + random.normal(rows: rows, columns: samples) * noise,
            blocks: BlockStructure(count: blocks, size: width), keepsSamples: true)
        frame = try GaborFrame(
            windows.map { GaborFrame.Window(length: $0.0, step: $0.1) }, samples: samples, transforms: transforms)
    }

    /// Positive weights, some of them infinite.
    func weights(seed: UInt64 = 5) -> TimeFrequencyWeights {
        var random = SeededGenerator(seed: seed)
        let space = (0..<problem.blocks.count).map { $0 % 11 == 10 ? Double.infinity : 0.5 + random.uniform() }
        let time = Matrix(rows: frame.groupCount, columns: problem.blocks.count) { _, _ in
            random.uniform() < 0.1 ? .infinity : 0.5 + random.uniform()
        }
        return TimeFrequencyWeights(space: space, time: time)
    }

    func penalty(
        _ ratio: Double, rho: Double = 0.2, weights: TimeFrequencyWeights = .none
    ) throws -> TimeFrequencyPenalty {
        let largest = try TimeFrequencySession(problem, frame: frame).largestLambda(rho: rho, weights: weights)
        return try TimeFrequencyPenalty(frame: frame, lambda: ratio * largest, rho: rho, weights: weights)
    }

    func solve(
        _ penalty: TimeFrequencyPenalty, from start: TimeFrequencySolution? = nil, gap: Double = 1e-13
    ) throws -> TimeFrequencySolution {
        try TimeFrequencySession(problem, frame: frame).solve(penalty, from: start, stop: StopRule(relativeGap: gap))
    }

    /// Z_j, zero where a block is not active.
    func coefficients(_ solution: TimeFrequencySolution, _ block: Int) -> Matrix {
        guard let i = solution.active.blocks.firstIndex(of: block) else {
            return Matrix(rows: frame.size, columns: problem.blocks.columns(of: block).count)
        }
        return solution.coefficients.columns(solution.active.offsets[i]..<solution.active.offsets[i + 1])
    }

    /// The objective, from the coefficients alone.
    func objective(_ solution: TimeFrequencySolution, _ penalty: TimeFrequencyPenalty) -> Double {
        let courses = frame.synthesis(solution.coefficients)
        let fit = Matrix.product(
            solution.active.designColumns(of: problem), transposed: false, courses, transposed: true)
        return 0.5 * (problem.response - fit).squaredNorm
            + penalty.lambda
            * solution.active.blocks.reduce(0) { $0 + penalty.norm(coefficients(solution, $1), block: $1) }
    }

    /// The largest violation of the optimality conditions over λ.
    func violation(_ solution: TimeFrequencySolution, _ penalty: TimeFrequencyPenalty) -> Double {
        let residual = problem.response - solution.active.fit(in: problem)
        var worst = 0.0
        for block in 0..<problem.blocks.count where penalty.spaceWeight(block) < .infinity {
            let columns = problem.design.columns(problem.blocks.columns(of: block))
            let v = frame.analysis(Matrix.product(residual, transposed: true, columns))
            let z = coefficients(solution, block)
            // At an optimum a proximal step changes nothing.
            let moved = penalty.proximal(z + v, step: 1, block: block)
            worst = max(worst, (moved - z).squaredNorm.squareRoot() / penalty.lambda)
        }
        return worst
    }
}
