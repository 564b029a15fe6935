import Glibc
import Testing

@testable import SparseRegression
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

    private static let windows = [[(4, 2)], [(16, 4)]].map {
        $0.map { GaborFrame.Window(length: $0.0, step: $0.1) }
    }

    /// What does not depend on the clock.
    private func timeless(_ curve: [TimeFrequencyChoice.Point]) -> [[Double]] {
        curve.map {
            [
                Double($0.windows), $0.rho, $0.lambda, $0.value, $0.degreesOfFreedom.isNaN ? 0 : $0.degreesOfFreedom,
                $0.squaredResidual,
            ]
        }
    }

    @Test("the setting chosen has the smallest risk of those tried, and no grid finds a much smaller one")
    func choice() throws {
        let own = try Case(rows: 16, blocks: 60, samples: 40, noise: 0.5, seed: 4)
        let choice = try TimeFrequencyChoice(
            own.problem, windows: Self.windows, criterion: .risk(noiseVariance: 0.25))
        let best = try #require(choice.curve.min { $0.value < $1.value })
        #expect(choice.best == best && choice.penalty.rho == best.rho && choice.penalty.lambda == best.lambda)
        #expect(Set(choice.curve.map(\.windows)) == [0, 1] && choice.deviation == nil)
        #expect(Set(choice.curve.map(\.rho)).isSuperset(of: [0.15, 0.3, 0.5]))
        #expect(choice.solution.relativeGap <= 1e-6 && Set(own.truth).isSubset(of: choice.solution.active.blocks))
        let parallel = try TimeFrequencyChoice(
            own.problem, windows: Self.windows, criterion: .risk(noiseVariance: 0.25),
            parallelism: Parallelism(threads: 2))
        #expect(timeless(parallel.curve) == timeless(choice.curve))

        var lowest = Double.infinity
        for windows in Self.windows {
            let frame = try GaborFrame(windows, samples: 40)
            for rho in [0.15, 0.3, 0.5] {
                let session = try TimeFrequencySession(own.problem, frame: frame)
                let largest = try session.largestLambda(rho: rho)
                let grid = LambdaGrid(from: largest * 0.5, toRatio: 0.1, count: 8)
                for point in try session.path(over: grid, rho: rho) {
                    let penalty = try TimeFrequencyPenalty(frame: frame, lambda: point.lambda, rho: rho)
                    let curvature = TimeFrequencyCurvature(point.solution, penalty, in: own.problem)
                    lowest = min(lowest, curvature.risk(noiseVariance: 0.25))
                }
            }
        }
        // Of what there is between no source and the best setting.
        let none = own.problem.squaredResponseNorm - 0.25 * Double(own.problem.response.elements.count)
        #expect(best.value - lowest < 0.03 * (none - lowest), "\(best.value) \(lowest) \(none)")
    }

    @Test("one set of windows and one ρ leave λ alone to choose")
    func fixed() throws {
        let own = try Case(rows: 16, blocks: 60, samples: 40, noise: 0.5, seed: 4)
        for criterion in [
            TimeFrequencyChoice.Criterion.risk(noiseVariance: 0.25), .heldOut(rows: [1, 6, 11]),
            .noiseQuantile(try NoiseQuantile(draws: 19)),
        ] {
            let choice = try TimeFrequencyChoice(
                own.problem, windows: [Self.windows[1]], rhos: [0.2], criterion: criterion)
            #expect(choice.curve.allSatisfy { $0.rho == 0.2 && $0.windows == 0 } && choice.penalty.rho == 0.2)
            #expect(choice.solution.relativeGap <= 1e-6)
        }
    }

    @Test("held-out rows: values are errors of prediction, slopes those of finite differences")
    func heldOut() throws {
        let own = try Case(rows: 20, blocks: 60, samples: 40, noise: 0.5, seed: 4)
        let rows = [2, 7, 12, 17]
        let choice = try TimeFrequencyChoice(
            own.problem, windows: Self.windows, criterion: .heldOut(rows: rows))
        #expect(Set(own.truth).isSubset(of: choice.solution.active.blocks))
        #expect(choice.solution.objective > 0 && choice.best.degreesOfFreedom.isNaN)
        // The last solve is of all rows at the λ found.
        let again = try TimeFrequencySession(own.problem, frame: choice.penalty.frame).solve(choice.penalty)
        #expect(abs(again.objective - choice.solution.objective) < 1e-5 * again.scale)
        // Prediction of data without noise: nearer than zero, and not far from the noise.
        #expect(choice.best.value < 0.5 && choice.best.value > 0.15)

        let criterion = try #require(TimeFrequencyHeldOut(own.problem, rows: rows))
        #expect(criterion.problem.rowCount == 16)
        let frame = try GaborFrame(Self.windows[1], samples: 40)
        let session = try TimeFrequencySession(criterion.problem, frame: frame)
        let lambda = try session.largestLambda(rho: 0.3) * 0.3
        func judged(_ lambda: Double, _ rho: Double) throws -> TimeFrequencyJudgement {
            let penalty = try TimeFrequencyPenalty(frame: frame, lambda: lambda, rho: rho)
            let solution = try session.solve(penalty, stop: StopRule(relativeGap: 1e-14))
            return criterion.judge(solution, penalty, parallelism: .serial)
        }
        let slopes = try #require(try judged(lambda, 0.3).slopes)
        let alongLambda = try (judged(lambda * exp(1e-4), 0.3).value - judged(lambda * exp(-1e-4), 0.3).value) / 2e-4
        let alongRho = try (judged(lambda, 0.3 + 1e-4).value - judged(lambda, 0.3 - 1e-4).value) / 2e-4
        #expect(abs(slopes.logLambda - alongLambda) < 1e-2 * abs(alongLambda), "\(slopes) \(alongLambda)")
        #expect(abs(slopes.rho - alongRho) < 1e-2 * abs(alongRho), "\(slopes) \(alongRho)")
    }

    @Test("at the quantile of noise, noise alone shows nothing in about 95 %; at ρ = 0 it is that of the group Lasso")
    func quantile() throws {
        let own = try Case(rows: 10, blocks: 25, width: 1, samples: 24)
        let noise = try NoiseQuantile(draws: 40, seed: 3)
        let rhos = [0, 0.3, 0.8]
        let frames = [own.frame, try GaborFrame([.init(length: 16, step: 4)], samples: 24)]
        let found = try noise.values(for: own.problem, frames: frames, rhos: rhos)
        let parallel = try noise.values(
            for: own.problem, frames: frames, rhos: rhos, parallelism: Parallelism(threads: 2))
        #expect(parallel == found)
        var random = SeededGenerator(seed: 99)
        var counts = [[Int]](repeating: [0, 0, 0], count: 2)
        for _ in 0..<200 {
            let silent = try own.problem.with(response: random.normal(rows: 10, columns: 24), keepsSamples: true)
            for (f, frame) in frames.enumerated() {
                let session = try TimeFrequencySession(silent, frame: frame)
                for (r, rho) in rhos.enumerated() where try session.largestLambda(rho: rho) <= found[f][r] {
                    counts[f][r] += 1
                }
            }
        }
        #expect(counts.allSatisfy { $0.allSatisfy { (178...199).contains($0) } }, "\(counts)")

        let group = try noise.largest(for: own.problem, weights: nil, parallelism: .serial, monitor: .silent)
        let ours = try noise.largest(
            for: own.problem, frames: frames, rhos: rhos, parallelism: .serial, monitor: .silent)
        #expect(zip(group, ours).allSatisfy { abs($0 - $1[0]) < 1e-12 * $0 && abs($0 - $1[3]) < 1e-12 * $0 })
        let many = try NoiseQuantile(draws: 400, seed: 5).value(for: own.problem)
        #expect(abs(found[0][0] - many) < 0.04 * many, "\(found[0][0]) \(many)")
    }

    @Test("λ by noise: σ rests at the residual and is near the truth, whatever the unit of the data")
    func settled() throws {
        let own = try Case(rows: 40, blocks: 60, samples: 40, noise: 0.5, seed: 4)
        let noise = try NoiseQuantile(draws: 20)
        let choice = try TimeFrequencyChoice(
            own.problem, windows: Self.windows, criterion: .noiseQuantile(noise))
        let sigma = try #require(choice.deviation)
        let entries = Double(own.problem.response.elements.count)
        #expect(abs(sigma - (choice.solution.squaredResidual / entries).squareRoot()) < 1e-12)
        #expect(sigma > 0.45 && sigma < 0.7, "\(sigma)")
        #expect(Set(own.truth).isSubset(of: choice.solution.active.blocks))
        #expect(choice.curve.count == 7)
        let scaled = try TimeFrequencyChoice(
            own.problem.with(response: own.problem.response * 10, keepsSamples: true), windows: Self.windows,
            criterion: .noiseQuantile(noise), parallelism: Parallelism(threads: 2))
        #expect(scaled.solution.active.blocks == choice.solution.active.blocks)
        #expect(abs((scaled.deviation ?? 0) - 10 * sigma) < 1e-3 * sigma)
    }

    @Test("impossible choices are told")
    func refusals() throws {
        let own = try Case()
        let window = GaborFrame.Window(length: 8, step: 2)
        func refused(
            _ expected: TimeFrequencyChoice.Invalid, _ problem: RegressionProblem, _ windows: [[GaborFrame.Window]],
            _ criterion: TimeFrequencyChoice.Criterion = .risk(noiseVariance: 1), rhos: [Double]? = nil
        ) {
            #expect(throws: expected) {
                try TimeFrequencyChoice(problem, windows: windows, rhos: rhos, criterion: criterion)
            }
            #expect(!expected.description.isEmpty)
        }
        let quantile = TimeFrequencyChoice.Criterion.noiseQuantile(try NoiseQuantile())
        refused(.noWindows, own.problem, [])
        refused(.noRho, own.problem, [[window]], rhos: [])
        refused(.noise(0), own.problem, [[window]], .risk(noiseVariance: 0))
        refused(.frame(.noWindow), own.problem, [[]])
        refused(.rows(2, of: 12), own.problem, [[window]], .heldOut(rows: [1, 1]))
        refused(.rows(0, of: 12), own.problem, [[window]], .heldOut(rows: []))
        refused(.penalty(.rho(2)), own.problem, [[window]], rhos: [2])
        refused(.penalty(.rho(2)), own.problem, [[window]], quantile, rhos: [2])
        let impossible = try NoiseQuantile(autocorrelation: [1, 0.9, -0.9])
        refused(.quantile(.autocorrelation), own.problem, [[window]], .noiseQuantile(impossible))
        let silent = try own.problem.with(response: own.problem.response * 0, keepsSamples: true)
        refused(.nothing, silent, [[window]])
        refused(.nothing, silent, [[window]], quantile)
        let cancelled = Monitor(isCancelled: { true })
        for criterion in [TimeFrequencyChoice.Criterion.risk(noiseVariance: 1), quantile] {
            #expect(throws: TimeFrequencyChoice.Invalid.cancelled) {
                try TimeFrequencyChoice(own.problem, windows: [[window]], criterion: criterion, monitor: cancelled)
            }
        }
    }
}
