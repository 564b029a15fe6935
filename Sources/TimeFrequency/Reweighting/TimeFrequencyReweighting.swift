/// Iteratively reweighted time-frequency mixed norm (irTF-MxNE, Strohmeier et al. 2015): √‖Z_j‖ and √‖Z_jg‖ are majorized
/// by weighted norms, v_j = c/√‖Z_j‖ and w_jg = c'/√‖Z_jg‖, and what is zero stays out.
///
/// c and c' are the largest √‖Z_j‖ and √‖Z_jg‖ of the first solution, so that the strongest keep their λ whatever the unit of
/// the amplitudes.
public struct TimeFrequencyReweighting: Sendable {
    /// What is reweighted.
    public enum Scope: String, Sendable, CaseIterable {
        /// Sources only, the milder variant.
        case space
        /// Sources and their coefficients.
        case spaceAndTime = "space and time"
    }

    /// What is reweighted.
    public var scope = Scope.spaceAndTime
    /// Most weighted solves.
    public var maximumIterations = 10
    /// Change of the time courses, over their norm, that is small enough.
    public var tolerance = 1e-3

    /// With its default settings.
    public init() {}

    /// What was reached.
    public struct Result: Sendable {
        /// The last solution. Its objective and gap are those of the last weighted problem, in which what was zero is
        /// excluded.
        public let solution: TimeFrequencySolution
        /// Sources after each weighted solve.
        public let counts: [Int]
        /// Whether the last solve changed little.
        public let isConverged: Bool
    }

    /// Reweights.
    ///
    /// - Parameters:
    ///   - first: the solution to begin with.
    ///   - penalty: that it was found with, without weights.
    ///   - problem: what was solved.
    ///   - stop: when each solve stops.
    ///   - parallelism: threads; no result depends on them.
    ///   - monitor: cancellation; the last solution is returned.
    /// - Throws: ``TimeFrequencyPenalty/Invalid``.
    public func solve(
        from first: TimeFrequencySolution, _ penalty: TimeFrequencyPenalty, in problem: RegressionProblem,
        stop: StopRule = StopRule(), parallelism: Parallelism = .serial, monitor: Monitor = .silent
    ) throws(TimeFrequencyPenalty.Invalid) -> Result {
        let frame = penalty.frame
        let initial = sizes(first, frame)
        let (c, own) = (
            initial.sources.max()?.squareRoot() ?? 0, initial.groups.elements.max()?.squareRoot() ?? 0
        )
        var current = first
        var counts: [Int] = []
        while counts.count < maximumIterations, current.active.count > 0, !monitor.isCancelled() {
            let kept = current.active.blocks
            let (sources, groups) = sizes(current, frame)
            let time = groups.elements.map { $0 > 0 ? own / $0.squareRoot() : .infinity }
            let weights = TimeFrequencyWeights(
                space: sources.map { c / $0.squareRoot() },
                time: scope == .space
                    ? nil : Matrix(rows: frame.groupCount, columns: kept.count, elements: time))
            let restricted = problem.restricted(to: kept)
            let session = try TimeFrequencySession(restricted, frame: frame, parallelism: parallelism)
            let next = try session.solve(
                TimeFrequencyPenalty(frame: frame, lambda: penalty.lambda, rho: penalty.rho, weights: weights),
                from: current.renumbered(Array(kept.indices)), stop: stop, monitor: monitor
            )
            counts.append(next.active.count)
            let before = current
            current = next.renumbered(next.active.blocks.map { kept[$0] })
            if current.active.blocks == before.active.blocks {
                let change = (current.active.coefficients - before.active.coefficients).squaredNorm
                if change <= tolerance * tolerance * before.active.coefficients.squaredNorm {
                    return Result(solution: current, counts: counts, isConverged: true)
                }
            }
        }
        return Result(solution: current, counts: counts, isConverged: current.active.count == 0)
    }

    /// ‖Z_j‖ of the active sources and ‖Z_jg‖, groups × active sources.
    private func sizes(_ solution: TimeFrequencySolution, _ frame: GaborFrame) -> (sources: [Double], groups: Matrix) {
        let active = solution.active
        var squares = Matrix(rows: frame.groupCount, columns: active.count)
        for i in 0..<active.count {
            for column in active.offsets[i]..<active.offsets[i + 1] {
                for g in 0..<frame.groupCount {
                    for row in frame.groupOffsets[g]..<frame.groupOffsets[g + 1] {
                        squares[g, i] += solution.coefficients[row, column] * solution.coefficients[row, column]
                    }
                }
            }
        }
        let sources = (0..<active.count).map { squares.column($0).reduce(0, +).squareRoot() }
        squares.elements = squares.elements.map { $0.squareRoot() }
        return (sources, squares)
    }
}

extension TimeFrequencySolution {
    /// The same with other numbers for its blocks.
    func renumbered(_ blocks: [Int]) -> TimeFrequencySolution {
        TimeFrequencySolution(
            active: ActiveSet(blocks: blocks, offsets: active.offsets, coefficients: active.coefficients),
            coefficients: coefficients, squaredResidual: squaredResidual, objective: objective, dual: dual,
            relativeGap: relativeGap, scale: scale, reason: reason, work: work)
    }
}
