import Glibc
import LinearAlgebra
import MixedEffects
import TestSupport
import Testing

@testable import Dynamics

@Suite struct AutoregressionTests {
    @Test(.enabled(if: Shared.isPresent, Comment(rawValue: Shared.absence)), arguments: ["oscillators", "jansen_rit"])
    func causalityIsTheReferences(name: String) throws {
        let reference = try DynamicsReference()
        let found = try GrangerCausality(reference.network(name), order: reference.integer("order", of: name))
        #expect(deviation(found.statistic, try reference.matrix("\(name)/granger_F")) < 1e-8)
        let p = try reference.matrix("\(name)/granger_p")
        for (found, expected) in zip(found.p.elements, p.elements) {
            // The references are of the numbers before they were stored in single precision.
            #expect(abs(log(found) - log(expected)) < 1e-6)
        }
    }

    @Test(.enabled(if: Shared.isPresent, Comment(rawValue: Shared.absence)), arguments: ["oscillators", "jansen_rit"])
    func groupLassoIsTheReferences(name: String) throws {
        let reference = try DynamicsReference()
        let found = try SparseAutoregression(
            reference.network(name), order: reference.integer("order", of: name),
            lambda: reference.number("group_lasso_lambda", of: name), relativeGap: 0)
        let expected = try reference.matrix("\(name)/group_lasso_coefficients")
        let coefficients = Matrix(rows: expected.rows, columns: expected.columns) { found.targets[$0].shrunk[$1] }
        #expect(deviation(coefficients, expected) < 1e-8)
        for (target, own) in found.targets.enumerated() {
            let order = found.order
            let sources = (0..<expected.rows).filter { source in
                source != target && (0..<order).contains { expected[target, source * order + $0] != 0 }
            }
            #expect(own.sources == sources)
        }
    }

    /// A stable autoregression of three variables: 0 → 1 → 2.
    static func chain(samples: [Int], seed: UInt64, mean: Double = 0) throws -> Trajectories {
        var generator = SeededGenerator(seed: seed)
        let epochs = samples.map { count in
            var x = Matrix(rows: 3, columns: count)
            for t in 0..<count {
                func past(_ variable: Int, _ lag: Int) -> Double { t >= lag ? x[variable, t - lag] - mean : 0 }
                x[0, t] = mean + 0.5 * past(0, 1) - 0.3 * past(0, 2) + generator.normal()
                x[1, t] = mean + 0.4 * past(1, 1) + 0.6 * past(0, 2) + generator.normal()
                x[2, t] = mean + 0.2 * past(2, 1) - 0.5 * past(1, 1) + generator.normal()
            }
            return x
        }
        return try Trajectories(epochs: epochs, interval: 0.01)
    }

    /// Sum of squares that the lags of some variables leave, from the rows themselves.
    private static func squares(
        _ epochs: [Matrix], target: Int, sources: [Int], order: Int
    ) throws -> (squares: Double, rows: Int) {
        var design: [[Double]] = []
        var response: [Double] = []
        for epoch in epochs {
            for t in order..<max(order, epoch.columns) {
                design.append(sources.flatMap { source in (1...order).map { epoch[source, t - $0] } })
                response.append(epoch[target, t])
            }
        }
        let x = Matrix(rows: design.count, columns: sources.count * order) { design[$0][$1] }
        let svd = try SingularValues(x)
        let y = Matrix(rows: response.count, columns: 1, elements: response)
        let rest = y - svd.u * Matrix.product(svd.u, transposed: true, y)
        return (rest.squaredNorm, response.count)
    }

    @Test(arguments: [false, true]) func causalityComparesTwoRegressions(isReversed: Bool) throws {
        let trajectories = try Self.chain(samples: [60, 3, 41, 100], seed: 5)
        let order = 3
        let found = try GrangerCausality(trajectories, order: order, isReversed: isReversed)
        let epochs = trajectories.epochs.map { isReversed ? $0.columns((0..<$0.columns).reversed()) : $0 }
        for pair in Connection.pairs(of: 3) {
            let (full, rows) = try Self.squares(epochs, target: pair.target, sources: [0, 1, 2], order: order)
            let others = [0, 1, 2].filter { $0 != pair.source }
            let (less, _) = try Self.squares(epochs, target: pair.target, sources: others, order: order)
            let freedom = rows - 3 * order
            #expect(found.freedom == freedom)
            let statistic = ((less - full) / Double(order)) / (full / Double(freedom))
            #expect(abs(found.statistic[pair.target, pair.source] - statistic) < 1e-10 * max(1, statistic))
            #expect(abs(found.influence[pair.target, pair.source] - log(less / full)) < 1e-12)
        }
    }

    @Test func ordersAreComparedOnTheSameWindows() throws {
        let trajectories = try Self.chain(samples: [80, 120, 9], seed: 6)
        let choice = try OrderChoice(trajectories, maximum: 4)
        #expect(choice.criterion.count == 4)
        #expect(choice.order == 2)
        for order in 1...4 {
            // Residuals of all targets on rows from the fifth sample of each epoch on.
            var rows: [[Double]] = []
            var now: [[Double]] = []
            for epoch in trajectories.epochs {
                for t in 4..<epoch.columns {
                    rows.append((1...order).flatMap { lag in (0..<3).map { epoch[$0, t - lag] } })
                    now.append((0..<3).map { epoch[$0, t] })
                }
            }
            let svd = try SingularValues(Matrix(rows: rows.count, columns: 3 * order) { rows[$0][$1] })
            let y = Matrix(rows: now.count, columns: 3) { now[$0][$1] }
            let rest = y - svd.u * Matrix.product(svd.u, transposed: true, y)
            let count = Double(now.count)
            let covariance = Matrix.product(rest, transposed: true, rest) * (1 / count)
            let expected = try count * Cholesky(covariance).logDeterminant + Double(9 * order) * log(count)
            #expect(abs(choice.criterion[order - 1] - expected) < 1e-9 * abs(expected))
        }
    }

    /// The conditions of the optimum, from the rows themselves.
    @Test(arguments: [false, true]) func groupLassoIsOptimal(isAdaptive: Bool) throws {
        let trajectories = try Self.chain(samples: [150, 70], seed: 8, mean: 4)
        let (order, lambda) = (2, 0.05)
        let found = try SparseAutoregression(
            trajectories, order: order, lambda: lambda, isAdaptive: isAdaptive, relativeGap: 0)
        var rows: [[Double]] = []
        var now: [[Double]] = []
        for epoch in trajectories.epochs {
            for t in order..<epoch.columns {
                rows.append((0..<3).flatMap { source in (1...order).map { epoch[source, t - $0] } })
                now.append((0..<3).map { epoch[$0, t] })
            }
        }
        func standardized(_ values: [[Double]]) -> Matrix {
            var matrix = Matrix(rows: values.count, columns: values[0].count) { values[$0][$1] }
            for column in 0..<matrix.columns {
                let own = matrix.column(column)
                let mean = own.reduce(0, +) / Double(own.count)
                let deviation = (own.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(own.count)).squareRoot()
                for row in own.indices { matrix[row, column] = (own[row] - mean) / deviation }
            }
            return matrix
        }
        let (x, y) = (standardized(rows), standardized(now))
        let full = try Cholesky(Matrix.product(x, transposed: true, x)).solve(Matrix.product(x, transposed: true, y))
        for (target, own) in found.targets.enumerated() {
            let b = Matrix(rows: 6, columns: 1, elements: own.shrunk)
            let rest = Matrix(rows: y.rows, columns: 1, elements: y.column(target)) - x * b
            let slope = Matrix.product(x, transposed: true, rest) * (1 / Double(y.rows))
            for source in 0..<3 {
                let block = [2 * source, 2 * source + 1]
                func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
                let gradient = norm(block.map { slope[$0, 0] })
                if source == target {
                    #expect(gradient < 1e-9)
                    continue
                }
                let weight = lambda * 2.0.squareRoot() / (isAdaptive ? norm(block.map { full[$0, target] }) : 1)
                let size = norm(block.map { own.shrunk[$0] })
                #expect(own.sources.contains(source) == (size > 0))
                if size > 0 {
                    for k in block { #expect(abs(slope[k, 0] - weight * own.shrunk[k] / size) < 1e-9) }
                } else {
                    #expect(gradient <= weight + 1e-9)
                }
            }
        }
    }

    @Test func lagsChosenByTheCriterionAreRefitted() throws {
        let trajectories = try Self.chain(samples: [2000, 1500], seed: 11, mean: 3)
        let found = try SparseAutoregression(trajectories, order: 2)
        #expect(found.targets.map(\.sources) == [[], [0], [1]])
        // The lags of 0, then 1, then 2.
        let truth = [[0.5, -0.3, 0, 0, 0, 0], [0, 0.6, 0.4, 0, 0, 0], [0, 0, -0.5, 0, 0.2, 0]]
        for (target, expected) in zip(found.targets, truth) {
            for (a, b) in zip(target.refitted, expected) { #expect(abs(a - b) < 0.06) }
            #expect(target.path.first?.sources == 0)
            #expect(zip(target.path, target.path.dropFirst()).allSatisfy { $0.lambda > $1.lambda })
        }
        // Means of 3 are fixed points.
        for target in 0..<3 {
            let fixed = found.intercepts[target] + 3 * found.targets[target].refitted.reduce(0, +)
            #expect(abs(fixed - 3) < 0.1)
        }
    }

    @Test func probabilitiesAreFishers() {
        for (ratio, freedom) in [(0.3, 7.0), (2.5, 40), (30, 4000), (200, 900)] {
            // In closed form for two degrees of freedom.
            let two = exp(-freedom / 2 * log1p(2 * ratio / freedom))
            let found = FisherDistribution.upperTail(ratio, numerator: 2, denominator: freedom)
            #expect(abs(found / two - 1) < 1e-11)
            let one = FisherDistribution.upperTail(ratio, numerator: 1, denominator: freedom)
            #expect(abs(one / StudentDistribution.twoSided(ratio.squareRoot(), freedom: freedom) - 1) < 1e-11)
            // F of (a, b) is 1/F of (b, a).
            let other = FisherDistribution.upperTail(1 / ratio, numerator: freedom, denominator: 2)
            #expect(abs(found + other - 1) < 1e-12)
        }
        #expect(FisherDistribution.upperTail(0, numerator: 3, denominator: 9) == 1)
        #expect(FisherDistribution.upperTail(.infinity, numerator: 3, denominator: 9) == 0)
        #expect(FisherDistribution.upperTail(.nan, numerator: 3, denominator: 9).isNaN)
    }

    @Test func falseDiscoveriesAreCountedAmongThoseFound() {
        let found = FalseDiscoveryRate.adjusted([0.01, 0.04, .nan, 0.03, 0.005, 0.9])
        let expected = [0.025, 0.05, .nan, 0.05, 0.025, 0.9]
        for (a, b) in zip(found, expected) { #expect(b.isNaN ? a.isNaN : abs(a - b) < 1e-15) }
        #expect(FalseDiscoveryRate.adjusted([]).isEmpty)
    }

    @Test func growthIsTheLargestEigenvalue() {
        #expect(abs(AutoregressiveModel.growth([Matrix(rows: 1, columns: 1, elements: [0.9])]) - 0.9) < 1e-12)
        // Two lags whose roots are 1.1·exp(±0.3i).
        let lags = [2 * 1.1 * cos(0.3), -1.1 * 1.1].map { Matrix(rows: 1, columns: 1, elements: [$0]) }
        #expect(abs(AutoregressiveModel.growth(lags) - 1.1) < 2e-3)
        #expect(AutoregressiveModel.growth([Matrix(rows: 2, columns: 2, elements: [0, 0, 1, 0])]) == 0)
    }

    @Test func impossibleOrdersAndDataAreRefused() throws {
        let chain = try Self.chain(samples: [30, 20], seed: 2)
        #expect(throws: InvalidTrajectories.setting("the order is 0; expected 1 at least")) {
            try GrangerCausality(chain, order: 0)
        }
        #expect(throws: InvalidTrajectories.tooFewSamples(found: 26, needed: 38)) {
            try GrangerCausality(chain, order: 12)
        }
        #expect(throws: InvalidTrajectories.self) { try GrangerCausality(chain, order: .max / 2) }
        #expect(throws: InvalidTrajectories.self) { try SparseAutoregression(chain, order: 1, lambda: -1) }
        #expect(throws: InvalidTrajectories.tooFewSamples(found: 8, needed: 12)) {
            try OrderChoice(Trajectories(epochs: [chain.epochs[0].columns(0..<9)], interval: 1))
        }
        var copied = chain.epochs[0]
        for k in 0..<copied.columns { copied[2, k] = copied[0, k] - copied[1, k] }
        let dependent = try Trajectories(epochs: [copied], interval: 1)
        #expect(throws: InvalidTrajectories.dependent) { try GrangerCausality(dependent, order: 1) }
        #expect(throws: InvalidTrajectories.dependent) { try SparseAutoregression(dependent, order: 1) }
        #expect(throws: InvalidTrajectories.dependent) { try OrderChoice(dependent) }
        let circle = Matrix(rows: 2, columns: 200) { $0 == 0 ? cos(0.1 * Double($1)) : sin(0.1 * Double($1)) }
        #expect(throws: InvalidTrajectories.noNoise(variable: 0)) {
            try GrangerCausality(Trajectories(epochs: [circle], interval: 1), order: 1)
        }
    }
}
