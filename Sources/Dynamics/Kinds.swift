import SparseRegression

extension DynamicsKind: NamedKind {
    /// The kinds that options know.
    public static let all: [DynamicsKind] = [.plain, .linear, .library, .network]
}
