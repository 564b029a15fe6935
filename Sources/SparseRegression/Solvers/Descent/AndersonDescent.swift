/// Block coordinate descent on working sets, accelerated twice: by Anderson extrapolation of the sweeps (Bertrand &
/// Massias 2021) and, once the support settles, by Newton steps on it (the superlinear phase of Nutini et al. 2022).
///
/// Three nested sets: all sources, seen once a full pass; the working set, whose columns are copied and grow along a
/// path; and the support, on which the sweeps run. The stop is the duality gap over all sources.
public struct AndersonDescent: Solver {
    /// In what order a sweep visits the blocks.
    public enum Order: Sendable, Equatable, CaseIterable {
        /// One after another.
        case cyclic
        /// Within each panel of some thirty columns, the block that would move most (Nutini et al. 2022).
        case greedy
    }

    /// What a sweep reads.
    public enum Form: Sendable, Equatable, CaseIterable {
        /// The Gram matrix of the support while it has fewer columns than twice the rows, else the residual. With many
        /// rows and few samples, where a Gram matrix costs as much as tens of sweeps, the residual comes first.
        case automatic
        /// Always the Gram matrix.
        case gram
        /// Always the residual.
        case residual
    }

    /// Sweeps between two extrapolations, at least 1.
    public var sweepsPerRound = 5 { didSet { sweepsPerRound = max(1, sweepsPerRound) } }
    /// Whether sweeps are extrapolated.
    public var extrapolates = true
    /// Whether an extrapolated residual is tried as a dual point, too (Massias et al. 2020).
    public var extrapolatesDual = false
    /// Whether Newton steps are tried on the support.
    public var usesNewton = true
    /// Whether blocks are discarded by Gap Safe rules (Ndiaye et al. 2017).
    public var screens = true
    /// In what order a sweep visits the blocks.
    public var order = Order.cyclic
    /// What a sweep reads.
    public var form = Form.automatic

    /// The engine with its default settings.
    public init() {}

    /// Opens a session: allocates scratch memory; the working set grows as it is needed.
    ///
    /// - Complexity: O(nq) for the norms of all blocks.
    public func session(for problem: RegressionProblem, parallelism: Parallelism) -> WorkingSetSession {
        WorkingSetSession(problem, screens: screens, parallelism: parallelism) { context in
            DescentEngine(context, settings: self)
        }
    }
}

/// The inner part of ``AndersonDescent``: rounds of sweeps on the support within the working set.
final class DescentEngine: WorkingSetEngine {
    private let context: WorkingSetContext
    private let settings: AndersonDescent
    private let core: SupportDescent
    private var violators: [Int] = []
    /// Whether sweeps were slow enough for a Gram matrix to pay.
    private var wantsGram = false

    init(_ context: WorkingSetContext, settings: AndersonDescent) {
        self.context = context
        self.settings = settings
        core = SupportDescent(
            problem: { [unowned context] in context.problem }, iterate: context.iterate, settings: settings,
            parallelism: context.parallelism, allocations: context.allocations)
    }

    func descend(
        _ penalty: some BlockPenalty, from start: InnerStart, target: Double, limit: InnerLimit
    ) -> InnerEffort {
        var effort = InnerEffort()
        var smallest = Double.infinity
        var idle = 0
        var isFirst = true
        let iterate = context.iterate
        let working = context.working
        let roundingLevel = penalty.isConvex ? 1e-9 * context.problem.squaredResponseNorm : target
        while effort.epochs < limit.epochs {
            let form = form(width: iterate.width, epochs: effort.epochs)
            if form == .gram { working.formGram() }
            violators.removeAll(keepingCapacity: true)
            let distance: Double
            if isFirst, let known = start.distance {
                distance = known
                violators.append(contentsOf: start.violators)
            } else {
                distance = context.assess(penalty, usesGram: form == .gram) { violators.append($0) }
            }
            isFirst = false
            effort.isAtTarget = distance <= target
            if effort.isAtTarget || limit.isOver() { break }
            // Near the end of the digits a gap that no longer shrinks never will.
            idle = distance < 0.9 * smallest ? 0 : idle + 1
            smallest = min(distance, smallest)
            if idle >= 30, distance < roundingLevel { break }
            iterate.rebuild(adding: violators, working: working) { penalty.frees($0) }
            if iterate.support.isEmpty { break }
            core.prepare(form, working: working, norms: context.norms)
            // A Newton step needs the Gram matrix: not while it is being avoided.
            let progress = core.round(
                penalty, newton: form == .gram || settings.form == .residual || iterate.width > rows
            ) { context.considerDual(at: $0, penalty, usesGram: form == .gram) }
            effort.epochs += progress.epochs
            effort.newtonSteps += progress.newton ? 1 : 0
            if progress.isStuck, distance.isFinite { break }
        }
        return effort
    }

    /// What the next round reads.
    ///
    /// - Parameter epochs: sweeps since the last look at all blocks.
    private func form(width: Int, epochs: Int) -> SupportDescent.Form {
        switch settings.form {
        case .gram: return .gram
        case .residual: return .residual
        case .automatic:
            if width > 2 * rows { return .residual }
            // Sweeps over many rows run at the speed of memory whatever the number of samples, a Gram matrix at that of
            // the processor: for few samples it pays only where sweeps are slow to converge, once and for all.
            if !wantsGram, rows > 1_000, context.iterate.samples < 8, epochs < 20 { return .residual }
            wantsGram = true
            return .gram
        }
    }

    private var rows: Int { context.problem.rowCount }
}
