/// How sources were refined to the few that are worth more than noise.
public struct Refinement: Sendable, Equatable {
    /// What a source has to explain to be worth its place.
    public let charge: NoiseCharge
    /// Extent of the patch that each active block stands for, m, in ascending order of the blocks.
    public let extents: [Double]
    /// By how many times the charge ‖Y − fit‖² would rise without each active block, the others refitted; same order.
    public let timesNoise: [Double]
    /// ‖Y − fit‖² + charge · sources, where the descent from each start ended: from no source, and from those of the
    /// penalized solution. The smallest is the estimate.
    public let objectives: [Double]
    /// Whether no exchange, drop or addition of one source lowers the objective.
    public let isSettled: Bool
    /// Looks at all candidates.
    public let looks: Int
}
