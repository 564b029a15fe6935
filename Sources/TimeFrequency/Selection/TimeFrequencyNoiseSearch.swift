/// λ = σ·quantile in every frame and at every ρ, with the σ of its own residual, σ = ‖R‖/√(nT) (as ``SettledNoise``; scaled
/// Lasso, Sun & Zhang 2012).
///
/// Stein's risk estimate of these at the smallest σ of all, that of the setting that explains most, tells the best. At its
/// own σ the estimate of a setting would be 2σ²·dof, whatever it explains.
struct TimeFrequencyNoiseSearch: Sendable {
    let problem: RegressionProblem
    let frames: [GaborFrame]
    let rhos: [Double]
    let noise: NoiseQuantile
    let stop: StopRule
    let parallelism: Parallelism
    let monitor: Monitor

    struct Found: Sendable {
        let solution: TimeFrequencySolution
        let penalty: TimeFrequencyPenalty
        let point: TimeFrequencyChoice.Point
        let points: [TimeFrequencyChoice.Point]
        let deviation: Double
    }

    private struct Settled: Sendable {
        let frame: Int
        let penalty: TimeFrequencyPenalty
        let solution: TimeFrequencySolution
        let ratio, deviation, seconds: Double
    }

    func run() throws(TimeFrequencyChoice.Invalid) -> Found {
        do throws(TimeFrequencyPenalty.Invalid) {
            for rho in rhos { try TimeFrequencyPenalty(frame: frames[0], lambda: 1, rho: rho).check(problem) }
        } catch { throw .penalty(error) }
        guard problem.squaredResponseNorm > 0 else { throw .nothing }
        monitor.report(.init(stage: "choosing λ, ρ and windows", detail: "\(noise.draws) draws of noise"))
        let quantiles: [[Double]]
        do {
            quantiles = try noise.values(
                for: problem, frames: frames, rhos: rhos, parallelism: parallelism, monitor: monitor)
        } catch let error as NoiseQuantile.Invalid {
            throw .quantile(error)
        } catch { throw .cancelled }
        guard quantiles.allSatisfy({ $0.allSatisfy { $0 > 0 } }) else { throw .nothing }
        var rule = stop
        rule.relativeGap = max(1e-3, stop.relativeGap)
        let settled = try monitor.concurrently(frames.count * rhos.count, parallelism) {
            [rule] number, parallelism throws(TimeFrequencyPenalty.Invalid) in
            let (frame, r) = (number / rhos.count, number % rhos.count)
            return try settle(
                frame, rhos[r], quantiles[frame][r], from: nil, rule, tolerance: 1e-3, parallelism)
        }.compactMap { $0 }
        guard let smallest = settled.map(\.deviation).min() else { throw .cancelled }
        var points = settled.map { judged($0, smallest) }
        guard let k = points.indices.min(by: { points[$0].value < points[$1].value }) else { throw .cancelled }
        let r = rhos.firstIndex(of: settled[k].penalty.rho) ?? 0
        do throws(TimeFrequencyPenalty.Invalid) {
            guard
                let last = try settle(
                    settled[k].frame, rhos[r], quantiles[settled[k].frame][r], from: settled[k], stop,
                    tolerance: 1e-4, parallelism)
            else {
                return Found(
                    solution: settled[k].solution, penalty: settled[k].penalty, point: points[k], points: points,
                    deviation: settled[k].deviation)
            }
            points.append(judged(last, smallest))
            return Found(
                solution: last.solution, penalty: last.penalty, point: points[points.count - 1], points: points,
                deviation: last.deviation)
        } catch { throw .penalty(error) }
    }

    /// Solves until σ changes by no more than a part of it; nil where cancelled.
    private func settle(
        _ frame: Int, _ rho: Double, _ quantile: Double, from start: Settled?, _ stop: StopRule, tolerance: Double,
        _ parallelism: Parallelism
    ) throws(TimeFrequencyPenalty.Invalid) -> Settled? {
        let session = try TimeFrequencySession(problem, frame: frames[frame], parallelism: parallelism)
        let largest = try session.largestLambda(rho: rho)
        let (clock, entries) = (Stopwatch(), Double(problem.response.elements.count))
        let first = (problem.squaredResponseNorm / entries).squareRoot()
        var (sigma, last, change) = (start?.deviation ?? first, start?.solution, Double.infinity)
        var penalty = try TimeFrequencyPenalty(frame: frames[frame], lambda: sigma * quantile, rho: rho)
        for _ in 0..<30 where change > tolerance {
            if monitor.isCancelled() { return nil }
            penalty = try penalty.with(lambda: sigma * quantile)
            let solution = try session.solve(penalty, from: last, stop: stop, monitor: monitor)
            // Data without noise would have no λ.
            let next = max((solution.squaredResidual / entries).squareRoot(), 1e-3 * first)
            change = abs(next - sigma) / sigma
            (sigma, last) = (next, solution)
        }
        guard let last else { return nil }
        return Settled(
            frame: frame, penalty: penalty, solution: last, ratio: penalty.lambda / largest, deviation: sigma,
            seconds: clock.seconds)
    }

    private func judged(_ settled: Settled, _ deviation: Double) -> TimeFrequencyChoice.Point {
        let risk = TimeFrequencyRisk(problem: problem, noiseVariance: deviation * deviation)
            .judge(settled.solution, settled.penalty, parallelism: parallelism)
        let point = TimeFrequencyChoice.Point(
            windows: settled.frame, rho: settled.penalty.rho, lambda: settled.penalty.lambda, ratio: settled.ratio,
            value: risk.value, degreesOfFreedom: risk.degreesOfFreedom,
            squaredResidual: settled.solution.squaredResidual, sources: settled.solution.active.count,
            relativeGap: settled.solution.relativeGap, seconds: settled.seconds)
        monitor.report(point)
        return point
    }
}
