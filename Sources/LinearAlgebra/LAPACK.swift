import COpenBLAS
import Glibc

/// The single letters that LAPACK takes for options.
private enum Letter {
    static let vectors = CChar(UInt8(ascii: "V"))
    static let none = CChar(UInt8(ascii: "N"))
    static let lower = CChar(UInt8(ascii: "L"))
    static let thin = CChar(UInt8(ascii: "S"))
}

/// A matrix that a factorization could not handle.
public enum LinearAlgebraError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The matrix is not positive definite; the leading minor of this order is not.
    case notPositiveDefinite(order: Int)
    /// An iterative factorization did not converge.
    case noConvergence
    /// The input holds NaN or infinity.
    case notFinite

    /// One line in plain English.
    public var description: String {
        switch self {
        case .notPositiveDefinite(let order): "the matrix is not positive definite (leading minor of order \(order))"
        case .noConvergence: "the factorization did not converge"
        case .notFinite: "the matrix holds NaN or infinity"
        }
    }
}

/// Eigenvalues and eigenvectors of a symmetric matrix.
public struct SymmetricEigen: Sendable {
    /// Eigenvalues, ascending.
    public let values: [Double]
    /// Eigenvectors, one a column, in the order of `values`.
    public let vectors: Matrix

    /// Decomposes a symmetric matrix; only its lower triangle is read.
    ///
    /// - Complexity: O(n³).
    /// - Throws: ``LinearAlgebraError/notFinite`` or ``LinearAlgebraError/noConvergence``.
    public init(_ symmetric: Matrix) throws(LinearAlgebraError) {
        var vectors = symmetric
        values = try Self.decompose(&vectors, Letter.vectors)
        self.vectors = vectors
    }

    /// The eigenvalues alone, ascending: in a fraction of the time.
    ///
    /// - Throws: as ``init(_:)``.
    public static func values(of symmetric: Matrix) throws(LinearAlgebraError) -> [Double] {
        var scratch = symmetric
        return try decompose(&scratch, Letter.none)
    }

    /// The eigenvalues of a matrix, which is overwritten: by the eigenvectors where they are asked for.
    private static func decompose(_ matrix: inout Matrix, _ job: CChar) throws(LinearAlgebraError) -> [Double] {
        precondition(matrix.rows == matrix.columns)
        guard matrix.firstNonFinite == nil else { throw .notFinite }
        BLAS.prepare()
        let n = Int32(matrix.rows)
        var values = [Double](repeating: 0, count: matrix.rows)
        if n > 0 {
            let info = LAPACKE_dsyevd(LAPACK_COL_MAJOR, job, Letter.lower, n, &matrix.elements, n, &values)
            guard info == 0 else { throw .noConvergence }
        }
        return values
    }
}

/// The thin singular value decomposition A = U·diag(values)·Vᵀ.
public struct SingularValues: Sendable {
    /// Left singular vectors, rows × min(rows, columns).
    public let u: Matrix
    /// Singular values, descending.
    public let values: [Double]
    /// Right singular vectors transposed, min(rows, columns) × columns.
    public let vt: Matrix

    /// Decomposes a matrix.
    ///
    /// - Complexity: O(rows · columns · min(rows, columns)).
    /// - Throws: ``LinearAlgebraError/notFinite`` or ``LinearAlgebraError/noConvergence``.
    public init(_ matrix: Matrix) throws(LinearAlgebraError) {
        guard matrix.firstNonFinite == nil else { throw .notFinite }
        BLAS.prepare()
        let (m, n) = (matrix.rows, matrix.columns)
        let k = min(m, n)
        var a = matrix.elements
        var u = Matrix(rows: m, columns: k)
        var values = [Double](repeating: 0, count: k)
        var vt = Matrix(rows: k, columns: n)
        if k > 0 {
            let info = LAPACKE_dgesdd(
                LAPACK_COL_MAJOR, Letter.thin, Int32(m), Int32(n), &a, Int32(m), &values, &u.elements, Int32(m),
                &vt.elements, Int32(k))
            guard info == 0 else { throw .noConvergence }
        }
        self.u = u
        self.values = values
        self.vt = vt
    }
}

/// The Cholesky factor L of a symmetric positive definite matrix, A = L·Lᵀ.
public struct Cholesky: Sendable {
    private var factor: Matrix

    /// Factors a matrix; only its lower triangle is read.
    ///
    /// - Complexity: O(n³/3).
    /// - Throws: ``LinearAlgebraError/notPositiveDefinite(order:)``.
    public init(_ matrix: consuming Matrix) throws(LinearAlgebraError) {
        precondition(matrix.rows == matrix.columns)
        BLAS.prepare()
        let n = Int32(matrix.rows)
        if n > 0 {
            let info = LAPACKE_dpotrf(LAPACK_COL_MAJOR, Letter.lower, n, &matrix.elements, n)
            guard info == 0 else { throw .notPositiveDefinite(order: Int(info)) }
        }
        factor = matrix
    }

    /// Solves A·X = B.
    ///
    /// - Parameter rightHandSide: n × k.
    /// - Complexity: O(n²·k).
    public func solve(_ rightHandSide: consuming Matrix) -> Matrix {
        precondition(rightHandSide.rows == factor.rows)
        let n = Int32(factor.rows)
        let k = Int32(rightHandSide.columns)
        if n > 0, k > 0 {
            _ = LAPACKE_dpotrs(LAPACK_COL_MAJOR, Letter.lower, n, k, factor.elements, n, &rightHandSide.elements, n)
        }
        return rightHandSide
    }

    /// The inverse A⁻¹, both triangles filled.
    ///
    /// - Complexity: O(2n³/3).
    public func inverse() -> Matrix {
        var inverse = factor
        let n = factor.rows
        if n > 0 {
            _ = LAPACKE_dpotri(LAPACK_COL_MAJOR, Letter.lower, Int32(n), &inverse.elements, Int32(n))
            inverse.mirrorLowerTriangle()
        }
        return inverse
    }

    /// log det A.
    public var logDeterminant: Double {
        (0..<factor.rows).reduce(0) { $0 + 2 * log(factor[$1, $1]) }
    }
}

extension Matrix {
    /// Copies the lower triangle over the upper one.
    public mutating func mirrorLowerTriangle() {
        let n = rows
        elements.withUnsafeMutableBufferPointer { p in
            for j in 0..<n {
                for i in (j + 1)..<max(n, j + 1) { p[j + i * n] = p[i + j * n] }
            }
        }
    }
}

/// The numerical rank of a matrix by QR factorization with column pivoting (Businger & Golub 1965).
public enum PivotedQR {
    /// How many diagonal entries of R are above `tolerance` times the largest; the smaller size where the matrix holds NaN
    /// or infinity. An estimate: it may differ from a count of singular values near the tolerance.
    ///
    /// - Complexity: O(rows · columns²).
    public static func rank(_ matrix: Matrix, tolerance: Double) -> Int {
        BLAS.prepare()
        let (m, n) = (matrix.rows, matrix.columns)
        guard m > 0, n > 0, matrix.firstNonFinite == nil else { return min(m, n) }
        var a = matrix.elements
        var pivots = [Int32](repeating: 0, count: n)
        var reflectors = [Double](repeating: 0, count: min(m, n))
        let info = LAPACKE_dgeqp3(LAPACK_COL_MAJOR, Int32(m), Int32(n), &a, Int32(m), &pivots, &reflectors)
        guard info == 0 else { return min(m, n) }
        let largest = abs(a[0])
        return (0..<min(m, n)).prefix { abs(a[$0 + $0 * m]) > tolerance * largest }.count
    }
}

/// LAPACK over pointers, for work that must not allocate: column-major, lower triangles, in place, no checks of sizes or of
/// NaN. Sizes come first, then each matrix with its leading dimension; the upper triangle of a factor is not written.
public enum LAPACK {
    /// A ← L with A = L·Lᵀ, n × n.
    ///
    /// - Returns: whether A is positive definite to working precision.
    public static func cholesky(_ n: Int, _ a: UnsafeMutablePointer<Double>, _ ld: Int) -> Bool {
        BLAS.prepare()
        return LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, Letter.lower, Int32(n), a, Int32(ld)) == 0
    }

    /// B ← A⁻¹B with L from ``cholesky(_:_:_:)`` and B n × k.
    public static func choleskySolve(
        _ n: Int, _ k: Int, _ l: UnsafePointer<Double>, _ ldl: Int, _ b: UnsafeMutablePointer<Double>, _ ldb: Int
    ) {
        BLAS.prepare()
        _ = LAPACKE_dpotrs_work(
            LAPACK_COL_MAJOR, Letter.lower, Int32(n), Int32(k), l, Int32(ldl), b, Int32(ldb))
    }

    /// A⁻¹ from L of ``cholesky(_:_:_:)``, both triangles, on the threads given.
    ///
    /// The columns of L⁻¹, and the blocks of A⁻¹ = L⁻ᵀL⁻¹, are dealt out in pieces that do not depend on the number of
    /// threads.
    ///
    /// - Parameters:
    ///   - l: n × n with the factor in its lower triangle; overwritten by A⁻¹.
    ///   - work: n × n values of scratch memory.
    public static func choleskyInverse(
        _ n: Int, _ l: UnsafeMutablePointer<Double>, work: UnsafeMutablePointer<Double>, parallelism: Parallelism
    ) {
        BLAS.prepare()
        let size = 64
        nonisolated(unsafe) let (l, work) = (l, work)
        // Columns s... of L⁻¹ begin at row s.
        parallelism.forEachPiece(of: n, piece: size) { _, columns in
            let s = columns.lowerBound
            for j in columns {
                (work + j * n + s).update(repeating: 0, count: n - s)
                work[j + j * n] = 1
            }
            cblas_dtrsm(
                CblasColMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, Int32(n - s), Int32(columns.count), 1,
                l + s + s * n, Int32(n), work + s + s * n, Int32(n))
        }
        // Block (r, s) with r ≥ s sums over rows r and below, where both factors are not zero.
        parallelism.forEachPiece(of: n, piece: size) { _, columns in
            let s = columns.lowerBound
            for r in stride(from: s, to: n, by: size) {
                let rows = min(size, n - r)
                if r > s {
                    BLAS.gemm(
                        true, false, rows, columns.count, n - r, 1, work + r + r * n, n, work + r + s * n, n, 0,
                        l + r + s * n, n)
                } else {
                    cblas_dsyrk(
                        CblasColMajor, CblasLower, CblasTrans, Int32(rows), Int32(n - r), 1, work + r + r * n, Int32(n),
                        0, l + r + r * n, Int32(n))
                }
            }
        }
        for j in 0..<n {
            for i in (j + 1)..<max(n, j + 1) { l[j + i * n] = l[i + j * n] }
        }
    }

    /// B ← B·A⁻¹ with L from ``cholesky(_:_:_:)`` and B k × n.
    public static func choleskySolveTransposed(
        _ n: Int, _ k: Int, _ l: UnsafePointer<Double>, _ ldl: Int, _ b: UnsafeMutablePointer<Double>, _ ldb: Int
    ) {
        BLAS.prepare()
        // B·L⁻ᵀ·L⁻¹.
        for transposed in [CblasTrans, CblasNoTrans] {
            cblas_dtrsm(
                CblasColMajor, CblasRight, CblasLower, transposed, CblasNonUnit, Int32(k), Int32(n), 1, l, Int32(ldl),
                b, Int32(ldb))
        }
    }
}
