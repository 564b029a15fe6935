/// The engine of choice: ``AndersonDescent``, handing over to ``DualNewton`` where descent is slow.
///
/// Measured on whitened gains of 306 × 8196 and 366 × 3·2034 (one thread, to a relative gap of 1e-6): while fewer blocks
/// are active than there are rows, descent takes 0.6 to 0.85 of the time of dual Newton steps (85 samples, λ from 0.5 to
/// 0.05 of λ_max). With more it falls behind: 1.4 and 3 times slower at 0.02 and 0.01 of λ_max, and with one sample at
/// 0.001 of λ_max 13 times, where it needs thousands of sweeps. The rule follows: dual steps where more blocks are active
/// than rows, or where ``patience`` sweeps on one working set were not enough.
public struct AutomaticSolver: Solver {
    /// The settings of descent.
    public var descent = AndersonDescent()
    /// The settings of dual Newton steps.
    public var dual = DualNewton()
    /// Sweeps on one working set after which dual steps take over.
    public var patience = 60

    /// The engine with its default settings.
    public init() {}

    /// Opens a session: allocates scratch memory; the working set grows as it is needed.
    ///
    /// - Complexity: O(nq) for the norms of all blocks.
    public func session(for problem: RegressionProblem, parallelism: Parallelism) -> WorkingSetSession {
        session(for: problem, parallelism: parallelism, norms: nil)
    }

    /// The same where the norms of all blocks may be known, see ``RegressionProblem/blockNorms(parallelism:)``.
    package func session(
        for problem: RegressionProblem, parallelism: Parallelism, norms: [Double]?
    ) -> WorkingSetSession {
        WorkingSetSession(problem, screens: descent.screens, parallelism: parallelism, norms: norms) { context in
            AutomaticEngine(context, settings: self)
        }
    }
}

/// The inner part of ``AutomaticSolver``.
final class AutomaticEngine: WorkingSetEngine {
    private let context: WorkingSetContext
    private let patience: Int
    private let descent: DescentEngine
    private let dual: DualNewtonEngine

    init(_ context: WorkingSetContext, settings: AutomaticSolver) {
        self.context = context
        patience = settings.patience
        descent = DescentEngine(context, settings: settings.descent)
        dual = DualNewtonEngine(context, settings: settings.dual)
    }

    func descend(
        _ penalty: some BlockPenalty, from start: InnerStart, target: Double, limit: InnerLimit
    ) -> InnerEffort {
        guard penalty.isConvex else { return descent.descend(penalty, from: start, target: target, limit: limit) }
        var effort = InnerEffort()
        if context.iterate.nonzeroCount <= context.problem.rowCount {
            let short = InnerLimit(epochs: min(patience, limit.epochs), isOver: limit.isOver)
            effort = descent.descend(penalty, from: start, target: target, limit: short)
            if effort.isAtTarget || effort.epochs < short.epochs || limit.isOver() { return effort }
        }
        let rest = InnerLimit(epochs: limit.epochs - effort.epochs, isOver: limit.isOver)
        effort.add(dual.descend(penalty, from: start, target: target, limit: rest))
        return effort
    }
}
