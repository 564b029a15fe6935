/// Where the gradients of an objective come from.
public enum GradientSource: NamedKind {
    /// A formula or an iteration.
    case analytic(any Hypergradient)
    /// Central differences of the criterion, two evaluations a hyperparameter: the judge of all others.
    case finiteDifferences(step: Double)

    /// The sources that options know: a new one is one file that conforms to ``Hypergradient`` and one line here.
    public static let all: [GradientSource] = [
        .analytic(ImplicitGradient()), .analytic(ImplicitForwardGradient()), .analytic(ForwardGradient()),
        .analytic(BackwardGradient()), .finiteDifferences(step: 1e-3),
    ]

    /// Name for options and results.
    public var name: String {
        switch self {
        case .analytic(let method): method.name
        case .finiteDifferences(step: 1e-3): "finite-differences"
        case .finiteDifferences(let step): "finite-differences of \(step)"
        }
    }
}
