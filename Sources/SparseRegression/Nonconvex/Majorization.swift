/// Minimizes under a concave penalty by weighted convex problems, each of which majorizes the objective at the solution of
/// the one before (Candès, Wakin & Boyd 2008; irMxNE of Strohmeier et al. 2016): λ_j = φ_j′(‖B_j‖).
///
/// The objective never rises from round to round, up to the gap of the convex solves. Where φ_j′(0) is infinite (ℓ0.5), a
/// block at zero stays there; else it may return.
public struct Majorization: Sendable {
    /// Number of rounds at most.
    public var rounds: Int
    /// It ends when no ‖B_j‖ changes by more than this part of itself.
    public var tolerance: Double

    /// - Parameters:
    ///   - rounds: 0 or more.
    ///   - tolerance: 0 never ends early.
    public init(rounds: Int = 10, tolerance: Double = 1e-6) {
        self.rounds = rounds
        self.tolerance = tolerance
    }

    /// What the rounds reached.
    public struct Outcome: Sendable {
        /// The last solution; its certificate is that of the last convex problem.
        public let solution: Solution?
        /// ½‖Y − XB‖² + Σφ_j(‖B_j‖) after each round.
        public let objectives: [Double]
        /// Largest relative gap of the convex problems solved.
        public let relativeGap: Double
        /// Sweeps over all rounds.
        public let epochs: Int
    }

    /// Runs the rounds.
    ///
    /// - Parameters:
    ///   - session: the problem, prepared by a solver.
    ///   - penalty: a penalty whose slope falls with the norm of a block.
    ///   - start: where the first round takes its slopes, usually a solution of the convex problem.
    ///   - stop: when each convex solve stops.
    ///   - monitor: progress and cancellation.
    /// - Throws: ``InvalidPenalty`` where a slope is not a number.
    public func run(
        _ session: some SolverSession, _ penalty: some BlockPenalty, from start: ActiveSet, stop: StopRule,
        monitor: Monitor = .silent
    ) throws(InvalidPenalty) -> Outcome {
        var active = start
        var last: Solution?
        var objectives: [Double] = []
        var (gap, epochs) = (0.0, 0)
        let count = session.problem.blocks.count
        for round in 0..<rounds where !monitor.isCancelled() {
            let before = active.norms
            var slopes = (0..<count).map { penalty.derivatives(norm: 0, block: $0).first }
            for (block, norm) in zip(active.blocks, before) {
                slopes[block] = penalty.derivatives(norm: norm, block: block).first
            }
            let solution = session.solve(
                try GroupLasso(lambda: 1, weights: slopes), from: active, stop: stop, monitor: monitor)
            monitor.report(.init(stage: "reweighting", detail: "round \(round + 1), \(solution.active.count) sources"))
            epochs += solution.certificate.epochs
            gap = max(gap, solution.certificate.relativeGap)
            let after = solution.active.norms
            let isAtRest =
                solution.active.blocks == active.blocks
                && zip(before, after).allSatisfy { abs($0 - $1) <= tolerance * max($0, $1) }
            active = solution.active
            last = solution
            objectives.append(
                zip(active.blocks, after).reduce(0.5 * solution.squaredResidual) {
                    $0 + penalty.value(norm: $1.1, block: $1.0)
                })
            if isAtRest || active.count == 0 { break }
        }
        return Outcome(solution: last, objectives: objectives, relativeGap: gap, epochs: epochs)
    }
}
