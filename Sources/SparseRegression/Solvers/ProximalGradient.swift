/// Accelerated proximal gradient, FISTA (Beck & Teboulle 2009) with restarts (O'Donoghue & Candès 2015).
///
/// No working set, no Gram matrix, no second-order step: the simplest engine, which the others are checked against.
/// Memory and work of an iteration are those of a full pass with all of B; for small problems.
public struct ProximalGradient: Solver {
    /// Whether steps are accelerated; plain steps never raise the objective.
    public var accelerates = true
    /// Iterations between two certificates.
    public var checkInterval = 20 { didSet { checkInterval = max(1, checkInterval) } }

    /// The engine with its default settings.
    public init() {}

    /// Opens a session; finds the step length.
    ///
    /// - Complexity: O(nq·min(n, q)).
    public func session(for problem: RegressionProblem, parallelism: Parallelism) -> ProximalGradientSession {
        ProximalGradientSession(problem, settings: self, parallelism: parallelism)
    }
}

/// A problem prepared for ``ProximalGradient``.
public final class ProximalGradientSession: SolverSession {
    /// The problem of this session.
    public private(set) var problem: RegressionProblem
    private let settings: ProximalGradient
    private let parallelism: Parallelism
    private let design: Matrix
    /// ‖X‖₂², rounded up; ‖X‖² where its eigenvalues cannot be had.
    private let lipschitz: Double

    init(_ problem: RegressionProblem, settings: ProximalGradient, parallelism: Parallelism) {
        self.problem = problem
        self.settings = settings
        self.parallelism = parallelism
        design = problem.design.matrix
        let isWide = design.columns > design.rows
        let gram = Matrix.product(
            design, transposed: !isWide, design, transposed: isWide, parallelism: parallelism)
        lipschitz = ((try? SymmetricEigen(gram))?.values.last ?? design.squaredNorm) * (1 + 1e-10)
    }

    /// Goes over to another response of the same design.
    public func adopt(_ problem: RegressionProblem) { self.problem = problem }

    /// max_j ‖X_jᵀY‖/w_j.
    public func largestLambda(weights: [Double]?) -> Double {
        problem.largestLambda(weights: weights, parallelism: parallelism)
    }

    /// Iterates until the gap (or, without convexity, the violation) is small enough.
    ///
    /// - Complexity: O(nqT) an iteration.
    public func solve(
        _ penalty: some BlockPenalty, from start: ActiveSet?, stop: StopRule, monitor: Monitor
    ) -> Solution {
        let posed = PosedProblem(problem, penalty, design: design, parallelism: parallelism)
        let clock = Stopwatch(limit: stop.maximumSeconds)
        let half = 0.5 * problem.squaredResponseNorm
        let scale = half > 0 ? half : 1
        let step = lipschitz > 0 ? 1 / lipschitz : 1
        // The steps that the violation is measured with: a block's own; without convexity, that of the iteration,
        // whose fixed points need not be those of a longer step.
        let steps = penalty.isConvex ? posed.blockSteps : [Double](repeating: step, count: posed.blocks.count)
        let violationScale = max(posed.largestCorrelation, .leastNormalMagnitude)
        let begin = posed.coefficients(of: start, in: problem)
        var iterate = Accelerated(posed.point(begin ?? posed.zero))
        var (dual, violation) = (-Double.infinity, Double.infinity)
        var (iterations, looks) = (0, 0)
        var (smallest, lowest, idle) = (Double.infinity, Double.infinity, 0)
        var reason = StopReason.limit
        func gap() -> Double { penalty.isConvex ? max(0, iterate.best.value - dual) / scale : .infinity }
        while true {
            if iterations.isMultiple(of: settings.checkInterval) {
                looks += 1
                violation = posed.violation(iterate.best, steps)
                if penalty.isConvex { dual = max(dual, posed.dualBound(iterate.best.residual)) }
                let distance = penalty.isConvex ? gap() : violation
                monitor.report(.init(stage: "solving", detail: String(printf: "gap %.0e", gap())))
                let goal =
                    penalty.isConvex ? max(0, stop.relativeGap) : stop.relativeViolation * violationScale
                if let end = stop.reason(
                    isFinite: iterate.best.value.isFinite, isReached: distance <= goal, monitor: monitor, clock: clock)
                {
                    reason = end
                    break
                }
                // Where the objective shows no difference the gap still does, for a while.
                idle = distance < 0.9 * smallest || iterate.best.value < lowest * (1 - 1e-12) ? 0 : idle + 1
                (smallest, lowest) = (min(smallest, distance), min(lowest, iterate.best.value))
                if idle >= 100 {
                    reason = .stagnated
                    break
                }
                if iterations >= stop.maximumEpochs || looks >= stop.maximumPasses { break }
            }
            iterations += 1
            // Differences below the rounding of the objective say nothing.
            let level = iterate.best.value + 1e-14 * scale
            if !iterate.advance(posed, step: step, to: level, accelerates: settings.accelerates) {
                reason = .stagnated
                break
            }
        }
        if penalty.isConvex { dual = max(dual, posed.dualBound(iterate.best.residual)) }
        violation = posed.violation(iterate.best, steps)
        let isReached =
            penalty.isConvex ? gap() <= stop.relativeGap : violation <= stop.relativeViolation * violationScale
        if reason == .stagnated, isReached { reason = .converged }
        return Solution(
            active: ActiveSet(dense: iterate.best.b, in: problem.blocks),
            squaredResidual: iterate.best.residual.squaredNorm,
            certificate: Certificate(
                objective: iterate.best.value, relativeGap: gap(), relativeViolation: violation / violationScale,
                epochs: iterations, newtonSteps: 0, fullPasses: looks,
                passesOverGain: Double(iterations + looks), screenedBlocks: 0, allocations: 0),
            reason: reason.afterStart(isUsable: begin != nil), scale: scale)
    }
}

/// The best point of accelerated steps, and where the next step begins: ahead of it by their momentum.
private struct Accelerated {
    private(set) var best: PosedPoint
    private var ahead: (b: Matrix, correlation: Matrix)
    private var momentum = 1.0

    init(_ start: PosedPoint) {
        best = start
        ahead = (start.b, start.correlation)
    }

    /// One step. It is taken where the objective comes down to the level; else the momentum led astray, and the next step
    /// begins at the best point.
    ///
    /// - Returns: false where a plain step does not come down: it raises the objective by rounding alone, and nothing is
    ///   left to gain.
    mutating func advance(
        _ posed: PosedProblem<some BlockPenalty>, step: Double, to level: Double, accelerates: Bool
    ) -> Bool {
        let next = posed.point(posed.proximalStep(ahead.b, ahead.correlation) { _ in step })
        guard next.value <= level else {
            defer { (ahead, momentum) = ((best.b, best.correlation), 1) }
            return momentum > 1
        }
        // Momentum that points uphill is dropped.
        let uphill = zip(zip(ahead.b.elements, next.b.elements), best.b.elements).reduce(0) {
            $0 + ($1.0.0 - $1.0.1) * ($1.0.1 - $1.1)
        }
        if uphill > 0 { momentum = 1 }
        let nextMomentum = accelerates ? 0.5 * (1 + (1 + 4 * momentum * momentum).squareRoot()) : 1
        let weight = accelerates ? (momentum - 1) / nextMomentum : 0
        ahead = (
            next.b + (next.b - best.b) * weight, next.correlation + (next.correlation - best.correlation) * weight
        )
        (best, momentum) = (next, nextMomentum)
        return true
    }
}

/// A point with all that is computed of it.
private struct PosedPoint {
    /// Bᵀ, T × q.
    var b: Matrix
    /// R = Y − XB, n × T.
    var residual: Matrix
    /// RᵀX, T × q.
    var correlation: Matrix
    /// The objective.
    var value: Double
}

/// A problem as a penalty sees it: Bᵀ, T × q, in blocks that are contiguous, those of the problem or single entries.
private struct PosedProblem<Penalty: BlockPenalty> {
    let penalty: Penalty
    let design: Matrix
    let response: Matrix
    let blocks: BlockStructure
    let parallelism: Parallelism
    private let source: RegressionProblem
    private let span: UnpenalizedSpan?

    init(_ problem: RegressionProblem, _ penalty: Penalty, design: Matrix, parallelism: Parallelism) {
        self.penalty = penalty
        self.design = design
        self.parallelism = parallelism
        let isOfEntries = penalty.scope == .entry
        response = isOfEntries ? problem.unreducedResponse : problem.response
        blocks = isOfEntries ? BlockStructure(count: design.columns, size: 1) : problem.blocks
        source = (try? problem.with(response: response, blocks: blocks)) ?? problem
        let free = (0..<blocks.count).filter { penalty.frees($0) }
        span = free.isEmpty ? nil : UnpenalizedSpan(free, of: source)
    }

    var samples: Int { response.columns }

    var zero: Matrix { Matrix(rows: samples, columns: design.columns) }

    /// 1/L_j of every block; zero where its columns are zero.
    var blockSteps: [Double] {
        source.blockNorms(parallelism: parallelism).map { ($0 * $0).isNormal ? 1 / ($0 * $0) : 0 }
    }

    /// max_j ‖X_jᵀY‖.
    var largestCorrelation: Double { norms(correlation(of: response)).reduce(0) { max($0, $1.1) } }

    func point(_ b: Matrix) -> PosedPoint {
        let residual =
            response
            - Matrix.product(
                design, transposed: false, b, transposed: true, parallelism: parallelism)
        let value = norms(b).reduce(0.5 * residual.squaredNorm) { $0 + penalty.value(norm: $1.1, block: $1.0) }
        return PosedPoint(b: b, residual: residual, correlation: correlation(of: residual), value: value)
    }

    private func correlation(of values: Matrix) -> Matrix {
        Matrix.product(values, transposed: true, design, parallelism: parallelism)
    }

    /// Every block with its elements in a T × q matrix; entries of different samples are blocks of their own.
    private func forEachBlock(_ body: (_ block: Int, _ elements: Range<Int>) -> Void) {
        let t = samples
        if penalty.scope == .entry {
            for k in 0..<(design.columns * t) { body(k / t, k..<(k + 1)) }
        } else {
            for j in 0..<blocks.count { body(j, (blocks.offsets[j] * t)..<(blocks.offsets[j + 1] * t)) }
        }
    }

    /// The blocks with their norms in a T × q matrix.
    private func norms(_ matrix: Matrix) -> [(Int, Double)] {
        var result: [(Int, Double)] = []
        matrix.elements.withUnsafeBufferPointer { elements in
            guard let elements = elements.baseAddress else { return }
            forEachBlock { result.append(($0, BLAS.norm($1.count, elements + $1.lowerBound))) }
        }
        return result
    }

    /// prox(B + step·RᵀX) with a step of each block.
    func proximalStep(_ b: Matrix, _ correlation: Matrix, step: (_ block: Int) -> Double) -> Matrix {
        var result = b
        result.elements.withUnsafeMutableBufferPointer { z in
            b.elements.withUnsafeBufferPointer { b in
                correlation.elements.withUnsafeBufferPointer { h in
                    guard let z = z.baseAddress, let b = b.baseAddress, let h = h.baseAddress else { return }
                    forEachBlock { block, range in
                        let own = z + range.lowerBound
                        let factor = penalty.proximalStep(
                            block, step: step(block), count: range.count, from: b + range.lowerBound,
                            along: h + range.lowerBound, into: own
                        ).factor
                        for k in 0..<range.count { own[k] *= factor }
                    }
                }
            }
        }
        return result
    }

    /// L_j‖B_j − prox(B_j + X_jᵀR/L_j)‖ of the worst block.
    func violation(_ point: PosedPoint, _ steps: [Double]) -> Double {
        let moved = proximalStep(point.b, point.correlation) { steps[$0] }
        return norms(moved - point.b).reduce(0) { steps[$1.0] > 0 ? max($0, $1.1 / steps[$1.0]) : $0 }
    }

    /// A lower bound of the optimum from a residual. Convex penalties only.
    func dualBound(_ residual: Matrix) -> Double {
        let direction = span?.remainder(of: residual, scale: source.squaredResponseNorm) ?? residual
        let fitted = zip(response.elements, direction.elements).reduce(0) { $0 + $1.0 * $1.1 }
        let slopes = norms(correlation(of: direction))
        return DualBound.best(
            penalty, fitted: fitted, squared: direction.squaredNorm, blocks: slopes.map(\.0), slopes: slopes.map(\.1)
        ).value
    }

    /// Bᵀ of a start, without what the penalty excludes; nil where the start is not finite or of another problem.
    func coefficients(of start: ActiveSet?, in problem: RegressionProblem) -> Matrix? {
        var b = zero
        guard let start else { return b }
        guard start.coefficients.firstNonFinite == nil, start.fits(problem, samples: samples) else { return nil }
        for (i, block) in start.blocks.enumerated() {
            for (k, column) in problem.blocks.columns(of: block).enumerated()
            where !penalty.excludes(penalty.scope == .entry ? column : block) {
                for s in 0..<samples { b[s, column] = start.coefficients[s, start.offsets[i] + k] }
            }
        }
        return b
    }
}
