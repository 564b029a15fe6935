import Foundation

/// What noise alone makes a source explain: the charge that every source of a subset has to be worth.
///
/// The largest of what the best single source explains of each stretch of whitened noise before time 0, and of draws of
/// white noise. Stretches are as long as the window where the baseline allows, else what they explain is scaled up by
/// length. Where the covariance comes from the baseline itself, each fifth is whitened by what the other four say: a
/// covariance never looks wrong on the samples that it was made from. Real noise is neither white in time nor as the
/// covariance says, and a few sources explain more of it than of white noise: the charge includes that, measured.
public struct NoiseCharge: Sendable, Equatable {
    /// τ, in squared whitened units.
    public let value: Double
    /// Stretches of the baseline that it was measured on; 0 where it comes from white noise alone.
    public let stretches: Int
    /// Length of a stretch, samples.
    public let length: Int

    /// A charge from its values.
    public init(value: Double, stretches: Int, length: Int) {
        self.value = value
        self.stretches = stretches
        self.length = length
    }

    /// Draws of white noise.
    static let draws = 5

    /// A whitener and the samples of the baseline it may be judged on.
    struct Judged {
        let whitener: Matrix
        let stretches: [Range<Int>]
        /// Subtracted from each sample of the baseline.
        let mean: [Double]?
    }

    /// Stretches of a baseline.
    ///
    /// - Parameters:
    ///   - folds: fifths of the baseline that a covariance from the rest of it has not seen; empty where the covariance
    ///     comes from elsewhere.
    ///   - window: samples of the analysed window.
    static func stretches(of baseline: Int, folds: [Range<Int>], window: Int) -> [Range<Int>] {
        guard !folds.isEmpty else {
            let length = min(window, baseline)
            guard length > 0 else { return [] }
            // Half overlapping, the last one at the end.
            var starts = Array(stride(from: 0, through: baseline - length, by: max(1, length / 2)))
            if let last = starts.last, last < baseline - length { starts.append(baseline - length) }
            return starts.map { $0..<($0 + length) }
        }
        let length = min(window, folds.map(\.count).min() ?? 0)
        guard length > 0 else { return [] }
        return folds.map { fold in
            let start = fold.lowerBound + (fold.count - length) / 2
            return start..<(start + length)
        }
    }
}
