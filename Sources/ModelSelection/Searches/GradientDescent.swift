/// Gradient descent without a line search: every step is taken, and its length is halved whenever the criterion rose.
///
/// The first step moves the steepest hyperparameter by ``firstMove``.
public struct GradientDescent: Search {
    /// How far the first step goes, in natural logarithms.
    public var firstMove = 0.7
    /// The search ends where a step is shorter than this.
    public var shortestStep = 5e-3
    /// The search ends where the largest slope is below this part of the first one.
    public var flatness = 1e-3

    /// A search with its default settings.
    public init() {}

    /// `gradient`.
    public var name: String { "gradient" }

    /// The step length, as a factor of the slope.
    public struct Memory: Sendable {
        var start: [Double]
        var rate: Double?
        var firstSlope = 0.0
    }

    /// The start.
    public func begin(at start: [Double], in domain: SearchDomain) -> Memory { Memory(start: start) }

    /// A step from the last point.
    public func next(after points: [SearchPoint], memory: inout Memory, in domain: SearchDomain) -> SearchStep {
        guard let last = points.last else { return .evaluate(memory.start, gradient: true) }
        guard let gradient = last.gradient, last.value.isFinite else { return .end(.notFinite) }
        if last.activeCount == 0, memory.rate == nil, let lower = domain.below(last.logs) {
            return .evaluate(lower, gradient: true)
        }
        let projected = domain.projected(gradient, at: last.logs)
        let slope = projected.reduce(0) { max($0, abs($1)) }
        guard slope > flatness * memory.firstSlope else { return .end(.flat) }
        var rate = memory.rate ?? firstMove / slope
        if memory.rate == nil { memory.firstSlope = slope }
        if points.count > 1, last.value > points[points.count - 2].value { rate *= 0.5 }
        memory.rate = rate
        guard rate * slope >= shortestStep else { return .end(.converged) }
        let limited = min(rate, Descent.longestMove / slope)
        return .evaluate(
            domain.clamp(last.logs.indices.map { last.logs[$0] - limited * projected[$0] }), gradient: true)
    }
}

extension SearchKind {
    /// ``GradientDescent``.
    public static let gradient = SearchKind(
        "gradient", help: "steps along the gradient", reach: .many
    ) { _ in GradientDescent() }
}
