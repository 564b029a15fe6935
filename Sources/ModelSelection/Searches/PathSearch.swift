import Foundation

/// Chooses λ by a criterion: a descending path with warm starts that stops when the criterion has clearly turned, then
/// a refinement around the minimum (Brent 1973, in log λ).
///
/// Where the minimum stays at an end of what was tried, the curve says so.
public struct PathSearch: Search {
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

    /// `path`.
    public var name: String { "path" }

    /// Where the path stands.
    public struct Memory: Sendable {
        /// The λ to evaluate next.
        var log: Double
        var best = Double.infinity
        var since = 0
        var line: BrentLine?
    }

    /// The upper bound of the domain, whatever the start.
    public func begin(at start: [Double], in domain: SearchDomain) -> Memory { Memory(log: domain.upper[0]) }

    /// The next λ of the path, or of the refinement.
    public func next(after points: [SearchPoint], memory: inout Memory, in domain: SearchDomain) -> SearchStep {
        if memory.line != nil, let last = points.last { memory.line?.tell(last.value) }
        guard memory.line == nil else { return refinement(&memory) }
        if let last = points.last {
            if last.value < memory.best {
                memory.best = last.value
                memory.since = 0
            } else {
                memory.since += 1
            }
            let gained = points[0].value - memory.best
            // Where nothing was gained at all, twice as many points are looked at before giving up.
            let isTurned =
                gained > 0
                ? memory.since >= pointsPastMinimum && last.value > memory.best + rise * gained
                : memory.since >= 2 * pointsPastMinimum
            memory.log += log(factor)
            let ratio = memory.log - domain.upper[0]
            let isLow =
                ratio < log(floor) - 1e-9 && (memory.since > 0 || ratio < log(lastResort) - 1e-9)
            if isTurned || isLow || last.saturation > saturation || last.columnsPerRow > columnsPerRow {
                // Brent's minimization between the neighbours of the best point.
                let middle = points.indices.min { points[$0].value < points[$1].value } ?? 0
                guard middle > 0, middle < points.count - 1 else { return .end(.exhausted) }
                memory.line = BrentLine(
                    bracket: points[middle + 1].logs[0]...points[middle - 1].logs[0], middle: points[middle].logs[0],
                    value: points[middle].value, resolution: resolution, refinements: maximumRefinements)
                return refinement(&memory)
            }
        }
        return .evaluate([memory.log], gradient: false)
    }

    private func refinement(_ memory: inout Memory) -> SearchStep {
        memory.line?.next().map { .evaluate([$0], gradient: false) } ?? .end(.converged)
    }
}

extension PathSearch {
    /// Searches over λ.
    ///
    /// - Parameters:
    ///   - session: the problem, prepared by a solver.
    ///   - weights: weight of each block; nil means one.
    ///   - criterion: what judges a solution.
    ///   - stop: how exactly each solve is done.
    ///   - parallelism: threads for the criterion; they change no bit.
    ///   - monitor: progress and cancellation.
    /// - Throws: ``InvalidPenalty`` for weights that no penalty can have.
    public func run(
        _ session: some SolverSession, weights: [Double]? = nil, criterion: some FitCriterion, stop: StopRule,
        parallelism: Parallelism = .serial, monitor: Monitor = .silent
    ) throws -> Outcome {
        let largest = session.largestLambda(weights: weights)
        let objective = SelectionObjective(
            session: session, family: SharedLambda(weights: weights), criterion: criterion, parallelism: parallelism)
        // With nothing to explain, or nothing to explain it with, B = 0 is the answer at every λ.
        guard largest > 0 else {
            let record = try GridSearch(count: 1).run(
                objective, from: [0], in: SearchDomain(lower: [0], upper: [0]), limit: SearchLimit(stop: stop),
                monitor: monitor)
            return try Self.outcome(record, objective, largest: 0, named: criterion.name, isSearch: true)
        }
        // A first point is always evaluated, so that there is an answer even where the caller cancels at once.
        let domain = SearchDomain(lower: [log(largest * lastResort)], upper: [log(largest)])
        let record = try run(
            objective, from: domain.upper, in: domain, limit: SearchLimit(stop: stop), monitor: monitor)
        return try Self.outcome(record, objective, largest: largest, named: criterion.name, isSearch: true)
    }

    /// Solves at one given λ and judges it, as a curve of one point whose criterion is named `fixed`.
    ///
    /// - Parameter ratio: λ as a fraction of λ_max, above 0 and at most 1.
    /// - Throws: ``InvalidPenalty`` for weights that no penalty can have.
    public static func fixed(
        _ ratio: Double, _ session: some SolverSession, weights: [Double]? = nil, criterion: some FitCriterion,
        stop: StopRule, parallelism: Parallelism = .serial, monitor: Monitor = .silent
    ) throws -> Outcome {
        let largest = session.largestLambda(weights: weights)
        let objective = SelectionObjective(
            session: session, family: SharedLambda(weights: weights), criterion: criterion, parallelism: parallelism)
        let logs = [largest > 0 ? log(ratio * largest) : 0]
        let record = try GridSearch(count: 1).run(
            objective, from: logs, in: SearchDomain(lower: logs, upper: logs), limit: SearchLimit(stop: stop),
            monitor: monitor)
        return try outcome(record, objective, largest: largest, named: "fixed", isSearch: false)
    }

    private static func outcome(
        _ record: SearchRecord, _ objective: SelectionObjective<SharedLambda>, largest: Double, named name: String,
        isSearch: Bool
    ) throws -> Outcome {
        guard let best = record.best, let solution = objective.best?.solution else { throw CancellationError() }
        let sorted = record.points.sorted { $0.logs[0] > $1.logs[0] }
        let index = sorted.firstIndex { $0.logs == best.logs } ?? 0
        let points = sorted.map { point in
            SelectionPoint(
                lambda: largest > 0 ? exp(point.logs[0]) : 0, ratio: largest > 0 ? exp(point.logs[0]) / largest : 1,
                criterion: point.value, degreesOfFreedom: point.degreesOfFreedom ?? .nan,
                squaredResidual: point.squaredResidual, activeCount: point.activeCount,
                relativeGap: point.relativeGap, seconds: point.seconds)
        }
        return Outcome(
            curve: SelectionCurve(
                criterion: name, points: points, chosenIndex: index,
                atGridEdge: isSearch && (index == 0 || index == points.count - 1)),
            solution: solution, epochs: record.points.reduce(0) { $0 + $1.epochs },
            fullPasses: record.points.reduce(1) { $0 + $1.fullPasses }, isCancelled: record.end == .cancelled)
    }
}
