import CAllocationCount
import Fourier
import Testing

@testable import TimeFrequency

@Suite("Time-frequency solves")
struct TimeFrequencySolverTests {
    @Test(
        "solutions are optimal, and the gap bounds how far others are", arguments: [1, 3], [0.0, 0.1, 0.6, 1])
    func optimality(_ width: Int, _ rho: Double) throws {
        let own = try Case(width: width, windows: [(4, 2), (8, 2)], seed: 2)
        for weights in [.none, own.weights()] {
            try optimality(own, own.penalty(0.3, rho: rho, weights: weights))
        }
    }

    private func optimality(_ own: Case, _ penalty: TimeFrequencyPenalty) throws {
        let found = try own.solve(penalty, gap: 1e-12)
        #expect(found.reason == .converged && found.relativeGap <= 1e-12 && found.active.count > 0)
        #expect(own.violation(found, penalty) < 1e-5)
        #expect(abs(own.objective(found, penalty) - found.objective) < 1e-12 * found.objective)
        let courses = own.frame.synthesis(found.coefficients)
        #expect((courses - found.active.coefficients).squaredNorm < 1e-20 * courses.squaredNorm)
        let rough = try own.solve(penalty, gap: 1e-2)
        #expect(rough.relativeGap <= 1e-2 && rough.objective >= found.objective - 1e-12 * found.scale)
        #expect(rough.objective - found.objective <= rough.relativeGap * rough.scale * (1 + 1e-9))
        #expect(rough.dual <= found.objective * (1 + 1e-12))
        // A start changes nothing but the way.
        let near = try own.solve(try penalty.with(lambda: 1.1 * penalty.lambda), gap: 1e-12)
        let again = try own.solve(penalty, from: near, gap: 1e-12)
        #expect(abs(again.objective - found.objective) <= 1e-12 * found.scale)
        #expect(again.active.blocks == found.active.blocks)
    }

    @Test("ρ = 0 is the group Lasso", arguments: [1, 3])
    func groupLasso(_ width: Int) throws {
        let own = try Case(width: width)
        let penalty = try own.penalty(0.3, rho: 0)
        #expect(abs(penalty.lambda / 0.3 - own.problem.largestLambda()) < 1e-10 * penalty.lambda)
        let found = try own.solve(penalty)
        let other = AndersonDescent().solve(
            own.problem, try GroupLasso(lambda: penalty.lambda), stop: StopRule(relativeGap: 1e-13))
        #expect(found.active.blocks == other.active.blocks)
        #expect(abs(found.objective - other.certificate.objective) < 1e-11 * found.objective)
        #expect((found.active.coefficients - other.active.coefficients).elements.allSatisfy { abs($0) < 1e-5 })
    }

    @Test("long windows give the same by FFTW and by matrix products", arguments: [1, 3])
    func longWindows(_ width: Int) throws {
        let windows = [(40, 10), (64, 16)]
        let (plain, fast) = (
            try Case(width: width, samples: 90, windows: windows),
            try Case(width: width, samples: 90, windows: windows, transforms: .fftw)
        )
        let penalty = try plain.penalty(0.3)
        let (found, other) = (try plain.solve(penalty, gap: 1e-10), try fast.solve(penalty, gap: 1e-10))
        #expect(found.active.blocks == other.active.blocks && found.active.count > 0)
        #expect(abs(found.objective - other.objective) < 1e-9 * found.scale)
        #expect((found.coefficients - other.coefficients).squaredNorm < 1e-6 * found.coefficients.squaredNorm)
    }

    @Test("at the largest λ nothing is active, just below something is", arguments: [0, 0.3, 1], [false, true])
    func largest(_ rho: Double, _ isWeighted: Bool) throws {
        let own = try Case(width: 3, windows: [(4, 2), (8, 2)], seed: 4)
        let weights = isWeighted ? own.weights() : .none
        let above = try own.solve(own.penalty(1 + 1e-9, rho: rho, weights: weights))
        #expect(above.active.count == 0 && above.reason == .converged && above.relativeGap == 0)
        let below = try own.solve(own.penalty(0.99, rho: rho, weights: weights))
        #expect(below.active.count > 0)
    }

    @Test("a working set wider than twice the rows, kept by its residual, reaches the same")
    func residualForm() throws {
        let own = try Case(rows: 5, blocks: 60, width: 3, seed: 6)
        let penalty = try own.penalty(0.05)
        let found = try own.solve(penalty, gap: 1e-12)
        #expect(found.relativeGap <= 1e-12 && own.violation(found, penalty) < 1e-4)
    }

    @Test("sources that Gap Safe rules discard are zero, and skipped transforms change nothing")
    func screening() throws {
        let own = try Case(rows: 20, blocks: 300, samples: 40, seed: 8)
        let penalty = try own.penalty(0.4)
        let exact = try own.solve(penalty)
        #expect(own.violation(exact, penalty) < 1e-5)
        for gap in [1e-1, 1e-3, 1e-6] {
            let rough = try own.solve(penalty, gap: gap)
            #expect(rough.work.screenedBlocks <= own.problem.blocks.count - exact.active.count)
        }
        #expect(exact.work.screenedBlocks > 200)
        // By the rule itself: at a rough point, no source of the optimum is discarded.
        let session = try TimeFrequencySession(own.problem, frame: own.frame)
        _ = try session.solve(penalty, stop: StopRule(relativeGap: 1e-3))
        let discarded = session.screened.indices.filter { session.screened[$0] }
        #expect(!discarded.isEmpty && Set(discarded).isDisjoint(with: exact.active.blocks))
    }

    @Test("a path reaches what single solves do, on any number of threads to the bit")
    func path() throws {
        let own = try Case(rows: 20, blocks: 300, samples: 40, seed: 9)
        let session = try TimeFrequencySession(own.problem, frame: own.frame)
        let parallel = try TimeFrequencySession(
            own.problem, frame: own.frame, parallelism: Parallelism(threads: 3))
        let largest = try session.largestLambda(rho: 0.3)
        #expect(try parallel.largestLambda(rho: 0.3) == largest)
        let grid = LambdaGrid(from: largest, toRatio: 0.2, count: 5)
        let stop = StopRule(relativeGap: 1e-10)
        let points = try session.path(over: grid, rho: 0.3, stop: stop)
        let others = try parallel.path(over: grid, rho: 0.3, stop: stop)
        #expect(points.count == 5)
        for (point, other) in zip(points, others) {
            #expect(point.solution.coefficients == other.solution.coefficients)
            let penalty = try TimeFrequencyPenalty(frame: own.frame, lambda: point.lambda, rho: 0.3)
            let single = try own.solve(penalty, gap: 1e-10)
            #expect(abs(point.solution.objective - single.objective) <= 2e-10 * single.scale)
        }
        let first = try session.path(over: grid, rho: 0.3, stop: stop) { _ in true }
        #expect(first.count == 1)
    }

    @Test("rounds allocate nothing", arguments: [1, 3], [false, true])
    func allocations(_ width: Int, _ isWide: Bool) throws {
        let own = try Case(rows: isWide ? 8 : 40, blocks: 40, width: width, windows: [(4, 2), (8, 2)], seed: 3)
        let penalty = try own.penalty(0.2)
        let allocations = AllocationCount()
        let scales = Buffer(allocations)
        let response = own.problem.response.transposed.elements
        response.withUnsafeBufferPointer { y in
            guard let y = y.baseAddress else { return }
            let scores = SourceScores(
                own.problem, frame: own.frame, parallelism: .serial, allocations: allocations)
            let descent = FrameDescent(
                own.problem, frame: own.frame, scores: scores, response: y, allocations: allocations)
            let groups = GroupScales(penalty, in: scales)
            descent.choose(Array(0..<40))
            _ = descent.look(penalty, scales: groups)
            _ = descent.round(penalty, scales: groups)
            let before = (descent.objective, allocations.count)
            allocation_count_begin()
            for _ in 0..<4 {
                _ = descent.look(penalty, scales: groups)
                _ = descent.round(penalty, scales: groups)
            }
            #expect(allocation_count_end() == 0)
            #expect(descent.objective < before.0 && allocations.count == before.1)
        }
    }

    @Test("zero data, one sample, cancellation, limits, and starts of other problems")
    func edges() throws {
        let own = try Case()
        let silent = try own.problem.with(response: own.problem.response * 0, keepsSamples: true)
        let quiet = try TimeFrequencySession(silent, frame: own.frame)
        #expect(try quiet.largestLambda(rho: 0.3) == 0)
        let nothing = try quiet.solve(TimeFrequencyPenalty(frame: own.frame, lambda: 1, rho: 0.3))
        #expect(nothing.active.count == 0 && nothing.objective == 0 && nothing.reason == .converged)

        let single = try Case(samples: 1, windows: [(4, 2)])
        let penalty = try single.penalty(0.3)
        let found = try single.solve(penalty)
        #expect(found.relativeGap <= 1e-13 && single.violation(found, penalty) < 1e-5)

        let session = try TimeFrequencySession(own.problem, frame: own.frame)
        let some = try own.penalty(0.2)
        let cancelled = try session.solve(some, monitor: Monitor(isCancelled: { true }))
        #expect(cancelled.reason == .cancelled && cancelled.relativeGap.isFinite)
        let limited = try session.solve(some, stop: StopRule(relativeGap: 1e-12, maximumEpochs: 0))
        #expect(limited.reason == .limit && limited.active.count == 0)
        let late = try session.solve(some, stop: StopRule(relativeGap: 1e-12, maximumSeconds: 0))
        #expect(late.reason == .timeLimit)
        #expect(try session.solve(some, from: found).reason == .notFinite)
        let all = try session.solve(some, stop: StopRule(relativeGap: 0))
        #expect(all.reason == .stagnated || all.relativeGap <= 0)
        #expect(all.relativeGap < 1e-13)
    }

    @Test("what does not fit is told")
    func refusals() throws {
        let own = try Case()
        var broken = own.problem.response
        broken[3, 4] = .nan
        #expect(throws: RegressionProblem.Invalid.responseNotFinite(row: 3, column: 4)) {
            _ = try own.problem.with(response: broken, keepsSamples: true)
        }
        let reduced = try own.problem.with(response: own.problem.response)
        #expect(throws: TimeFrequencyPenalty.Invalid.samples(frame: 22, problem: 22)) {
            _ = try TimeFrequencySession(reduced, frame: own.frame)
        }
        let session = try TimeFrequencySession(own.problem, frame: own.frame)
        let weights = TimeFrequencyWeights(space: [1, 2])
        #expect(throws: TimeFrequencyPenalty.Invalid.count(found: 2, expected: 30)) {
            _ = try session.largestLambda(rho: 0.3, weights: weights)
        }
        let other = try GaborFrame([.init(length: 4, step: 2)], samples: 22)
        #expect(throws: TimeFrequencyPenalty.Invalid.self) {
            _ = try session.solve(TimeFrequencyPenalty(frame: other, lambda: 1, rho: 0.3))
        }
    }
}
