import Glibc

/// Chooses λ by a criterion: a descending path with warm starts that stops when the criterion has clearly turned, then
/// a refinement around the minimum (Brent 1973, in log λ).
///
/// A search ends ``SearchEnd/edge`` where the minimum stays at an end of what was tried, and the curve says so, too.
public struct PathSearch: Search {
    /// λ shrinks by this factor from point to point…
    public var factor = 0.8
    /// … and by its square where the last such step gained more than this part of all that was gained since λ_max: the
    /// minimum is not near.
    public var steepness = 0.1
    /// The path ends at this fraction of λ_max, unless its last point is the best so far: then at the lower bound of the
    /// domain.
    public var floor = 0.01
    /// The path also ends where the fit has this part of as many degrees of freedom as the data have entries…
    public var saturation = 0.9
    /// … or this many active columns a row of the data: beyond either, the data are fitted rather than explained, and
    /// every further λ costs more than all before it.
    public var columnsPerRow = 3.0
    /// With this many active columns a row the path ends, too, as ``SearchEnd/enough``…
    public var enoughColumnsPerRow = Double.infinity
    /// … and where a step gained less than this part of all that was gained since λ_max, and less than half as much as the
    /// one before: the next would gain nothing, if the curve is a parabola.
    public var enoughGained = 0.0
    /// How many points in a row above the minimum count as a turn…
    public var pointsPastMinimum = 2
    /// … if the last of them is above it by this part of what was gained since λ_max.
    public var rise = 0.01
    /// A single point does, if it is above it by this part and the slope there says that the criterion rises on: every
    /// further point costs more than the one before. Infinite: no slope is asked for.
    public var slopedRise = 0.002
    /// Width of the bracket in log λ at which the refinement ends; it also ends where parabolas have proved right and the
    /// next leads nowhere.
    public var resolution = 0.04
    /// Most evaluations of the refinement.
    public var maximumRefinements = 6

    /// A search with its default settings.
    public init() {}

    /// For a λ that is but a start: the first point that is higher ends the path; so do 1.5 active columns a row, and a
    /// point hardly lower than the one before. The minimum is not refined.
    public static var rough: PathSearch {
        var search = PathSearch()
        (search.pointsPastMinimum, search.rise, search.slopedRise) = (1, 0, .infinity)
        (search.enoughColumnsPerRow, search.enoughGained) = (1.5, 0.03)
        search.maximumRefinements = 0
        return search
    }

    /// `path`.
    public var name: String { "path" }

    /// Where the path stands.
    public struct Memory: Sendable {
        /// The λ to evaluate next.
        var log: Double
        var best = Double.infinity
        var since = 0
        var line: BrentLine?
    }

    /// The upper bound of the domain, whatever the start.
    public func begin(at start: [Double], in domain: SearchDomain) -> Memory { Memory(log: domain.upper[0]) }

    /// The next λ of the path, or of the refinement.
    public func next(after points: [SearchPoint], memory: inout Memory, in domain: SearchDomain) -> SearchStep {
        guard let last = points.last else { return .evaluate([memory.log], gradient: false) }
        if memory.line != nil {
            memory.line?.tell(last.value)
            return refinement(&memory)
        }
        if last.value < memory.best {
            memory.best = last.value
            memory.since = 0
        } else {
            memory.since += 1
        }
        let gained = points[0].value - memory.best
        let fall = memory.since == 0 ? fall(along: points) : 0
        let step = fall > steepness * gained ? 2 * log(factor) : log(factor)
        memory.log = max(last.logs[0] + step, domain.lower[0])
        let isLow =
            last.logs[0] <= domain.lower[0]
            || (memory.since > 0 && memory.log - domain.upper[0] < log(floor) - 1e-9)
        let isSaturated = last.saturation > saturation || last.columnsPerRow > columnsPerRow
        if memory.since == 0, last.columnsPerRow > enoughColumnsPerRow { return .end(.enough) }
        if memory.since == 0, fall < enoughGained * gained, 2 * fall < self.fall(along: points.dropLast()) {
            return .end(.enough)
        }
        guard isTurned(last, memory, gained: gained) || isLow || isSaturated else {
            return .evaluate([memory.log], gradient: slopedRise < .infinity)
        }
        // Brent's minimization between the neighbours of the best point.
        let middle = points.indices.min { points[$0].value < points[$1].value } ?? 0
        guard middle > 0, middle < points.count - 1 else { return .end(.edge) }
        func place(_ k: Int) -> BrentLine.Place { (points[k].logs[0], points[k].value) }
        memory.line = BrentLine(
            bracket: (place(middle + 1), place(middle - 1)), middle: place(middle), resolution: resolution,
            refinements: maximumRefinements, agreement: 1e-4 * gained)
        return refinement(&memory)
    }

    /// By how much one step of ``factor`` lowered the criterion on the way to the last point; 0 where that is the first.
    private func fall(along points: some BidirectionalCollection<SearchPoint>) -> Double {
        guard let last = points.last, let before = points.dropLast().last else { return 0 }
        return (before.value - last.value) * log(factor) / (last.logs[0] - before.logs[0])
    }

    /// Whether the criterion has clearly turned.
    private func isTurned(_ last: SearchPoint, _ memory: Memory, gained: Double) -> Bool {
        // Where nothing was gained at all, twice as many points are looked at before giving up.
        guard gained > 0 else { return memory.since >= 2 * pointsPastMinimum }
        let risen = (last.value - memory.best) / gained
        if memory.since >= pointsPastMinimum, risen > rise { return true }
        return memory.since > 0 && risen > slopedRise && (last.gradient?[0] ?? 0) < 0
    }

    private func refinement(_ memory: inout Memory) -> SearchStep {
        memory.line?.next().map { .evaluate([$0], gradient: false) } ?? .end(.converged)
    }
}

extension SearchKind {
    /// ``PathSearch``.
    public static let path = SearchKind(
        "path", help: "down from λ_max until the criterion turns, then refined", reach: .one, route: .path
    ) { $0.isRough ? .rough : PathSearch() }
}
