/// How the sources of an estimate were refined to the few that are worth more than noise.
///
/// What each of them is worth stands with the source: ``EstimatedSource/extent`` and ``EstimatedSource/timesNoise``.
public struct Refinement: Sendable, Equatable {
    /// What a source has to explain to be worth its place.
    public let charge: NoiseCharge
    /// ‖Y − fit‖² + ridge + charge · sources (``SubsetSelection``), where the descent from each start ended: from no source,
    /// and from those of the penalized solution. The smallest is the estimate.
    public let objectives: [Double]
    /// Whether no exchange, drop or addition of one source lowers the objective.
    public let isSettled: Bool
    /// Looks at all candidates.
    public let looks: Int

    /// A refinement as its search or a file tells it; nothing is checked.
    public init(charge: NoiseCharge, objectives: [Double], isSettled: Bool, looks: Int) {
        self.charge = charge
        self.objectives = objectives
        self.isSettled = isSettled
        self.looks = looks
    }
}
