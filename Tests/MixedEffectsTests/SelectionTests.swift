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

    @Test("benchmark", .enabled(if: Shared.isPresent), arguments: ["paper", "talk"])
    func benchmark(name: String) throws {
        let benchmark = try MixedBenchmark(name, count: 4)
        for hierarchy in [false, true] {
            for starts in ["empty", "full"] {
                var (right, flips, swaps, averaged, models) = (0, 0, 0, 0, 0)
                var times = [0.0, 0, 0]; var its = 0
                for problem in benchmark.problems {
                    let rules = SelectionRules(parents: hierarchy ? (0..<20).map { $0 } : [])
                    var began = cpuSeconds()
                    func lap(_ k: Int) { times[k] += cpuSeconds() - began; began = cpuSeconds() }
                    let fits = SupportFits(problem, noise: .known)
                    let full = Support(
                        fixed: .init(repeating: true, count: 20), random: .init(repeating: true, count: 20))
                    let empty = Support(
                        fixed: .init(repeating: false, count: 20), random: .init(repeating: false, count: 20))
                    let begin = (starts == "empty" ? [empty] : starts == "full" ? [full] : [full, empty])
                    let flipped = begin.map { SubsetSearch(rules: rules, swaps: false).run(fits, from: $0) }
                        .min { $0.bic < $1.bic }!
                    lap(0)
                    let swapped = SubsetSearch(rules: rules).run(fits, from: flipped.support)
                    lap(1)
                    let average = ModelAveraging(rules: rules).run(fits, from: swapped)
                    lap(2)
                    flips += benchmark.right(flipped.support)
                    swaps += benchmark.right(swapped.support)
                    averaged += benchmark.right(average.median.support)
                    models += fits.count; its += fits.iterations
                    right += 40
                }
                let n = Double(benchmark.problems.count)
                func percent(_ x: Int) -> Double { (1000 * Double(x) / Double(right)).rounded() / 10 }
                print(
                    "# \(name) hierarchy \(hierarchy) \(starts): flips \(percent(flips)) swaps \(percent(swaps)) average \(percent(averaged)); s \(times.map { ($0 / n * 10000).rounded() / 10000 }) fits \(Double(models) / n) its \(Double(its) / Double(models))"
                )
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

@Suite("Profile") struct ProfileTests {
    @Test(.enabled(if: Shared.isPresent)) func profile() throws {
        let benchmark = try MixedBenchmark("paper", count: 3)
        var (iterations, count) = (0, 0)
        let began = cpuSeconds()
        for problem in benchmark.problems {
            for drop in 0..<20 {
                let columns = (0..<10).map { (2 * $0 + drop) % 20 }
                let small = problem.restricted(fixed: columns, random: columns)
                for _ in 0..<10 {
                    let likelihood = Likelihood(small)
                    let fit = BoundedNewton(tolerance: 1e-9).fit(
                        likelihood, noise: .known,
                        from: Effects(fixed: .init(repeating: 0, count: 10), variances: .init(repeating: 1, count: 10)))
                    iterations += fit?.iterations ?? 0; count += 1
                }
            }
        }
        let seconds = cpuSeconds() - began
        print("# \(count) fits \(iterations) iterations, \(seconds / Double(iterations) * 1e6) µs an iteration")
    }
}

func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
}
