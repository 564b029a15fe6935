/// The factorization behind ``SupportHessian``, in memory that is used again: a Newton step allocates nothing once the
/// buffers have their size.
///
/// H[D]_j = (G·D)_j + a_j(D_j − u_j⟨u_j, D_j⟩) + b_j u_j⟨u_j, D_j⟩ with a_j > 0 or a_j = b_j = 0 (unpenalized).
/// H = M ⊗ I − Σ_j c_j u_ju_jᵀ with M = G + diag(a) and c = a − b, hence
/// H⁻¹V = M⁻¹(V + Σ_j u_j s_j), s = √c (I − √c Q √c)⁻¹ √c z, z_j = ⟨u_j, (M⁻¹V)_j⟩, Q_ik = ⟨u_i, (M⁻¹)_ik u_k⟩.
final class HessianFactorization {
    private(set) var width = 0
    private(set) var count = 0
    private var samples = 0
    /// u, T × width.
    let directions: Buffer
    /// M⁻¹, width × width, both triangles.
    let inverse: Buffer
    /// ⟨u_k, u_l⟩ over samples of every two columns, width × width.
    let overlap: Buffer
    /// a of every column.
    let curvature: Buffer
    /// First column of each block, count + 1 entries.
    private(set) var offsets: [Int] = []
    /// √(a_j − b_j) of every block.
    private(set) var rootDeflation: [Double] = []
    private let reduced: Buffer
    private var eigen: SymmetricEigen?
    /// Whether any block has a curvature across B_j that differs from the one along it.
    private var isDeflated = false
    private let isFull: Bool
    private let parallelism: Parallelism

    /// - Parameter isFull: also treats blocks of a single number by M⁻¹ and the reduced matrix, which then holds up where
    ///   G is singular; else they need one Cholesky factorization and no inverse, since across B_j there is nothing.
    init(isFull: Bool, parallelism: Parallelism, allocations: AllocationCount) {
        self.isFull = isFull
        self.parallelism = parallelism
        directions = Buffer(allocations)
        inverse = Buffer(allocations)
        overlap = Buffer(allocations)
        curvature = Buffer(allocations)
        reduced = Buffer(allocations)
    }

    /// Makes room for blocks and columns of this many.
    func reserve(width: Int, count: Int, samples: Int) {
        directions.reserve(width * samples)
        inverse.reserve(width * width)
        overlap.reserve(width * width)
        curvature.reserve(width)
        reduced.reserve(count * count)
        offsets.reserveCapacity(count + 1)
        rootDeflation.reserveCapacity(count)
    }

    /// Begins a new support: its blocks are added one after another.
    func begin(samples: Int) {
        self.samples = samples
        count = 0
        width = 0
        isDeflated = false
        offsets.removeAll(keepingCapacity: true)
        offsets.append(0)
        rootDeflation.removeAll(keepingCapacity: true)
    }

    /// Adds a block.
    ///
    /// - Parameters:
    ///   - coefficients: B_jᵀ, T × columns; not zero.
    ///   - radial: b_j, the curvature along B_j.
    ///   - tangential: a_j, the curvature across it.
    /// - Returns: whether the block is one that can be added.
    func append(
        _ coefficients: UnsafePointer<Double>, columns: Int, norm: Double, tangential: Double, radial: Double
    ) -> Bool {
        let tangential = !isFull && columns * samples == 1 ? radial : tangential
        guard norm > 0, norm.isFinite, tangential >= 0, tangential.isFinite else { return false }
        let target = directions.pointer + width * samples
        for k in 0..<(columns * samples) { target[k] = coefficients[k] / norm }
        for k in 0..<columns { curvature.pointer[width + k] = tangential }
        rootDeflation.append(max(0, tangential - radial).squareRoot())
        isDeflated = isDeflated || tangential > radial
        count += 1
        width += columns
        offsets.append(width)
        return true
    }

    /// Factors, with G in ``inverse`` (width × width, at least its lower triangle), which is overwritten.
    ///
    /// - Parameter repairs: whether a reduced matrix that is singular to working precision is solved by its
    ///   eigenvalues, leaving out the directions in which the fit does not change (copied columns).
    /// - Returns: false where M, or the reduced matrix, is not positive definite.
    /// - Complexity: O(width³ + width²T).
    func factor(repairs: Bool) -> Bool {
        eigen = nil
        let (width, count) = (width, count)
        let m = inverse.pointer
        for k in 0..<width { m[k + k * width] += curvature.pointer[k] }
        guard LAPACK.cholesky(width, m, width) else { return false }
        if !isFull, !isDeflated { return isWellConditioned(m, width) }
        // The memory of the overlap, which is computed next, serves as scratch.
        LAPACK.choleskyInverse(width, m, work: overlap.pointer, parallelism: parallelism)
        parallelism.gemm(
            true, false, width, width, samples, 1, directions.pointer, samples, directions.pointer, samples, 0,
            overlap.pointer, width)
        // I − √c Q √c.
        let r = reduced.pointer
        sumOverBlocks(m, columns: 0..<count, into: r)
        for j in 0..<count {
            for i in 0..<count { r[i + j * count] *= -rootDeflation[i] * rootDeflation[j] }
            r[j + j * count] += 1
        }
        let copy = repairs ? Matrix(rows: count, columns: count) { r[$0 + $1 * count] } : nil
        if LAPACK.cholesky(count, r, count), isWellConditioned(r, count) { return true }
        guard let copy, let repaired = try? SymmetricEigen(copy) else { return false }
        eigen = repaired
        return true
    }

    /// Whether the diagonal of a Cholesky factor spans fewer digits than a number has.
    private func isWellConditioned(_ factor: UnsafePointer<Double>, _ size: Int) -> Bool {
        var (low, high) = (Double.infinity, 0.0)
        for i in 0..<size {
            low = min(low, factor[i + i * size])
            high = max(high, factor[i + i * size])
        }
        return size == 0 || low > 3e-7 * high
    }

    /// quad(K)_ik = ⟨u_i, K_ik u_k⟩ for the blocks k of a range.
    ///
    /// - Parameters:
    ///   - k: the columns of K that belong to those blocks, width rows.
    ///   - result: count × the number of blocks, overwritten.
    func sumOverBlocks(
        _ k: UnsafePointer<Double>, columns blocks: Range<Int>, into result: UnsafeMutablePointer<Double>
    ) {
        let (width, count) = (width, count)
        let first = offsets[blocks.lowerBound]
        offsets.withUnsafeBufferPointer { offsets in
            for j in blocks {
                let target = result + (j - blocks.lowerBound) * count
                target.update(repeating: 0, count: count)
                for column in offsets[j]..<offsets[j + 1] {
                    let a = k + (column - first) * width
                    let b = overlap.pointer + column * width
                    if width == count {
                        for i in 0..<count { target[i] += a[i] * b[i] }
                    } else {
                        for i in 0..<count {
                            var sum = 0.0
                            for row in offsets[i]..<offsets[i + 1] { sum += a[row] * b[row] }
                            target[i] += sum
                        }
                    }
                }
            }
        }
    }

    /// X ← √c (I − √c Q √c)⁻¹ √c X for X count × k.
    func solveReduced(_ x: UnsafeMutablePointer<Double>, columns: Int) {
        let count = count
        func scale() {
            for j in 0..<columns {
                for i in 0..<count { x[i + j * count] *= rootDeflation[i] }
            }
        }
        scale()
        if let eigen {
            let largest = eigen.values.last ?? 0
            let rightHandSide = Matrix(rows: count, columns: columns) { x[$0 + $1 * count] }
            var projected = Matrix.product(eigen.vectors, transposed: true, rightHandSide)
            for i in 0..<count {
                let factor = eigen.values[i] > 1e-12 * largest ? 1 / eigen.values[i] : 0
                for j in 0..<columns { projected[i, j] *= factor }
            }
            let solved = eigen.vectors * projected
            for k in 0..<(count * columns) { x[k] = solved.elements[k] }
        } else {
            LAPACK.choleskySolve(count, columns, reduced.pointer, count, x, count)
        }
        scale()
    }

    /// target ← H⁻¹V.
    ///
    /// - Parameters:
    ///   - rightHandSide: Vᵀ, T × width; overwritten.
    ///   - target: T × width.
    ///   - shifts: scratch of `count` values.
    /// - Complexity: O(width²T).
    func solve(
        _ rightHandSide: UnsafeMutablePointer<Double>, into target: UnsafeMutablePointer<Double>,
        shifts: UnsafeMutablePointer<Double>
    ) {
        let (width, t) = (width, samples)
        if !isFull, !isDeflated {
            // M is factored, not inverted.
            target.update(from: rightHandSide, count: width * t)
            if t == 1 {
                LAPACK.choleskySolve(width, 1, inverse.pointer, width, target, width)
            } else {
                LAPACK.choleskySolveTransposed(width, t, inverse.pointer, width, target, t)
            }
            return
        }
        parallelism.gemm(false, false, t, width, width, 1, rightHandSide, t, inverse.pointer, width, 0, target, t)
        for j in 0..<count {
            let range = (offsets[j] * t)..<(offsets[j + 1] * t)
            shifts[j] = BLAS.dot(range.count, target + range.lowerBound, directions.pointer + range.lowerBound)
        }
        solveReduced(shifts, columns: 1)
        for j in 0..<count {
            let range = (offsets[j] * t)..<(offsets[j + 1] * t)
            BLAS.axpy(
                range.count, shifts[j], directions.pointer + range.lowerBound, rightHandSide + range.lowerBound)
        }
        parallelism.gemm(false, false, t, width, width, 1, rightHandSide, t, inverse.pointer, width, 0, target, t)
    }
}
