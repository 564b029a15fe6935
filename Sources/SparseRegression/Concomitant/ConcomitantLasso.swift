/// A group Lasso that estimates the noise along with the sources, from repeated epochs (CLaR, Bertrand et al. 2019):
///
///     min 1/(2r) Σ_l tr[(Y⁽ˡ⁾ − XB)ᵀS⁻¹(Y⁽ˡ⁾ − XB)] + (T/2) tr S + Λ Σ_j w_j‖B_j‖   over B and S ⪰ σ_min I
///
/// Jointly convex, and homogeneous: data × c gives B × c and S × c at the same Λ, which therefore needs no noise level. S
/// estimates the square root of the noise covariance of one epoch. With one epoch it is the smoothed generalized
/// concomitant Lasso (Massias et al. 2018); with S = σI, σ → 0, the square-root Lasso. Theirs is this divided by nT.
///
/// At fixed S it is the group Lasso of gain S^−½X and data S^−½Ȳ; at fixed B the best S is known. Both alternate on a working
/// set; the whole gain is never whitened.
public struct ConcomitantLasso: Sendable {
    /// X and Ȳ; samples reduced to the rank of Ȳ, which changes no optimum.
    public let problem: RegressionProblem
    /// What S may be.
    public let noise: NoiseShape
    /// w_j > 0, one a block, infinite to exclude it; nil means all one.
    public let weights: [Double]?
    /// σ_min of each part of S, in ascending order of labels: one for a scalar or full S.
    public let floors: [Double]
    /// r.
    public let repetitions: Int
    let secondMoment: Matrix
    let parts: [[Int]]?
    /// S at B = 0.
    let rootAtZero: NoiseRoot

    /// Samples of all epochs a row that a full S needs; fewer, and S fits what it should measure.
    public static let samplesPerRow = 5

    /// What makes such a problem impossible.
    public enum Invalid: Error, Equatable, Sendable, CustomStringConvertible {
        /// Gain, data and blocks do not fit or are not finite.
        case problem(RegressionProblem.Invalid)
        /// A full S of too few samples, r·T.
        case fewSamples(found: Int, needed: Int)
        /// Not one label a row.
        case labels(found: Int, expected: Int)
        /// Not one weight a block.
        case weights(found: Int, expected: Int)
        /// A weight, a σ_min or Λ that is not positive.
        case notPositive(name: String, value: Double)
        /// Not one σ_min for each part of S.
        case floors(found: Int, expected: Int)
        /// The second moment of the epochs has no eigenvalues.
        case moment(LinearAlgebraError)

        /// One line in plain English.
        public var description: String {
            switch self {
            case .problem(let error): "\(error)"
            case .fewSamples(let found, let needed):
                "\(found) samples in all epochs for a full noise covariance, expected \(needed) or more; use block-wise noise"
            case .labels(let found, let expected): "\(found) labels for \(expected) rows, expected one a row"
            case .weights(let found, let expected): "\(found) weights for \(expected) blocks, expected one a block"
            case .notPositive(let name, let value): "\(name) is \(value), expected a positive number"
            case .floors(let found, let expected):
                "\(found) least noise levels for \(expected) parts of the noise, expected one each"
            case .moment(let error): "the second moment of the epochs: \(error)"
            }
        }
    }

    /// Poses it.
    ///
    /// - Parameters:
    ///   - design: X, n × q.
    ///   - epochs: mean and second moment of n rows.
    ///   - blocks: of the columns.
    ///   - noise: what S may be.
    ///   - weights: w_j.
    ///   - floors: σ_min > 0 of each part of S; nil takes a thousandth of the root mean square of Ȳ in that part, which
    ///     only keeps S invertible.
    /// - Throws: ``Invalid``; a full S of fewer than 5n samples is refused.
    /// - Complexity: O(nq + nT²), and O(n³) for a full S.
    public init(
        design: Design, epochs: EpochStatistics, blocks: BlockStructure, noise: NoiseShape, weights: [Double]? = nil,
        floors: [Double]? = nil
    ) throws(Invalid) {
        let samples = epochs.count * epochs.mean.columns
        let needed = Self.samplesPerRow * design.rows
        if noise == .full, samples < needed { throw .fewSamples(found: samples, needed: needed) }
        try self.init(
            anySamples: design, epochs: epochs, blocks: blocks, noise: noise, weights: weights, floors: floors)
    }

    /// The same without asking for 5n samples.
    init(
        anySamples design: Design, epochs: EpochStatistics, blocks: BlockStructure, noise: NoiseShape,
        weights: [Double]? = nil, floors: [Double]? = nil
    ) throws(Invalid) {
        do { problem = try RegressionProblem(design: design, response: epochs.mean, blocks: blocks) } catch {
            throw .problem(error)
        }
        let n = design.rows
        if case .blocks(let labels) = noise, labels.count != n { throw .labels(found: labels.count, expected: n) }
        if let weights {
            guard weights.count == blocks.count else { throw .weights(found: weights.count, expected: blocks.count) }
            if let bad = weights.first(where: { !($0 > 0) }) { throw .notPositive(name: "a weight", value: bad) }
        }
        parts = noise.parts(rows: n)
        let whole = parts ?? [Array(0..<n)]
        if let floors, floors.count != whole.count { throw .floors(found: floors.count, expected: whole.count) }
        if let bad = floors?.first(where: { !($0 > 0 && $0.isFinite) }) {
            throw .notPositive(name: "the least noise level", value: bad)
        }
        self.floors = floors ?? whole.map { Self.usualFloor($0, epochs) }
        self.noise = noise
        self.weights = weights
        repetitions = epochs.count
        secondMoment = epochs.secondMoment
        do {
            rootAtZero = try NoiseRoot(
                of: secondMoment, parts: parts, floors: Self.spread(self.floors, over: parts, rows: n))
        } catch { throw .moment(error) }
    }

    /// A thousandth of the root mean square of some rows of Ȳ, or of the epochs where that is zero.
    private static func usualFloor(_ rows: [Int], _ epochs: EpochStatistics) -> Double {
        let (mean, t) = (epochs.mean, epochs.mean.columns)
        let square = rows.reduce(0) { sum, i in (0..<t).reduce(sum) { $0 + mean[i, $1] * mean[i, $1] } } / Double(t)
        let other = rows.reduce(0) { $0 + epochs.secondMoment[$1, $1] }
        let power = (square > 0 ? square : other) / Double(rows.count)
        return power > 0 ? 1e-3 * power.squareRoot() : 1
    }

    private static func spread(_ floors: [Double], over parts: [[Int]]?, rows: Int) -> [Double] {
        var result = [Double](repeating: floors[0], count: rows)
        for (part, floor) in zip(parts ?? [], floors) { for row in part { result[row] = floor } }
        return result
    }

    /// σ_min of each direction of S.
    var rowFloors: [Double] { Self.spread(floors, over: parts, rows: problem.rowCount) }

    /// w_j.
    @inline(__always)
    func weight(_ block: Int) -> Double { weights?[block] ?? 1 }

    /// What was reached.
    public struct Solution: Sendable {
        /// Λ.
        public let lambda: Double
        /// The blocks that are not zero, in the samples of ``ConcomitantLasso/problem``; also a start for the next solve.
        public let active: ActiveSet
        /// S, and S² as the noise covariance of one epoch.
        public let noise: NoiseRoot
        /// P(B, S).
        public let objective: Double
        /// The best lower bound of any P.
        public let dualObjective: Double
        /// (objective − dual objective) over the objective at B = 0.
        public let relativeGap: Double
        /// Sweeps of coordinate descent.
        public let epochs: Int
        /// Times that S was computed.
        public let rounds: Int
        /// Looks at all blocks.
        public let fullPasses: Int
        /// Blocks that Gap Safe rules proved to be zero.
        public let screenedBlocks: Int
        /// Why the solver stopped.
        public let reason: StopReason
    }

    /// The smallest Λ at which nothing is active: max_j ‖X_jᵀS⁻¹Ȳ‖/w_j with the S of B = 0.
    ///
    /// - Complexity: O(n·q·T).
    public func largestLambda(parallelism: Parallelism = .serial) -> Double {
        let whitened = rootAtZero.whitened(problem.response, parallelism: parallelism)
        let norms = problem.correlationNorms(
            rootAtZero.solved(whitened: whitened, parallelism: parallelism), parallelism: parallelism)
        return norms.indices.reduce(0) { max($0, norms[$1] / weight($1)) }
    }

    /// Minimizes.
    ///
    /// - Parameters:
    ///   - lambda: Λ, positive.
    ///   - start: a solution to begin with; nil begins at zero.
    ///   - stop: the gap that is good enough, most sweeps, looks and time.
    ///   - parallelism: threads; no result depends on them.
    ///   - monitor: progress and cancellation; the point reached is returned.
    /// - Throws: ``Invalid`` where Λ is not a positive number.
    /// - Complexity: O(n·q·T) a look at all blocks; O(n²·|W|o + n³) a round on the working set W.
    public func solve(
        lambda: Double, from start: Solution? = nil, stop: StopRule = StopRule(), parallelism: Parallelism = .serial,
        monitor: Monitor = .silent
    ) throws(Invalid) -> Solution {
        guard lambda > 0, lambda.isFinite else { throw .notPositive(name: "Λ", value: lambda) }
        return ConcomitantDescent(self, parallelism: parallelism)
            .solve(lambda, from: start?.active, stop: stop, monitor: monitor)
    }

    /// Solves along a path of Λ, each from the solution before.
    ///
    /// - Parameters: as of ``solve(lambda:from:stop:parallelism:monitor:)``.
    /// - Returns: one a value, descending; fewer where the caller cancelled or the time was over.
    public func path(
        over grid: LambdaGrid, stop: StopRule = StopRule(), parallelism: Parallelism = .serial,
        monitor: Monitor = .silent
    ) -> [Solution] {
        let descent = ConcomitantDescent(self, parallelism: parallelism)
        let clock = Stopwatch(limit: stop.maximumSeconds)
        var solutions: [Solution] = []
        for lambda in grid.values {
            var rule = stop
            rule.maximumSeconds -= clock.seconds
            let found = descent.solve(lambda, from: solutions.last?.active, stop: rule, monitor: monitor)
            solutions.append(found)
            if found.reason == .cancelled || found.reason == .timeLimit { break }
        }
        return solutions
    }
}
