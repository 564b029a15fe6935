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
public protocol SolverSession: AnyObject {
    /// The problem of this session.
    var problem: RegressionProblem { get }

    /// Minimizes ½‖Y − XB‖² + Σ_j φ_j(‖B_j‖).
    ///
    /// - Parameters:
    ///   - penalty: a convex block penalty.
    ///   - start: where to begin; nil begins at zero.
    ///   - stop: when to stop.
    ///   - monitor: progress and cancellation.
    /// - Returns: the best point reached, with its certificate and the reason for stopping. Failure is a value, too.
    func solve(_ penalty: some BlockPenalty, from start: ActiveSet?, stop: StopRule, monitor: Monitor) -> Solution
}

extension Solver {
    /// Solves one problem under one penalty, from zero.
    public func solve(
        _ problem: RegressionProblem, _ penalty: some BlockPenalty, from start: ActiveSet? = nil,
        stop: StopRule = StopRule(), parallelism: Parallelism = .serial, monitor: Monitor = .silent
    ) -> Solution {
        session(for: problem, parallelism: parallelism).solve(penalty, from: start, stop: stop, monitor: monitor)
    }
}

/// When a solver stops.
public struct StopRule: Sendable, Equatable {
    /// Duality gap over ½‖Y‖² that is good enough.
    public var relativeGap: Double
    /// Most sweeps of coordinate descent.
    public var maximumEpochs: Int
    /// Most full passes over the design.
    public var maximumPasses: Int

    /// A rule from its limits.
    public init(relativeGap: Double = 1e-6, maximumEpochs: Int = 200_000, maximumPasses: Int = 1_000) {
        self.relativeGap = relativeGap
        self.maximumEpochs = maximumEpochs
        self.maximumPasses = maximumPasses
    }
}
