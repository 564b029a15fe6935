/// How far every source is from joining: s_j = ‖S(C_jA')‖ with C_j = X_jᵀR and S shrinking every group by λρ·ω_g·w_jg. A
/// source whose s_j is at most λ(1−ρ)v_j is zero, and feasible in the dual.
///
/// S is 1-Lipschitz and analysis an isometry: between two residuals s_j moves by at most ‖C_j − C_j′‖, which needs no
/// transform, and that by at most ‖X_j‖‖R − R′‖, which needs no product. Both bounds are carried along; nothing else is
/// computed anew.
final class SourceScores: @unchecked Sendable {
    // Different blocks are written by different threads, and nothing else is while they run.
    /// ‖X_j‖₂, rounded up.
    let norms: [Double]
    /// s_j, or an upper bound of it, of every block.
    var scores: UnsafeMutablePointer<Double> { storedScores.pointer }
    /// The dual norm of C_j where it was above λ, else 0, of every block.
    var dualNorms: UnsafeMutablePointer<Double> { storedDualNorms.pointer }
    /// Analyses of a source so far.
    private(set) var transforms = 0
    /// Columns multiplied with a residual so far.
    private(set) var columnsComputed = 0
    private let problem: RegressionProblem
    private let frame: GaborFrame
    private let parallelism: Parallelism
    /// C at the last transform of each source, T × q, and s_j there.
    private let reference: Buffer
    private let referenceScores: Buffer
    private let storedScores: Buffer
    private let storedDualNorms: Buffer
    /// Rᵀ of the last look, T × n.
    private let residual: Buffer
    private let workers: [Worker]
    private let pieceBlocks: Int
    private var stale: [Int] = []

    /// What one thread needs.
    private struct Worker {
        let transform: FrameTransform
        let shrinkage: GroupShrinkage
        let columns, products, coefficients: Buffer
    }

    init(_ problem: RegressionProblem, frame: GaborFrame, parallelism: Parallelism, allocations: AllocationCount) {
        self.problem = problem
        self.frame = frame
        self.parallelism = parallelism
        norms = problem.blockNorms(parallelism: parallelism)
        let count = problem.blocks.count
        storedScores = Buffer(capacity: count, allocations)
        storedDualNorms = Buffer(capacity: count, allocations)
        referenceScores = Buffer(capacity: count, allocations)
        stale.reserveCapacity(count)
        let (n, t) = (problem.rowCount, frame.samples)
        reference = Buffer(capacity: t * problem.design.columns, allocations)
        residual = Buffer(capacity: t * n, allocations)
        let widest = (0..<count).reduce(1) { max($0, problem.blocks.columns(of: $1).count) }
        let pieceBlocks = max(1, 96 / widest)
        self.pieceBlocks = pieceBlocks
        workers = (0..<parallelism.threads).map { _ in
            Worker(
                transform: FrameTransform(frame, allocations), shrinkage: GroupShrinkage(frame, allocations),
                columns: Buffer(capacity: pieceBlocks * widest * n, allocations),
                products: Buffer(capacity: pieceBlocks * widest * t, allocations),
                coefficients: Buffer(capacity: frame.size * widest, allocations))
        }
        reset()
    }

    /// Forgets what depends on the penalty and the residual.
    func reset() {
        let count = problem.blocks.count
        scores.update(repeating: .infinity, count: count)
        referenceScores.pointer.update(repeating: .infinity, count: count)
        dualNorms.update(repeating: 0, count: count)
        residual.pointer.update(repeating: 0, count: frame.samples * problem.rowCount)
    }

    /// Where C_j of the last transform is, T × orientations, and s_j there; infinite where there was none.
    func reference(of block: Int) -> (correlations: UnsafeMutablePointer<Double>, score: Double) {
        (reference.pointer + problem.blocks.offsets[block] * frame.samples, referenceScores.pointer[block])
    }

    /// Takes over C_j and its s_j, transformed elsewhere.
    func adopt(_ block: Int, _ correlations: UnsafePointer<Double>, score: Double) {
        let columns = problem.blocks.columns(of: block)
        (reference.pointer + columns.lowerBound * frame.samples).update(
            from: correlations, count: columns.count * frame.samples)
        referenceScores.pointer[block] = score
    }

    /// An upper bound of s_j at C_j, by that of the last transform.
    func bound(_ block: Int, _ correlations: UnsafePointer<Double>) -> Double {
        let (old, score) = reference(of: block)
        guard score < .infinity else { return score }
        let count = problem.blocks.columns(of: block).count * frame.samples
        return (score + Self.distance(correlations, old, count)) * (1 + 1e-12)
    }

    private static func distance(
        _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int
    ) -> Double {
        var sums = SIMD4<Double>()
        let whole = count & ~3
        var k = 0
        while k < whole {
            let x = UnsafeRawPointer(a + k).loadUnaligned(as: SIMD4<Double>.self)
            let y = UnsafeRawPointer(b + k).loadUnaligned(as: SIMD4<Double>.self)
            let d = x - y
            sums += d * d
            k += 4
        }
        var sum = sums.sum()
        while k < count {
            sum += (a[k] - b[k]) * (a[k] - b[k])
            k += 1
        }
        return sum.squareRoot()
    }

    /// Brings scores and dual norms up to date with a residual.
    ///
    /// - Parameters:
    ///   - newResidual: Rᵀ, T × n.
    ///   - scales: ω_g·w_jg of a block.
    ///   - isLeftOut: blocks that need no score.
    /// - Complexity: O(nT) a column whose bound is above its threshold, and O(D·window) where the second bound is, too.
    func look(
        _ newResidual: UnsafePointer<Double>, _ penalty: TimeFrequencyPenalty,
        scales: GroupScales, isLeftOut: (Int) -> Bool
    ) {
        let size = frame.samples * problem.rowCount
        let drift = Self.distance(newResidual, residual.pointer, size) * (1 + 1e-12)
        residual.pointer.update(from: newResidual, count: size)
        stale.removeAll(keepingCapacity: true)
        for j in 0..<problem.blocks.count {
            scores[j] += norms[j] * drift
            dualNorms[j] = 0
            if scores[j] > penalty.blockThreshold(j), !isLeftOut(j) { stale.append(j) }
        }
        let blocks = problem.blocks
        columnsComputed += stale.reduce(0) { $0 + blocks.columns(of: $1).count }
        forEachStale { own, block, products in
            let width = blocks.columns(of: block).count
            let threshold = penalty.blockThreshold(block)
            self.scores[block] = self.bound(block, products)
            guard self.scores[block] > threshold else { return false }
            own.transform.analyze(width, products, into: own.coefficients.pointer)
            own.shrinkage.square(own.coefficients.pointer, width)
            let weights = scales[block]
            let score = own.shrinkage.shrunkenNorm(penalty.lambda * penalty.rho, weights)
            self.scores[block] = score
            self.adopt(block, products, score: score)
            guard score > threshold else { return true }
            self.dualNorms[block] = own.shrinkage.dualNorm(
                rho: penalty.rho, block: (1 - penalty.rho) * penalty.spaceWeight(block), weights,
                above: penalty.lambda)
            return true
        }
    }

    /// The smallest λ at which every source is zero: max_j Ω*_j(X_jᵀY·A').
    ///
    /// - Parameters:
    ///   - response: Yᵀ, T × n. Scores are forgotten.
    ///   - some: the blocks that are looked at; nil takes all, of some it is a bound from below.
    /// - Complexity: O(nqT + q·D·window) for all.
    func largestLambda(
        _ response: UnsafePointer<Double>, _ penalty: TimeFrequencyPenalty,
        scales: GroupScales, among some: [Int]? = nil
    ) -> Double {
        reset()
        defer { reset() }
        residual.pointer.update(from: response, count: frame.samples * problem.rowCount)
        if let some { return largestDualNorm(of: some, above: 0, penalty, scales) }
        let blocks = problem.blocks
        stale.removeAll(keepingCapacity: true)
        stale.append(contentsOf: 0..<blocks.count)
        forEachStale { own, block, products in
            let size = blocks.columns(of: block).count * own.transform.frame.samples
            self.scores[block] = BLAS.norm(size, products)
            return false
        }
        let order = (0..<blocks.count).sorted { (scores[$0], $1) > (scores[$1], $0) }
        // Ω(Z) is at least ((1−ρ)v + ρ·min w)‖Z‖, and Ω*(V) at most ‖V‖ over that.
        let first = largestDualNorm(of: Array(order.prefix(1)), above: 0, penalty, scales)
        let rest = order.dropFirst().filter { j in
            let v = penalty.spaceWeight(j)
            guard v < .infinity else { return false }
            let w = penalty.weights.time.map { $0.column(j).min() ?? 1 } ?? 1
            return penalty.rho == 1 || scores[j] > first * ((1 - penalty.rho) * v + penalty.rho * w) * (1 - 1e-12)
        }
        return largestDualNorm(of: rest, above: first, penalty, scales)
    }

    /// The largest dual norm of some blocks at the residual, or the bound where none is larger.
    private func largestDualNorm(
        of some: [Int], above bound: Double, _ penalty: TimeFrequencyPenalty, _ scales: GroupScales
    ) -> Double {
        stale.removeAll(keepingCapacity: true)
        stale.append(contentsOf: some)
        let blocks = problem.blocks
        forEachStale { own, block, products in
            let (width, weights) = (blocks.columns(of: block).count, scales[block])
            let ownBlock = (1 - penalty.rho) * penalty.spaceWeight(block)
            own.transform.analyze(width, products, into: own.coefficients.pointer)
            own.shrinkage.square(own.coefficients.pointer, width)
            guard own.shrinkage.shrunkenNorm(bound * penalty.rho, weights) > bound * ownBlock else { return true }
            self.dualNorms[block] = own.shrinkage.dualNorm(
                rho: penalty.rho, block: ownBlock, weights, above: bound)
            return true
        }
        return some.reduce(bound) { max($0, dualNorms[$1]) }
    }

    /// Multiplies all stale blocks with the residual, on all threads.
    ///
    /// - Parameter body: receives memory of its own, a block and its products, T × orientations, and says whether it has
    ///   transformed them. Different blocks run at the same time.
    private func forEachStale(_ body: @Sendable (Worker, Int, UnsafeMutablePointer<Double>) -> Bool) {
        let (n, t, offsets, piece) = (problem.rowCount, frame.samples, problem.blocks.offsets, pieceBlocks)
        var done = [Int](repeating: 0, count: (stale.count + piece - 1) / piece)
        problem.design.withReader { reader in
            done.withUnsafeMutableBufferPointer { done in
                nonisolated(unsafe) let (reader, done, workers) = (reader, done, workers)
                nonisolated(unsafe) let (r, stale) = (residual.pointer, stale)
                parallelism.forEachPiece(of: stale.count, piece: piece) { number, items in
                    // Pieces are dealt out in turn: those of one worker never run at the same time.
                    let own = workers[number % workers.count]
                    let (x, h) = (own.columns.pointer, own.products.pointer)
                    let first = stale[items.lowerBound]
                    let areNeighbours = items.allSatisfy { stale[$0] - first == $0 - items.lowerBound }
                    let inPlace = areNeighbours ? reader.inPlace(offsets[first]) : nil
                    var width = 0
                    for k in items {
                        let columns = offsets[stale[k]]..<offsets[stale[k] + 1]
                        if inPlace == nil { reader.copy(columns, to: x + width * n) }
                        width += columns.count
                    }
                    BLAS.gemm(false, false, t, width, n, 1, r, t, inPlace ?? UnsafePointer(x), n, 0, h, t)
                    width = 0
                    for k in items {
                        if body(own, stale[k], h + width * t) { done[number] += 1 }
                        width += offsets[stale[k] + 1] - offsets[stale[k]]
                    }
                }
            }
        }
        transforms += done.reduce(0, +)
    }
}
