/// Majorization of Σ_j √‖B_j‖ on the support of a convex solution (irMxNE of Strohmeier et al. 2016).
///
/// Round k solves the group Lasso with w_j = c/√‖B_j‖ from round k − 1; a block at zero stays out. The weights have a
/// scale, without which λ would mean nothing: c is fixed once, from the first solution, by ``Scale``.
public struct Reweighting: Sendable {
    /// What fixes the scale c of the weights.
    public enum Scale: String, Sendable, CaseIterable {
        /// c = max √‖B_j‖: the strongest source keeps λ, all others pay more. Few sources.
        case strongest
        /// c = median √‖B_j‖: half of the sources pay less than before. More sources.
        case median
        /// c = ½: the objective is ½‖Y − XB‖² + λΣ√‖B_j‖, as in MNE-Python and celer; what that means for λ depends on the
        /// units of the coefficients.
        case unit
    }

    /// Number of rounds at most; 0 leaves the first solution as it is.
    public var rounds: Int
    /// Scale of the weights.
    public var scale: Scale

    /// - Parameters:
    ///   - rounds: 0 or more.
    ///   - scale: the strongest leaves few sources.
    public init(rounds: Int = 5, scale: Scale = .strongest) {
        self.rounds = rounds
        self.scale = scale
    }

    /// What reweighting reached.
    public struct Outcome: Sendable {
        /// The final support and coefficients, blocks numbered as in the original problem.
        public let active: ActiveSet
        /// ‖Y − XB‖² at the end.
        public let squaredResidual: Double
        /// Largest relative gap of the convex problems solved.
        public let relativeGap: Double
        /// Sweeps over all rounds.
        public let epochs: Int
        /// Rounds done; fewer than asked for when the support and amplitudes came to rest.
        public let roundsDone: Int
    }

    /// Runs the rounds.
    ///
    /// - Parameters:
    ///   - problem: the whole problem; only the columns of the first support are used.
    ///   - first: the solution of the unweighted problem at `lambda`.
    ///   - lambda: λ of every round.
    ///   - solver: the engine of the convex problems.
    ///   - stop: when each convex solve stops.
    ///   - parallelism: threads; no result depends on them.
    ///   - monitor: progress and cancellation.
    /// - Throws: ``InvalidPenalty`` where the numbers are impossible.
    public func run(
        _ problem: RegressionProblem, from first: Solution, lambda: Double, solver: some Solver, stop: StopRule,
        parallelism: Parallelism, monitor: Monitor = .silent
    ) throws(InvalidPenalty) -> Outcome {
        let roots = first.active.norms.map { $0.squareRoot() }.sorted()
        let untouched = Outcome(
            active: first.active, squaredResidual: first.squaredResidual, relativeGap: first.certificate.relativeGap,
            epochs: 0, roundsDone: 0)
        guard rounds > 0, let strongest = roots.last else { return untouched }
        let c =
            switch scale {
            case .strongest: strongest
            case .median: roots[roots.count / 2]
            case .unit: 0.5
            }
        let restricted = problem.restricted(to: first.active.blocks)
        let start = ActiveSet(
            blocks: Array(first.active.blocks.indices), offsets: first.active.offsets,
            coefficients: first.active.coefficients)
        // λc/√r is the slope of 2λc√r.
        let reached = try Majorization(rounds: rounds).run(
            solver.session(for: restricted, parallelism: parallelism), SquareRootPenalty(lambda: 2 * lambda * c),
            from: start, stop: stop, monitor: monitor)
        guard let last = reached.solution else { return untouched }
        return Outcome(
            active: ActiveSet(
                blocks: last.active.blocks.map { first.active.blocks[$0] }, offsets: last.active.offsets,
                coefficients: last.active.coefficients),
            squaredResidual: last.squaredResidual,
            relativeGap: max(first.certificate.relativeGap, reached.relativeGap), epochs: reached.epochs,
            roundsDone: reached.objectives.count)
    }
}
