import Glibc

/// Adam (Kingma & Ba 2015): steps along a running mean of the gradient over the root of a running mean of its square, of a
/// length that shrinks as evaluations go by. It never looks back, and therefore passes over kinks and jumps.
public struct AdamSearch: Search {
    /// Length of the first steps, in natural logarithms.
    public var rate: Double
    /// Steps after which the length has halved.
    public var halfLife: Double
    /// The search ends where the largest move is shorter than this.
    public var shortestStep = 2e-3

    /// - Parameters:
    ///   - rate: length of the first steps, in natural logarithms.
    ///   - halfLife: steps after which the length has halved.
    public init(rate: Double = 0.3, halfLife: Double = 12) {
        self.rate = rate
        self.halfLife = halfLife
    }

    /// `adam`.
    public var name: String { "adam" }

    /// The running means.
    public struct Memory: Sendable {
        var start: [Double]
        var first: [Double]
        var second: [Double]
        /// Steps taken along them.
        var steps = 0
    }

    /// The start, without momentum.
    public func begin(at start: [Double], in domain: SearchDomain) -> Memory {
        let zero = [Double](repeating: 0, count: start.count)
        return Memory(start: start, first: zero, second: zero)
    }

    /// The next step.
    public func next(after points: [SearchPoint], memory: inout Memory, in domain: SearchDomain) -> SearchStep {
        guard let last = points.last else { return .evaluate(memory.start, gradient: true) }
        guard let gradient = last.gradient, last.value.isFinite else { return .end(.notFinite) }
        if last.activeCount == 0, memory.steps == 0, let lower = domain.below(last.logs) {
            return .evaluate(lower, gradient: true)
        }
        let (beta1, beta2) = (0.8, 0.95)
        memory.steps += 1
        let count = Double(memory.steps)
        let length = rate * pow(0.5, (count - 1) / halfLife)
        var logs = last.logs
        for k in logs.indices {
            memory.first[k] = beta1 * memory.first[k] + (1 - beta1) * gradient[k]
            memory.second[k] = beta2 * memory.second[k] + (1 - beta2) * gradient[k] * gradient[k]
            let mean = memory.first[k] / (1 - pow(beta1, count))
            let root = (memory.second[k] / (1 - pow(beta2, count))).squareRoot()
            if root > 0 { logs[k] -= length * mean / root }
        }
        let clamped = domain.clamp(logs)
        // Momentum ends at a bound.
        for k in logs.indices where clamped[k] != logs[k] { memory.first[k] = 0 }
        logs = clamped
        guard zip(logs, last.logs).contains(where: { abs($0 - $1) >= shortestStep }) else { return .end(.converged) }
        return .evaluate(logs, gradient: true)
    }
}

extension SearchKind {
    /// ``AdamSearch``.
    public static let adam = SearchKind(
        "adam", help: "steps along running means of the gradient", reach: .many
    ) { _ in AdamSearch() }
}
