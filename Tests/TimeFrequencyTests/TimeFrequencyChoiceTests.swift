import Testing

@testable import TimeFrequency

@Suite("Reweighting and choice of time-frequency estimates")
struct TimeFrequencyChoiceTests {
    @Test(
        "reweighting finds the sources, fewer each time, in any unit",
        arguments: TimeFrequencyReweighting.Scope.allCases)
    func reweighting(_ scope: TimeFrequencyReweighting.Scope) throws {
        let own = try Case(rows: 16, blocks: 60, samples: 40, windows: [(4, 2), (16, 4)], noise: 0.3, seed: 3)
        let penalty = try own.penalty(0.05)
        let first = try own.solve(penalty, gap: 1e-10)
        var reweighting = TimeFrequencyReweighting()
        reweighting.scope = scope
        reweighting.maximumIterations = 50
        let stop = StopRule(relativeGap: 1e-10)
        let found = try reweighting.solve(from: first, penalty, in: own.problem, stop: stop)
        #expect(found.isConverged && found.counts == found.counts.sorted(by: >))
        #expect(found.solution.active.count < first.active.count)
        #expect(Set(own.truth).isSubset(of: found.solution.active.blocks))
        // The gain in another unit: amplitudes a thousandth, λ a thousandfold, the same sources.
        let scaled = try RegressionProblem(
            design: own.problem.design.matrix * 1000, response: own.problem.response, blocks: own.problem.blocks,
            keepsSamples: true)
        let other = try penalty.with(lambda: penalty.lambda * 1000)
        let start = try TimeFrequencySession(scaled, frame: own.frame).solve(other, stop: stop)
        let again = try reweighting.solve(from: start, other, in: scaled, stop: stop)
        #expect(again.solution.active.blocks == found.solution.active.blocks)
        let difference = again.solution.active.coefficients * 1000 - found.solution.active.coefficients
        #expect(difference.squaredNorm < 1e-4 * found.solution.active.coefficients.squaredNorm)
    }

    @Test("the setting chosen has the smallest risk of those tried, near the smallest error")
    func choice() throws {
        let own = try Case(rows: 16, blocks: 60, samples: 40, noise: 0.5, seed: 4)
        let windows = [[(4, 2)], [(16, 4)]].map { $0.map { GaborFrame.Window(length: $0.0, step: $0.1) } }
        let choice = try TimeFrequencyChoice(own.problem, windows: windows, noiseVariance: 0.25)
        let best = try #require(choice.curve.min { $0.risk < $1.risk })
        #expect(choice.best == best && choice.penalty.rho == best.rho && choice.penalty.lambda == best.lambda)
        #expect(Set(choice.curve.map(\.windows)) == [0, 1])
        #expect(Set(choice.curve.map(\.rho)).isSuperset(of: [0.17, 0.3, 0.42]))
        #expect(choice.solution.relativeGap <= 1e-6 && Set(own.truth).isSubset(of: choice.solution.active.blocks))
        let parallel = try TimeFrequencyChoice(
            own.problem, windows: windows, noiseVariance: 0.25, parallelism: Parallelism(threads: 2))
        #expect(parallel.curve == choice.curve)
    }

    @Test("impossible choices are told")
    func refusals() throws {
        let own = try Case()
        let window = GaborFrame.Window(length: 8, step: 2)
        func refused(
            _ expected: TimeFrequencyChoice.Invalid, _ problem: RegressionProblem, _ windows: [[GaborFrame.Window]],
            _ noise: Double = 1
        ) {
            #expect(throws: expected) {
                try TimeFrequencyChoice(problem, windows: windows, noiseVariance: noise)
            }
            #expect(!expected.description.isEmpty)
        }
        refused(.noWindows, own.problem, [])
        refused(.noise(0), own.problem, [[window]], 0)
        refused(.frame(.noWindow), own.problem, [[]])
        let silent = try own.problem.with(response: own.problem.response * 0, keepsSamples: true)
        refused(.nothing, silent, [[window]])
    }
}
