import Glibc

/// One point of a path: a penalty's λ and what was found there.
public struct PathPoint: Sendable {
    /// λ of this point.
    public let lambda: Double
    /// The certified solution.
    public let solution: Solution

    /// A point as a solver tells it.
    public init(lambda: Double, solution: Solution) {
        self.lambda = lambda
        self.solution = solution
    }
}

/// The values of λ of a path, from the largest down.
public struct LambdaGrid: Sendable, Equatable {
    /// Descending.
    public let values: [Double]

    /// Given values, sorted and without repetitions; those that are not positive and finite are left out.
    public init(_ values: [Double]) {
        self.values = Array(Set(values.filter { $0 > 0 && $0.isFinite })).sorted(by: >)
    }

    /// Evenly spaced in log λ.
    ///
    /// - Parameters:
    ///   - largest: the first λ, usually λ_max.
    ///   - ratio: the last λ as a fraction of the first, above 0 and at most 1.
    ///   - count: number of values.
    public init(from largest: Double, toRatio ratio: Double, count: Int) {
        self.init(
            (0..<max(0, count)).map { largest * pow(ratio, count > 1 ? Double($0) / Double(count - 1) : 0) })
    }
}

extension SolverSession {
    /// Solves along a path of λ, each solution starting from the one before.
    ///
    /// What is known of every block at one λ (how much it shares with the residual) carries over to the next, so that
    /// most points need a fraction of a pass over the design.
    ///
    /// - Parameters:
    ///   - grid: the values of λ, descending.
    ///   - penalty: the penalty at a λ.
    ///   - start: where the first solve begins; nil begins at zero.
    ///   - stop: when each solve stops.
    ///   - monitor: progress and cancellation; a cancelled path returns the points solved so far.
    ///   - isEnough: asked after each point; true ends the path.
    /// - Returns: the points solved, each with its certificate.
    /// - Throws: what `penalty` throws.
    public func path(
        over grid: LambdaGrid, penalty: (_ lambda: Double) throws -> some BlockPenalty, from start: ActiveSet? = nil,
        stop: StopRule = StopRule(), monitor: Monitor = .silent, until isEnough: (PathPoint) -> Bool = { _ in false }
    ) rethrows -> [PathPoint] {
        var points: [PathPoint] = []
        var last = start
        let clock = Stopwatch(limit: stop.maximumSeconds)
        for lambda in grid.values {
            var rule = stop
            rule.maximumSeconds -= clock.seconds
            let solution = solve(try penalty(lambda), from: last, stop: rule, monitor: monitor)
            let point = PathPoint(lambda: lambda, solution: solution)
            points.append(point)
            last = solution.active
            monitor.report(
                .init(
                    stage: "path",
                    detail: "\(points.count) of \(grid.values.count) λ, \(solution.active.count) sources"))
            if solution.reason == .cancelled || solution.reason == .timeLimit || isEnough(point) { break }
        }
        return points
    }
}
