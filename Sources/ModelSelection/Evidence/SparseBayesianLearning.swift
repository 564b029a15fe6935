import Glibc

/// Sparse Bayesian learning over blocks: every source has a variance γ_j of its own, and the γ that make the data most
/// probable are found (Tipping 2001; Wipf & Nagarajan 2009; Champagne of Wipf et al. 2010).
///
/// Minimizes log det Σ + tr(Σ⁻¹YYᵀ)/T with Σ = σ²I + Σ_j γ_jX_jX_jᵀ, by the convexity bound: γ_j ← γ_j√(q_j/z_j) with
/// z_j = tr(X_jᵀΣ⁻¹X_j) and q_j = ‖X_jᵀΣ⁻¹Y‖²/T, cheap steps accelerated by extrapolation. None raises the objective. At a
/// fixed point γ_j = ‖B_j‖/√(T z_j) with B of the multitask Lasso of weights λ_j = σ²√(T z_j).
public struct SparseBayesianLearning: Sendable {
    /// σ²: variance of an entry of the noise in Y.
    public var noiseVariance: Double
    /// Sources below this part of the largest γ are dropped.
    public var pruning = 1e-4
    /// The updates end where log γ of no kept source changes by more.
    public var tolerance = 1e-3
    /// They also end where the last ten lowered the objective, −2/T times the log evidence, by less than this.
    public var improvement = 2e-4
    /// Most updates.
    public var maximumUpdates = 2000

    /// - Parameter noiseVariance: σ² > 0, 1 after whitening with a right covariance.
    public init(noiseVariance: Double = 1) { self.noiseVariance = noiseVariance }

    /// What was learned.
    public struct Outcome: Sendable {
        /// The posterior means, B = ΓXᵀΣ⁻¹Y, of the sources that were kept.
        public let active: ActiveSet
        /// γ_j of all sources; 0 where dropped.
        public let variances: [Double]
        /// λ_j = σ²√(T z_j) of all sources: the weighted multitask Lasso whose solution reproduces γ.
        public let weights: [Double]
        /// log det Σ + tr(Σ⁻¹YYᵀ)/T before each update and at the end; it never rises but by pruning.
        public let history: [Double]
        /// Sources kept at each value of the history.
        public let counts: [Int]
        /// ‖∂/∂log γ‖ of the objective at the end, over the sources that were kept.
        public let gradientNorm: Double
        /// Why the updates ended.
        public let end: SearchEnd
    }

    /// Learns the variances.
    ///
    /// - Parameters:
    ///   - problem: what is explained.
    ///   - start: γ_j to begin with, each at least 0; nil begins with equal variances that explain the data's power.
    ///   - parallelism: threads for the larger products; they change no bit.
    ///   - monitor: progress and cancellation.
    /// - Throws: ``InvalidCriterion`` for a noise variance that is not positive, or a start of another length.
    /// - Complexity: O(n³ + n²·k) an update, k columns still kept.
    public func run(
        _ problem: RegressionProblem, from start: [Double]? = nil, parallelism: Parallelism = .serial,
        monitor: Monitor = .silent
    ) throws -> Outcome {
        guard noiseVariance > 0, noiseVariance.isFinite else {
            throw InvalidCriterion("a noise variance of \(noiseVariance); expected a positive number")
        }
        let count = problem.blocks.count
        if let start, start.count != count || start.contains(where: { !($0 >= 0 && $0.isFinite) }) {
            throw InvalidCriterion(
                "\(start.count) variances for \(count) sources; expected one a source, none negative")
        }
        var variances = start ?? Self.equal(problem)
        var state = State(problem, noiseVariance, parallelism)
        var history: [Double] = []
        var counts: [Int] = []
        var end: SearchEnd?
        /// The variances before the update before this one, every other time.
        var last: [Double]?
        var next = state.moments(variances)
        while end == nil {
            guard let moments = next else {
                end = .notFinite
                break
            }
            history.append(moments.objective)
            counts.append(moments.kept.count)
            monitor.report(
                .init(
                    stage: "evidence",
                    detail: String(printf: "%.6g, ", moments.objective)
                        + "\(moments.kept.count) sources, update \(history.count)"))
            if monitor.isCancelled() {
                end = .cancelled
            } else if history.count > maximumUpdates {
                end = .evaluationLimit
            } else if moments.kept.isEmpty {
                end = .converged
            }
            if end != nil { break }
            let step = updated(variances, moments)
            var updated = step.variances
            if step.change <= tolerance {
                end = .converged
            } else if history.count > 10, history[history.count - 11] - moments.objective < improvement {
                end = .flat
            }
            // Updates shrink what is superfluous a little at a time: every third goes further along the parabola through the
            // last two steps in log γ (SQUAREM, Varadhan & Roland 2008), and is taken back where the objective would rise.
            var known: Moments?
            if end == nil {
                if let before = last {
                    let further = extrapolated(before, variances, updated, moments.kept)
                    if let there = state.moments(further), there.objective < moments.objective {
                        updated = further
                        known = there
                    }
                    last = nil
                } else {
                    last = variances
                }
            }
            variances = updated
            next = known ?? state.moments(variances)
            if end != nil, let next {
                history.append(next.objective)
                counts.append(next.kept.count)
            }
        }
        let moments = next
        return Outcome(
            active: moments.map { state.means($0, variances) } ?? .empty(samples: problem.response.columns),
            variances: variances, weights: state.weights(moments), history: history, counts: counts,
            gradientNorm: moments.map { last in
                last.kept.indices.reduce(0) {
                    let slope = variances[last.kept[$1]] * (last.z[$1] - last.q[$1])
                    return $0 + slope * slope
                }.squareRoot()
            } ?? .nan, end: end ?? .converged)
    }

    /// One update, γ_j ← γ_j√(q_j/z_j) or 0 where that is pruned, and the largest change of log γ of what is kept.
    private func updated(_ variances: [Double], _ moments: Moments) -> (variances: [Double], change: Double) {
        var updated = variances
        for (i, j) in moments.kept.enumerated() {
            updated[j] = moments.z[i] > 0 ? variances[j] * (moments.q[i] / moments.z[i]).squareRoot() : 0
        }
        let largest = updated.reduce(0, max)
        var change = 0.0
        for j in moments.kept {
            if updated[j] < pruning * largest {
                updated[j] = 0
            } else {
                change = max(change, abs(log(updated[j] / variances[j])))
            }
        }
        return (updated, change)
    }

    /// γ further along the way from `first` over `second` to `third`.
    private func extrapolated(_ first: [Double], _ second: [Double], _ third: [Double], _ kept: [Int]) -> [Double] {
        let moving = kept.filter { first[$0] > 0 && second[$0] > 0 && third[$0] > 0 }
        var (step, bend) = (0.0, 0.0)
        for j in moving {
            let (r, v) = (log(second[j] / first[j]), log(third[j] / second[j]) - log(second[j] / first[j]))
            step += r * r
            bend += v * v
        }
        let length = bend > 0 ? min(64, max(1, (step / bend).squareRoot())) : 64
        var result = third
        for j in moving {
            let (r, v) = (log(second[j] / first[j]), log(third[j] / second[j]) - log(second[j] / first[j]))
            // No further than two or three orders of magnitude at once.
            let change = min(6, max(-6, 2 * length * r + length * length * v))
            result[j] = first[j] * exp(change)
        }
        let largest = result.reduce(0, max)
        for j in moving where result[j] < pruning * largest { result[j] = 0 }
        return result
    }

    /// Equal variances with tr Σ = ‖Y‖²/T.
    private static func equal(_ problem: RegressionProblem) -> [Double] {
        let power = problem.squaredResponseNorm / Double(problem.sampleCount)
        let gain = problem.design.squaredNorm
        return [Double](repeating: gain > 0 ? max(power, .leastNormalMagnitude) / gain : 0, count: problem.blocks.count)
    }

    /// z_j and q_j of the sources kept, and what they cost to compute.
    private struct Moments {
        var kept: [Int]
        var z: [Double]
        var q: [Double]
        var objective: Double
        var inverse: Cholesky
    }

    private struct State {
        let problem: RegressionProblem
        let noiseVariance: Double
        let parallelism: Parallelism
        /// Columns of the sources kept; fewer as the variances are pruned.
        private var kept: [Int] = []
        private var columns = Matrix(rows: 0, columns: 0)

        init(_ problem: RegressionProblem, _ noiseVariance: Double, _ parallelism: Parallelism) {
            self.problem = problem
            self.noiseVariance = noiseVariance
            self.parallelism = parallelism
        }

        private func indices(_ blocks: [Int]) -> [Int] { blocks.flatMap { Array(problem.blocks.columns(of: $0)) } }

        mutating func moments(_ variances: [Double]) -> Moments? {
            let nonzero = variances.indices.filter { variances[$0] > 0 }
            if nonzero != kept || columns.rows == 0 {
                kept = nonzero
                columns = problem.design.columns(indices(nonzero))
            }
            let n = problem.rowCount
            var scaled = columns
            var column = 0
            for j in kept {
                let root = variances[j].squareRoot()
                for _ in problem.blocks.columns(of: j) {
                    for i in 0..<n { scaled[i, column] *= root }
                    column += 1
                }
            }
            var sigma = Matrix.product(scaled, transposed: false, scaled, transposed: true, parallelism: parallelism)
            for i in 0..<n { sigma[i, i] += noiseVariance }
            guard let factor = try? Cholesky(sigma) else { return nil }
            let whitened = factor.solve(problem.response)
            let samples = Double(problem.sampleCount)
            let quadratic = zip(whitened.elements, problem.response.elements).reduce(0) { $0 + $1.0 * $1.1 }
            let objective = factor.logDeterminant + quadratic / samples
            guard objective.isFinite else { return nil }
            // Σ⁻¹X, of which only its products with X are needed, column by column.
            let solved = Matrix.product(factor.inverse(), columns, parallelism: parallelism)
            let fitted = Matrix.product(columns, transposed: true, whitened, parallelism: parallelism)
            var (z, q) = ([Double](), [Double]())
            column = 0
            for j in kept {
                var (own, power) = (0.0, 0.0)
                for _ in problem.blocks.columns(of: j) {
                    for i in 0..<n { own += solved.elements[i + column * n] * columns.elements[i + column * n] }
                    for t in 0..<fitted.columns { power += fitted[column, t] * fitted[column, t] }
                    column += 1
                }
                z.append(own)
                q.append(power / samples)
            }
            return Moments(kept: kept, z: z, q: q, objective: objective, inverse: factor)
        }

        /// B = ΓXᵀΣ⁻¹Y.
        func means(_ moments: Moments, _ variances: [Double]) -> ActiveSet {
            let whitened = moments.inverse.solve(problem.response)
            var coefficients = Matrix.product(whitened, transposed: true, columns)
            var offsets = [0]
            for j in kept {
                for c in offsets[offsets.count - 1]..<(offsets[offsets.count - 1] + problem.blocks.columns(of: j).count)
                {
                    for t in 0..<coefficients.rows { coefficients[t, c] *= variances[j] }
                }
                offsets.append(offsets[offsets.count - 1] + problem.blocks.columns(of: j).count)
            }
            return ActiveSet(blocks: kept, offsets: offsets, coefficients: coefficients)
        }

        /// σ²√(T z_j) of all sources.
        func weights(_ moments: Moments?) -> [Double] {
            let count = problem.blocks.count
            guard let moments else { return [Double](repeating: .nan, count: count) }
            let design = problem.design.matrix
            let solved = Matrix.product(moments.inverse.inverse(), design, parallelism: parallelism)
            return (0..<count).map { j in
                var z = 0.0
                for c in problem.blocks.columns(of: j) {
                    for i in 0..<problem.rowCount { z += solved[i, c] * design[i, c] }
                }
                return noiseVariance * (Double(problem.sampleCount) * z).squareRoot()
            }
        }
    }
}

extension CriterionKind {
    /// The marginal likelihood. It is no function of a solution and no criterion of a search: ``SparseBayesianLearning``.
    public static let evidence = CriterionKind(
        "evidence", help: "the marginal likelihood, which has updates of its own", needsNoiseLevel: true,
        isSearched: false
    ) { _ throws(InvalidCriterion) in
        throw InvalidCriterion("the evidence as a criterion of a search; it has updates of its own")
    }
}
