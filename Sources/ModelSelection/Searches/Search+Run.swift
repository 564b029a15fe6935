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
            var stop = limit.stop
            stop.relativeGap = max(stop.relativeGap, min(1e-2, stop.relativeGap * max(1, accuracy)))
            guard let point = try objective.point(at: logs, wantsGradient: gradient, stop: stop, monitor: monitor)
            else {
                record.end = .cancelled
                return
            }
            record.points.append(point)
            monitor.report(
                .init(
                    stage: "choosing λ",
                    detail: objective.criterion.name + String(printf: " %.5g, ", point.value)
                        + "\(point.activeCount) sources, evaluation \(record.points.count)"))
        }
    }
}

extension SelectionObjective {
    /// Evaluates the criterion, as a point of a search; nil where the caller cancelled.
    ///
    /// - Throws: ``InvalidPenalty`` for hyperparameters that no penalty can have.
    func point(
        at logs: [Double], wantsGradient: Bool, stop: StopRule, monitor: Monitor
    ) throws -> SearchPoint? {
        let (before, clock) = (solves, Stopwatch())
        let found = try evaluate(logs, wantsGradient: wantsGradient, stop: stop, monitor: monitor)
        guard !found.isCancelled else { return nil }
        let freedom = found.degreesOfFreedom.isFinite ? found.degreesOfFreedom : nil
        return SearchPoint(
            logs: logs, value: found.value, gradient: found.gradient, degreesOfFreedom: freedom,
            squaredResidual: found.squaredResidual, activeCount: found.activeCount,
            saturation: (freedom ?? 0) / (Double(problem.rowCount) * Double(problem.sampleCount)),
            columnsPerRow: found.columnsPerRow, residualSlope: found.residualSlope, relativeGap: found.relativeGap,
            innerSolves: solves - before, epochs: found.epochs, fullPasses: found.fullPasses,
            seconds: clock.seconds)
    }
}
