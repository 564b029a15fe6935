/// λ Σ_k Σ_{j≠k} ‖first-layer weights by which output k's own network reads variable j‖, its velocity's among them: exact zeros
/// tell who drives whom (GroupLasso-NODE; Bellot, Branson & van der Schaar 2022). A variable's own influence is free.
public struct GroupLassoPenalty: NetworkPenalty {
    /// λ.
    public let lambda: Double

    /// - Parameter lambda: λ ≥ 0.
    public init(lambda: Double) { self.lambda = lambda }

    /// Yes.
    public var isPerOutput: Bool { true }

    /// See ``NetworkPenalty``.
    public func shrink(_ parameters: UnsafeMutablePointer<Double>, _ shape: NetworkShape, step: PenaltyStep) {
        let n = shape.variables
        for output in 0..<n {
            for source in 0..<n where source != output {
                let position = shape.weights(output: output, input: source)
                let velocity = shape.order == 2 ? shape.weights(output: output, input: n + source) : 0..<0
                if let scales = step.scales {
                    GroupProximal.shrink(parameters, position, velocity, by: lambda, scales: scales)
                } else {
                    GroupProximal.shrink(parameters, position, velocity, by: step.length * lambda)
                }
            }
        }
    }
}

extension NetworkPenaltyKind {
    /// ``GroupLassoPenalty``. λ is the largest that keeps 70 % of what connections gain in held-out segments: in 30 simulated
    /// networks of Jansen–Rit columns F1 of the connections was 0.82 so, and 0.67 where the smallest error chose (of 10).
    public static let groupLasso = NetworkPenaltyKind(
        "group-lasso", help: "few connections: each variable's own network reads few others",
        lambdas: [0.3, 1, 1.5, 2, 2.5, 3, 4, 10], isPath: true, lostShare: 0.3
    ) { GroupLassoPenalty(lambda: $0) }
}
