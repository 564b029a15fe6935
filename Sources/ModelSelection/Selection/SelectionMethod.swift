import Glibc

/// A criterion and a search by their kinds, with all that they depend on: where kinds become what they stand for.
public struct SelectionMethod: Sendable, Equatable {
    /// What makes a choice good.
    public var criterion = CriterionKind.sure
    /// How it is searched for.
    public var search = SearchKind.path
    /// How gradients are computed.
    public var hypergradient = GradientSource.analytic(ImplicitGradient())
    /// σ²: variance of an entry of the noise in Y.
    public var noiseVariance = 1.0
    /// ρ_0 = 1, ρ_1 …: how samples of the noise that ``NoiseQuantile`` draws are correlated with later ones.
    public var noiseAutocorrelation: [Double] = [1]
    /// Folds; one is held out where there are no turns.
    public var folds = 5
    /// Random directions of ``MonteCarloSteinRisk``, noise of ``NoiseQuantile``; nil for the usual number of the criterion.
    public var draws: Int?
    /// Seed of folds, directions and draws.
    public var seed: UInt64 = 0
    /// Most evaluations, points of a grid along each side; nil for the default of the search.
    public var evaluations: Int?
    /// Whether the λ found is but a start for something that does not depend on it: the search may end early.
    public var isRough = false

    /// The default method.
    public init() {}

    // MARK: - Criteria

    /// Number of random draws.
    public var drawCount: Int { draws ?? criterion.usualDraws ?? 1 }

    /// The criterion.
    ///
    /// - Parameters:
    ///   - rowCount: rows of the problem.
    ///   - labels: one a row, spread evenly over folds; nil means all alike.
    ///   - replicates: what the response is the mean of; nil where that is not known.
    /// - Throws: ``InvalidCriterion`` for more folds than rows or replicates, or without replicates that it needs, and of
    ///   a kind that is not searched.
    public func makeCriterion(
        rowCount: Int, labels: [Int]? = nil, replicates: Replicates? = nil
    ) throws(InvalidCriterion) -> any Criterion {
        try criterion.make(
            CriterionKind.Request(
                rowCount: rowCount, labels: labels, replicates: replicates, noiseVariance: noiseVariance, folds: folds,
                draws: drawCount, seed: seed))
    }

    /// The quantile of noise that λ follows from.
    ///
    /// - Throws: ``InvalidCriterion`` for too few draws, and an autocorrelation that no noise has.
    public func noiseQuantile() throws(InvalidCriterion) -> NoiseQuantile {
        do { return try NoiseQuantile(draws: drawCount, seed: seed, autocorrelation: noiseAutocorrelation) } catch {
            throw InvalidCriterion("\(error)")
        }
    }

    /// Whether a criterion that compares replicates can hold some of these out and fit others.
    public func canHoldOut(_ replicates: Replicates) -> Bool {
        (try? makeCriterion(rowCount: 1, replicates: replicates)) != nil
    }

    // MARK: - Where to look

    /// Where a search for a λ shared by all sources looks, and where it begins, in logarithms.
    ///
    /// - Parameters:
    ///   - largest: λ_max > 0.
    ///   - start: where to begin, as a fraction of λ_max; nil for half of it.
    public func sharedDomain(
        largest: Double, start: Double? = nil
    ) -> (domain: SearchDomain, start: Double) {
        let top = log(largest)
        // Searches that look everywhere would spend their time where solves are slow; the others go there with a reason.
        let floor = search.route == .everywhere ? 0.01 : 0.001
        return (SearchDomain(lower: [top + log(floor)], upper: [top]), top + log(start ?? 0.5))
    }

    /// Where a search for a λ_j of every source looks: from e⁻⁵ to 0.9 of λ_max.
    public func learnedDomain(largest: Double, count: Int) -> SearchDomain {
        SearchDomain(
            lower: [Double](repeating: log(largest) - 5, count: count),
            upper: [Double](repeating: log(largest) + log(0.9), count: count))
    }

    // MARK: - Searches

    /// Runs the search, or takes it up from its record.
    ///
    /// - Parameters:
    ///   - objective: what is minimized.
    ///   - start: where to begin, logarithms of the hyperparameters.
    ///   - domain: where to look; as many hyperparameters as the objective's family has.
    ///   - stop: how exactly each problem is solved.
    ///   - record: to take up; it must be of the same search, criterion, penalty and problem.
    ///   - monitor: progress and cancellation.
    /// - Throws: as ``Search/run(_:from:in:limit:monitor:)`` and ``Search/resume(_:_:limit:monitor:)`` do.
    public func minimize(
        _ objective: SelectionObjective<some PenaltyFamily>, from start: [Double], in domain: SearchDomain,
        stop: StopRule, resuming record: SearchRecord? = nil, monitor: Monitor = .silent
    ) throws -> SearchRecord {
        let limit = SearchLimit(
            maximumEvaluations: search.route == .everywhere ? .max : evaluations ?? 100, stop: stop)
        let search = search.make(
            SearchKind.Request(
                evaluations: evaluations, dimension: domain.dimension, seed: seed, isRough: isRough))
        guard let record else {
            return try search.run(objective, from: start, in: domain, limit: limit, monitor: monitor)
        }
        return try search.resume(record, objective, limit: limit, monitor: monitor)
    }

    /// An objective over a session where the criterion reads the problem alone, else over sessions of its own.
    ///
    /// - Parameters:
    ///   - session: of the problem.
    ///   - family: the penalty as a function of θ.
    ///   - criterion: what judges solutions.
    ///   - parallelism: threads; they change no bit.
    /// - Throws: what ``Criterion/problems(for:)`` throws.
    public func objective<Family: PenaltyFamily>(
        _ session: some SolverSession, family: Family, criterion: any Criterion, parallelism: Parallelism = .serial
    ) throws -> SelectionObjective<Family> {
        if let criterion = criterion as? any FitCriterion {
            return SelectionObjective(
                session: session, family: family, criterion: criterion, hypergradient: hypergradient,
                parallelism: parallelism)
        }
        return try SelectionObjective(
            problem: session.problem, family: family, criterion: criterion, hypergradient: hypergradient,
            parallelism: parallelism)
    }
}
