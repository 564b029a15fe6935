/// With one hyperparameter: where, among the points that a local search has left behind, a lower value may still hide.
///
/// Exact degrees of freedom jump wherever a block enters, and cross-validation has wells of its own: a search that follows
/// one well need not have found the lowest. Two kinds of knowledge say where to look on:
/// - Where a criterion is a function of residual and degrees of freedom, neither of which can be less between two points
///   than the smaller of theirs (the residual falls with λ, the degrees of freedom rise but for rare exceptions), the value
///   between them has a lower bound (as in the search of Piyavskii 1972). The interval whose bound and better end together
///   promise most is halved.
/// - Elsewhere curves are smooth, and a Gaussian process says where an improvement is to be expected (``BayesianSearch``).
enum WellSearch {
    /// Evaluations in all, those of the local search included, beyond which nothing more is looked at.
    static let maximumEvaluations = 15
    /// What may remain to be gained, as a part of the range of values seen.
    private static let (boundTolerance, processTolerance) = (0.003, 0.001)
    /// Distance from the upper bound, in natural logarithms, that is not left unseen.
    private static let farAbove = 1.2
    /// Width, in natural logarithms, below which an interval is not halved.
    private static let narrowest = 0.01

    /// The next place to evaluate; nil when there is none.
    static func next(after points: [SearchPoint], in domain: SearchDomain) -> SearchStep? {
        let finite = points.filter { $0.value.isFinite }.sorted { $0.logs[0] < $1.logs[0] }
        guard domain.dimension == 1, points.count < maximumEvaluations, let lowest = finite.first,
            let highest = finite.last
        else { return nil }
        if finite.allSatisfy({ $0.residualSlope != nil }) {
            // Far above all points visited there is the upper bound, where nothing is active and a solve costs little.
            if domain.upper[0] - highest.logs[0] > farAbove { return .evaluate(domain.upper, gradient: false) }
            return halving(finite).map { .evaluate([$0], gradient: false) }
        }
        // No more than a factor of ten below what was visited, and nothing where the data were fitted already: there every
        // solve costs more than all before it.
        let room = lowest.columnsPerRow < 1 ? 2.3 : 0
        let around = SearchDomain(lower: [max(domain.lower[0], lowest.logs[0] - room)], upper: domain.upper)
        var start = domain.upper
        let step = BayesianSearch(count: maximumEvaluations, initialCount: 1, tolerance: processTolerance)
            .next(after: finite, memory: &start, in: around)
        guard case .evaluate(let logs, _, _) = step,
            !points.contains(where: { abs($0.logs[0] - logs[0]) < narrowest / 10 })
        else { return nil }
        return step
    }

    /// The middle of the most promising interval; nil where none promises enough.
    ///
    /// - Parameter points: ascending, each with its slope.
    private static func halving(_ points: [SearchPoint]) -> Double? {
        let values = points.map(\.value)
        guard let least = values.min(), let most = values.max() else { return nil }
        var winner: (promise: Double, middle: Double)?
        for (low, high) in zip(points, points.dropFirst()) where high.logs[0] - low.logs[0] >= narrowest {
            let bound = high.value + (high.residualSlope ?? 0) * (low.squaredResidual - high.squaredResidual)
            let promise = 0.4 * bound + 0.6 * min(low.value, high.value)
            if promise < winner?.promise ?? .infinity { winner = (promise, 0.5 * (low.logs[0] + high.logs[0])) }
        }
        guard let winner, winner.promise < least - boundTolerance * (most - least) else { return nil }
        return winner.middle
    }
}
