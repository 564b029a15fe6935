/// The searches by the names that options and files give them.
public enum SearchName: String, Sendable, CaseIterable, Codable {
    /// ``PathSearch``.
    case path
    /// ``BrentSearch``.
    case brent
    /// ``GridSearch``.
    case grid
    /// ``RandomSearch``.
    case random
    /// ``BayesianSearch``.
    case bayesian
    /// ``GradientDescent``.
    case gradient
    /// ``LineSearch``.
    case lineSearch = "line-search"
    /// ``QuasiNewtonSearch``.
    case quasiNewton = "l-bfgs"
    /// ``AdamSearch``.
    case adam

    /// Whether it follows gradients.
    public var followsGradients: Bool { [.gradient, .lineSearch, .quasiNewton, .adam].contains(self) }

    /// Whether it looks everywhere in its domain rather than going where the criterion falls.
    public var looksEverywhere: Bool { [.grid, .random, .bayesian].contains(self) }

    /// Whether it can search over a λ_j for every source.
    public var suitsManyHyperparameters: Bool { followsGradients || self == .random }

    /// The searches that can search over a λ_j for every source, for messages.
    public static var forManyHyperparameters: String {
        allCases.filter(\.suitsManyHyperparameters).map(\.rawValue).joined(separator: ", ")
    }
}
