/// Forward differentiation of the solver itself (Deledalle et al. 2014): the sweeps of descent begin at zero, and a tangent
/// a hyperparameter goes along with them.
///
/// The sweeps run on the support that the certified solve found; a block that a sweep thresholds has no tangent until it
/// returns.
public struct ForwardGradient: Hypergradient {
    /// When the sweeps stop.
    public var limit: SweepLimit

    /// - Parameter limit: when the sweeps stop.
    public init(limit: SweepLimit = SweepLimit()) { self.limit = limit }

    /// `forward`.
    public var name: String { "forward" }

    /// - Complexity: O((|S|o)²T) a sweep and a hyperparameter that has influence.
    public func pullBack<Family: PenaltyFamily>(
        _ derivative: Matrix, on support: SmoothSupport, penalty: Family.Penalty, family: Family
    ) -> [Double]? {
        var gradient = [Double](repeating: 0, count: family.parameterCount)
        guard support.active.count > 0 else { return gradient }
        let sweeps = SweepDerivative(support, penalty, family)
        let parameters = Set(support.sensitivities(family, of: penalty).joined().map(\.parameter)).sorted()
        let zero = Matrix(rows: sweeps.samples, columns: support.columns.columns)
        var tangents = parameters.map { _ in zero }
        var b = zero
        for _ in 0..<limit.maximumSweeps {
            var isAtRest = true
            let change = sweeps.sweep(&b) { j, step, z in
                var influences: [Int: Double] = [:]
                for (parameter, value) in sweeps.influence(j, step) { influences[parameter, default: 0] += value }
                for (k, parameter) in parameters.enumerated() {
                    let moved = sweeps.forward(j, step, z, &tangents[k], influence: influences[parameter] ?? 0)
                    // A change that is not a number is not rest either.
                    isAtRest = isAtRest && moved <= limit.tolerance * tangents[k].largestMagnitude
                }
            }
            guard change.isFinite else { return nil }
            guard isAtRest, change <= limit.tolerance * b.largestMagnitude else { continue }
            for (k, parameter) in parameters.enumerated() {
                gradient[parameter] = zip(derivative.elements, tangents[k].elements).reduce(0) { $0 + $1.0 * $1.1 }
            }
            return gradient
        }
        return nil
    }
}
