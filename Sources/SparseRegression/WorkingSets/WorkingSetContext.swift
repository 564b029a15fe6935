/// What the parts of a working-set solver share: the problem, the working set, the point, and how far that point is from
/// optimal on the working set.
final class WorkingSetContext {
    private(set) var problem: RegressionProblem
    let parallelism: Parallelism
    let allocations: AllocationCount
    let working: WorkingSet
    let iterate: SupportIterate
    /// ‖X_j‖₂ of every block of the problem.
    let norms: [Double]
    /// The span of the unpenalized columns, if there are any.
    var span: UnpenalizedSpan?
    /// Best dual value on the working set since ``beginInner()``.
    private var innerDual = -Double.infinity
    private let gradient: Buffer
    private let residual: Buffer
    private let gathered: Buffer
    private let block: Buffer
    private let scratch: Buffer
    private var slopes: [Double] = []

    init(
        problem: RegressionProblem, norms: [Double], parallelism: Parallelism, allocations: AllocationCount
    ) {
        self.problem = problem
        self.norms = norms
        self.parallelism = parallelism
        self.allocations = allocations
        working = WorkingSet(problem: problem, parallelism: parallelism, allocations: allocations)
        iterate = SupportIterate(samples: problem.response.columns, allocations: allocations)
        gradient = Buffer(allocations)
        residual = Buffer(allocations)
        gathered = Buffer(allocations)
        block = Buffer(allocations)
        scratch = Buffer(allocations)
    }

    /// 1/L_j of a block of the problem; zero where its columns are zero.
    @inline(__always)
    func step(_ block: Int) -> Double {
        let squared = norms[block] * norms[block]
        return squared.isNormal ? 1 / squared : 0
    }

    /// The slope up to which a block at zero stays there.
    @inline(__always)
    func activation(_ block: Int, _ penalty: some BlockPenalty) -> Double {
        penalty.activation(step: norms[block] > 0 ? step(block) : 1, block: block)
    }

    /// R = Y − XB.
    func computeResidual(into target: UnsafeMutablePointer<Double>) {
        computeResidual(of: iterate.b.pointer, into: target)
    }

    private func computeResidual(of coefficients: UnsafePointer<Double>, into target: UnsafeMutablePointer<Double>) {
        let n = problem.rowCount
        let t = iterate.samples
        problem.response.elements.withUnsafeBufferPointer { y in
            guard let y = y.baseAddress else { return }
            target.update(from: y, count: n * t)
        }
        guard iterate.width > 0 else { return }
        gatherSupport()
        parallelism.gemm(false, true, n, t, iterate.width, -1, gathered.pointer, n, coefficients, t, 1, target, n)
    }

    /// X of the support in ``gathered``.
    private func gatherSupport() {
        let n = problem.rowCount
        gathered.reserve(n * iterate.width)
        Gathering.columns(
            iterate.support, from: working.columns.pointer, height: n, starts: working.starts,
            into: gathered.pointer, offsets: iterate.starts)
    }

    /// Projects n × T values off the unpenalized columns, in place.
    func project(_ values: UnsafeMutablePointer<Double>) {
        guard let span, span.basis.columns > 0 else { return }
        let t = iterate.samples
        block.reserve(span.basis.columns * t)
        span.project(values, samples: t, scratch: block.pointer, scale: problem.squaredResponseNorm)
    }

    /// ⟨Y, A⟩ for A n × T.
    func fitted(_ values: UnsafePointer<Double>) -> Double {
        problem.response.elements.withUnsafeBufferPointer { y in
            y.baseAddress.map { BLAS.dot(y.count, $0, values) } ?? 0
        }
    }

    /// The largest violation of the optimality conditions on the support, from the residual.
    ///
    /// - Complexity: O(n·|S|o·T).
    func supportViolation(_ residual: UnsafePointer<Double>, _ penalty: some BlockPenalty) -> Double {
        guard iterate.width > 0 else { return 0 }
        let n = problem.rowCount
        let t = iterate.samples
        gradient.reserve(t * iterate.width)
        gatherSupport()
        parallelism.gemm(
            true, false, t, iterate.width, n, 1, residual, n, gathered.pointer, n, 0, gradient.pointer, t)
        var largest = 0.0
        for j in iterate.support.indices {
            largest = max(largest, violation(j, gradient: gradient.pointer + iterate.starts[j] * t, penalty))
        }
        return largest
    }

    /// L_j‖B_j − prox(B_j + X_jᵀR/L_j)‖ of a block of the support.
    private func violation(_ j: Int, gradient h: UnsafePointer<Double>, _ penalty: some BlockPenalty) -> Double {
        let id = iterate.blocks[j]
        let step = step(id)
        guard step > 0 else { return 0 }
        let count = iterate.range(j).count * iterate.samples
        block.reserve(count)
        return penalty.squaredProximalChange(
            id, step: step, count: count, from: iterate.b.pointer + iterate.starts[j] * iterate.samples, along: h,
            scratch: block.pointer
        ).squareRoot() / step
    }

    // MARK: - On the working set

    /// Forgets the dual bound of an earlier working set.
    func beginInner() { innerDual = -.infinity }

    /// How far the iterate is from optimal on the working set: the duality gap, or without convexity the violation.
    ///
    /// - Parameters:
    ///   - usesGram: reads the Gram matrix, O(|W|o·|S|o·T), rather than the columns, O(n·|W|o·T).
    ///   - violator: told the position of every block that would become active.
    func assess(_ penalty: some BlockPenalty, usesGram: Bool, violator: (_ position: Int) -> Void) -> Double {
        let numbers = correlate(iterate.b.pointer, usesGram: usesGram)
        let h = gradient.pointer
        let t = iterate.samples
        for position in working.blocks.indices where slopes[position] > 0 {
            let id = working.blocks[position]
            if slopes[position] > activation(id, penalty) { violator(position) }
        }
        let value = 0.5 * numbers.squaredResidual + iterate.penaltyValue(penalty)
        if penalty.isConvex {
            considerDual(numbers, penalty)
            return value.isFinite ? value - innerDual : value
        }
        var largest = 0.0
        for position in working.blocks.indices {
            let id = working.blocks[position]
            if let place = iterate.place(of: position) {
                largest = max(largest, violation(place, gradient: h + working.starts[position] * t, penalty))
            } else if slopes[position] > activation(id, penalty) {
                largest = max(largest, penalty.violationAtZero(id, slope: slopes[position], step: step(id)))
            }
        }
        return value.isFinite ? largest : value
    }

    /// Bounds the dual of the working set by the residual of other coefficients on the same support.
    func considerDual(at coefficients: UnsafePointer<Double>, _ penalty: some BlockPenalty, usesGram: Bool) {
        guard penalty.isConvex else { return }
        considerDual(correlate(coefficients, usesGram: usesGram), penalty)
    }

    private struct Numbers {
        /// ‖R‖².
        var squaredResidual: Double
        /// ⟨Y, R⟩ and ‖R‖² of the projected residual.
        var fitted: Double
        var squared: Double
    }

    private func considerDual(_ numbers: Numbers, _ penalty: some BlockPenalty) {
        let bound = DualBound.best(
            penalty, fitted: numbers.fitted, squared: numbers.squared, blocks: working.blocks, slopes: slopes)
        innerDual = max(innerDual, bound.value)
    }

    /// H = X_WᵀR in ``gradient`` (R projected off the unpenalized columns), its norms in ``slopes``, and what goes with it.
    private func correlate(_ coefficients: UnsafePointer<Double>, usesGram: Bool) -> Numbers {
        let t = iterate.samples
        let n = problem.rowCount
        let h: UnsafeMutablePointer<Double>
        let numbers: Numbers
        gradient.reserve(t * max(working.width, iterate.width))
        h = gradient.pointer
        if usesGram, span == nil {
            h.update(from: working.correlation.pointer, count: t * working.width)
            if iterate.width > 0 { subtractFit(of: coefficients, from: h) }
            // ⟨Y, XB⟩ and ⟨R, XB⟩.
            var (correlated, remaining) = (0.0, 0.0)
            for (i, position) in iterate.support.enumerated() {
                let count = iterate.range(i).count * t
                let own = coefficients + iterate.starts[i] * t
                correlated += BLAS.dot(count, own, working.correlation.pointer + working.starts[position] * t)
                remaining += BLAS.dot(count, own, h + working.starts[position] * t)
            }
            let fitted = problem.squaredResponseNorm - correlated
            let squared = max(0, fitted - remaining)
            numbers = Numbers(squaredResidual: squared, fitted: fitted, squared: squared)
        } else {
            residual.reserve(n * t)
            let r = residual.pointer
            computeResidual(of: coefficients, into: r)
            let squared = BLAS.dot(n * t, r, r)
            project(r)
            numbers = Numbers(
                squaredResidual: squared, fitted: fitted(r), squared: span == nil ? squared : BLAS.dot(n * t, r, r))
            parallelism.gemm(
                true, false, t, working.width, n, 1, r, n, working.columns.pointer, n, 0, h, t)
        }
        slopes.removeAll(keepingCapacity: true)
        for position in working.blocks.indices {
            let range = working.range(position)
            slopes.append(BLAS.norm(range.count * t, h + range.lowerBound * t))
        }
        return numbers
    }

    /// H ← H − B·G over all columns of the working set, from Gram columns of the support.
    ///
    /// The rows of the support are gathered a piece of columns at a time, so nothing of the size of G is copied.
    private func subtractFit(of coefficients: UnsafePointer<Double>, from gradient: UnsafeMutablePointer<Double>) {
        let piece = 96
        let (t, width, columns) = (iterate.samples, iterate.width, working.width)
        let workers = min(parallelism.threads, (columns + piece - 1) / piece)
        // One piece of memory for all threads, which grows at the same widths on any number of them.
        scratch.reserve(parallelism.threads * piece * width)
        nonisolated(unsafe) let (b, gradient, gram, scratch) = (
            coefficients, gradient, working.gram.pointer, scratch.pointer
        )
        let (support, starts, cached, capacity) = (iterate.support, iterate.starts, working.starts, working.capacity)
        Parallelism(threads: workers).forEachPiece(of: columns, piece: piece) { number, items in
            let rows = scratch + (number % workers) * piece * width
            for column in items {
                Gathering.rows(
                    support, from: gram + column * capacity, starts: cached,
                    into: rows + (column - items.lowerBound) * width, offsets: starts)
            }
            BLAS.gemm(
                false, false, t, items.count, width, -1, b, t, rows, width, 1, gradient + items.lowerBound * t, t)
        }
    }

    /// Goes over to another response of the same design and number of samples.
    func adopt(_ problem: RegressionProblem) {
        self.problem = problem
        working.adopt(problem)
        iterate.clear()
    }
}
