/// What the repeats of a choice differ in.
public enum StabilityMethod: String, Sendable, CaseIterable, Codable {
    /// Epochs drawn with replacement (Efron 1979).
    case epochs
    /// A random part of the whitened sensor rows left out, a fold at a time.
    case sensors
    /// The fitted field with fresh noise of the level that the choice counts with.
    case noise
}

/// Whether and how the stability of the sources is measured.
public struct StabilitySettings: Sendable, Equatable {
    /// Number of repeats; 0 for none.
    public var repeats = 0
    /// What they differ in; nil takes epochs where the recording has them, else noise.
    public var method: StabilityMethod?
    /// Distance within which a source of a repeat counts as that of the estimate, m.
    public var radius = 0.01

    /// The default settings: no repeats.
    public init() {}
}
