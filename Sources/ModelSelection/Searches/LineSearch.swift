/// Steepest descent with a backtracking line search and inexact inner solves (after Pedregosa 2016): the problems are solved
/// roughly at first, and the more exactly the closer the search comes.
///
/// The first trial of a step has the length of Barzilai & Borwein (1988), which follows the curvature.
public struct LineSearch: Search {
    /// Gap of the first solves, in units of the caller's.
    public var initialAccuracy = 100.0
    /// The search ends where the largest slope is below this part of the first one…
    public var flatness = 1e-4
    /// … or a step is shorter than this, in natural logarithms.
    public var shortestStep = 1e-3

    /// A search with its default settings.
    public init() {}

    /// `line-search`.
    public var name: String { "line-search" }

    /// Where it stands.
    public struct Memory: Sendable { var descent: Descent }

    /// The start.
    public func begin(at start: [Double], in domain: SearchDomain) -> Memory {
        Memory(
            descent: Descent(at: start, accuracy: initialAccuracy, flatness: flatness, shortestStep: shortestStep))
    }

    /// The next trial.
    public func next(after points: [SearchPoint], memory: inout Memory, in domain: SearchDomain) -> SearchStep {
        let from: Descent.Place?
        switch memory.descent.advance(after: points, in: domain) {
        case .step(let step): return step
        case .stuck: return .end(.noDescent)
        case .accepted(let place): from = place
        }
        guard let from else { return memory.descent.attemptSteepest(move: 0.6, in: domain) }
        let move = zip(memory.descent.logs, from.logs).map { $0 - $1 }
        let change = zip(memory.descent.gradient, from.gradient).map { $0 - $1 }
        let bend = dot(move, change)
        let length = bend > 0 ? dot(move, move) / bend : 2 * from.length
        let reach = length * memory.descent.slope(in: domain)
        guard reach >= shortestStep else { return memory.descent.finish(.converged, after: points, in: domain) }
        return memory.descent.attemptSteepest(move: reach, in: domain)
    }
}

extension SearchKind {
    /// ``LineSearch``.
    public static let lineSearch = SearchKind(
        "line-search", help: "steepest descent with backtracking", reach: .many
    ) { _ in LineSearch() }
}
