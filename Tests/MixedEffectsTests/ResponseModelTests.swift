import Foundation
import LinearAlgebra
import Testing

@testable import MixedEffects

@Suite("Several responses of groups")
struct ResponseModelTests {
    /// Groups with three rows each (a mean and two effects, which differ between groups), and responses with known errors.
    struct Case {
        var fixed: Matrix
        let random: Matrix
        let offsets: [Int]
        var responses: Matrix
        var covariances: [Matrix]
        let groups: Int

        var table: ResponseTable {
            get throws {
                try ResponseTable(
                    fixed: fixed, random: random, offsets: offsets, responses: responses,
                    errors: .correlated(covariances))
            }
        }

        /// - Parameters:
        ///   - effects: of each response: mean, two effects.
        ///   - deviations: of these between groups.
        ///   - correlation: of the errors of neighbouring responses.
        init(
            groups: Int = 14, effects: [[Double]], deviations: [Double] = [1, 0.5, 0.5], correlation: Double = 0,
            error: Double = 0.5, seed: UInt64
        ) {
            var generator = SeededGenerator(seed: seed)
            self.groups = groups
            let count = effects.count
            let codes: [[Double]] = [[1, -1.0 / 3, -1.0 / 3], [1, 2.0 / 3, -1.0 / 3], [1, -1.0 / 3, 2.0 / 3]]
            fixed = Matrix(rows: 3 * groups, columns: 3) { codes[$0 % 3][$1] }
            random = fixed
            offsets = (0...groups).map { 3 * $0 }
            responses = Matrix(rows: 3 * groups, columns: count)
            var covariances: [Matrix] = []
            for group in 0..<groups {
                let own = effects.map { response in
                    response.indices.map { response[$0] + deviations[$0] * generator.normal() }
                }
                for row in 0..<3 {
                    // Recordings differ in how exact they are.
                    let size = error * (0.5 + generator.uniform())
                    let covariance = Matrix(rows: count, columns: count) {
                        size * size * ($0 == $1 ? 1 : (abs($0 - $1) == 1 ? correlation : 0))
                    }
                    var factor = covariance
                    _ = LAPACK.cholesky(count, &factor.elements, count)
                    let noise = (0..<count).map { _ in generator.normal() }
                    for response in 0..<count {
                        responses[3 * group + row, response] =
                            (0..<3).reduce(0) { $0 + own[response][$1] * codes[row][$1] }
                            + (0...response).reduce(0) { $0 + factor[response, $1] * noise[$1] }
                    }
                    covariances.append(covariance)
                }
            }
            self.covariances = covariances
        }
    }

    static func model(_ selects: Bool = false) -> ResponseModel {
        ResponseModel(keptFixed: [0], keptRandom: [0], selects: selects)
    }

    @Test("scoring finds the restricted likelihood's maximum", arguments: 0..<12)
    func scoring(_ seed: Int) throws {
        let setup = Case(
            groups: [5, 9, 20][seed % 3], effects: [[2, 0.5, 0]],
            deviations: [[1, 0.5, 0.5], [0, 2, 0.1], [0.3, 0, 0]][seed / 4], seed: UInt64(40 + seed))
        let problem = try MixedEffectsProblem(
            fixed: setup.fixed, random: setup.random, response: setup.responses.column(0), offsets: setup.offsets,
            noiseVariance: setup.covariances.map { $0[0, 0] })
        let found = try VarianceScoring().fit(problem, kind: .reml)
        let expected = try CovarianceFit().fit(problem, noise: .known, kind: .reml)
        #expect(found.isConverged && found.loss <= expected.loss + 1e-8)
        #expect(abs(found.loss - expected.loss) < 1e-6)
        for k in 0..<3 {
            #expect(abs(found.variances[k] - expected.covariance[k, k]) < 1e-4)
            #expect(abs(found.fixed[k] - expected.fixed[k]) < 1e-5)
            #expect(abs(found.fixedCovariance[k, k] - expected.fixedCovariance[k, k]) < 1e-5)
        }
    }

    @Test("one response: the model of its rows with their noise variances")
    func single() throws {
        let setup = Case(effects: [[2, 0.5, 0]], seed: 1)
        let result = try Self.model().fit(setup.table)
        let problem = try MixedEffectsProblem(
            fixed: setup.fixed, random: setup.random, response: setup.responses.column(0), offsets: setup.offsets,
            noiseVariance: setup.covariances.map { $0[0, 0] })
        let expected = try CovarianceFit().fit(problem, noise: .known, kind: .reml)
        for (effect, k) in zip(result.effects, 0...) {
            #expect(abs(effect.estimate - expected.fixed[k]) < 1e-5)
            #expect(abs(effect.standardError - expected.standardErrors[k]) < 1e-5)
            #expect(effect.degreesOfFreedom == 13 && effect.p.isNaN == (k == 0))
        }
        for departure in result.departures {
            let own = expected.randomEffects[departure.column, departure.group]
            #expect(abs(departure.prediction - own) < 1e-5)
        }
        #expect(result.tests == 2 && result.departures.count == 42 && result.failures.isEmpty)
    }

    /// (XᵀV⁻¹X)⁻¹XᵀV⁻¹y and its covariance, of dense matrices.
    static func generalizedLeastSquares(
        _ setup: Case, _ deviations: (_ response: Int, _ column: Int) -> Double
    ) throws -> (estimates: [Double], errors: [Double]) {
        let count = setup.responses.columns
        let there = (0..<setup.responses.rows).flatMap { row in
            (0..<count).filter { setup.responses[row, $0].isFinite }.map { (row: row, response: $0) }
        }
        let v = Matrix(rows: there.count, columns: there.count) { i, j in
            let (a, b) = (there[i], there[j])
            var sum = a.row == b.row ? setup.covariances[a.row][a.response, b.response] : 0
            if a.row / 3 == b.row / 3, a.response == b.response {
                for c in 0..<3 {
                    let deviation = deviations(a.response, c)
                    sum += deviation * deviation * setup.random[a.row, c] * setup.random[b.row, c]
                }
            }
            return sum
        }
        let x = Matrix(rows: there.count, columns: 3 * count) { i, k in
            k / 3 == there[i].response ? setup.fixed[there[i].row, k % 3] : 0
        }
        let y = Matrix(rows: there.count, columns: 1) { i, _ in setup.responses[there[i].row, there[i].response] }
        let cholesky = try Cholesky(v)
        let inverse = try Cholesky(Matrix.product(x, transposed: true, cholesky.solve(x))).inverse()
        let estimates = inverse * Matrix.product(x, transposed: true, cholesky.solve(y))
        return (estimates.elements, (0..<inverse.rows).map { inverse[$0, $0].squareRoot() })
    }

    @Test("correlated errors and missing responses: generalized least squares of all rows", arguments: [0.0, 0.6])
    func joint(_ correlation: Double) throws {
        var setup = Case(
            effects: [[2, 0.5, 0], [1, 0, 0.8], [200, 0, 50]], correlation: correlation, seed: 2)
        setup.responses[4, 1] = .nan
        for row in 6..<9 { setup.responses[row, 0] = .nan }
        let result = try Self.model().fit(setup.table)
        #expect(result.blocks == (correlation > 0 ? [[0, 1, 2]] : [[0], [1], [2]]))
        let spreads = result.spreads
        let expected = try Self.generalizedLeastSquares(setup) { spreads[3 * $0 + $1].deviation }
        for (k, effect) in result.effects.enumerated() {
            #expect(abs(effect.estimate - expected.estimates[k]) < 1e-6 * max(1, abs(expected.estimates[k])))
            #expect(abs(effect.standardError - expected.errors[k]) < 1e-6 * max(1, expected.errors[k]))
            #expect(effect.degreesOfFreedom == (k < 3 ? 12 : 13))
        }
        // A group without a response does not depart in it.
        #expect(!result.departures.contains { $0.group == 2 && $0.response == 0 })
        #expect(result.departures.contains { $0.group == 2 && $0.response == 1 })
    }

    @Test("the unit of a response changes nothing but the unit of its results")
    func units() throws {
        let setup = Case(effects: [[2, 0.5, 0], [1, 0, 0.8]], correlation: 0.5, seed: 3)
        var small = setup
        for k in small.responses.elements.indices { small.responses.elements[k] *= 1e-9 }
        let scaled = try ResponseTable(
            fixed: small.fixed, random: small.random, offsets: small.offsets, responses: small.responses,
            errors: .correlated(setup.covariances.map { $0 * 1e-18 }))
        let (one, other) = (try Self.model(true).fit(setup.table), try Self.model(true).fit(scaled))
        for (a, b) in zip(one.effects, other.effects) {
            #expect(abs(a.estimate - 1e9 * b.estimate) < 1e-7 && abs((a.inclusion ?? 0) - (b.inclusion ?? 1)) < 1e-6)
            #expect(a.p.isNaN || abs(a.p - b.p) < 1e-7)
        }
        for (a, b) in zip(one.departures, other.departures) { #expect(abs(a.score - b.score) < 1e-5) }
    }

    @Test("effects that are there are found, on any number of threads; few groups choose no random effects")
    func selection() throws {
        let setup = Case(groups: 20, effects: [[2, 1.5, 0], [1, 0, 0], [1, 0, -1.5]], correlation: 0.4, seed: 4)
        let result = try Self.model(true).fit(setup.table)
        for effect in result.effects where effect.column > 0 {
            let isTrue = (effect.response, effect.column) == (0, 1) || (effect.response, effect.column) == (2, 2)
            #expect((effect.inclusion ?? 0 > 0.5) == isTrue && (effect.correctedP < 0.05) == isTrue)
            #expect(effect.correctedP >= effect.p)
        }
        #expect(result.choosesRandom && result.spreads.allSatisfy { $0.inclusion != nil })
        let threads = try Self.model(true).fit(setup.table, parallelism: Parallelism(threads: 2))
        #expect(threads.effects.map(\.estimate) == result.effects.map(\.estimate))
        #expect(threads.effects.map(\.inclusion) == result.effects.map(\.inclusion))
        let few = try Self.model(true).fit(
            Case(groups: 6, effects: [[2, 3, 0]], deviations: [1, 0.2, 0.2], seed: 5).table)
        #expect(!few.choosesRandom && few.spreads.allSatisfy { $0.inclusion == nil })
        #expect(few.effects[1].inclusion ?? 0 > 0.5 && few.effects[1].degreesOfFreedom == 5)
    }

    @Test("a path: stationary at every λ, from nothing to all; what is there stays longest, on any scale")
    func path() throws {
        let setup = Case(groups: 20, effects: [[2, 1.5, 0], [1, 0, 0], [1, 0, -1.5]], seed: 4)
        let path = try Self.model().path(setup.table)
        let last = path.lambdas.count - 1
        for response in 0..<3 {
            #expect(path.fixed[response][1, last] == 0 && path.fixed[response][2, last] == 0)
            #expect(path.deviations[response][1, last] == 0 && path.deviations[response][2, last] == 0)
            let problem = try MixedEffectsProblem(
                fixed: setup.fixed, random: setup.random, response: setup.responses.column(response),
                offsets: setup.offsets, noiseVariance: setup.covariances.map { $0[response, response] })
            let full = try BoundedNewton().fit(problem, noise: .known).effects
            for k in 0..<3 { #expect(abs(path.fixed[response][k, 0] - full.fixed[k]) < 0.02) }
            // The intercept and its variance are free: their slopes are zero all along.
            let likelihood = Likelihood(problem)
            for l in stride(from: 0, through: last, by: 4) {
                let at = Effects(
                    fixed: path.fixed[response].column(l),
                    variances: path.deviations[response].column(l).map { $0 * $0 })
                let slopes = likelihood.evaluate(at: at)
                #expect(abs(slopes.fixedGradient[0]) < 1e-4)
                #expect(at.variances[0] == 0 || abs(slopes.varianceGradient(0)) < 1e-4)
                // Slopes of what is not free go with λ.
                guard l > 0 else { continue }
                let before = likelihood.evaluate(
                    at: Effects(
                        fixed: path.fixed[response].column(l - 1),
                        variances: path.deviations[response].column(l - 1).map { $0 * $0 }))
                for k in 1..<3 where at.fixed[k] != 0 {
                    let ratio = slopes.fixedGradient[k] / before.fixedGradient[k]
                    #expect(abs(ratio / (path.lambdas[l] / path.lambdas[l - 1]) - 1) < 1e-3)
                }
            }
        }
        let chosen = try #require(path.chosen)
        #expect(path.bic.indices.allSatisfy { path.bic[$0] >= path.bic[chosen] })
        for (response, column) in [(0, 1), (0, 2), (1, 1), (1, 2), (2, 1), (2, 2)] {
            let isTrue = (response, column) == (0, 1) || (response, column) == (2, 2)
            #expect((path.fixed[response][column, chosen] != 0) == isTrue, "\(response) \(column)")
        }
        // Units of columns and responses change nothing but those of the estimates.
        var scaled = setup
        for row in 0..<setup.fixed.rows {
            scaled.fixed[row, 1] *= 1e3
            for response in 0..<3 { scaled.responses[row, response] *= 1e-9 }
        }
        scaled.covariances = setup.covariances.map { $0 * 1e-18 }
        let other = try Self.model().path(scaled.table)
        for l in [0, chosen, last] {
            #expect(abs(other.fixed[0][1, l] * 1e12 - path.fixed[0][1, l]) < 1e-5)
            #expect(abs(other.lambdas[l] / path.lambdas[l] - 1) < 1e-5)
        }
        #expect(other.chosen == chosen)
    }

    @Test("many columns: what the model of all effects has no use for is left out of the averaging, and nothing else")
    func screening() throws {
        var setup = Case(groups: 30, effects: [[2, 1, 0]], seed: 6)
        var generator = SeededGenerator(seed: 7)
        // Ten covariates of groups and their products with the two effects.
        let covariates = generator.normal(rows: 30, columns: 10)
        let design = setup.fixed
        setup.fixed = Matrix(rows: 90, columns: 33) { row, column in
            column < 3 ? design[row, column] : covariates[row / 3, (column - 3) / 3] * design[row, (column - 3) % 3]
        }
        for row in 0..<90 { setup.responses[row, 0] += 1.5 * setup.fixed[row, 7] - 2 * setup.fixed[row, 15] }
        var model = Self.model(true)
        let result = try model.fit(setup.table)
        // One that has no effect is as likely in as out.
        #expect(result.effects.filter { $0.inclusion ?? 0 > 0.6 }.map(\.column) == [0, 1, 7, 15])
        #expect(result.effects.count { $0.inclusion == 0 } > 10)
        #expect(result.effects[0].degreesOfFreedom == 19)
        model.mostAveraged = 100
        let whole = try model.fit(setup.table)
        for (a, b) in zip(result.effects, whole.effects) {
            // One half is no verdict.
            let isDecided = abs((a.inclusion ?? 0) - 0.5) > 0.1
            #expect(!isDecided || (a.inclusion ?? 0 > 0.5) == (b.inclusion ?? 0 > 0.5))
            if a.inclusion == 0 { #expect(b.inclusion ?? 1 < 0.4) }
        }
    }

    @Test("a group that departs is told; scores of those that do not are standard normal")
    func departures() throws {
        var (scores, count): (Double, Double) = (0, 0)
        for seed in 0..<30 {
            let setup = Case(groups: 20, effects: [[2, 0.5, 0]], seed: UInt64(100 + seed))
            for departure in try Self.model().fit(setup.table).departures {
                scores += departure.score * departure.score
                count += 1
            }
        }
        #expect(abs(scores / count - 1) < 0.1)
        var setup = Case(groups: 20, effects: [[2, 0.5, 0]], seed: 8)
        for row in 21..<24 { setup.responses[row, 0] += 6 * setup.fixed[row, 1] }
        let result = try Self.model().fit(setup.table)
        let largest = result.departures.max { abs($0.score) < abs($1.score) }
        #expect(largest?.group == 7 && largest?.column == 1 && largest?.score ?? 0 > 3)
    }

    @Test("what cannot be modelled is told, and stops nothing else")
    func failures() throws {
        var setup = Case(effects: [[2, 0.5, 0], [1, 0, 0.8]], seed: 9)
        for row in 0..<setup.responses.rows { setup.responses[row, 1] = .nan }
        let result = try Self.model(true).fit(setup.table)
        #expect(result.failures.map(\.response) == [1] && result.effects.count == 3)
        // A column of zeros.
        setup.fixed = Matrix(rows: setup.fixed.rows, columns: 3) { $1 == 2 ? 0 : setup.fixed[$0, $1] }
        let flat = try Self.model().fit(setup.table)
        #expect(flat.failures.map(\.response) == [0, 1] && flat.failures[0].reason.contains("depend on each other"))
        #expect(flat.effects.isEmpty && flat.tests == 0)
        let errors = setup.covariances.map { $0 * 0 }
        #expect(throws: ResponseTable.Invalid.error(row: 0, response: 0)) {
            try ResponseTable(
                fixed: setup.fixed, random: setup.random, offsets: setup.offsets, responses: setup.responses,
                errors: .correlated(errors))
        }
        #expect(throws: ResponseTable.Invalid.self) {
            try ResponseTable(
                fixed: setup.fixed, random: setup.random, offsets: [0, 3], responses: setup.responses,
                errors: .independent(Matrix(rows: setup.responses.rows, columns: 2, repeating: 1)))
        }
        #expect(throws: ResponseTable.Invalid.self) {
            try ResponseTable(
                fixed: setup.fixed, random: setup.random, offsets: setup.offsets, responses: setup.responses,
                errors: .independent(Matrix(rows: 1, columns: 2, repeating: 1)))
        }
        #expect(throws: CancellationError.self) {
            try Self.model().fit(Case(effects: [[2, 0.5, 0]], seed: 1).table, isCancelled: { true })
        }
    }

    @Test("responses that are modelled together: by correlation, the largest first, up to a size")
    func blocks() throws {
        let setup = Case(effects: (0..<12).map { _ in [1, 0, 0] }, correlation: 0.45, seed: 10)
        let blocks = try setup.table.blocks(correlatedBy: 0.1, columns: 24)
        #expect(blocks.flatMap(\.self).sorted() == Array(0..<12))
        #expect(blocks.allSatisfy { $0.count <= 4 } && blocks.contains { $0.count > 1 })
        #expect(try setup.table.blocks(correlatedBy: 0.5, columns: 24).count == 12)
        #expect(try setup.table.blocks(correlatedBy: 0.1, columns: 1000).count == 1)
    }
}

@Suite("Tests of many effects")
struct MultipleTestingTests {
    /// Quantiles of tables (Abramowitz & Stegun 1964, 26.10).
    @Test(
        "Student's t",
        arguments: [
            (12.706204736432095, 1.0, 0.05), (2.131449545559323, 15, 0.05), (2.946712883338, 15, 0.01),
            (4.302652729696142, 2, 0.05), (1.959963984540054, .infinity, 0.05), (1.962339080821, 1000, 0.05),
            (0, 7, 1), (63.65674116287, 1, 0.01),
        ])
    func student(_ t: Double, _ freedom: Double, _ p: Double) {
        #expect(abs(StudentDistribution.twoSided(t, freedom: freedom) - p) < 1e-11)
        #expect(StudentDistribution.twoSided(-t, freedom: freedom) == StudentDistribution.twoSided(t, freedom: freedom))
        #expect(abs(StudentDistribution.twoSidedQuantile(p, freedom: freedom) - t) < 1e-7 * max(1, t))
    }

    @Test("far tails and no numbers")
    func tails() {
        // With one degree of freedom p is 1 − 2 atan(t)/π, with two 1 − t/√(2 + t²).
        #expect(abs(StudentDistribution.twoSided(1e6, freedom: 1) / (2 / .pi * 1e-6) - 1) < 1e-9)
        #expect(abs(StudentDistribution.twoSided(1e5, freedom: 2) / 1e-10 - 1) < 1e-5)
        #expect(StudentDistribution.twoSided(.infinity, freedom: 3) == 0)
        #expect(StudentDistribution.twoSided(.nan, freedom: 3).isNaN)
        #expect(StudentDistribution.twoSided(40, freedom: 30) > 0)
    }

    @Test("Holm's correction")
    func holm() {
        let adjusted = HolmCorrection.adjusted([0.01, 0.04, .nan, 0.03, 0.005])
        let expected = [0.03, 0.06, 0.06, 0.02]
        #expect(zip([0, 1, 3, 4].map { adjusted[$0] }, expected).allSatisfy { abs($0 - $1) < 1e-12 })
        #expect(
            adjusted[2].isNaN && HolmCorrection.adjusted([]).isEmpty && HolmCorrection.adjusted([0.9, 0.8]) == [1, 1])
    }
}
