import LinearAlgebra
import TestSupport
import Testing

@testable import MixedEffects

/// What every solver of effects promises, on drawn problems.
@Suite("Solvers of effects")
struct SolverTests {
    static let sizes = [[6, 9, 4, 7, 3, 5, 8], [1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1], [30], [12, 25, 3]]

    static func start(_ problem: MixedEffectsProblem) -> Effects {
        Effects(
            fixed: [Double](repeating: 0, count: problem.fixedCount),
            variances: [Double](repeating: 1, count: problem.randomCount))
    }

    @Test(
        "exact and fast relaxation find stationary points of one objective", arguments: sizes,
        EffectPenaltyKind.all.map(\.name))
    func relaxations(_ sizes: [Int], _ name: String) throws {
        let problem = try RandomModel.problem(sizes: sizes, fixed: 4, random: 5, seed: 3)
        let kind = try #require(EffectPenaltyKind.named(name))
        let objective = try PenalizedLikelihood(
            Likelihood(problem), penalty: kind.penalty(lambda: 0.6), fixedWeights: [0, 1, 2, 1],
            varianceWeights: [1, 1, 0.5, 2, 1])
        let start = Self.start(problem)
        let strength = 2.0
        let fast = try MSR3Fast(strength: strength).solve(objective, from: start)
        let scaled = objective.with(penalty: objective.penalty.scaled(by: strength))
        let exact = try MSR3(strength: strength).solve(scaled, from: start)
        for (solver, found) in [("fast", fast), ("exact", exact)] {
            #expect(found.isConverged, "\(solver) \(found.residual)")
            #expect(found.residual <= 1e-6)
            #expect(found.effects.variances.allSatisfy { $0 >= 0 })
            // w is the proximal operator of x, and x the minimizer for w.
            var w = found.effects
            scaled.shrink(found.effects, step: 1 / strength, into: &w)
            #expect(w == found.selected)
            let derivatives = scaled.likelihood.evaluate(at: found.effects)
            let slopes = (0..<4).map {
                derivatives.fixedGradient[$0] + strength * (found.effects.fixed[$0] - w.fixed[$0])
            }
            #expect(slopes.allSatisfy { abs($0) < 1e-5 })
            let envelope = scaled.with(penalty: try scaled.penalty.relaxed(strength: strength))
            #expect(abs(envelope.value(at: found.effects) - found.objective) < 1e-9)
            #expect(found.objective <= envelope.value(at: start))
        }
        // Where they meet the same minimum, they agree; where not, both are stationary (above).
        if abs(fast.objective - exact.objective) < 1e-3 {
            #expect(abs(fast.objective - exact.objective) < 1e-8)
            #expect(deviation(fast.effects.fixed, exact.effects.fixed) < 1e-4)
        }
    }

    @Test(
        "proximal gradient descent ends stationary, below its start", arguments: sizes,
        EffectPenaltyKind.all.map(\.name))
    func proximalGradient(_ sizes: [Int], _ name: String) throws {
        let problem = try RandomModel.problem(sizes: sizes, fixed: 4, random: 5, seed: 4)
        let kind = try #require(EffectPenaltyKind.named(name))
        let objective = try PenalizedLikelihood(Likelihood(problem), penalty: kind.penalty(lambda: 0.8))
        let start = Self.start(problem)
        let found = ProximalGradient().solve(objective, from: start)
        #expect(found.isConverged && found.residual <= 1e-6, "\(found)")
        #expect(found.objective < objective.value(at: start))
        #expect(abs(objective.value(at: found.effects) - found.objective) < 1e-10)
        // A small move of any effect does not lower the objective.
        for j in 0..<9 {
            for move in [-1e-4, 1e-4] {
                var moved = found.effects
                if j < 4 { moved.fixed[j] += move } else { moved.variances[j - 4] += move }
                guard moved.variances.allSatisfy({ $0 >= 0 }) else { continue }
                #expect(objective.value(at: moved) >= found.objective - 1e-9)
            }
        }
    }

    @Test("the gradient of the value function is that of finite differences")
    func valueFunction() throws {
        let problem = try RandomModel.problem(sizes: [6, 9, 4, 7], fixed: 3, random: 4, seed: 5)
        let objective = try PenalizedLikelihood(Likelihood(problem), penalty: L1Penalty(lambda: 0))
        let solver = try MSR3(strength: 3, tolerance: 1e-9)
        let w = Effects(fixed: [0.4, -0.3, 0], variances: [0.8, 0, 0.3, 0])
        let start = Self.start(problem)
        let at = solver.evaluate(objective, at: w, from: start)
        let gradient = at.gradient.fixed + at.gradient.variances
        for j in 0..<7 {
            func value(_ move: Double) -> Double {
                var moved = w
                if j < 3 { moved.fixed[j] += move } else { moved.variances[j - 3] += move }
                return solver.evaluate(objective, at: moved, from: at.minimizer).value
            }
            let difference = (value(1e-4) - value(-1e-4)) / 2e-4
            #expect(abs(difference - gradient[j]) < 1e-6 * (1 + abs(difference)), "effect \(j)")
        }
    }

    @Test("a fixed step that is short enough ends where backtracking does")
    func fixedStep() throws {
        let problem = try RandomModel.problem(sizes: [6, 9, 4, 7], fixed: 3, random: 3, seed: 6)
        let objective = try PenalizedLikelihood(Likelihood(problem), penalty: L1Penalty(lambda: 1))
        let start = Self.start(problem)
        let backtracked = ProximalGradient(stop: .residual(1e-8)).solve(objective, from: start)
        let fixed = ProximalGradient(step: .fixed(2e-3), stop: .residual(1e-8), iterationLimit: 100_000)
            .solve(objective, from: start)
        #expect(abs(fixed.objective - backtracked.objective) < 1e-9)
        #expect(fixed.iterations > 3 * backtracked.iterations)
        // The published stop says nothing of how far off it is.
        let published = ProximalGradient.published.solve(objective, from: start)
        #expect(published.objective > backtracked.objective && published.residual > 1e-3)
    }

    @Test("a limit on the number of effects holds, and the hierarchy")
    func limits() throws {
        let problem = try RandomModel.problem(sizes: [6, 9, 4, 7, 8, 5], fixed: 5, random: 5, seed: 7)
        let limited = try PenalizedLikelihood(Likelihood(problem), penalty: L0Limit(fixed: 2, variances: 1))
        let start = Self.start(problem)
        for found in [
            ProximalGradient().solve(limited, from: start), try MSR3Fast(strength: 1).solve(limited, from: start),
            try MSR3(strength: 1).solve(limited, from: start),
        ] {
            #expect(found.selected.fixed.count { $0 != 0 } == 2)
            #expect(found.selected.variances.count { $0 != 0 } <= 1)
            #expect(found.isConverged)
        }
        let parents: [Int?] = [0, 1, nil, 3, 4]
        let hierarchical = try PenalizedLikelihood(
            Likelihood(problem), penalty: L1Penalty(lambda: 12), parents: parents)
        let free = ProximalGradient().solve(hierarchical.with(penalty: try L1Penalty(lambda: 0)), from: start)
        #expect(free.effects.fixed.allSatisfy { $0 != 0 })
        for found in [
            ProximalGradient().solve(hierarchical, from: start),
            try MSR3Fast(strength: 1).solve(hierarchical, from: start),
            try MSR3(strength: 1).solve(hierarchical, from: start),
        ] {
            #expect(found.isConverged)
            #expect(found.selected.fixed.contains(0))
            #expect(found.selected.fixed.allSatisfy { $0 != 0 || $0.sign == .plus })
            for (j, parent) in parents.enumerated() where parent.map({ found.selected.fixed[$0] == 0 }) ?? false {
                #expect(found.selected.variances[j] == 0)
            }
        }
    }

    @Test("warm starts are short; the same start gives the same bits")
    func warmStart() throws {
        let problem = try RandomModel.problem(sizes: [6, 9, 4, 7, 8, 5], fixed: 5, random: 5, seed: 8)
        let objective = try PenalizedLikelihood(Likelihood(problem), penalty: L1Penalty(lambda: 2))
        let start = Self.start(problem)
        let solvers: [any EffectSolver] = [ProximalGradient(), try MSR3Fast(strength: 1), try MSR3(strength: 1)]
        for solver in solvers {
            let cold = solver.solve(objective, from: start)
            #expect(solver.solve(objective, from: start) == cold)
            let warm = solver.solve(objective, from: cold.effects)
            #expect(
                warm.iterations <= 2 && abs(warm.objective - cold.objective) < 1e-9, "\(solver): \(warm.iterations)")
        }
    }

    @Test("dependent, constant and zero columns, no fixed or no random effects, one row")
    func degenerate() throws {
        func solveAll(_ fixed: Matrix, _ random: Matrix, _ y: [Double], _ offsets: [Int]) throws {
            let problem = try MixedEffectsProblem(fixed: fixed, random: random, response: y, offsets: offsets)
            let objective = try PenalizedLikelihood(Likelihood(problem), penalty: L1Penalty(lambda: 0.1))
            let start = Self.start(problem)
            for solver in [ProximalGradient(), try MSR3Fast(strength: 1), try MSR3(strength: 1)] as [any EffectSolver] {
                let found = solver.solve(objective, from: start)
                #expect(found.isConverged && found.objective.isFinite, "\(solver): \(found)")
            }
        }
        var random = SeededGenerator(seed: 9)
        let x = random.normal(rows: 12, columns: 2)
        let y = (0..<12).map { _ in random.normal() }
        let twice = Matrix(rows: 12, columns: 3) { $1 == 2 ? x[$0, 1] : $1 == 1 ? x[$0, 1] : 1 }
        try solveAll(twice, twice, y, [0, 3, 5, 6, 12])
        let zero = Matrix(rows: 12, columns: 2) { $1 == 0 ? 0 : x[$0, 1] }
        try solveAll(zero, zero, y, [0, 12])
        try solveAll(x, Matrix(rows: 12, columns: 0), y, [0, 3, 12])
        try solveAll(Matrix(rows: 12, columns: 0), x, y, [0, 3, 12])
        try solveAll(
            Matrix(rows: 1, columns: 1, repeating: 1), Matrix(rows: 1, columns: 1, repeating: 1), [2.5], [0, 1])
    }

    @Test("where the likelihood overflows no solver claims an answer, or hangs")
    func overflow() throws {
        let x = Matrix(rows: 4, columns: 1) { row, _ in row % 2 == 0 ? 1 : -0.5 }
        let problem = try MixedEffectsProblem(
            fixed: x, random: x, response: [1e90, -1e90, 2e90, 1], offsets: [0, 2, 4],
            noiseVariance: [1e-199, 1e-199, 1e-199, 1e-199])
        let objective = try PenalizedLikelihood(Likelihood(problem), penalty: L1Penalty(lambda: 1))
        let start = Effects(fixed: [0], variances: [0])
        for solver in [ProximalGradient(), try MSR3Fast(strength: 1), try MSR3(strength: 1)] as [any EffectSolver] {
            #expect(!solver.solve(objective, from: start).isConverged)
        }
    }

    @Test("impossible weights, hierarchies and strengths are refused")
    func invalid() throws {
        let likelihood = Likelihood(try RandomModel.problem(sizes: [6, 9], fixed: 2, random: 1, seed: 1))
        let penalty = try L1Penalty(lambda: 1)
        func pose(_ fixed: [Double]?, _ random: [Double]?, _ parents: [Int?]) throws {
            _ = try PenalizedLikelihood(
                likelihood, penalty: penalty, fixedWeights: fixed, varianceWeights: random, parents: parents)
        }
        #expect(throws: PenalizedLikelihood.Invalid.weights(part: "fixed", found: 1, expected: 2)) {
            try pose([1], nil, [])
        }
        #expect(throws: PenalizedLikelihood.Invalid.weight(part: "random", index: 0, value: -1)) {
            try pose(nil, [-1], [])
        }
        #expect(throws: PenalizedLikelihood.Invalid.weight(part: "fixed", index: 1, value: .infinity)) {
            try pose([1, .infinity], nil, [])
        }
        #expect(throws: PenalizedLikelihood.Invalid.parents) { try pose(nil, nil, [2]) }
        #expect(throws: InvalidEffectPenalty.self) { try MSR3(strength: -1) }
        #expect(throws: InvalidEffectPenalty.self) { try MSR3Fast(strength: .nan) }
    }
}

/// Linear regression, relaxed and not.
@Suite("Linear SR3")
struct LinearSR3Tests {
    static func problem() throws -> (x: Matrix, y: [Double], regression: LinearSR3) {
        var random = SeededGenerator(seed: 11)
        let x = random.normal(rows: 30, columns: 8)
        let y = (0..<30).map { 2 * x[$0, 1] - x[$0, 4] + 0.3 * random.normal() }
        return (x, y, try LinearSR3(design: x, response: y))
    }

    @Test("stationary for every penalty, in both forms", arguments: EffectPenaltyKind.all.map(\.name))
    func stationary(_ name: String) throws {
        let (x, y, regression) = try Self.problem()
        let penalty = try #require(EffectPenaltyKind.named(name)).penalty(lambda: 4)
        func objective(_ b: [Double], _ w: [Double]?, _ strength: Double) -> Double {
            let residual = (0..<30).map { i in (0..<8).reduce(y[i]) { $0 - x[i, $1] * b[$1] } }
            let distance = zip(b, w ?? b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            return 0.5 * residual.reduce(0) { $0 + $1 * $1 } + 0.5 * strength * distance
                + (w ?? b).reduce(0) { $0 + penalty.value(abs($1), weight: 1) }
        }
        let plain = try regression.solve(penalty)
        #expect(plain.isConverged)
        #expect(abs(plain.objective - objective(plain.coefficients, nil, 0)) < 1e-9)
        let relaxed = try regression.solveRelaxed(penalty, strength: 5)
        #expect(relaxed.isConverged)
        #expect(abs(relaxed.objective - objective(relaxed.coefficients, relaxed.selected, 5)) < 1e-9)
        for j in 0..<8 {
            for move in [-1e-4, 1e-4] {
                var b = plain.coefficients
                b[j] += move
                #expect(objective(b, nil, 0) >= plain.objective - 1e-9)
                b = relaxed.coefficients
                b[j] += move
                #expect(objective(b, relaxed.selected, 5) >= relaxed.objective - 1e-9)
                var w = relaxed.selected
                w[j] += move
                #expect(objective(relaxed.coefficients, w, 5) >= relaxed.objective - 1e-9)
            }
        }
    }

    @Test("a strong relaxation is none, a weak one thresholds least squares")
    func extremes() throws {
        let (_, _, regression) = try Self.problem()
        let penalty = try L1Penalty(lambda: 4)
        let plain = try regression.solve(penalty, tolerance: 1e-10)
        let strong = try regression.solveRelaxed(penalty, strength: 1e7, tolerance: 1e-7)
        #expect(deviation(strong.selected, plain.coefficients) < 1e-5)
        let squares = try regression.solve(L1Penalty(lambda: 0), tolerance: 1e-10)
        let weak = try regression.solveRelaxed(L1Penalty(lambda: 3e-6), strength: 1e-5, tolerance: 1e-12)
        let thresholded = squares.coefficients.map { $0 > 0 ? max(0, $0 - 0.3) : min(0, $0 + 0.3) }
        #expect(deviation(weak.selected, thresholded) < 1e-5)
    }

    @Test("impossible problems are refused")
    func invalid() throws {
        let (x, y, regression) = try Self.problem()
        #expect(throws: LinearSR3.Invalid.rows(design: 30, response: 29)) {
            try LinearSR3(design: x, response: Array(y.dropLast()))
        }
        #expect(throws: LinearSR3.Invalid.notFinite) {
            try LinearSR3(design: x, response: y.map { _ in Double.nan })
        }
        #expect(throws: LinearSR3.Invalid.weights) { try regression.solve(L1Penalty(lambda: 1), weights: [1]) }
        #expect(throws: LinearSR3.Invalid.strength(0)) {
            try regression.solveRelaxed(L1Penalty(lambda: 1), strength: 0)
        }
    }
}
