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
    public struct Memory: Sendable {
        var descent: Descent
        var line: BrentLine?

        /// The next point of the line, if there is one.
        mutating func alongLine(else end: SearchEnd) -> SearchStep {
            line?.next().map { .evaluate([$0], gradient: false) } ?? .end(end)
        }
    }

    /// The start.
    public func begin(at start: [Double], in domain: SearchDomain) -> Memory {
        Memory(descent: Descent(at: start, accuracy: initialAccuracy))
    }

    /// The next trial.
    public func next(after points: [SearchPoint], memory: inout Memory, in domain: SearchDomain) -> SearchStep {
        guard let last = points.last else {
            return .evaluate(memory.descent.logs, gradient: true, accuracy: memory.descent.accuracy)
        }
        if memory.line != nil {
            memory.line?.tell(last.value)
            return memory.alongLine(else: .converged)
        }
        let before = memory.descent
        guard let gradient = last.gradient, last.value.isFinite, before.isNew || before.isEnough(last) else {
            if before.isNew { return .end(.notFinite) }
            memory.line = before.contradiction(last, in: domain)
            if memory.line != nil { return memory.alongLine(else: .converged) }
            return memory.descent.retreat(from: last, shortest: shortestStep, in: domain) ?? .end(.noDescent)
        }
        if before.isNew, last.activeCount == 0, let step = memory.descent.descendFromNothing(in: domain) {
            return step
        }
        memory.descent.accept(last, gradient, in: domain)
        let slope = memory.descent.slope(in: domain)
        if slope <= flatness * (memory.descent.firstSlope ?? 0) {
            memory.line = memory.descent.lastLook(in: domain)
            return memory.alongLine(else: .flat)
        }
        let direction = domain.projected(gradient, at: last.logs).map { -$0 }
        var length = 0.6 / slope
        if !before.isNew {
            let move = zip(last.logs, before.logs).map { $0 - $1 }
            let change = zip(gradient, before.gradient).map { $0 - $1 }
            let bend = zip(move, change).reduce(0) { $0 + $1.0 * $1.1 }
            length =
                bend > 0 ? move.reduce(0) { $0 + $1 * $1 } / bend : 2 * before.length
            if length * slope < shortestStep {
                memory.line = memory.descent.lastLook(in: domain)
                return memory.alongLine(else: .converged)
            }
        }
        return memory.descent.attempt(direction, length: length, in: domain)
    }
}
