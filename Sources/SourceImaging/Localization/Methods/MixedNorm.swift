import Glibc

/// The mixed norm: one λ for all sources, searched for, given or judged by noise, or a λ_j for each.
struct MixedNorm: SourceMethod {
    let choice: SourceChoice

    func run(
        _ session: some SolverSession, _ origin: SourceChoice.Origin, monitor: Monitor
    ) throws -> SourceChoice.Outcome {
        try search(choice.penalty.type, session, origin, monitor)
    }

    private func search<Penalty: NamedPenalty>(
        _ penalty: Penalty.Type, _ session: some SolverSession, _ origin: SourceChoice.Origin, _ monitor: Monitor
    ) throws -> SourceChoice.Outcome {
        let shape = choice.penalty.shape(choice.shape, for: session.problem, parallelism: choice.parallelism)
        let shared = try sharedLambda(session, SharedLambda<Penalty>(shape: shape), origin, monitor)
        if choice.weights == .learned, shared.largest > 0 {
            let family = LearnedWeights<Penalty>(blockCount: session.problem.blocks.count, shape: shape)
            return try learned(session, family, origin, shared, monitor)
        }
        return try choice.outcome(of: shared, monitor)
    }

    /// Searches for one λ, or takes the one that was given.
    private func sharedLambda(
        _ session: some SolverSession, _ family: SharedLambda<some NamedPenalty>, _ origin: SourceChoice.Origin,
        _ monitor: Monitor
    ) throws -> SharedChoice {
        if case .ratio(let ratio) = choice.lambda {
            return try choice.method.judgeLambda(
                ratio: ratio, session, family: family, stop: choice.stop, parallelism: choice.parallelism,
                monitor: monitor)
        }
        var method = choice.method
        // Searches over a λ_j for every source begin at the λ that a path finds for all.
        if choice.weights == .learned { method.search = .path }
        // What is reduced to a band is whitened in time.
        if origin.refining?.isReduced == true { method.noiseAutocorrelation = [1] }
        let chosen = try method.chooseLambda(
            session, family: family, labels: origin.rowLabels, replicates: origin.replicates, stop: choice.stop,
            parallelism: choice.parallelism, monitor: monitor)
        guard let chosen else { throw choice.notComputed("λ") }
        return chosen
    }

    private func learned(
        _ session: some SolverSession, _ family: LearnedWeights<some NamedPenalty>, _ origin: SourceChoice.Origin,
        _ shared: SharedChoice, _ monitor: Monitor
    ) throws -> SourceChoice.Outcome {
        let problem = session.problem
        let criterion = try choice.method.makeCriterion(
            rowCount: problem.rowCount, labels: origin.rowLabels, replicates: origin.replicates)
        let objective = try choice.method.objective(
            session, family: family, criterion: criterion, parallelism: choice.parallelism)
        let start = [Double](repeating: log(shared.curve.chosen.lambda), count: problem.blocks.count)
        let domain = choice.method.learnedDomain(largest: shared.largest, count: problem.blocks.count)
        let record = try choice.method.minimize(objective, from: start, in: domain, stop: choice.stop, monitor: monitor)
        if record.end == .cancelled { throw CancellationError() }
        guard let curve = SelectionCurve(learned: record, criterion: criterion, largest: shared.largest),
            let best = record.best, best.value.isFinite
        else { throw choice.notComputed("weights") }
        let solution = try objective.solution(at: best.logs, stop: choice.stop, monitor: monitor)
        if solution.reason == .cancelled { throw CancellationError() }
        let edge =
            shared.curve.atGridEdge
            ? [
                "the shared λ that the weights are learned from lies at the edge of the values tried "
                    + String(printf: "(%.2g of λ_max)", shared.curve.chosen.ratio)
            ] : []
        return SourceChoice.Outcome(
            atoms: ActiveAtoms(solution.active), curve: curve, relativeGap: SourceChoice.gap(solution),
            epochs: record.points.reduce(shared.epochs + solution.certificate.epochs) { $0 + $1.epochs },
            fullPasses: record.points.reduce(shared.fullPasses + solution.certificate.fullPasses) {
                $0 + $1.fullPasses
            },
            warnings: SourceChoice.warnings(shared.end, shared.curve) + edge + SourceChoice.warnings(record.end, curve)
                + SourceChoice.warnings(solution))
    }
}

extension MethodKind {
    /// ``MixedNorm``.
    public static let mixedNorm = MethodKind(
        "mixed-norm", help: "few sources, each with its own time course (MxNE)",
        weights: [.refined, .shared, .reweighted, .learned], options: [.penalty, .search]
    ) { MixedNorm(choice: $0) }
}
