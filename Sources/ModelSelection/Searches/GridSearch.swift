/// All points of an even grid, from the upper bounds down: each solution starts from a neighbour's.
public struct GridSearch: Search {
    /// Points along each hyperparameter, at least one.
    public var count: Int

    /// A grid of `count` points a hyperparameter.
    public init(count: Int = 30) { self.count = count }

    /// `grid`.
    public var name: String { "grid" }

    /// Nothing is remembered.
    public func begin(at start: [Double], in domain: SearchDomain) {}

    /// The next point of the grid.
    public func next(after points: [SearchPoint], memory: inout Void, in domain: SearchDomain) -> SearchStep {
        let side = max(1, count)
        var rest = points.count
        var logs = domain.upper
        for k in domain.lower.indices {
            let place = rest % side
            rest /= side
            // Every other row runs backwards, so that neighbours in time are neighbours on the grid.
            let isOdd = k + 1 < domain.dimension && rest % 2 == 1
            let fraction = side > 1 ? Double(isOdd ? side - 1 - place : place) / Double(side - 1) : 0
            logs[k] = domain.upper[k] + fraction * (domain.lower[k] - domain.upper[k])
        }
        return rest > 0 ? .end(.exhausted) : .evaluate(logs, gradient: false)
    }
}

extension SearchKind {
    /// ``GridSearch``.
    public static let grid = SearchKind(
        "grid", help: "an even grid", reach: .few, route: .everywhere
    ) { GridSearch(count: $0.evaluations ?? ($0.dimension == 1 ? 30 : 12)) }
}
