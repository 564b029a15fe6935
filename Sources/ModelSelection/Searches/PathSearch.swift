import Dispatch
import Foundation

/// Chooses λ by a criterion: a descending path with warm starts that stops when the criterion has clearly turned, then
/// a refinement around the minimum (Brent 1973, in log λ).
///
/// Where the minimum stays at an end of what was tried, the curve says so.
public struct PathSearch: Sendable {
    /// λ shrinks by this factor from point to point.
    public var factor = 0.8
    /// The path ends at this fraction of λ_max…
    public var floor = 0.01
    /// … unless its last point is the best so far; then it goes on to this one.
    public var lastResort = 0.0005
    /// The path also ends where the fit has this part of as many degrees of freedom as the data have entries…
    public var saturation = 0.9
    /// … or this many active columns a row of the data: beyond either, the data are fitted rather than explained, and
    /// every further λ costs more than all before it.
    public var columnsPerRow = 3.0
    /// How many points in a row above the minimum count as a turn…
    public var pointsPastMinimum = 2
    /// … if the last of them is above it by this part of what was gained since λ_max.
    public var rise = 0.01
    /// Width of the bracket in log λ at which the refinement ends.
    public var resolution = 0.04
    /// Most evaluations of the refinement.
    public var maximumRefinements = 6

    /// A search with its default settings.
    public init() {}

    /// What a search found.
    public struct Outcome: Sendable {
        /// All that was tried, and the choice.
        public let curve: SelectionCurve
        /// The solution at the choice.
        public let solution: Solution
        /// Sweeps over all solves.
        public let epochs: Int
        /// Full passes over all solves.
        public let fullPasses: Int
        /// Whether the caller cancelled before the search ended.
        public let isCancelled: Bool
    }

    /// Searches over λ.
    ///
    /// - Parameters:
    ///   - session: the problem, prepared by a solver.
    ///   - weights: weight of each block; nil means one.
    ///   - criterion: what judges a solution.
    ///   - stop: how exactly each solve is done.
    ///   - monitor: progress and cancellation.
    /// - Throws: ``InvalidPenalty`` for weights that no penalty can have.
    public func run(
        _ session: some SolverSession, weights: [Double]? = nil, criterion: some Criterion, stop: StopRule,
        parallelism: Parallelism = .serial, monitor: Monitor = .silent
    ) throws -> Outcome {
        let problem = session.problem
        let tried = Trials(session, weights, criterion, stop, parallelism, monitor)
        // With nothing to explain, or nothing to explain it with, B = 0 is the answer at every λ.
        guard tried.largest > 0 else {
            try tried.evaluate(0, from: nil)
            return tried.outcome(named: criterion.name, isSearch: true)
        }
        var logRatio = 0.0
        var best = Double.infinity
        var since = 0
        var start: ActiveSet?
        let entries = Double(problem.rowCount * problem.sampleCount)
        func goesOn() -> Bool {
            if let last = tried.entries.last {
                let columns = Double(last.solution.active.coefficients.columns)
                if last.judgement.degreesOfFreedom > saturation * entries
                    || columns > columnsPerRow * Double(problem.rowCount)
                {
                    return false
                }
            }
            return logRatio >= log(floor) - 1e-9 || (since == 0 && logRatio >= log(lastResort) - 1e-9)
        }
        while goesOn() {
            let value = try tried.evaluate(logRatio, from: start)
            start = tried.entries.last?.solution.active
            if value < best {
                best = value
                since = 0
            } else {
                since += 1
            }
            let gained = (tried.entries.first?.value ?? value) - best
            // Where nothing was gained at all, twice as many points are looked at before giving up.
            let isTurned =
                gained > 0
                ? since >= pointsPastMinimum && value > best + rise * gained : since >= 2 * pointsPastMinimum
            if monitor.isCancelled() || isTurned { break }
            logRatio += log(factor)
        }
        if !monitor.isCancelled() { try refine(tried) }
        return tried.outcome(named: criterion.name, isSearch: true)
    }

    /// Solves at one given λ and judges it, as a curve of one point whose criterion is named `fixed`.
    ///
    /// - Parameter ratio: λ as a fraction of λ_max, above 0 and at most 1.
    /// - Throws: ``InvalidPenalty`` for weights that no penalty can have.
    public static func fixed(
        _ ratio: Double, _ session: some SolverSession, weights: [Double]? = nil, criterion: some Criterion,
        stop: StopRule, parallelism: Parallelism = .serial, monitor: Monitor = .silent
    ) throws -> Outcome {
        let tried = Trials(session, weights, criterion, stop, parallelism, monitor)
        try tried.evaluate(log(ratio), from: nil)
        return tried.outcome(named: "fixed", isSearch: false)
    }

    /// Brent's minimization between the neighbours of the best point of the path.
    private func refine(_ tried: Trials<some SolverSession, some Criterion>) throws {
        let path = tried.entries
        let middle = tried.bestIndex
        guard middle > 0, middle < path.count - 1 else { return }
        var (low, high) = (path[middle + 1].logRatio, path[middle - 1].logRatio)
        let golden = (3 - 5.0.squareRoot()) / 2
        var (x, w, v) = (path[middle].logRatio, path[middle].logRatio, path[middle].logRatio)
        var (fx, fw, fv) = (path[middle].value, path[middle].value, path[middle].value)
        var (step, previous) = (0.0, high - low)
        let tolerance = resolution / 2
        for _ in 0..<maximumRefinements where max(high - x, x - low) > resolution {
            var useGolden = true
            if w != v || fx != fw {
                // Parabola through x, w, v.
                let r = (x - w) * (fx - fv)
                var q = (x - v) * (fx - fw)
                var p = (x - v) * q - (x - w) * r
                q = 2 * (q - r)
                if q > 0 { p = -p } else { q = -q }
                if q > 0, abs(p) < abs(0.5 * q * previous), p > q * (low - x), p < q * (high - x) {
                    (previous, step) = (step, p / q)
                    useGolden = false
                }
            }
            if useGolden {
                previous = x < (low + high) / 2 ? high - x : low - x
                step = golden * previous
            }
            let u = x + (abs(step) >= tolerance ? step : (step > 0 ? tolerance : -tolerance))
            // A point next to one that is known tells nothing more.
            if tried.entries.contains(where: { abs($0.logRatio - u) < 0.1 * tolerance }) { break }
            let fu = try tried.evaluate(u, from: tried.nearest(to: u))
            if fu <= fx {
                if u < x { high = x } else { low = x }
                (v, fv, w, fw, x, fx) = (w, fw, x, fx, u, fu)
            } else {
                if u < x { low = u } else { high = u }
                if fu <= fw || w == x {
                    (v, fv, w, fw) = (w, fw, u, fu)
                } else if fu <= fv || v == x || v == w {
                    (v, fv) = (u, fu)
                }
            }
        }
    }

    /// The points tried so far, and how another one is tried.
    private final class Trials<Session: SolverSession, Judge: Criterion> {
        struct Entry {
            let logRatio: Double
            let solution: Solution
            let judgement: Judgement
            let seconds: Double

            var value: Double { judgement.value }
        }

        /// λ_max; 0 where no source can be active.
        let largest: Double
        private(set) var entries: [Entry] = []
        private let session: Session
        private let weights: [Double]?
        private let criterion: Judge
        private let stop: StopRule
        private let monitor: Monitor

        init(
            _ session: Session, _ weights: [Double]?, _ criterion: Judge, _ stop: StopRule, _ parallelism: Parallelism,
            _ monitor: Monitor
        ) {
            self.session = session
            self.weights = weights
            self.criterion = criterion
            self.stop = stop
            self.monitor = monitor
            largest = session.largestLambda(weights: weights)
        }

        /// Solves and judges at λ = exp(logRatio)·λ_max; at any λ where λ_max is 0, since B = 0 is optimal at all of them.
        ///
        /// - Returns: the criterion.
        @discardableResult
        func evaluate(_ logRatio: Double, from start: ActiveSet?) throws -> Double {
            let began = DispatchTime.now().uptimeNanoseconds
            let ratio = exp(logRatio)
            let penalty = try GroupLasso(lambda: largest > 0 ? ratio * largest : 1, weights: weights)
            let solution = session.solve(penalty, from: start, stop: stop, monitor: monitor)
            let judgement = criterion.evaluate(solution, of: session.problem, under: penalty)
            let seconds = Double(DispatchTime.now().uptimeNanoseconds - began) * 1e-9
            entries.append(Entry(logRatio: logRatio, solution: solution, judgement: judgement, seconds: seconds))
            monitor.report(
                .init(
                    stage: "choosing λ",
                    detail: String(format: "λ %.3g of λ_max, %d sources", ratio, solution.active.count)))
            return judgement.value
        }

        /// Position of the smallest value; of equals, the largest λ.
        var bestIndex: Int {
            entries.indices.min {
                entries[$0].value != entries[$1].value
                    ? entries[$0].value < entries[$1].value : entries[$0].logRatio > entries[$1].logRatio
            } ?? 0
        }

        /// The solution tried whose λ is nearest.
        func nearest(to logRatio: Double) -> ActiveSet? {
            entries.min { abs($0.logRatio - logRatio) < abs($1.logRatio - logRatio) }?.solution.active
        }

        func outcome(named name: String, isSearch: Bool) -> Outcome {
            let chosen = entries[bestIndex]
            let sorted = entries.sorted { $0.logRatio > $1.logRatio }
            let index = sorted.firstIndex { $0.logRatio == chosen.logRatio } ?? 0
            let points = sorted.map { entry in
                SelectionPoint(
                    lambda: exp(entry.logRatio) * largest, ratio: exp(entry.logRatio), criterion: entry.value,
                    degreesOfFreedom: entry.judgement.degreesOfFreedom,
                    squaredResidual: entry.solution.squaredResidual, activeCount: entry.solution.active.count,
                    relativeGap: entry.solution.certificate.relativeGap, seconds: entry.seconds)
            }
            return Outcome(
                curve: SelectionCurve(
                    criterion: name, points: points, chosenIndex: index,
                    atGridEdge: isSearch && (index == 0 || index == points.count - 1)),
                solution: chosen.solution,
                epochs: entries.reduce(0) { $0 + $1.solution.certificate.epochs },
                fullPasses: entries.reduce(1) { $0 + $1.solution.certificate.fullPasses },
                isCancelled: monitor.isCancelled())
        }
    }
}
