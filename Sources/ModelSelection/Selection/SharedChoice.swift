import Glibc

/// One λ for all blocks, searched for or given, and what follows from it.
public struct SharedChoice: Sendable {
    /// All that was tried, and the choice.
    public let curve: SelectionCurve
    /// The solution at the choice.
    public let solution: Solution
    /// What it is a solution of: the problem asked for, but for factors of its rows where those have a noise level a kind.
    public let problem: RegressionProblem
    /// λ_max; 0 where there is nothing to explain, or nothing to explain it with.
    public let largest: Double
    /// Sweeps over all solves.
    public let epochs: Int
    /// Full passes over the design over all solves, that for λ_max among them.
    public let fullPasses: Int
    /// Why the search ended; nil without one.
    public let end: SearchEnd?

    /// A choice as a search or a method made it.
    public init(
        curve: SelectionCurve, solution: Solution, problem: RegressionProblem, largest: Double, epochs: Int,
        fullPasses: Int, end: SearchEnd?
    ) {
        self.curve = curve
        self.solution = solution
        self.problem = problem
        self.largest = largest
        self.epochs = epochs
        self.fullPasses = fullPasses
        self.end = end
    }
}

extension SelectionMethod {
    /// Searches for one λ.
    ///
    /// - Parameters:
    ///   - session: of the problem; criteria that look at other problems open sessions of their own.
    ///   - family: the penalty as a function of log λ alone; one whose shape is searched over is a programming error.
    ///   - labels: one a row, spread evenly over folds; nil means all alike.
    ///   - replicates: what the response is the mean of; nil where that is not known.
    ///   - stop: how exactly each problem is solved.
    ///   - parallelism: threads; they change no bit.
    ///   - monitor: progress and cancellation.
    /// - Returns: nil where the criterion is finite at no λ.
    /// - Throws: ``InvalidCriterion`` where the criterion does not suit the problem, ``InvalidPenalty``, and
    ///   `CancellationError` where the caller cancelled.
    public func chooseLambda<Penalty>(
        _ session: some SolverSession, family: SharedLambda<Penalty>, labels: [Int]? = nil,
        replicates: Replicates? = nil, stop: StopRule, parallelism: Parallelism = .serial, monitor: Monitor = .silent
    ) throws -> SharedChoice? {
        let largest = session.largestLambda(
            under: Penalty.kind, weights: family.weights, parallelism: parallelism)
        if criterion == .noiseQuantile {
            return try chooseByQuantile(
                session, family: family, labels: labels, largest: largest, stop: stop, parallelism: parallelism,
                monitor: monitor)
        }
        // With nothing to explain, or nothing to explain it with, B = 0 is the answer at every λ.
        guard largest > 0 else {
            return try judge(
                1, largest, session, family, .search(search.name, over: .lambda), stop, parallelism, monitor)
        }
        let criterion = try makeCriterion(rowCount: session.problem.rowCount, labels: labels, replicates: replicates)
        let objective = try objective(session, family: family, criterion: criterion, parallelism: parallelism)
        let (domain, start) = sharedDomain(largest: largest)
        let record = try minimize(objective, from: [start], in: domain, stop: stop, monitor: monitor)
        if record.end == .cancelled { throw CancellationError() }
        guard let best = record.best, best.value.isFinite,
            let curve = SelectionCurve(shared: record, criterion: criterion, largest: largest)
        else { return nil }
        // Inexact values along the way, and criteria that look at parts of the problem, leave its solution to be found.
        let known = objective.best.flatMap { best.relativeGap <= stop.relativeGap ? $0.solution : nil }
        let solution = try known ?? objective.solution(at: best.logs, stop: stop, monitor: monitor)
        if solution.reason == .cancelled { throw CancellationError() }
        let extra = known == nil ? solution.certificate : nil
        return SharedChoice(
            curve: curve, solution: solution, problem: session.problem, largest: largest,
            epochs: record.points.reduce(extra?.epochs ?? 0) { $0 + $1.epochs },
            fullPasses: record.points.reduce(1 + (extra?.fullPasses ?? 0)) { $0 + $1.fullPasses }, end: record.end)
    }

    /// Solves at one given λ, and says what ``SteinRisk`` thinks of it.
    ///
    /// - Parameters:
    ///   - ratio: λ as a fraction of λ_max, above 0 and at most 1.
    ///   - session: of the problem.
    ///   - family: the penalty as a function of log λ alone; one whose shape is searched over is a programming error.
    ///   - stop: how exactly the problem is solved.
    ///   - parallelism: threads; they change no bit.
    ///   - monitor: progress and cancellation.
    /// - Throws: ``InvalidPenalty``, and `CancellationError` where the caller cancelled.
    public func judgeLambda<Penalty>(
        ratio: Double, _ session: some SolverSession, family: SharedLambda<Penalty>, stop: StopRule,
        parallelism: Parallelism = .serial, monitor: Monitor = .silent
    ) throws -> SharedChoice {
        let largest = session.largestLambda(
            under: Penalty.kind, weights: family.weights, parallelism: parallelism)
        return try judge(ratio, largest, session, family, .given, stop, parallelism, monitor)
    }

    private func judge(
        _ ratio: Double, _ largest: Double, _ session: some SolverSession, _ family: SharedLambda<some NamedPenalty>,
        _ origin: SelectionCurve.Origin, _ stop: StopRule, _ parallelism: Parallelism, _ monitor: Monitor
    ) throws -> SharedChoice {
        let risk = SteinRisk(noiseVariance: noiseVariance)
        let objective = try objective(session, family: family, criterion: risk, parallelism: parallelism)
        let logs = [largest > 0 ? log(ratio * largest) : 0]
        let point = try objective.point(at: logs, wantsGradient: false, stop: stop, monitor: monitor)
        guard let point, let solution = objective.best?.solution else { throw CancellationError() }
        let lambda = largest > 0 ? exp(logs[0]) : 0
        let curve = SelectionCurve(
            origin: origin, criterion: risk,
            points: [SelectionPoint(point, lambda: lambda, ratio: largest > 0 ? lambda / largest : 1)],
            chosenIndex: 0, atGridEdge: origin != .given)
        return SharedChoice(
            curve: curve, solution: solution, problem: session.problem, largest: largest, epochs: point.epochs,
            fullPasses: 1 + point.fullPasses, end: nil)
    }
}
