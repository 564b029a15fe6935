import Glibc
import LinearAlgebra

/// Entropic transport without its bias: zero between a measure and itself, positive otherwise.
///
/// S(a, b) = OT(a, b) − ½ OT(a, a) − ½ OT(b, b) + ½ ε (Σa − Σb)², OT as of ``EntropicTransport`` (Feydy et al. 2019; Séjourné et
/// al. 2019 for unequal masses).
public struct SinkhornDivergence: Sendable, Equatable {
    /// S, in units of mass times cost.
    public let value: Double
    /// From one measure to the other.
    public let across: EntropicTransport
    /// From the source to itself.
    public let withinSource: EntropicTransport
    /// From the target to itself.
    public let withinTarget: EntropicTransport

    /// The largest marginal error of the three.
    public var marginalError: Double {
        max(across.marginalError, withinSource.marginalError, withinTarget.marginalError)
    }

    /// Whether all three came within the tolerance.
    public var converged: Bool { across.converged && withinSource.converged && withinTarget.converged }

    /// The derivative of S by the mass at each source, n: what a little more there costs. Where all mass is moved it is known up
    /// to a constant.
    public let sourceGradient: [Double]

    /// Solves three problems of transport.
    ///
    /// - Parameter problem: of squared distances, or a square symmetric matrix of costs between measures on the same places.
    /// - Throws: ``TransportProblem/Invalid`` as ``EntropicTransport``, and for a matrix of costs that is not symmetric.
    /// - Complexity: three times that of ``EntropicTransport``.
    public init(_ problem: TransportProblem, _ settings: TransportSettings) throws(TransportProblem.Invalid) {
        let (source, target): (TransportCost, TransportCost)
        switch problem.cost {
        case .squaredDistance(let x, let y): (source, target) = (.squaredDistance(x, x), .squaredDistance(y, y))
        case .matrix(let costs):
            guard costs.rows == costs.columns,
                (0..<costs.columns).allSatisfy({ j in (0..<j).allSatisfy { costs[$0, j] == costs[j, $0] } })
            else {
                throw .cost(
                    "costs \(costs.rows) × \(costs.columns) that are not symmetric, expected costs between places of both "
                        + "measures")
            }
            (source, target) = (problem.cost, problem.cost)
        }
        let (a, b) = (problem.source, problem.target)
        across = try EntropicTransport(problem, settings)
        withinSource = try EntropicTransport(TransportProblem(source: a, target: a, cost: source), settings)
        withinTarget = try EntropicTransport(TransportProblem(source: b, target: b, cost: target), settings)
        let excess = a.reduce(0, +) - b.reduce(0, +)
        value =
            across.value - (withinSource.value + withinTarget.value) / 2 + settings.epsilon * excess * excess / 2
        // By the envelope theorem; both potentials of a measure to itself are one but for the tolerance.
        let (rho, within) = (settings.marginalPenalty, withinSource)
        let own = zip(within.sourcePotential, within.targetPotential).map { ($0 + $1) / 2 }
        sourceGradient = zip(across.sourcePotential, own).map { f, own in
            rho.isInfinite ? f - own : (rho + settings.epsilon) * (exp(-own / rho) - exp(-f / rho))
        }
    }
}

extension TransportSettings {
    /// Settings for squared distances by two lengths.
    ///
    /// Between two unit masses at a distance d the divergence is r²(1 − exp(−d²/r²)), r being the reach: d² where they are near,
    /// r² where they have nothing to do with each other.
    ///
    /// - Parameters:
    ///   - blur: √ε, in units of the positions.
    ///   - reach: the distance as which mass counts that is not matched, larger than the blur.
    public init(blur: Double, reach: Double, tolerance: Double = 1e-9, parallelism: Parallelism = .serial) {
        self.init(
            epsilon: blur * blur, marginalPenalty: (reach * reach - blur * blur) / 2, tolerance: tolerance,
            parallelism: parallelism)
    }
}
