/// A Newton step on the nonzero blocks of the support (the superlinear phase of Nutini et al. 2022), from the closed-form
/// inverse of the Hessian (``HessianFactorization``), in memory that is used again.
final class SupportNewton {
    private let factorization: HessianFactorization
    private let parallelism: Parallelism
    private let descent: Buffer
    private let direction: Buffer
    private let shifts: Buffer
    private let gathered: Buffer
    /// Blocks of the support that take part.
    private var nonzero: [Int] = []

    init(parallelism: Parallelism, allocations: AllocationCount) {
        self.parallelism = parallelism
        factorization = HessianFactorization(isFull: false, parallelism: parallelism, allocations: allocations)
        descent = Buffer(allocations)
        direction = Buffer(allocations)
        shifts = Buffer(allocations)
        gathered = Buffer(allocations)
    }

    /// Makes room.
    ///
    /// - Parameter rows: rows of the design where the Gram matrix comes from its columns; 0 where it is there already.
    func reserve(width: Int, count: Int, samples: Int, rows: Int) {
        factorization.reserve(width: width, count: count, samples: samples)
        descent.reserve(width * samples)
        direction.reserve(width * samples)
        shifts.reserve(count)
        gathered.reserve(width * rows)
        nonzero.reserveCapacity(count)
    }

    /// Chooses the blocks and their curvature.
    ///
    /// - Returns: whether there is anything to do.
    func choose(_ iterate: SupportIterate, _ penalty: some BlockPenalty) -> Bool {
        nonzero.removeAll(keepingCapacity: true)
        factorization.begin(samples: iterate.samples)
        for j in iterate.support.indices where iterate.norms[j] > 0 {
            let norm = iterate.norms[j]
            let slope = penalty.derivatives(norm: norm, block: iterate.blocks[j])
            guard
                factorization.append(
                    iterate.b.pointer + iterate.starts[j] * iterate.samples, columns: iterate.range(j).count,
                    norm: norm,
                    tangential: slope.first / norm, radial: slope.second)
            else { continue }
            nonzero.append(j)
        }
        starts = iterate.starts
        return !nonzero.isEmpty
    }

    private var starts: [Int] = []

    /// G of the chosen blocks, from the Gram matrix of the support.
    func fillGram(_ gram: UnsafePointer<Double>, ld: Int) {
        Gathering.gram(
            nonzero, from: gram, leading: ld, starts: starts, into: factorization.matrix.pointer,
            offsets: factorization.offsets)
    }

    /// G of the chosen blocks, from the columns of the support.
    func fillGram(columns: UnsafePointer<Double>, rows: Int) {
        let width = factorization.width
        Gathering.columns(
            nonzero, from: columns, height: rows, starts: starts, into: gathered.pointer, offsets: factorization.offsets
        )
        parallelism.gemm(
            true, false, width, width, rows, 1, gathered.pointer, rows, gathered.pointer, rows, 0,
            factorization.matrix.pointer, width)
    }

    /// H⁻¹ times the descent direction.
    ///
    /// - Parameter gradient: X_jᵀR of every block of the support, T × its width.
    /// - Returns: false where the curvature is not positive definite.
    func findDirection(
        _ iterate: SupportIterate, gradient: UnsafePointer<Double>, _ penalty: some BlockPenalty
    ) -> Bool {
        guard factorization.factor(repairs: false) else { return false }
        let t = iterate.samples
        let offsets = factorization.offsets
        for (k, j) in nonzero.enumerated() {
            let norm = iterate.norms[j]
            let factor = penalty.derivatives(norm: norm, block: iterate.blocks[j]).first / norm
            let own = gradient + starts[j] * t
            let b = iterate.b.pointer + starts[j] * t
            let target = descent.pointer + offsets[k] * t
            for i in 0..<((offsets[k + 1] - offsets[k]) * t) { target[i] = own[i] - factor * b[i] }
        }
        factorization.solve(descent.pointer, into: direction.pointer, shifts: shifts.pointer)
        return true
    }

    /// The iterate moved along the direction; a block that would cross zero becomes zero.
    func move(_ iterate: SupportIterate, by step: Double, into target: UnsafeMutablePointer<Double>) {
        let t = iterate.samples
        let offsets = factorization.offsets
        target.update(from: iterate.b.pointer, count: iterate.width * t)
        for (k, j) in nonzero.enumerated() {
            let count = (offsets[k + 1] - offsets[k]) * t
            let own = target + starts[j] * t
            let change = direction.pointer + offsets[k] * t
            let inner = BLAS.dot(count, own, own) + step * BLAS.dot(count, own, change)
            if inner > 0 {
                BLAS.axpy(count, step, change, own)
            } else {
                own.update(repeating: 0, count: count)
            }
        }
    }
}
