import Foundation

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

    /// Opens a session; finds the step length by power iteration.
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
    /// An upper bound of ‖X‖₂².
    private let lipschitz: Double

    init(_ problem: RegressionProblem, settings: ProximalGradient, parallelism: Parallelism) {
        self.problem = problem
        self.settings = settings
        self.parallelism = parallelism
        design = problem.design.matrix
        // Power iteration approaches from below; the Frobenius norm bounds from above where it has not settled.
        var random = SeededGenerator(seed: 1)
        var vector = random.normal(rows: design.columns, columns: 1)
        var value = 0.0
        for _ in 0..<200 {
            let image = design * (vector * (1 / max(vector.squaredNorm.squareRoot(), .leastNormalMagnitude)))
            vector = Matrix.product(design, transposed: true, image)
            let next = image.squaredNorm
            if abs(next - value) <= 1e-6 * next { break }
            value = next
        }
        lipschitz = min(1.02 * vector.squaredNorm.squareRoot(), design.squaredNorm)
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
        let blocks =
            penalty.scope == .entry ? BlockStructure(count: design.columns, size: 1) : problem.blocks
        // Entries of different samples are blocks of their own.
        let groups = penalty.scope == .entry ? problem.sampleCount : 1
        let response = penalty.scope == .entry ? problem.unreducedResponse : problem.response
        let samples = response.columns
        let clock = Stopwatch(limit: stop.maximumSeconds)
        let half = 0.5 * problem.squaredResponseNorm
        let scale = half > 0 ? half : 1
        let step = lipschitz > 0 ? 1 / lipschitz : 1
        let free = (0..<blocks.count).filter { penalty.frees($0) }
        let span =
            free.isEmpty
            ? nil
            : (try? problem.with(response: response, blocks: blocks)).map { UnpenalizedSpan(free, of: $0) }

        func gradient(_ b: Matrix) -> (residual: Matrix, correlation: Matrix) {
            let residual = response - Matrix.product(design, b, parallelism: parallelism)
            return (residual, Matrix.product(design, transposed: true, residual, parallelism: parallelism))
        }
        /// Every block of B with its norm: rows of a range of columns, in all samples or in one.
        func forEachBlock(_ body: (_ block: Int, _ rows: Range<Int>, _ samples: Range<Int>) -> Void) {
            for block in 0..<blocks.count {
                for group in 0..<groups {
                    body(block, blocks.columns(of: block), groups == 1 ? 0..<samples : group..<(group + 1))
                }
            }
        }
        func norm(_ m: Matrix, _ rows: Range<Int>, _ columns: Range<Int>) -> Double {
            var sum = 0.0
            for s in columns { for r in rows { sum += m[r, s] * m[r, s] } }
            return sum.squareRoot()
        }
        func proximalStep(_ point: Matrix, _ correlation: Matrix, _ steps: [Double]? = nil) -> Matrix {
            var z = point
            forEachBlock { block, rows, columns in
                let step = steps?[block] ?? step
                for s in columns { for r in rows { z[r, s] += step * correlation[r, s] } }
                let size = norm(z, rows, columns)
                let factor = size > 0 ? penalty.proximal(norm: size, step: step, block: block) / size : 0
                for s in columns { for r in rows { z[r, s] *= factor } }
            }
            return z
        }
        func objective(_ b: Matrix, _ residual: Matrix) -> Double {
            var value = 0.5 * residual.squaredNorm
            forEachBlock { block, rows, columns in
                value += penalty.value(norm: norm(b, rows, columns), block: block)
            }
            return value
        }
        /// Lower bound of the optimum from the residual at a point, for convex penalties.
        func bound(_ residual: Matrix) -> Double {
            let direction = span?.remainder(of: residual, scale: problem.squaredResponseNorm) ?? residual
            let correlation = Matrix.product(design, transposed: true, direction, parallelism: parallelism)
            var ratio = 0.0
            var slopes: [(slope: Double, block: Int)] = []
            var hasConjugates = false
            forEachBlock { block, rows, columns in
                let slope = norm(correlation, rows, columns)
                let limit = penalty.slopeLimit(block: block)
                if limit == .infinity {
                    hasConjugates = hasConjugates || !penalty.excludes(block)
                    slopes.append((slope, block))
                } else if limit > 0 {
                    ratio = max(ratio, slope / limit)
                }
            }
            let fitted = zip(response.elements, direction.elements).reduce(0) { $0 + $1.0 * $1.1 }
            return DualBound.best(
                DualBound.Direction(fitted: fitted, squared: direction.squaredNorm, ratio: ratio),
                conjugates: hasConjugates
                    ? { factor in
                        slopes.reduce(0) { $0 + penalty.conjugate(slope: abs(factor) * $1.slope, block: $1.block) }
                    } : nil
            ).value
        }

        var b = Matrix(rows: design.columns, columns: samples)
        var reason = StopReason.limit
        if let start {
            if start.coefficients.firstNonFinite == nil, start.fits(problem, samples: samples) {
                for (i, block) in start.blocks.enumerated() {
                    for (k, column) in problem.blocks.columns(of: block).enumerated() {
                        guard !penalty.excludes(penalty.scope == .entry ? column : block) else { continue }
                        for s in 0..<samples { b[column, s] = start.coefficients[s, start.offsets[i] + k] }
                    }
                }
            } else {
                reason = .notFinite
            }
        }
        let isStartUsable = reason != .notFinite
        var scaleOfViolation = Double.leastNormalMagnitude
        let first = Matrix.product(design, transposed: true, response, parallelism: parallelism)
        forEachBlock { _, rows, columns in scaleOfViolation = max(scaleOfViolation, norm(first, rows, columns)) }
        // The steps that the violation is measured with: a block's own; without convexity, that of the iteration,
        // whose fixed points need not be those of a longer step.
        let steps: [Double] =
            penalty.isConvex
            ? Correlations.largestSingularValues(problem.design, blocks, parallelism).map {
                ($0 * $0).isNormal ? 1 / ($0 * $0) : 0
            } : [Double](repeating: step, count: blocks.count)
        var (residual, correlation) = gradient(b)
        var value = objective(b, residual)
        var dual = -Double.infinity
        var point = b
        var pointCorrelation = correlation
        var momentum = 1.0
        var iterations = 0
        var looks = 0
        var (smallest, lowest, idle) = (Double.infinity, Double.infinity, 0)
        var violation = Double.infinity
        while true {
            if iterations.isMultiple(of: settings.checkInterval) {
                looks += 1
                // L_j‖B_j − prox(B_j + X_jᵀR/L_j)‖ of the worst block.
                let difference = proximalStep(b, correlation, steps) - b
                violation = 0
                forEachBlock { block, rows, columns in
                    guard steps[block] > 0 else { return }
                    violation = max(violation, norm(difference, rows, columns) / steps[block])
                }
                if penalty.isConvex { dual = max(dual, bound(residual)) }
                let gap = penalty.isConvex ? max(0, value - dual) / scale : Double.infinity
                monitor.report(.init(stage: "solving", detail: String(format: "gap %.0e", gap)))
                if !value.isFinite {
                    reason = .notFinite
                    break
                }
                if penalty.isConvex
                    ? gap <= max(0, stop.relativeGap) : violation <= stop.relativeViolation * scaleOfViolation
                {
                    reason = isStartUsable ? .converged : .notFinite
                    break
                }
                if monitor.isCancelled() {
                    reason = .cancelled
                    break
                }
                if clock.isOver() {
                    reason = .timeLimit
                    break
                }
                // Where the objective shows no difference the gap still does, for a while.
                let distance = penalty.isConvex ? gap : violation
                idle = distance < 0.9 * smallest || value < lowest * (1 - 1e-12) ? 0 : idle + 1
                (smallest, lowest) = (min(smallest, distance), min(lowest, value))
                if idle >= 100 {
                    reason = isStartUsable ? .stagnated : .notFinite
                    break
                }
                if iterations >= stop.maximumEpochs || looks >= stop.maximumPasses { break }
            }
            iterations += 1
            let next = proximalStep(point, pointCorrelation)
            let (nextResidual, nextCorrelation) = gradient(next)
            let nextValue = objective(next, nextResidual)
            // Differences below the rounding of the objective say nothing.
            let level = value + 1e-14 * scale
            guard nextValue <= level || momentum == 1 else {
                // The momentum led astray: begin anew from the best point.
                (point, pointCorrelation, momentum) = (b, correlation, 1)
                continue
            }
            if nextValue <= level {
                // Momentum that points uphill is dropped.
                let isUphill =
                    zip(zip(point.elements, next.elements), b.elements).reduce(0) {
                        $0 + ($1.0.0 - $1.0.1) * ($1.0.1 - $1.1)
                    } > 0
                if isUphill { momentum = 1 }
                let nextMomentum = settings.accelerates ? 0.5 * (1 + (1 + 4 * momentum * momentum).squareRoot()) : 1
                let weight = settings.accelerates ? (momentum - 1) / nextMomentum : 0
                point = next + (next - b) * weight
                pointCorrelation =
                    weight == 0 ? nextCorrelation : nextCorrelation + (nextCorrelation - correlation) * weight
                momentum = nextMomentum
                (b, residual, correlation, value) = (next, nextResidual, nextCorrelation, nextValue)
            } else {
                // A plain step raises the objective by rounding alone: nothing is left to gain.
                reason = isStartUsable ? .stagnated : .notFinite
                break
            }
        }
        if penalty.isConvex { dual = max(dual, bound(residual)) }
        let gap = penalty.isConvex ? max(0, value - dual) / scale : Double.infinity
        if reason == .stagnated, gap <= stop.relativeGap { reason = .converged }
        return Solution(
            active: activeSet(b), squaredResidual: residual.squaredNorm,
            certificate: Certificate(
                objective: value, relativeGap: gap, relativeViolation: violation / scaleOfViolation,
                epochs: iterations, newtonSteps: 0, fullPasses: looks,
                passesOverGain: Double(iterations + looks), screenedBlocks: 0, allocations: 0),
            reason: reason, scale: scale)
    }

    private func activeSet(_ b: Matrix) -> ActiveSet {
        var active: [Int] = []
        var offsets = [0]
        var elements: [Double] = []
        for block in 0..<problem.blocks.count {
            let columns = problem.blocks.columns(of: block)
            guard columns.contains(where: { column in (0..<b.columns).contains { b[column, $0] != 0 } }) else {
                continue
            }
            active.append(block)
            for column in columns { elements.append(contentsOf: b.row(column)) }
            offsets.append(elements.count / b.columns)
        }
        return ActiveSet(
            blocks: active, offsets: offsets,
            coefficients: Matrix(rows: b.columns, columns: elements.count / b.columns, elements: elements))
    }
}
