/// A dense network.
public struct NoPenalty: NetworkPenalty {
    /// There is nothing to set.
    public init() {}
}

extension NetworkPenaltyKind {
    /// ``NoPenalty``.
    public static let none = NetworkPenaltyKind("none", help: "a dense network", lambdas: [0]) { _ in NoPenalty() }
}
