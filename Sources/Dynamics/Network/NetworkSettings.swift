import SparseRegression

/// How a network is fitted.
public struct NetworkSettings: Sendable {
    /// What keeps it sparse.
    public var penalty: NetworkPenaltyKind
    /// λ; nil chooses by held-out segments.
    public var lambda: Double?
    /// Units of the hidden layers; nil: 8 of an output's own network, 20 and 20 of a shared one.
    public var hidden: [Int]?
    /// Whether all variables are divided by one number, not each by its own deviation: where they have one unit, connections
    /// from strong to weak ones are then not larger than those back. A path penalty finds the coefficients of a linear system so.
    public var hasCommonScale = false
    /// Samples of a segment after its start.
    public var segmentLength = 4
    /// How the equations are solved.
    public var solver = NetworkSolver.fixed(steps: 1)
    /// Steps of Adam.
    public var steps = 400
    /// Segments a step; all where there are no more.
    public var batch = 128
    /// Length of a step at the beginning; over the second half of the steps it falls to a twentieth.
    public var rate = 0.01
    /// Whether the first velocities of all segments are learned, from the data's derivatives on, else those are taken; for second
    /// order. A short segment tells less of its equations where its velocity is free: for one trajectory as one segment.
    public var learnsVelocities = false
    /// Whether the group Lasso's map is taken in Adam's metric, λ then in the unit of the loss: no better (F1 of ten networks of
    /// Jansen–Rit columns 0.79 at the best λ, 0.001; 0.80 without, at 2).
    public var usesAdamMetric = false
    /// Progress and cancellation.
    public var monitor = Monitor.silent

    /// The settings that the measurements recommend for a penalty: of the group Lasso short segments and few steps, of all
    /// others one scale for all variables, segments of ten samples and 3000 steps of all of them.
    public init(_ penalty: NetworkPenaltyKind = .groupLasso) {
        self.penalty = penalty
        guard penalty != .groupLasso else { return }
        (hasCommonScale, segmentLength, steps) = (true, 10, 3000)
    }

    /// The same at one λ.
    func at(_ lambda: Double) -> NetworkSettings {
        var settings = self
        settings.lambda = lambda
        return settings
    }

    func check() throws(InvalidTrajectories) {
        func require(_ isMet: Bool, _ text: @autoclosure () -> String) throws(InvalidTrajectories) {
            if !isMet { throw .setting(text()) }
        }
        try require(
            lambda.map { $0 >= 0 && $0.isFinite } ?? true, "λ is \(lambda ?? 0); expected a number that is not negative"
        )
        try require(
            hidden.map { !$0.isEmpty && $0.count <= 10 && $0.allSatisfy((1...1000).contains) } ?? true,
            "the hidden layers have \(hidden ?? []) units; expected 1 to 10 layers of 1 to 1000")
        try require(
            (1...10_000).contains(segmentLength), "segments have \(segmentLength) samples; expected 1 to 10000")
        try require((1...1_000_000).contains(steps), "there are \(steps) steps; expected 1 to 1000000")
        try require((1...100_000).contains(batch), "a batch has \(batch) segments; expected 1 to 100000")
        try require(rate > 0 && rate <= 1, "the rate is \(rate); expected a number above 0, at most 1")
        switch solver {
        case .fixed(let steps):
            try require((1...100).contains(steps), "there are \(steps) steps a sample; expected 1 to 100")
        case .adaptive(let relative, let absolute):
            try require(
                relative >= 1e-12 && relative < 1 && absolute >= 1e-12 && absolute < 1,
                "the tolerances are \(relative) and \(absolute); expected 1e-12 to 1")
        }
    }
}
