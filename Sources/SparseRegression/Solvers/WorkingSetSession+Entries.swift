extension WorkingSetSession {
    /// Solves each sample by itself, with the columns as blocks.
    func solveEntries(
        _ penalty: some BlockPenalty, from start: ActiveSet?, stop: StopRule, monitor: Monitor
    ) -> Solution {
        let problem = problem
        let response = problem.unreducedResponse
        let total = problem.squaredResponseNorm
        let samples = response.columns
        let clock = Stopwatch(limit: stop.maximumSeconds)
        let isStartUsable = start?.fits(problem, samples: samples) ?? true
        // max |X_jᵀy| over all samples, and the largest violation.
        var (largest, violation) = (0.0, 0.0)
        // Bᵀ; samples that are not solved stay at zero.
        var dense = Matrix(rows: samples, columns: problem.design.columns)
        var parts: [Solution] = []
        // ‖Y‖² of the samples that stay at zero.
        var unsolved = total
        for sample in 0..<samples {
            let values = Matrix(rows: response.rows, columns: 1, elements: response.column(sample))
            guard let single = try? problem.singleEntries(response: values) else { continue }
            if let entries {
                entries.adopt(single)
            } else {
                entries = WorkingSetSession(
                    single, screens: screens, parallelism: parallelism, makeEngine: makeEngine)
            }
            // Gaps of the samples add up to the gap of all.
            var rule = stop
            let share = single.squaredResponseNorm * Double(samples)
            rule.relativeGap = share > 0 ? stop.relativeGap * total / share : 1
            rule.maximumSeconds = stop.maximumSeconds - clock.seconds
            let beginning = isStartUsable ? start?.singleSample(sample, of: problem) : nil
            guard let part = entries?.solve(penalty, from: beginning, stop: rule, monitor: monitor) else { continue }
            parts.append(part)
            let own = max(entries?.largestCorrelation ?? 0, .leastNormalMagnitude)
            (largest, violation) = (max(largest, own), max(violation, part.certificate.relativeViolation * own))
            unsolved = max(0, unsolved - single.squaredResponseNorm)
            for (i, column) in part.active.blocks.enumerated() {
                dense[sample, column] = part.active.coefficients[0, i]
            }
            if part.reason == .cancelled || part.reason == .timeLimit { break }
        }
        if parts.count == samples { unsolved = 0 } else { violation = max(violation, largest) }
        return Solution.joined(
            parts, dense: dense, unsolved: unsolved, relativeViolation: largest > 0 ? violation / largest : 0,
            reason: isStartUsable ? nil : .notFinite, problem: problem)
    }
}

extension Solution {
    /// One solution from those of all samples.
    ///
    /// - Parameters:
    ///   - parts: the solutions of the samples solved, in their order.
    ///   - dense: Bᵀ, samples × columns of the design.
    ///   - unsolved: ‖Y‖² of the samples that are missing; at zero, their gap is at most half of it.
    ///   - relativeViolation: the largest violation of any entry over the largest |X_jᵀY| of any.
    ///   - reason: why all of them stopped; nil means the first reason that is not convergence.
    ///   - problem: all samples.
    fileprivate static func joined(
        _ parts: [Solution], dense: Matrix, unsolved: Double, relativeViolation: Double, reason: StopReason?,
        problem: RegressionProblem
    ) -> Solution {
        let half = 0.5 * problem.squaredResponseNorm
        func sum(_ value: (Solution) -> Double) -> Double { parts.reduce(0) { $0 + value($1) } }
        func total(_ value: (Certificate) -> Int) -> Int { parts.reduce(0) { $0 + value($1.certificate) } }
        return Solution(
            active: ActiveSet(dense: dense, in: problem.blocks), squaredResidual: sum(\.squaredResidual) + unsolved,
            certificate: Certificate(
                objective: sum(\.certificate.objective) + 0.5 * unsolved,
                relativeGap: half > 0 ? (sum { $0.certificate.relativeGap * $0.scale } + 0.5 * unsolved) / half : 0,
                relativeViolation: relativeViolation,
                epochs: total(\.epochs), newtonSteps: total(\.newtonSteps), fullPasses: total(\.fullPasses),
                passesOverGain: sum(\.certificate.passesOverGain), screenedBlocks: total(\.screenedBlocks),
                allocations: total(\.allocations)),
            reason: reason ?? parts.first { $0.reason != .converged }?.reason ?? .converged, scale: half > 0 ? half : 1)
    }
}
