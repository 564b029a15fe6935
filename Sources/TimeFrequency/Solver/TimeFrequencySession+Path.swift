/// One point of a path: a penalty's λ and what was found there.
public struct TimeFrequencyPathPoint: Sendable {
    /// λ of this point.
    public let lambda: Double
    /// The certified solution.
    public let solution: TimeFrequencySolution
}

extension TimeFrequencySession {
    /// Solves along a path of λ, each solution starting from the one before.
    ///
    /// - Parameters:
    ///   - grid: the values of λ, descending.
    ///   - rho: ρ, 0…1.
    ///   - weights: v and w.
    ///   - start: where the first solve begins; nil begins at the group Lasso of the time courses.
    ///   - stop: when each solve stops; its limit on time is of the whole path.
    ///   - monitor: progress and cancellation; a cancelled path returns the points solved so far.
    ///   - isEnough: asked after each point; true ends the path.
    /// - Throws: ``TimeFrequencyPenalty/Invalid``.
    public func path(
        over grid: LambdaGrid, rho: Double, weights: TimeFrequencyWeights = .none,
        from start: TimeFrequencySolution? = nil, stop: StopRule = StopRule(), monitor: Monitor = .silent,
        until isEnough: (TimeFrequencyPathPoint) -> Bool = { _ in false }
    ) throws(TimeFrequencyPenalty.Invalid) -> [TimeFrequencyPathPoint] {
        var points: [TimeFrequencyPathPoint] = []
        let clock = Stopwatch(limit: stop.maximumSeconds)
        for lambda in grid.values {
            var rule = stop
            rule.maximumSeconds -= clock.seconds
            let penalty = try TimeFrequencyPenalty(frame: frame, lambda: lambda, rho: rho, weights: weights)
            let solution = try solve(penalty, from: points.last?.solution ?? start, stop: rule, monitor: monitor)
            let point = TimeFrequencyPathPoint(lambda: lambda, solution: solution)
            points.append(point)
            let place = "\(points.count) of \(grid.values.count) λ, \(solution.active.count) sources"
            monitor.report(.init(stage: "path", detail: place))
            if isEnough(point) || [.cancelled, .timeLimit].contains(solution.reason) { break }
        }
        return points
    }
}
