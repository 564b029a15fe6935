/// The factorization behind ``SupportHessian``, in memory that is used again: a Newton step allocates nothing once the
/// buffers have their size.
///
/// H[D]_j = (G·D)_j + a_j(D_j − u_j⟨u_j, D_j⟩) + b_j u_j⟨u_j, D_j⟩ with a_j > 0 or a_j = b_j = 0 (unpenalized).
/// H = M ⊗ I − Σ_j c_j u_ju_jᵀ with M = G + diag(a) and c = a − b, hence, with d = √|c| and σ the sign of c,
/// H⁻¹V = M⁻¹(V + Σ_j u_j s_j), s = d (σ − d Q d)⁻¹ d z, z_j = ⟨u_j, (M⁻¹V)_j⟩, Q_ik = ⟨u_i, (M⁻¹)_ik u_k⟩.
///
/// H is positive definite where M is and the reduced matrix σ − dQd has as many negative eigenvalues as σ: none, as a
/// Cholesky factorization shows, unless a penalty bends up more along a block than across it.
final class HessianFactorization {
    /// What is known of H.
    private enum State {
        /// G alone, which the caller writes into ``matrix``.
        case unfactored
        /// ``matrix`` holds the Cholesky factor of M; no block has c ≠ 0.
        case factored
        /// ``matrix`` holds M⁻¹, ``reduced`` the Cholesky factor of the reduced matrix.
        case inverted
        /// ``matrix`` holds M⁻¹; the reduced matrix is known by its eigenvalues.
        case decomposed(SymmetricEigen)
    }

    private(set) var width = 0
    private(set) var count = 0
    private var samples = 0
    /// u, T × width.
    let directions: Buffer
    /// G before ``factor(repairs:)``; afterwards, in a full factorization, M⁻¹; width × width, both triangles.
    let matrix: Buffer
    /// ⟨u_k, u_l⟩ over samples of every two columns, width × width.
    let overlap: Buffer
    /// a of every column.
    let curvature: Buffer
    /// First column of each block, count + 1 entries.
    private(set) var offsets: [Int] = []
    /// d and σ of every block, with c = a − b = σ·d².
    private(set) var roots: [Double] = []
    private(set) var signs: [Double] = []
    private let reduced: Buffer
    private var state = State.unfactored
    private let isFull: Bool
    private let parallelism: Parallelism

    /// - Parameter isFull: also treats blocks of a single number by M⁻¹ and the reduced matrix, which then holds up where
    ///   G is singular; else they need one Cholesky factorization and no inverse, since across B_j there is nothing.
    init(isFull: Bool, parallelism: Parallelism, allocations: AllocationCount) {
        self.isFull = isFull
        self.parallelism = parallelism
        directions = Buffer(allocations)
        matrix = Buffer(allocations)
        overlap = Buffer(allocations)
        curvature = Buffer(allocations)
        reduced = Buffer(allocations)
    }

    /// Makes room for blocks and columns of this many.
    func reserve(width: Int, count: Int, samples: Int) {
        directions.reserve(width * samples)
        matrix.reserve(width * width)
        overlap.reserve(width * width)
        curvature.reserve(width)
        reduced.reserve(count * count)
        offsets.reserveCapacity(count + 1)
        roots.reserveCapacity(count)
        signs.reserveCapacity(count)
    }

    /// Begins a new support: its blocks are added one after another.
    func begin(samples: Int) {
        self.samples = samples
        count = 0
        width = 0
        state = .unfactored
        offsets.removeAll(keepingCapacity: true)
        offsets.append(0)
        roots.removeAll(keepingCapacity: true)
        signs.removeAll(keepingCapacity: true)
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
        // Below zero by rounding alone is zero: a ridge bends up alike in all directions.
        let c = tangential - radial
        let isNegative = c < -1e-12 * radial
        roots.append(isNegative || c > 0 ? abs(c).squareRoot() : 0)
        signs.append(isNegative ? -1 : 1)
        count += 1
        width += columns
        offsets.append(width)
        return true
    }

    /// Factors, with G in ``matrix`` (width × width, at least its lower triangle), which is overwritten.
    ///
    /// - Parameter repairs: whether a reduced matrix that is singular to working precision is solved by its
    ///   eigenvalues, leaving out the directions in which the fit does not change (copied columns).
    /// - Returns: false where M is not positive definite or, without repairs, H is not; what ``matrix`` holds is then of no
    ///   use.
    /// - Complexity: O(width³ + width²T). Allocates only where it may need eigenvalues: with repairs, or where c < 0.
    func factor(repairs: Bool) -> Bool {
        let (width, count) = (width, count)
        let m = matrix.pointer
        for k in 0..<width { m[k + k * width] += curvature.pointer[k] }
        guard LAPACK.cholesky(width, m, width) else { return false }
        if !isFull, roots.allSatisfy({ $0 == 0 }) {
            state = .factored
            return isWellConditioned(m, width)
        }
        // The memory of the overlap, which is computed next, serves as scratch.
        LAPACK.choleskyInverse(width, m, work: overlap.pointer, parallelism: parallelism)
        parallelism.gemm(
            true, false, width, width, samples, 1, directions.pointer, samples, directions.pointer, samples, 0,
            overlap.pointer, width)
        // σ − dQd.
        let r = reduced.pointer
        sumOverBlocks(m, columns: 0..<count, into: r)
        for j in 0..<count {
            for i in 0..<count { r[i + j * count] *= -roots[i] * roots[j] }
            r[j + j * count] += signs[j]
        }
        let negative = negativeCount
        let copy = repairs || negative > 0 ? Matrix(rows: count, columns: count) { r[$0 + $1 * count] } : nil
        state = .inverted
        if negative == 0, LAPACK.cholesky(count, r, count), isWellConditioned(r, count) { return true }
        guard let copy, let eigen = try? SymmetricEigen(copy) else { return false }
        state = .decomposed(eigen)
        return repairs || eigen.values.prefix { $0 < 0 }.count == negative
    }

    /// Number of blocks with c < 0.
    private var negativeCount: Int { signs.reduce(0) { $0 + ($1 < 0 ? 1 : 0) } }

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

    /// X ← d (σ − dQd)⁻¹ d X for X count × k.
    func solveReduced(_ x: UnsafeMutablePointer<Double>, columns: Int) {
        let count = count
        func scale() {
            for j in 0..<columns {
                for i in 0..<count { x[i + j * count] *= roots[i] }
            }
        }
        scale()
        if case .decomposed(let eigen) = state {
            // Ascending: the first ones are negative where H is positive definite, the others positive.
            let negative = negativeCount
            let largest = max(eigen.values.last ?? 0, negative > 0 ? -eigen.values[0] : 0)
            let rightHandSide = Matrix(rows: count, columns: columns) { x[$0 + $1 * count] }
            var projected = Matrix.product(eigen.vectors, transposed: true, rightHandSide)
            for i in 0..<count {
                let isKept = (i < negative ? -1 : 1) * eigen.values[i] > 1e-12 * largest
                let factor = isKept ? 1 / eigen.values[i] : 0
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
        if case .factored = state {
            target.update(from: rightHandSide, count: width * t)
            if t == 1 {
                LAPACK.choleskySolve(width, 1, matrix.pointer, width, target, width)
            } else {
                LAPACK.choleskySolveTransposed(width, t, matrix.pointer, width, target, t)
            }
            return
        }
        parallelism.gemm(false, false, t, width, width, 1, rightHandSide, t, matrix.pointer, width, 0, target, t)
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
        parallelism.gemm(false, false, t, width, width, 1, rightHandSide, t, matrix.pointer, width, 0, target, t)
    }
}
