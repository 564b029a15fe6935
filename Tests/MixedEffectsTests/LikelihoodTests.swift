import LinearAlgebra
import Testing
import TestSupport

@testable import MixedEffects

@Suite("Likelihood of a mixed model")
struct LikelihoodTests {
    @Test("all derivatives at a point", .enabled(if: Shared.isPresent))
    func reference() throws {
        let reference = try MixedReference("01-evaluate")
        let likelihood = Likelihood(reference.problem)
        let effects = try reference.effects()
        let found = likelihood.evaluate(at: effects)
        #expect(abs(found.value - (try reference.number("loss"))) < 1e-10)
        #expect(abs(likelihood.value(at: effects) - found.value) < 1e-10)
        #expect(deviation(found.fixedGradient, try reference.values("gradient_beta")) < 1e-11)
        #expect(deviation(found.varianceGradient, try reference.values("gradient_gamma")) < 1e-11)
        #expect(deviation(found.fixedHessian.elements, try reference.matrix("hessian_beta").elements) < 1e-11)
        #expect(deviation(found.mixedHessian.elements, try reference.matrix("hessian_beta_gamma").elements) < 1e-11)
        #expect(deviation(found.convexHessian.elements, try reference.matrix("hessian_gamma_convex").elements) < 1e-11)
        #expect(deviation(found.fisher.elements, try reference.matrix("fisher_gamma").elements) < 1e-11)
    }

    /// A random model with some columns of Z those of X.
    private func problem(_ sizes: [Int], sharing columns: [Int?]) throws -> MixedEffectsProblem {
        let whole = try RandomModel.problem(sizes: sizes, fixed: 3, random: columns.count, seed: 7)
        var random = whole.random
        for (j, column) in columns.enumerated() {
            if let column { for row in 0..<random.rows { random[row, j] = whole.fixed[row, column] } }
        }
        return try MixedEffectsProblem(
            fixed: whole.fixed, random: random, response: whole.response, offsets: whole.offsets,
            noiseVariance: whole.noiseVariance)
    }

    @Test(
        "columns of Z that X has, too, change no number of a part of the effects, nor any product",
        arguments: [[3, 5, 2, 4], [12, 9, 15], [1, 20, 2, 7]])
    func sharedColumns(sizes: [Int]) throws {
        let problem = try problem(sizes, sharing: [2, nil, 0, 0, 1])
        let likelihood = Likelihood(problem)
        let effects = Effects(fixed: [0.3, -0.2, 0.5], variances: [0.7, 0, 1.3, 0.1, 2])
        let found = likelihood.evaluate(at: effects)
        // Of all groups together, from the products.
        var (gradient, traces, fixed) = ([0.0, 0, 0], [Double](repeating: 0, count: 5), Matrix(rows: 3, columns: 3))
        let isFactored = likelihood.forEachProducts(at: effects) { products, side in
            #expect(side == 9)
            for j in 0..<3 {
                gradient[j] -= products[8 + j * side]
                for i in j..<3 { fixed[i, j] += products[i + j * side] }
            }
            for j in 0..<5 { traces[j] += 0.5 * products[(3 + j) * (side + 1)] }
        }
        fixed.mirrorLowerTriangle()
        #expect(isFactored && deviation(gradient, found.fixedGradient) < 1e-11)
        #expect(deviation(traces, found.varianceTraces) < 1e-11)
        #expect(deviation(fixed.elements, found.fixedHessian.elements) < 1e-11)
        // Without the fixed effects that the columns are of; with one of them.
        for (fixed, random) in [([1], [0, 2, 3, 1]), ([0, 2], [3, 4, 0]), ([], [2, 3])] {
            let part = Effects(
                fixed: fixed.map { effects.fixed[$0] }, variances: random.map { effects.variances[$0] })
            let taken = Likelihood(likelihood, fixed: fixed, random: random).evaluate(at: part)
            let posed = Likelihood(problem.restricted(fixed: fixed, random: random)).evaluate(at: part)
            #expect(abs(taken.value - plainValue(problem.restricted(fixed: fixed, random: random), part)) < 1e-11)
            #expect(abs(taken.value - posed.value) < 1e-11)
            #expect(deviation(taken.varianceGradient, posed.varianceGradient) < 1e-11)
            #expect(deviation(taken.mixedHessian.elements, posed.mixedHessian.elements) < 1e-11)
            #expect(deviation(taken.convexHessian.elements, posed.convexHessian.elements) < 1e-11)
        }
    }

    /// Small groups go through their rows, large ones through their effects; some variances are 0, some columns of both kinds.
    @Test(
        "derivatives against finite differences and a plain evaluation",
        arguments: [[3, 5, 2, 4], [12, 9, 15], [1, 20, 2, 7]],
        [[nil, nil, nil, nil], [0, 1, 2, nil], [2, nil, 0, 0]] as [[Int?]])
    func finiteDifferences(sizes: [Int], sharing columns: [Int?]) throws {
        let problem = try problem(sizes, sharing: columns)
        let likelihood = Likelihood(problem)
        let effects = Effects(fixed: [0.3, -0.2, 0.5], variances: [0.7, 0, 1.3, 0.1])
        let found = likelihood.evaluate(at: effects)
        #expect(abs(found.value - plainValue(problem, effects)) < 1e-11 * abs(found.value))
        let step = 1e-5
        for k in 0..<7 {
            func moved(_ by: Double) -> Effects {
                var moved = effects
                if k < 3 { moved.fixed[k] += by } else { moved.variances[k - 3] += by }
                return moved
            }
            // At the boundary one-sided, of second order.
            let isBoundary = k >= 3 && effects.variances[k - 3] == 0
            let points = isBoundary ? [0, step, 2 * step] : [-step, 0, step]
            let weights = isBoundary ? [-1.5, 2, -0.5] : [-0.5, 0, 0.5]
            let at = points.map { likelihood.evaluate(at: moved($0)) }
            func slope(_ value: (Likelihood.Derivatives) -> Double) -> Double {
                zip(at, weights).reduce(0) { $0 + value($1.0) * $1.1 } / step
            }
            let gradient = k < 3 ? found.fixedGradient[k] : found.varianceGradient(k - 3)
            #expect(abs(slope(\.value) - gradient) < 1e-5 * max(1, abs(gradient)))
            for i in 0..<3 {
                let second = k < 3 ? found.fixedHessian[i, k] : found.mixedHessian[i, k - 3]
                #expect(abs(slope { $0.fixedGradient[i] } - second) < 1e-5 * max(1, abs(second)))
            }
            for j in 0..<4 {
                let second =
                    k < 3 ? found.mixedHessian[k, j] : found.convexHessian[j, k - 3] - found.fisher[j, k - 3]
                #expect(abs(slope { $0.varianceGradient(j) } - second) < 2e-4 * max(1, abs(second)))
            }
        }
    }

    @Test("rows and effects are two ways to the same numbers")
    func ways() throws {
        // Fewer rows than effects, then the same effects with columns of zeros left out.
        let problem = try RandomModel.problem(sizes: [4, 3, 4], fixed: 2, random: 6, seed: 3)
        let short = problem.restricted(fixed: [0, 1], random: [0, 2, 5])
        let variances = [0.4, 1.1, 0.2]
        let long = Likelihood(problem).evaluate(
            at: Effects(fixed: [0.1, 0.2], variances: [0.4, 0, 1.1, 0, 0, 0.2]))
        let found = Likelihood(short).evaluate(at: Effects(fixed: [0.1, 0.2], variances: variances))
        #expect(abs(long.value - found.value) < 1e-12)
        #expect(deviation([0, 2, 5].map(long.varianceGradient), found.varianceGradient) < 1e-12)
        #expect(deviation(long.fixedHessian.elements, found.fixedHessian.elements) < 1e-12)
    }

    @Test(
        "slopes alone are those that come with the Hessians",
        arguments: [[4, 3, 4], [25, 9], [2, 30, 5, 1]],
        [[0.4, 0, 1.1, 0, 0.3, 0.2], [0, 0, 0, 0, 0, 0], [1, 2, 3, 4, 5, 6]])
    func slopes(sizes: [Int], variances: [Double]) throws {
        for fixed in [0, 3] {
            let problem = try RandomModel.problem(sizes: sizes, fixed: fixed, random: 6, seed: 5)
            let likelihood = Likelihood(problem)
            let effects = Effects(fixed: Array([0.3, -1, 0.2].prefix(fixed)), variances: variances)
            let whole = likelihood.evaluate(at: effects)
            var found = Likelihood.Derivatives(fixedCount: fixed, randomCount: 6)
            likelihood.evaluateSlopes(at: effects, into: &found)
            #expect(abs(found.value - likelihood.value(at: effects)) < 1e-11 && abs(found.value - whole.value) < 1e-11)
            #expect(deviation(found.fixedGradient, whole.fixedGradient) < 1e-11)
            #expect(deviation(found.varianceSquares, whole.varianceSquares) < 1e-11)
            #expect(deviation(found.varianceTraces, whole.varianceTraces) < 1e-11)
        }
    }

    @Test("impossible problems are refused")
    func refused() throws {
        let one = Matrix(rows: 3, columns: 1, repeating: 1)
        func pose(_ y: [Double] = [1, 2, 3], _ offsets: [Int] = [0, 1, 3], _ noise: [Double]? = nil) throws {
            _ = try MixedEffectsProblem(
                fixed: one, random: one, response: y, offsets: offsets, noiseVariance: noise)
        }
        #expect(throws: MixedEffectsProblem.Invalid.notFinite(part: "the response", row: 1, column: 0)) {
            try pose([1, .nan, 3])
        }
        #expect(throws: MixedEffectsProblem.Invalid.groups) { try pose([1, 2, 3], [0, 0, 3]) }
        #expect(throws: MixedEffectsProblem.Invalid.groups) { try pose([1, 2, 3], [0, 2]) }
        #expect(throws: MixedEffectsProblem.Invalid.noise(row: 2)) { try pose([1, 2, 3], [0, 3], [1, 1, 0]) }
        #expect(throws: MixedEffectsProblem.Invalid.rows(fixed: 3, random: 3, response: 2, noise: 2)) {
            try pose([1, 2], [0, 2])
        }
        #expect(throws: MixedEffectsProblem.Invalid.rank(found: 1, columns: 2)) {
            try MixedEffectsProblem(
                fixed: Matrix(rows: 3, columns: 2, repeating: 4), random: one, response: [1, 2, 3], offsets: [0, 3]
            ).requireIndependentColumns()
        }
    }

    /// L by the definition, with an explicit Ω.
    private func plainValue(_ problem: MixedEffectsProblem, _ effects: Effects) -> Double {
        var value = 0.0
        for (first, end) in zip(problem.offsets, problem.offsets.dropFirst()) {
            let n = end - first
            let omega = Matrix(rows: n, columns: n) { i, j in
                (0..<problem.randomCount).reduce(i == j ? problem.noiseVariance[first + i] : 0) {
                    $0 + effects.variances[$1] * problem.random[first + i, $1] * problem.random[first + j, $1]
                }
            }
            let residual = (0..<n).map { i in
                (0..<problem.fixedCount).reduce(problem.response[first + i]) {
                    $0 - problem.fixed[first + i, $1] * effects.fixed[$1]
                }
            }
            guard let factor = try? Cholesky(omega) else { return .nan }
            let solved = factor.solve(Matrix(rows: n, columns: 1, elements: residual))
            value += 0.5 * zip(residual, solved.elements).reduce(0) { $0 + $1.0 * $1.1 } + 0.5 * factor.logDeterminant
        }
        return value
    }
}
