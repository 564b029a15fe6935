import Foundation

extension Search {
    /// Minimizes an objective.
    ///
    /// - Parameters:
    ///   - objective: what is evaluated.
    ///   - start: where to begin; clamped to the domain.
    ///   - domain: where to look.
    ///   - limit: how long to go on.
    ///   - monitor: progress and cancellation. What was evaluated before a cancellation is in the record.
    /// - Throws: ``InvalidPenalty`` for hyperparameters that no penalty can have.
    public func run(
        _ objective: SelectionObjective<some PenaltyFamily>, from start: [Double], in domain: SearchDomain,
        limit: SearchLimit = SearchLimit(), monitor: Monitor = .silent
    ) throws -> SearchRecord {
        try resume(
            SearchRecord(search: name, subject: objective.subject, domain: domain, start: domain.clamp(start)),
            objective, limit: limit,
            monitor: monitor)
    }

    /// Takes up a search where its record ends, unless it had come to its own end.
    ///
    /// The memory of the search is made anew by asking it again for all that was evaluated.
    ///
    /// - Throws: ``InvalidRecord`` for the record of another search, criterion, penalty or problem, ``InvalidPenalty``.
    public func resume(
        _ record: SearchRecord, _ objective: SelectionObjective<some PenaltyFamily>,
        limit: SearchLimit = SearchLimit(), monitor: Monitor = .silent
    ) throws -> SearchRecord {
        guard record.search == name else { throw InvalidRecord.search(found: record.search, expected: name) }
        guard record.subject == objective.subject else {
            throw InvalidRecord.subject(found: record.subject, expected: objective.subject)
        }
        let dimension = objective.family.parameterCount
        guard record.hasDimension(dimension) else { throw InvalidRecord.dimension(expected: dimension) }
        var record = record
        var memory = begin(at: record.start, in: record.domain)
        var points: [SearchPoint] = []
        for point in record.points {
            guard
                case .evaluate(let logs, _, _) = next(after: points, memory: &memory, in: record.domain),
                zip(logs, point.logs).allSatisfy({ abs($0 - $1) <= 1e-9 * (1 + abs($0)) })
            else { throw InvalidRecord.history(evaluation: points.count + 1) }
            points.append(point)
        }
        record.end = nil
        try proceed(&record, &memory, objective, limit, monitor)
        return record
    }

    private func proceed(
        _ record: inout SearchRecord, _ memory: inout Memory, _ objective: SelectionObjective<some PenaltyFamily>,
        _ limit: SearchLimit, _ monitor: Monitor
    ) throws {
        let clock = Stopwatch(limit: limit.maximumSeconds)
        let entries = Double(objective.problem.rowCount) * Double(objective.problem.sampleCount)
        while true {
            let step = next(after: record.points, memory: &memory, in: record.domain)
            guard case .evaluate(let logs, let gradient, let accuracy) = step else {
                if case .end(let reason) = step { record.end = reason }
                return
            }
            if monitor.isCancelled() {
                record.end = .cancelled
            } else if record.points.count >= limit.maximumEvaluations {
                record.end = .evaluationLimit
            } else if clock.isOver() {
                record.end = .timeLimit
            }
            if record.end != nil { return }
            let before = (solves: objective.solves, seconds: clock.seconds)
            var stop = limit.stop
            stop.relativeGap = max(stop.relativeGap, min(1e-2, stop.relativeGap * max(1, accuracy)))
            let found = try objective.evaluate(logs, wantsGradient: gradient, stop: stop, monitor: monitor)
            guard !found.isCancelled else {
                record.end = .cancelled
                return
            }
            let isFreedomKnown = found.degreesOfFreedom.isFinite
            record.points.append(
                SearchPoint(
                    logs: logs, value: found.value, gradient: found.gradient,
                    degreesOfFreedom: isFreedomKnown ? found.degreesOfFreedom : nil,
                    squaredResidual: found.squaredResidual, activeCount: found.activeCount,
                    saturation: isFreedomKnown ? found.degreesOfFreedom / entries : 0,
                    columnsPerRow: found.columnsPerRow, residualSlope: found.residualSlope,
                    relativeGap: found.relativeGap,
                    innerSolves: objective.solves - before.solves, epochs: found.epochs,
                    fullPasses: found.fullPasses, seconds: clock.seconds - before.seconds))
            monitor.report(
                .init(
                    stage: "choosing λ",
                    detail: String(
                        format: "%@ %.5g, %d sources, evaluation %d", objective.criterion.name, found.value,
                        found.activeCount, record.points.count)))
        }
    }
}
