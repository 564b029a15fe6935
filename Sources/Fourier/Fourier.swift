import CFFTW3
import Synchronization

/// Filtering by the discrete Fourier transform (FFTW).
public enum Fourier {
    /// FFTW's planner is not thread-safe; its execution is.
    static let planner = Mutex(())

    /// Multiplies the spectrum of a real signal by a real gain a frequency and transforms back.
    ///
    /// - Parameters:
    ///   - signal: samples at a constant rate.
    ///   - gain: factor for the frequency given as a fraction of the sampling rate, 0…0.5.
    /// - Returns: as many samples; the filter has zero phase and wraps around the ends.
    /// - Complexity: O(n log n).
    public static func filter(_ signal: [Double], gain: (_ frequency: Double) -> Double) -> [Double] {
        let n = signal.count
        guard n > 0 else { return [] }
        let bins = n / 2 + 1
        // fftw_complex is double[2], which Swift sees as a pair; FFTW's own allocator aligns both arrays.
        guard let x = fftw_alloc_real(n) else { return signal }
        defer { fftw_free(x) }
        guard let s = fftw_alloc_complex(bins) else { return signal }
        defer { fftw_free(s) }
        // The planner is not thread-safe, execution is; a filter is too short a work to plan outside the lock.
        planner.withLock { _ in
            for i in 0..<n { x[i] = signal[i] }
            let forward = fftw_plan_dft_r2c_1d(Int32(n), x, s, estimate)
            fftw_execute(forward)
            fftw_destroy_plan(forward)
            s.withMemoryRebound(to: Double.self, capacity: 2 * bins) { s in
                for k in 0..<bins {
                    let factor = gain(Double(k) / Double(n)) / Double(n)
                    s[2 * k] *= factor
                    s[2 * k + 1] *= factor
                }
            }
            let backward = fftw_plan_dft_c2r_1d(Int32(n), s, x, estimate)
            fftw_execute(backward)
            fftw_destroy_plan(backward)
        }
        return Array(UnsafeBufferPointer(start: x, count: n))
    }

    /// FFTW_ESTIMATE, a macro that Swift does not import: plan without measuring, arrays untouched.
    static let estimate: UInt32 = 1 << 6
}
