/// The time-frequency mixed norm λ·Σ_j Ω_j(Z_j) with Ω_j(Z_j) = (1−ρ)·v_j‖Z_j‖ + ρ·Σ_g ω_g·w_jg‖Z_jg‖ (TF-MxNE,
/// Gramfort et al. 2013).
///
/// Z_j holds the coefficients of a source in a ``GaborFrame``, D × orientations; a group g is one coefficient of all
/// orientations, and ω_g is √2 where it is a pair, so that frequencies count with their negatives. ρ = 0 is the group
/// Lasso of the time courses.
public struct TimeFrequencyPenalty: Sendable, Equatable {
    /// What the coefficients are of.
    public let frame: GaborFrame
    /// λ > 0.
    public let lambda: Double
    /// ρ, 0…1: how much of the norm is of single coefficients.
    public let rho: Double
    /// v and w.
    public let weights: TimeFrequencyWeights

    /// What makes a penalty impossible.
    public enum Invalid: Error, Equatable, Sendable, CustomStringConvertible {
        /// λ is not a positive number.
        case lambda(Double)
        /// ρ is not between 0 and 1.
        case rho(Double)
        /// A weight is not positive.
        case weight(Double)
        /// There are not as many weights as expected.
        case count(found: Int, expected: Int)
        /// Frame and problem have different numbers of samples.
        case samples(frame: Int, problem: Int)

        /// One line in plain English.
        public var description: String {
            switch self {
            case .lambda(let value): "λ is \(value), expected a positive number"
            case .rho(let value): "ρ is \(value), expected a number from 0 to 1"
            case .weight(let value): "a weight is \(value), expected a positive number or infinity"
            case .count(let found, let expected): "there are \(found) weights, expected \(expected)"
            case .samples(let frame, let problem):
                "the frame is of \(frame) samples and the data have \(problem); expected as many, not reduced"
            }
        }
    }

    /// - Parameters:
    ///   - frame: of the coefficients.
    ///   - lambda: λ > 0.
    ///   - rho: ρ, 0…1.
    ///   - weights: v and w.
    /// - Throws: ``Invalid``.
    public init(
        frame: GaborFrame, lambda: Double, rho: Double, weights: TimeFrequencyWeights = .none
    ) throws(Invalid) {
        guard lambda > 0, lambda.isFinite else { throw .lambda(lambda) }
        guard rho >= 0, rho <= 1 else { throw .rho(rho) }
        for weight in (weights.space ?? []) + (weights.time?.elements ?? []) where !(weight > 0) {
            throw .weight(weight)
        }
        if let time = weights.time, time.rows != frame.groupCount {
            throw .count(found: time.rows, expected: frame.groupCount)
        }
        self.frame = frame
        self.lambda = lambda
        self.rho = rho
        self.weights = weights
    }

    /// Ω_j(Z_j).
    ///
    /// - Parameters:
    ///   - coefficients: Z_j, D × orientations.
    ///   - block: j.
    public func norm(_ coefficients: Matrix, block: Int) -> Double {
        measured(coefficients, block) { shrinkage, z, weights in
            let parts = shrinkage.norms(z, coefficients.columns, weights)
            return value(parts, block: block)
        }
    }

    /// The prox of step·λ·Ω_j: groups are shrunk first, then the block.
    ///
    /// - Parameters:
    ///   - coefficients: Z_j, D × orientations.
    ///   - step: positive.
    ///   - block: j.
    public func proximal(_ coefficients: Matrix, step: Double, block: Int) -> Matrix {
        var result = coefficients
        _ = measured(coefficients, block) { shrinkage, _, weights in
            result.elements.withUnsafeMutableBufferPointer {
                guard let z = $0.baseAddress else { return 0 }
                return shrinkage.proximal(
                    z, coefficients.columns, groups: step * lambda * rho, weights,
                    block: step * blockThreshold(block)
                ).norm
            }
        }
        return result
    }

    /// The dual norm Ω*_j(V): the root ν of ‖S_{νρωw}(V)‖ = (1−ρ)·ν·v_j, S shrinking every group.
    ///
    /// - Parameters:
    ///   - coefficients: V, D × orientations.
    ///   - block: j.
    /// - Complexity: O(D·orientations); Newton takes 3 to 5 steps (Ndiaye et al. 2016 sort instead).
    public func dualNorm(_ coefficients: Matrix, block: Int) -> Double {
        measured(coefficients, block) { shrinkage, v, weights in
            shrinkage.square(v, coefficients.columns)
            return shrinkage.dualNorm(rho: rho, block: (1 - rho) * spaceWeight(block), weights, above: 0)
        }
    }

    private func measured(
        _ coefficients: Matrix, _ block: Int,
        _ body: (GroupShrinkage, UnsafePointer<Double>, UnsafePointer<Double>) -> Double
    ) -> Double {
        precondition(coefficients.rows == frame.size, "the coefficients are of another frame")
        let shrinkage = GroupShrinkage(frame, AllocationCount())
        return coefficients.elements.withUnsafeBufferPointer { z in
            groupScales(of: block).withUnsafeBufferPointer { weights in
                guard let z = z.baseAddress, let weights = weights.baseAddress else { return 0 }
                return body(shrinkage, z, weights)
            }
        }
    }

    /// Ω_j of the two norms of a block.
    func value(_ parts: (norm: Double, entries: Double), block: Int) -> Double {
        guard parts.norm > 0 else { return 0 }
        return (1 - rho) * spaceWeight(block) * parts.norm + rho * parts.entries
    }

    /// v_j.
    func spaceWeight(_ block: Int) -> Double { weights.space?[block] ?? 1 }

    /// λ(1−ρ)v_j; infinite where the source is excluded.
    func blockThreshold(_ block: Int) -> Double {
        let v = spaceWeight(block)
        return v == .infinity ? v : lambda * (1 - rho) * v
    }

    /// ω_g·w_jg of all groups.
    func groupScales(of block: Int) -> [Double] {
        guard let time = weights.time else { return frame.groupWeights }
        return zip(frame.groupWeights, time.column(block)).map { $0 * $1 }
    }

    /// The same with another λ.
    func with(lambda: Double) throws(Invalid) -> TimeFrequencyPenalty {
        try TimeFrequencyPenalty(frame: frame, lambda: lambda, rho: rho, weights: weights)
    }

    /// Whether it can be a penalty of a problem.
    ///
    /// - Throws: ``Invalid`` where not.
    func check(_ problem: RegressionProblem) throws(Invalid) {
        guard frame.samples == problem.response.columns, problem.reduction == nil else {
            throw .samples(frame: frame.samples, problem: problem.sampleCount)
        }
        for count in [weights.space?.count, weights.time?.columns] {
            if let count, count != problem.blocks.count { throw .count(found: count, expected: problem.blocks.count) }
        }
    }
}
