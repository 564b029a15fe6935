import Glibc
import LinearAlgebra
import Synchronization

/// Reweighting of several problems whose blocks lie in one space: a block costs less where other problems have theirs.
///
/// Each round solves every problem alone, as a group Lasso with λ_j = λ·g_j^(−1/4)·‖X_j‖/‖X_k‖. g = (1 − ρ)·e + ρ·m, scaled
/// to a largest value of one, that of block k, mixes the power e_j that block j explains of its own problem, as a part of all,
/// with a map m of what all problems explain around its place. Where others say that there is a source, neighbours are told
/// apart by what they explain, which is a matter of columns of one norm: without ‖X_j‖ those of the largest columns win.
/// e^(−1/4) = ‖B_j‖^(−1/2) for columns of norm one: without coupling (ρ = 0) these are then the weights of irMxNE (Strohmeier
/// et al. 2016). Blocks of g below a thousandth are left out for a round, those without a column for all. Problems may have any
/// numbers of rows, blocks and samples; a problem without active block takes the map alone.
public struct CoupledReweighting: Sendable {
    /// Most rounds.
    public var rounds: Int
    /// ρ, from 0 to 1.
    public var coupling: Double

    /// Below this part of the largest, a block is left out.
    static let floor = 1e-3

    /// A reweighting.
    ///
    /// - Parameters:
    ///   - rounds: most rounds, 0 or more.
    ///   - coupling: ρ, from 0, each problem alone, to 1, the map alone.
    public init(rounds: Int = 6, coupling: Double = 0.7) {
        self.rounds = rounds
        self.coupling = coupling
    }

    /// What became of one problem.
    public struct Part: Sendable {
        /// Support and coefficients.
        public let active: ActiveSet
        /// ‖Y − XB‖².
        public let squaredResidual: Double
        /// λ_j/λ of the last round, infinite where a block was left out; nil before the first.
        public let weights: [Double]?
        /// Largest relative gap of its rounds.
        public let relativeGap: Double
        /// Sweeps over all rounds.
        public let epochs: Int
    }

    /// What reweighting reached.
    public struct Outcome: Sendable {
        /// One a problem.
        public let parts: [Part]
        /// Rounds done; fewer than asked for when supports and powers came to rest.
        public let roundsDone: Int
    }

    /// The part of what all blocks explain that each explains alone, a number a block: ‖X_jB_j‖² over their sum; zeros where
    /// none is active.
    public static func powers(of active: ActiveSet, in problem: RegressionProblem) -> [Double] {
        var powers = [Double](repeating: 0, count: problem.blocks.count)
        for (i, block) in active.blocks.enumerated() {
            powers[block] =
                Matrix.product(
                    problem.design.columns(problem.blocks.columns(of: block)), transposed: false,
                    active.coefficients.columns(active.offsets[i]..<active.offsets[i + 1]),
                    transposed: true
                ).squaredNorm
        }
        let total = powers.reduce(0, +)
        return total > 0 ? powers.map { $0 / total } : powers
    }

    /// λ_j/λ by own powers, map and norms of the blocks, infinite where a block is left out; nil where all are.
    func weights(_ powers: [Double], _ map: [Double], norms: [Double]) -> [Double]? {
        let mixed = powers.indices.map { norms[$0] > 0 ? (1 - coupling) * powers[$0] + coupling * map[$0] : 0 }
        guard let first = mixed.indices.max(by: { mixed[$0] < mixed[$1] }), mixed[first] > 0 else { return nil }
        return mixed.indices.map { j in
            mixed[j] < Self.floor * mixed[first]
                ? .infinity : pow(mixed[j] / mixed[first], -0.25) * norms[j] / norms[first]
        }
    }

    /// Runs the rounds.
    ///
    /// - Parameters:
    ///   - problems: what is solved.
    ///   - starts: solutions to begin with, one a problem.
    ///   - lambdas: λ of each problem, positive.
    ///   - map: makes of the powers of all problems, a number a block each, the map at the blocks of each; of the same
    ///     scale, so that a map of powers that nobody shares is a power over the number of problems.
    ///   - solver: the engine of the convex problems.
    ///   - stop: when each convex solve stops.
    ///   - parallelism: problems are solved at the same time; no result depends on it.
    ///   - monitor: progress and cancellation; cancelled, the rounds done so far are returned.
    /// - Throws: ``InvalidPenalty`` where the numbers are impossible.
    public func run(
        _ problems: [RegressionProblem], from starts: [ActiveSet], lambdas: [Double],
        map: ([[Double]]) -> [[Double]], solver: some Solver, stop: StopRule, parallelism: Parallelism = .serial,
        monitor: Monitor = .silent
    ) throws(InvalidPenalty) -> Outcome {
        precondition(problems.count == starts.count && problems.count == lambdas.count, "one start and λ a problem")
        var parts = zip(problems, starts).map { problem, start in
            Part(
                active: start, squaredResidual: (problem.response - start.fit(in: problem)).squaredNorm, weights: nil,
                relativeGap: 0, epochs: 0)
        }
        var powers = zip(problems, starts).map { Self.powers(of: $1, in: $0) }
        let norms = problems.map { $0.blockNorms(parallelism: parallelism) }
        var roundsDone = 0
        while roundsDone < rounds, !monitor.isCancelled() {
            monitor.report(.init(stage: "coupling", detail: "round \(roundsDone + 1) of \(rounds)"))
            let maps = map(powers)
            let weights = problems.indices.map { self.weights(powers[$0], maps[$0], norms: norms[$0]) }
            let before = parts
            let solved = Mutex([Result<Part, InvalidPenalty>?](repeating: nil, count: problems.count))
            parallelism.forEachPiece(of: problems.count, piece: 1) { s, _ in
                let part = Result { () throws(InvalidPenalty) in
                    try Self.solve(problems[s], lambdas[s], weights[s], after: before[s], solver, stop, monitor)
                }
                solved.withLock { $0[s] = part }
            }
            let next = try solved.withLock { $0 }.enumerated().map { (s, part) throws(InvalidPenalty) in
                try part?.get() ?? before[s]
            }
            if monitor.isCancelled() { break }
            roundsDone += 1
            let old = powers
            parts = next
            powers = zip(problems, parts).map { Self.powers(of: $1.active, in: $0) }
            let change = zip(old, powers).reduce(0) { zip($1.0, $1.1).reduce($0) { max($0, abs($1.0 - $1.1)) } }
            if change < 1e-6 { break }
        }
        return Outcome(parts: parts, roundsDone: roundsDone)
    }

    /// One problem in one round.
    private static func solve(
        _ problem: RegressionProblem, _ lambda: Double, _ weights: [Double]?, after part: Part, _ solver: some Solver,
        _ stop: StopRule, _ monitor: Monitor
    ) throws(InvalidPenalty) -> Part {
        guard let weights else { return part }
        let kept = weights.indices.filter { weights[$0].isFinite }
        let restricted = problem.restricted(to: kept)
        let penalty = try GroupLasso(lambda: lambda, weights: kept.map { weights[$0] })
        let place = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) })
        let active = part.active
        let staying = active.blocks.indices.filter { place[active.blocks[$0]] != nil }
        let start = ActiveSet(
            blocks: staying.map { place[active.blocks[$0]] ?? 0 },
            offsets: staying.reduce(into: [0]) { $0.append($0[$0.count - 1] + active.width(of: $1)) },
            coefficients: active.coefficients.columns(
                staying.flatMap { Array(active.offsets[$0]..<active.offsets[$0 + 1]) }))
        let solution = solver.solve(restricted, penalty, from: start, stop: stop, monitor: monitor)
        return Part(
            active: ActiveSet(
                blocks: solution.active.blocks.map { kept[$0] }, offsets: solution.active.offsets,
                coefficients: solution.active.coefficients), squaredResidual: solution.squaredResidual,
            weights: weights, relativeGap: max(part.relativeGap, solution.certificate.relativeGap),
            epochs: part.epochs + solution.certificate.epochs)
    }
}

extension ActiveSet {
    /// Columns of an active block.
    fileprivate func width(of i: Int) -> Int { offsets[i + 1] - offsets[i] }
}
