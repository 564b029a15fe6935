import Glibc

/// λ, ρ and windows chosen by Stein's unbiased risk estimate.
///
/// Every set of windows is searched along a path of λ at ρ = 0.3, each λ half of the one before, until the risk has risen or
/// a parabola through the last three says that little is left to gain. For the best set other ρ follow at the same part of
/// the largest λ: 0.17 and 0.42, then 0.1 or 0.6 where that was better. Sets and ρ run at the same time.
///
/// Slopes of the risk (``TimeFrequencyCurvature/riskSlopes(noiseVariance:)``) are of no use here: degrees of freedom jump
/// where coefficients come and go, and slopes between the jumps do not tell.
public struct TimeFrequencyChoice: Sendable {
    /// One setting tried.
    public struct Point: Sendable, Equatable {
        /// Index of the set of windows.
        public let windows: Int
        /// ρ.
        public let rho: Double
        /// λ.
        public let lambda: Double
        /// λ over the largest λ at this ρ and these windows.
        public let ratio: Double
        /// Stein's unbiased risk estimate.
        public let risk: Double
        /// Degrees of freedom, or their estimate.
        public let degreesOfFreedom: Double
        /// Sources that are not zero.
        public let sources: Int
    }

    /// The solution at the setting of the smallest risk.
    public let solution: TimeFrequencySolution
    /// λ, ρ and frame of the solution.
    public let penalty: TimeFrequencyPenalty
    /// That setting.
    public let best: Point
    /// All settings tried.
    public let curve: [Point]

    /// What makes a choice impossible.
    public enum Invalid: Error, Equatable, Sendable, CustomStringConvertible {
        /// There is no set of windows.
        case noWindows
        /// The noise variance is not a positive number.
        case noise(Double)
        /// Windows are impossible.
        case frame(GaborFrame.Invalid)
        /// The problem is not posed with all its samples.
        case penalty(TimeFrequencyPenalty.Invalid)
        /// No source has anything in common with the data.
        case nothing
        /// The work was cancelled before the first setting.
        case cancelled

        /// One line in plain English.
        public var description: String {
            switch self {
            case .noWindows: "there is no set of windows, expected at least one"
            case .noise(let value): "the noise variance is \(value), expected a positive number"
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
    ///   - noiseVariance: σ² of an entry of the whitened data.
    ///   - spectra: fast transforms for long windows, where there are any.
    ///   - stop: of the last solve; those of the search stop at 1e-3 of ½‖Y‖² where it asks for less.
    ///   - parallelism: sets of windows and ρ that run at the same time; no result depends on it.
    ///   - monitor: progress and cancellation; the best so far is returned.
    /// - Throws: ``Invalid``.
    public init(
        _ problem: RegressionProblem, windows: [[GaborFrame.Window]], noiseVariance: Double,
        spectra: WindowSpectraMaker? = nil, stop: StopRule = StopRule(), parallelism: Parallelism = .serial,
        monitor: Monitor = .silent
    ) throws(Invalid) {
        guard !windows.isEmpty else { throw .noWindows }
        guard noiseVariance > 0, noiseVariance.isFinite else { throw .noise(noiseVariance) }
        var searches: [RhoSearch] = []
        for (k, set) in windows.enumerated() {
            let frame: GaborFrame
            do {
                frame = try GaborFrame(set, samples: problem.response.columns, spectra: spectra)
            } catch { throw .frame(error) }
            searches.append(
                RhoSearch(
                    problem: problem, frame: frame, windows: k, rho: 0.3, noiseVariance: noiseVariance,
                    stop: stop, monitor: monitor, only: nil))
        }
        var found = try Self.run(searches, parallelism)
        guard var best = Self.best(found) else { throw monitor.isCancelled() ? .cancelled : .nothing }
        func follow(_ rhos: [Double]) throws(Invalid) {
            let search = searches[best.point.windows]
            found += try Self.run(rhos.map { search.with(rho: $0, only: best.lowestRatio) }, parallelism)
            best = Self.best(found) ?? best
        }
        try follow([0.17, 0.42])
        if best.point.rho != 0.3 { try follow([best.point.rho < 0.3 ? 0.1 : 0.6]) }
        var curve = found.flatMap(\.points)
        do throws(TimeFrequencyPenalty.Invalid) {
            let session = try TimeFrequencySession(problem, frame: best.penalty.frame, parallelism: parallelism)
            let (ratio, lambda) = (best.point.ratio, best.penalty.lambda)
            let search = searches[best.point.windows].with(rho: best.point.rho, only: ratio)
            let last = try search.tried(
                best.lowestRatio, of: lambda / ratio, in: session, from: best.solution, stop: stop,
                parallelism: parallelism)
            curve.append(last.point)
            if last.point.risk <= best.point.risk || monitor.isCancelled() {
                (best, solution) = (last, last.solution)
            } else {
                solution = try session.solve(best.penalty, from: best.solution, stop: stop, monitor: monitor)
            }
        } catch { throw .penalty(error) }
        penalty = best.penalty
        self.best = best.point
        self.curve = curve
    }

    private static func best(_ found: [RhoSearch.Found]) -> RhoSearch.Best? {
        found.compactMap(\.best).min { $0.lowestRisk < $1.lowestRisk }
    }

    private static func run(_ searches: [RhoSearch], _ parallelism: Parallelism) throws(Invalid) -> [RhoSearch.Found] {
        var results = [Result<RhoSearch.Found, TimeFrequencyPenalty.Invalid>?](repeating: nil, count: searches.count)
        results.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let results = buffer
            parallelism.forEachPiece(of: searches.count, piece: 1) { number, _ in
                results[number] = Result { () throws(TimeFrequencyPenalty.Invalid) in try searches[number].run() }
            }
        }
        var found: [RhoSearch.Found] = []
        for result in results {
            switch result {
            case .success(let own): found.append(own)
            case .failure(let error): throw .penalty(error)
            case nil: continue
            }
        }
        return found
    }
}

/// The search over λ at one ρ in one frame.
private struct RhoSearch: Sendable {
    let problem: RegressionProblem
    let frame: GaborFrame
    let windows: Int
    let rho: Double
    let noiseVariance: Double
    let stop: StopRule
    let monitor: Monitor
    /// The one λ to try, over the largest; nil searches.
    let only: Double?

    struct Best: Sendable {
        let point: TimeFrequencyChoice.Point
        let penalty: TimeFrequencyPenalty
        let solution: TimeFrequencySolution
        /// The lowest risk near the points tried, as far as a parabola tells, and λ there over the largest.
        var lowestRisk, lowestRatio: Double
    }

    struct Found: Sendable {
        var points: [TimeFrequencyChoice.Point] = []
        var best: Best?
    }

    func with(rho: Double, only ratio: Double) -> RhoSearch {
        RhoSearch(
            problem: problem, frame: frame, windows: windows, rho: rho, noiseVariance: noiseVariance, stop: stop,
            monitor: monitor, only: ratio)
    }

    /// Descends in λ, or tries one.
    func run() throws(TimeFrequencyPenalty.Invalid) -> Found {
        let session = try TimeFrequencySession(problem, frame: frame)
        let largest = try session.largestLambda(rho: rho)
        var found = Found()
        guard largest > 0 else { return found }
        var rule = stop
        rule.relativeGap = max(1e-3, stop.relativeGap)
        var (ratio, last) = (only ?? 0.5, TimeFrequencySolution?.none)
        if let only {
            // Down a path: solutions at another ρ are poor places to start from.
            for part in [8.0, 4, 2] where part * only < 1 && !monitor.isCancelled() {
                let penalty = try TimeFrequencyPenalty(frame: frame, lambda: part * only * largest, rho: rho)
                last = try session.solve(penalty, from: last, stop: rule, monitor: monitor)
            }
        }
        while ratio > 5e-3, !monitor.isCancelled() {
            let own = try tried(ratio, of: largest, in: session, from: last, stop: rule)
            found.points.append(own.point)
            last = own.solution
            let hasRisen = own.point.risk >= found.best?.point.risk ?? .infinity
            if !hasRisen { found.best = own }
            if only != nil { break }
            // Of the parabola through the last three in steps of log λ, the place of its lowest point after the last.
            let risks = found.points.suffix(3).map(\.risk)
            if risks.count == 3 {
                let (bend, slope) = (risks[0] - 2 * risks[1] + risks[2], 0.5 * (risks[2] - risks[0]))
                let place = bend > 0 ? -slope / bend - 1 : .infinity
                let gain = 0.5 * bend * place * place
                let range = (found.points.map(\.risk).max() ?? 0) - own.point.risk
                if hasRisen || place <= 0 || gain < 0.02 * range {
                    found.best?.lowestRisk = min(risks[1], risks[2] - (place > 0 ? gain : 0))
                    found.best?.lowestRatio = ratio * pow(0.5, max(-1.5, min(0.5, place)))
                    break
                }
            }
            ratio *= 0.5
        }
        return found
    }

    /// One setting.
    func tried(
        _ ratio: Double, of largest: Double, in session: TimeFrequencySession, from start: TimeFrequencySolution?,
        stop: StopRule, parallelism: Parallelism = .serial
    ) throws(TimeFrequencyPenalty.Invalid) -> Best {
        let penalty = try TimeFrequencyPenalty(frame: frame, lambda: ratio * largest, rho: rho)
        let solution = try session.solve(penalty, from: start, stop: stop, monitor: monitor)
        let curvature = TimeFrequencyCurvature(
            solution, penalty, in: problem, exactSize: 600, parallelism: parallelism)
        let point = TimeFrequencyChoice.Point(
            windows: windows, rho: rho, lambda: penalty.lambda, ratio: ratio,
            risk: curvature.risk(noiseVariance: noiseVariance), degreesOfFreedom: curvature.degreesOfFreedom,
            sources: solution.active.count)
        monitor.report(
            .init(
                stage: "choosing λ, ρ and windows",
                detail: String(
                    printf: "windows %ld, ρ %.2f, λ %.3f of the largest, %ld sources, risk %.4g", windows + 1, rho,
                    ratio, point.sources, point.risk)))
        return Best(
            point: point, penalty: penalty, solution: solution, lowestRisk: point.risk, lowestRatio: ratio)
    }
}
