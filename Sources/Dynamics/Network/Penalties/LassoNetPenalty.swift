/// λ times the norms of a skip connection's columns, one an input, each M times above the first-layer weights that read that
/// input (LassoNet; Lemhadri et al. 2021): inputs drop out, for all outputs at once. λ grows after dense training.
public struct LassoNetPenalty: NetworkPenalty {
    /// λ; nil: dense, without the bound.
    public let lambda: Double?
    /// M.
    public let bound: Double
    /// Where the skip connection stands: inner or outer.
    public let skip: NetworkShape.Skip

    /// - Parameters:
    ///   - lambda: λ ≥ 0; 0 trains dense.
    ///   - bound: M > 0.
    ///   - isOuter: whether the skip connection stands after the solver.
    public init(lambda: Double, bound: Double = 10, isOuter: Bool) {
        self.lambda = lambda > 0 ? lambda : nil
        self.bound = bound
        skip = isOuter ? .outer : .inner
    }

    /// See ``NetworkPenalty``.
    public func shrink(_ parameters: UnsafeMutablePointer<Double>, _ shape: NetworkShape, step: PenaltyStep) {
        guard let lambda else { return }
        let first = shape.layers[0]
        for input in 0..<shape.inputs {
            HierarchicalProximal.shrink(
                theta: parameters + shape.skipStart + input * shape.variables, shape.variables,
                weights: parameters + first.weights + input * first.rows, first.rows,
                by: step.length * lambda, bound: bound)
        }
    }
}

extension NetworkPenaltyKind {
    private static let lassoNetLambdas = [0, 0.1, 1, 3, 10, 30, 100]

    /// ``LassoNetPenalty`` in the derivative.
    public static let innerLassoNet = NetworkPenaltyKind(
        "lassonet-inner", help: "few inputs, bounded by a linear part (experimental)", lambdas: lassoNetLambdas,
        isPath: true
    ) { LassoNetPenalty(lambda: $0, isOuter: false) }

    /// ``LassoNetPenalty`` after the solver.
    public static let outerLassoNet = NetworkPenaltyKind(
        "lassonet-outer", help: "few inputs, bounded by a linear part after the solver (experimental)",
        lambdas: lassoNetLambdas, isPath: true
    ) { LassoNetPenalty(lambda: $0, isOuter: true) }
}
