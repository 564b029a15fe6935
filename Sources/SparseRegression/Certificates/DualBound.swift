/// Lower bounds of the optimal objective by Fenchel duality, for convex penalties.
///
/// Every Θ gives D(Θ) = ⟨Y, Θ⟩ − ½‖Θ‖² − Σ_j φ_j*(‖X_jᵀΘ‖) ≤ min P. Θ is a multiple of the residual (projected off the
/// unpenalized columns), shrunk until every conjugate is finite.
enum DualBound {
    /// The numbers of a direction R of Θ.
    struct Direction {
        /// ⟨Y, R⟩.
        var fitted: Double
        /// ‖R‖².
        var squared: Double
        /// max_j ‖X_jᵀR‖ over the largest feasible slope of block j, or an upper bound of it.
        var ratio: Double
    }

    /// The bound, and the multiple of R that reaches it.
    ///
    /// - Parameter conjugates: Σ_j φ_j*(f·‖X_jᵀR‖) for a factor f; nil where it is zero wherever it is finite.
    static func best(
        _ direction: Direction, conjugates: ((_ factor: Double) -> Double)?
    ) -> (value: Double, factor: Double) {
        guard direction.squared > 0 else { return (0, 0) }
        let limit = direction.ratio > 0 ? 1 / direction.ratio : Double.infinity
        let free = direction.fitted / direction.squared
        let factor = min(limit, max(-limit, free))
        func value(_ f: Double) -> Double {
            f * direction.fitted - 0.5 * f * f * direction.squared - (conjugates?(f) ?? 0)
        }
        guard conjugates != nil else { return (value(factor), factor) }
        // The residual itself is optimal at the optimum.
        let plain = min(1, limit)
        let (a, b) = (value(factor), value(plain))
        return a > b ? (a, factor) : (b, plain)
    }
}

/// Gap Safe screening (Ndiaye et al. 2017): a block whose correlation with the best dual point can nowhere in the ball
/// that the gap allows reach its threshold is zero at the optimum.
enum GapSafe {
    /// Whether a block is certainly zero at the optimum.
    ///
    /// - Parameters:
    ///   - correlation: ‖X_jᵀΘ‖ or an upper bound of it, at a feasible Θ.
    ///   - norm: ‖X_j‖₂ or an upper bound of it.
    ///   - radius: √(2·(P − D(Θ))), with any primal value P and the dual value of the same Θ.
    ///   - threshold: φ_j′(0⁺).
    @inline(__always)
    static func isInactive(correlation: Double, norm: Double, radius: Double, threshold: Double) -> Bool {
        // Room for the rounding of the numbers compared.
        correlation + radius * norm < threshold * (1 - 1e-9)
    }
}
