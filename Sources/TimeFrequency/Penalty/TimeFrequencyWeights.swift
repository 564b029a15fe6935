/// Weights of a time-frequency mixed norm, each positive; infinity excludes.
public struct TimeFrequencyWeights: Sendable, Equatable {
    /// v_j, one a block; nil means all one.
    public let space: [Double]?
    /// w_jg, groups × blocks; nil means all one.
    public let time: Matrix?

    /// - Parameters:
    ///   - space: one a block.
    ///   - time: groups of the frame × blocks.
    public init(space: [Double]? = nil, time: Matrix? = nil) {
        self.space = space
        self.time = time
    }

    /// No weights.
    public static let none = TimeFrequencyWeights()
}
