import Foundation
import ModelSelection
import Testing

@Suite("Held-out replicates")
struct HeldOutReplicatesTests {
    /// A design, the field of three active blocks, and noisy replicates of it.
    private struct World {
        let problem: RegressionProblem
        let signal: Matrix
        let replicates: Replicates

        init(count: Int, seed: UInt64, deviation: Double = 1, width: Int = 1) throws {
            var random = SeededGenerator(seed: seed)
            let design = random.normal(rows: 30, columns: 60 * width)
            var signal = Matrix(rows: 30, columns: 6)
            for block in [4, 23, 51] {
                signal =
                    signal + design.columns((block * width)..<((block + 1) * width))
                    * random.normal(rows: width, columns: 6)
            }
            let field = signal
            replicates = Replicates(
                (0..<count).map { _ in field + random.normal(rows: 30, columns: 6) * deviation })
            self.signal = signal
            problem = try RegressionProblem(
                design: design, response: try #require(replicates.mean(of: replicates.present)),
                blocks: BlockStructure(count: 60, size: width))
        }
    }

    @Test("its gradient agrees with central differences, for one λ and for one a block", arguments: [1, 3])
    func gradient(_ width: Int) throws {
        let world = try World(count: 7, seed: 3, width: width)
        var method = SelectionMethod()
        method.criterion = .kfoldEpochs
        method.folds = 3
        let criterion = try method.makeCriterion(rowCount: 30, replicates: world.replicates)
        func check<Family: PenaltyFamily>(_ family: Family, _ logs: [Double]) throws {
            let objective = try SelectionObjective(problem: world.problem, family: family, criterion: criterion)
            let stop = StopRule(relativeGap: 1e-14)
            let analytic = try #require(objective.evaluate(logs, wantsGradient: true, stop: stop).gradient)
            objective.hypergradient = .finiteDifferences(step: 1e-4)
            let judge = try #require(objective.evaluate(logs, wantsGradient: true, stop: stop).gradient)
            let size = judge.map(abs).max() ?? 0
            #expect(size > 0)
            for (a, b) in zip(analytic, judge) { #expect(abs(a - b) <= 1e-5 * size, "\(a) against \(b)") }
        }
        let middle = log(0.21 * world.problem.largestLambda())
        try check(SharedLambda<GroupLasso>(), [middle])
        try check(
            LearnedWeights<GroupLasso>(blockCount: 60), (0..<60).map { middle + 0.02 * Double($0 % 7) })
    }

    @Test("λ goes with the noise level: the choice from half of the replicates suits the mean of all")
    func transfer() throws {
        // λ of least error of the fitted field, which only a simulation knows, against λ by two-fold cross-validation. Were
        // λ not scaled by √(N/N_t) = √2, each choice would be larger by that factor.
        var sum = 0.0
        let cases = 12
        for seed in 1...cases {
            let world = try World(count: 8, seed: UInt64(seed), deviation: 3)
            var method = SelectionMethod()
            method.criterion = .kfoldEpochs
            method.folds = 2
            method.seed = UInt64(seed)
            method.search = .grid
            method.evaluations = 41
            let largest = world.problem.largestLambda()
            let (domain, start) = method.sharedDomain(largest: largest)
            let objective = try SelectionObjective(
                problem: world.problem, family: SharedLambda<GroupLasso>(),
                criterion: try method.makeCriterion(rowCount: 30, replicates: world.replicates))
            let record = try method.minimize(objective, from: [start], in: domain, stop: StopRule())
            let session = AutomaticSolver().session(for: world.problem, parallelism: .serial)
            var best = (risk: Double.infinity, log: 0.0)
            for point in record.points {
                let solution = session.solve(
                    try GroupLasso(lambda: exp(point.logs[0])), from: nil, stop: StopRule(), monitor: .silent)
                let field = Matrix.product(
                    solution.active.designColumns(of: world.problem), transposed: false,
                    solution.active.coefficientsInOriginalSamples(of: world.problem), transposed: true)
                let risk = (field - world.signal).squaredNorm
                if risk < best.risk { best = (risk, point.logs[0]) }
            }
            sum += try #require(record.best).logs[0] - best.log
        }
        let bias = sum / Double(cases)
        // Nearer to the right λ than without the factor, whose bias would be this one plus ½log 2 = 0.35.
        #expect(abs(bias) < 0.15, "the choice is off by a factor of \(exp(bias)) in the mean")
    }

    @Test("means and noise levels are those of weighted averages; a bootstrap draws as many as there are")
    func replicates() throws {
        let world = try World(count: 5, seed: 9)
        #expect(world.replicates.noiseVariance(of: [0, 1, 2, 3]) == 0.25)
        var random = SeededGenerator(seed: 2)
        let drawn = world.replicates.resampled(&random)
        #expect(drawn.counts.reduce(0, +) == 5 && drawn.counts != world.replicates.counts)
        let expected = drawn.counts.indices.reduce(Matrix(rows: 30, columns: 6)) {
            $0 + drawn.responses[$1] * (Double(drawn.counts[$1]) / 5)
        }
        let mean = try #require(drawn.mean(of: drawn.present))
        #expect((mean - expected).squaredNorm < 1e-24 * expected.squaredNorm)
        let squares = drawn.counts.reduce(0) { $0 + $1 * $1 }
        #expect(abs(drawn.noiseVariance(of: drawn.present) - Double(squares) / 25) < 1e-15)
        #expect(drawn.mean(of: drawn.counts.indices.filter { drawn.counts[$0] == 0 }) == nil)
    }

    @Test("replicates that cannot be held out are refused in one line")
    func refusals() throws {
        let world = try World(count: 4, seed: 9)
        #expect(throws: InvalidCriterion.self) { try HeldOutReplicates(world.replicates, folds: []) }
        #expect(throws: InvalidCriterion.self) { try HeldOutReplicates(world.replicates, folds: [[0, 1, 2, 3]]) }
        let criterion = try HeldOutReplicates(world.replicates, folds: [[0], [1]])
        let other = try world.problem.with(response: Matrix(rows: 30, columns: 5, repeating: 1))
        #expect(throws: InvalidCriterion.self) { try criterion.problems(for: other) }
        var method = SelectionMethod()
        method.criterion = .heldOutEpochs
        #expect(throws: InvalidCriterion.self) { try method.makeCriterion(rowCount: 30) }
        method.folds = 5
        #expect(throws: InvalidCriterion.self) {
            try method.makeCriterion(rowCount: 30, replicates: world.replicates)
        }
    }
}
