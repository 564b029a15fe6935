import SourceImaging

/// A recording whose sources are known, with all that is needed to localize them.
public struct SimulatedRecording: Sendable {
    /// Free orientation, with normals.
    public let forward: Forward
    /// One average; EEG relative to infinity, its average-reference projector listed but not applied.
    public let recording: Recording
    /// Of one epoch, without projectors.
    public let covariance: NoiseCovariance
    /// The active sources, the one with the strongest whitened field first.
    public let truth: Truth
}
