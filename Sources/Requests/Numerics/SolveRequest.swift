/// Solving a problem at one λ or along a path: what `foci solve` and the library's callers ask for.
public struct SolveRequest: Sendable {
    /// Which λ.
    public enum Lambda: Sendable, Equatable {
        /// A fraction of λ_max in (0, 1].
        case ratio(Double)
        /// λ itself, positive.
        case value(Double)
    }

    /// Engines by name.
    public enum Engine: String, Sendable, CaseIterable {
        case auto, descent, dual, gradient
    }

    /// What is minimized.
    public enum Method: String, Sendable, CaseIterable {
        /// ½‖Y − XB‖² and a penalty of B.
        case mixedNorm = "mixed-norm"
        /// The same with B of few coefficients in time and frequency (``TimeFrequencyPenalty``).
        case timeFrequency = "tf"
    }

    /// What is minimized.
    public var method = Method.mixedNorm
    /// Of time-frequency norms: which part is of single coefficients, 0…1; nil: 0.3.
    public var rho: Double?
    /// Of time-frequency norms: lengths of windows, samples; nil: 16.
    public var windows: [Int]?
    /// Samples from one window to the next; nil: a quarter of each.
    public var steps: [Int]?
    /// The penalty.
    public var penalty = GroupLasso.kind
    /// Its number of shape under the name of its option; none takes the usual value.
    public var shapes: [PenaltyKind.Shape.Option: Double] = [:]
    /// A weight a block, or a column under a penalty of entries; nil means all one.
    public var weights: [Double]?
    /// λ, or the smallest of a path; has to be given, unless ``lambdas`` is.
    public var lambda: Lambda?
    /// Values of a path from λ_max to ``lambda``, 2 to 10,000; nil solves at that alone.
    public var count: Int?
    /// The values of λ of a path, in place of ``count``.
    public var lambdas: [Double]?
    /// Rounds of reweighting at that λ, of the group Lasso alone, and what fixes their scale.
    public var reweighting = Reweighting(rounds: 0)
    /// Whether the shrinkage of each block is undone.
    public var isDebiased = false
    /// Who solves.
    public var engine = Engine.auto
    /// How exactly.
    public var stop = StopRule()
    /// Threads; no result depends on them.
    public var parallelism = Parallelism.allCores
    /// What transforms long windows of time-frequency norms; nil uses matrix products. It changes results by rounding.
    public var windowTransforms: WindowTransforms?

    /// A request whose λ is yet to be given.
    public init() {}

    /// What was found.
    public struct Answer: Sendable {
        /// One solution, or those of the path.
        public let points: [PathPoint]
        /// What became of the last one by reweighting and debiasing, in the samples of the problem.
        public let active: ActiveSet
        /// ‖Y − XB‖² of `active`.
        public let squaredResidual: Double
        /// The smallest λ at which nothing is active.
        public let largest: Double
    }

    /// Solves.
    ///
    /// - Parameters:
    ///   - problem: of the caller; one of a penalty of entries keeps its samples.
    ///   - monitor: progress, cancellation, and warnings of solutions less exact than asked for.
    /// - Throws: ``InputError`` for settings or a problem that cannot be worked with, `CancellationError`.
    public func run(_ problem: RegressionProblem, monitor: Monitor = .silent) throws -> Answer {
        try check(problem)
        if method == .timeFrequency { return try runTimeFrequency(problem, monitor) }
        switch engine {
        case .auto: return try run(AutomaticSolver(), problem, monitor)
        case .descent: return try run(AndersonDescent(), problem, monitor)
        case .dual: return try run(DualNewton(), problem, monitor)
        case .gradient: return try run(ProximalGradient(), problem, monitor)
        }
    }

    /// Throws for settings out of their range, or that contradict each other.
    ///
    /// - Throws: ``InputError``.
    public func check() throws(InputError) {
        _ = try penalty.shape(among: shapes, isNeeded: true)
        try checkTimeFrequency()
        switch lambda {
        case .ratio(let ratio) where !(ratio > 0 && ratio <= 1):
            throw InputError(.lambdaRatio, found: "\(ratio)", expected: "a number above 0 and at most 1")
        case .value(let value) where !(value > 0 && value.isFinite):
            throw InputError(.lambda, found: "\(value)", expected: "a positive number")
        case nil where lambdas == nil:
            throw InputError(
                .lambda, found: "nothing", expected: "a positive number, or \(SettingName.lambdaRatio.rawValue)")
        default: break
        }
        if let count, !(2...10_000).contains(count) {
            throw InputError(.path, found: "\(count)", expected: "2 to 10000 values of λ")
        }
        if let lambdas, !(1...10_000).contains(lambdas.count) || !lambdas.allSatisfy({ $0 > 0 && $0.isFinite }) {
            throw InputError(.lambdas, found: "values of λ that cannot be", expected: "1 to 10000 positive numbers")
        }
        guard stop.maximumSeconds > 0 else {
            throw InputError(.timeLimit, found: "\(stop.maximumSeconds)", expected: "a positive number of seconds")
        }
        guard (0...100).contains(reweighting.rounds) else {
            throw InputError(.reweight, found: "\(reweighting.rounds) rounds", expected: "0 to 100")
        }
        guard reweighting.rounds == 0 || penalty == GroupLasso.kind && weights == nil else {
            throw InputError(
                .reweight, found: "another penalty than \(GroupLasso.kind.name), or weights", expected: "neither")
        }
        guard !isDebiased || penalty.scope == .block else {
            throw InputError(.debias, found: "penalty \(penalty.name)", expected: "a penalty of whole blocks")
        }
    }

    private func check(_ problem: RegressionProblem) throws(InputError) {
        try check()
        guard let weights else { return }
        let isEntrywise = penalty.scope == .entry
        let count = isEntrywise ? problem.design.columns : problem.blocks.count
        guard weights.count == count else {
            throw InputError(
                .weights, found: "\(weights.count)", expected: "\(count), one a \(isEntrywise ? "column" : "block")")
        }
    }

    private func run(
        _ solver: some Solver, _ problem: RegressionProblem, _ monitor: Monitor
    ) throws -> Answer {
        let session = solver.session(for: problem, parallelism: parallelism)
        let largest = session.largestLambda(under: penalty, weights: weights, parallelism: parallelism)
        let points = try solve(session, largest, monitor)
        let last = try lastPoint(points, monitor)
        var (active, squaredResidual) = (last.solution.active, last.solution.squaredResidual)
        if reweighting.rounds > 0 {
            let reached = try named {
                try reweighting.run(
                    problem, from: last.solution, lambda: last.lambda, solver: solver, stop: stop,
                    parallelism: parallelism, monitor: monitor)
            }
            if monitor.isCancelled() { throw CancellationError() }
            (active, squaredResidual) = (reached.active, reached.squaredResidual)
        }
        return answer(points, active, squaredResidual, of: problem, largest)
    }

    /// What was found, debiased where that is asked for.
    func answer(
        _ points: [PathPoint], _ active: ActiveSet, _ squaredResidual: Double, of problem: RegressionProblem,
        _ largest: Double
    ) -> Answer {
        guard isDebiased, active.count > 0 else {
            return Answer(points: points, active: active, squaredResidual: squaredResidual, largest: largest)
        }
        let scaled = active.scaled(by: Debiasing.factors(active, in: problem))
        return Answer(
            points: points, active: scaled, squaredResidual: (problem.response - scaled.fit(in: problem)).squaredNorm,
            largest: largest)
    }

    /// The end of a path, after warnings of what is less exact than asked for.
    ///
    /// - Throws: `CancellationError`.
    func lastPoint(_ points: [PathPoint], _ monitor: Monitor) throws -> PathPoint {
        guard let last = points.last, !points.contains(where: { $0.solution.reason == .cancelled }) else {
            throw CancellationError()
        }
        for point in points where point.solution.reason != .converged {
            let certificate = point.solution.certificate
            let reached =
                certificate.relativeGap.isFinite
                ? "a relative gap of \(certificate.relativeGap)" : "a violation of \(certificate.relativeViolation)"
            monitor.warn(
                "the solver stopped (\(point.solution.reason.rawValue)) at \(reached), not \(stop.relativeGap)")
        }
        return last
    }

    /// Solves at one λ, or along the path.
    private func solve(
        _ session: some SolverSession, _ largest: Double, _ monitor: Monitor
    ) throws -> [PathPoint] {
        let grid = try grid(largest)
        let shape = try penalty.shape(among: shapes, isNeeded: true)
        let scaled = penalty.shape(shape, for: session.problem, parallelism: parallelism)
        func points<Penalty: NamedPenalty>(_ type: Penalty.Type) throws -> [PathPoint] {
            try session.path(
                over: grid, penalty: { try Penalty(lambda: $0, shape: scaled, weights: weights) }, stop: stop,
                monitor: monitor)
        }
        return try named { try points(penalty.type) }
    }

    /// The values of λ.
    ///
    /// - Throws: ``InputError`` where the problem has no λ_max.
    func grid(_ largest: Double) throws(InputError) -> LambdaGrid {
        guard largest.isFinite else {
            throw InputError(
                at: .input(.problem), found: "λ_max is \(largest)", expected: "a positive number",
                advice: "scale gain and data")
        }
        var grid = LambdaGrid(lambdas ?? [])
        if lambdas == nil {
            let smallest: Double
            switch lambda {
            case .value(let value): smallest = value
            case nil: smallest = largest
            case .ratio(let ratio):
                guard largest > 0 else {
                    throw InputError(
                        at: .input(.problem), found: "data that no column of the gain explains (λ_max is 0)",
                        expected: "data that are not zero")
                }
                guard ratio * largest > 0 else {
                    throw InputError(
                        at: .input(.problem), found: "λ_max is \(largest)", expected: "a positive number",
                        advice: "scale gain and data")
                }
                smallest = ratio * largest
            }
            grid =
                count.map { LambdaGrid(from: max(largest, smallest), toRatio: min(1, smallest / largest), count: $0) }
                ?? LambdaGrid([smallest])
        }
        return grid
    }

    /// An impossible penalty told of the setting that it came from.
    private func named<Result>(_ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let error as InvalidPenalty {
            throw InputError(.penalty, found: "\(error)")
        }
    }
}

extension ActiveSet {
    /// The same blocks, the coefficients of each times a factor of its own.
    func scaled(by factors: [Double]) -> ActiveSet {
        var scaled = coefficients
        for (i, factor) in factors.enumerated() {
            for k in (offsets[i] * scaled.rows)..<(offsets[i + 1] * scaled.rows) { scaled.elements[k] *= factor }
        }
        return ActiveSet(blocks: blocks, offsets: offsets, coefficients: scaled)
    }
}
