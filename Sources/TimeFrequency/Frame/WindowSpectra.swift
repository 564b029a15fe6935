/// Fast Fourier transforms of the windows of one dictionary, from a library that the program links and this target does
/// not: without them windows are transformed by matrix products. One a thread.
public protocol WindowSpectra: AnyObject {
    /// The windowed signals, one after another; backward transforms write them.
    var signals: UnsafeMutablePointer<Double> { get }
    /// Real and imaginary parts of the frequencies 0…length/2 of each signal; backward transforms may overwrite them.
    var spectra: UnsafeMutablePointer<Double> { get }
    /// Signals → spectra, Σ_m x_m exp(−2πi·fm/length). Allocates nothing.
    func forward()
    /// Spectra → signals, the sum over all frequencies, negative ones included, not divided by the length.
    func backward()
}

/// A library of fast Fourier transforms. What is found with one differs by rounding from what is found without.
public struct WindowTransforms: Sendable, Equatable {
    /// The name of the library: those of one name are the same.
    public let name: String
    private let make: @Sendable (_ length: Int, _ count: Int) -> (any WindowSpectra)?

    /// - Parameter make: prepares transforms of `count` signals of `length` samples; nil where it cannot.
    public init(name: String, make: @escaping @Sendable (_ length: Int, _ count: Int) -> (any WindowSpectra)?) {
        self.name = name
        self.make = make
    }

    /// Whether it is the same library.
    public static func == (a: WindowTransforms, b: WindowTransforms) -> Bool { a.name == b.name }

    /// Prepares transforms.
    func spectra(length: Int, count: Int) -> (any WindowSpectra)? { make(length, count) }
}
