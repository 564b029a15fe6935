/// How the derivative of a criterion with respect to a solution becomes one with respect to the hyperparameters: the
/// product of ∂C/∂B with ∂B/∂θ.
///
/// All ways agree where the solution is a smooth function of θ; they differ in cost and in what they need. A new way is one
/// file that conforms to this.
public protocol Hypergradient: Sendable {
    /// Name for options and results.
    var name: String { get }

    /// ⟨V, ∂B/∂θ_k⟩ for every hyperparameter k.
    ///
    /// - Parameters:
    ///   - derivative: V = ∂C/∂B on the support, T × |S|o.
    ///   - support: the active blocks at the solution; none outside of it has any influence.
    ///   - penalty: the penalty at the hyperparameters.
    ///   - family: tells how the penalty depends on θ.
    /// - Returns: one derivative a hyperparameter; nil where the curvature is singular beyond repair or an iteration does
    ///   not converge.
    func pullBack<Family: PenaltyFamily>(
        _ derivative: Matrix, on support: SmoothSupport, penalty: Family.Penalty, family: Family
    ) -> [Double]?
}

extension SmoothSupport {
    /// The influence of the hyperparameters on each active block.
    func sensitivities<Family: PenaltyFamily>(_ family: Family, of penalty: Family.Penalty) -> [[Sensitivity]] {
        active.blocks.indices.map { family.sensitivities(of: penalty, norm: norms[$0], block: active.blocks[$0]) }
    }

    /// The columns of block j.
    func range(_ j: Int) -> Range<Int> { active.offsets[j]..<active.offsets[j + 1] }

    /// ⟨B_j/‖B_j‖, D_j⟩.
    func radial(_ j: Int, _ direction: Matrix) -> Double {
        let t = direction.rows
        var sum = 0.0
        for k in (active.offsets[j] * t)..<(active.offsets[j + 1] * t) {
            sum += active.coefficients.elements[k] * direction.elements[k]
        }
        return sum / norms[j]
    }
}
