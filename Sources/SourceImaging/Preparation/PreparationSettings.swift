/// How a recording is prepared for the solver.
public struct PreparationSettings: Sendable, Equatable {
    /// Kinds of sensors that are used.
    public var sensors = SensorSelection.all
    /// How sources may point; nil takes what the forward allows: loose 0.2 with normals, else free, fixed for a fixed one.
    public var orientation: Orientation?
    /// Exponent γ of the depth weighting, 0 (none) to 1 (Lin et al. 2006).
    public var depth = 0.8
    /// First and last time of the analysed window, s; nil takes all samples from time 0 on.
    public var window: ClosedRange<Double>?
    /// Where σ comes from.
    public var noiseLevel = NoiseLevel.covariance

    /// The default settings.
    public init() {}
}
