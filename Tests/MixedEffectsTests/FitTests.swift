import Glibc
import LinearAlgebra
import Testing
import TestSupport

@testable import MixedEffects

@Suite("Maximum likelihood")
struct FitTests {
    @Test("known variances", .enabled(if: Shared.isPresent))
    func known() throws {
        let reference = try MixedReference("02-ml-known-variance")
        let fit = try BoundedNewton().fit(
            reference.problem, noise: .known, from: try reference.effects("start_beta", "start_gamma"))
        #expect(fit.isConverged)
        #expect(abs(fit.loss - (try reference.number("objective"))) < 1e-10)
        #expect(deviation(fit.effects.fixed, try reference.values("beta")) < 1e-8)
        #expect(deviation(fit.effects.variances, try reference.values("gamma")) < 1e-8)
    }

    @Test(
        "lme4's diagonal maximum likelihood", .enabled(if: Shared.isPresent),
        arguments: ["12-lmer-sleepstudy", "13-lmer-simulated"])
    func estimated(name: String) throws {
        let reference = try MixedReference(name)
        let fit = try BoundedNewton().fit(reference.problem, noise: .estimated)
        let count = Double(reference.problem.rowCount)
        let minus2 = 2 * fit.loss + count * log(2 * Double.pi)
        #expect(fit.isConverged)
        #expect(abs(minus2 - (try reference.number("minus2loglik", of: "diagonal-ml"))) < 1e-8)
        #expect(abs(minus2 - (try reference.number("lme4_minus2loglik", of: "diagonal-ml"))) < 1e-8)
        #expect(deviation(fit.effects.fixed, try reference.values("diagonal-ml/beta")) < 1e-8)
        let gamma = try reference.matrix("diagonal-ml/Gamma")
        #expect(deviation(fit.effects.variances, (0..<gamma.rows).map { gamma[$0, $0] }) < 1e-6)
        #expect(deviation([fit.noiseFactor], [try reference.number("sigma2", of: "diagonal-ml")]) < 1e-7)
    }

    @Test(
        "an optimum is one: no variable moves it down", arguments: [NoiseModel.known, .estimated],
        [1, 2, 3, 4] as [UInt64])
    func stationary(noise: NoiseModel, seed: UInt64) throws {
        let problem = try RandomModel.problem(sizes: [6, 3, 9, 4, 7, 5], fixed: 3, random: 4, seed: seed)
        let fit = try BoundedNewton().fit(problem, noise: noise)
        #expect(fit.isConverged)
        let likelihood = Likelihood(
            try MixedEffectsProblem(
                fixed: problem.fixed, random: problem.random, response: problem.response, offsets: problem.offsets,
                noiseVariance: problem.noiseVariance.map { $0 * fit.noiseFactor }))
        let found = likelihood.evaluate(at: fit.effects)
        #expect(abs(found.value - fit.loss) < 1e-9)
        for slope in found.fixedGradient { #expect(abs(slope) < 1e-5) }
        for (j, variance) in fit.effects.variances.enumerated() {
            #expect(variance > 0 ? abs(found.varianceGradient(j)) < 1e-5 : found.varianceGradient(j) > -1e-9)
        }
        if noise == .estimated { #expect(abs(2 * found.squares - Double(problem.rowCount)) < 1e-7) }
    }

    @Test("units change nothing but themselves")
    func units() throws {
        let problem = try RandomModel.problem(sizes: [6, 3, 9, 4, 7, 5], fixed: 2, random: 2, seed: 5, noise: false)
        let (a, b) = (1e-6, 1e6)
        let scaled = try MixedEffectsProblem(
            fixed: Matrix(rows: problem.rowCount, columns: 2) { problem.fixed[$0, $1] * ($1 == 0 ? a : b) },
            random: Matrix(rows: problem.rowCount, columns: 2) { problem.random[$0, $1] * ($1 == 0 ? b : a) },
            response: problem.response.map { $0 * 1e3 }, offsets: problem.offsets)
        let one = try BoundedNewton().fit(problem, noise: .estimated)
        let other = try BoundedNewton().fit(scaled, noise: .estimated)
        #expect(abs(other.loss - one.loss - Double(problem.rowCount) * log(1e3)) < 1e-8)
        #expect(abs(other.effects.fixed[0] * a / 1e3 - one.effects.fixed[0]) < 1e-6)
        #expect(abs(other.effects.variances[1] * a * a / 1e6 - one.effects.variances[1]) < 1e-6)
    }

    @Test("what cannot be estimated is refused")
    func refused() throws {
        let one = Matrix(rows: 4, columns: 1, repeating: 1)
        let exact = try MixedEffectsProblem(fixed: one, random: one, response: [2, 2, 2, 2], offsets: [0, 2, 4])
        #expect(throws: MixedEffectsProblem.Invalid.noNoise) { try BoundedNewton().fit(exact, noise: .estimated) }
        let twice = try MixedEffectsProblem(
            fixed: Matrix(rows: 4, columns: 2, repeating: 1), random: one, response: [1, 2, 3, 5], offsets: [0, 2, 4])
        #expect(throws: MixedEffectsProblem.Invalid.rank(found: 1, columns: 2)) {
            try BoundedNewton().fit(twice, noise: .known)
        }
        let few = try MixedEffectsProblem(
            fixed: Matrix(rows: 2, columns: 1, repeating: 1), random: Matrix(rows: 2, columns: 0), response: [1, 2],
            offsets: [0, 2])
        #expect(throws: MixedEffectsProblem.Invalid.rowsTooFew(rows: 2, needed: 3)) {
            try BoundedNewton().fit(few, noise: .estimated)
        }
    }
}
