import Testing

@testable import TimeFrequency

@Suite("Degrees of freedom and hypergradients of time-frequency fits")
struct TimeFrequencyCurvatureTests {
    /// A solved problem whose data can move.
    private struct World {
        let own: Case
        let penalty: TimeFrequencyPenalty
        let found: TimeFrequencySolution

        init(width: Int, windows: [(Int, Int)], isWeighted: Bool) throws {
            own = try Case(
                rows: 8, blocks: 12, width: width, samples: 14, windows: windows, active: 2, noise: 0.3, seed: 3)
            penalty = try own.penalty(0.4, rho: 0.2, weights: isWeighted ? own.weights() : .none)
            found = try own.solve(penalty, gap: 1e-15)
        }

        func moved(_ response: Matrix) throws -> (solution: TimeFrequencySolution, problem: RegressionProblem) {
            let problem = try own.problem.with(response: response, keepsSamples: true)
            let session = try TimeFrequencySession(problem, frame: own.frame)
            return (try session.solve(penalty, from: found, stop: StopRule(relativeGap: 1e-15)), problem)
        }

        /// The derivative of the fit in a direction, by finite differences.
        func derivative(_ direction: Matrix, step: Double = 1e-4) throws -> Matrix {
            let fits = try [1.0, -1].map { sign in
                let (solution, problem) = try moved(own.problem.response + direction * (sign * step))
                return solution.active.fit(in: problem)
            }
            return (fits[0] - fits[1]) * (0.5 / step)
        }
    }

    @Test(
        "degrees of freedom are the divergence of the fit", arguments: [1, 3], [false, true])
    func freedom(_ width: Int, _ isWeighted: Bool) throws {
        for windows in [[(8, 2)], [(4, 2), (8, 4)]] {
            try freedom(World(width: width, windows: windows, isWeighted: isWeighted))
        }
    }

    private func freedom(_ world: World) throws {
        #expect(world.found.active.count >= 2)
        let curvature = TimeFrequencyCurvature(world.found, world.penalty, in: world.own.problem)
        #expect(curvature.isExact)
        var divergence = 0.0
        let response = world.own.problem.response
        for i in 0..<response.rows {
            for t in 0..<response.columns {
                var direction = Matrix(rows: response.rows, columns: response.columns)
                direction[i, t] = 1
                divergence += try world.derivative(direction)[i, t]
            }
        }
        #expect(
            abs(curvature.degreesOfFreedom - divergence) < 1e-3 * divergence,
            "\(curvature.degreesOfFreedom) \(divergence)")
        // The estimate, with its one probe, is the derivative along that.
        let estimate = TimeFrequencyCurvature(
            world.found, world.penalty, in: world.own.problem, exactSize: 0, seed: 7, tolerance: 1e-12)
        var random = SeededGenerator(seed: 7)
        let probe = Matrix(rows: response.rows, columns: response.columns) { _, _ in random.next() >> 63 == 0 ? 1 : -1 }
        let along = zip(probe.elements, try world.derivative(probe).elements).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(!estimate.isExact && abs(estimate.degreesOfFreedom - along) < 1e-3 * along)
        let sigma = 0.09
        let risk = world.found.squaredResidual - Double(response.elements.count) * sigma
        #expect(abs(curvature.risk(noiseVariance: sigma) - risk - 2 * sigma * curvature.degreesOfFreedom) < 1e-9)
    }

    @Test(
        "the slopes of the risk, and of another criterion, are those of finite differences", arguments: [1, 3],
        [false, true])
    func slopes(_ width: Int, _ isWeighted: Bool) throws {
        for windows in [[(8, 2)], [(4, 2), (8, 4)]] {
            try slopes(World(width: width, windows: windows, isWeighted: isWeighted))
        }
    }

    private func slopes(_ world: World) throws {
        let (problem, penalty, sigma) = (world.own.problem, world.penalty, 0.09)
        var random = SeededGenerator(seed: 2)
        let target = random.normal(rows: problem.rowCount, columns: problem.sampleCount)
        func criterion(_ solution: TimeFrequencySolution) -> Double {
            zip(target.elements, solution.active.fit(in: problem).elements).reduce(0) { $0 + $1.0 * $1.1 }
        }
        for exactSize in [1500, 0] {
            func curvature(
                _ solution: TimeFrequencySolution, _ penalty: TimeFrequencyPenalty
            ) -> TimeFrequencyCurvature {
                TimeFrequencyCurvature(solution, penalty, in: problem, exactSize: exactSize, tolerance: 1e-12)
            }
            let here = curvature(world.found, penalty)
            let risk = here.riskSlopes(noiseVariance: sigma)
            let design = world.found.active.designColumns(of: problem)
            let other = here.hypergradient(of: Matrix.product(target, transposed: true, design))
            func difference(_ lambda: Double, _ rho: Double) throws -> (risk: Double, other: Double) {
                let values = try [1.0, -1].map { sign in
                    let moved = try TimeFrequencyPenalty(
                        frame: penalty.frame, lambda: penalty.lambda + sign * lambda, rho: penalty.rho + sign * rho,
                        weights: penalty.weights)
                    let solution = try world.own.solve(moved, from: world.found, gap: 1e-15)
                    return (curvature(solution, moved).risk(noiseVariance: sigma), criterion(solution))
                }
                return (
                    (values[0].0 - values[1].0) / (2 * (lambda + rho)),
                    (values[0].1 - values[1].1) / (2 * (lambda + rho))
                )
            }
            let lambda = try difference(1e-5 * penalty.lambda, 0)
            let rho = try difference(0, 1e-6)
            func near(_ a: Double, _ b: Double) -> Bool { abs(a - b) < 1e-3 * max(abs(a), abs(b)) + 1e-3 }
            #expect(near(risk.lambda, lambda.risk) && near(risk.rho, rho.risk), "\(risk) \(lambda) \(rho)")
            #expect(near(other.lambda, lambda.other) && near(other.rho, rho.other), "\(other) \(lambda) \(rho)")
        }
    }

    @Test("nothing active has no freedom; ρ = 0 has that of the group Lasso")
    func ends() throws {
        let own = try Case()
        let none = try own.penalty(2)
        let nothing = TimeFrequencyCurvature(try own.solve(none), none, in: own.problem)
        #expect(nothing.degreesOfFreedom == 0 && nothing.riskSlopes(noiseVariance: 1) == (0, 0))
        let lasso = try own.penalty(0.3, rho: 0)
        let found = try own.solve(lasso)
        let columns = found.active.designColumns(of: own.problem)
        let hessian = try #require(
            SupportHessian(
                gram: Matrix.product(columns, transposed: true, columns), coefficients: found.active.coefficients,
                offsets: found.active.offsets, slopes: found.active.norms.map { _ in (lasso.lambda, 0) }))
        let expected = hessian.degreesOfFreedom(samples: own.problem.sampleCount)
        let freedom = TimeFrequencyCurvature(found, lasso, in: own.problem).degreesOfFreedom
        #expect(abs(freedom - expected) < 1e-6 * expected)
    }
}
