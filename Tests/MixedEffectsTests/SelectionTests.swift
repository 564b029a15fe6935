import Glibc
import HDF5
import LinearAlgebra
import Testing
import TestSupport

@testable import MixedEffects

@Suite("Selection of effects")
struct SelectionTests {
    @Test("the best of all 240 supports", .enabled(if: Shared.isPresent))
    func bestSubset() throws {
        let reference = try MixedReference("11-best-subset")
        let (losses, criteria) = (try reference.matrix("loss"), try reference.matrix("bic"))
        let fits = SupportFits(reference.problem, noise: .known, newton: BoundedNewton())
        for beta in 1..<16 {
            for gamma in 0..<16 {
                let scored = fits.model(Self.support(beta, gamma))
                #expect(abs(scored.loss - losses[beta, gamma]) < 1e-7)
                #expect(abs(scored.bic - criteria[beta, gamma]) < 1e-6)
            }
        }
        let best = Self.support(
            Int(try reference.number("best_beta_mask")), Int(try reference.number("best_gamma_mask")))
        for start in [Self.support(15, 15), Self.support(1, 0)] {
            #expect(SubsetSearch().run(SupportFits(reference.problem, noise: .known), from: start).support == best)
        }
    }

    private static func support(_ beta: Int, _ gamma: Int) -> Support {
        Support(fixed: (0..<4).map { beta >> $0 & 1 == 1 }, random: (0..<4).map { gamma >> $0 & 1 == 1 })
    }

    @Test("criteria", .enabled(if: Shared.isPresent))
    func criteria() throws {
        let reference = try MixedReference("01-evaluate")
        let effects = try reference.effects()
        func value(_ criterion: InformationCriterion) -> Double { criterion.value(reference.problem, effects) }
        #expect(abs(value(.bic) - (try reference.number("bic_N"))) < 1e-9)
        #expect(abs(value(.bicJones) - (try reference.number("bic_jones"))) < 1e-9)
        #expect(abs(value(.muellerHui) - (try reference.number("ic_mueller_hui"))) < 1e-9)
        let freedom = try #require(DegreesOfFreedom(reference.problem, effects))
        #expect(abs(freedom.value - (try reference.number("hodges_sargent_dof"))) < 1e-9)
    }

    /// Accuracy: the share of the 40 decisions of a problem that are right.
    @Test("problems with known effects", .enabled(if: Shared.isPresent), arguments: ["paper", "talk"], [false, true])
    func benchmark(name: String, hierarchy: Bool) throws {
        let benchmark = try MixedBenchmark(name, count: 12)
        let rules = SelectionRules(parents: hierarchy ? (0..<20).map { $0 } : [])
        let empty = Support(fixed: .init(repeating: false, count: 20), random: .init(repeating: false, count: 20))
        var right = 0
        for problem in benchmark.problems {
            let fits = SupportFits(problem, noise: .known)
            let best = SubsetSearch(rules: rules).run(fits, from: empty)
            let average = ModelAveraging(rules: rules).run(fits, from: best)
            right += benchmark.right(average.median.support)
            #expect(rules.allow(best.support) && rules.allow(average.median.support))
            // No flip is better.
            for k in 0..<40 {
                guard let flipped = rules.flipped(best.support, k) else { continue }
                #expect(fits.model(flipped, near: best).bic > best.bic - 1e-6)
            }
        }
        #expect(Double(right) / Double(40 * benchmark.problems.count) >= (hierarchy ? 0.935 : 0.92))
    }

    @Test("averages are those of all models", arguments: [NoiseModel.known, .estimated], [[], [1, 2]] as [[Int?]])
    func averages(noise: NoiseModel, parents: [Int?]) throws {
        let problem = try RandomModel.problem(sizes: [4, 3, 5, 4, 3, 4, 5, 3], fixed: 3, random: 2, seed: 21)
        let rules = SelectionRules(keptFixed: [0], parents: parents)
        let fits = SupportFits(problem, noise: noise)
        var (total, sums) = (0.0, [Double](repeating: 0, count: 5))
        var best: SupportFits.Scored?
        for mask in 0..<32 {
            let bits = (0..<5).map { mask >> $0 & 1 == 1 }
            let support = Support(fixed: Array(bits.prefix(3)), random: Array(bits.suffix(2)))
            guard rules.allow(support) else { continue }
            let scored = fits.model(support)
            if scored.bic < best?.bic ?? .infinity { best = scored }
            let weight = exp(-scored.bic / 2)
            total += weight
            for k in 0..<5 where bits[k] { sums[k] += weight }
        }
        let start = try #require(best)
        let average = ModelAveraging(rules: rules, sweeps: 4000).run(fits, from: start)
        for (found, sum) in zip(average.fixed + average.random, sums) { #expect(abs(found - sum / total) < 0.03) }
        let again = ModelAveraging(rules: rules, sweeps: 25).run(SupportFits(problem, noise: noise), from: start)
        let same = ModelAveraging(rules: rules, sweeps: 25).run(SupportFits(problem, noise: noise), from: start)
        #expect(again.fixed == same.fixed && again.random == same.random)
    }

    @Test("what a model's flips would do, as it looks from there", .enabled(if: Shared.isPresent))
    func outlook() throws {
        let problem = try MixedBenchmark("paper", count: 1).problems[0]
        let fits = SupportFits(problem, noise: .known)
        let best = SubsetSearch().run(
            fits, from: Support(fixed: .init(repeating: false, count: 20), random: .init(repeating: false, count: 20)))
        let outlook = fits.outlook(best)
        for k in 0..<40 {
            var flipped = best.support
            flipped[k].toggle()
            let exact = fits.model(flipped, near: best).loss - best.loss
            if best.support[k] {
                // It has to tell what is surely in.
                #expect(outlook.flips[k] > 0.8 * exact)
            } else if exact > -1 {
                #expect(abs(outlook.flips[k] - exact) < 0.35)
            } else {
                #expect(outlook.flips[k] < -0.5)
            }
        }
    }

    /// The likelihood with the effect at 0, and one Newton step of the others from there, evaluated.
    @Test("what a model loses without an effect", arguments: [NoiseModel.known, .estimated])
    func removal(noise: NoiseModel) throws {
        let problem = try RandomModel.problem(sizes: [4, 3, 9, 4, 3, 12, 5, 3], fixed: 5, random: 4, seed: 22)
        let support = Support(fixed: [true, true, true, false, true], random: [true, false, true, true])
        let (fixed, random) = (support.fixedIndices, support.randomIndices)
        let fits = SupportFits(problem, noise: noise, newton: BoundedNewton())
        let model = fits.model(support)
        let likelihood = Likelihood(problem.restricted(fixed: fixed, random: random))
        let (p, count) = (fixed.count, support.count)
        var checked = 0
        for (place, k) in (fixed + random.map { $0 + 5 }).enumerated() {
            var at = Effects(
                fixed: fixed.map { model.effects.fixed[$0] },
                variances: random.map { model.effects.variances[$0] / model.noiseFactor })
            if place < p { at.fixed[place] = 0 } else { at.variances[place - p] = 0 }
            let derivatives = likelihood.evaluate(at: at)
            let (value, variance) = derivatives.objective(noise, freedom: problem.rowCount)
            var gradient = [Double](repeating: 0, count: count)
            var hessian = Matrix(rows: count, columns: count)
            derivatives.fillGradient(variance, &gradient)
            derivatives.fillHessian(noise, variance, rows: problem.rowCount, concave: 1, &hessian)
            hessian.mirrorLowerTriangle()
            let others = (0..<count).filter { $0 != place && ($0 < p || at.variances[$0 - p] > 0) }
            let block = Matrix(rows: others.count, columns: others.count) { hessian[others[$0], others[$1]] }
            let right = Matrix(rows: others.count, columns: 1) { row, _ in gradient[others[row]] }
            guard value - model.loss < 25, let factor = try? Cholesky(block) else { continue }
            let gain = zip(right.elements, factor.solve(right).elements).reduce(0) { $0 + $1.0 * $1.1 } / 2
            #expect(abs(fits.outlook(model).flips[k] - max(0, value - model.loss - gain)) < 1e-8)
            checked += 1
        }
        #expect(checked > 2)
    }

    /// Groups that are factorized by rows, by effects, and by either as the variances are.
    @Test("a likelihood of some effects, and its value alone", arguments: [0, 1, 3])
    func restricted(variances: Int) throws {
        let problem = try RandomModel.problem(sizes: [4, 1, 9, 4, 2, 12, 5, 3], fixed: 4, random: 6, seed: 23)
        let whole = Likelihood(problem, variances: variances)
        var generator = SeededGenerator(seed: 5)
        for (fixed, random) in [([0, 1, 3], [0, 2, 3, 5]), ([2], [1]), ([], [0, 1, 2, 3, 4, 5]), ([1], [])] {
            let effects = Effects(
                fixed: fixed.map { _ in generator.normal() },
                variances: random.map { $0 == 2 ? 0 : generator.uniform() })
            var all = Effects(fixed: .init(repeating: 0, count: 4), variances: .init(repeating: 0, count: 6))
            for (k, j) in fixed.enumerated() { all.fixed[j] = effects.fixed[k] }
            for (k, j) in random.enumerated() { all.variances[j] = effects.variances[k] }
            let expected = Likelihood(problem.restricted(fixed: fixed, random: random)).evaluate(at: effects)
            let own = Likelihood(whole, fixed: fixed, random: random)
            let found = own.evaluate(at: effects)
            for value in [found.value, own.value(at: effects), whole.value(at: all), whole.evaluate(at: all).value] {
                #expect(abs(value - expected.value) < 1e-11 * abs(expected.value))
            }
            for (a, b) in zip(
                found.fixedGradient + found.fisher.elements + found.mixedHessian.elements,
                expected.fixedGradient + expected.fisher.elements + expected.mixedHessian.elements)
            {
                #expect(abs(a - b) < 1e-10 * (1 + abs(b)))
            }
        }
    }
}

/// The benchmark's problems of one version.
struct MixedBenchmark {
    let problems: [MixedEffectsProblem]
    let isTrue: [Bool]

    init(_ name: String, count: Int = 100) throws {
        let file = try HDF5File(Shared.path("reference/mixed-effects/benchmark-100.h5"))
        let x = try file.doubles("\(name)/X").elements
        let y = try file.doubles("\(name)/y").elements
        let offsets = try file.integers("\(name)/offsets").elements
        let variance = try file.doubles("\(name)/variance").elements
        problems = try (0..<count).map { k in
            let design = Matrix(rows: 78, columns: 20) { x[(k * 78 + $0) * 20 + $1] }
            return try MixedEffectsProblem(
                fixed: design, random: design, response: Array(y[(k * 78)..<((k + 1) * 78)]), offsets: offsets,
                noiseVariance: variance)
        }
        isTrue = try file.doubles("\(name)/true").elements.map { $0 != 0 }
    }

    /// How many of the 40 decisions are right.
    func right(_ support: Support) -> Int {
        zip(support.fixed, isTrue).count { $0 == $1 } + zip(support.random, isTrue).count { $0 == $1 }
    }
}
