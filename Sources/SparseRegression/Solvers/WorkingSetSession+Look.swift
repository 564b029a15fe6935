extension WorkingSetSession {
    /// The best that looks have found.
    struct Best {
        var objective = Double.infinity
        var dual = -Double.infinity
        var squaredResidual = 0.0
        var violation = Double.infinity
        var active: ActiveSet?

        var gap: Double { max(0, objective - dual) }
    }

    /// What a look finds at the iterate.
    struct Look {
        var objective: Double
        var violation: Double
    }

    /// A look at all blocks: objective, dual bound, violation, screening; the better point is kept in `best`.
    func lookAtAll(_ penalty: some BlockPenalty, best: inout Best) -> Look {
        let count = problem.rowCount * context.iterate.samples
        let r = residual.pointer
        context.computeResidual(into: r)
        let squaredResidual = BLAS.dot(count, r, r)
        let objective = 0.5 * squaredResidual + context.iterate.penaltyValue(penalty)
        let onSupport = context.supportViolation(r, penalty)
        context.project(r)
        let squared = context.span == nil ? squaredResidual : BLAS.dot(count, r, r)
        correlations.move(to: r)
        refineCorrelations(penalty)
        let violation = max(onSupport, violationAtZero(penalty))
        var screening: (factor: Double, gap: Double)?
        if penalty.isConvex {
            // A block that is zero at the optimum is no part of the problem.
            let blocks = isScreened.indices.filter { !isScreened[$0] }
            let bound = DualBound.best(
                penalty, fitted: context.fitted(r), squared: squared, blocks: blocks,
                slopes: blocks.map { correlations.bounds[$0] })
            best.dual = max(best.dual, bound.value)
            screening = (abs(bound.factor), min(objective, best.objective) - bound.value)
        }
        // The certificate belongs to the point returned: the best objective seen at a look. Near the optimum objectives
        // are equal to rounding long before points are: then the one that violates less.
        let isEqual = abs(objective - best.objective) <= 2e-15 * objective
        let isBetter =
            penalty.isConvex && !isEqual ? objective <= best.objective : violation <= best.violation
        if isBetter {
            best.objective = objective
            best.violation = violation
            best.squaredResidual = squaredResidual
            best.active = context.iterate.activeSet
        }
        // After the point was taken down: blocks that are screened are zeroed in the iterate.
        if screens, let screening { screen(penalty, factor: screening.factor, gap: screening.gap) }
        return Look(objective: objective, violation: violation)
    }

    /// Multiplies what columns have to be known better, from what the last looks know of them.
    private func refineCorrelations(_ penalty: some BlockPenalty) {
        // Exact values are needed of blocks that may be active or become candidates, no others.
        let isScreened = isScreened
        correlations.refresh { isScreened[$0] ? .infinity : Self.interest * context.activation($0, penalty) }
        // … and to all digits only of those that decide how far from feasible the residual is: those near the largest
        // bound, then all whose bound is above the largest that is exact. Conjugates take every block above its threshold.
        let nearest = 0.98 * urgency(penalty, exactly: false)
        correlations.refine { isScreened[$0] ? .infinity : nearest * context.activation($0, penalty) }
        let largest = urgency(penalty, exactly: true)
        correlations.refine {
            if isScreened[$0] { return .infinity }
            let activation = context.activation($0, penalty)
            return (penalty.slopeLimit(block: $0) > activation ? min(1, largest) : largest) * activation
        }
    }

    /// The largest ‖X_jᵀR‖ (or bound of it) over the threshold of its block.
    private func urgency(_ penalty: some BlockPenalty, exactly: Bool) -> Double {
        var largest = 0.0
        for (j, bound) in correlations.bounds.enumerated()
        where !isScreened[j] && bound > 0 && (!exactly || correlations.isExact[j]) {
            let activation = context.activation(j, penalty)
            if activation > 0 { largest = max(largest, bound / activation) }
        }
        return largest
    }

    /// How far the farthest block at zero is from staying there; blocks of the support are judged by themselves.
    private func violationAtZero(_ penalty: some BlockPenalty) -> Double {
        let (working, iterate) = (context.working, context.iterate)
        var largest = 0.0
        for (j, bound) in correlations.bounds.enumerated()
        where bound > context.activation(j, penalty) && !isScreened[j] && !penalty.frees(j) {
            if working.contains(j), iterate.place(of: working.position(of: j)) != nil { continue }
            largest = max(largest, penalty.violationAtZero(j, slope: bound, step: context.step(j)))
        }
        return largest
    }

    private func screen(_ penalty: some BlockPenalty, factor: Double, gap: Double) {
        guard gap.isFinite, factor.isFinite else { return }
        let radius = (2 * max(0, gap)).squareRoot()
        for j in isScreened.indices where !isScreened[j] {
            isScreened[j] = GapSafe.isInactive(
                correlation: factor * correlations.bounds[j], norm: correlations.norms[j], radius: radius,
                threshold: context.activation(j, penalty))
        }
        context.iterate.zero { isScreened[$0] }
    }
}
