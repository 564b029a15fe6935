/// Repeated measurements of one response, for example whitened epochs: the response of a problem is their weighted mean.
public struct Replicates: Sendable, Equatable {
    /// n × T each, all of one shape.
    public let responses: [Matrix]
    /// How often each counts, not negative; a bootstrap counts some twice and some not at all.
    public let counts: [Int]

    /// Replicates that all count once.
    public init(_ responses: [Matrix]) {
        self.responses = responses
        counts = [Int](repeating: 1, count: responses.count)
    }

    private init(_ responses: [Matrix], counts: [Int]) {
        self.responses = responses
        self.counts = counts
    }

    /// Each changed alike, counts kept.
    public func map(_ change: (Matrix) -> Matrix) -> Replicates {
        Replicates(responses.map(change), counts: counts)
    }

    /// As many draws with replacement as there are replicates (Efron 1979).
    public func resampled(_ random: inout SeededGenerator) -> Replicates {
        var counts = [Int](repeating: 0, count: responses.count)
        for _ in responses { counts[Int.random(in: 0..<responses.count, using: &random)] += 1 }
        return Replicates(responses, counts: counts)
    }

    /// The replicates that count, by their places in ``responses``.
    public var present: [Int] { counts.indices.filter { counts[$0] > 0 } }

    /// The weighted mean of some of them, n × T; nil where none of them counts.
    public func mean(of members: [Int]) -> Matrix? {
        let total = members.reduce(0) { $0 + counts[$1] }
        guard total > 0, let first = members.first else { return nil }
        var sum = Matrix(rows: responses[first].rows, columns: responses[first].columns)
        for member in members where counts[member] > 0 {
            sum = sum + responses[member] * (Double(counts[member]) / Double(total))
        }
        return sum
    }

    /// The variance of the noise of ``mean(of:)`` in units of that of one replicate: Σc²/(Σc)², 1/N where all count once.
    public func noiseVariance(of members: [Int]) -> Double {
        let total = members.reduce(0.0) { $0 + Double(counts[$1]) }
        return members.reduce(0.0) { $0 + Double(counts[$1]) * Double(counts[$1]) } / (total * total)
    }
}
