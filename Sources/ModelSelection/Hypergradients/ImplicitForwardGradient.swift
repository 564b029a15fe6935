/// Implicit forward differentiation (Bertrand et al. 2020): the solution first, then the derivative of the solver's sweep
/// iterated on the support, one tangent a hyperparameter.
public struct ImplicitForwardGradient: Hypergradient {
    /// When the sweeps stop.
    public var limit: SweepLimit

    /// - Parameter limit: when the sweeps stop.
    public init(limit: SweepLimit = SweepLimit()) { self.limit = limit }

    /// `implicit-forward`.
    public var name: String { "implicit-forward" }

    /// - Complexity: O((|S|o)²T) a sweep and a hyperparameter that has influence.
    public func pullBack<Family: PenaltyFamily>(
        _ derivative: Matrix, on support: SmoothSupport, penalty: Family.Penalty, family: Family
    ) -> [Double]? {
        var gradient = [Double](repeating: 0, count: family.parameterCount)
        guard support.active.count > 0 else { return gradient }
        let sweeps = SweepDerivative(support, penalty, family)
        // The solution is a fixed point: Z, and with it the derivative of the sweep, stays what it is.
        let points = (0..<sweeps.count).map { j in
            let (norm, z) = sweeps.point(j, support.active.coefficients)
            return (step: sweeps.step(j, norm: norm), z: z)
        }
        var influences: [Int: [Double]] = [:]
        for j in points.indices {
            for (parameter, value) in sweeps.influence(j, points[j].step) {
                influences[parameter, default: [Double](repeating: 0, count: sweeps.count)][j] += value
            }
        }
        for (parameter, influence) in influences {
            var tangent = Matrix(rows: sweeps.samples, columns: support.columns.columns)
            var isAtRest = false
            for _ in 0..<limit.maximumSweeps where !isAtRest {
                var largest = 0.0
                for j in points.indices {
                    let change = sweeps.forward(j, points[j].step, points[j].z, &tangent, influence: influence[j])
                    largest = max(largest, change)
                }
                guard largest.isFinite else { return nil }
                isAtRest = largest <= limit.tolerance * tangent.largestMagnitude
            }
            guard isAtRest else { return nil }
            gradient[parameter] = zip(derivative.elements, tangent.elements).reduce(0) { $0 + $1.0 * $1.1 }
        }
        return gradient
    }
}

extension Matrix {
    /// The largest |element|.
    var largestMagnitude: Double { elements.reduce(0) { max($0, abs($1)) } }
}
