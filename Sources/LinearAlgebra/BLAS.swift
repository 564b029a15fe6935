import COpenBLAS

/// Thin names over CBLAS for column-major storage: pointers in, nothing allocated, no checks of sizes or overlap.
///
/// Arguments come in CBLAS's order: whether each matrix is transposed, sizes (m, n, k), α, then each matrix or vector with
/// its leading dimension (`lda`: elements from one column to the next), β before what is written. Sizes must fit in 31 bits.
///
/// OpenBLAS keeps its thread count in a global. It is set to one, once, before the first call: all
/// parallelism of this package is explicit (``Parallelism``), so that a result does not depend on how many
/// threads a library happened to use and concurrent callers do not fight over the cores.
public enum BLAS {
    /// Chooses the kernels and forces OpenBLAS to one thread the first time it is touched.
    private static let prepared: Void = {
        openblas_choose_kernels()
        openblas_set_num_threads(1)
    }()

    /// Makes sure that OpenBLAS runs on the calling thread only, with the kernels of this processor.
    @inline(__always)
    static func prepare() { _ = prepared }

    private static func flag(_ transposed: Bool) -> CBLAS_TRANSPOSE { transposed ? CblasTrans : CblasNoTrans }

    /// C ← α·op(A)·op(B) + β·C, with op(A) m × k and op(B) k × n.
    public static func gemm(
        _ transposeA: Bool, _ transposeB: Bool, _ m: Int, _ n: Int, _ k: Int, _ alpha: Double,
        _ a: UnsafePointer<Double>, _ lda: Int, _ b: UnsafePointer<Double>, _ ldb: Int, _ beta: Double,
        _ c: UnsafeMutablePointer<Double>, _ ldc: Int
    ) {
        prepare()
        // A product with one row or column is a matrix times a vector: no packing, several times faster.
        if m == 1 {
            cblas_dgemv(
                CblasColMajor, flag(!transposeB), Int32(transposeB ? n : k), Int32(transposeB ? k : n), alpha, b,
                Int32(ldb), a, Int32(transposeA ? 1 : lda), beta, c, Int32(ldc))
            return
        }
        if n == 1 {
            cblas_dgemv(
                CblasColMajor, flag(transposeA), Int32(transposeA ? k : m), Int32(transposeA ? m : k), alpha, a,
                Int32(lda), b, Int32(transposeB ? ldb : 1), beta, c, 1)
            return
        }
        cblas_dgemm(
            CblasColMajor, flag(transposeA), flag(transposeB), Int32(m), Int32(n), Int32(k), alpha, a, Int32(lda), b,
            Int32(ldb), beta, c, Int32(ldc))
    }

    /// C ← AᵀB in single precision, with A k × m and B k × n as stored.
    public static func transposedProduct(
        _ m: Int, _ n: Int, _ k: Int, _ a: UnsafePointer<Float>, _ lda: Int, _ b: UnsafePointer<Float>, _ ldb: Int,
        _ c: UnsafeMutablePointer<Float>, _ ldc: Int
    ) {
        prepare()
        if n == 1 {
            cblas_sgemv(CblasColMajor, CblasTrans, Int32(k), Int32(m), 1, a, Int32(lda), b, 1, 0, c, 1)
        } else {
            cblas_sgemm(
                CblasColMajor, CblasTrans, CblasNoTrans, Int32(m), Int32(n), Int32(k), 1, a, Int32(lda), b, Int32(ldb),
                0, c, Int32(ldc))
        }
    }

    /// y ← α·op(A)·x + β·y, with A m × n as stored.
    public static func gemv(
        _ transpose: Bool, _ m: Int, _ n: Int, _ alpha: Double, _ a: UnsafePointer<Double>, _ lda: Int,
        _ x: UnsafePointer<Double>, _ beta: Double, _ y: UnsafeMutablePointer<Double>
    ) {
        prepare()
        cblas_dgemv(
            CblasColMajor, flag(transpose), Int32(m), Int32(n), alpha, a, Int32(lda), x, 1, beta, y, 1)
    }

    /// y ← α·op(A)·x + β·y in single precision, with A m × n as stored.
    public static func gemv(
        _ transpose: Bool, _ m: Int, _ n: Int, _ alpha: Float, _ a: UnsafePointer<Float>, _ lda: Int,
        _ x: UnsafePointer<Float>, _ beta: Float, _ y: UnsafeMutablePointer<Float>
    ) {
        prepare()
        cblas_sgemv(
            CblasColMajor, flag(transpose), Int32(m), Int32(n), alpha, a, Int32(lda), x, 1, beta, y, 1)
    }

    /// A ← A + α·x·yᵀ, with A m × n and the elements of y `incY` apart.
    public static func rankOne(
        _ m: Int, _ n: Int, _ alpha: Double, _ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>, _ incY: Int,
        _ a: UnsafeMutablePointer<Double>, _ lda: Int
    ) {
        prepare()
        cblas_dger(CblasColMajor, Int32(m), Int32(n), alpha, x, 1, y, Int32(incY), a, Int32(lda))
    }

    /// The lower triangle of C ← α·AᵀA + β·C, with A k × n.
    public static func gram(
        _ n: Int, _ k: Int, _ alpha: Double, _ a: UnsafePointer<Double>, _ lda: Int, _ beta: Double,
        _ c: UnsafeMutablePointer<Double>, _ ldc: Int
    ) {
        prepare()
        cblas_dsyrk(
            CblasColMajor, CblasLower, CblasTrans, Int32(n), Int32(k), alpha, a, Int32(lda), beta, c, Int32(ldc))
    }

    /// The lower triangle of C ← α·AAᵀ + β·C, with A n × k.
    public static func outerGram(
        _ n: Int, _ k: Int, _ alpha: Double, _ a: UnsafePointer<Double>, _ lda: Int, _ beta: Double,
        _ c: UnsafeMutablePointer<Double>, _ ldc: Int
    ) {
        prepare()
        cblas_dsyrk(
            CblasColMajor, CblasLower, CblasNoTrans, Int32(n), Int32(k), alpha, a, Int32(lda), beta, c, Int32(ldc))
    }

    /// B ← L⁻¹B, with L n × n lower triangular and B n × k.
    public static func forwardSubstitute(
        _ n: Int, _ k: Int, _ l: UnsafePointer<Double>, _ ldl: Int, _ b: UnsafeMutablePointer<Double>, _ ldb: Int
    ) {
        prepare()
        cblas_dtrsm(
            CblasColMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, Int32(n), Int32(k), 1, l, Int32(ldl), b,
            Int32(ldb))
    }

    /// B ← B·L⁻ᵀ, with L n × n lower triangular and B k × n.
    public static func forwardSubstituteTransposed(
        _ k: Int, _ n: Int, _ l: UnsafePointer<Double>, _ ldl: Int, _ b: UnsafeMutablePointer<Double>, _ ldb: Int
    ) {
        prepare()
        cblas_dtrsm(
            CblasColMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, Int32(k), Int32(n), 1, l, Int32(ldl), b,
            Int32(ldb))
    }

    /// Σ xᵢyᵢ.
    public static func dot(_ n: Int, _ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>) -> Double {
        prepare()
        return cblas_ddot(Int32(n), x, 1, y, 1)
    }

    /// The Euclidean norm of x; overflows, or vanishes, where its square does.
    public static func norm(_ n: Int, _ x: UnsafePointer<Double>) -> Double {
        // ddot rather than dnrm2: several times faster, and whitened data are far from overflow.
        dot(n, x, x).squareRoot()
    }

    /// y ← α·x + y.
    public static func axpy(
        _ n: Int, _ alpha: Double, _ x: UnsafePointer<Double>, _ y: UnsafeMutablePointer<Double>
    ) {
        prepare()
        cblas_daxpy(Int32(n), alpha, x, 1, y, 1)
    }

    /// x ← α·x.
    public static func scale(_ n: Int, _ alpha: Double, _ x: UnsafeMutablePointer<Double>) {
        prepare()
        cblas_dscal(Int32(n), alpha, x, 1)
    }
}
