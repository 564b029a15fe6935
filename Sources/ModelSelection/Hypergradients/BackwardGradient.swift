/// Backward differentiation of the solver: its sweeps from zero, then their transposes in reverse.
///
/// One pass for any number of hyperparameters. Only every 32nd state is stored; the steps between are computed again where
/// they are needed (checkpointing, Griewank 1992).
public struct BackwardGradient: Hypergradient {
    /// When the sweeps stop.
    public var limit: SweepLimit

    /// - Parameter limit: when the sweeps stop.
    public init(limit: SweepLimit = SweepLimit()) { self.limit = limit }

    /// `backward`.
    public var name: String { "backward" }

    /// - Complexity: O((|S|o)²T) a sweep, three times over.
    public func pullBack<Family: PenaltyFamily>(
        _ derivative: Matrix, on support: SmoothSupport, penalty: Family.Penalty, family: Family
    ) -> [Double]? {
        var gradient = [Double](repeating: 0, count: family.parameterCount)
        guard support.active.count > 0 else { return gradient }
        let sweeps = SweepDerivative(support, penalty, family)
        let spacing = 32
        var b = Matrix(rows: sweeps.samples, columns: support.columns.columns)
        var checkpoints: [Matrix] = []
        var count = 0
        var isAtRest = false
        while !isAtRest {
            guard count < limit.maximumSweeps else { return nil }
            if count.isMultiple(of: spacing) { checkpoints.append(b) }
            let change = sweeps.sweep(&b)
            guard change.isFinite else { return nil }
            count += 1
            isAtRest = change <= limit.tolerance * b.largestMagnitude
        }
        var adjoint = derivative
        for (segment, checkpoint) in checkpoints.enumerated().reversed() {
            var state = checkpoint
            var steps: [(j: Int, step: SweepDerivative<Family>.Step, z: Matrix)] = []
            for _ in 0..<min(spacing, count - segment * spacing) {
                _ = sweeps.sweep(&state) { steps.append(($0, $1, $2)) }
            }
            for (j, step, z) in steps.reversed() {
                let radial = sweeps.backward(j, step, z, &adjoint)
                for (parameter, value) in sweeps.influence(j, step) { gradient[parameter] += value * radial }
            }
        }
        return gradient
    }
}
