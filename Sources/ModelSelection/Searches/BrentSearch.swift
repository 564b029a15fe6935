/// Brent's minimization without derivatives, for one hyperparameter; for two, along one after the other in turns.
///
/// It looks at values alone and therefore stands the jumps that exact degrees of freedom have. With one hyperparameter the
/// line is coarse, and up to 15 evaluations in all are spent on where a lower well may hide (``WellSearch``).
public struct BrentSearch: Search {
    /// The first step of the bracket, in natural logarithms.
    public var stride = 0.6
    /// With two hyperparameters, width of the bracket at which a line ends.
    public var resolution = 0.06
    /// With two hyperparameters, most turns through both.
    public var maximumTurns = 5
    /// Width of the bracket at which the line of a single hyperparameter ends.
    static let coarseResolution = 0.15

    /// A search with its default settings.
    public init() {}

    /// `brent`.
    public var name: String { "brent" }

    /// The line it is on.
    public struct Memory: Sendable {
        var logs: [Double]
        var coordinate = 0
        var turn = 0
        var line: BrentLine
        var isWaiting = false
        /// How far the current turn has moved.
        var moved = 0.0
    }

    /// A line along the first hyperparameter.
    public func begin(at start: [Double], in domain: SearchDomain) -> Memory {
        Memory(logs: start, line: line(0, start, domain, stride))
    }

    private func line(_ k: Int, _ logs: [Double], _ domain: SearchDomain, _ stride: Double) -> BrentLine {
        BrentLine(
            from: logs[k], within: domain.bounds(k), stride: stride,
            resolution: domain.dimension == 1 ? Self.coarseResolution : resolution)
    }

    /// The next point of the line, or the first of the next line.
    public func next(after points: [SearchPoint], memory: inout Memory, in domain: SearchDomain) -> SearchStep {
        if memory.isWaiting, let last = points.last {
            memory.line.tell(last.value)
            memory.isWaiting = false
        }
        while true {
            if let u = memory.line.next() {
                var logs = memory.logs
                logs[memory.coordinate] = u
                // The first point of a further line is known already.
                if let known = points.last(where: { $0.logs == logs }) {
                    memory.line.tell(known.value)
                    continue
                }
                memory.isWaiting = true
                return .evaluate(logs, gradient: false)
            }
            guard domain.dimension > 1 else {
                return WellSearch.next(after: points, in: domain) ?? .end(.converged)
            }
            let k = memory.coordinate
            memory.moved += abs(memory.line.best - memory.logs[k])
            memory.logs[k] = memory.line.best
            memory.coordinate = (k + 1) % domain.dimension
            if memory.coordinate == 0 {
                if memory.moved <= resolution { return .end(.converged) }
                memory.turn += 1
                memory.moved = 0
                if memory.turn >= maximumTurns { return .end(.exhausted) }
            }
            memory.line = line(memory.coordinate, memory.logs, domain, memory.turn == 0 ? stride : stride / 2)
        }
    }
}

extension SearchKind {
    /// ``BrentSearch``.
    public static let brent = SearchKind(
        "brent", help: "parabolas and golden sections, without derivatives", reach: .few
    ) { _ in BrentSearch() }
}
