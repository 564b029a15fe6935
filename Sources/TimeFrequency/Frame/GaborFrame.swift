import Glibc

/// A tight frame of windowed Fourier transforms: time courses of T samples ↔ D ≥ T real coefficients, in one dictionary a
/// window (several dictionaries: Bekhti et al. 2016).
///
/// With A the T × D map from coefficients to time courses, A·Aᵀ = I: analysis Aᵀ keeps every norm, synthesis A undoes it.
/// Coefficients lie as [dictionary][frame][frequency][real, imaginary]; those of the frequencies zero and Nyquist have no
/// imaginary part. A coefficient is a **group** of one or two real numbers, contiguous.
public struct GaborFrame: Sendable, Equatable {
    /// A window, sin(π(m + ½)/length), and its shift from one frame to the next.
    public struct Window: Sendable, Hashable {
        /// Samples, even.
        public let length: Int
        /// Samples; divides the length and is at most half of it.
        public let step: Int

        /// - Parameters:
        ///   - length: samples.
        ///   - step: samples.
        public init(length: Int, step: Int) {
            self.length = length
            self.step = step
        }
    }

    /// The longest window, samples: its transform is a matrix of as many rows and columns.
    public static let longestWindow = 4096

    /// What makes a frame impossible.
    public enum Invalid: Error, Equatable, Sendable, CustomStringConvertible {
        /// There is no window.
        case noWindow
        /// There is no sample.
        case noSample
        /// A window is odd or too long, or its step does not divide it into at least two.
        case window(GaborFrame.Window)

        /// One line in plain English.
        public var description: String {
            switch self {
            case .noWindow: "there is no window, expected at least one"
            case .noSample: "the time courses have no sample"
            case .window(let window):
                "the window has \(window.length) samples and its step \(window.step); expected an even length of at "
                    + "most \(GaborFrame.longestWindow) that the step divides into 2 or more"
            }
        }
    }

    /// One dictionary.
    struct Lattice: Sendable, Equatable {
        let window, step, frames: Int
        /// Of its first coefficient and its first group.
        let first, firstGroup: Int
        /// Zeros put before the samples.
        let padding: Int
        /// The window over the root of what all frames sum to at a sample, window × frames, divided by √(dictionaries).
        let envelope: [Double]
        /// Qᵀ, Q the orthonormal real transform, window × window: one wave a column.
        let transform: [Double]

        /// Padded samples.
        var length: Int { (frames - 1) * step + window }
        /// Number of its coefficients.
        var size: Int { frames * window }
        /// Number of its groups.
        var groupCount: Int { frames * (window / 2 + 1) }
    }

    /// As given.
    public let windows: [Window]
    /// T.
    public let samples: Int
    /// D.
    public let size: Int
    /// Number of groups.
    public let groupCount: Int
    let lattices: [Lattice]
    /// First coefficient of each group, and D at the end.
    let groupOffsets: [Int]
    /// √2 of a pair, 1 of a single number: what one coefficient and its mirror at the negative frequency weigh.
    let groupWeights: [Double]

    /// What transforms long windows, where given.
    let transforms: WindowTransforms?
    /// Windows of this length and longer are transformed by `transforms`.
    let longWindow: Int

    /// - Parameters:
    ///   - windows: at least one; all dictionaries weigh the same.
    ///   - samples: T.
    ///   - transforms: fast ones for windows of 32 samples and more, where FFTW was measured to overtake a matrix product
    ///     (1.4 times as fast at 32 samples, 2 at 96, 3 to 6 at 160, 34 at 640); nil transforms all by matrix products.
    /// - Throws: ``Invalid``.
    /// - Complexity: O(D + Σ window²).
    public init(_ windows: [Window], samples: Int, transforms: WindowTransforms? = nil) throws(Invalid) {
        try self.init(windows, samples: samples, transforms: transforms, longWindow: 32)
    }

    init(_ windows: [Window], samples: Int, transforms: WindowTransforms?, longWindow: Int) throws(Invalid) {
        try Self.check(windows)
        guard samples > 0 else { throw .noSample }
        var lattices: [Lattice] = []
        var offsets = [0]
        for window in windows {
            let (w, t) = (window.length, window.step)
            let lattice = Self.lattice(
                window, samples: samples, scale: 1 / Double(windows.count).squareRoot(),
                first: offsets[offsets.count - 1], firstGroup: offsets.count - 1)
            lattices.append(lattice)
            for _ in 0..<lattice.frames {
                for f in 0...(w / 2) { offsets.append(offsets[offsets.count - 1] + (f == 0 || f == w / 2 ? 1 : 2)) }
            }
        }
        self.windows = windows
        self.samples = samples
        self.transforms = transforms
        self.longWindow = longWindow
        self.lattices = lattices
        size = offsets[offsets.count - 1]
        groupCount = offsets.count - 1
        groupOffsets = offsets
        groupWeights = zip(offsets, offsets.dropFirst()).map { $1 - $0 == 2 ? 2.0.squareRoot() : 1 }
    }

    /// Throws for windows that make no frame.
    public static func check(_ windows: [Window]) throws(Invalid) {
        guard !windows.isEmpty else { throw .noWindow }
        for window in windows {
            let (w, t) = (window.length, window.step)
            guard (2...longestWindow).contains(w), w % 2 == 0, (1...(w / 2)).contains(t), w % t == 0 else {
                throw .window(window)
            }
        }
    }

    private static func lattice(
        _ window: Window, samples: Int, scale: Double, first: Int, firstGroup: Int
    ) -> Lattice {
        let (w, t) = (window.length, window.step)
        let frames = (samples + t - 1) / t
        let shape = (0..<w).map { sin(Double.pi * (Double($0) + 0.5) / Double(w)) }
        var sums = [Double](repeating: 0, count: (frames - 1) * t + w)
        for i in 0..<frames { for m in 0..<w { sums[i * t + m] += shape[m] * shape[m] } }
        var envelope = [Double](repeating: 0, count: w * frames)
        for i in 0..<frames {
            for m in 0..<w { envelope[i * w + m] = scale * shape[m] / sums[i * t + m].squareRoot() }
        }
        var transform = [Double](repeating: 0, count: w * w)
        for m in 0..<w {
            for r in 0..<w {
                let f = (r + 1) / 2
                // Reduced first, so that large products of f and m do not lose digits.
                let angle = 2 * Double.pi * Double((f * m) % w) / Double(w)
                let factor = (f == 0 || f == w / 2 ? 1 : 2.0) / Double(w)
                transform[m + r * w] = factor.squareRoot() * (r % 2 == 1 || r == 0 ? cos(angle) : -sin(angle))
            }
        }
        return Lattice(
            window: w, step: t, frames: frames, first: first, firstGroup: firstGroup, padding: (w - t) / 2,
            envelope: envelope, transform: transform)
    }

    /// Whether coefficients of one are those of the other.
    public static func == (a: GaborFrame, b: GaborFrame) -> Bool { a.windows == b.windows && a.samples == b.samples }

    /// Analysis of many time courses.
    ///
    /// - Parameter courses: T × k, a time course a column; another T is a programming error.
    /// - Returns: D × k.
    /// - Complexity: O(k·D·window), or O(k·D·log window) for long windows.
    public func analysis(_ courses: Matrix) -> Matrix {
        precondition(courses.rows == samples, "the frame is of other time courses")
        return mapped(courses, rows: size) { $0.analyze($1, $2, into: $3) }
    }

    /// Synthesis, the transpose of analysis and its inverse from the left.
    ///
    /// - Parameter coefficients: D × k; another D is a programming error.
    /// - Returns: T × k.
    /// - Complexity: as ``analysis(_:)``.
    public func synthesis(_ coefficients: Matrix) -> Matrix {
        precondition(coefficients.rows == size, "the coefficients are of another frame")
        return mapped(coefficients, rows: samples) { $0.synthesize($1, $2, into: $3) }
    }

    private func mapped(
        _ input: Matrix, rows: Int,
        _ body: (FrameTransform, Int, UnsafePointer<Double>, UnsafeMutablePointer<Double>) -> Void
    ) -> Matrix {
        let transform = FrameTransform(self, AllocationCount())
        var result = Matrix(rows: rows, columns: input.columns)
        input.elements.withUnsafeBufferPointer { input in
            result.elements.withUnsafeMutableBufferPointer { output in
                if let from = input.baseAddress, let to = output.baseAddress {
                    body(transform, output.count / rows, from, to)
                }
            }
        }
        return result
    }
}
