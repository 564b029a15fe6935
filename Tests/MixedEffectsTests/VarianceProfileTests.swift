import Glibc
import LinearAlgebra
import TestSupport
import Testing

@testable import MixedEffects

@Suite("Profiles of standard deviations")
struct VarianceProfileTests {
    /// `confint(lmer(Reaction ~ Days + (Days || Subject), sleepstudy, REML = FALSE), method = "profile")` of lme4 1.1-31, which
    /// interpolates a spline between points.
    @Test("lme4's intervals", .enabled(if: Shared.isPresent))
    func intervals() throws {
        let problem = try MixedReference("12-lmer-sleepstudy").problem
        var profile = try VarianceProfile(CovarianceFit().fit(problem, noise: .estimated, kind: .ml))
        let expected = [(15.258646166, 37.78646394), (3.964074373, 8.76916043)]
        for (index, (lower, upper)) in expected.enumerated() {
            let found = profile.interval(of: index)
            #expect(abs(found.lower - lower) < 1e-4 * lower && abs(found.upper - upper) < 1e-4 * upper)
            #expect(found.lower < found.deviation && found.deviation < found.upper)
            let narrow = profile.interval(of: index, level: 0.5)
            #expect(found.lower < narrow.lower && narrow.upper < found.upper)
        }
    }

    /// 2(L − L) of lme4's fits without and with an effect: of the model with a correlation, and of the one without.
    @Test("lme4's likelihood ratios", .enabled(if: Shared.isPresent), arguments: LikelihoodKind.allCases)
    func ratios(_ kind: LikelihoodKind) throws {
        let problem = try MixedReference("12-lmer-sleepstudy").problem
        for (blocks, expected) in [([[0, 1]], Self.correlated[kind]), (nil, Self.uncorrelated[kind])] {
            let expected = try #require(expected)
            let model = try CovarianceFit().fit(problem, noise: .estimated, kind: kind, blocks: blocks)
            for (test, statistic) in zip(try VarianceTest.all(of: model, blocks: blocks), expected) {
                #expect(abs(test.statistic - statistic) < 1e-6)
                #expect(test.covariances == (blocks == nil ? 0 : 1))
                #expect(test.p == LikelihoodRatio.p(test.statistic, fixed: test.covariances, variances: 1))
            }
            if blocks != nil { #expect(throws: VarianceProfile.Invalid.correlated) { try VarianceProfile(model) } }
        }
    }
    private static let correlated: [LikelihoodKind: [Double]] = [
        .ml: [22.1409707915, 42.1392985162], .reml: [22.8967555256, 42.8368134350],
    ]
    private static let uncorrelated: [LikelihoodKind: [Double]] = [
        .ml: [22.0770601359, 42.0753878606], .reml: [22.8557339041, 42.7957918134],
    ]

    private static func problem(_ seed: UInt64, groups: Int = 6) throws -> MixedEffectsProblem {
        var random = SeededGenerator(seed: seed)
        let sizes = (0..<groups).map { 3 + $0 % 3 }
        let rows = sizes.reduce(0, +)
        var design = random.normal(rows: rows, columns: 2)
        for row in 0..<rows { design[row, 0] = 1 }
        var (response, offsets): ([Double], [Int]) = ([], [0])
        for size in sizes {
            let (shift, slope) = (0.8 * random.normal(), 0.6 * random.normal())
            for _ in 0..<size {
                let row = response.count
                response.append(1 + shift + (0.5 + slope) * design[row, 1] + 0.5 * random.normal())
            }
            offsets.append(response.count)
        }
        return try MixedEffectsProblem(
            fixed: design, random: design, response: response, offsets: offsets,
            noiseVariance: (0..<rows).map { 0.2 + 0.1 * Double($0 % 3) })
    }

    /// Dense Ω of all rows, Gaussian elimination: twice the negative log (restricted) likelihood without constants.
    private static func direct(
        _ problem: MixedEffectsProblem, _ gamma: [Double], _ noise: Double, _ kind: LikelihoodKind
    ) -> Double {
        let (n, p) = (problem.rowCount, problem.fixedCount)
        var omega = Matrix(rows: n, columns: n)
        for group in 0..<problem.groupCount {
            let rows = problem.offsets[group]..<problem.offsets[group + 1]
            for i in rows {
                for j in rows {
                    omega[i, j] = gamma.indices.reduce(i == j ? noise * problem.noiseVariance[i] : 0) {
                        $0 + gamma[$1] * problem.random[i, $1] * problem.random[j, $1]
                    }
                }
            }
        }
        guard let factor = try? Cholesky(omega) else { return .infinity }
        let y = Matrix(rows: n, columns: 1, elements: problem.response)
        let (whiteX, whiteY) = (factor.solve(problem.fixed), factor.solve(y))
        guard let inner = try? Cholesky(problem.fixed.transposed * whiteX) else { return .infinity }
        let cross = problem.fixed.transposed * whiteY
        let beta = inner.solve(cross)
        let squares = (y.transposed * whiteY)[0, 0] - (0..<p).reduce(0) { $0 + beta[$1, 0] * cross[$1, 0] }
        return factor.logDeterminant + squares + (kind == .reml ? inner.logDeterminant : 0)
    }

    /// The least value over x ≥ 0: a grid, then golden section around its best.
    private static func least(_ largest: Double, _ value: (Double) -> Double) -> Double {
        let grid = (0...24).map { largest * pow(Double($0) / 24, 2) }
        let values = grid.map(value)
        let best = values.indices.min { values[$0] < values[$1] } ?? 0
        var (low, high) = (grid[max(0, best - 1)], grid[min(24, best + 1)])
        let ratio = (5.0.squareRoot() - 1) / 2
        for _ in 0..<34 {
            let (a, b) = (high - ratio * (high - low), low + ratio * (high - low))
            if value(a) < value(b) { high = b } else { low = a }
        }
        return min(values[best], value((low + high) / 2))
    }

    @Test("profiles against brute force", arguments: LikelihoodKind.allCases, [NoiseModel.known, .estimated])
    func bruteForce(_ kind: LikelihoodKind, _ noise: NoiseModel) throws {
        let problem = try Self.problem(3)
        let model = try CovarianceFit().fit(problem, noise: noise, kind: kind)
        var profile = try VarianceProfile(model)
        func brute(_ gamma: (Double) -> [Double]) -> Double {
            Self.least(4) { other in
                noise == .known
                    ? Self.direct(problem, gamma(other), 1, kind)
                    : Self.least(4) { Self.direct(problem, gamma(other), $0, kind) }
            }
        }
        let own = model.variances
        let best = Self.direct(problem, own, model.noiseFactor, kind)
        for index in 0..<2 {
            for deviation in [0.0, 0.3, 0.9, 1.6] {
                let square = deviation * deviation
                let expected = brute { index == 0 ? [square, $0] : [$0, square] } - best
                #expect(abs(profile.loss(of: index, at: deviation) - expected) < 2e-5)
            }
            let interval = profile.interval(of: index)
            #expect(abs(interval.deviation - own[index].squareRoot()) < 1e-4)
            for end in [interval.lower, interval.upper] where end > 0 {
                #expect(abs(profile.loss(of: index, at: end) - 3.841458820694124) < 1e-6)
            }
        }
    }

    @Test("a standard deviation of 0 has an interval from there, one of few groups a wide one")
    func boundary() throws {
        var found = 0
        for seed in 0..<20 {
            var random = SeededGenerator(seed: UInt64(90 + seed))
            let design = Matrix(rows: 24, columns: 1) { _, _ in 1 }
            let problem = try MixedEffectsProblem(
                fixed: design, random: design, response: (0..<24).map { _ in random.normal() },
                offsets: (0...6).map { 4 * $0 })
            let model = try CovarianceFit().fit(problem, noise: .estimated, kind: .reml)
            var profile = try VarianceProfile(model)
            let interval = profile.interval(of: 0)
            let test = try VarianceTest.all(of: model)[0]
            #expect((interval.lower == 0) == (test.statistic <= 3.8414588206941))
            #expect(interval.upper > interval.deviation && interval.upper < 10)
            guard interval.deviation < 1e-3 else { continue }
            found += 1
            #expect(interval.lower == 0 && test.statistic < 1e-5 && test.p > 0.49)
        }
        #expect(found > 3)
    }

    @Test("with few groups no random effect is chosen")
    func fewGroups() throws {
        let problem = try Self.problem(5, groups: 7)
        let rules = SelectionRules(keptFixed: [0], parents: [0, 1]).with(groups: problem.groupCount, randomCount: 2)
        let fits = SupportFits(problem, noise: .known)
        let empty = Support(fixed: [false, false], random: [false, false])
        let average = ModelAveraging(rules: rules).run(fits, from: SubsetSearch(rules: rules).run(fits, from: empty))
        #expect(average.random == [1, 1] && average.median.support.random == [true, true])
        #expect(average.fixed[1] > 0 && average.fixed[1] < 1)
        #expect(rules.with(groups: 3, randomCount: 2).keptFixed == [0])
        let many = SelectionRules(parents: [0, 1]).with(groups: 8, randomCount: 2)
        #expect(many.keptRandom.isEmpty && many.parents.count == 2)
    }
}
