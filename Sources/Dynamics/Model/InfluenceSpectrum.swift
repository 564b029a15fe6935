import Glibc
import LinearAlgebra

/// How much each variable drives each other at each frequency: generalized partial directed coherence (Baccalá, Sameshima &
/// Takahashi 2007), the direct influences alone.
///
/// |Ā_ij(f)|/σ_i over the root of Σ_k |Ā_kj(f)|²/σ_k², where Ā(f) x(f) is the noise of deviations σ: between 0 and 1, the
/// squares of all targets of a source (itself among them) sum to 1.
public struct InfluenceSpectrum: Sendable, Equatable {
    /// Hz; sampled models tell nothing above half the sampling rate.
    public let frequencies: [Double]
    /// A matrix a frequency, targets × sources.
    public let coherence: [Matrix]

    /// - Parameters:
    ///   - deviations: σ, positive.
    ///   - operator: Ā at a frequency, real and imaginary part, targets × sources.
    init(
        frequencies: [Double], deviations: [Double], operator filter: (Double) -> (real: Matrix, imaginary: Matrix)
    ) {
        self.frequencies = frequencies
        coherence = frequencies.map { frequency in
            let (real, imaginary) = filter(frequency)
            var result = Matrix(rows: real.rows, columns: real.columns) {
                // Not hypot, which needs a C library of 2022.
                (real[$0, $1] * real[$0, $1] + imaginary[$0, $1] * imaginary[$0, $1]).squareRoot() / deviations[$0]
            }
            for source in 0..<result.columns {
                let norm = result.column(source).reduce(0) { $0 + $1 * $1 }.squareRoot()
                guard norm > 0 else { continue }
                for target in 0..<result.rows { result[target, source] /= norm }
            }
            return result
        }
    }
}
