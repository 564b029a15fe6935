/// What the searches that follow gradients share: a point with its gradient, and trial steps from it that must lower the
/// criterion enough (Armijo 1966).
struct Descent: Sendable {
    /// The best point accepted.
    private(set) var logs: [Double]
    private(set) var value = Double.infinity
    private(set) var gradient: [Double] = []
    /// The direction of the trial, and how far along it.
    private(set) var direction: [Double] = []
    private(set) var length = 0.0
    /// How inexactly evaluations are done, in units of the caller's gap.
    private(set) var accuracy: Double
    /// The largest projected slope at the first point.
    private(set) var firstSlope: Double?
    /// The slope along the trial, and the trial's failures so far.
    private var expected = 0.0
    private(set) var failures = 0
    private var trial: [Double] = []

    /// The largest change of a logarithm in one step.
    static let longestMove = 1.2

    init(at start: [Double], accuracy: Double) {
        logs = start
        self.accuracy = max(1, accuracy)
    }

    /// Whether nothing was evaluated yet.
    var isNew: Bool { gradient.isEmpty }

    /// Takes over a point.
    mutating func accept(_ point: SearchPoint, _ gradient: [Double], in domain: SearchDomain) {
        logs = point.logs
        value = point.value
        self.gradient = gradient
        failures = 0
        // The closer the search, the more exact the solves.
        if firstSlope != nil { accuracy = max(1, 0.2 * accuracy) }
        firstSlope = firstSlope ?? slope(in: domain)
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

    private mutating func request(in domain: SearchDomain) -> SearchStep {
        trial = domain.clamp(logs.indices.map { logs[$0] + length * direction[$0] })
        expected = logs.indices.reduce(0) { $0 + gradient[$1] * (trial[$1] - logs[$1]) }
        return .evaluate(trial, gradient: true, accuracy: accuracy)
    }

    /// A point further down where nothing is active, and nothing has a slope; nil at the bounds.
    mutating func descendFromNothing(in domain: SearchDomain) -> SearchStep? {
        let next = domain.clamp(logs.map { $0 - 0.5 })
        guard next != logs else { return nil }
        logs = next
        return .evaluate(next, gradient: true, accuracy: accuracy)
    }

    /// Where one hyperparameter's slope and the values contradict each other, as where the degrees of freedom jump with
    /// every block that enters: a line that looks at values alone, away from the trial that failed.
    func contradiction(_ point: SearchPoint, in domain: SearchDomain) -> BrentLine? {
        guard domain.dimension == 1, let slope = point.gradient, point.value.isFinite,
            slope[0] * (trial[0] - logs[0]) < 0
        else { return nil }
        return BrentLine(
            from: logs[0], value: value, awayFrom: trial[0], within: domain.lower[0]...domain.upper[0], stride: 0.4,
            resolution: 0.02)
    }

    /// With one hyperparameter, a last look at values around the point where slopes see nothing more to gain: there may be
    /// less beyond the next jump.
    func lastLook(in domain: SearchDomain) -> BrentLine? {
        guard domain.dimension == 1 else { return nil }
        var line = BrentLine(
            from: logs[0], within: domain.lower[0]...domain.upper[0], stride: 0.25, resolution: 0.02)
        _ = line.next()
        line.tell(value)
        return line
    }

    /// Whether a trial lowers the criterion enough.
    func isEnough(_ point: SearchPoint) -> Bool {
        point.value <= value + 1e-4 * min(0, expected) && point.value < value
    }

    /// A shorter trial in place of one that failed: to the minimum of the parabola through what is known.
    ///
    /// - Returns: nil where the step has become shorter than `shortest`.
    mutating func retreat(from point: SearchPoint, shortest: Double, in domain: SearchDomain) -> SearchStep? {
        failures += 1
        accuracy = max(1, 0.1 * accuracy)
        let bend = point.value - value - expected
        let wanted = bend > 0 && bend.isFinite ? -expected / (2 * bend) : 0.5
        length *= min(0.6, max(0.1, wanted))
        let largest = direction.reduce(0) { max($0, abs($1)) }
        guard length * largest >= shortest else { return nil }
        return request(in: domain)
    }
}
