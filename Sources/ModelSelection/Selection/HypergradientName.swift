/// The ways to a hypergradient by the names that options give them.
public enum HypergradientName: String, Sendable, CaseIterable {
    /// ``ImplicitGradient``.
    case implicit
    /// ``ImplicitForwardGradient``.
    case implicitForward = "implicit-forward"
    /// ``ForwardGradient``.
    case forward
    /// ``BackwardGradient``.
    case backward
    /// Central differences of the criterion.
    case finiteDifferences = "finite-differences"

    /// Where the gradients of an objective come from.
    public func source<Family: PenaltyFamily>(
        for family: Family.Type
    ) -> SelectionObjective<Family>.GradientSource {
        switch self {
        case .implicit: .analytic(ImplicitGradient())
        case .implicitForward: .analytic(ImplicitForwardGradient())
        case .forward: .analytic(ForwardGradient())
        case .backward: .analytic(BackwardGradient())
        case .finiteDifferences: .finiteDifferences(step: 1e-3)
        }
    }
}
