/// How the sources of an estimate were refined to the few that are worth more than noise.
///
/// What each of them is worth stands with the source: ``EstimatedSource/extent`` and ``EstimatedSource/timesNoise``,
/// and beside them its error bars, from ``EstimatedSource/region`` to ``EstimatedSource/extentInterval``.
public struct Refinement: Sendable, Equatable {
    /// What a source has to explain to be worth its place.
    public let charge: NoiseCharge
    /// ‖Y − fit‖² + ridge + charge · sources (``SubsetSelection``), where the descent from each start ended: from no source,
    /// and from the strongest of the penalized solution, at most three more than were found from none. The number of sources
    /// is then judged from the smallest, by what errors of the gain leave of the evidence: the estimate may have fewer.
    public let objectives: [Double]
    /// Whether no exchange, drop or addition of one source lowered the objective, before the number was judged.
    public let isSettled: Bool
    /// Looks at all candidates.
    public let looks: Int
    /// Relative error of the gain that was reckoned with, given or learned: norm of what the model misses over that of the
    /// field, at sensors scaled by the noise of their kind; nil where none was.
    public let gainError: Double?
    /// How likely noise alone is to make a source somewhere in the window, 0…1; nil where it is not known.
    public let falsePositiveRate: Double?
    /// Standard error of the charge, in its units; nil where it is not known.
    public let chargeUncertainty: Double?
    /// How well each sensor is predicted by the others through the sources, whose places stay: which part of the power of the
    /// errors of a prediction without sources they take away, each sensor by the noise that the others leave of it. At
    /// most 1, negative where they predict worse than none; nil without sources, or where it is not known.
    public var heldOut: Double?

    /// A refinement as its search or a file tells it; nothing is checked.
    public init(
        charge: NoiseCharge, objectives: [Double], isSettled: Bool, looks: Int, gainError: Double? = nil,
        falsePositiveRate: Double? = nil, chargeUncertainty: Double? = nil, heldOut: Double? = nil
    ) {
        self.charge = charge
        self.objectives = objectives
        self.isSettled = isSettled
        self.looks = looks
        self.gainError = gainError
        self.falsePositiveRate = falsePositiveRate
        self.chargeUncertainty = chargeUncertainty
        self.heldOut = heldOut
    }
}
