/// What is printed of solutions: the last one, and every point of a path.
public struct SolveSummary: Encodable, Sendable {
    /// What is printed of one solution.
    public struct Point: Encodable, Sendable {
        package let lambda: Double
        package let objective: Double
        /// Nil where the penalty is not convex.
        public let relativeGap: Double?
        /// Nil where nobody reckoned it.
        public let relativeViolation: Double?
        package let nonzero: Int
        package let support: [Int]
        package let epochs: Int
        package let newtonSteps: Int
        package let fullPasses: Int
        package let passesOverGain: Double
        package let screened: Int
        package let allocations: Int
        package let reason: String

        init(_ lambda: Double, _ solution: Solution) {
            let certificate = solution.certificate
            self.lambda = lambda
            objective = certificate.objective
            relativeGap = certificate.relativeGap.isFinite ? certificate.relativeGap : nil
            relativeViolation = certificate.relativeViolation.isFinite ? certificate.relativeViolation : nil
            nonzero = solution.active.count
            support = solution.active.blocks
            epochs = certificate.epochs
            newtonSteps = certificate.newtonSteps
            fullPasses = certificate.fullPasses
            passesOverGain = certificate.passesOverGain
            screened = certificate.screenedBlocks
            allocations = certificate.allocations
            reason = solution.reason.rawValue
        }
    }

    /// The settings of time-frequency norms.
    package struct TimeFrequency: Encodable, Sendable {
        package let method: String
        package let rho: Double
        package let windows, steps: [Int]
    }

    /// The solution at λ, or at the last of a path.
    public let last: Point
    /// Every point of a path; nil for one λ.
    public let path: [Point]?
    /// What was minimized, where it is not the mixed norm, and how.
    package let timeFrequency: TimeFrequency?
    /// Name of the penalty.
    public let penalty: String
    /// Name of the engine.
    public let solver: String
    /// The smallest λ at which nothing is active.
    public let lambdaMax: Double
    /// How many blocks there are; not printed.
    public let sources: Int
    /// Seconds of the solve, and of reading before it; nil, and not printed, where nobody asks.
    public var seconds: Double?
    package var loadSeconds: Double?

    /// What is printed of an answer.
    ///
    /// - Parameter answer: with at least one point, as every answer of a request has.
    public init(_ answer: SolveRequest.Answer, of request: SolveRequest, blocks: Int) {
        let points = answer.points.map { Point($0.lambda, $0.solution) }
        last = points[points.count - 1]
        path = request.count == nil && request.lambdas == nil ? nil : points
        let used = request.frameSettings
        timeFrequency =
            request.method == .timeFrequency
            ? TimeFrequency(
                method: request.method.rawValue, rho: used.rho, windows: used.windows, steps: used.steps)
            : nil
        penalty = request.penalty.name
        solver = request.engine.rawValue
        lambdaMax = answer.largest
        sources = blocks
    }

    private enum CodingKeys: CodingKey {
        case path, penalty, solver, lambdaMax, seconds, loadSeconds
    }

    /// Writes the last point's numbers beside those of all.
    public func encode(to encoder: any Encoder) throws {
        try last.encode(to: encoder)
        try timeFrequency?.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(path, forKey: .path)
        try container.encode(penalty, forKey: .penalty)
        try container.encode(solver, forKey: .solver)
        try container.encode(lambdaMax, forKey: .lambdaMax)
        try container.encodeIfPresent(seconds, forKey: .seconds)
        try container.encodeIfPresent(loadSeconds, forKey: .loadSeconds)
    }
}
