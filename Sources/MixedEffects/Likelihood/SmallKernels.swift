import Glibc
import LinearAlgebra

/// What groups are factorized with: plain loops while they are small, for which a call of BLAS takes longer than the work, else BLAS.
enum SmallKernels {
    /// Below this many products a call costs more than it saves.
    private static let limit = 4096

    /// A ← L with A = LLᵀ, lower triangle, n × n; whether A is positive definite.
    @inline(__always)
    static func cholesky(_ n: Int, _ a: UnsafeMutablePointer<Double>) -> Bool {
        guard n * n * n <= 3 * limit else { return LAPACK.cholesky(n, a, n) }
        for j in 0..<n {
            let column = a + j * n
            for k in 0..<j {
                let factor = a[j + k * n]
                let other = a + k * n
                for i in j..<n { column[i] -= factor * other[i] }
            }
            guard column[j] > 0 else { return false }
            let inverse = 1 / column[j].squareRoot()
            for i in j..<n { column[i] *= inverse }
        }
        return true
    }

    /// W ← WL⁻ᵀ with W side × n.
    @inline(__always)
    static func solve(_ side: Int, _ n: Int, _ l: UnsafePointer<Double>, _ w: UnsafeMutablePointer<Double>) {
        guard side * n * n <= 4 * limit else {
            BLAS.forwardSubstituteTransposed(side, n, l, n, w, side)
            return
        }
        for k in 0..<n {
            let column = w + k * side
            var j = 0
            while j + 2 <= k {
                let (a, b) = (w + j * side, w + (j + 1) * side)
                let (fa, fb) = (l[k + j * n], l[k + (j + 1) * n])
                for i in 0..<side { column[i] -= fa * a[i] + fb * b[i] }
                j += 2
            }
            if j < k {
                let (a, fa) = (w + j * side, l[k + j * n])
                for i in 0..<side { column[i] -= fa * a[i] }
            }
            let inverse = 1 / l[k + k * n]
            for i in 0..<side { column[i] *= inverse }
        }
    }

    /// x ← L⁻ᵀx.
    static func solveBack(_ n: Int, _ l: UnsafePointer<Double>, _ x: UnsafeMutablePointer<Double>) {
        for k in stride(from: n - 1, through: 0, by: -1) {
            var sum = x[k]
            for i in (k + 1)..<max(n, k + 1) { sum -= l[i + k * n] * x[i] }
            x[k] = sum / l[k + k * n]
        }
    }

    /// The lower triangle of P ← P + sign·WWᵀ with W side × n.
    @inline(__always)
    static func addProducts(
        _ side: Int, _ n: Int, _ sign: Double, _ w: UnsafePointer<Double>, _ p: UnsafeMutablePointer<Double>
    ) {
        guard side * side * n <= 8 * limit else {
            BLAS.outerGram(side, n, sign, w, side, 1, p, side)
            return
        }
        // Four columns at once, so that a product costs one load instead of three.
        for j in 0..<side {
            let target = p + j * side
            var k = 0
            while k + 4 <= n {
                let (a, b) = (w + k * side, w + (k + 1) * side)
                let (c, d) = (w + (k + 2) * side, w + (k + 3) * side)
                let (fa, fb, fc, fd) = (sign * a[j], sign * b[j], sign * c[j], sign * d[j])
                for i in j..<side { target[i] += (fa * a[i] + fb * b[i]) + (fc * c[i] + fd * d[i]) }
                k += 4
            }
            while k < n {
                let column = w + k * side
                let factor = sign * column[j]
                for i in j..<side { target[i] += factor * column[i] }
                k += 1
            }
        }
    }
}
