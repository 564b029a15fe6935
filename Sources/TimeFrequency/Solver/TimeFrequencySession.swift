/// A problem and a frame, prepared for one time-frequency penalty after another (TF-MxNE; Gramfort et al. 2013).
///
/// A solve begins at a group Lasso of the time courses, or where the caller says, and takes turns: a look at all sources
/// for the duality gap and the working set, and descent on that. Not for use by several threads at once.
public final class TimeFrequencySession {
    /// Posed with all its samples.
    public let problem: RegressionProblem
    /// Of the coefficients.
    public let frame: GaborFrame
    private let parallelism: Parallelism
    private let allocations = AllocationCount()
    /// Yᵀ, T × n.
    private let response: Buffer
    private let scaleBuffer: Buffer
    private let scores: SourceScores
    private let descent: FrameDescent
    /// Whether a source was proved to be zero in the present or last solve.
    private(set) var screened: [Bool] = []
    private lazy var coldStart = ColdStart(problem, norms: scores.norms, parallelism: parallelism)
    /// The largest λ of the last penalty asked for.
    private var largest: (rho: Double, weights: TimeFrequencyWeights, lambda: Double)?

    /// - Parameters:
    ///   - problem: posed with `keepsSamples`, since frames act in time.
    ///   - frame: of as many samples.
    ///   - parallelism: threads of the looks at all sources and of large products; no result depends on them.
    /// - Throws: ``TimeFrequencyPenalty/Invalid`` where frame and problem do not fit.
    /// - Complexity: O(nq + nT); keeps T·q numbers.
    public init(
        _ problem: RegressionProblem, frame: GaborFrame, parallelism: Parallelism = .serial
    ) throws(TimeFrequencyPenalty.Invalid) {
        guard frame.samples == problem.response.columns, problem.reduction == nil else {
            throw .samples(frame: frame.samples, problem: problem.sampleCount)
        }
        self.problem = problem
        self.frame = frame
        self.parallelism = parallelism
        response = Buffer(capacity: problem.response.elements.count, allocations)
        response.pointer.update(from: problem.response.transposed.elements, count: problem.response.elements.count)
        scaleBuffer = Buffer(allocations)
        scores = SourceScores(problem, frame: frame, parallelism: parallelism, allocations: allocations)
        descent = FrameDescent(
            problem, frame: frame, scores: scores, response: UnsafePointer(response.pointer), allocations: allocations,
            parallelism: parallelism)
    }

    /// The smallest λ at which every source is zero.
    ///
    /// - Parameters:
    ///   - rho: ρ, 0…1.
    ///   - weights: v and w.
    /// - Throws: ``TimeFrequencyPenalty/Invalid``.
    /// - Complexity: O(nqT + q·D·window) once a ρ.
    public func largestLambda(
        rho: Double, weights: TimeFrequencyWeights = .none
    ) throws(TimeFrequencyPenalty.Invalid) -> Double {
        let penalty = try TimeFrequencyPenalty(frame: frame, lambda: 1, rho: rho, weights: weights)
        try penalty.check(problem)
        return largest(of: penalty, GroupScales(penalty, in: scaleBuffer))
    }

    private func largest(of penalty: TimeFrequencyPenalty, _ scales: GroupScales) -> Double {
        if let known = known(of: penalty) { return known }
        let found = scores.largestLambda(response.pointer, penalty, scales: scales)
        largest = (penalty.rho, penalty.weights, found)
        return found
    }

    private func known(of penalty: TimeFrequencyPenalty) -> Double? {
        largest.flatMap { $0.rho == penalty.rho && $0.weights == penalty.weights ? $0.lambda : nil }
    }

    /// Minimizes ½‖Y − XZA‖² + λ Σ_j Ω_j(Z_j).
    ///
    /// - Parameters:
    ///   - penalty: of this frame.
    ///   - start: of the same frame and problem; nil begins at a group Lasso of the time courses.
    ///   - stop: when to stop; its limit on time counts from here.
    ///   - monitor: cancellation; the best point so far is returned.
    /// - Returns: the point reached, with its certificate and the reason for stopping. Failure is a value, too.
    /// - Throws: ``TimeFrequencyPenalty/Invalid`` where the penalty does not fit.
    public func solve(
        _ penalty: TimeFrequencyPenalty, from start: TimeFrequencySolution? = nil, stop: StopRule = StopRule(),
        monitor: Monitor = .silent
    ) throws(TimeFrequencyPenalty.Invalid) -> TimeFrequencySolution {
        guard penalty.frame == frame else { throw .samples(frame: penalty.frame.samples, problem: frame.samples) }
        try penalty.check(problem)
        let clock = Stopwatch(limit: stop.maximumSeconds)
        let scales = GroupScales(penalty, in: scaleBuffer)
        let before = (scores.transforms + descent.transforms, scores.columnsComputed)
        let scale = problem.squaredResponseNorm > 0 ? 0.5 * problem.squaredResponseNorm : 1
        var work = TimeFrequencySolution.Work()
        scores.reset()
        let isUsable = begin(penalty, scales, start, stop, monitor)
        if start == nil, !descent.blocks.isEmpty {
            // The sources of the group Lasso settle before all others are asked.
            work.epochs += descend(
                penalty, scales, target: 1e-2 * scale, epochs: stop.maximumEpochs, monitor, clock)
            descent.refresh()
        }
        screened = [Bool](repeating: false, count: problem.blocks.count)
        var (dual, smallest, idle) = (-Double.infinity, Double.infinity, 0)
        while true {
            let look = assess(penalty, scales)
            work.fullPasses += 1
            dual = max(dual, look.dual)
            let gap = (look.objective - dual) / scale
            idle = gap < 0.9 * smallest ? 0 : idle + 1
            smallest = min(gap, smallest)
            var reason = stop.reason(
                isFinite: look.objective.isFinite, isReached: gap <= stop.relativeGap, monitor: monitor, clock: clock)
            if work.epochs >= stop.maximumEpochs || work.fullPasses >= stop.maximumPasses { reason = reason ?? .limit }
            if idle >= 10, gap < 1e-9 { reason = reason ?? .stagnated }
            if let reason {
                work.passesOverGain =
                    Double(scores.columnsComputed - before.1) / Double(problem.design.columns)
                work.transforms = scores.transforms + descent.transforms - before.0
                work.screenedBlocks = screened.count { $0 }
                work.allocations = allocations.count
                let (active, coefficients) = descent.gathered()
                return TimeFrequencySolution(
                    active: active, coefficients: coefficients, squaredResidual: look.squaredResidual,
                    objective: look.objective, dual: dual, relativeGap: gap, scale: scale,
                    reason: reason.afterStart(isUsable: isUsable), work: work)
            }
            descent.choose(candidates(penalty))
            let target = scale * max(0.03 * gap, 0.7 * stop.relativeGap)
            work.epochs += descend(
                penalty, scales, target: target, epochs: stop.maximumEpochs - work.epochs, monitor, clock)
            descent.refresh()
        }
    }

    /// Where a solve begins.
    ///
    /// - Returns: whether the start given could be used.
    private func begin(
        _ penalty: TimeFrequencyPenalty, _ scales: GroupScales, _ start: TimeFrequencySolution?, _ stop: StopRule,
        _ monitor: Monitor
    ) -> Bool {
        descent.clear()
        if let start, start.active.fits(problem, samples: frame.samples), start.coefficients.rows == frame.size,
            start.coefficients.firstNonFinite == nil
        {
            descent.begin(start.active.blocks, start.coefficients, penalty, scales: scales, shrinks: false)
            return true
        }
        descent.choose([])
        let weights = penalty.weights.space
        guard stop.maximumEpochs > 0, let (plain, strongest) = coldStart?.look(weights) else { return start == nil }
        // Where the largest λ is not known yet, the strongest sources tell it well enough.
        let largest =
            known(of: penalty)
            ?? scores.largestLambda(response.pointer, penalty, scales: scales, among: strongest)
        guard largest > penalty.lambda,
            let near = coldStart?.solve(
                lambda: penalty.lambda * plain / largest, weights: weights, stop: stop, monitor: monitor)
        else { return start == nil }
        descent.begin(near.blocks, frame.analysis(near.coefficients), penalty, scales: scales, shrinks: true)
        return start == nil
    }

    /// A look at all sources at the present residual: scores, bounds, and which are zero for certain.
    private func assess(
        _ penalty: TimeFrequencyPenalty, _ scales: GroupScales
    ) -> (objective: Double, dual: Double, squaredResidual: Double) {
        let r = descent.currentResidual
        let (size, blocks) = (frame.samples * problem.rowCount, problem.blocks.count)
        scores.look(r, penalty, scales: scales) { screened[$0] }
        let squared = BLAS.dot(size, r, r)
        let objective = 0.5 * squared + descent.penaltyValue(penalty)
        let largest = (0..<blocks).reduce(penalty.lambda) { max($0, scores.dualNorms[$1]) }
        let factor = penalty.lambda / largest
        let dual = factor * BLAS.dot(size, response.pointer, r) - 0.5 * factor * factor * squared
        let radius = max(0, 2 * (objective - dual)).squareRoot()
        for j in 0..<blocks where !screened[j] {
            // ‖S(f·V)‖ ≤ f·‖S(V)‖ for f ≤ 1.
            screened[j] = GapSafe.isInactive(
                correlation: factor * scores.scores[j], norm: scores.norms[j], radius: radius,
                threshold: penalty.blockThreshold(j))
        }
        return (objective, dual, squared)
    }

    /// What joins the sources that are not zero: those that would, at most as many again or 100, and those next to it, 50 to
    /// 150 in all.
    private func candidates(_ penalty: TimeFrequencyPenalty) -> [Int] {
        let active = Set(descent.activeBlocks)
        func excess(_ j: Int) -> Double { scores.scores[j] - penalty.blockThreshold(j) }
        let others = (0..<problem.blocks.count).filter {
            !screened[$0] && !active.contains($0) && penalty.blockThreshold($0) < .infinity
        }.map { (block: $0, excess: excess($0)) }.sorted { ($0.excess, $1.block) > ($1.excess, $0.block) }
        let violators = others.prefix { $0.excess > 0 }.count
        let room = max(50, min(150, active.count + active.count / 4)) - active.count
        return others.prefix(max(min(violators, max(100, active.count)), room)).map(\.block)
    }

    /// Rounds on the working set until its gap is small.
    ///
    /// - Returns: number of sweeps.
    private func descend(
        _ penalty: TimeFrequencyPenalty, _ scales: GroupScales, target: Double, epochs limit: Int, _ monitor: Monitor,
        _ clock: Stopwatch
    ) -> Int {
        var (epochs, smallest, idle) = (0, Double.infinity, 0)
        while epochs < limit, !monitor.isCancelled(), !clock.isOver() {
            let gap = descent.look(penalty, scales: scales)
            if gap <= target || !gap.isFinite { break }
            // Near the end of the digits a gap that no longer shrinks never will.
            idle = gap < 0.9 * smallest ? 0 : idle + 1
            smallest = min(gap, smallest)
            if idle >= 30, gap < 1e-9 * problem.squaredResponseNorm { break }
            epochs += descent.round(penalty, scales: scales)
        }
        return epochs
    }
}
