import Foundation

/// What an engine does between two looks at all sources: it descends on the working set of its context.
protocol WorkingSetEngine: AnyObject {
    /// Lowers the objective until the iterate is within `target` of optimal on the working set.
    ///
    /// - Parameter target: a duality gap, or a violation where the penalty is not convex.
    func descend(
        _ penalty: some BlockPenalty, from start: InnerStart, target: Double, limit: InnerLimit
    ) -> InnerEffort
}

/// Where inner work starts, as the look at all blocks has found it.
struct InnerStart {
    /// How far from optimal the iterate is over all blocks; nil before the first look.
    let distance: Double?
    /// Positions in the working set of the blocks that would become active.
    let violators: [Int]
}

/// What inner work cost.
struct InnerEffort {
    var epochs = 0
    var newtonSteps = 0
    /// Whether the target was reached.
    var isAtTarget = false
}

/// How long inner work may go on.
struct InnerLimit {
    let epochs: Int
    let isOver: () -> Bool
}

/// A problem prepared for an engine that works on working sets: norms of all blocks, the working set with its Gram
/// matrix, bounds on what each block shares with the last residual, and scratch memory.
///
/// Not for use by several threads at once.
public final class WorkingSetSession: SolverSession {
    /// The problem of this session.
    public var problem: RegressionProblem { context.problem }
    private var context: WorkingSetContext
    private var correlations: Correlations
    private var engine: any WorkingSetEngine
    private let makeEngine: (WorkingSetContext) -> any WorkingSetEngine
    private let screens: Bool
    private let parallelism: Parallelism
    private let allocations = AllocationCount()
    private var residual: Buffer
    private var isScreened: [Bool]
    /// max_j ‖X_jᵀY‖, the scale of violations, once it is known.
    private var largestCorrelation: Double?
    /// Columns computed up to the last certificate.
    private var columnsCounted = 0
    /// The session of single samples and entries, once a penalty of entries was solved.
    private var entries: WorkingSetSession?

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
            let norms = isSameDesign ? correlations.norms : nil
            let samples = problem.response.columns
            columnsCounted = 0
            correlations = Correlations(
                design: problem.design, blocks: problem.blocks, samples: samples, parallelism: parallelism,
                norms: norms, allocations: allocations)
            isScreened = [Bool](repeating: false, count: problem.blocks.count)
            context = WorkingSetContext(
                problem: problem, norms: correlations.norms, parallelism: parallelism, allocations: allocations)
            engine = makeEngine(context)
            residual = Buffer(capacity: problem.rowCount * samples, allocations)
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
        let blocks = problem.blocks
        let half = 0.5 * problem.squaredResponseNorm
        let scale = half > 0 ? half : 1
        let allocationsBefore = allocations.count
        if largestCorrelation == nil { lookAtResponse() }
        let violationScale = max(largestCorrelation ?? 0, .leastNormalMagnitude)
        var best = Best()
        var effort = InnerEffort()
        var passes = 0
        var idle = 0
        var lastDistance = Double.infinity
        var lastObjective = Double.infinity
        var reason = StopReason.limit
        for j in isScreened.indices { isScreened[j] = false }
        if load(start, penalty) == false { reason = .notFinite }
        let isStartUsable = reason != .notFinite
        if isStartUsable { warmUp(penalty, stop, monitor, clock, &effort) }
        while true {
            let look = lookAtAll(penalty, best: &best)
            passes += 1
            let gap = penalty.isConvex ? max(0, look.objective - best.dual) / scale : Double.infinity
            let bestGap = penalty.isConvex ? max(0, best.objective - best.dual) / scale : Double.infinity
            // What the stop and the progress are measured by.
            let distance = penalty.isConvex ? gap : look.violation / violationScale
            let goal = max(0, penalty.isConvex ? stop.relativeGap : stop.relativeViolation)
            monitor.report(
                .init(
                    stage: "solving",
                    detail: penalty.isConvex
                        ? String(format: "gap %.0e, %d sources", bestGap, context.iterate.nonzeroCount)
                        : String(format: "violation %.0e, %d sources", distance, context.iterate.nonzeroCount)))
            if !look.objective.isFinite {
                reason = .notFinite
                break
            }
            if (penalty.isConvex ? bestGap : distance) <= goal {
                reason = isStartUsable ? .converged : .notFinite
                break
            }
            if monitor.isCancelled() {
                reason = .cancelled
                break
            }
            if clock.isOver() {
                reason = .timeLimit
                break
            }
            if passes >= stop.maximumPasses || effort.epochs >= stop.maximumEpochs { break }
            let grown = growWorkingSet(penalty)
            // No better, and no new candidate or no lower objective, four looks in a row: rounding has the last word.
            let isIdle = distance > 0.9 * lastDistance && (grown == 0 || look.objective >= lastObjective)
            idle = isIdle ? idle + 1 : 0
            lastDistance = min(distance, lastDistance)
            lastObjective = min(look.objective, lastObjective)
            if idle >= 4 {
                reason = .stagnated
                break
            }
            let unit = penalty.isConvex ? scale : violationScale
            let target = max(0.3 * goal, 0.1 * min(distance, 1)) * unit
            context.beginInner()
            let limit = InnerLimit(epochs: stop.maximumEpochs - effort.epochs) {
                monitor.isCancelled() || clock.isOver()
            }
            let spent = engine.descend(
                penalty, from: InnerStart(distance: distance * unit, violators: violators(penalty)),
                target: idle > 0 ? 0.01 * target : target, limit: limit)
            effort.epochs += spent.epochs
            effort.newtonSteps += spent.newtonSteps
        }
        // A look that ``largestLambda(weights:)`` took counts for the solve that it serves.
        let passesOverGain = Double(correlations.columnsComputed - columnsCounted) / Double(blocks.columnCount)
        columnsCounted = correlations.columnsComputed
        return Solution(
            active: best.active ?? .empty(samples: context.iterate.samples),
            squaredResidual: best.squaredResidual,
            certificate: Certificate(
                objective: best.objective,
                relativeGap: penalty.isConvex ? max(0, best.objective - best.dual) / scale : .infinity,
                relativeViolation: best.violation / violationScale, epochs: effort.epochs,
                newtonSteps: effort.newtonSteps, fullPasses: passes,
                passesOverGain: passesOverGain,
                screenedBlocks: isScreened.reduce(0) { $0 + ($1 ? 1 : 0) },
                allocations: allocations.count - allocationsBefore),
            reason: reason, scale: scale)
    }

    /// Brings a warm start closer by what the working set knows from other λ, before anything is looked at: most of what
    /// will be active is in the set already, and a look costs more than the sweeps.
    private func warmUp(
        _ penalty: some BlockPenalty, _ stop: StopRule, _ monitor: Monitor, _ clock: Stopwatch,
        _ effort: inout InnerEffort
    ) {
        let half = 0.5 * problem.squaredResponseNorm
        guard penalty.isConvex, half > 0, context.iterate.nonzeroCount > 0,
            context.working.width > context.iterate.width
        else { return }
        context.beginInner()
        // Closer is in vain while blocks outside of the set may be missing.
        let spent = engine.descend(
            penalty, from: InnerStart(distance: nil, violators: []), target: max(0.3 * stop.relativeGap, 1e-4) * half,
            limit: InnerLimit(epochs: min(60, stop.maximumEpochs)) { monitor.isCancelled() || clock.isOver() })
        effort.epochs += spent.epochs
        effort.newtonSteps += spent.newtonSteps
    }

    private struct Best {
        var objective = Double.infinity
        var dual = -Double.infinity
        var squaredResidual = 0.0
        var violation = Double.infinity
        var active: ActiveSet?
    }

    /// Takes over a start; false where it is not finite and zero is taken instead.
    private func load(_ start: ActiveSet?, _ penalty: some BlockPenalty) -> Bool {
        let blocks = problem.blocks
        let iterate = context.iterate
        iterate.clear()
        let free = (0..<blocks.count).filter { penalty.frees($0) }
        context.span = free.isEmpty ? nil : UnpenalizedSpan(free, of: problem)
        context.working.insert(free)
        var isUsable = true
        if let start, start.count > 0 {
            isUsable = start.coefficients.firstNonFinite == nil && start.fits(problem, samples: context.iterate.samples)
            // A block of zeros explains nothing, whatever its coefficients.
            let kept =
                isUsable
                ? start.blocks.indices.filter {
                    !penalty.excludes(start.blocks[$0]) && context.step(start.blocks[$0]) > 0
                } : []
            context.working.insert(kept.map { start.blocks[$0] })
            iterate.load(start, kept: kept, working: context.working)
        }
        iterate.rebuild(adding: free.map { context.working.position(of: $0) }, working: context.working) {
            penalty.frees($0)
        }
        return isUsable
    }

    private struct Look {
        var objective: Double
        var violation: Double
    }

    /// A look at all blocks: objective, dual bound, violation, screening; the better point is kept in `best`.
    private func lookAtAll(_ penalty: some BlockPenalty, best: inout Best) -> Look {
        let problem = problem
        let count = problem.rowCount * context.iterate.samples
        let r = residual.pointer
        context.computeResidual(into: r)
        let squaredResidual = BLAS.dot(count, r, r)
        let objective = 0.5 * squaredResidual + context.iterate.penaltyValue(penalty)
        var violation = context.supportViolation(r, penalty)
        context.project(r)
        let squared = context.span == nil ? squaredResidual : BLAS.dot(count, r, r)
        correlations.move(to: r)
        // Exact values are needed of blocks that may be active or become candidates, no others.
        let isScreened = isScreened
        correlations.refresh { isScreened[$0] ? .infinity : Self.interest * context.activation($0, penalty) }
        // … and to all digits only of those that decide how far from feasible the residual is: those near the largest
        // bound, then all whose bound is above the largest that is exact. Conjugates take every block above its threshold.
        let nearest = 0.98 * urgency(penalty, exactly: false)
        correlations.refine { isScreened[$0] ? .infinity : nearest * context.activation($0, penalty) }
        let largest = urgency(penalty, exactly: true)
        correlations.refine {
            isScreened[$0]
                ? .infinity
                : (penalty.slopeLimit(block: $0) == .infinity ? min(1, largest) : largest)
                    * context.activation($0, penalty)
        }
        var ratio = 0.0
        var hasConjugates = false
        var screening: (factor: Double, gap: Double)?
        let bounds = correlations.bounds
        for j in bounds.indices where bounds[j] > 0 && !isScreened[j] {
            let activation = context.activation(j, penalty)
            if !penalty.frees(j) { violation = max(violation, excess(bounds[j], activation, j, penalty)) }
            guard penalty.isConvex, !penalty.excludes(j) else { continue }
            let limit = penalty.slopeLimit(block: j)
            if limit == .infinity {
                hasConjugates = true
            } else if limit > 0 {
                ratio = max(ratio, bounds[j] / limit)
            }
        }
        if penalty.isConvex {
            let direction = DualBound.Direction(
                fitted: context.fitted(r), squared: squared, ratio: ratio)
            let bound = DualBound.best(
                direction,
                conjugates: hasConjugates
                    ? { factor in
                        // A block that is zero at the optimum is no part of the problem.
                        bounds.indices.reduce(0) {
                            $0
                                + (bounds[$1] > 0 && !isScreened[$1]
                                    ? penalty.conjugate(slope: abs(factor) * bounds[$1], block: $1) : 0)
                        }
                    } : nil)
            best.dual = max(best.dual, bound.value)
            screening = (abs(bound.factor), min(objective, best.objective) - bound.value)
        }
        // The certificate belongs to the point returned: the best objective seen at a look.
        let isBetter = penalty.isConvex ? objective <= best.objective : violation <= best.violation
        if isBetter {
            best.objective = objective
            best.violation = violation
            best.squaredResidual = squaredResidual
            best.active = context.iterate.activeSet
        }
        // After the point was taken down: blocks that are screened are zeroed in the iterate.
        if screens, let screening { screen(penalty, factor: screening.factor, gap: screening.gap) }
        return Look(objective: objective, violation: violation)
    }

    /// The largest ‖X_jᵀR‖ (or bound of it) over the threshold of its block.
    private func urgency(_ penalty: some BlockPenalty, exactly: Bool) -> Double {
        var largest = 0.0
        for (j, bound) in correlations.bounds.enumerated()
        where !isScreened[j] && bound > 0 && (!exactly || correlations.isExact[j]) {
            let activation = context.activation(j, penalty)
            if activation > 0 { largest = max(largest, bound / activation) }
        }
        return largest
    }

    /// Blocks below this part of their threshold are no candidates.
    private static let interest = 0.9

    /// How far a block at zero is from staying there; zero for blocks of the support, which are judged by themselves.
    private func excess(_ bound: Double, _ activation: Double, _ block: Int, _ penalty: some BlockPenalty) -> Double {
        guard bound > activation else { return 0 }
        if context.working.contains(block), context.iterate.place(of: context.working.position(of: block)) != nil {
            return 0
        }
        let step = context.step(block)
        return step > 0 ? penalty.proximal(norm: step * bound, step: step, block: block) / step : 0
    }

    /// The blocks that the last solve proved to be zero at its optimum.
    var screenedBlocks: [Int] { isScreened.indices.filter { isScreened[$0] } }

    /// An upper bound of the largest singular value of each block.
    var norms: [Double] { correlations.norms }

    private func screen(_ penalty: some BlockPenalty, factor: Double, gap: Double) {
        guard gap.isFinite, factor.isFinite else { return }
        let radius = (2 * max(0, gap)).squareRoot()
        for j in isScreened.indices where !isScreened[j] {
            isScreened[j] = GapSafe.isInactive(
                correlation: factor * correlations.bounds[j], norm: correlations.norms[j], radius: radius,
                threshold: context.activation(j, penalty))
        }
        context.iterate.zero { isScreened[$0] }
    }

    /// Columns that the working set begins with, grows by at least, and may hold beside the support. Measured: fewer
    /// need more looks at all blocks, more make every sweep and step dearer.
    private static let (firstColumns, moreColumns, spareColumns) = (240, 150, 360)

    private struct Candidate {
        let block: Int
        let score: Double
    }

    /// Positions in the working set of the blocks that would become active, as of the last look.
    private func violators(_ penalty: some BlockPenalty) -> [Int] {
        let working = context.working
        return working.blocks.indices.filter {
            let block = working.blocks[$0]
            return !isScreened[block] && correlations.bounds[block] > context.activation(block, penalty)
        }
    }

    /// Adds the blocks that most violate optimality.
    ///
    /// - Returns: how many were added.
    private func growWorkingSet(_ penalty: some BlockPenalty) -> Int {
        let working = context.working
        let iterate = context.iterate
        // Counted in columns, since those are what the Gram matrix costs. With few samples a look costs more than the
        // work on a larger set.
        let share = iterate.samples < 16 ? iterate.width : iterate.width / 3
        // A look at very many columns is dear, too.
        let many = problem.design.columns / 128
        var room = max(many, iterate.width == 0 ? Self.firstColumns : max(Self.moreColumns, share))
        // A set that outgrew its use along a path is begun anew from what is active: memory stays O((|S|o)² + n|S|o),
        // and the Gram matrix of the active blocks costs no more than a sweep or two.
        if working.width > iterate.width + max(Self.spareColumns, share, many) {
            let kept = iterate.activeSet
            working.removeAll()
            working.insert(kept.blocks)
            iterate.load(kept, kept: Array(kept.blocks.indices), working: working)
            let free = (0..<problem.blocks.count).filter { penalty.frees($0) }
            working.insert(free)
            iterate.rebuild(adding: free.map { working.position(of: $0) }, working: working) { penalty.frees($0) }
        }
        var candidates: [Candidate] = []
        for (j, bound) in correlations.bounds.enumerated() where bound > 0 && !isScreened[j] && !working.contains(j) {
            let score = bound / context.activation(j, penalty)
            if score > Self.interest { candidates.append(Candidate(block: j, score: score)) }
        }
        candidates.sort { $0.score > $1.score || ($0.score == $1.score && $0.block < $1.block) }
        let added = candidates.prefix { candidate in
            defer { room -= problem.blocks.columns(of: candidate.block).count }
            return room > 0
        }
        working.insert(added.map(\.block))
        return added.count
    }

    // MARK: - Penalties of entries

    /// Solves each sample by itself, with the columns as blocks.
    private func solveEntries(
        _ penalty: some BlockPenalty, from start: ActiveSet?, stop: StopRule, monitor: Monitor
    ) -> Solution {
        let problem = problem
        let response = problem.unreducedResponse
        let total = problem.squaredResponseNorm
        let samples = response.columns
        let clock = Stopwatch(limit: stop.maximumSeconds)
        let isStartUsable = start?.fits(problem, samples: samples) ?? true
        // max |X_jᵀy| over all samples, and the largest violation.
        var (largest, violation) = (0.0, 0.0)
        var columns: [[Double]] = []
        var parts: [Solution] = []
        // ‖Y‖² of the samples that stay at zero.
        var unsolved = total
        for sample in 0..<samples {
            let values = Matrix(rows: response.rows, columns: 1, elements: response.column(sample))
            guard let single = try? problem.singleEntries(response: values) else { continue }
            if let entries {
                entries.adopt(single)
            } else {
                entries = WorkingSetSession(
                    single, screens: screens, parallelism: parallelism, makeEngine: makeEngine)
            }
            // Gaps of the samples add up to the gap of all.
            var rule = stop
            let share = single.squaredResponseNorm * Double(samples)
            rule.relativeGap = share > 0 ? stop.relativeGap * total / share : 1
            rule.maximumSeconds = stop.maximumSeconds - clock.seconds
            let beginning = isStartUsable ? start?.singleSample(sample, of: problem) : nil
            guard let part = entries?.solve(penalty, from: beginning, stop: rule, monitor: monitor) else { continue }
            parts.append(part)
            let own = max(entries?.largestCorrelation ?? 0, .leastNormalMagnitude)
            (largest, violation) = (max(largest, own), max(violation, part.certificate.relativeViolation * own))
            unsolved = max(0, unsolved - single.squaredResponseNorm)
            var dense = [Double](repeating: 0, count: problem.design.columns)
            for (i, column) in part.active.blocks.enumerated() { dense[column] = part.active.coefficients[0, i] }
            columns.append(dense)
            if part.reason == .cancelled || part.reason == .timeLimit { break }
        }
        if parts.count == samples { unsolved = 0 } else { violation = max(violation, largest) }
        return Solution.joined(
            parts, columns: columns, unsolved: unsolved, relativeViolation: largest > 0 ? violation / largest : 0,
            reason: isStartUsable ? nil : .notFinite, problem: problem)
    }
}
