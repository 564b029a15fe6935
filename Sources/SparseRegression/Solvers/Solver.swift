/// An engine that solves regression problems with block penalties.
///
/// State comes in and goes out: a ``Solution`` can be the next start. What a session keeps (Gram blocks, scratch
/// memory) saves work along a path and never changes what is solved.
public protocol Solver: Sendable {
    /// What the engine keeps between solves of one problem.
    associatedtype Session: SolverSession

    /// Opens a session on a problem.
    func session(for problem: RegressionProblem, parallelism: Parallelism) -> Session
}

/// A problem prepared by an engine, to be solved under one penalty after another.
///
/// Not for use by several threads at once.
public protocol SolverSession: AnyObject {
    /// The problem of this session.
    var problem: RegressionProblem { get }

    /// Goes over to another response of the same design, for example the next condition; what was prepared of the
    /// design stays.
    ///
    /// - Parameter problem: made by ``RegressionProblem/with(response:keepsSamples:)`` of this session's problem.
    func adopt(_ problem: RegressionProblem)

    /// Minimizes ½‖Y − XB‖² + Σ_j φ_j(‖B_j‖).
    ///
    /// - Parameters:
    ///   - penalty: a block penalty. Under one that is not convex the result is a local minimum, without a gap.
    ///   - start: where to begin; nil begins at zero.
    ///   - stop: when to stop.
    ///   - monitor: progress and cancellation.
    /// - Returns: the best point reached, with its certificate and the reason for stopping. Failure is a value, too.
    func solve(_ penalty: some BlockPenalty, from start: ActiveSet?, stop: StopRule, monitor: Monitor) -> Solution

    /// The smallest λ at which no penalized block is active; see ``RegressionProblem/largestLambda(weights:parallelism:)``.
    func largestLambda(weights: [Double]?) -> Double
}

extension Solver {
    /// Solves one problem under one penalty.
    ///
    /// - Parameters:
    ///   - problem: what is solved. A penalty of entries is posed with `keepsSamples`.
    ///   - penalty: what is added to the squared error.
    ///   - start: where to begin; nil begins at zero.
    ///   - stop: when to stop.
    ///   - parallelism: threads; no result depends on them.
    ///   - monitor: progress and cancellation.
    public func solve(
        _ problem: RegressionProblem, _ penalty: some BlockPenalty, from start: ActiveSet? = nil,
        stop: StopRule = StopRule(), parallelism: Parallelism = .serial, monitor: Monitor = .silent
    ) -> Solution {
        session(for: problem, parallelism: parallelism).solve(penalty, from: start, stop: stop, monitor: monitor)
    }
}

extension SolverSession {
    /// The smallest λ at which nothing is active under a kind of penalty.
    ///
    /// - Parameters:
    ///   - kind: of the penalty.
    ///   - weights: one a block of the penalty; nil means all one.
    ///   - parallelism: threads, for a penalty of entries; they change no bit.
    public func largestLambda(
        under kind: PenaltyKind, weights: [Double]? = nil, parallelism: Parallelism = .serial
    ) -> Double {
        switch kind.scope {
        case .block: largestLambda(weights: weights)
        case .entry: problem.largestEntryLambda(weights: weights, parallelism: parallelism)
        }
    }
}
