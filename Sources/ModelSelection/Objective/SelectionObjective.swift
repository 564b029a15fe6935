import Glibc

/// A criterion as a function of the logarithms of hyperparameters: what a search minimizes.
///
/// Every evaluation solves the problems of the criterion, each from the nearest solution known, and judges the solutions.
/// Not for use by several threads at once.
public final class SelectionObjective<Family: PenaltyFamily> {
    /// What λ is chosen for.
    public let problem: RegressionProblem
    /// The penalty as a function of θ.
    public let family: Family
    /// What judges a solution.
    public let criterion: any Criterion
    /// How its gradient is computed.
    public var hypergradient: GradientSource
    /// Problems solved so far.
    public private(set) var solves = 0
    /// The solution of `problem` at the best point evaluated, where the criterion reads one.
    public private(set) var best: (value: Double, solution: Solution)?

    private let sessions: [any SolverSession]
    private let parallelism: Parallelism
    private var known: [Known] = []
    private let memory = 12

    private struct Known {
        let logs: [Double]
        let active: [ActiveSet]
    }

    /// An objective whose criterion has any number of problems.
    ///
    /// - Parameters:
    ///   - problem: what λ is chosen for.
    ///   - family: the penalty as a function of θ.
    ///   - criterion: what judges solutions.
    ///   - solver: of all problems.
    ///   - hypergradient: how the gradient is computed.
    ///   - parallelism: threads; they change no bit.
    /// - Throws: what ``Criterion/problems(for:)`` throws.
    public init(
        problem: RegressionProblem, family: Family, criterion: any Criterion, solver: some Solver = AutomaticSolver(),
        hypergradient: GradientSource = .analytic(ImplicitGradient()), parallelism: Parallelism = .serial
    ) throws {
        self.problem = problem
        self.family = family
        self.criterion = criterion
        self.hypergradient = hypergradient
        self.parallelism = parallelism
        sessions = try criterion.problems(for: problem).map { solver.session(for: $0, parallelism: parallelism) }
    }

    /// An objective over a session that is open already.
    public init(
        session: some SolverSession, family: Family, criterion: some FitCriterion,
        hypergradient: GradientSource = .analytic(ImplicitGradient()), parallelism: Parallelism = .serial
    ) {
        problem = session.problem
        self.family = family
        self.criterion = criterion
        self.hypergradient = hypergradient
        self.parallelism = parallelism
        sessions = [session]
    }

    /// What is minimized, so that a record of something else is not taken up by mistake: names, size, and a fingerprint of
    /// the settings of criterion and family, the bits of the data, and of some ten thousand entries of the gain, which is
    /// too large to be read for a name.
    public private(set) lazy var subject: String = {
        var print = Fingerprint()
        criterion.identify(in: &print)
        print.absorb("\(family)")
        print.absorb(problem.response.elements)
        let (rows, count) = (problem.rowCount, problem.rowCount * problem.design.columns)
        for k in stride(from: 0, to: count, by: max(1, count / 10_007)) {
            print.absorb(problem.design[k % rows, k / rows].bitPattern)
        }
        let size = "\(problem.rowCount) × \(problem.design.columns) × \(problem.sampleCount)"
        return "\(criterion.name), \(family.name), \(size), \(String(print.value, radix: 16))"
    }()

    /// Evaluates the criterion.
    ///
    /// - Parameters:
    ///   - logs: θ, one number a hyperparameter.
    ///   - wantsGradient: whether ∂C/∂θ is needed.
    ///   - stop: how exactly each problem is solved.
    ///   - monitor: progress and cancellation.
    /// - Throws: ``InvalidPenalty`` for hyperparameters that no penalty can have.
    public func evaluate(
        _ logs: [Double], wantsGradient: Bool, stop: StopRule, monitor: Monitor = .silent
    ) throws -> Evaluation {
        let penalty = try family.penalty(at: logs)
        let (fits, isCancelled) = solve(logs, penalty, stop, monitor)
        var isAnalytic = false
        if case .analytic = hypergradient { isAnalytic = wantsGradient }
        let judgement = criterion.judge(fits, of: problem, wantsGradient: isAnalytic)
        var evaluation = Evaluation(
            value: judgement.value.isNaN ? .infinity : judgement.value, gradient: nil,
            degreesOfFreedom: judgement.degreesOfFreedom, squaredResidual: fits[0].solution.squaredResidual,
            activeCounts: fits.map(\.activeCount),
            columnsPerRow: Double(fits[0].activeColumns) / Double(problem.rowCount),
            residualSlope: judgement.residualSlope,
            relativeGap: fits.reduce(0) { max($0, $1.solution.certificate.relativeGap) },
            epochs: fits.reduce(0) { $0 + $1.solution.certificate.epochs },
            fullPasses: fits.reduce(0) { $0 + $1.solution.certificate.fullPasses }, isCancelled: isCancelled)
        if criterion.readsProblem, !isCancelled, best.map({ evaluation.value < $0.value }) ?? true {
            best = (evaluation.value, fits[0].solution)
        }
        guard wantsGradient, !isCancelled else { return evaluation }
        switch hypergradient {
        case .analytic(let method):
            evaluation.gradient = judgement.derivatives.flatMap {
                gradient(fits, $0, penalty: penalty, by: method)
            }
        case .finiteDifferences(let step):
            var gradient = [Double](repeating: 0, count: family.parameterCount)
            for k in gradient.indices {
                for sign in [1.0, -1.0] {
                    var moved = logs
                    moved[k] += sign * step
                    let (fits, isCancelled) = solve(moved, try family.penalty(at: moved), stop, monitor)
                    evaluation.epochs += fits.reduce(0) { $0 + $1.solution.certificate.epochs }
                    evaluation.fullPasses += fits.reduce(0) { $0 + $1.solution.certificate.fullPasses }
                    evaluation.isCancelled = isCancelled
                    guard !isCancelled else { return evaluation }
                    gradient[k] +=
                        sign * criterion.judge(fits, of: problem, wantsGradient: false).value / (2 * step)
                }
            }
            evaluation.gradient = gradient.allSatisfy(\.isFinite) ? gradient : nil
        }
        return evaluation
    }

    /// Solves the problem itself, for example at the choice of a criterion that looks at other problems.
    ///
    /// - Parameter solver: for a criterion that does not read the problem itself; else its session goes on.
    /// - Throws: ``InvalidPenalty``.
    public func solution(
        at logs: [Double], solver: some Solver = AutomaticSolver(), stop: StopRule, monitor: Monitor = .silent
    ) throws -> Solution {
        solves += 1
        let penalty = try family.penalty(at: logs)
        if criterion.readsProblem, let session = sessions.first {
            return session.solve(penalty, from: start(logs)?.first, stop: stop, monitor: monitor)
        }
        return solver.solve(problem, penalty, stop: stop, parallelism: parallelism, monitor: monitor)
    }

    private func solve(
        _ logs: [Double], _ penalty: Family.Penalty, _ stop: StopRule, _ monitor: Monitor
    ) -> (fits: [Fit], isCancelled: Bool) {
        let start = start(logs)
        var fits: [Fit] = []
        for (i, session) in sessions.enumerated() {
            let solution = session.solve(penalty, from: start?[i], stop: stop, monitor: monitor)
            solves += 1
            fits.append(Fit(solution, of: session.problem, under: penalty, parallelism: parallelism))
        }
        let isCancelled = fits.contains { $0.solution.reason == .cancelled }
        if !isCancelled {
            if known.count >= memory { known.removeFirst() }
            known.append(Known(logs: logs, active: fits.map(\.solution.active)))
        }
        return (fits, isCancelled)
    }

    private func gradient(
        _ fits: [Fit], _ derivatives: [FitDerivative], penalty: Family.Penalty, by method: any Hypergradient
    ) -> [Double]? {
        var gradient = [Double](repeating: 0, count: family.parameterCount)
        for (fit, derivative) in zip(fits, derivatives) {
            for (i, support) in fit.supports.enumerated() where support.active.count > 0 {
                guard
                    let own = method.pullBack(
                        derivative.coefficients[i], on: support, penalty: penalty, family: family)
                else { return nil }
                for k in gradient.indices { gradient[k] += own[k] }
                guard !derivative.slopes.isEmpty else { continue }
                for (slopes, sensitivities) in zip(derivative.slopes[i], support.sensitivities(family, of: penalty)) {
                    for sensitivity in sensitivities {
                        gradient[sensitivity.parameter] +=
                            slopes.first * sensitivity.first + slopes.second * sensitivity.second
                    }
                }
            }
        }
        return gradient.allSatisfy(\.isFinite) ? gradient : nil
    }

    /// Where a solve starts: the nearest solution known; where θ is one number, moved along the line through it and another,
    /// on the other side if there is one. Along λ solutions are nearly straight.
    private func start(_ logs: [Double]) -> [ActiveSet]? {
        let near = known.sorted { Self.distance($0.logs, logs) < Self.distance($1.logs, logs) }
        guard let first = near.first else { return nil }
        guard logs.count == 1, near.count > 1 else { return first.active }
        let side = first.logs[0] - logs[0]
        let other = near.first { ($0.logs[0] - logs[0]) * side < 0 } ?? near[1]
        let (a, b) = (exp(other.logs[0]), exp(first.logs[0]))
        let fraction = (exp(logs[0]) - a) / (b - a)
        // Not where two points are so near that their difference is rounding.
        guard fraction > 0, fraction < 3 else { return first.active }
        return zip(other.active, first.active).map { ActiveSet.line(from: $0, to: $1, at: fraction) }
    }

    private static func distance(_ a: [Double], _ b: [Double]) -> Double {
        zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }
}
