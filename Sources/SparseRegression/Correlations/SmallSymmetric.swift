import Glibc

/// Eigenvalues of matrices as small as the Gram matrix of one block.
enum SmallSymmetric {
    /// The largest eigenvalue of a symmetric positive semidefinite matrix: in closed form up to three rows (Smith 1961),
    /// else by Jacobi rotations.
    ///
    /// - Parameter a: size × size elements, overwritten.
    static func largestEigenvalue(_ a: inout [Double], size: Int) -> Double {
        switch size {
        case 1: return a[0]
        case 2:
            let middle = 0.5 * (a[0] + a[3])
            let half = 0.5 * (a[0] - a[3])
            return middle + (half * half + a[1] * a[2]).squareRoot()
        case 3:
            let mean = (a[0] + a[4] + a[8]) / 3
            let (x, y, z) = (a[0] - mean, a[4] - mean, a[8] - mean)
            let off = a[1] * a[1] + a[2] * a[2] + a[5] * a[5]
            let p = ((x * x + y * y + z * z + 2 * off) / 6).squareRoot()
            guard p > 0 else { return mean }
            let determinant =
                x * (y * z - a[5] * a[5]) - a[1] * (a[1] * z - a[5] * a[2]) + a[2] * (a[1] * a[5] - y * a[2])
            let cosine = max(-1, min(1, determinant / (2 * p * p * p)))
            return mean + 2 * p * cos(acos(cosine) / 3)
        default: return jacobi(&a, size)
        }
    }

    private static func jacobi(_ a: inout [Double], _ size: Int) -> Double {
        for _ in 0..<30 {
            var offDiagonal = 0.0
            var diagonal = 0.0
            for p in 0..<size {
                diagonal += a[p + p * size] * a[p + p * size]
                for q in 0..<p { offDiagonal += a[p + q * size] * a[p + q * size] }
            }
            if offDiagonal <= 1e-30 * diagonal { break }
            for p in 0..<size {
                for q in (p + 1)..<max(size, p + 1) where a[p + q * size] != 0 {
                    let theta = (a[q + q * size] - a[p + p * size]) / (2 * a[p + q * size])
                    let tangent = (theta >= 0 ? 1.0 : -1.0) / (abs(theta) + (theta * theta + 1).squareRoot())
                    let cosine = 1 / (tangent * tangent + 1).squareRoot()
                    let sine = tangent * cosine
                    for k in 0..<size {
                        let (akp, akq) = (a[k + p * size], a[k + q * size])
                        a[k + p * size] = cosine * akp - sine * akq
                        a[k + q * size] = sine * akp + cosine * akq
                    }
                    for k in 0..<size {
                        let (apk, aqk) = (a[p + k * size], a[q + k * size])
                        a[p + k * size] = cosine * apk - sine * aqk
                        a[q + k * size] = sine * apk + cosine * aqk
                    }
                }
            }
        }
        return (0..<size).reduce(0) { max($0, a[$1 + $1 * size]) }
    }
}
