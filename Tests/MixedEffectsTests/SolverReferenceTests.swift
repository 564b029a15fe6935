import Glibc
import LinearAlgebra
import MixedEffects
import TestSupport
import Testing

/// Reference optima, from the starts stored with them.
@Suite("Solvers of effects, reference optima", .enabled(if: Shared.isPresent))
struct SolverReferenceTests {
    static let exact: [any EffectSolver] = [
        ProximalGradient(stop: .residual(1e-10), iterationLimit: 200_000), ProximalNewton(tolerance: 1e-10),
    ]

    @Test("L1, plain and adaptive with free effects", arguments: ["04-l1", "05-l1-adaptive"])
    func lasso(_ name: String) throws {
        let reference = try MixedReference(name)
        let weights = try reference.values("weights")
        let p = reference.problem.fixedCount
        let objective = try PenalizedLikelihood(
            Likelihood(reference.problem), penalty: L1Penalty(lambda: reference.number("lam")),
            fixedWeights: Array(weights[..<p]), varianceWeights: Array(weights[p...]))
        for solver in Self.exact {
            let found = solver.solve(objective, from: try reference.effects("start_beta", "start_gamma"))
            #expect(found.isConverged)
            try agree(found, reference)
            #expect(abs(objective.value(at: found.effects) - found.objective) < 1e-10)
        }
    }

    @Test("SCAD, MCP and CAD: stationary points next to the stored starts", arguments: ["08-scad", "09-mcp", "10-cad"])
    func nonconvex(_ name: String) throws {
        let reference = try MixedReference(name)
        let lambda = try reference.number("lam")
        let penalties: [String: any EffectPenalty] = [
            "08-scad": try SCADPenalty(lambda: lambda, knot: 0.5), "09-mcp": try MCPPenalty(lambda: lambda, knot: 0.6),
            "10-cad": try CADPenalty(lambda: lambda, knot: 0.7),
        ]
        let objective = try PenalizedLikelihood(
            Likelihood(reference.problem), penalty: #require(penalties[name]))
        let stored = try reference.effects()
        #expect(abs(objective.value(at: stored) - (try reference.number("objective"))) < 1e-10)
        let derivatives = objective.likelihood.evaluate(at: stored)
        #expect(objective.violation(at: stored, derivatives) < 1e-11)
        let start = try reference.effects("start_beta", "start_gamma")
        try agree(Self.exact[0].solve(objective, from: start), reference)
        // Long steps may lead to another stationary point, but to no worse one, and do not leave this one.
        let newton = Self.exact[1].solve(objective, from: start)
        #expect(newton.isConverged)
        #expect(newton.objective <= (try reference.number("objective")) + 1e-8)
        try agree(Self.exact[1].solve(objective, from: stored), reference)
    }

    enum Route: String, CaseIterable {
        case fast, published, exact, envelope, newton
    }

    @Test(
        "the relaxed L1 with w and the gradient of the value function",
        arguments: ["06-msr3-l1-eta1", "07-msr3-l1-eta0.1"], Route.allCases)
    func relaxed(_ name: String, _ route: Route) throws {
        let reference = try MixedReference(name)
        let (lambda, strength) = (try reference.number("lam"), try reference.number("eta"))
        let start = try reference.effects("start_beta", "start_gamma")
        let likelihood = Likelihood(reference.problem)
        let given = try PenalizedLikelihood(likelihood, penalty: L1Penalty(lambda: lambda))
        // Steps of length one: a penalty smaller by η.
        let smaller = given.with(penalty: try L1Penalty(lambda: lambda / strength))
        let found: EffectSolution
        switch route {
        case .fast:
            found = try MSR3Fast(strength: strength, tolerance: 1e-11).solve(smaller, from: start)
        case .published:
            found = try MSR3Fast(strength: strength, decay: 0.5, barrier: 0.1, tolerance: 1e-9, follows: false)
                .solve(smaller, from: start)
        case .exact: found = try MSR3(strength: strength, tolerance: 1e-11).solve(given, from: start)
        case .envelope:
            let envelope = given.with(penalty: try L1Penalty(lambda: lambda).relaxed(strength: strength))
            found = Self.exact[0].solve(envelope, from: start)
        case .newton:
            found = try RelaxedNewton(strength: strength, factor: strength, tolerance: 1e-10).solve(
                smaller, from: start)
        }
        #expect(found.isConverged)
        try agree(found, reference)
        guard route != .envelope else { return }
        let w = try reference.effects("w_beta", "w_gamma")
        #expect(deviation(found.selected.fixed, w.fixed) < 1e-8)
        #expect(deviation(found.selected.variances, w.variances) < 1e-8)
        let value = try MSR3(strength: strength, tolerance: 1e-11)
            .evaluate(given, at: found.selected, from: found.effects)
        let gradient = value.gradient.fixed + value.gradient.variances
        #expect(deviation(gradient, try reference.values("gradient_value_function")) < 1e-7)
    }

    @Test("a penalty that is no sum over effects ends Newton's methods where they began")
    func notSeparable() throws {
        let reference = try MixedReference("04-l1")
        let objective = try PenalizedLikelihood(
            Likelihood(reference.problem), penalty: L0Limit(fixed: 3, variances: 3))
        let start = try reference.effects("start_beta", "start_gamma")
        for solver in [ProximalNewton(), try RelaxedNewton(strength: 1)] as [any EffectSolver] {
            let found = solver.solve(objective, from: start)
            #expect(found.effects == start && !found.isConverged)
        }
    }

    @Test("a convex Lasso, γ held: a linear regression of whitened rows")
    func convex() throws {
        let reference = try MixedReference("03-lasso-beta-fixed-gamma")
        let problem = reference.problem
        let (x, y, logDeterminant) = try whitened(problem, try reference.values("gamma"))
        let regression = try LinearSR3(design: x, response: y)
        let penalty = try L1Penalty(lambda: reference.number("lam"))
        let found = try regression.solve(penalty, tolerance: 1e-10)
        let expected = try reference.values("beta")
        #expect(found.isConverged)
        #expect(deviation(found.coefficients, expected) < 1e-8)
        #expect(zip(found.coefficients, expected).allSatisfy { ($0 == 0) == ($1 == 0) })
        #expect(abs(found.objective + logDeterminant - (try reference.number("objective"))) < 1e-8)
        // Nothing is selected at λ_max, something just below.
        let largest = try reference.number("lambda_max")
        #expect(try regression.solve(L1Penalty(lambda: largest * 1.0001)).coefficients.allSatisfy { $0 == 0 })
        #expect(try regression.solve(L1Penalty(lambda: largest * 0.99)).coefficients.contains { $0 != 0 })
    }

    private func agree(_ found: EffectSolution, _ reference: MixedReference) throws {
        #expect(abs(found.objective - (try reference.number("objective"))) < 1e-8)
        #expect(deviation(found.effects.fixed, try reference.values("beta")) < 1e-8)
        #expect(deviation(found.effects.variances, try reference.values("gamma")) < 1e-8)
    }
}

/// The rows of a problem whitened at γ, and ½ log det Ω.
func whitened(
    _ problem: MixedEffectsProblem, _ gamma: [Double]
) throws -> (design: Matrix, response: [Double], logDeterminant: Double) {
    var (x, y) = (problem.fixed, problem.response)
    var sum = 0.0
    for (first, end) in zip(problem.offsets, problem.offsets.dropFirst()) {
        let n = end - first
        var omega = Matrix(rows: n, columns: n) { i, j in
            gamma.indices.reduce(i == j ? problem.noiseVariance[first + i] : 0) {
                $0 + gamma[$1] * problem.random[first + i, $1] * problem.random[first + j, $1]
            }
        }
        #expect(LAPACK.cholesky(n, &omega.elements, n))
        for j in 0...problem.fixedCount {
            var column = (first..<end).map { j < problem.fixedCount ? x[$0, j] : y[$0] }
            BLAS.forwardSubstituteTransposed(1, n, omega.elements, n, &column, 1)
            for i in 0..<n {
                if j < problem.fixedCount { x[first + i, j] = column[i] } else { y[first + i] = column[i] }
            }
        }
        for i in 0..<n { sum += log(omega[i, i]) }
    }
    return (x, y, sum)
}
