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
        var pairs: [Pair] = []
    }

    /// A step and the change of the gradient along it, with positive curvature.
    struct Pair: Sendable {
        let move: [Double]
        let change: [Double]
        let bend: Double
    }

    /// The start.
    public func begin(at start: [Double], in domain: SearchDomain) -> Memory {
        Memory(
            descent: Descent(at: start, accuracy: initialAccuracy, flatness: flatness, shortestStep: shortestStep))
    }

    /// The next trial.
    public func next(after points: [SearchPoint], memory: inout Memory, in domain: SearchDomain) -> SearchStep {
        switch memory.descent.advance(after: points, in: domain) {
        case .step(let step): return step
        case .stuck:
            // The curvature may have misled; once more along the slope itself.
            guard !memory.pairs.isEmpty else { return .end(.noDescent) }
            memory.pairs = []
        case .accepted(let from):
            guard let from else { break }
            let move = zip(memory.descent.logs, from.logs).map { $0 - $1 }
            let change = zip(memory.descent.gradient, from.gradient).map { $0 - $1 }
            guard move.contains(where: { abs($0) >= shortestStep }) else {
                return memory.descent.finish(.converged, after: points, in: domain)
            }
            let bend = dot(move, change)
            if bend > 1e-10 * (dot(move, move) * dot(change, change)).squareRoot() {
                memory.pairs.append(Pair(move: move, change: change, bend: bend))
                if memory.pairs.count > pairs { memory.pairs.removeFirst() }
            } else if memory.pairs.isEmpty {
                // Without positive curvature the steps grow.
                return memory.descent.attemptSteepest(move: Descent.longestMove, in: domain)
            }
        }
        let projected = domain.projected(memory.descent.gradient, at: memory.descent.logs)
        let direction = Self.direction(projected, memory.pairs)
        guard let direction, dot(direction, projected) < 0 else {
            return memory.descent.attemptSteepest(move: 0.6, in: domain)
        }
        return memory.descent.attempt(direction, length: 1, in: domain)
    }

    /// −H·gradient by the two-loop recursion (Nocedal 1980), zero where the gradient is; nil without pairs.
    private static func direction(_ gradient: [Double], _ pairs: [Pair]) -> [Double]? {
        guard let last = pairs.last else { return nil }
        var direction = gradient
        var alphas: [Double] = []
        for pair in pairs.reversed() {
            let alpha = dot(pair.move, direction) / pair.bend
            alphas.append(alpha)
            direction = zip(direction, pair.change).map { $0 - alpha * $1 }
        }
        let scale = last.bend / dot(last.change, last.change)
        direction = direction.map { $0 * scale }
        for (pair, alpha) in zip(pairs, alphas.reversed()) {
            let beta = dot(pair.change, direction) / pair.bend
            direction = zip(direction, pair.move).map { $0 + (alpha - beta) * $1 }
        }
        return gradient.indices.map { gradient[$0] == 0 ? 0 : -direction[$0] }
    }
}

/// ⟨a, b⟩.
func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

extension SearchKind {
    /// ``QuasiNewtonSearch``.
    public static let quasiNewton = SearchKind(
        "l-bfgs", help: "quasi-Newton steps", reach: .many
    ) { _ in QuasiNewtonSearch() }
}
