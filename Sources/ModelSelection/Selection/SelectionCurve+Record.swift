import Glibc

extension SelectionCurve {
    /// The curve of a search over one λ; nil where nothing was evaluated.
    ///
    /// The choice is at an edge where it is the largest or smallest λ of a search that passes over a range, or lies at a
    /// bound of the domain of one that goes where the criterion falls (``SearchKind/Route``).
    ///
    /// - Parameters:
    ///   - record: a search over log λ.
    ///   - criterion: what was minimized.
    ///   - largest: λ_max > 0.
    public init?(shared record: SearchRecord, criterion: any Criterion, largest: Double) {
        guard let best = record.best else { return nil }
        let sorted = record.points.sorted { $0.logs[0] > $1.logs[0] }
        let index = sorted.firstIndex { $0.logs == best.logs } ?? 0
        let isEnd = record.end != .enough && (index == 0 || index == sorted.count - 1)
        let isBound = best.logs[0] <= record.domain.lower[0] || best.logs[0] >= record.domain.upper[0]
        let passes = SearchKind.named(record.search).map { $0.route != .downhill } ?? false
        self.init(
            origin: .search(record.search, over: .lambda), criterion: criterion,
            points: sorted.map { point in
                SelectionPoint(point, lambda: exp(point.logs[0]), ratio: exp(point.logs[0]) / largest)
            },
            chosenIndex: index, atGridEdge: isEnd && (passes || isBound))
    }

    /// The history of a search over a λ_j for every source; nil where nothing was evaluated.
    ///
    /// λ is the geometric mean of the λ_j. With as many bounds as sources some λ_j always end at one: sources that are
    /// shut out, and no edge in the sense of a curve.
    public init?(learned record: SearchRecord, criterion: any Criterion, largest: Double) {
        guard let best = record.best, let index = record.points.firstIndex(where: { $0.logs == best.logs }) else {
            return nil
        }
        self.init(
            origin: .search(record.search, over: .evaluation), criterion: criterion,
            points: record.points.map { point in
                let mean = exp(point.logs.reduce(0, +) / Double(max(1, point.logs.count)))
                return SelectionPoint(point, lambda: mean, ratio: mean / largest)
            },
            chosenIndex: index, atGridEdge: false)
    }

    /// A curve of a criterion.
    init(origin: Origin, criterion: any Criterion, points: [SelectionPoint], chosenIndex: Int, atGridEdge: Bool) {
        self.init(
            origin: origin, criterion: criterion.name, estimatesRisk: criterion.estimatesRisk, points: points,
            chosenIndex: chosenIndex, atGridEdge: atGridEdge)
    }
}

extension SelectionPoint {
    /// What a search evaluated, at a λ.
    init(_ point: SearchPoint, lambda: Double, ratio: Double) {
        self.init(
            lambda: lambda, ratio: ratio, criterion: point.value, degreesOfFreedom: point.degreesOfFreedom ?? .nan,
            squaredResidual: point.squaredResidual, activeCount: point.activeCount,
            relativeGap: point.relativeGap.isFinite ? point.relativeGap : .nan,
            seconds: point.seconds)
    }
}
