/// Anderson extrapolation of the points that sweeps pass through (Bertrand & Massias 2021), in memory that is used again.
package final class AndersonExtrapolation {
    /// Sweeps from one extrapolation to the next.
    private let sweeps: Int
    private let history: Buffer
    private let differences: Buffer
    private let system: Buffer

    package init(sweeps: Int, allocations: AllocationCount) {
        self.sweeps = sweeps
        history = Buffer(allocations)
        differences = Buffer(allocations)
        system = Buffer(capacity: (sweeps + 1) * (sweeps + 1), allocations)
    }

    /// What the points after each sweep were multiplied with in the last extrapolation.
    package var weights: UnsafePointer<Double> { UnsafePointer(system.pointer + sweeps * sweeps) }

    /// Makes room for points of this many values.
    package func reserve(_ size: Int) {
        history.reserve(size * (sweeps + 1))
        differences.reserve(size * sweeps)
    }

    /// Takes down the point before the first sweep (number 0) or after a sweep.
    package func record(_ point: UnsafePointer<Double>, size: Int, number: Int) {
        (history.pointer + number * size).update(from: point, count: size)
    }

    /// Extrapolates: the combination of the points whose steps, combined, are shortest.
    ///
    /// - Returns: false where the steps are too much alike, or zero; nothing of use is written then.
    package func extrapolate(_ size: Int, into target: UnsafeMutablePointer<Double>) -> Bool {
        let k = sweeps
        for i in 0..<k {
            let (low, high) = (history.pointer + i * size, history.pointer + (i + 1) * size)
            let step = differences.pointer + i * size
            for m in 0..<size { step[m] = high[m] - low[m] }
        }
        let z = system.pointer + k * k
        guard Self.combine(k, differences.pointer, size: size, system: system.pointer, weights: z) else { return false }
        target.update(repeating: 0, count: size)
        for i in 0..<k { BLAS.axpy(size, z[i], history.pointer + (i + 1) * size, target) }
        return true
    }

    /// The weights, which sum to 1, of the combination of steps that is shortest.
    ///
    /// - Parameters:
    ///   - k: number of steps.
    ///   - steps: size × k.
    ///   - a: k × k, scratch memory.
    ///   - z: k, written.
    /// - Returns: false where the steps are too much alike, or zero; nothing of use is written then.
    static func combine(
        _ k: Int, _ steps: UnsafePointer<Double>, size: Int, system a: UnsafeMutablePointer<Double>,
        weights z: UnsafeMutablePointer<Double>
    ) -> Bool {
        BLAS.gemm(true, false, k, k, size, 1, steps, size, steps, size, 0, a, k)
        var trace = 0.0
        for i in 0..<k { trace += a[i + i * k] }
        guard trace > 0, trace.isFinite else { return false }
        for i in 0..<k {
            a[i + i * k] += 1e-14 * trace
            z[i] = 1
        }
        guard LAPACK.cholesky(k, a, k) else { return false }
        LAPACK.choleskySolve(k, 1, a, k, z, k)
        var sum = 0.0
        for i in 0..<k { sum += z[i] }
        guard sum.isFinite, abs(sum) > 0 else { return false }
        for i in 0..<k { z[i] /= sum }
        return true
    }
}
