/// What the searches that follow gradients share: a point with its gradient, trial steps from it that must lower the
/// criterion enough (Armijo 1966), solves that become more exact as the search closes in, and, with one hyperparameter, a
/// last look by values alone.
struct Descent: Sendable {
    /// A point from which a step was accepted.
    struct Place: Sendable {
        /// θ.
        let logs: [Double]
        /// ∂C/∂θ.
        let gradient: [Double]
        /// How far along its direction the accepted step went.
        let length: Double
    }

    /// What came of an evaluation.
    enum Progress {
        /// What to do next is known.
        case step(SearchStep)
        /// A point was accepted, reached from another or the first: a direction is wanted.
        case accepted(from: Place?)
        /// No step along the direction lowers the criterion.
        case stuck
    }

    /// The best point accepted.
    private(set) var logs: [Double]
    private(set) var value = Double.infinity
    private(set) var gradient: [Double] = []
    /// The direction of the trial, and how far along it.
    private var direction: [Double] = []
    private var length = 0.0
    /// How inexactly evaluations are done, in units of the caller's gap.
    private var accuracy: Double
    /// The largest projected slope at the first point.
    private var firstSlope: Double?
    /// The slope along the trial.
    private var expected = 0.0
    private var trial: [Double] = []
    private var lastLook: (line: BrentLine, end: SearchEnd)?
    /// The descent ends where the largest slope is below this part of the first one…
    private let flatness: Double
    /// … or a step is shorter than this, in natural logarithms.
    private let shortestStep: Double

    /// The largest change of a logarithm in one step.
    static let longestMove = 1.2

    init(at start: [Double], accuracy: Double, flatness: Double, shortestStep: Double) {
        logs = start
        self.accuracy = max(1, accuracy)
        self.flatness = flatness
        self.shortestStep = shortestStep
    }

    /// Takes in the last evaluation.
    mutating func advance(after points: [SearchPoint], in domain: SearchDomain) -> Progress {
        guard let last = points.last else { return .step(.evaluate(logs, gradient: true, accuracy: accuracy)) }
        if lastLook != nil {
            lastLook?.line.tell(last.value)
            return .step(look(after: points, in: domain))
        }
        let isFirst = gradient.isEmpty
        guard let slopes = last.gradient, last.value.isFinite, isFirst || isEnough(last) else {
            if isFirst {
                guard domain.dimension == 1 else { return .step(.end(.notFinite)) }
                return .step(finish(.notFinite, after: points, in: domain))
            }
            if let line = contradiction(last, in: domain) {
                lastLook = (line, .converged)
                return .step(look(after: points, in: domain))
            }
            if let step = retreat(from: last, in: domain) { return .step(step) }
            return domain.dimension == 1 ? .step(finish(.noDescent, after: points, in: domain)) : .stuck
        }
        if isFirst, last.activeCount == 0, let lower = domain.below(last.logs) {
            logs = lower
            return .step(.evaluate(lower, gradient: true, accuracy: accuracy))
        }
        let place = isFirst ? nil : Place(logs: logs, gradient: gradient, length: length)
        (logs, value, gradient) = (last.logs, last.value, slopes)
        // The closer the search, the more exact the solves.
        if !isFirst { accuracy = max(1, 0.2 * accuracy) }
        let slope = slope(in: domain)
        firstSlope = firstSlope ?? slope
        if slope <= flatness * (firstSlope ?? 0) { return .step(finish(.flat, after: points, in: domain)) }
        return .accepted(from: place)
    }

    /// The largest projected slope.
    func slope(in domain: SearchDomain) -> Double {
        domain.projected(gradient, at: logs).reduce(0) { max($0, abs($1)) }
    }

    /// Begins a trial along a direction of descent; the step is shortened to ``longestMove``.
    mutating func attempt(_ direction: [Double], length: Double, in domain: SearchDomain) -> SearchStep {
        self.direction = direction
        let largest = direction.reduce(0) { max($0, abs($1)) }
        self.length = largest > 0 ? min(length, Self.longestMove / largest) : 0
        return request(in: domain)
    }

    /// Begins a trial along the slope itself that moves the steepest hyperparameter this far.
    mutating func attemptSteepest(move: Double, in domain: SearchDomain) -> SearchStep {
        let direction = domain.projected(gradient, at: logs).map { -$0 }
        return attempt(direction, length: move / max(slope(in: domain), .leastNormalMagnitude), in: domain)
    }

    /// Ends the descent; with one hyperparameter after a look at values around the point: there may be less beyond the next
    /// jump, which slopes do not see.
    mutating func finish(_ end: SearchEnd, after points: [SearchPoint], in domain: SearchDomain) -> SearchStep {
        guard domain.dimension == 1 else { return .end(end) }
        var line = BrentLine(
            from: logs[0], within: domain.bounds(0), stride: 0.25, resolution: BrentSearch.coarseResolution)
        _ = line.next()
        line.tell(value)
        lastLook = (line, end)
        return look(after: points, in: domain)
    }

    private mutating func look(after points: [SearchPoint], in domain: SearchDomain) -> SearchStep {
        guard let end = lastLook?.end else { return .end(.converged) }
        if let log = lastLook?.line.next() { return .evaluate([log], gradient: false) }
        if let step = WellSearch.next(after: points, in: domain) { return step }
        // A first point without a value is no reason to end where others have one.
        return .end(end == .notFinite && points.contains { $0.value.isFinite } ? .converged : end)
    }

    /// Where one hyperparameter's slope and the values contradict each other, as where the degrees of freedom jump with
    /// every block that enters: a line that looks at values alone, away from the trial that failed.
    private func contradiction(_ point: SearchPoint, in domain: SearchDomain) -> BrentLine? {
        guard domain.dimension == 1, let slope = point.gradient, point.value.isFinite,
            slope[0] * (trial[0] - logs[0]) < 0
        else { return nil }
        return BrentLine(
            from: logs[0], value: value, awayFrom: trial[0], within: domain.bounds(0), stride: 0.4,
            resolution: BrentSearch.coarseResolution)
    }

    private mutating func request(in domain: SearchDomain) -> SearchStep {
        trial = domain.clamp(logs.indices.map { logs[$0] + length * direction[$0] })
        expected = logs.indices.reduce(0) { $0 + gradient[$1] * (trial[$1] - logs[$1]) }
        return .evaluate(trial, gradient: true, accuracy: accuracy)
    }

    /// Whether a trial lowers the criterion enough.
    private func isEnough(_ point: SearchPoint) -> Bool {
        point.value <= value + 1e-4 * min(0, expected) && point.value < value
    }

    /// A shorter trial in place of one that failed: to the minimum of the parabola through what is known.
    ///
    /// - Returns: nil where the step has become too short.
    private mutating func retreat(from point: SearchPoint, in domain: SearchDomain) -> SearchStep? {
        accuracy = max(1, 0.1 * accuracy)
        let bend = point.value - value - expected
        let wanted = bend > 0 && bend.isFinite ? -expected / (2 * bend) : 0.5
        length *= min(0.6, max(0.1, wanted))
        let largest = direction.reduce(0) { max($0, abs($1)) }
        guard length * largest >= shortestStep else { return nil }
        return request(in: domain)
    }
}
