/// λ, ρ and windows of a time-frequency penalty, chosen by data.
///
/// Every set of windows is searched along a path of λ at one ρ, 0.3 unless others are given, each λ half of the one before,
/// until a minimum is passed or little is left to gain. For the best set other ρ follow, near the same part of the largest
/// λ. Sets and ρ run at the same time. Solves of the search are loose, the last one is as exact as asked.
public struct TimeFrequencyChoice: Sendable {
    /// What settings are judged by.
    public enum Criterion: Sendable, Equatable {
        /// Stein's unbiased risk estimate with σ² of an entry of the whitened data.
        case risk(noiseVariance: Double)
        /// The mean squared error of an entry of rows that are held out. The last solve is of all rows, at the λ found.
        case heldOut(rows: [Int])
        /// λ = σ·quantile with the σ of the residual, in every frame and at every ρ; of those Stein's risk estimate at the
        /// smallest σ chooses.
        case noiseQuantile(NoiseQuantile)
    }

    /// One setting tried.
    public struct Point: Sendable, Equatable {
        /// Index of the set of windows.
        public let windows: Int
        /// ρ.
        public let rho: Double
        /// λ.
        public let lambda: Double
        /// λ over the largest λ at this ρ and these windows, of the rows that are not held out.
        public let ratio: Double
        /// The criterion.
        public let value: Double
        /// Degrees of freedom, or their estimate; NaN of held-out rows.
        public let degreesOfFreedom: Double
        /// ‖Y − XB‖² of the rows that were fitted.
        public let squaredResidual: Double
        /// Sources that are not zero.
        public let sources: Int
        /// Duality gap over ½‖Y‖².
        public let relativeGap: Double
        /// s, of its solve and judgement.
        public let seconds: Double
    }

    /// The solution at the setting chosen, of all rows.
    public let solution: TimeFrequencySolution
    /// λ, ρ and frame of the solution.
    public let penalty: TimeFrequencyPenalty
    /// That setting.
    public let best: Point
    /// All settings tried.
    public let curve: [Point]
    /// σ of an entry, where it was settled with λ.
    public let deviation: Double?

    /// What makes a choice impossible.
    public enum Invalid: Error, Equatable, Sendable, CustomStringConvertible {
        /// There is no set of windows.
        case noWindows
        /// There is no ρ.
        case noRho
        /// The noise variance is not a positive number.
        case noise(Double)
        /// Rows that cannot be held out.
        case rows(Int, of: Int)
        /// No quantile of noise can be found.
        case quantile(NoiseQuantile.Invalid)
        /// Windows are impossible.
        case frame(GaborFrame.Invalid)
        /// The problem is not posed with all its samples, or a ρ is impossible.
        case penalty(TimeFrequencyPenalty.Invalid)
        /// No source has anything in common with the data.
        case nothing
        /// The work was cancelled before the first setting.
        case cancelled

        /// One line in plain English.
        public var description: String {
            switch self {
            case .noWindows: "there is no set of windows, expected at least one"
            case .noRho: "there is no ρ, expected at least one"
            case .noise(let value): "the noise variance is \(value), expected a positive number"
            case .rows(let count, let all):
                "\(count) rows held out of \(all); expected different rows, at least one, and not all"
            case .quantile(let error): error.description
            case .frame(let error): error.description
            case .penalty(let error): error.description
            case .nothing: "no source has anything in common with the data"
            case .cancelled: "cancelled"
            }
        }
    }

    /// Chooses.
    ///
    /// - Parameters:
    ///   - problem: posed with `keepsSamples`.
    ///   - windows: sets of windows.
    ///   - rhos: the values of ρ to choose from; nil tries 0.15, 0.3 and 0.5, or 0.1, 0.3 and 0.6 with a quantile of noise.
    ///   - criterion: what settings are judged by.
    ///   - transforms: fast transforms for long windows, where there are any.
    ///   - stop: of the last solve; those of the search are looser, 1e-2 of ½‖Y‖² at most.
    ///   - parallelism: sets of windows and ρ that run at the same time; no result depends on it.
    ///   - monitor: progress and cancellation; the best so far is returned.
    /// - Throws: ``Invalid``.
    public init(
        _ problem: RegressionProblem, windows: [[GaborFrame.Window]], rhos: [Double]? = nil, criterion: Criterion,
        transforms: WindowTransforms? = nil, stop: StopRule = StopRule(), parallelism: Parallelism = .serial,
        monitor: Monitor = .silent
    ) throws(Invalid) {
        guard !windows.isEmpty else { throw .noWindows }
        guard rhos?.isEmpty != true else { throw .noRho }
        var frames: [GaborFrame] = []
        for set in windows {
            do {
                frames.append(try GaborFrame(set, samples: problem.response.columns, transforms: transforms))
            } catch { throw .frame(error) }
        }
        let judge: any TimeFrequencyCriterion
        switch criterion {
        case .risk(let variance):
            guard variance > 0, variance.isFinite else { throw .noise(variance) }
            judge = TimeFrequencyRisk(problem: problem, noiseVariance: variance)
        case .heldOut(let rows):
            guard problem.reduction == nil else {
                throw .penalty(.samples(frame: problem.response.columns, problem: problem.sampleCount))
            }
            guard let own = TimeFrequencyHeldOut(problem, rows: rows) else {
                throw .rows(rows.count, of: problem.rowCount)
            }
            judge = own
        case .noiseQuantile(let noise):
            let search = TimeFrequencyNoiseSearch(
                problem: problem, frames: frames, rhos: rhos ?? [0.1, 0.3, 0.6], noise: noise, stop: stop,
                parallelism: parallelism, monitor: monitor)
            let found = try search.run()
            (solution, penalty) = (found.solution, found.penalty)
            (best, curve, deviation) = (found.point, found.points, found.deviation)
            return
        }
        let search = TimeFrequencySearch(
            criterion: judge, frames: frames, stop: stop, parallelism: parallelism, monitor: monitor)
        var found = try search.run(rhos)
        do throws(TimeFrequencyPenalty.Invalid) {
            let last = try search.last(found.best, of: problem)
            (solution, penalty, best) = (last.solution, last.penalty, last.point)
            if !found.points.contains(last.point) { found.points.append(last.point) }
        } catch { throw .penalty(error) }
        (curve, deviation) = (found.points, nil)
    }
}
