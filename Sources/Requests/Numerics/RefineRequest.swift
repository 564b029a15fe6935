/// Exchanging blocks for the few that are each worth more than noise, numerics alone; a localization does so over points
/// and patches (``SourceWeights/refined``).
public struct RefineRequest: Sendable {
    /// What a block must explain of ‖Y‖²; nil takes what white noise makes the best of them explain.
    public var charge: Double?
    /// Standard deviation of an entry of that noise.
    public var sigma = 1.0
    /// How likely noise alone may make a block, 0.001 to 0.5.
    public var falsePositiveRate = 0.05
    /// Most blocks, 1 to 1000.
    public var maximumCount = 30
    /// c of ``SubsetSelection``, positive.
    public var ridge = 1e-6
    /// Blocks to start with, beside none.
    public var start: [Int] = []
    /// Seed of the draws of noise.
    public var seed: UInt64 = 0
    /// Threads; no result depends on them.
    public var parallelism = Parallelism.allCores

    /// The default request.
    public init() {}

    /// Draws of white noise that its largest explanation is measured on.
    private static let draws = 100

    /// What was found.
    public struct Answer: Sendable {
        /// What is printed of it.
        public struct Summary: Encodable, Sendable {
            package let charge: Double
            package let support: [Int]
            /// ‖Y − fit‖², the ridge and the charges of all blocks, where the descent from each start ended.
            public let objectives: [Double]
            /// Whether no exchange, drop or addition of one block lowers the objective.
            public let settled: Bool
            package let looks: Int
            package let squaredResidual: Double
            package let seconds: Double
        }

        /// What is printed of it.
        public let summary: Summary
        /// The blocks with coefficients in the samples of the problem.
        public let active: ActiveSet
        /// By how much the squared residual would rise without each, the others refitted.
        public let scores: [Double]
    }

    /// Refines.
    ///
    /// - Throws: ``InputError`` for settings out of their range, `CancellationError`.
    public func run(_ problem: RegressionProblem, monitor: Monitor = .silent) throws -> Answer {
        try check(problem)
        let clock = Stopwatch()
        let dictionary = AtomDictionary(
            design: problem.design, families: [.identity(problem.blocks)], ridge: ridge, parallelism: parallelism)
        let charge = charge ?? noiseCharge(problem, dictionary)
        guard charge > 0, charge.isFinite else {
            throw InputError(
                at: .input(.problem), found: "a gain whose columns are all zero", expected: "one that is not")
        }
        if monitor.isCancelled() { throw CancellationError() }
        let selection = SubsetSelection(charge: charge, maximumCount: maximumCount)
        let found: SubsetSelection.Outcome
        do {
            found = try selection.run(
                dictionary, response: problem.response,
                starts: start.isEmpty ? [] : [start.map { AtomDictionary.Atom(family: 0, block: $0) }],
                monitor: monitor)
        } catch { throw InputError(.charge, found: "\(error)") }
        if found.isCancelled { throw CancellationError() }
        let blocks = found.atoms.map(\.block)
        let active = ActiveSet(
            blocks: blocks, offsets: BlockStructure(sizes: blocks.map { problem.blocks.columns(of: $0).count }).offsets,
            coefficients: found.coefficients)
        if !found.isSettled {
            monitor.warn(
                found.atoms.count < maximumCount
                    ? "rounding ended the exchange of blocks: others may explain the data as well"
                    : "more than \(maximumCount) blocks explain more than the charge")
        }
        let summary = Answer.Summary(
            charge: charge, support: blocks, objectives: found.objectives, settled: found.isSettled, looks: found.looks,
            squaredResidual: (problem.response - active.fit(in: problem)).squaredNorm, seconds: clock.seconds)
        return Answer(summary: summary, active: active, scores: found.scores)
    }

    private func check(_ problem: RegressionProblem) throws(InputError) {
        if let charge, !(charge > 0 && charge.isFinite) {
            throw InputError(.charge, found: "\(charge)", expected: "a positive number")
        }
        guard sigma > 0, sigma.isFinite else {
            throw InputError(.sigma, found: "\(sigma)", expected: "a positive number")
        }
        guard falsePositiveRate >= 0.001, falsePositiveRate <= 0.5 else {
            throw InputError(.falsePositiveRate, found: "\(falsePositiveRate)", expected: "0.001 to 0.5")
        }
        guard (1...1000).contains(maximumCount) else {
            throw InputError(.maximumCount, found: "\(maximumCount)", expected: "1 to 1000")
        }
        guard ridge > 0, ridge.isFinite else {
            throw InputError(.ridge, found: "\(ridge)", expected: "a positive number")
        }
        if let wrong = start.first(where: { !(0..<problem.blocks.count).contains($0) }) {
            throw InputError(.start, found: "block \(wrong)", expected: "0 to \(problem.blocks.count - 1)")
        }
    }

    /// What white noise exceeds at the rate of false positives.
    private func noiseCharge(_ problem: RegressionProblem, _ dictionary: AtomDictionary) -> Double {
        var random = SeededGenerator(seed: seed)
        // As many samples as were measured: noise is not of the rank that the response has.
        let noise = (0..<Self.draws).map { _ in
            random.normal(rows: problem.rowCount, columns: problem.sampleCount) * sigma
        }
        return NoiseExtremes(dictionary.largestScores(of: noise)).quantile(falsePositiveRate)
    }
}
