import Transport

/// Where sources lie and what part of the amplitude each has: what transport compares.
public struct SourceMap: Sendable, Equatable {
    /// Where the sources lie, m.
    public let positions: [SIMD3<Double>]
    /// The largest magnitude of each over the sum of all, positive.
    public let shares: [Double]

    /// A map of sources; nil where none has an amplitude.
    ///
    /// - Parameter amplitudes: of each position, in any unit; what is zero, negative, NaN or infinite is left out.
    public init?(_ positions: [SIMD3<Double>], amplitudes: [Double]) {
        let kept = zip(positions, amplitudes).filter { $0.1 > 0 && $0.1.isFinite }
        // Scaled by the largest: the sum of moments cannot overflow.
        guard let largest = kept.map(\.1).max() else { return nil }
        let sum = kept.reduce(0) { $0 + $1.1 / largest }
        self.positions = kept.map(\.0)
        shares = kept.map { $0.1 / largest / sum }
    }

    /// The map of found sources by their peaks; nil where none has an amplitude.
    public init?(_ sources: [EstimatedSource]) {
        self.init(sources.map(\.position), amplitudes: sources.map(\.peakAmplitude))
    }

    /// The map of known sources by their largest magnitudes within the time of an estimate, or at all times where that has
    /// none; nil where none has an amplitude then.
    init?(_ truth: Truth, during times: [Double]) {
        let slack = Comparison.slack(truth.times)
        var samples = Array(truth.times.indices)
        if let first = times.first, let last = times.last {
            samples = samples.filter { truth.times[$0] >= first - slack && truth.times[$0] <= last + slack }
        }
        self.init(
            truth.sources.map(\.position),
            amplitudes: truth.sources.map { source in samples.reduce(0) { max($0, abs(source.waveform[$1])) } })
    }

    /// How far amplitude has to move to turn one map into another, m: √(least Σ P_ij min(|x_i − y_j|, reach)²) over plans P whose
    /// marginals are the shares.
    ///
    /// 0 between equal maps and only there, d between single sources a distance d ≤ reach apart, the reach between maps that
    /// are farther apart everywhere; symmetric, and never longer than by way of a third map (the Wasserstein distance of
    /// order 2 with distances cut off at the reach).
    ///
    /// - Parameter reach: positive, m.
    /// - Complexity: that of an ``ExactTransport`` up to some hundred sources; above, entropic transport with a blur of 3 % of the
    ///   reach (ε = reach²/1000), which does not tell apart what is nearer than that.
    public func distance(to other: SourceMap, reach: Double) -> Double {
        let squares = Matrix(rows: positions.count, columns: other.positions.count) { i, j in
            // In units of the reach: no cost is above one.
            let distance = positions[i].distance(to: other.positions[j]) / reach
            return min(distance * distance, 1)
        }
        let work = Double(squares.elements.count) * Double(squares.rows + squares.columns)
        return reach * Self.leastCost(squares, shares, other.shares, isExact: work < 2e8).squareRoot()
    }

    /// Between two maps of which one or both may be empty: nil where both are, the reach where one is.
    static func distance(_ first: SourceMap?, _ second: SourceMap?, reach: Double) -> Double? {
        guard let first, let second else { return first == nil && second == nil ? nil : reach }
        return first.distance(to: second, reach: reach)
    }

    /// The least cost of moving shares.
    static func leastCost(_ costs: Matrix, _ source: [Double], _ target: [Double], isExact: Bool) -> Double {
        // Shares are positive and add up to one on both sides, costs are finite: nothing is thrown.
        guard let problem = try? TransportProblem(source: source, target: target, cost: .matrix(costs)) else {
            return .nan
        }
        if isExact { return (try? ExactTransport(problem).cost) ?? .nan }
        let settings = TransportSettings(epsilon: 1e-3, tolerance: 1e-6, parallelism: .allCores)
        guard let answer = try? EntropicTransport(problem, settings) else { return .nan }
        let plan = answer.plan(of: problem, epsilon: settings.epsilon)
        return zip(plan.elements, costs.elements).reduce(0) { $0 + $1.0 * $1.1 }
    }
}
