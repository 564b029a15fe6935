import Foundation

/// A criterion and a search by their names, with all that they depend on: where names become what they stand for.
public struct SelectionMethod: Sendable, Equatable {
    /// What makes a choice good.
    public var criterion = CriterionName.sure
    /// How it is searched for.
    public var search = SearchName.path
    /// How gradients are computed.
    public var hypergradient = HypergradientName.implicit
    /// σ²: variance of an entry of the noise in Y.
    public var noiseVariance = 1.0
    /// Folds; one is held out where there are no turns.
    public var folds = 5
    /// Random directions of ``CriterionName/monteCarlo``.
    public var draws = 1
    /// Seed of folds, directions and draws.
    public var seed: UInt64 = 0
    /// Most evaluations, points of a grid along each side; nil for the default of the search.
    public var evaluations: Int?

    /// The default method.
    public init() {}

    // MARK: - Criteria

    /// The criterion.
    ///
    /// - Parameters:
    ///   - rowCount: rows of the problem.
    ///   - labels: one a row, spread evenly over folds; nil means all alike.
    ///   - replicates: what the response is the mean of; nil where that is not known.
    /// - Throws: ``InvalidCriterion`` for more folds than rows or replicates, or without replicates that it needs. The
    ///   evidence is no function of a solution and has no criterion.
    public func makeCriterion(
        rowCount: Int, labels: [Int]? = nil, replicates: Replicates? = nil
    ) throws(InvalidCriterion) -> any Criterion {
        switch criterion {
        case .sure: return SteinRisk(noiseVariance: noiseVariance)
        case .monteCarlo: return MonteCarloSteinRisk(noiseVariance: noiseVariance, draws: draws, seed: seed)
        case .heldOut:
            return HeldOutRows(try RowSplit(rowCount: rowCount, folds: folds, labels: labels, seed: seed).folds[0])
        case .kfold:
            return HeldOutRows(
                crossValidating: try RowSplit(rowCount: rowCount, folds: folds, labels: labels, seed: seed))
        case .gcv: return GeneralizedCrossValidation()
        case .aic: return InformationCriterion(.akaike, noiseVariance: noiseVariance)
        case .bic: return InformationCriterion(.bayesian, noiseVariance: noiseVariance)
        case .ebic: return InformationCriterion(.extended(gamma: 0.5), noiseVariance: noiseVariance)
        case .evidence: throw InvalidCriterion("the evidence as a criterion of a search; it has updates of its own")
        case .heldOutEpochs, .kfoldEpochs:
            guard let replicates, replicates.responses.count > 1 else {
                throw InvalidCriterion("no single epochs to hold out; expected a recording of epochs")
            }
            let count = replicates.responses.count
            guard folds >= 2, folds <= count else {
                throw InvalidCriterion("\(folds) folds of \(count) epochs; expected from 2 to as many as epochs")
            }
            let split = try RowSplit(rowCount: count, folds: folds, seed: seed).folds
            guard criterion == .heldOutEpochs else { return try HeldOutReplicates(replicates, folds: split) }
            // Of a bootstrap the first fold may be empty.
            let present = Set(replicates.present)
            return try HeldOutReplicates(
                replicates, folds: split.first { !present.isDisjoint(with: $0) }.map { [$0] } ?? [])
        }
    }

    /// Whether a criterion that compares replicates can hold some of these out and fit others.
    public func canHoldOut(_ replicates: Replicates) -> Bool {
        (try? makeCriterion(rowCount: 1, replicates: replicates)) != nil
    }

    // MARK: - Where to look

    /// Where a search for a λ shared by all sources looks, and where it begins, in logarithms.
    ///
    /// - Parameter largest: λ_max > 0.
    public func sharedDomain(
        largest: Double, start: Double? = nil
    ) -> (domain: SearchDomain, start: Double) {
        let top = log(largest)
        return (SearchDomain(lower: [top + log(floor)], upper: [top]), top + log(start ?? 0.5))
    }

    /// Searches that look everywhere would spend their time where solves are slow; the others go there with a reason.
    public var floor: Double { search.looksEverywhere ? 0.01 : 0.001 }

    /// Where a search for a λ_j of every source looks: from e⁻⁵ to 0.9 of λ_max.
    public func learnedDomain(largest: Double, count: Int) -> SearchDomain {
        SearchDomain(
            lower: [Double](repeating: log(largest) - 5, count: count),
            upper: [Double](repeating: log(largest) + log(0.9), count: count))
    }

    // MARK: - Searches

    /// Runs the search, or takes it up from its record.
    ///
    /// - Throws: as ``Search/run(_:from:in:limit:monitor:)`` and ``Search/resume(_:_:limit:monitor:)`` do.
    public func minimize(
        _ objective: SelectionObjective<some PenaltyFamily>, from start: [Double], in domain: SearchDomain,
        stop: StopRule, resuming record: SearchRecord? = nil, monitor: Monitor = .silent
    ) throws -> SearchRecord {
        func run(_ search: some Search, _ most: Int) throws -> SearchRecord {
            let limit = SearchLimit(maximumEvaluations: most, stop: stop)
            guard let record else {
                return try search.run(objective, from: start, in: domain, limit: limit, monitor: monitor)
            }
            return try search.resume(record, objective, limit: limit, monitor: monitor)
        }
        switch search {
        case .path: return try run(PathSearch(), evaluations ?? 100)
        case .brent: return try run(BrentSearch(), evaluations ?? 100)
        case .grid: return try run(GridSearch(count: evaluations ?? (domain.dimension == 1 ? 30 : 12)), .max)
        case .random: return try run(RandomSearch(count: evaluations ?? 30, seed: seed), .max)
        case .bayesian: return try run(BayesianSearch(count: evaluations ?? 25, seed: seed), .max)
        case .gradient: return try run(GradientDescent(), evaluations ?? 100)
        case .lineSearch: return try run(LineSearch(), evaluations ?? 100)
        case .quasiNewton: return try run(QuasiNewtonSearch(), evaluations ?? 100)
        case .adam: return try run(AdamSearch(), evaluations ?? 100)
        }
    }

    /// An objective over a session where the criterion reads the problem alone, else over sessions of its own.
    ///
    /// - Throws: what ``Criterion/problems(for:)`` throws.
    public func objective<Family: PenaltyFamily>(
        _ session: some SolverSession, family: Family, criterion: any Criterion, parallelism: Parallelism = .serial
    ) throws -> SelectionObjective<Family> {
        let source = hypergradient.source(for: Family.self)
        if let criterion = criterion as? any FitCriterion {
            return SelectionObjective(
                session: session, family: family, criterion: criterion, hypergradient: source, parallelism: parallelism)
        }
        return try SelectionObjective(
            problem: session.problem, family: family, criterion: criterion, hypergradient: source,
            parallelism: parallelism)
    }
}
