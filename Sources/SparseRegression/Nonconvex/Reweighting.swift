/// Majorization of Σ_j √‖B_j‖ by weighted convex problems (Candès et al. 2008; irMxNE of Strohmeier et al. 2016).
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
    }

    /// Number of rounds at most; 0 leaves the first solution as it is.
    public var rounds: Int
    /// Scale of the weights.
    public var scale: Scale

    /// Reweighting from its settings.
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
    /// - Throws: nothing but what an impossible problem throws.
    public func run(
        _ problem: RegressionProblem, from first: Solution, lambda: Double, solver: some Solver, stop: StopRule,
        parallelism: Parallelism, monitor: Monitor = .silent
    ) throws -> Outcome {
        var active = first.active
        var squaredResidual = first.squaredResidual
        var gap = first.certificate.relativeGap
        var epochs = 0
        var done = 0
        let roots = active.norms.map { $0.squareRoot() }.sorted()
        let c = roots.isEmpty ? 1 : (scale == .strongest ? roots[roots.count - 1] : roots[roots.count / 2])
        let restricted = try problem.restricted(to: first.active.blocks)
        let session = solver.session(for: restricted, parallelism: parallelism)
        for round in 0..<rounds where active.count > 0 && !monitor.isCancelled() {
            var weights = [Double](repeating: .infinity, count: restricted.blocks.count)
            var local: [Int: Int] = [:]
            for (i, block) in first.active.blocks.enumerated() { local[block] = i }
            let before = active.norms
            for (block, norm) in zip(active.blocks, before) {
                if let i = local[block] { weights[i] = c / norm.squareRoot() }
            }
            let start = ActiveSet(
                blocks: active.blocks.compactMap { local[$0] }, offsets: active.offsets,
                coefficients: active.coefficients)
            let solution = session.solve(
                try GroupLasso(lambda: lambda, weights: weights), from: start, stop: stop, monitor: monitor)
            monitor.report(.init(stage: "reweighting", detail: "round \(round + 1), \(solution.active.count) sources"))
            epochs += solution.certificate.epochs
            gap = max(gap, solution.certificate.relativeGap)
            squaredResidual = solution.squaredResidual
            let after = solution.active.norms
            let blocks = solution.active.blocks.map { first.active.blocks[$0] }
            let isAtRest =
                blocks == active.blocks
                && zip(before, after).allSatisfy { abs($0 - $1) <= 1e-6 * max($0, $1) }
            active = ActiveSet(
                blocks: blocks, offsets: solution.active.offsets, coefficients: solution.active.coefficients)
            done += 1
            if isAtRest { break }
        }
        return Outcome(
            active: active, squaredResidual: squaredResidual, relativeGap: gap, epochs: epochs, roundsDone: done)
    }
}

extension RegressionProblem {
    /// The same response with only some blocks of the design, in the given order.
    ///
    /// - Throws: ``Invalid`` when no block is left.
    public func restricted(to kept: [Int]) throws(Invalid) -> RegressionProblem {
        // A design without columns is not a problem; one column of zeros stands for it and never becomes active.
        guard !kept.isEmpty else {
            return try RegressionProblem(
                design: Matrix(rows: rowCount, columns: 1), response: response,
                blocks: BlockStructure(count: 1, size: 1))
        }
        return try RegressionProblem(
            design: design.subset(kept.flatMap { Array(blocks.columns(of: $0)) }), response: response,
            blocks: BlockStructure(sizes: kept.map { blocks.columns(of: $0).count }))
    }
}
