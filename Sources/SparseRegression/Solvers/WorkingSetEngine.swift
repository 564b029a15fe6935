/// What an engine does between two looks at all sources: it descends on the working set of its context.
protocol WorkingSetEngine: AnyObject {
    /// Lowers the objective until the iterate is within `target` of optimal on the working set.
    ///
    /// - Parameter target: a duality gap, or a violation where the penalty is not convex.
    func descend(
        _ penalty: some BlockPenalty, from start: InnerStart, target: Double, limit: InnerLimit
    ) -> InnerEffort
}

/// Where inner work starts, as the look at all blocks has found it.
struct InnerStart {
    /// How far from optimal the iterate is over all blocks; nil before the first look.
    let distance: Double?
    /// Positions in the working set of the blocks that would become active.
    let violators: [Int]
}

/// What inner work cost.
struct InnerEffort {
    var epochs = 0
    var newtonSteps = 0
    /// Whether the target was reached.
    var isAtTarget = false

    /// Counts more work; whether it reached its target is not taken over.
    mutating func add(_ other: InnerEffort) {
        epochs += other.epochs
        newtonSteps += other.newtonSteps
    }
}

/// How long inner work may go on.
struct InnerLimit {
    let epochs: Int
    let isOver: () -> Bool
}
