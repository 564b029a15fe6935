/// Looks at all blocks, and rounds on a working set between them: the group Lasso at fixed S, then the S of its residual.
final class ConcomitantDescent {
    private let lasso: ConcomitantLasso
    private let parallelism: Parallelism
    private let floors: [Double]
    private let correlations: Correlations

    /// Most rounds between two looks, and columns that may join at each. Measured: half as many took a round more.
    private static let (mostRounds, fewestColumns) = (20, 200)

    init(_ lasso: ConcomitantLasso, parallelism: Parallelism) {
        self.lasso = lasso
        self.parallelism = parallelism
        floors = lasso.rowFloors
        correlations = Correlations(
            design: lasso.problem.design, blocks: lasso.problem.blocks, samples: lasso.problem.response.columns,
            parallelism: parallelism, allocations: AllocationCount())
    }

    /// T.
    private var samples: Double { Double(lasso.problem.sampleCount) }

    // MARK: - Points and bounds

    /// A B with its best S.
    struct Point {
        let active: ActiveSet
        let root: NoiseRoot
        /// S^−½(Ȳ − XB) and ⟨Ȳ − XB, S⁻¹XB⟩.
        let whitenedResidual: Matrix
        let product: Double
        /// Σ_j w_j‖B_j‖.
        let norms: Double
    }

    /// B = 0.
    private var zero: Point {
        let response = lasso.problem.response
        return Point(
            active: .empty(samples: response.columns), root: lasso.rootAtZero,
            whitenedResidual: lasso.rootAtZero.whitened(response, parallelism: parallelism), product: 0, norms: 0)
    }

    /// The point of some coefficients; nil where they are not finite.
    ///
    /// - Parameters:
    ///   - active: B.
    ///   - columns: X of its blocks, n × columns.
    /// - Complexity: O(n²T), and O(n³) for a full S.
    func point(_ active: ActiveSet, columns: Matrix) -> Point? {
        let mean = lasso.problem.response
        if active.count == 0 { return zero }
        let fit = Matrix.product(
            columns, transposed: false, active.coefficients, transposed: true, parallelism: parallelism)
        // ȲFᵀ + FȲᵀ − FFᵀ = HFᵀ + FHᵀ with H = Ȳ − F/2.
        let half = Matrix.product(mean - fit * 0.5, transposed: false, fit, transposed: true, parallelism: parallelism)
        var moment = lasso.secondMoment
        for j in 0..<moment.columns {
            for i in j..<moment.rows { moment[i, j] -= (half[i, j] + half[j, i]) / samples }
        }
        guard let root = try? NoiseRoot(of: moment, parts: lasso.parts, floors: floors) else { return nil }
        let whitened = root.whitened(mean - fit, parallelism: parallelism)
        let whitenedFit = root.whitened(fit, parallelism: parallelism)
        return Point(
            active: active, root: root, whitenedResidual: whitened,
            product: BLAS.dot(whitened.elements.count, whitened.elements, whitenedFit.elements),
            norms: zip(active.blocks, active.norms).reduce(0) { $0 + lasso.weight($1.0) * $1.1 })
    }

    /// P at a point.
    func objective(_ point: Point, _ lambda: Double) -> Double {
        zip(point.root.unclipped, point.root.values).reduce(lambda * point.norms) { sum, pair in
            sum + 0.5 * samples * (pair.0 * pair.0 / pair.1 + pair.1)
        }
    }

    /// The best lower bound along U⁽ˡ⁾ = (a/r)·S⁻¹(Y⁽ˡ⁾ − XB), and its a.
    ///
    /// Since S is that of B, the eigenvalues of S⁻¹C(B)S⁻¹ are (γ/s)², and ⟨U, Y⟩ = a·(T Σ γ²/s + ⟨S⁻¹R, XB⟩).
    ///
    /// - Parameter ratio: max_j ‖X_jᵀS⁻¹R‖/(Λw_j), or an upper bound of it.
    func bound(_ point: Point, ratio: Double) -> (value: Double, factor: Double) {
        var (fitted, curvature, constant, most) = (point.product, 0.0, 0.0, 0.0)
        for ((unclipped, value), floor) in zip(zip(point.root.unclipped, point.root.values), floors) {
            let share = (unclipped / value) * (unclipped / value)
            fitted += samples * unclipped * unclipped / value
            curvature += samples * floor * share
            constant += 0.5 * samples * floor
            most = max(most, share)
        }
        guard curvature > 0 else { return (constant, 0) }
        let limit = min(1 / ratio, 1 / most.squareRoot())
        let a = max(0, min(fitted / curvature, limit))
        return (constant + a * fitted - 0.5 * a * a * curvature, a)
    }

    // MARK: - Solving

    func solve(_ lambda: Double, from start: ActiveSet?, stop: StopRule, monitor: Monitor) -> ConcomitantLasso.Solution
    {
        let (problem, clock) = (lasso.problem, Stopwatch(limit: stop.maximumSeconds))
        var point = zero
        let scale = objective(point, lambda)
        var isUsable = true
        if let start {
            let other =
                start.fits(problem, samples: problem.response.columns)
                ? self.point(start, columns: start.designColumns(of: problem)) : nil
            isUsable = other != nil
            point = other ?? zero
        }
        var state = State(isScreened: [Bool](repeating: false, count: problem.blocks.count))
        while true {
            let force = point.root.solved(whitened: point.whitenedResidual, parallelism: parallelism)
            let (value, factor) = bound(point, ratio: look(force, lambda, state.isScreened))
            state.note(objective: objective(point, lambda), bound: value)
            monitor.report(
                .init(
                    stage: "solving",
                    detail: String(printf: "gap %.0e, ", state.gap / scale) + "\(point.active.count) sources"))
            var reason = stop.reason(
                isFinite: state.gap.isFinite, isReached: state.gap <= stop.relativeGap * scale, monitor: monitor,
                clock: clock)
            if reason == nil, state.passes >= stop.maximumPasses || state.epochs >= stop.maximumEpochs {
                reason = .limit
            }
            if reason == nil, state.idle >= 5 { reason = .stagnated }
            if reason == nil {
                screen(&state, factor: factor, gap: state.objective - value, lambda)
                let target = 0.1 * max(state.gap, stop.relativeGap * scale)
                if let next = descend(from: point, lambda, &state, target: target, stop) {
                    point = next
                } else {
                    reason = .notFinite
                }
            }
            if let reason {
                return state.solution(point, lambda, scale: scale, reason: reason.afterStart(isUsable: isUsable))
            }
        }
    }

    /// Where a solve stands.
    private struct State {
        var isScreened: [Bool]
        var objective = Double.infinity
        var dual = -Double.infinity
        var (passes, epochs, rounds, idle) = (0, 0, 0, 0)
        var acceleration = RoundAcceleration()
        private var closest = Double.infinity

        init(isScreened: [Bool]) { self.isScreened = isScreened }

        var gap: Double { max(0, objective - dual) }

        /// Takes down a look.
        mutating func note(objective: Double, bound: Double) {
            self.objective = objective
            dual = max(dual, bound)
            passes += 1
            idle = gap < 0.9 * closest ? 0 : idle + 1
            closest = min(closest, gap)
        }

        func solution(
            _ point: Point, _ lambda: Double, scale: Double, reason: StopReason
        ) -> ConcomitantLasso.Solution {
            ConcomitantLasso.Solution(
                lambda: lambda, active: point.active, noise: point.root, objective: objective, dualObjective: dual,
                relativeGap: gap / scale, epochs: epochs, rounds: rounds, fullPasses: passes,
                screenedBlocks: isScreened.count { $0 }, reason: reason)
        }
    }

    /// max_j ‖X_jᵀS⁻¹R‖/(Λw_j); what is certainly below 0.9 keeps a bound.
    private func look(_ force: Matrix, _ lambda: Double, _ isScreened: [Bool]) -> Double {
        force.elements.withUnsafeBufferPointer { elements in
            if let first = elements.baseAddress { correlations.move(to: first) }
        }
        correlations.refine { isScreened[$0] ? .infinity : WorkingSetSession.interest * lambda * self.lasso.weight($0) }
        return isScreened.indices.reduce(0) {
            isScreened[$1] ? $0 : max($0, correlations.bounds[$1] / (lambda * lasso.weight($1)))
        }
    }

    /// The dual objective is σ_min·r-strongly concave (Ndiaye et al. 2017): of use where σ_min is not small.
    private func screen(_ state: inout State, factor: Double, gap: Double, _ lambda: Double) {
        let radius = (2 * max(0, gap) / (floors.min() ?? 1)).squareRoot()
        for j in state.isScreened.indices where !state.isScreened[j] {
            state.isScreened[j] = GapSafe.isInactive(
                correlation: factor * correlations.bounds[j], norm: correlations.norms[j], radius: radius,
                threshold: lambda * lasso.weight(j))
        }
    }

    /// The support and the blocks that violate most, ascending.
    private func workingSet(_ active: ActiveSet, _ lambda: Double, _ isScreened: [Bool]) -> [Int] {
        let support = Set(active.blocks)
        var candidates: [(block: Int, score: Double)] = []
        for j in isScreened.indices where !isScreened[j] && !support.contains(j) {
            let score = correlations.bounds[j] / (lambda * lasso.weight(j))
            if score > WorkingSetSession.interest { candidates.append((j, score)) }
        }
        candidates.sort { ($0.score, $1.block) > ($1.score, $0.block) }
        let kept = active.blocks.filter { !isScreened[$0] }
        let room = Self.fewestColumns * isScreened.count / lasso.problem.design.columns
        return (kept + candidates.prefix(max(1, room, active.count)).map(\.block)).sorted()
    }

    /// Alternates on the working set until its own gap is at the target; nil where something is not finite.
    private func descend(
        from start: Point, _ lambda: Double, _ state: inout State, target: Double, _ stop: StopRule
    ) -> Point? {
        let kept = workingSet(start.active, lambda, state.isScreened)
        let local = lasso.problem.restricted(to: kept)
        let columns = local.design.matrix
        let weights = kept.isEmpty ? [1] : kept.map(lasso.weight)
        guard let penalty = try? GroupLasso(lambda: lambda, weights: weights) else { return nil }
        var point = start
        for _ in 0..<Self.mostRounds {
            let design = point.root.whitened(columns, parallelism: parallelism)
            guard
                let fixed = try? RegressionProblem(
                    design: design, response: point.root.whitened(lasso.problem.response, parallelism: parallelism),
                    blocks: local.blocks, keepsSamples: true)
            else { return nil }
            let norms = fixed.correlationNorms(point.whitenedResidual, parallelism: parallelism)
            let ratio = norms.indices.reduce(0) { max($0, norms[$1] / (lambda * weights[$1])) }
            let gap = objective(point, lambda) - bound(point, ratio: ratio).value
            if gap <= target || state.epochs >= stop.maximumEpochs { break }
            let half = max(0.5 * fixed.squaredResponseNorm, .leastNormalMagnitude)
            // What B could still gain at this S: much less than the gap where that is one of S.
            let squared = point.whitenedResidual.squaredNorm
            let fitted = BLAS.dot(
                point.whitenedResidual.elements.count, fixed.response.elements,
                point.whitenedResidual.elements)
            let dual = DualBound.best(
                penalty, fitted: fitted, squared: squared, blocks: Array(norms.indices), slopes: norms)
            let rest = max(0, 0.5 * squared + lambda * point.norms - dual.value)
            let solution = AndersonDescent().solve(
                fixed, penalty, from: point.active.renumbered { kept.firstIndex(of: $0) },
                stop: StopRule(relativeGap: 0.3 * rest / half, maximumEpochs: 100, maximumPasses: 10),
                parallelism: parallelism)
            state.epochs += solution.certificate.epochs
            state.rounds += 1
            let active = solution.active.renumbered { kept[$0] }
            if let further = state.acceleration.extrapolated(from: point.active, to: active),
                let next = self.point(further, columns: further.designColumns(of: lasso.problem)),
                objective(next, lambda) < objective(point, lambda)
            {
                point = next
                continue
            }
            guard let next = self.point(active, columns: solution.active.designColumns(of: local)) else { return nil }
            point = next
        }
        return point
    }
}

extension ActiveSet {
    /// The same coefficients with blocks in another numbering of the same order; blocks without a number are left out.
    fileprivate func renumbered(_ number: (Int) -> Int?) -> ActiveSet {
        let kept = blocks.indices.filter { number(blocks[$0]) != nil }
        return ActiveSet(
            blocks: kept.compactMap { number(blocks[$0]) },
            offsets: kept.reduce(into: [0]) { $0.append($0[$0.count - 1] + offsets[$1 + 1] - offsets[$1]) },
            coefficients: coefficients.columns(kept.flatMap { Array(offsets[$0]..<offsets[$0 + 1]) }))
    }
}
