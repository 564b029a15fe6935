import Glibc
import LinearAlgebra
import Testing

@testable import MixedEffects

@Suite("Likelihood ratios")
struct LikelihoodRatioTests {
    /// By the density, with a substitution that takes its pole at 0 away.
    @Test("χ² tails against quadrature", arguments: [1, 2, 3, 4, 7, 12], [0.01, 0.5, 2.0, 9.0, 40.0])
    func tails(freedom: Int, value: Double) {
        let half = Double(freedom) / 2
        let count = 200_000
        var below = 0.0
        for k in 0..<count {
            // x = u², dx = 2u du.
            let u = (Double(k) + 0.5) / Double(count) * value.squareRoot()
            below += exp((2 * half - 1) * log(u) - u * u / 2) * 2 / Double(count) * value.squareRoot()
        }
        below /= exp(half * log(2) + lgamma(half))
        #expect(abs(LikelihoodRatio.upperChiSquared(value, freedom: freedom) - (1 - below)) < 1e-8)
    }

    @Test("mixtures on the boundary")
    func mixtures() {
        #expect(abs(LikelihoodRatio.p(2.705543454095404, fixed: 0, variances: 1) - 0.05) < 1e-12)
        #expect(abs(LikelihoodRatio.p(3.841458820694124, fixed: 1, variances: 0) - 0.05) < 1e-12)
        #expect(LikelihoodRatio.p(0, fixed: 0, variances: 1) == 1)
        #expect(LikelihoodRatio.p(-1e-9, fixed: 1, variances: 0) == 1)
        let both =
            0.25 * LikelihoodRatio.upperChiSquared(5, freedom: 1) + 0.5 * LikelihoodRatio.upperChiSquared(5, freedom: 2)
            + 0.25 * LikelihoodRatio.upperChiSquared(5, freedom: 3)
        #expect(abs(LikelihoodRatio.p(5, fixed: 1, variances: 2) - both) < 1e-14)
    }

    /// 300 tables without the effect that is tested: 5 % of them are told to have it, to three standard errors.
    @Test("rates of error", arguments: [false, true])
    func rates(ofVariance: Bool) throws {
        var found = 0
        for seed in 0..<300 {
            var generator = SeededGenerator(seed: UInt64(1000 + seed))
            let sizes = [Int](repeating: 6, count: 20)
            let fixed = Matrix(rows: 120, columns: 2) { _, column in column == 0 ? 1 : generator.normal() }
            var response: [Double] = []
            for size in sizes {
                let shift = 0.7 * generator.normal()
                for _ in 0..<size { response.append(1 + shift + generator.normal()) }
            }
            let problem = try MixedEffectsProblem(
                fixed: fixed, random: fixed, response: response, offsets: (0...20).map { 6 * $0 })
            let large = problem.restricted(fixed: [0, 1], random: ofVariance ? [0, 1] : [0])
            let small = problem.restricted(fixed: ofVariance ? [0, 1] : [0], random: [0])
            let ratio =
                2
                * (try BoundedNewton().fit(small, noise: .estimated).loss
                    - BoundedNewton().fit(large, noise: .estimated).loss)
            #expect(ratio > -1e-6)
            if LikelihoodRatio.p(ratio, fixed: ofVariance ? 0 : 1, variances: ofVariance ? 1 : 0) < 0.05 { found += 1 }
        }
        #expect(abs(Double(found) / 300 - 0.05) < 3 * (0.05 * 0.95 / 300).squareRoot())
    }
}
