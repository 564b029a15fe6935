/// L-BFGS with bounds (Byrd et al. 1995), by projection (Bertsekas 1982): hyperparameters at a bound whose slope points out
/// of the box stay there, the others move along the quasi-Newton direction, and trial steps are clipped.
public struct QuasiNewtonSearch: Search {
    /// Pairs of steps and changes of the gradient that are kept.
    public var pairs = 8
    /// Gap of the first solves, in units of the caller's.
    public var initialAccuracy = 30.0
    /// The search ends where the largest slope is below this part of the first one…
    public var flatness = 1e-4
    /// … or a step is shorter than this, in natural logarithms.
    public var shortestStep = 1e-3

    /// A search with its default settings.
    public init() {}

    /// `l-bfgs`.
    public var name: String { "l-bfgs" }

    /// Where it stands, and the curvature seen.
    public struct Memory: Sendable {
        var descent: Descent
        var line: BrentLine?

        /// The next point of the line, if there is one.
        mutating func alongLine(else end: SearchEnd) -> SearchStep {
            line?.next().map { .evaluate([$0], gradient: false) } ?? .end(end)
        }
        var moves: [[Double]] = []
        var changes: [[Double]] = []
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
            if let step = memory.descent.retreat(from: last, shortest: shortestStep, in: domain) { return step }
            // The curvature may have misled; once more along the slope itself.
            guard !memory.moves.isEmpty else { return .end(.noDescent) }
            memory.moves = []
            memory.changes = []
            return steepest(&memory.descent, domain)
        }
        if before.isNew, last.activeCount == 0, let step = memory.descent.descendFromNothing(in: domain) {
            return step
        }
        memory.descent.accept(last, gradient, in: domain)
        if memory.descent.slope(in: domain) <= flatness * (memory.descent.firstSlope ?? 0) {
            memory.line = memory.descent.lastLook(in: domain)
            return memory.alongLine(else: .flat)
        }
        if !before.isNew {
            let move = zip(last.logs, before.logs).map { $0 - $1 }
            let change = zip(gradient, before.gradient).map { $0 - $1 }
            if move.reduce(0, { max($0, abs($1)) }) < shortestStep {
                memory.line = memory.descent.lastLook(in: domain)
                return memory.alongLine(else: .converged)
            }
            let bend = Self.dot(move, change)
            if bend > 1e-10 * (Self.dot(move, move) * Self.dot(change, change)).squareRoot() {
                memory.moves.append(move)
                memory.changes.append(change)
                if memory.moves.count > pairs {
                    memory.moves.removeFirst()
                    memory.changes.removeFirst()
                }
            }
        }
        guard let change = memory.changes.last, let move = memory.moves.last else {
            if before.isNew { return steepest(&memory.descent, domain) }
            // Without positive curvature the steps grow.
            let direction = domain.projected(gradient, at: last.logs).map { -$0 }
            let largest = max(direction.reduce(0) { max($0, abs($1)) }, .leastNormalMagnitude)
            return memory.descent.attempt(direction, length: Descent.longestMove / largest, in: domain)
        }
        let projected = domain.projected(gradient, at: last.logs)
        var direction = projected
        var coefficients: [Double] = []
        for (s, y) in zip(memory.moves, memory.changes).reversed() {
            let alpha = Self.dot(s, direction) / Self.dot(s, y)
            coefficients.append(alpha)
            direction = zip(direction, y).map { $0 - alpha * $1 }
        }
        let scale = Self.dot(move, change) / Self.dot(change, change)
        direction = direction.map { $0 * scale }
        for ((s, y), alpha) in zip(zip(memory.moves, memory.changes), coefficients.reversed()) {
            let beta = Self.dot(y, direction) / Self.dot(s, y)
            direction = zip(direction, s).map { $0 + (alpha - beta) * $1 }
        }
        direction = direction.indices.map { projected[$0] == 0 ? 0 : -direction[$0] }
        guard Self.dot(direction, projected) < 0 else { return steepest(&memory.descent, domain) }
        return memory.descent.attempt(direction, length: 1, in: domain)
    }

    private func steepest(_ descent: inout Descent, _ domain: SearchDomain) -> SearchStep {
        let direction = domain.projected(descent.gradient, at: descent.logs).map { -$0 }
        let largest = max(direction.reduce(0) { max($0, abs($1)) }, .leastNormalMagnitude)
        return descent.attempt(direction, length: 0.6 / largest, in: domain)
    }

    private static func dot(_ a: [Double], _ b: [Double]) -> Double {
        zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
    }
}
