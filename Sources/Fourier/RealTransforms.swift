import CFFTW3

/// Discrete Fourier transforms of several real signals of one length, planned once (FFTW), in memory of their own.
///
/// Not for use by several threads at once.
public final class RealTransforms {
    /// Samples of a signal.
    public let length: Int
    /// Number of signals.
    public let count: Int
    /// The signals, one after another. Backward transforms write them; forward ones keep them.
    public let signals: UnsafeMutablePointer<Double>
    /// The spectra, one after another: real and imaginary parts of the frequencies 0…length/2. Backward transforms
    /// overwrite them.
    public let spectra: UnsafeMutablePointer<Double>
    private let forwardPlan: fftw_plan
    private let backwardPlan: fftw_plan

    /// Plans them.
    ///
    /// - Parameters:
    ///   - length: at least 1.
    ///   - count: at least 1.
    /// - Returns: nil where memory is out.
    public init?(length: Int, count: Int) {
        let bins = length / 2 + 1
        guard let x = fftw_alloc_real(length * count) else { return nil }
        guard let s = fftw_alloc_real(2 * bins * count) else {
            fftw_free(x)
            return nil
        }
        nonisolated(unsafe) let (signals, spectra) = (x, s)
        // Plans leave the lock as the numbers of their addresses: they belong to this object alone.
        let plans = Fourier.planner.withLock { _ in
            spectra.withMemoryRebound(to: fftw_complex.self, capacity: bins * count) { spectra in
                var size = Int32(length)
                let forward = fftw_plan_many_dft_r2c(
                    1, &size, Int32(count), signals, nil, 1, size, spectra, nil, 1, Int32(bins), Fourier.estimate)
                let backward = fftw_plan_many_dft_c2r(
                    1, &size, Int32(count), spectra, nil, 1, Int32(bins), signals, nil, 1, size, Fourier.estimate)
                return [Int(bitPattern: forward), Int(bitPattern: backward)]
            }
        }
        guard let forward = fftw_plan(bitPattern: plans[0]), let backward = fftw_plan(bitPattern: plans[1]) else {
            fftw_free(x)
            fftw_free(s)
            return nil
        }
        self.length = length
        self.count = count
        self.signals = x
        self.spectra = s
        forwardPlan = forward
        backwardPlan = backward
    }

    deinit {
        nonisolated(unsafe) let (forward, backward) = (forwardPlan, backwardPlan)
        Fourier.planner.withLock { _ in
            fftw_destroy_plan(forward)
            fftw_destroy_plan(backward)
        }
        fftw_free(signals)
        fftw_free(spectra)
    }

    /// Signals → spectra, Σ_m x_m exp(−2πi·fm/length).
    public func forward() { fftw_execute(forwardPlan) }

    /// Spectra → signals, the sum over all frequencies, negative ones included, not divided by the length.
    public func backward() { fftw_execute(backwardPlan) }
}
