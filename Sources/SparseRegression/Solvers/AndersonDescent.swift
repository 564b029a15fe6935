import Foundation

/// Block coordinate descent on working sets, accelerated twice: by Anderson extrapolation of the sweeps (Bertrand &
/// Massias 2021) and, once the support settles, by Newton steps on it (the superlinear phase of Nutini et al. 2022).
///
/// Three nested sets: all sources, seen once a full pass; the working set, whose Gram matrix is cached and grows along a
/// path; and the support, on which the sweeps run. The stop is the duality gap over all sources.
public struct AndersonDescent: Solver {
    /// Sweeps between two extrapolations.
    public var sweepsPerRound = 5
    /// Whether sweeps are extrapolated.
    public var extrapolates = true
    /// Whether Newton steps are tried on the support.
    public var usesNewton = true

    /// The engine with its default settings.
    public init() {}

    /// Opens a session: allocates scratch memory; the Gram matrix grows as it is needed.
    public func session(for problem: RegressionProblem, parallelism: Parallelism) -> DescentSession {
        DescentSession(problem, settings: self, parallelism: parallelism)
    }
}

/// A problem prepared for ``AndersonDescent``: the cached Gram matrix and scratch memory.
///
/// Not for use by several threads at once.
public final class DescentSession: SolverSession {
    /// The problem of this session.
    public let problem: RegressionProblem
    private let settings: AndersonDescent
    private let parallelism: Parallelism
    private let cache: GramCache
    private let pass: FullPass
    private let core: SupportDescent
    private var scores: [Double]
    private var residual: Matrix
    private let gradient = Buffer()
    private let gathered = Buffer()

    init(_ problem: RegressionProblem, settings: AndersonDescent, parallelism: Parallelism) {
        self.problem = problem
        self.settings = settings
        self.parallelism = parallelism
        cache = GramCache(problem: problem, parallelism: parallelism)
        pass = FullPass(problem: problem, samples: problem.response.columns, parallelism: parallelism)
        core = SupportDescent(samples: problem.response.columns, settings: settings, parallelism: parallelism)
        scores = [Double](repeating: 0, count: problem.blocks.count)
        residual = problem.response
    }

    /// Descends from `start` until the duality gap over all sources is small enough.
    ///
    /// - Complexity: a full pass, O(nqT), for every growth of the working set; a sweep is O((|S|o)²T).
    public func solve(
        _ penalty: some BlockPenalty, from start: ActiveSet?, stop: StopRule, monitor: Monitor
    ) -> Solution {
        let half = 0.5 * problem.squaredResponseNorm
        let scale = half > 0 ? half : 1
        var best = Best()
        var epochs = 0
        var newtonSteps = 0
        var passes = 0
        var idle = 0
        var lastGap = Double.infinity
        var lastObjective = Double.infinity
        var reason = StopReason.limit
        load(start, penalty)
        while true {
            updateResidual()
            let squaredResidual = residual.squaredNorm
            let fitted = dot(problem.response, residual)
            residual.elements.withUnsafeBufferPointer { r in
                scores.withUnsafeMutableBufferPointer { scores in
                    guard let r = r.baseAddress, let scores = scores.baseAddress else { return }
                    pass.run(r, into: scores)
                }
            }
            passes += 1
            var ratio = 0.0
            for j in scores.indices where scores[j] > 0 {
                scores[j] /= penalty.threshold(block: j)
                ratio = max(ratio, scores[j])
            }
            let objective = 0.5 * squaredResidual + core.penaltyValue(penalty)
            best.dual = max(best.dual, dualValue(fitted, squaredResidual, ratio))
            let gap = max(0, objective - best.dual) / scale
            // The certificate belongs to the point returned: the best objective seen at a full pass.
            if objective <= best.objective {
                best.objective = objective
                best.active = currentActiveSet()
                best.squaredResidual = squaredResidual
            }
            let bestGap = max(0, best.objective - best.dual) / scale
            monitor.report(
                .init(stage: "solving", detail: String(format: "gap %.0e, %d sources", bestGap, core.nonzeroCount)))
            if bestGap <= stop.relativeGap {
                reason = .converged
                break
            }
            if monitor.isCancelled() {
                reason = .cancelled
                break
            }
            if passes >= stop.maximumPasses || epochs >= stop.maximumEpochs { break }
            let grown = growWorkingSet(penalty)
            // No better gap, and no new candidate or no lower objective, four passes in a row: rounding has the last word.
            idle = gap > 0.9 * lastGap && (grown == 0 || objective >= lastObjective) ? idle + 1 : 0
            lastGap = min(gap, lastGap)
            lastObjective = min(objective, lastObjective)
            if idle >= 4 {
                reason = .stagnated
                break
            }
            let target = max(0.3 * stop.relativeGap, 1e-1 * gap) * scale
            let spent = descend(
                penalty, target: idle > 0 ? 0.01 * target : target, limit: stop.maximumEpochs - epochs, monitor)
            epochs += spent.epochs
            newtonSteps += spent.newtonSteps
        }
        return Solution(
            active: best.active ?? currentActiveSet(), squaredResidual: best.squaredResidual,
            certificate: Certificate(
                objective: best.objective, relativeGap: max(0, best.objective - best.dual) / scale, epochs: epochs,
                newtonSteps: newtonSteps, fullPasses: passes),
            reason: reason)
    }

    private struct Best {
        var objective = Double.infinity
        var dual = -Double.infinity
        var squaredResidual = 0.0
        var active: ActiveSet?
    }

    /// The dual objective at the best multiple of the residual that is feasible.
    ///
    /// - Parameter ratio: max_j ‖X_jᵀR‖/λ_j.
    private func dualValue(_ fitted: Double, _ squaredResidual: Double, _ ratio: Double) -> Double {
        guard squaredResidual > 0 else { return 0 }
        let limit = ratio > 0 ? 1 / ratio : Double.infinity
        let factor = min(limit, max(-limit, fitted / squaredResidual))
        return factor * fitted - 0.5 * factor * factor * squaredResidual
    }

    private func load(_ start: ActiveSet?, _ penalty: some BlockPenalty) {
        guard let start, start.count > 0 else {
            core.clear()
            return
        }
        let usable = start.blocks.indices.filter { penalty.threshold(block: start.blocks[$0]).isFinite }
        cache.insert(usable.map { start.blocks[$0] })
        core.load(start, positions: usable, cache: cache)
    }

    /// R = Y − XB, from the cached columns.
    private func updateResidual() {
        let n = problem.rowCount
        let t = problem.response.columns
        residual.elements.withUnsafeMutableBufferPointer { r in
            problem.response.elements.withUnsafeBufferPointer { y in
                guard let r = r.baseAddress, let y = y.baseAddress else { return }
                r.update(from: y, count: n * t)
                guard core.width > 0 else { return }
                gathered.reserve(n * core.width)
                for (i, position) in core.support.enumerated() {
                    let range = cache.starts[position]..<cache.starts[position + 1]
                    (gathered.pointer + core.starts[i] * n).update(
                        from: cache.columns.pointer + range.lowerBound * n, count: range.count * n)
                }
                BLAS.gemm(false, true, n, t, core.width, -1, gathered.pointer, n, core.b.pointer, t, 1, r, n)
            }
        }
    }

    private func dot(_ a: Matrix, _ b: Matrix) -> Double {
        a.elements.withUnsafeBufferPointer { a in
            b.elements.withUnsafeBufferPointer { b in
                guard let pa = a.baseAddress, let pb = b.baseAddress else { return 0 }
                return BLAS.dot(a.count, pa, pb)
            }
        }
    }

    /// Adds the blocks that most violate optimality; `scores` holds ‖X_jᵀR‖/λ_j.
    ///
    /// - Returns: how many were added.
    private func growWorkingSet(_ penalty: some BlockPenalty) -> Int {
        // Counted in columns, since those are what the Gram matrix costs.
        var room = max(120, core.width / 4)
        // A cache that outgrew its use along a path is begun anew from what is active: memory stays O((|S|o)² + n|S|o),
        // and the Gram matrix of the active blocks costs no more than a sweep or two.
        if cache.width > core.width + max(240, core.width / 4) {
            let kept = currentActiveSet()
            cache.removeAll()
            cache.insert(kept.blocks)
            core.load(kept, positions: Array(kept.blocks.indices), cache: cache)
        }
        var candidates = scores.indices.filter { scores[$0] > 0.9 && !cache.contains($0) }
        candidates.sort { scores[$0] > scores[$1] || (scores[$0] == scores[$1] && $0 < $1) }
        let added = candidates.prefix { block in
            defer { room -= problem.blocks.columns(of: block).count }
            return room > 0
        }
        cache.insert(Array(added))
        return added.count
    }

    /// Descends on the working set until its own gap is at most `target`.
    private func descend(
        _ penalty: some BlockPenalty, target: Double, limit: Int, _ monitor: Monitor
    ) -> (epochs: Int, newtonSteps: Int) {
        let t = problem.response.columns
        var epochs = 0
        var newtonSteps = 0
        var bestDual = -Double.infinity
        var smallestGap = Double.infinity
        var idle = 0
        var violators: [Int] = []
        let total = cache.width
        gradient.reserve(t * total)
        while epochs < limit {
            // H_W = X_WᵀR for the whole working set, from the Gram columns of the support.
            gradient.pointer.update(from: cache.correlation.pointer, count: t * total)
            if core.width > 0 {
                core.subtractFit(from: gradient.pointer, cache: cache)
            }
            violators.removeAll(keepingCapacity: true)
            var ratio = 0.0
            for position in cache.blocks.indices {
                let range = cache.starts[position]..<cache.starts[position + 1]
                let norm = BLAS.norm(range.count * t, gradient.pointer + range.lowerBound * t)
                guard norm > 0 else { continue }
                let score = norm / penalty.threshold(block: cache.blocks[position])
                ratio = max(ratio, score)
                if score > 1 { violators.append(position) }
            }
            let (fitted, squaredResidual) = core.fitNumbers(
                squaredResponseNorm: problem.squaredResponseNorm, gradient: gradient.pointer, cache: cache)
            bestDual = max(bestDual, dualValue(fitted, squaredResidual, ratio))
            let gap = 0.5 * squaredResidual + core.penaltyValue(penalty) - bestDual
            if gap <= target || monitor.isCancelled() { break }
            // Near the end of the digits a gap that no longer shrinks never will.
            idle = gap < 0.9 * smallestGap ? 0 : idle + 1
            smallestGap = min(gap, smallestGap)
            if idle >= 30, gap < 1e-9 * problem.squaredResponseNorm { break }
            core.rebuild(adding: violators, cache: cache)
            if core.support.isEmpty { break }
            let progress = core.round(penalty, cache: cache)
            epochs += progress.epochs
            newtonSteps += progress.newton ? 1 : 0
            if progress.isStuck { break }
        }
        return (epochs, newtonSteps)
    }

    private func currentActiveSet() -> ActiveSet {
        core.activeSet(cache: cache)
    }
}
