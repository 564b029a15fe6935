/// λ times the expected number of weights whose gate is open (L0; Louizos, Welling & Kingma 2018).
public struct GateCountPenalty: NetworkPenalty {
    /// λ.
    public let lambda: Double

    /// - Parameter lambda: λ ≥ 0.
    public init(lambda: Double) { self.lambda = lambda }

    /// Yes.
    public var isGated: Bool { true }

    /// See ``NetworkPenalty``.
    public func addGradient(at point: PenaltyPoint, to gradient: UnsafeMutablePointer<Double>) -> Double {
        var sum = 0.0
        for number in 0..<point.shape.weightCount {
            let p = point.probability(number)
            sum += p
            gradient[point.shape.gateStart + number] += lambda * p * (1 - p)
        }
        return lambda * sum
    }
}

extension NetworkPenaltyKind {
    /// ``GateCountPenalty``.
    public static let gateCount = NetworkPenaltyKind(
        "l0", help: "few weights, by gates on them (experimental)", lambdas: [1e-6, 1e-5, 1e-4, 1e-3]
    ) { GateCountPenalty(lambda: $0) }
}
