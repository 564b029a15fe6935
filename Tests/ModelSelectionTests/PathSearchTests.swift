import Foundation
import ModelSelection
import Synchronization
import Testing

@Suite("Choosing λ along a path")
struct PathSearchTests {
    /// The choice along a path, with no noise level but the given one.
    private func choose(
        _ session: some SolverSession, variance: Double = 1, stop: StopRule = StopRule(), monitor: Monitor = .silent
    ) throws -> SharedChoice {
        var method = SelectionMethod()
        method.noiseVariance = variance
        return try #require(
            try method.chooseLambda(session, family: SharedLambda<GroupLasso>(), stop: stop, monitor: monitor))
    }

    @Test(
        "the choice is as good as the best of a dense grid, in far fewer solves", arguments: [UInt64(1), 2, 3, 4],
        [1, 3])
    func minimum(_ seed: UInt64, _ width: Int) throws {
        let (problem, _) = try noisyProblem(
            n: 30, blocks: BlockStructure(count: 60, size: width), samples: 6, seed: seed)
        let session = AndersonDescent().session(for: problem, parallelism: .serial)
        let stop = StopRule(relativeGap: 1e-8)
        let found = try choose(session, stop: stop)
        let largest = problem.largestLambda()
        var best = Double.infinity
        for k in 0..<200 {
            let penalty = try GroupLasso(lambda: largest * pow(0.01, Double(k) / 199))
            let solution = session.solve(penalty, from: nil, stop: stop, monitor: .silent)
            best = min(
                best,
                SteinRisk().judge(
                    [Fit(solution, of: problem, under: penalty)], of: problem, wantsGradient: false
                ).value)
        }
        let range = problem.squaredResponseNorm - Double(30 * 6) - best
        #expect(found.curve.chosen.criterion <= best + 0.01 * range)
        #expect(found.curve.points.count <= 40)
        #expect(!found.curve.atGridEdge)
        #expect(zip(found.curve.points, found.curve.points.dropFirst()).allSatisfy { $0.ratio > $1.ratio })
        #expect(found.curve.points.allSatisfy { $0.relativeGap <= 1e-8 })
        #expect(found.solution.active.count == found.curve.chosen.activeCount)
        #expect(found.curve.points.min { $0.criterion < $1.criterion } == found.curve.chosen)
    }

    @Test("a path whose λ is but a start is the other up to its first rise", arguments: [UInt64(1), 2, 3, 4], [1, 3])
    func rough(_ seed: UInt64, _ width: Int) throws {
        let (problem, _) = try noisyProblem(
            n: 30, blocks: BlockStructure(count: 60, size: width), samples: 6, seed: seed)
        func points(isRough: Bool) throws -> SelectionCurve {
            var method = SelectionMethod()
            method.isRough = isRough
            let session = AndersonDescent().session(for: problem, parallelism: .serial)
            return try #require(
                try method.chooseLambda(session, family: SharedLambda<GroupLasso>(), stop: StopRule())
            ).curve
        }
        let (whole, rough) = (try points(isRough: false), try points(isRough: true))
        #expect(rough.points.count > 2 && rough.points.count < whole.points.count)
        for point in rough.points {
            #expect(whole.points.contains { $0.lambda == point.lambda && $0.criterion == point.criterion })
        }
        let falls = zip(rough.points, rough.points.dropFirst()).map { $1.criterion < $0.criterion }
        #expect(falls.dropLast().allSatisfy { $0 })
        #expect(!rough.atGridEdge)
        #expect(rough.chosen == rough.points.min { $0.criterion < $1.criterion })
        // Not beyond what can be told from as many rows.
        #expect(rough.points.dropLast().allSatisfy { Double($0.activeCount * width) <= 1.5 * 30 })
    }

    @Test("a rough path ends with 1.5 active columns a row, and that is no edge", arguments: [1, 3])
    func enough(_ width: Int) throws {
        let (rows, problem) = (
            30,
            try noisyProblem(
                n: 30, blocks: BlockStructure(count: 100, size: width), samples: 8, seed: 12
            ).problem
        )
        // Noise that is told too small: the criterion falls on and on.
        func choice(isRough: Bool) throws -> SharedChoice {
            var method = SelectionMethod()
            (method.isRough, method.noiseVariance) = (isRough, 1e-4)
            let session = AndersonDescent().session(for: problem, parallelism: .serial)
            return try #require(
                try method.chooseLambda(session, family: SharedLambda<GroupLasso>(), stop: StopRule()))
        }
        let (whole, rough) = (try choice(isRough: false), try choice(isRough: true))
        #expect(whole.curve.atGridEdge && !rough.curve.atGridEdge)
        #expect(rough.curve.points.count < whole.curve.points.count)
        let columns = rough.curve.points.map { $0.activeCount * width }
        #expect(columns.last.map { Double($0) > 1.5 * Double(rows) } ?? false, "\(columns)")
        #expect(columns.dropLast().allSatisfy { Double($0) <= 1.5 * Double(rows) }, "\(columns)")
        #expect(rough.curve.chosenIndex == columns.count - 1)
    }

    @Test("noise alone is told apart: the choice stays at λ_max and is flagged")
    func noise() throws {
        var random = SeededGenerator(seed: 6)
        let problem = try RegressionProblem(
            design: random.normal(rows: 40, columns: 100), response: random.normal(rows: 40, columns: 20) * 0.5,
            blocks: BlockStructure(count: 100, size: 1))
        let session = AndersonDescent().session(for: problem, parallelism: .serial)
        let found = try choose(session)
        #expect(found.curve.atGridEdge)
        #expect(found.solution.active.count == 0)
    }

    @Test("a noise level far too small drives the choice to the floor, flagged")
    func floor() throws {
        let (problem, _) = try noisyProblem(n: 20, blocks: BlockStructure(count: 15, size: 1), samples: 4, seed: 8)
        let session = AndersonDescent().session(for: problem, parallelism: .serial)
        let found = try choose(session, variance: 1e-9)
        #expect(found.curve.atGridEdge)
        #expect(found.curve.chosenIndex == found.curve.points.count - 1)
    }

    @Test(
        "where the noise is far below what is there, the path ends before the fit saturates, and says so",
        arguments: [1, 3])
    func saturation(_ width: Int) throws {
        let (problem, _) = try noisyProblem(
            n: 40, blocks: BlockStructure(count: 300, size: width), samples: 8, seed: 12)
        let session = AndersonDescent().session(for: problem, parallelism: .serial)
        let found = try choose(session, variance: 1e-4)
        #expect(found.curve.atGridEdge)
        // Only the last point may lie beyond either bound.
        for point in found.curve.points.dropLast() {
            #expect(point.degreesOfFreedom <= 0.9 * 320 && point.activeCount * width <= 3 * 40)
        }
    }

    @Test("zero data give an honest answer, and a given λ one point")
    func special() throws {
        let zero = try RegressionProblem(
            design: .identity(4), response: Matrix(rows: 4, columns: 2), blocks: BlockStructure(count: 4, size: 1))
        let session = AndersonDescent().session(for: zero, parallelism: .serial)
        let nothing = try choose(session)
        #expect(nothing.solution.active.count == 0 && nothing.curve.atGridEdge)
        // SURE of B = 0 with Y = 0 is −nTσ², for a search as for a given λ.
        #expect(nothing.curve.chosen.criterion == -8 && nothing.curve.chosen.lambda == 0)
        let given = try SelectionMethod().judgeLambda(
            ratio: 0.5, session, family: SharedLambda<GroupLasso>(), stop: StopRule())
        #expect(given.curve.chosen.criterion == -8 && given.curve.origin == .given && !given.curve.atGridEdge)

        let (problem, _) = try noisyProblem(n: 20, blocks: BlockStructure(count: 30, size: 1), samples: 4, seed: 8)
        let fixed = try SelectionMethod().judgeLambda(
            ratio: 0.3, AndersonDescent().session(for: problem, parallelism: .serial),
            family: SharedLambda<GroupLasso>(),
            stop: StopRule())
        #expect(fixed.curve.points.count == 1 && abs(fixed.curve.chosen.ratio - 0.3) < 1e-12)
        #expect(!fixed.curve.atGridEdge)
        // A risk that cannot be computed is no reason to withhold the solution.
        var endless = SelectionMethod()
        endless.noiseVariance = .infinity
        let judged = try endless.judgeLambda(
            ratio: 0.3, AndersonDescent().session(for: problem, parallelism: .serial),
            family: SharedLambda<GroupLasso>(), stop: StopRule())
        #expect(
            judged.curve.chosen.criterion == .infinity && judged.solution.active.blocks == fixed.solution.active.blocks)
    }

    @Test("cancellation ends the search: with what was found before, or with nothing")
    func cancellation() throws {
        let (problem, _) = try noisyProblem(n: 20, blocks: BlockStructure(count: 30, size: 1), samples: 4, seed: 8)
        let session = AndersonDescent().session(for: problem, parallelism: .serial)
        #expect(throws: CancellationError.self) {
            try choose(session, monitor: Monitor(isCancelled: { true }))
        }
        #expect(throws: CancellationError.self) {
            try SelectionMethod().judgeLambda(
                ratio: 0.3, session, family: SharedLambda<GroupLasso>(), stop: StopRule(),
                monitor: Monitor(isCancelled: { true }))
        }
        let questions = Atomic(0)
        let objective = SelectionObjective(session: session, family: SharedLambda<GroupLasso>(), criterion: SteinRisk())
        let top = log(problem.largestLambda())
        let found = try PathSearch().run(
            objective, from: [top], in: SearchDomain(lower: [top - 7], upper: [top]),
            monitor: Monitor(isCancelled: { questions.add(1, ordering: .relaxed).newValue > 12 }))
        #expect(found.end == .cancelled && found.points.count > 0 && found.points.count < 10)
    }
}
