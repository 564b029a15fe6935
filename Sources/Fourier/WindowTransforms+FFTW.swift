import TimeFrequency

extension RealTransforms: WindowSpectra {}

extension WindowTransforms {
    /// Those of FFTW.
    public static let fftw = WindowTransforms(name: "FFTW") { RealTransforms(length: $0, count: $1) }
}
