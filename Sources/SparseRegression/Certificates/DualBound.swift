/// Lower bounds of the optimal objective by Fenchel duality, for convex penalties.
///
/// Every Θ gives D(Θ) = ⟨Y, Θ⟩ − ½‖Θ‖² − Σ_j φ_j*(‖X_jᵀΘ‖) ≤ min P. Θ is a multiple of the residual (projected off the
/// unpenalized columns), shrunk until every conjugate is finite.
enum DualBound {
    /// The bound of the best multiple of a direction R of Θ, and that multiple.
    ///
    /// - Parameters:
    ///   - fitted: ⟨Y, R⟩.
    ///   - squared: ‖R‖².
    ///   - blocks: the blocks of the problem; those left out, or with a slope of zero, do not count.
    ///   - slopes: ‖X_jᵀR‖ of each, or an upper bound of it. Those of unpenalized blocks are rounding, R being orthogonal to
    ///     them, and do not count either.
    /// - Complexity: O(number of blocks).
    static func best(
        _ penalty: some BlockPenalty, fitted: Double, squared: Double, blocks: [Int], slopes: [Double]
    ) -> (value: Double, factor: Double) {
        guard squared > 0 else { return (0, 0) }
        // How far R is from feasible: the largest slope over what its block allows.
        var ratio = 0.0
        for (block, slope) in zip(blocks, slopes) {
            let limit = penalty.slopeLimit(block: block)
            if limit > 0, limit < .infinity { ratio = max(ratio, slope / limit) }
        }
        func conjugates(_ factor: Double) -> Double {
            var sum = 0.0
            for (block, slope) in zip(blocks, slopes) where slope > 0 && penalty.slopeLimit(block: block) > 0 {
                sum += penalty.conjugate(slope: abs(factor) * slope, block: block)
            }
            return sum
        }
        func value(_ f: Double, _ conjugates: Double) -> Double { f * fitted - 0.5 * f * f * squared - conjugates }
        let limit = ratio > 0 ? 1 / ratio : Double.infinity
        // The best there is where conjugates are zero …
        let factor = min(limit, max(-limit, fitted / squared))
        let cost = conjugates(factor)
        let best = value(factor, cost)
        guard cost != 0 else { return (best, factor) }
        // … and else the residual itself, which is optimal at the optimum.
        let plain = min(1, limit)
        let other = value(plain, conjugates(plain))
        return best > other ? (best, factor) : (other, plain)
    }
}

/// Gap Safe screening (Ndiaye et al. 2017): a block whose correlation with the best dual point can nowhere in the ball
/// that the gap allows reach its threshold is zero at the optimum.
package enum GapSafe {
    /// Whether a block is certainly zero at the optimum.
    ///
    /// - Parameters:
    ///   - correlation: ‖X_jᵀΘ‖ or an upper bound of it, at a feasible Θ.
    ///   - norm: ‖X_j‖₂ or an upper bound of it.
    ///   - radius: √(2·(P − D(Θ))), with any primal value P and the dual value of the same Θ.
    ///   - threshold: φ_j′(0⁺).
    @inline(__always)
    package static func isInactive(correlation: Double, norm: Double, radius: Double, threshold: Double) -> Bool {
        // Room for the rounding of the numbers compared.
        correlation + radius * norm < threshold * (1 - 1e-9)
    }
}
