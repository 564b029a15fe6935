/// How a recording is prepared for the solver.
public struct PreparationSettings: Sendable, Equatable {
    /// Kinds of sensors that are used.
    public var sensors = SensorSelection.all
    /// When the name of a channel in one input means a channel of another.
    public var names = NameMatching.exact
    /// How sources may point; nil takes what the forward allows: loose 0.2 with normals, else free, fixed for a fixed one.
    public var orientation: Orientation?
    /// Exponent γ of the depth weighting, 0 (none) to 1 (Lin et al. 2006).
    public var depth = 0.8
    /// First and last time of the analysed window, s; nil takes all samples from time 0 on, or all where none is.
    public var window: ClosedRange<Double>?
    /// Which samples are the baseline, and whether its mean is subtracted.
    public var baseline = BaselineChoice.automatic
    /// Where the rank of the data comes from.
    public var rank = RankChoice.automatic
    /// How many trials the recording averages, by the noise that is left, in place of what it says itself.
    public var averages: Double?
    /// What the noise covariance is taken from; nil takes one that is given, and chooses where none is.
    public var noise: NoiseSource?
    /// Where σ comes from.
    public var noiseLevel = NoiseLevel.covariance
    /// Whether sources are sought in the band of the response alone, see ``TemporalBasis``: amplitudes are not.
    var seeksBand = false

    /// The default settings.
    public init() {}
}
