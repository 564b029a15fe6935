/// A problem prepared for an engine that works on working sets: norms of all blocks, the working set with its Gram
/// matrix, bounds on what each block shares with the last residual, and scratch memory.
///
/// A solve alternates looks at all blocks, growth of the working set, and descent on it by an engine. Not for use by several
/// threads at once.
public final class WorkingSetSession: SolverSession {
    /// The problem of this session.
    public var problem: RegressionProblem { context.problem }
    private(set) var context: WorkingSetContext
    private(set) var correlations: Correlations
    private var engine: any WorkingSetEngine
    let makeEngine: (WorkingSetContext) -> any WorkingSetEngine
    let screens: Bool
    let parallelism: Parallelism
    private var allocations = AllocationCount()
    private(set) var residual: Buffer
    var isScreened: [Bool]
    /// max_j ‖X_jᵀY‖, the scale of violations, once it is known.
    private(set) var largestCorrelation: Double?
    /// Columns computed up to the last certificate.
    private var columnsCounted = 0
    /// The session of single samples and entries, once a penalty of entries was solved.
    var entries: WorkingSetSession?

    init(
        _ problem: RegressionProblem, screens: Bool, parallelism: Parallelism, norms: [Double]? = nil,
        makeEngine: @escaping (WorkingSetContext) -> any WorkingSetEngine
    ) {
        self.screens = screens
        self.parallelism = parallelism
        self.makeEngine = makeEngine
        let samples = problem.response.columns
        correlations = Correlations(
            design: problem.design, blocks: problem.blocks, samples: samples, parallelism: parallelism, norms: norms,
            allocations: allocations)
        context = WorkingSetContext(
            problem: problem, norms: correlations.norms, parallelism: parallelism, allocations: allocations)
        engine = makeEngine(context)
        residual = Buffer(capacity: problem.rowCount * samples, allocations)
        isScreened = [Bool](repeating: false, count: problem.blocks.count)
    }

    /// Goes over to another response of the same design.
    public func adopt(_ problem: RegressionProblem) {
        largestCorrelation = nil
        // Equal at a glance where the storage is shared.
        let isSameDesign = problem.blocks == self.problem.blocks && problem.design == self.problem.design
        if !isSameDesign { entries = nil }
        if isSameDesign, problem.response.columns == context.iterate.samples {
            context.adopt(problem)
        } else {
            // The norms of the blocks are all that does not depend on the number of samples.
            let other = WorkingSetSession(
                problem, screens: screens, parallelism: parallelism, norms: isSameDesign ? correlations.norms : nil,
                makeEngine: makeEngine)
            (context, correlations, engine) = (other.context, other.correlations, other.engine)
            (residual, isScreened, allocations) = (other.residual, other.isScreened, other.allocations)
            columnsCounted = 0
        }
    }

    /// max_j ‖X_jᵀY‖/w_j; the look at all blocks that it costs serves the next solve from zero.
    public func largestLambda(weights: [Double]?) -> Double {
        guard weights?.contains(0) != true else {
            return problem.largestLambda(weights: weights, parallelism: parallelism)
        }
        lookAtResponse()
        func largest() -> Double {
            correlations.bounds.enumerated().reduce(0) { max($0, $1.element / (weights?[$1.offset] ?? 1)) }
        }
        let floor = 0.99 * largest()
        correlations.refine { floor * (weights?[$0] ?? 1) }
        return largest()
    }

    /// The blocks that share most with the response, the first of them the most: of use after ``largestLambda(weights:)``.
    package func strongestBlocks(_ count: Int, weights: [Double]?) -> [Int] {
        let shares = correlations.bounds.enumerated().map { $0.element / (weights?[$0.offset] ?? 1) }
        return shares.indices.sorted { (shares[$0], $1) > (shares[$1], $0) }.prefix(count).map { $0 }
    }

    private func lookAtResponse() {
        problem.response.elements.withUnsafeBufferPointer { y in
            if let y = y.baseAddress { correlations.move(to: y) }
        }
        correlations.refresh { _ in -1 }
        // The largest is exact, whatever the precision of the design.
        let floor = 0.99 * correlations.bounds.reduce(0, max)
        correlations.refine { _ in floor }
        largestCorrelation = correlations.bounds.reduce(0, max)
    }

    /// Descends from `start` until the duality gap over all sources is small enough.
    ///
    /// - Complexity: at most a full pass, O(nqT), for every growth of the working set; see the engine for the rest.
    public func solve(
        _ penalty: some BlockPenalty, from start: ActiveSet?, stop: StopRule, monitor: Monitor
    ) -> Solution {
        if penalty.scope == .entry, !problem.isOfSingleEntries {
            return solveEntries(penalty, from: start, stop: stop, monitor: monitor)
        }
        let clock = Stopwatch(limit: stop.maximumSeconds)
        let half = 0.5 * problem.squaredResponseNorm
        let scale = half > 0 ? half : 1
        let allocationsBefore = allocations.count
        if largestCorrelation == nil { lookAtResponse() }
        let violationScale = max(largestCorrelation ?? 0, .leastNormalMagnitude)
        // What the stop and the progress are measured by: a gap, or without convexity a violation.
        let unit = penalty.isConvex ? scale : violationScale
        let goal = max(0, penalty.isConvex ? stop.relativeGap : stop.relativeViolation)
        var best = Best()
        var effort = InnerEffort()
        var idleness = Idleness()
        var passes = 0
        var reason = StopReason.limit
        for j in isScreened.indices { isScreened[j] = false }
        let isStartUsable = load(start, penalty)
        if isStartUsable { effort.add(warmUp(penalty, stop, monitor, clock)) }
        while true {
            let look = lookAtAll(penalty, best: &best)
            passes += 1
            let distance = (penalty.isConvex ? max(0, look.objective - best.dual) : look.violation) / unit
            let reached = penalty.isConvex ? best.gap / unit : distance
            report(reached, isGap: penalty.isConvex, monitor)
            if let end = stop.reason(
                isFinite: look.objective.isFinite, isReached: reached <= goal, monitor: monitor, clock: clock)
            {
                reason = end
                break
            }
            if passes >= stop.maximumPasses || effort.epochs >= stop.maximumEpochs { break }
            let grown = growWorkingSet(penalty)
            idleness.note(distance: distance, objective: look.objective, grown: grown)
            if idleness.count >= 4 {
                reason = .stagnated
                break
            }
            let target = max(0.3 * goal, 0.1 * min(distance, 1)) * unit
            context.beginInner()
            let limit = InnerLimit(epochs: stop.maximumEpochs - effort.epochs) {
                monitor.isCancelled() || clock.isOver()
            }
            effort.add(
                engine.descend(
                    penalty, from: InnerStart(distance: distance * unit, violators: violators(penalty)),
                    target: idleness.count > 0 ? 0.01 * target : target, limit: limit))
        }
        return Solution(
            active: best.active ?? .empty(samples: context.iterate.samples), squaredResidual: best.squaredResidual,
            certificate: Certificate(
                objective: best.objective, relativeGap: penalty.isConvex ? best.gap / scale : .infinity,
                relativeViolation: best.violation / violationScale, epochs: effort.epochs,
                newtonSteps: effort.newtonSteps, fullPasses: passes, passesOverGain: takePassesOverGain(),
                screenedBlocks: isScreened.reduce(0) { $0 + ($1 ? 1 : 0) },
                allocations: allocations.count - allocationsBefore),
            reason: reason.afterStart(isUsable: isStartUsable), scale: scale)
    }

    private func report(_ reached: Double, isGap: Bool, _ monitor: Monitor) {
        let measure = (isGap ? "gap " : "violation ") + String(printf: "%.0e", reached)
        monitor.report(.init(stage: "solving", detail: "\(measure), \(context.iterate.nonzeroCount) sources"))
    }

    /// Columns multiplied since the last certificate, over all: a look that ``largestLambda(weights:)`` took counts for the
    /// solve that it serves.
    private func takePassesOverGain() -> Double {
        defer { columnsCounted = correlations.columnsComputed }
        return Double(correlations.columnsComputed - columnsCounted) / Double(problem.blocks.columnCount)
    }

    /// How many looks in a row found neither a closer point nor new candidates with a lower objective: after four,
    /// rounding has the last word.
    private struct Idleness {
        private(set) var count = 0
        private var distance = Double.infinity
        private var objective = Double.infinity

        mutating func note(distance: Double, objective: Double, grown: Int) {
            let isIdle = distance > 0.9 * self.distance && (grown == 0 || objective >= self.objective)
            count = isIdle ? count + 1 : 0
            self.distance = min(distance, self.distance)
            self.objective = min(objective, self.objective)
        }
    }

    /// Brings a warm start closer by what the working set knows from other λ, before anything is looked at: most of what
    /// will be active is in the set already, and a look costs more than the sweeps.
    private func warmUp(
        _ penalty: some BlockPenalty, _ stop: StopRule, _ monitor: Monitor, _ clock: Stopwatch
    ) -> InnerEffort {
        let half = 0.5 * problem.squaredResponseNorm
        guard penalty.isConvex, half > 0, context.iterate.nonzeroCount > 0,
            context.working.width > context.iterate.width
        else { return InnerEffort() }
        context.beginInner()
        // Closer is in vain while blocks outside of the set may be missing.
        return engine.descend(
            penalty, from: InnerStart(distance: nil, violators: []), target: max(0.3 * stop.relativeGap, 1e-4) * half,
            limit: InnerLimit(epochs: min(60, stop.maximumEpochs)) { monitor.isCancelled() || clock.isOver() })
    }

    /// Takes over a start; false where it is not finite and zero is taken instead.
    private func load(_ start: ActiveSet?, _ penalty: some BlockPenalty) -> Bool {
        let iterate = context.iterate
        iterate.clear()
        let free = (0..<problem.blocks.count).filter { penalty.frees($0) }
        context.span = free.isEmpty ? nil : UnpenalizedSpan(free, of: problem)
        context.working.insert(free)
        var isUsable = true
        if let start, start.count > 0 {
            isUsable = start.coefficients.firstNonFinite == nil && start.fits(problem, samples: iterate.samples)
            // A block of zeros explains nothing, whatever its coefficients.
            let kept =
                isUsable
                ? start.blocks.indices.filter {
                    !penalty.excludes(start.blocks[$0]) && context.step(start.blocks[$0]) > 0
                } : []
            context.working.insert(kept.map { start.blocks[$0] })
            iterate.load(start, kept: kept, working: context.working)
        }
        hold(free, penalty)
        return isUsable
    }

    /// Keeps unpenalized blocks in the working set and the iterate, also at zero.
    func hold(_ free: [Int], _ penalty: some BlockPenalty) {
        context.working.insert(free)
        context.iterate.rebuild(
            adding: free.map { context.working.position(of: $0) }, working: context.working
        ) { penalty.frees($0) }
    }
}
