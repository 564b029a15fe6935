extension NetworkPenaltyKind {
    /// The penalties that options know.
    public static let all: [NetworkPenaltyKind] = [
        .groupLasso, .none, .gateCount, .weightPaths, .gatedPaths, .innerLassoNet, .outerLassoNet,
    ]
}
