import Glibc

/// λ from the law of the noise alone: a quantile of max_j ‖X_jᵀE‖/w_j over standard normal E, n × T.
///
/// At λ = σ times it, noise of level σ makes no block active in that part of all recordings. For a concomitant problem of r
/// epochs Λ is it over √r, whatever S may be: S⁻¹Ȳ is E/√r there. No path and no noise level is needed. (The universal λ of
/// Donoho & Johnstone 1994 for one design, by Monte Carlo; the pivotal λ of Belloni, Chernozhukov & Wang 2011.)
public struct NoiseQuantile: Sendable, Equatable {
    /// The part of recordings of noise alone in which nothing is active, between 0 and 1.
    public let probability: Double
    /// Number of draws.
    public let draws: Int
    /// Seed of the draws.
    public let seed: UInt64
    /// ρ_0, ρ_1 …: how samples of the noise are correlated with later ones; zero beyond.
    public let autocorrelation: [Double]

    /// What makes a quantile impossible.
    public enum Invalid: Error, Equatable, Sendable, CustomStringConvertible {
        /// A probability that is not between 0 and 1.
        case probability(Double)
        /// Too few draws: the quantile lies beyond the largest.
        case draws(found: Int, needed: Int)
        /// No noise has this autocorrelation.
        case autocorrelation

        /// One line in plain English.
        public var description: String {
            switch self {
            case .probability(let value): "a probability of \(value), expected one between 0 and 1"
            case .draws(let found, let needed): "\(found) draws of noise, expected \(needed) or more"
            case .autocorrelation: "an autocorrelation that no noise has, expected 1 first and smaller numbers after it"
            }
        }
    }

    /// - Parameters:
    ///   - probability: between 0 and 1.
    ///   - draws: at least probability/(1 − probability).
    ///   - seed: of the draws.
    ///   - autocorrelation: ρ_0 = 1, ρ_1 …; white noise unless given.
    /// - Throws: ``Invalid``.
    public init(
        probability: Double = 0.95, draws: Int = 40, seed: UInt64 = 0, autocorrelation: [Double] = [1]
    ) throws(Invalid) {
        guard probability > 0, probability < 1 else { throw .probability(probability) }
        let needed = (probability / (1 - probability) * (1 - 1e-12)).rounded(.up)
        guard Double(draws) >= needed else { throw .draws(found: draws, needed: Int(min(needed, 1e15))) }
        guard autocorrelation.first == 1, autocorrelation.dropFirst().allSatisfy({ abs($0) <= 1 }) else {
            throw .autocorrelation
        }
        self.probability = probability
        self.draws = draws
        self.seed = seed
        self.autocorrelation = autocorrelation
    }

    /// The autocorrelation of noise that was recorded: Σ_t y_t y_{t+k} over Σ_t y_t², rows weighted alike.
    ///
    /// The sums are over all samples there are and not divided by their number, so that noise of it exists.
    ///
    /// - Parameters:
    ///   - baseline: n × samples of noise of mean zero; rows of zeros do not count.
    ///   - window: samples that are drawn: none further apart are compared.
    /// - Returns: as many numbers as samples or the window has; of no noise that of white noise.
    /// - Complexity: O(n · samples · window).
    public static func autocorrelation(of baseline: Matrix, window: Int = .max) -> [Double] {
        let count = baseline.columns
        var sums = [Double](repeating: 0, count: max(1, min(count, window)))
        for i in 0..<baseline.rows {
            let course = baseline.row(i)
            let power = course.reduce(0) { $0 + $1 * $1 }
            guard power > 0, power.isFinite else { continue }
            for lag in 0..<min(sums.count, count) {
                sums[lag] += (lag..<count).reduce(0) { $0 + course[$1] * course[$1 - lag] } / power
            }
        }
        return sums[0] > 0 ? [1] + sums.dropFirst().map { $0 / sums[0] } : [1]
    }

    /// The quantile for a problem: its gain, blocks and number of samples.
    ///
    /// Between the k-th and next of m draws where k/(m + 1) is the probability, which a fresh draw then exceeds in as many
    /// cases as it should, averaged over seeds.
    ///
    /// - Parameters:
    ///   - problem: whose response is not read.
    ///   - weights: w_j, one a block; those of weight zero or infinite do not count. nil means all one.
    ///   - parallelism: threads; they change no bit.
    ///   - monitor: cancellation.
    /// - Throws: ``Invalid/autocorrelation``, and `CancellationError`.
    /// - Complexity: O(n·q·min(n, T)) a draw.
    public func value(
        for problem: RegressionProblem, weights: [Double]? = nil, parallelism: Parallelism = .serial,
        monitor: Monitor = .silent
    ) throws -> Double {
        let sorted = try largest(for: problem, weights: weights, parallelism: parallelism, monitor: monitor).sorted()
        let place = max(1, min(Double(draws), probability * Double(draws + 1)))
        let lower = Int(place)
        let upper = min(draws, lower + 1)
        return sorted[lower - 1] + (place - Double(lower)) * (sorted[upper - 1] - sorted[lower - 1])
    }

    /// max_j ‖X_jᵀE‖/w_j of each draw.
    func largest(
        for problem: RegressionProblem, weights: [Double]?, parallelism: Parallelism, monitor: Monitor
    ) throws -> [Double] {
        let (n, t) = (problem.rowCount, problem.sampleCount)
        return try forEachDraw(rows: n, samples: t, monitor: monitor) { noise in
            // ‖X_jᵀE‖ depends on EEᵀ alone: its Cholesky factor has no more columns than rows.
            let norms = problem.correlationNorms(
                t > n ? Self.squareRoot(of: noise) ?? noise : noise, parallelism: parallelism)
            return norms.indices.reduce(0) { largest, j in
                let weight = weights?[j] ?? 1
                return weight > 0 ? max(largest, norms[j] / weight) : largest
            }
        }
    }

    /// What follows from each draw of E, n × T.
    ///
    /// - Throws: as ``value(for:weights:parallelism:monitor:)``.
    package func forEachDraw<Value>(
        rows: Int, samples: Int, monitor: Monitor, _ body: (Matrix) throws -> Value
    ) throws -> [Value] {
        let colour = try Self.colour(autocorrelation, samples: samples)
        return try (0..<draws).map { draw in
            if monitor.isCancelled() { throw CancellationError() }
            var random = SeededGenerator(seed: seed &+ UInt64(truncatingIfNeeded: draw) &* 0x9E37_79B9_7F4A_7C15)
            let noise = random.normal(rows: rows, columns: samples)
            guard let colour else { return try body(noise) }
            return try body(Matrix.product(noise, transposed: false, colour, transposed: true))
        }
    }

    /// L, T × T, with LLᵀ the correlations of T samples of noise: of white noise E, ELᵀ is such noise.
    ///
    /// - Parameter autocorrelation: ρ_0 = 1, ρ_1 …; zero beyond.
    /// - Returns: nil where samples are independent.
    /// - Throws: ``Invalid/autocorrelation``.
    /// - Complexity: O(T³).
    package static func colour(_ autocorrelation: [Double], samples: Int) throws(Invalid) -> Matrix? {
        guard samples > 1, autocorrelation.dropFirst().contains(where: { $0 != 0 }) else { return nil }
        // Noise without some frequencies has a singular matrix: a little white noise stands for rounding.
        let correlations = Matrix(rows: samples, columns: samples) { i, j in
            let lag = abs(i - j)
            return lag == 0 ? 1 + 1e-10 : lag < autocorrelation.count ? autocorrelation[lag] : 0
        }
        guard let factor = factor(correlations) else { throw .autocorrelation }
        return factor
    }

    /// L with LLᵀ = AAᵀ; nil where that is singular.
    private static func squareRoot(of matrix: Matrix) -> Matrix? {
        factor(Matrix.product(matrix, transposed: false, matrix, transposed: true))
    }

    private static func factor(_ matrix: Matrix) -> Matrix? {
        var factor = matrix
        guard LAPACK.cholesky(matrix.rows, &factor.elements, matrix.rows) else { return nil }
        for j in 1..<max(1, matrix.columns) { for i in 0..<j { factor[i, j] = 0 } }
        return factor
    }
}

/// λ = σ·quantile with the σ of its own residual, σ = ‖R‖/√(nT): the scalar concomitant estimate of a response whitened but
/// for one factor, by solves at one λ after another (scaled Lasso, Sun & Zhang 2012).
public struct SettledNoise: Sendable {
    /// One round.
    public struct Round: Sendable {
        /// λ that was solved at.
        public let lambda: Double
        /// √(nT)·‖R‖ + quantile·Σ w_j‖B_j‖: what the rounds minimize.
        public let objective: Double
        /// What was found.
        public let solution: Solution
        /// s.
        public let seconds: Double

        /// A round that was solved.
        public init(lambda: Double, objective: Double, solution: Solution, seconds: Double) {
            self.lambda = lambda
            self.objective = objective
            self.solution = solution
            self.seconds = seconds
        }
    }

    /// σ at rest.
    public let deviation: Double
    /// All rounds, at least one; the last is the result.
    public let rounds: [Round]
    /// Whether σ came to rest.
    public let isAtRest: Bool

    /// The changes of σ that count as rest, and most rounds.
    private static let (tolerance, mostRounds) = (1e-4, 30)

    /// Solves until σ rests.
    ///
    /// - Parameters:
    ///   - quantile: Λ; see ``NoiseQuantile``.
    ///   - session: of the problem.
    ///   - penalty: at a λ.
    ///   - stop: how exactly each round is solved.
    ///   - monitor: progress and cancellation, after which σ is not at rest.
    /// - Throws: what `penalty` throws.
    public init(
        quantile: Double, _ session: some SolverSession, penalty: (_ lambda: Double) throws -> some BlockPenalty,
        stop: StopRule = StopRule(), monitor: Monitor = .silent
    ) throws {
        let problem = session.problem
        let entries = Double(problem.rowCount) * Double(problem.sampleCount)
        let first = (problem.squaredResponseNorm / entries).squareRoot()
        // Data without noise, or zero, would have no λ.
        let floor = first > 0 ? 1e-3 * first : 1
        var (sigma, rounds, isAtRest) = (max(first, floor), [Round](), false)
        while rounds.count < Self.mostRounds, !isAtRest {
            let (lambda, clock) = (sigma * quantile, Stopwatch())
            let solution = session.solve(
                try penalty(lambda), from: rounds.last?.solution.active, stop: stop, monitor: monitor)
            let next = max((solution.squaredResidual / entries).squareRoot(), floor)
            let penalized = solution.certificate.objective - 0.5 * solution.squaredResidual
            let objective = 0.5 * (solution.squaredResidual / next + entries * next) + penalized / sigma
            rounds.append(Round(lambda: lambda, objective: objective, solution: solution, seconds: clock.seconds))
            isAtRest = abs(next - sigma) <= Self.tolerance * sigma
            sigma = next
            if solution.reason == .cancelled || solution.reason == .notFinite { break }
        }
        self.deviation = sigma
        self.rounds = rounds
        self.isAtRest = isAtRest
    }
}

extension ConcomitantLasso {
    /// Λ by a quantile of noise: it over √r, whatever S may be.
    ///
    /// - Throws: as ``NoiseQuantile/value(for:weights:parallelism:monitor:)``.
    public func lambda(
        by noise: NoiseQuantile, parallelism: Parallelism = .serial, monitor: Monitor = .silent
    ) throws -> Double {
        try noise.value(for: problem, weights: weights, parallelism: parallelism, monitor: monitor)
            / Double(repetitions).squareRoot()
    }
}
