import Glibc

/// What λ follows from where it is a quantile of noise.
public struct QuantileRecord: Sendable, Equatable, Codable {
    /// The 95 % quantile of max_j ‖X_jᵀE‖ over normal E of variance 1.
    public let quantile: Double
    /// Draws of E.
    public let draws: Int
    /// σ of the rows of each label, ascending; one where all rows are alike.
    public let deviations: [Double]
    /// How neighbouring samples of E are correlated; 0 for white noise.
    public let correlation: Double

    /// A record as it is found or read.
    public init(quantile: Double, draws: Int, deviations: [Double], correlation: Double) {
        self.quantile = quantile
        self.draws = draws
        self.deviations = deviations
        self.correlation = correlation
    }

    /// What λ follows from: a quantile of some noise.
    public init(_ noise: NoiseQuantile, _ quantile: Double, deviations: [Double]) {
        self.init(
            quantile: quantile, draws: noise.draws, deviations: deviations,
            correlation: noise.autocorrelation.dropFirst().first ?? 0)
    }
}

extension CriterionKind {
    /// ``NoiseQuantile`` with the noise level of the residual: no path, no noise level, and no criterion of a search.
    public static let noiseQuantile = CriterionKind(
        "noise-quantile", help: "the λ at which noise alone shows nothing in 95 %", usualDraws: 40, isSearched: false
    ) { _ throws(InvalidCriterion) in
        throw InvalidCriterion("the quantile of noise as a criterion of a search; λ follows from it")
    }
}

extension SelectionMethod {
    /// λ by the quantile of noise and the noise level of the residual (``NoiseQuantile``, ``SettledNoise``).
    ///
    /// Where rows have several labels, each has a noise level of its own (``NoiseShape/blocks(_:)``, under the L2,1 norm):
    /// the rows are divided by the roots of their levels, and the solution is one of that problem.
    ///
    /// - Parameters:
    ///   - session: of the problem.
    ///   - family: the penalty as a function of log λ alone.
    ///   - labels: one a row, for example the kind of its sensor; nil means all alike.
    ///   - largest: λ_max.
    ///   - stop: how exactly each problem is solved.
    ///   - parallelism: threads; they change no bit.
    ///   - monitor: progress and cancellation.
    /// - Throws: ``InvalidCriterion`` for too few draws, ``InvalidPenalty``, and `CancellationError`.
    public func chooseByQuantile<Penalty>(
        _ session: some SolverSession, family: SharedLambda<Penalty>, labels: [Int]? = nil, largest: Double,
        stop: StopRule, parallelism: Parallelism = .serial, monitor: Monitor = .silent
    ) throws -> SharedChoice {
        monitor.report(.init(stage: "choosing λ", detail: "\(drawCount) draws of noise"))
        let problem = session.problem
        let noise = try noiseQuantile()
        let quantile = try noise.value(
            for: problem, weights: family.weights, parallelism: parallelism, monitor: monitor)
        func penalty(_ lambda: Double) throws(InvalidPenalty) -> Penalty { try family.penalty(at: [log(lambda)]) }
        func choice(
            _ rounds: [SettledNoise.Round], _ deviations: [Double], _ problem: RegressionProblem, _ largest: Double,
            isAtRest: Bool
        ) throws -> SharedChoice {
            guard let last = rounds.last, last.solution.reason != .cancelled else { throw CancellationError() }
            var curve = SelectionCurve(
                origin: .updates, criterion: criterion.name,
                points: rounds.map { SelectionPoint($0, largest: largest) }, chosenIndex: rounds.count - 1,
                atGridEdge: false)
            curve.quantile = QuantileRecord(noise, quantile, deviations: deviations)
            return SharedChoice(
                curve: curve, solution: last.solution, problem: problem, largest: largest,
                epochs: rounds.reduce(0) { $0 + $1.solution.certificate.epochs },
                fullPasses: rounds.reduce(1) { $0 + $1.solution.certificate.fullPasses },
                end: isAtRest ? nil : .evaluationLimit)
        }
        guard let labels, Set(labels).count > 1, Penalty.kind == GroupLasso.kind else {
            let settled = try SettledNoise(quantile: quantile, session, penalty: penalty, stop: stop, monitor: monitor)
            return try choice(
                settled.rounds, [settled.deviation], problem, largest, isAtRest: settled.isAtRest)
        }
        let levels = try self.levels(labels, of: problem, quantile, family.weights, stop, parallelism, monitor)
        let mean = exp(levels.noise.values.reduce(0) { $0 + log($1) } / Double(labels.count))
        let factors = levels.noise.values.map { (mean / $0).squareRoot() }
        // In the samples of the problem, reduced or not.
        let scaled = try RegressionProblem(
            design: problem.design.matrix.scaledRows(by: factors), response: problem.response.scaledRows(by: factors),
            blocks: problem.blocks, keepsSamples: true)
        let clock = Stopwatch()
        let other = AutomaticSolver().session(for: scaled, parallelism: parallelism)
        let top = other.largestLambda(weights: family.weights)
        let solution = other.solve(try penalty(mean * quantile), from: nil, stop: stop, monitor: monitor)
        let round = SettledNoise.Round(
            lambda: mean * quantile, objective: levels.objective, solution: solution, seconds: clock.seconds)
        let own = Set(labels).sorted().compactMap { label in
            labels.firstIndex(of: label).map { levels.noise.values[$0] }
        }
        return try choice([round], own, scaled, top, isAtRest: levels.reason == .converged)
    }

    /// The concomitant estimate with a noise level a label.
    private func levels(
        _ labels: [Int], of problem: RegressionProblem, _ quantile: Double, _ weights: [Double]?, _ stop: StopRule,
        _ parallelism: Parallelism, _ monitor: Monitor
    ) throws -> ConcomitantLasso.Solution {
        let found: ConcomitantLasso.Solution
        do {
            found = try ConcomitantLasso(
                design: problem.design, epochs: try EpochStatistics([problem.unreducedResponse]),
                blocks: problem.blocks, noise: .blocks(labels), weights: weights
            ).solve(lambda: quantile, stop: stop, parallelism: parallelism, monitor: monitor)
        } catch { throw InvalidCriterion("\(error)") }
        if found.reason == .cancelled { throw CancellationError() }
        return found
    }
}

extension SelectionPoint {
    /// A round at its λ.
    fileprivate init(_ round: SettledNoise.Round, largest: Double) {
        let gap = round.solution.certificate.relativeGap
        self.init(
            lambda: round.lambda, ratio: largest > 0 ? round.lambda / largest : 1, criterion: round.objective,
            degreesOfFreedom: .nan, squaredResidual: round.solution.squaredResidual,
            activeCount: round.solution.active.count, relativeGap: gap.isFinite ? gap : .nan, seconds: round.seconds)
    }
}

extension Matrix {
    /// diag(factors)·A.
    fileprivate func scaledRows(by factors: [Double]) -> Matrix {
        var result = self
        for k in result.elements.indices { result.elements[k] *= factors[k % rows] }
        return result
    }
}
