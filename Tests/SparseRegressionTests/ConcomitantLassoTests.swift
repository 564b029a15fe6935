import Glibc
import HDF5
import TestSupport
import Testing

@testable import SparseRegression

@Suite("A group Lasso that estimates the noise")
struct ConcomitantLassoTests {
    /// A few sources in noise that is correlated over rows and unequally loud.
    private struct World {
        let gain: Matrix
        let epochs: [Matrix]
        let blocks: BlockStructure

        init(width: Int = 1, count: Int = 12, samples: Int = 10, seed: UInt64 = 1, rows: Int = 15) {
            var random = SeededGenerator(seed: seed)
            gain = random.normal(rows: rows, columns: 30 * width)
            blocks = BlockStructure(count: 30, size: width)
            let mixing = random.normal(rows: rows, columns: rows) * 0.3 + Matrix.identity(rows)
            let truth = Matrix(rows: 30 * width, columns: samples) { i, t in
                i / width == 2 || i / width == 20 ? cos(0.5 * Double(t + i)) : 0
            }
            var epochs: [Matrix] = []
            for _ in 0..<count {
                epochs.append(gain * truth + mixing * random.normal(rows: rows, columns: samples))
            }
            self.epochs = epochs
        }

        func lasso(
            _ noise: NoiseShape = .full, weights: [Double]? = nil, floors: [Double]? = nil, scale: Double = 1
        ) throws -> ConcomitantLasso {
            try ConcomitantLasso(
                design: Design(gain), epochs: EpochStatistics(epochs.map { $0 * scale }), blocks: blocks, noise: noise,
                weights: weights, floors: floors)
        }

        /// P written out over the epochs, B as q × T and any S.
        func objective(_ dense: Matrix, _ root: Matrix, _ lambda: Double, _ weights: [Double]? = nil) throws -> Double {
            let factor = try Cholesky(root)
            var value = 0.0
            for epoch in epochs {
                let residual = epoch - gain * dense
                let solved = factor.solve(residual)
                value += zip(residual.elements, solved.elements).reduce(0) { $0 + $1.0 * $1.1 }
            }
            value /= 2 * Double(epochs.count)
            value += 0.5 * Double(epochs[0].columns) * (0..<root.rows).reduce(0) { $0 + root[$1, $1] }
            for j in 0..<blocks.count {
                value += lambda * (weights?[j] ?? 1) * dense.rows(blocks.columns(of: j)).squaredNorm.squareRoot()
            }
            return value
        }
    }

    private static let labels = (0..<15).map { $0 < 9 ? 4 : 2 }
    private static let models: [NoiseShape] = [.full, .scalar, .blocks(labels)]
    private let exact = StopRule(relativeGap: 1e-12)

    private func dense(_ lasso: ConcomitantLasso, _ solution: ConcomitantLasso.Solution) -> Matrix {
        let problem = lasso.problem
        let reduced = problem.dense(solution.active)
        return problem.reduction.map { reduced * $0 } ?? reduced
    }

    @Test("the objective is that of the epochs; no B and S are better", arguments: models, [1, 3])
    func objective(_ noise: NoiseShape, _ width: Int) throws {
        let world = World(width: width)
        let weights = (0..<30).map { 1 + 0.02 * Double($0) }
        let lasso = try world.lasso(noise, weights: weights)
        let lambda = 0.3 * lasso.largestLambda()
        let found = try lasso.solve(lambda: lambda, stop: exact)
        #expect(found.reason == .converged && found.relativeGap <= 1e-12)
        #expect(Set([2, 20]).isSubset(of: found.active.blocks))
        let (estimate, root) = (dense(lasso, found), found.noise.matrix)
        let value = try world.objective(estimate, root, lambda, weights)
        #expect(abs(value - found.objective) < 1e-11 * value && found.dualObjective <= value * (1 + 1e-13))
        #expect((found.noise.covariance - root * root).squaredNorm < 1e-20 * root.squaredNorm)
        // Steps away: S stays one of its model.
        var random = SeededGenerator(seed: 3)
        for size in [1e-3, 0.1] {
            let other = estimate + random.normal(rows: estimate.rows, columns: estimate.columns) * size
            let mixed = Matrix.identity(15) + random.normal(rows: 15, columns: 15) * size
            let moved =
                noise == .full
                ? Matrix.product(mixed * root, transposed: false, mixed, transposed: true)
                : root * Matrix.diagonal((0..<15).map { noise == .scalar || $0 < 9 ? 1 + size : 1 - size })
            #expect(try world.objective(other, root, lambda, weights) > value)
            #expect(try world.objective(estimate, moved, lambda, weights) > value)
        }
    }

    @Test("a bound found at any B is below the objective at any other B and S", arguments: models)
    func weakDuality(_ noise: NoiseShape) throws {
        let world = World()
        let lasso = try world.lasso(noise, floors: noise.parts(rows: 15).map { $0.map { _ in 0.4 } } ?? [0.4])
        let lambda = 0.2 * lasso.largestLambda()
        let descent = ConcomitantDescent(lasso, parallelism: .serial)
        var random = SeededGenerator(seed: 5)
        var (points, bounds): ([ConcomitantDescent.Point], [Double]) = ([], [])
        for k in 0..<40 {
            let blocks = (0..<30).filter { _ in random.uniform() < 0.2 }
            let size = pow(10, Double(k % 5) - 3)
            let active = ActiveSet(
                blocks: blocks, offsets: Array(0...blocks.count),
                coefficients: random.normal(rows: lasso.problem.response.columns, columns: blocks.count) * size)
            let point = try #require(descent.point(active, columns: active.designColumns(of: lasso.problem)))
            let force = point.root.solved(whitened: point.whitenedResidual, parallelism: .serial)
            let norms = lasso.problem.correlationNorms(force, parallelism: .serial)
            points.append(point)
            bounds.append(descent.bound(point, ratio: (norms.max() ?? 0) / lambda).value)
        }
        let least = points.map { descent.objective($0, lambda) }.min() ?? 0
        #expect(bounds.allSatisfy { $0 <= least } && (bounds.max() ?? 0) > 0.3 * least)
        let found = try lasso.solve(lambda: lambda, stop: exact)
        #expect(found.relativeGap <= 1e-10)
        #expect(found.objective < least && found.dualObjective >= (bounds.max() ?? 0))
        #expect(found.objective >= found.dualObjective)
    }

    @Test("the dual point of epochs is feasible and worth what statistics say")
    func dualOfEpochs() throws {
        let world = World()
        let (floor, r, t) = (0.5, 12.0, 10.0)
        let lasso = try world.lasso(floors: [floor])
        let lambda = 0.3 * lasso.largestLambda()
        let found = try lasso.solve(lambda: lambda, stop: StopRule(relativeGap: 1e-3))
        let point = try #require(
            ConcomitantDescent(lasso, parallelism: .serial)
                .point(found.active, columns: found.active.designColumns(of: lasso.problem)))
        let factor = try Cholesky(found.noise.matrix)
        let fit = world.gain * dense(lasso, found)
        let forces = world.epochs.map { factor.solve($0 - fit) }
        let mean = try EpochStatistics(forces).mean
        let ratio = (0..<30).reduce(0) {
            max($0, Matrix.product(world.gain.columns([$1]), transposed: true, mean).squaredNorm.squareRoot() / lambda)
        }
        let (value, a) = ConcomitantDescent(lasso, parallelism: .serial).bound(point, ratio: ratio)
        let products = zip(forces, world.epochs).map { zip($0.elements, $1.elements).reduce(0) { $0 + $1.0 * $1.1 } }
        let squared = forces.reduce(0) { $0 + $1.squaredNorm } * a * a / (r * r)
        let explicit = a / r * products.reduce(0, +) - 0.5 * floor * (r * squared - 15 * t)
        #expect(abs(explicit - value) < 1e-11 * value)
        let stacked = Matrix(rows: 15, columns: 120, elements: forces.flatMap(\.elements)) * (a / r)
        #expect(try SingularValues(stacked).values[0] <= (t / r).squareRoot() * (1 + 1e-12))
        #expect(a * ratio <= 1 + 1e-12)
    }

    @Test("data times a factor give sources and noise times it at the same Λ", arguments: models)
    func homogeneous(_ noise: NoiseShape) throws {
        let world = World()
        let (one, many) = (try world.lasso(noise), try world.lasso(noise, scale: 1e3))
        let lambda = 0.3 * one.largestLambda()
        #expect(abs(many.largestLambda() - one.largestLambda()) < 1e-12 * lambda)
        let (a, b) = (try one.solve(lambda: lambda, stop: exact), try many.solve(lambda: lambda, stop: exact))
        #expect(a.active.blocks == b.active.blocks && !a.active.blocks.isEmpty)
        #expect((dense(many, b) * 1e-3 - dense(one, a)).squaredNorm < 1e-10 * dense(one, a).squaredNorm)
        for (x, y) in zip(a.noise.values, b.noise.values) { #expect(abs(1e-3 * y - x) < 1e-7 * x) }
    }

    @Test("at Λ_max nothing is active, with a gap of rounding; a little below something is", arguments: models, [1, 3])
    func largest(_ noise: NoiseShape, _ width: Int) throws {
        let lasso = try World(width: width).lasso(noise)
        let largest = lasso.largestLambda()
        let none = try lasso.solve(lambda: largest, stop: StopRule(relativeGap: 1e-14))
        #expect(none.active.count == 0 && none.relativeGap < 1e-14 && none.fullPasses == 1)
        #expect(try lasso.solve(lambda: 0.98 * largest, stop: exact).active.count > 0)
    }

    @Test("a path is the solves of its Λ; threads and starts change nothing but the way")
    func path() throws {
        let lasso = try World(width: 3).lasso()
        let largest = lasso.largestLambda()
        let grid = LambdaGrid(from: largest, toRatio: 0.2, count: 6)
        let path = lasso.path(over: grid, stop: exact)
        #expect(path.count == 6 && zip(path, path.dropFirst()).allSatisfy { $0.active.count <= $1.active.count + 2 })
        for point in path {
            let alone = try lasso.solve(lambda: point.lambda, stop: exact)
            #expect(alone.active.blocks == point.active.blocks && point.relativeGap <= 1e-12)
            #expect(abs(alone.objective - point.objective) < 1e-11 * alone.objective)
        }
        let last = try #require(path.last)
        let threads = try lasso.solve(lambda: last.lambda, stop: exact, parallelism: Parallelism(threads: 3))
        let serial = try lasso.solve(lambda: last.lambda, stop: exact)
        #expect(threads.active == serial.active && threads.noise.values == serial.noise.values)
        #expect(try lasso.solve(lambda: last.lambda, from: last, stop: exact).fullPasses <= 2)
    }

    @Test("one block of rows is a scalar; rows of one label share a σ that is their residual's")
    func blocks() throws {
        let world = World()
        let (scalar, block) = (try world.lasso(.scalar), try world.lasso(.blocks([Int](repeating: 7, count: 15))))
        let lambda = 0.3 * scalar.largestLambda()
        let (a, b) = (try scalar.solve(lambda: lambda, stop: exact), try block.solve(lambda: lambda, stop: exact))
        #expect(a.active == b.active && a.noise.values == b.noise.values)
        let two = try world.lasso(.blocks(Self.labels))
        let found = try two.solve(lambda: lambda, stop: exact)
        let fit = world.gain * dense(two, found)
        for rows in [0..<9, 9..<15] {
            let squares = world.epochs.reduce(0) { $0 + ($1 - fit).rows(rows).squaredNorm }
            let sigma = (squares / Double(rows.count * 10 * 12)).squareRoot()
            for row in rows { #expect(abs(found.noise.values[row] - sigma) < 1e-9 * sigma) }
        }
    }

    @Test("Gap Safe rules out blocks where σ_min is not small, and none that is active")
    func screening() throws {
        let lasso = try World().lasso(floors: [2])
        let found = try lasso.solve(lambda: 0.5 * lasso.largestLambda(), stop: exact)
        #expect(found.screenedBlocks > 10 && found.active.count > 0 && found.active.count <= 30 - found.screenedBlocks)
        #expect(found.relativeGap <= 1e-12)
    }

    @Test("columns and data of zeros, weights that exclude")
    func zeros() throws {
        let world = World()
        var gain = world.gain
        for i in 0..<15 { gain[i, 2] = 0 }
        let statistics = try EpochStatistics(world.epochs)
        var weights = [Double](repeating: 1, count: 30)
        weights[20] = .infinity
        let lasso = try ConcomitantLasso(
            design: Design(gain), epochs: statistics, blocks: world.blocks, noise: .full, weights: weights)
        let found = try lasso.solve(lambda: 0.1 * lasso.largestLambda(), stop: exact)
        #expect(found.relativeGap <= 1e-12 && !found.active.blocks.contains(2) && !found.active.blocks.contains(20))
        for noise in Self.models {
            let silent = try World().lasso(noise, scale: 0)
            let none = try silent.solve(lambda: 1)
            #expect(none.active.count == 0 && none.relativeGap == 0 && none.reason == .converged)
            #expect(silent.largestLambda() == 0 && none.noise.values.allSatisfy { $0 == 1 })
        }
    }

    @Test("what is impossible is told")
    func refusals() throws {
        let world = World(count: 7)
        let few = World(count: 7, samples: 10, seed: 1, rows: 15)
        #expect(throws: ConcomitantLasso.Invalid.fewSamples(found: 70, needed: 75)) { try few.lasso(.full) }
        #expect(ConcomitantLasso.Invalid.fewSamples(found: 70, needed: 75).description.contains("75 or more"))
        #expect(throws: ConcomitantLasso.Invalid.labels(found: 2, expected: 15)) { try world.lasso(.blocks([1, 2])) }
        #expect(throws: ConcomitantLasso.Invalid.weights(found: 1, expected: 30)) {
            try world.lasso(.scalar, weights: [1])
        }
        #expect(throws: ConcomitantLasso.Invalid.notPositive(name: "a weight", value: 0)) {
            try world.lasso(.scalar, weights: [Double](repeating: 0, count: 30))
        }
        #expect(throws: ConcomitantLasso.Invalid.floors(found: 2, expected: 1)) {
            try world.lasso(.scalar, floors: [1, 1])
        }
        for lambda in [0, -1, Double.nan, .infinity] {
            #expect(throws: ConcomitantLasso.Invalid.self) { try world.lasso(.scalar).solve(lambda: lambda) }
        }
        var bad = world.epochs
        bad[3][4, 5] = .nan
        #expect(throws: EpochStatistics.Invalid.notFinite(epoch: 3, row: 4, sample: 5)) { try EpochStatistics(bad) }
        bad[3] = Matrix(rows: 15, columns: 9)
        #expect(
            throws: EpochStatistics.Invalid.shape(
                epoch: 3, rows: 15, samples: 9, expectedRows: 15, expectedSamples: 10)
        ) { try EpochStatistics(bad) }
        #expect(throws: EpochStatistics.Invalid.empty) { try EpochStatistics([Matrix]()) }
        #expect(throws: EpochStatistics.Invalid.overflow) { try EpochStatistics(world.epochs.map { $0 * 1e160 }) }
        let lasso = try world.lasso(.scalar)
        let lambda = 0.3 * lasso.largestLambda()
        let cancelled = try lasso.solve(lambda: lambda, monitor: Monitor(isCancelled: { true }))
        #expect(cancelled.reason == .cancelled && cancelled.relativeGap > 0)
    }

    @Test("mean and second moment of epochs")
    func statistics() throws {
        let epochs = World(count: 3).epochs
        let found = try EpochStatistics(epochs)
        let mean = (epochs[0] + epochs[1] + epochs[2]) * (1.0 / 3)
        let moment = epochs.map { Matrix.product($0, transposed: false, $0, transposed: true) }
        let expected = (moment[0] + moment[1] + moment[2]) * (1 / 30.0)
        #expect(found.count == 3 && (found.mean - mean).squaredNorm < 1e-28)
        #expect((found.secondMoment - expected).squaredNorm < 1e-26 * expected.squaredNorm)
    }

    @Test(
        "reference optima: objective, support, sources and noise",
        .enabled(if: Shared.isPresent, "the shared reference problems are not there"),
        arguments: [("clar-fixed", 3e-9), ("clar-free-clipped", 1e-6), ("clar-single-recording", 1e-6)])
    func reference(_ name: String, _ tolerance: Double) throws {
        let file = try HDF5File(Shared.path("reference/concomitant/\(name).h5"))
        func matrix(_ name: String) throws -> Matrix { Matrix(try file.matrix(name)) }
        func number(_ name: String) throws -> Double { try #require(try file.double(attribute: name)) }
        let gain = try matrix("gain")
        let width = try #require(try file.integer(attribute: "orientations"))
        let lasso = try ConcomitantLasso(
            anySamples: Design(gain), epochs: EpochStatistics(try file.matrices("epochs").map(Matrix.init)),
            blocks: BlockStructure(count: gain.columns / width, size: width), noise: .full,
            floors: [try number("sigma_min")])
        let (lambda, primal) = (try number("lambda_"), try number("primal"))
        #expect(abs(lasso.largestLambda() - (try number("lambda_max"))) < 1e-10 * lambda)
        let found = try lasso.solve(lambda: lambda, stop: StopRule(relativeGap: 1e-13))
        #expect(found.reason == .converged, "\(found.relativeGap) \(found.reason)")
        #expect(abs(found.objective - primal) < 1e-8 * primal)
        #expect(found.active.blocks == (try file.integers("active").elements))
        let estimate = found.active.coefficientsInOriginalSamples(of: lasso.problem).transposed
        let expected = try matrix("estimate")
        #expect((estimate - expected).squaredNorm.squareRoot() < tolerance * expected.squaredNorm.squareRoot())
        let root = try matrix("noise_square_root")
        #expect((found.noise.matrix - root).squaredNorm.squareRoot() < tolerance * root.squaredNorm.squareRoot())
        let clipped = zip(found.noise.unclipped, found.noise.values).count { $0 < $1 }
        #expect(clipped == (try file.integer(attribute: "clipped_eigenvalues")))
    }
}

extension Matrix {
    fileprivate init(_ stored: HDF5Matrix<Double>) {
        self.init(rows: stored.rows, columns: stored.columns, elements: stored.elements)
    }
}
