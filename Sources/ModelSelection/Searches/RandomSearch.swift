/// Points drawn evenly over the domain (Bergstra & Bengio 2012), the start first.
public struct RandomSearch: Search {
    /// Number of points.
    public var count: Int
    /// Seed of the draws.
    public var seed: UInt64

    /// A search of `count` points.
    public init(count: Int = 30, seed: UInt64 = 0) {
        self.count = count
        self.seed = seed
    }

    /// `random`.
    public var name: String { "random" }

    /// The start.
    public func begin(at start: [Double], in domain: SearchDomain) -> [Double] { start }

    /// The next draw; each has a seed of its own, so that it does not matter how many were drawn before.
    public func next(after points: [SearchPoint], memory: inout [Double], in domain: SearchDomain) -> SearchStep {
        guard points.count < count else { return .end(.exhausted) }
        guard !points.isEmpty else { return .evaluate(memory, gradient: false) }
        var random = SeededGenerator(seed: seed &+ UInt64(points.count) &* 0x9E37_79B9_7F4A_7C15)
        let logs = domain.lower.indices.map {
            domain.lower[$0] + random.uniform() * (domain.upper[$0] - domain.lower[$0])
        }
        return .evaluate(logs, gradient: false)
    }
}

extension SearchKind {
    /// ``RandomSearch``.
    public static let random = SearchKind(
        "random", help: "points drawn evenly", reach: .many, route: .everywhere
    ) { RandomSearch(count: $0.evaluations ?? 30, seed: $0.seed) }
}
