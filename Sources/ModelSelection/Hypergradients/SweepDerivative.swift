/// A sweep of block coordinate descent on a support, in Gram form, with the derivatives of each of its steps.
///
/// The step of block j is B_j ← p(‖Z‖)·Z/‖Z‖ with Z = B_j + H_j/L_j, H = XᵀR and p the proximal operator along the norm,
/// which solves p + φ_j′(p)/L_j = ‖Z‖. Hence ∂p/∂‖Z‖ = 1/(1 + φ_j″/L_j) and ∂p/∂θ = −(∂φ_j′/∂θ)/L_j·∂p/∂‖Z‖.
struct SweepDerivative<Family: PenaltyFamily> {
    let support: SmoothSupport
    let penalty: Family.Penalty
    let family: Family
    /// X_SᵀX_S.
    let gram: Matrix
    /// L_j.
    let lipschitz: [Double]
    /// YᵀX_S, T × |S|o.
    let target: Matrix
    let samples: Int

    init(_ support: SmoothSupport, _ penalty: Family.Penalty, _ family: Family) {
        self.support = support
        self.penalty = penalty
        self.family = family
        gram = support.gram
        samples = support.active.coefficients.rows
        target = Matrix.product(support.response, transposed: true, support.columns)
        let gram = gram
        lipschitz = support.active.blocks.indices.map { j in
            let own = gram.columns(support.range(j)).rows(Array(support.range(j)))
            return (try? SymmetricEigen(own))?.values.last ?? own.squaredNorm.squareRoot()
        }
    }

    var count: Int { support.active.count }

    /// Z of a step at a state: (‖Z‖, Z).
    func point(_ j: Int, _ b: Matrix) -> (norm: Double, z: Matrix) {
        let columns = support.range(j)
        var z = Matrix(rows: samples, columns: columns.count)
        for (k, c) in columns.enumerated() {
            for t in 0..<samples { z[t, k] = target[t, c] }
        }
        z = (z - Matrix.product(b, gram.columns(columns))) * (1 / lipschitz[j])
        for (k, c) in columns.enumerated() {
            for t in 0..<samples { z[t, k] += b[t, c] }
        }
        return (z.squaredNorm.squareRoot(), z)
    }

    /// A step at a point: what the block becomes, and the three numbers of its derivative:
    /// δB_j = shrink·(δZ − u⟨u, δZ⟩) + slope·u⟨u, δZ⟩ − slope·u·(∂φ_j′/∂θ)/L_j·δθ.
    struct Step {
        let norm: Double
        let value: Double
        let slope: Double
        var shrink: Double { norm > 0 ? value / norm : 0 }
    }

    func step(_ j: Int, norm: Double) -> Step {
        let block = support.active.blocks[j]
        let value = penalty.proximal(norm: norm, step: 1 / lipschitz[j], block: block)
        guard value > 0 else { return Step(norm: norm, value: 0, slope: 0) }
        let second = penalty.derivatives(norm: value, block: block).second
        return Step(norm: norm, value: value, slope: 1 / (1 + second / lipschitz[j]))
    }

    /// The influence of the hyperparameters on the step of a block, at the norm it has afterwards.
    func influence(_ j: Int, _ step: Step) -> [(parameter: Int, value: Double)] {
        guard step.value > 0 else { return [] }
        return family.sensitivities(of: penalty, norm: step.value, block: support.active.blocks[j]).map {
            ($0.parameter, -step.slope * $0.first / lipschitz[j])
        }
    }

    /// One sweep.
    ///
    /// - Returns: the largest change of an entry.
    func sweep(_ b: inout Matrix, visit: (_ j: Int, _ step: Step, _ z: Matrix) -> Void = { _, _, _ in }) -> Double {
        var largest = 0.0
        for j in 0..<count {
            let (norm, z) = point(j, b)
            let step = step(j, norm: norm)
            visit(j, step, z)
            for (k, c) in support.range(j).enumerated() {
                for t in 0..<samples {
                    let value = step.shrink * z[t, k]
                    largest = max(largest, abs(value - b[t, c]))
                    b[t, c] = value
                }
            }
        }
        return largest
    }

    /// The derivative of one step forward: δB_j for a change δB of the state and δθ of one hyperparameter.
    func forward(_ j: Int, _ step: Step, _ z: Matrix, _ tangent: inout Matrix, influence: Double) -> Double {
        let columns = support.range(j)
        var dz = Matrix(rows: samples, columns: columns.count)
        if step.value > 0 {
            dz = Matrix.product(tangent, gram.columns(columns)) * (-1 / lipschitz[j])
            for (k, c) in columns.enumerated() {
                for t in 0..<samples { dz[t, k] += tangent[t, c] }
            }
        }
        var radial = 0.0
        if step.norm > 0 {
            for k in dz.elements.indices { radial += z.elements[k] * dz.elements[k] }
            radial /= step.norm
        }
        let along = step.norm > 0 ? ((step.slope - step.shrink) * radial + influence) / step.norm : 0
        var largest = 0.0
        for (k, c) in columns.enumerated() {
            for t in 0..<samples {
                let value = step.shrink * dz[t, k] + along * z[t, k]
                largest = max(largest, abs(value - tangent[t, c]))
                tangent[t, c] = value
            }
        }
        return largest
    }

    /// The transpose of one step: takes the derivative of what follows with respect to the state after the step to that
    /// before it.
    ///
    /// - Returns: ⟨∂C/∂B_j, u⟩, whose product with the influence is the derivative with respect to a hyperparameter.
    func backward(_ j: Int, _ step: Step, _ z: Matrix, _ adjoint: inout Matrix) -> Double {
        let columns = support.range(j)
        guard step.value > 0 else {
            for c in columns { for t in 0..<samples { adjoint[t, c] = 0 } }
            return 0
        }
        var own = Matrix(rows: samples, columns: columns.count)
        var radial = 0.0
        for (k, c) in columns.enumerated() {
            for t in 0..<samples {
                own[t, k] = adjoint[t, c]
                radial += adjoint[t, c] * z[t, k] / step.norm
                adjoint[t, c] = 0
            }
        }
        let along = (step.slope - step.shrink) * radial / step.norm
        let dz = own * step.shrink + z * along
        adjoint =
            adjoint - Matrix.product(dz, transposed: false, gram.columns(columns), transposed: true)
            * (1 / lipschitz[j])
        for (k, c) in columns.enumerated() {
            for t in 0..<samples { adjoint[t, c] += dz[t, k] }
        }
        return radial
    }
}

/// When the iterations of a hypergradient stop.
public struct SweepLimit: Sendable, Equatable {
    /// Largest change of an entry in a sweep, relative to the largest entry, that counts as rest.
    public var tolerance: Double
    /// Most sweeps.
    public var maximumSweeps: Int

    /// - Parameters:
    ///   - tolerance: relative to the largest entry.
    ///   - maximumSweeps: after as many a gradient is given up.
    public init(tolerance: Double = 1e-12, maximumSweeps: Int = 100_000) {
        self.tolerance = tolerance
        self.maximumSweeps = maximumSweeps
    }
}
