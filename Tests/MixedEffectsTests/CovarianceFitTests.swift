import Glibc
import LinearAlgebra
import Testing
import TestSupport

@testable import MixedEffects

@Suite("Correlated random effects, and REML")
struct CovarianceFitTests {
    @Test(
        "lme4's fits", .enabled(if: Shared.isPresent), arguments: ["12-lmer-sleepstudy", "13-lmer-simulated"],
        ["diagonal-ml", "diagonal-reml", "full-ml", "full-reml"])
    func lme4(name: String, fitName: String) throws {
        let reference = try MixedReference(name)
        let kind: LikelihoodKind = fitName.hasSuffix("-ml") ? .ml : .reml
        let q = reference.problem.randomCount
        let fit = try CovarianceFit().fit(
            reference.problem, noise: .estimated, kind: kind,
            blocks: fitName.hasPrefix("full") ? [Array(0..<q)] : nil)
        #expect(fit.isConverged)
        #expect(abs(fit.minusTwiceLogLikelihood - (try reference.number("minus2loglik", of: fitName))) < 1e-8)
        #expect(abs(fit.minusTwiceLogLikelihood - (try reference.number("lme4_minus2loglik", of: fitName))) < 1e-8)
        #expect(deviation(fit.fixed, try reference.values("\(fitName)/beta")) < 1e-7)
        #expect(deviation(fit.standardErrors, try reference.values("\(fitName)/standard_error")) < 1e-6)
        #expect(deviation(fit.covariance.elements, try reference.matrix("\(fitName)/Gamma").elements) < 1e-5)
        #expect(deviation([fit.noiseFactor], [try reference.number("sigma2", of: fitName)]) < 1e-6)
    }

    @Test("REML at a point", .enabled(if: Shared.isPresent))
    func restricted() throws {
        let reference = try MixedReference("01-evaluate")
        let q = reference.problem.randomCount
        var objective = FactoredObjective(reference.problem, .known, .reml, (0..<q).map { [$0] })
        let gamma = try reference.values("gamma")
        let isFinite = objective.evaluate(gamma.map { $0.squareRoot() })
        #expect(isFinite)
        #expect(abs(objective.value - (try reference.number("reml_loss"))) < 1e-9)
        let expected = zip(try reference.values("reml_gradient"), gamma).map { 2 * $0 * $1.squareRoot() }
        #expect(deviation(objective.gradient, expected) < 1e-9)
    }

    @Test(
        "gradients against finite differences", arguments: [NoiseModel.known, .estimated], LikelihoodKind.allCases)
    func gradient(noise: NoiseModel, kind: LikelihoodKind) throws {
        let problem = try RandomModel.problem(sizes: [5, 3, 8, 2, 6], fixed: 2, random: 4, seed: 11)
        var objective = FactoredObjective(problem, noise, kind, [[0, 2, 3], [1]])
        let point = [0.7, 0.3, -0.2, 0.5, 0.4, 0.8, -0.6]
        let isFinite = objective.evaluate(point)
        #expect(isFinite)
        let gradient = objective.gradient
        for k in point.indices {
            var values: [Double] = []
            for step in [-1e-6, 1e-6] {
                var moved = point
                moved[k] += step
                values.append(objective.evaluate(moved) ? objective.value : .nan)
            }
            #expect(abs((values[1] - values[0]) / 2e-6 - gradient[k]) < 1e-6 * max(1, abs(gradient[k])))
        }
    }

    @Test(
        "uncorrelated maximum likelihood is Newton's", arguments: [NoiseModel.known, .estimated], [1, 2, 3] as [UInt64])
    func agreement(noise: NoiseModel, seed: UInt64) throws {
        let problem = try RandomModel.problem(sizes: [6, 3, 9, 4, 7, 5, 8], fixed: 2, random: 3, seed: seed)
        let one = try BoundedNewton().fit(problem, noise: noise)
        let other = try CovarianceFit().fit(problem, noise: noise, kind: .ml)
        #expect(abs(one.loss - other.loss) < 1e-8)
        #expect(deviation(other.fixed, one.effects.fixed) < 1e-5)
        let likelihood = Likelihood(
            try MixedEffectsProblem(
                fixed: problem.fixed, random: problem.random, response: problem.response, offsets: problem.offsets,
                noiseVariance: problem.noiseVariance.map { $0 * one.noiseFactor }))
        let scores = likelihood.scores(at: one.effects)
        let predicted = Matrix(rows: 3, columns: 7) { one.effects.variances[$0] * scores[$0, $1] }
        #expect(deviation(other.randomEffects.elements, predicted.elements) < 1e-4)
    }

    @Test("columns far from 0 cost nothing", arguments: LikelihoodKind.allCases, [false, true])
    func offsets(kind: LikelihoodKind, isFull: Bool) throws {
        let problem = try RandomModel.problem(
            sizes: [6, 8, 7, 9, 6, 5, 8, 7, 9, 6], fixed: 3, random: 2, seed: 31, noise: false)
        // What is added to the second column of Z moves between its variance and that of the first.
        var (x, z) = (problem.fixed, problem.random)
        for row in 0..<x.rows {
            (x[row, 1], x[row, 2]) = (x[row, 1] + 2019, x[row, 2] - 1e4)
            z[row, 0] = 1
            if isFull { z[row, 1] += 500 }
        }
        var plain = problem.random
        for row in 0..<x.rows { plain[row, 0] = 1 }
        let blocks = isFull ? [[0, 1]] : nil
        func fit(_ fixed: Matrix, _ random: Matrix) throws -> FittedModel {
            try CovarianceFit().fit(
                MixedEffectsProblem(
                    fixed: fixed, random: random, response: problem.response, offsets: problem.offsets),
                noise: .estimated, kind: kind, blocks: blocks)
        }
        let (near, far) = (try fit(problem.fixed, plain), try fit(x, z))
        #expect(near.isConverged && far.isConverged)
        #expect(abs(near.loss - far.loss) < 1e-7)
        #expect(abs(near.fixed[1] - far.fixed[1]) < 1e-6)
        #expect(abs(near.standardErrors[2] / far.standardErrors[2] - 1) < 1e-5)
        #expect(deviation(far.fitted, near.fitted) < 1e-5)
    }

    /// Two rows of a group always lie on a line of its own.
    @Test("random effects that explain every row")
    func saturated() throws {
        var generator = SeededGenerator(seed: 3)
        let random = Matrix(rows: 24, columns: 2) { _, column in column == 0 ? 1 : generator.normal() }
        var response: [Double] = []
        for _ in 0..<12 {
            let u = (generator.normal(), generator.normal())
            for _ in 0..<2 { response.append(1 + u.0 + u.1 * random[response.count, 1]) }
        }
        let problem = try MixedEffectsProblem(
            fixed: Matrix(rows: 24, columns: 1, repeating: 1), random: random, response: response,
            offsets: (0...12).map { 2 * $0 })
        #expect(throws: MixedEffectsProblem.Invalid.noNoiseLeft) {
            try CovarianceFit().fit(problem, noise: .estimated, kind: .ml, blocks: [[0, 1]])
        }
    }
}
