/// Descent on the support alone, in Gram form: no row of the design is touched.
///
/// Holds Bᵀ, YᵀX and the Gram matrix of the blocks of the support, packed; a sweep allocates nothing.
final class SupportDescent {
    private let samples: Int
    private let settings: AndersonDescent
    private let parallelism: Parallelism
    /// Positions in the cache of the blocks held here, ascending by block.
    private(set) var support: [Int] = []
    /// First column of each, and the number of columns at the end.
    private(set) var starts: [Int] = [0]
    /// Bᵀ, T × width.
    let b = Buffer()
    private var blocks: [Int] = []
    private var norms: [Double] = []
    private var lipschitz: [Double] = []
    /// Whether the last round ended with a full Newton step.
    private var isNewtonPhase = false
    /// Rounds until Newton is tried again, and how many to wait after the next failure.
    private var pause = 0
    private var patience = 1
    private let gram = Buffer()
    private let correlation = Buffer()
    private let history = Buffer()
    private let differences = Buffer()
    private let trial = Buffer()
    private let work = Buffer()
    private let block = Buffer()
    private var scratch: [Buffer] = []

    init(samples: Int, settings: AndersonDescent, parallelism: Parallelism) {
        self.samples = samples
        self.settings = settings
        self.parallelism = parallelism
    }

    /// Number of columns held.
    var width: Int { starts[starts.count - 1] }

    /// Number of blocks that are not zero.
    var nonzeroCount: Int { norms.reduce(0) { $0 + ($1 > 0 ? 1 : 0) } }

    func clear() {
        support = []
        blocks = []
        norms = []
        lipschitz = []
        starts = [0]
    }

    /// Takes over the coefficients of a start.
    ///
    /// - Parameter positions: which blocks of the start; all of them are in the cache.
    func load(_ start: ActiveSet, positions: [Int], cache: GramCache) {
        clear()
        b.reserve(start.coefficients.elements.count)
        for i in positions {
            let range = start.offsets[i]..<start.offsets[i + 1]
            let target = b.pointer + width * samples
            start.coefficients.elements.withUnsafeBufferPointer { source in
                guard let source = source.baseAddress else { return }
                target.update(from: source + range.lowerBound * samples, count: range.count * samples)
            }
            append(cache.position(of: start.blocks[i]), cache)
            norms[norms.count - 1] = BLAS.norm(range.count * samples, target)
        }
        pack(cache)
    }

    private func append(_ position: Int, _ cache: GramCache) {
        support.append(position)
        blocks.append(cache.blocks[position])
        lipschitz.append(cache.lipschitz[position])
        norms.append(0)
        starts.append(width + cache.starts[position + 1] - cache.starts[position])
    }

    /// Drops zero blocks, adds violators at zero, and packs the Gram matrix anew when the set changed.
    func rebuild(adding violators: [Int], cache: GramCache) {
        let kept = support.indices.filter { norms[$0] > 0 }
        let old = Set(kept.map { support[$0] })
        let added = violators.filter { !old.contains($0) }
        if kept.count == support.count && added.isEmpty { return }
        struct Entry {
            let position: Int
            let source: Int
        }
        let entries =
            (kept.map { Entry(position: support[$0], source: $0) } + added.map { Entry(position: $0, source: -1) })
            .sorted { cache.blocks[$0.position] < cache.blocks[$1.position] }
        let newWidth = entries.reduce(0) { $0 + cache.starts[$1.position + 1] - cache.starts[$1.position] }
        trial.reserve(newWidth * samples)
        let (oldStarts, oldNorms) = (starts, norms)
        clear()
        for entry in entries {
            let target = trial.pointer + width * samples
            append(entry.position, cache)
            let count = (starts[starts.count - 1] - starts[starts.count - 2]) * samples
            if entry.source >= 0 {
                target.update(from: b.pointer + oldStarts[entry.source] * samples, count: count)
                norms[norms.count - 1] = oldNorms[entry.source]
            } else {
                target.update(repeating: 0, count: count)
            }
        }
        b.reserve(newWidth * samples)
        b.pointer.update(from: trial.pointer, count: newWidth * samples)
        pack(cache)
    }

    private func pack(_ cache: GramCache) {
        let width = width
        gram.reserve(width * width)
        correlation.reserve(width * samples)
        for (j, column) in support.enumerated() {
            for c in 0..<(starts[j + 1] - starts[j]) {
                let source = cache.gram.pointer + (cache.starts[column] + c) * cache.capacity
                let target = gram.pointer + (starts[j] + c) * width
                for (i, row) in support.enumerated() {
                    for r in 0..<(starts[i + 1] - starts[i]) { target[starts[i] + r] = source[cache.starts[row] + r] }
                }
            }
            (correlation.pointer + starts[j] * samples).update(
                from: cache.correlation.pointer + cache.starts[column] * samples,
                count: (starts[j + 1] - starts[j]) * samples)
        }
        let size = width * samples
        let widest = support.indices.reduce(1) { max($0, starts[$1 + 1] - starts[$1]) }
        history.reserve(size * (settings.sweepsPerRound + 1))
        differences.reserve(size * settings.sweepsPerRound)
        trial.reserve(size)
        work.reserve(size)
        block.reserve(widest * samples)
    }

    func penaltyValue(_ penalty: some BlockPenalty) -> Double {
        support.indices.reduce(0) { $0 + penalty.value(norm: norms[$1], block: blocks[$1]) }
    }

    /// H ← H − B·G over all columns of the cache: the gradient of the working set, from Gram columns of the support.
    ///
    /// The rows of the support are gathered a piece of columns at a time, so nothing of the size of G is copied.
    ///
    /// - Complexity: O(|W|o·|S|o·T).
    func subtractFit(from gradient: UnsafeMutablePointer<Double>, cache: GramCache) {
        let piece = 96
        let (t, width, columns) = (samples, width, cache.width)
        let workers = min(parallelism.threads, (columns + piece - 1) / piece)
        while scratch.count < workers { scratch.append(Buffer()) }
        for buffer in scratch { buffer.reserve(piece * width) }
        nonisolated(unsafe) let (b, gradient, gram, scratch) = (b.pointer, gradient, cache.gram.pointer, scratch)
        let (support, starts, cached, capacity) = (support, starts, cache.starts, cache.capacity)
        Parallelism(threads: workers).forEachPiece(of: columns, piece: piece) { number, items in
            let rows = scratch[number % workers].pointer
            for column in items {
                let source = gram + column * capacity
                let target = rows + (column - items.lowerBound) * width
                for (i, position) in support.enumerated() {
                    for k in 0..<(starts[i + 1] - starts[i]) { target[starts[i] + k] = source[cached[position] + k] }
                }
            }
            BLAS.gemm(
                false, false, t, items.count, width, -1, b, t, rows, width, 1, gradient + items.lowerBound * t, t)
        }
    }

    /// ⟨Y, R⟩ and ‖R‖² from the gradient H = X_WᵀR of the working set.
    func fitNumbers(
        squaredResponseNorm: Double, gradient: UnsafePointer<Double>, cache: GramCache
    ) -> (fitted: Double, squaredResidual: Double) {
        var correlated = 0.0
        var remaining = 0.0
        for (i, position) in support.enumerated() {
            let count = (starts[i + 1] - starts[i]) * samples
            let coefficients = b.pointer + starts[i] * samples
            correlated += BLAS.dot(count, coefficients, correlation.pointer + starts[i] * samples)
            remaining += BLAS.dot(count, coefficients, gradient + cache.starts[position] * samples)
        }
        // ⟨Y, XB⟩ = correlated, ⟨R, XB⟩ = remaining.
        return (squaredResponseNorm - correlated, max(0, squaredResponseNorm - correlated - remaining))
    }

    func activeSet(cache: GramCache) -> ActiveSet {
        let kept = support.indices.filter { norms[$0] > 0 }
        var offsets = [0]
        var elements: [Double] = []
        for i in kept {
            let range = (starts[i] * samples)..<(starts[i + 1] * samples)
            elements.append(contentsOf: UnsafeBufferPointer(start: b.pointer + range.lowerBound, count: range.count))
            offsets.append(elements.count / samples)
        }
        let columns = offsets[offsets.count - 1]
        return ActiveSet(
            blocks: kept.map { blocks[$0] }, offsets: offsets,
            coefficients: Matrix(rows: samples, columns: columns, elements: elements))
    }

    /// What one round of descent did.
    struct Progress {
        var epochs = 0
        var newton = false
        /// Nothing moved by more than rounding.
        var isStuck = false
    }

    /// A few sweeps, an extrapolation of them, and a Newton step; the objective never rises.
    func round(_ penalty: some BlockPenalty, cache: GramCache) -> Progress {
        var progress = Progress()
        let size = width * samples
        var moved = 0.0
        // After a full Newton step one sweep is enough to let blocks enter and leave.
        let sweeps = isNewtonPhase ? 1 : settings.sweepsPerRound
        history.pointer.update(from: b.pointer, count: size)
        for k in 0..<sweeps {
            moved = sweep(penalty)
            if sweeps > 1 { (history.pointer + (k + 1) * size).update(from: b.pointer, count: size) }
            progress.epochs += 1
        }
        // A sweep leaves each block's new norm in `norms`, so the objective needs the smooth part only.
        var objective = smoothPart(b.pointer) + penaltyValue(penalty)
        if settings.extrapolates, sweeps > 1, extrapolate(size) {
            objective = acceptTrial(penalty, below: objective) ?? objective
        }
        isNewtonPhase = false
        if settings.usesNewton {
            if pause > 0 {
                pause -= 1
            } else if let lower = newton(penalty, objective) {
                objective = lower
                progress.newton = true
                patience = 1
            } else {
                // The support is still far from settled; the next try waits longer each time.
                pause = patience
                patience = min(8, 2 * patience)
            }
        }
        progress.isStuck = moved == 0 && !progress.newton
        return progress
    }

    /// One cyclic sweep of exact proximal block updates.
    ///
    /// - Returns: the largest change of a block, ‖ΔB_j‖.
    private func sweep(_ penalty: some BlockPenalty) -> Double {
        let width = width
        let t = samples
        var largest = 0.0
        for j in support.indices {
            let first = starts[j]
            let columns = starts[j + 1] - first
            let count = columns * t
            let step = lipschitz[j]
            guard step > 0 else { continue }
            let target = b.pointer + first * t
            let h = block.pointer
            h.update(from: correlation.pointer + first * t, count: count)
            if columns == 1 {
                BLAS.gemv(false, t, width, -1, b.pointer, t, gram.pointer + first * width, 1, h)
            } else {
                BLAS.gemm(
                    false, false, t, columns, width, -1, b.pointer, t, gram.pointer + first * width, width, 1, h, t)
            }
            // h ← B_j + X_jᵀR/L_j
            BLAS.scale(count, 1 / step, h)
            BLAS.axpy(count, 1, target, h)
            let norm = BLAS.norm(count, h)
            let shrunk = norm > 0 ? penalty.proximal(norm: norm, step: 1 / step, block: blocks[j]) : 0
            let factor = norm > 0 ? shrunk / norm : 0
            var change = 0.0
            for k in 0..<count {
                let value = factor * h[k]
                let difference = value - target[k]
                change += difference * difference
                target[k] = value
            }
            norms[j] = shrunk
            largest = max(largest, change.squareRoot())
        }
        return largest
    }

    /// ½⟨B, GB⟩ − ⟨YᵀX, B⟩: the smooth part of the objective less ½‖Y‖².
    private func smoothPart(_ coefficients: UnsafePointer<Double>) -> Double {
        let width = width
        let size = width * samples
        parallelism.gemm(
            false, false, samples, width, width, 1, coefficients, samples, gram.pointer, width, 0, work.pointer, samples
        )
        return 0.5 * BLAS.dot(size, work.pointer, coefficients) - BLAS.dot(size, correlation.pointer, coefficients)
    }

    /// Takes `trial` if it lowers the objective.
    private func acceptTrial(_ penalty: some BlockPenalty, below objective: Double) -> Double? {
        var value = smoothPart(trial.pointer)
        for j in support.indices {
            let count = (starts[j + 1] - starts[j]) * samples
            value += penalty.value(norm: BLAS.norm(count, trial.pointer + starts[j] * samples), block: blocks[j])
        }
        guard value < objective else { return nil }
        b.pointer.update(from: trial.pointer, count: width * samples)
        for j in support.indices {
            norms[j] = BLAS.norm((starts[j + 1] - starts[j]) * samples, b.pointer + starts[j] * samples)
        }
        return value
    }

    /// Writes the Anderson extrapolation of the last sweeps to `trial`.
    private func extrapolate(_ size: Int) -> Bool {
        let k = settings.sweepsPerRound
        for i in 0..<k {
            let (low, high) = (history.pointer + i * size, history.pointer + (i + 1) * size)
            let target = differences.pointer + i * size
            for m in 0..<size { target[m] = high[m] - low[m] }
        }
        var products = Matrix(rows: k, columns: k)
        products.elements.withUnsafeMutableBufferPointer { p in
            guard let p = p.baseAddress else { return }
            BLAS.gemm(true, false, k, k, size, 1, differences.pointer, size, differences.pointer, size, 0, p, k)
        }
        let trace = (0..<k).reduce(0) { $0 + products[$1, $1] }
        guard trace > 0 else { return false }
        for i in 0..<k { products[i, i] += 1e-14 * trace }
        guard let factor = try? Cholesky(products) else { return false }
        let z = factor.solve(Matrix(rows: k, columns: 1, repeating: 1))
        let sum = z.elements.reduce(0, +)
        guard sum.isFinite, abs(sum) > 0 else { return false }
        trial.pointer.update(repeating: 0, count: size)
        for i in 0..<k { BLAS.axpy(size, z[i, 0] / sum, history.pointer + (i + 1) * size, trial.pointer) }
        return true
    }

    /// A damped Newton step on the nonzero blocks; a block that would cross zero is set to zero.
    ///
    /// - Returns: the new objective, or nil when no step lowered it.
    private func newton(_ penalty: some BlockPenalty, _ objective: Double) -> Double? {
        let nonzero = support.indices.filter { norms[$0] > 0 }
        guard !nonzero.isEmpty else { return nil }
        let t = samples
        let columns = nonzero.flatMap { Array(starts[$0]..<starts[$0 + 1]) }
        var offsets = [0]
        for j in nonzero { offsets.append(offsets[offsets.count - 1] + starts[j + 1] - starts[j]) }
        let width = width
        let sub = Matrix(rows: columns.count, columns: columns.count) {
            gram.pointer[columns[$0] + columns[$1] * width]
        }
        var coefficients = Matrix(rows: t, columns: columns.count)
        var descent = Matrix(rows: t, columns: columns.count)
        // H = YᵀX − B·G of the current point.
        parallelism.gemm(false, false, t, width, width, -1, b.pointer, t, gram.pointer, width, 0, work.pointer, t)
        for (k, column) in columns.enumerated() {
            for s in 0..<t {
                coefficients.elements[s + k * t] = b.pointer[s + column * t]
                descent.elements[s + k * t] = correlation.pointer[s + column * t] + work.pointer[s + column * t]
            }
        }
        var slopes: [(first: Double, second: Double)] = []
        for (i, j) in nonzero.enumerated() {
            let slope = penalty.derivatives(norm: norms[j], block: blocks[j])
            slopes.append(slope)
            let factor = slope.first / norms[j]
            for k in (offsets[i] * t)..<(offsets[i + 1] * t) {
                descent.elements[k] -= factor * coefficients.elements[k]
            }
        }
        guard
            let hessian = SupportHessian(
                gram: sub, coefficients: coefficients, offsets: offsets, slopes: slopes, parallelism: parallelism)
        else { return nil }
        let direction = hessian.solve(descent)
        var step = 1.0
        for _ in 0..<4 {
            trial.pointer.update(from: b.pointer, count: width * t)
            for (i, j) in nonzero.enumerated() {
                var inner = 0.0
                let range = (offsets[i] * t)..<(offsets[i + 1] * t)
                for k in range {
                    inner += coefficients.elements[k] * (coefficients.elements[k] + step * direction.elements[k])
                }
                let target = trial.pointer + starts[j] * t - range.lowerBound
                for k in range {
                    target[k] = inner > 0 ? coefficients.elements[k] + step * direction.elements[k] : 0
                }
            }
            if let lower = acceptTrial(penalty, below: objective) {
                isNewtonPhase = step == 1
                return lower
            }
            step *= 0.4
        }
        return nil
    }
}
