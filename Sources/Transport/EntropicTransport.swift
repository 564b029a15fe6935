import Glibc
import LinearAlgebra

/// Entropic optimal transport between two measures, balanced or not.
///
/// Minimized over plans P ≥ 0 (n × m), with KL(p|q) = Σ p log(p/q) − p + q,
///
///     ⟨P, C⟩ + ε KL(P | a ⊗ b) + ρ KL(P1 | a) + ρ KL(Pᵀ1 | b)
///
/// (Séjourné, Feydy, Vialard, Trouvé & Peyré 2019); with ρ infinite marginals are exact. P_ij = a_i b_j exp((f_i + g_j − C_ij)/ε)
/// at the optimum, with marginals a_i exp(−f_i/ρ) and b_j exp(−g_j/ρ).
///
/// Sinkhorn's steps first, then Newton's on a sparsified Hessian (Tang et al. 2024), both on the semi-dual; from large ε to
/// the one wanted, and where costs are squared distances from few places to all (Schmitzer 2019).
public struct EntropicTransport: Sendable, Equatable {
    /// The objective, by the dual: an error of the marginals changes it by the square of that.
    public let value: Double
    /// f, n values in units of the cost; of places without mass too.
    public let sourcePotential: [Double]
    /// g, m values in units of the cost; of places without mass too.
    public let targetPotential: [Double]
    /// Marginal of the plan at the sources, n.
    public let sourceMarginal: [Double]
    /// Marginal of the plan at the targets, m.
    public let targetMarginal: [Double]
    /// Σ |P1 − a exp(−f/ρ)| + Σ |Pᵀ1 − b exp(−g/ρ)| over Σ a, with a bound on what the computation left out.
    public let marginalError: Double
    /// Whether the error is within the tolerance.
    public let converged: Bool
    /// Sweeps over the kernel at all resolutions: one a Sinkhorn step or trial of a line search.
    public let sweeps: Int
    /// Newton steps at all resolutions.
    public let newtonSteps: Int
    /// Products with the sparsified Hessian.
    public let products: Int
    /// What part of the plan the last Hessian kept; nil where no Newton step was taken.
    public let hessianDensity: Double?
}

extension EntropicTransport {
    /// Solves a problem.
    ///
    /// - Throws: ``TransportProblem/Invalid`` for settings without meaning, and where all mass is to be moved but masses differ
    ///   by more than rounding.
    /// - Complexity: O(n·m) a sweep; memory of one n × m matrix of doubles where the plan is dense, and less where ε is small
    ///   beside the costs, and as much again in single precision or less.
    public init(_ problem: TransportProblem, _ settings: TransportSettings) throws(TransportProblem.Invalid) {
        try settings.check()
        let target = settings.marginalPenalty.isInfinite ? try problem.equalMasses().target : problem.target
        var solver = StagedSolver(problem, target: target, settings)
        let dual = solver.run()
        self = solver.result(problem, dual)
    }

    /// The plan, n × m.
    ///
    /// - Complexity: O(n·m).
    public func plan(of problem: TransportProblem, epsilon: Double) -> Matrix {
        let geometry = Geometry(problem.cost)
        var plan = Matrix(rows: problem.source.count, columns: problem.target.count)
        plan.elements.withUnsafeMutableBufferPointer { elements in
            guard let base = elements.baseAddress else { return }
            for j in problem.target.indices {
                let column = base + j * problem.source.count
                geometry.costs(0..<problem.source.count, j, into: column)
                for i in problem.source.indices {
                    let exponent = (sourcePotential[i] + targetPotential[j] - column[i]) / epsilon
                    let mass = problem.source[i] * problem.target[j]
                    column[i] = mass > 0 ? mass * exp(exponent) : 0
                }
            }
        }
        return plan
    }
}

/// Solves from coarse and blurred to fine.
struct StagedSolver {
    let settings: TransportSettings
    /// Places that have mass, in the order of the finest level.
    private let sources: [Int]
    private let targets: [Int]
    /// From the finest on.
    private let levels: [Level]
    private var sweeps = 0
    private var newtonSteps = 0
    private var products = 0
    private var density: Double?

    /// - Parameter target: masses, those of the problem but for rounding.
    init(_ problem: TransportProblem, target: [Double], _ settings: TransportSettings) {
        self.settings = settings
        var sources = problem.source.indices.filter { problem.source[$0] > 0 }
        var targets = problem.target.indices.filter { problem.target[$0] > 0 }
        let geometry: Geometry
        switch problem.cost {
        case .squaredDistance(let x, let y):
            sources = OrderedPoints.order(x, sources)
            targets = OrderedPoints.order(y, targets)
            geometry = .points(OrderedPoints(x, sources), OrderedPoints(y, targets))
        case .matrix(let matrix):
            geometry = .matrix(matrix, rows: sources, columns: targets)
        }
        var levels = [
            Level(
                sourceMass: sources.map { problem.source[$0] }, targetMass: targets.map { target[$0] },
                geometry: geometry, spread: 0)
        ]
        while let last = levels.last, let next = last.coarser() { levels.append(next) }
        self.sources = sources
        self.targets = targets
        self.levels = levels
    }

    /// A stage: a level, an ε and how near to go.
    private struct Stage {
        let level: Int
        let epsilon: Double
        let tolerance: Double
    }

    /// ε falls by four from an eighth of the largest cost; a level serves while it moves mass by less than √ε.
    private func stages() -> [Stage] {
        var stages: [Stage] = []
        func level(_ epsilon: Double) -> Int { levels.lastIndex { $0.spread <= epsilon } ?? 0 }
        var epsilon = levels[0].geometry.largestCost / 8
        while epsilon > 1.5 * settings.epsilon {
            // All levels hold for costs of a matrix: there is one.
            stages.append(Stage(level: level(epsilon), epsilon: epsilon, tolerance: 1e-2))
            epsilon /= 4
        }
        // An eighth of the places on either side take a sixty-fourth of the time.
        if levels.count > 1, levels[1].spread <= settings.epsilon {
            stages.append(Stage(level: 1, epsilon: settings.epsilon, tolerance: 1e-3))
        }
        stages.append(Stage(level: 0, epsilon: settings.epsilon, tolerance: settings.tolerance))
        return stages
    }

    /// The semi-dual of the last stage and where it ended.
    mutating func run() -> (SemiDual, SemiDual.Evaluation) {
        let stages = stages()
        var stage = stages[0]
        let level = levels[stage.level]
        var dual = SemiDual(
            level, epsilon: stage.epsilon, settings: settings, tolerance: stage.tolerance,
            source: [Double](repeating: 0, count: level.sourceMass.count),
            target: [Double](repeating: 0, count: level.targetMass.count))
        var at = descend(dual, from: [Double](repeating: 0, count: level.sourceMass.count), to: stage.tolerance)
        for next in stages.dropFirst() {
            let (source, target) = carried(dual, at, from: stage, to: next)
            dual = SemiDual(
                levels[next.level], epsilon: next.epsilon, settings: settings, tolerance: next.tolerance,
                source: source, target: target)
            at = descend(dual, from: source, to: next.tolerance)
            stage = next
        }
        return (dual, at)
    }

    /// Potentials for the start of a stage from the end of the one before.
    private func carried(
        _ dual: SemiDual, _ at: SemiDual.Evaluation, from: Stage, to: Stage
    ) -> (source: [Double], target: [Double]) {
        let ratio = from.epsilon / to.epsilon
        var (source, target) = (at.potential, dual.targetPotential)
        if from.level != to.level {
            let (coarse, fine) = (levels[from.level], levels[to.level])
            guard case .points(let x, let y) = coarse.geometry, case .points(let u, let v) = fine.geometry else {
                return (source, target)
            }
            (source, target) = (
                Level.softTransform(
                    .points(u, y), count: u.count, mass: coarse.targetMass, potential: dual.targetPotential,
                    epsilon: from.epsilon, penalty: dual.penalty, parallelism: settings.parallelism),
                Level.softTransform(
                    .points(v, x), count: v.count, mass: coarse.sourceMass, potential: at.potential,
                    epsilon: from.epsilon, penalty: dual.penalty, parallelism: settings.parallelism)
            )
        }
        return (source.map { $0 * ratio }, target.map { $0 * ratio })
    }

    /// Climbs the semi-dual from some potentials to an error, or as far as sweeps allow.
    private mutating func descend(
        _ dual: SemiDual, from potential: [Double], to tolerance: Double
    ) -> SemiDual.Evaluation {
        var search = NewtonSearch(dual)
        var mixing = Mixing()
        var at = dual.evaluate(potential)
        // The error before the latest Sinkhorn step; 0 where none was the latest.
        var (steps, previous) = (0, 0.0)
        while sweeps + dual.sweeps < settings.maximumSweeps {
            if at.starved > 0.1 * tolerance {
                dual.absorb(source: at.potential, target: bestTargets(dual, at.potential))
                at = dual.evaluate(at.potential)
            } else if dual.isStretched || dual.neglected > 0.1 * max(at.error, tolerance) {
                dual.absorb(source: at.potential, target: dual.targetPotential)
                at = dual.evaluate(at.potential)
            }
            if at.error + 2 * dual.neglected <= tolerance || !at.error.isFinite { break }
            // Newton's steps pay once marginals are nearly right, unless some ten more of Sinkhorn's will do, at which they go
            // now; where one fails, Sinkhorn's always climb.
            let isFast = at.error < previous && log(at.error / tolerance) < 10 * log(previous / at.error)
            if settings.usesNewton, !isFast, steps >= 3 && at.error < 0.3 || steps >= 1 && at.error < 0.02 {
                if let next = search.step(from: at, to: tolerance) {
                    (at, previous) = (next, 0)
                    newtonSteps += 1
                    mixing.restart()
                    continue
                }
                at = dual.evaluate(at.potential)
                steps = -5
            }
            previous = at.error
            let step = dual.sinkhorn(at)
            at = dual.evaluate(mixing.next(at.potential, step))
            if !(at.error < previous) {
                mixing.restart()
                at = dual.evaluate(step)
            }
            steps += 1
        }
        sweeps += dual.sweeps
        products += search.products
        density = search.density ?? density
        return at
    }

    /// Potentials of the targets from costs themselves, where the kernel does not reach.
    private func bestTargets(_ dual: SemiDual, _ potential: [Double]) -> [Double] {
        Level.softTransform(
            dual.level.geometry.reversed, count: dual.level.targetMass.count, mass: dual.level.sourceMass,
            potential: potential, epsilon: dual.epsilon, penalty: dual.penalty, parallelism: settings.parallelism)
    }

    /// The answer in the problem's own order.
    func result(_ problem: TransportProblem, _ end: (dual: SemiDual, at: SemiDual.Evaluation)) -> EntropicTransport {
        let (dual, at) = end
        let level = levels[0]
        func spread(_ values: [Double], _ places: [Int], _ count: Int) -> [Double] {
            var result = [Double](repeating: 0, count: count)
            for (value, place) in zip(values, places) { result[place] = value }
            return result
        }
        /// Potentials at places without mass: what those of the others make best.
        func filled(
            _ values: [Double], _ mass: [Double], _ geometry: ([Int]) -> Geometry, _ others: ([Double], [Double])
        ) -> [Double] {
            let empty = mass.indices.filter { mass[$0] == 0 }
            guard !empty.isEmpty else { return values }
            let missing = Level.softTransform(
                geometry(empty), count: empty.count, mass: others.0, potential: others.1, epsilon: dual.epsilon,
                penalty: dual.penalty, parallelism: settings.parallelism)
            var values = values
            for (value, place) in zip(missing, empty) { values[place] = value * dual.epsilon }
            return values
        }
        let all = Geometry(problem.cost)
        let f = spread(at.potential.map { $0 * dual.epsilon }, sources, problem.source.count)
        let g = spread(dual.targetPotential.map { $0 * dual.epsilon }, targets, problem.target.count)
        let error = at.error + 2 * dual.neglected
        let product = level.sourceMass.reduce(0, +) * level.targetMass.reduce(0, +)
        return EntropicTransport(
            value: dual.epsilon * (at.value + product),
            sourcePotential: filled(
                f, problem.source, { all.between($0, targets) }, (level.targetMass, dual.targetPotential)),
            targetPotential: filled(
                g, problem.target, { all.between(sources, $0).reversed }, (level.sourceMass, at.potential)),
            sourceMarginal: spread(dual.rowMass, sources, problem.source.count),
            targetMarginal: spread(dual.columnMass, targets, problem.target.count), marginalError: error,
            converged: error <= settings.tolerance, sweeps: sweeps, newtonSteps: newtonSteps, products: products,
            hessianDensity: density)
    }
}

/// Newton steps with a line search on one semi-dual.
private struct NewtonSearch {
    private let dual: SemiDual
    private var system: (any NewtonSystem)?
    /// What a tile of the Hessian must hold to be kept; falls where steps do not bring what they should.
    private var threshold = 1e-3
    private(set) var products = 0
    private(set) var density: Double?

    init(_ dual: SemiDual) { self.dual = dual }

    /// A step that climbs; nil where none is found. The latest evaluation of the semi-dual is then not the one given.
    mutating func step(from at: SemiDual.Evaluation, to tolerance: Double) -> SemiDual.Evaluation? {
        let system = current(at)
        let accuracy = NewtonSteps.accuracy(at.error, to: tolerance)
        let before = system.products
        let direction = system.direction(at.gradient, accuracy: accuracy, dual.settings.parallelism)
        products += system.products - before
        guard let end = NewtonSteps.climb(from: at, along: direction, mass: dual.mass, dual.evaluate) else {
            self.system = nil
            return nil
        }
        let longest = direction.reduce(0) { max($0, abs($1)) }
        if end.length == 1, longest < 0.3, end.point.error > 0.3 * at.error, threshold > 1e-7 {
            threshold *= 0.1
            self.system = nil
        }
        return end.point
    }

    /// The Hessian at an evaluation, or one from near by.
    private mutating func current(_ at: SemiDual.Evaluation) -> any NewtonSystem {
        if let system, zip(at.potential, system.potential).allSatisfy({ abs($0 - $1) < 0.05 }) { return system }
        system = nil
        // Small systems in double precision: time is no matter, and nearly separate masses need it.
        let made: any NewtonSystem =
            dual.kernel.rows * dual.kernel.columns <= 1 << 20
            ? SparseNewton<Double>(dual, at: at, threshold: threshold)
            : SparseNewton<Float>(dual, at: at, threshold: threshold)
        density = Double(made.stored) / (Double(dual.kernel.rows) * Double(dual.kernel.columns))
        system = made
        return made
    }
}
