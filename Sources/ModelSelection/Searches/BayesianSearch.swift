import Glibc

/// Bayesian optimization: a Gaussian process over what was evaluated says where the largest improvement is expected (Jones et
/// al. 1998). For a few hyperparameters.
public struct BayesianSearch: Search {
    /// Number of points.
    public var count: Int
    /// Points spread over the domain before the process is asked, the start among them.
    public var initialCount: Int
    /// The search ends where the expected improvement is below this part of the range of values seen.
    public var tolerance: Double
    /// Seed of the places at which the process is asked.
    public var seed: UInt64

    /// - Parameters:
    ///   - count: number of points.
    ///   - initialCount: points before the process is asked, the start among them.
    ///   - tolerance: expected improvement, in parts of the range of values seen, below which the search ends.
    ///   - seed: of the places at which the process is asked.
    public init(count: Int = 25, initialCount: Int = 4, tolerance: Double = 1e-5, seed: UInt64 = 0) {
        self.count = count
        self.initialCount = initialCount
        self.tolerance = tolerance
        self.seed = seed
    }

    /// `bayesian`.
    public var name: String { "bayesian" }

    /// The start.
    public func begin(at start: [Double], in domain: SearchDomain) -> [Double] { start }

    /// The first points, then the place of largest expected improvement.
    public func next(after points: [SearchPoint], memory: inout [Double], in domain: SearchDomain) -> SearchStep {
        guard points.count < count else { return .end(.exhausted) }
        guard !points.isEmpty else { return .evaluate(memory, gradient: false) }
        let dimension = domain.dimension
        func logs(_ place: [Double]) -> [Double] {
            place.indices.map { domain.lower[$0] + place[$0] * (domain.upper[$0] - domain.lower[$0]) }
        }
        if points.count < initialCount {
            // Additive recurrence of the golden ratio and its generalizations: evenly spread at every count.
            let ratio = (0..<30).reduce(1.5) { value, _ in pow(1 + value, 1 / Double(dimension + 1)) }
            return .evaluate(
                logs(
                    (0..<dimension).map {
                        (Double(points.count) * pow(1 / ratio, Double($0 + 1))).truncatingRemainder(dividingBy: 1)
                    }), gradient: false)
        }
        let finite = points.filter { $0.value.isFinite }
        let places = finite.map { point in
            point.logs.indices.map { k in
                let width = domain.upper[k] - domain.lower[k]
                return width > 0 ? (point.logs[k] - domain.lower[k]) / width : 0
            }
        }
        let values = finite.map(\.value)
        guard let lowest = values.min(), let highest = values.max(), let best = values.firstIndex(of: lowest),
            let process = GaussianProcess(places: places, values: values)
        else { return .end(.notFinite) }
        var winner: (improvement: Double, place: [Double]) = (-1, [])
        for place in candidates(points.count, dimension, around: places[best]) {
            let improvement = process.expectedImprovement(at: place, below: lowest)
            if improvement > winner.improvement { winner = (improvement, place) }
        }
        guard winner.improvement > tolerance * (highest - lowest) else { return .end(.converged) }
        return .evaluate(logs(winner.place), gradient: false)
    }

    /// Places at which the process is asked: an even grid for one hyperparameter, else draws, some of them near the best.
    private func candidates(_ number: Int, _ dimension: Int, around best: [Double]) -> [[Double]] {
        if dimension == 1 { return (0...400).map { [Double($0) / 400] } }
        var random = SeededGenerator(seed: seed &+ UInt64(number) &* 0x9E37_79B9_7F4A_7C15)
        return (0..<2000).map { k in
            (0..<dimension).map {
                k < 1500 ? random.uniform() : min(1, max(0, best[$0] + 0.05 * random.normal()))
            }
        }
    }
}

extension SearchKind {
    /// ``BayesianSearch``.
    public static let bayesian = SearchKind(
        "bayesian", help: "where a Gaussian process expects most", reach: .few, route: .everywhere
    ) { BayesianSearch(count: $0.evaluations ?? 25, seed: $0.seed) }
}
