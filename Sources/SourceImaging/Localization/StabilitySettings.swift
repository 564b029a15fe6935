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
