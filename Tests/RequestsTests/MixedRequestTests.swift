import HDF5
import TestSupport
import Testing

@testable import Requests

@Suite("Mixed effects as they are asked for")
struct MixedRequestTests {
    /// 20 groups of 8 rows; y = 3 + 2a + level + slope·a of the group + noise of variance 0.25; b says nothing.
    private func table(y scale: Double = 1, a factor: Double = 1) throws -> DataTable {
        var random = SeededGenerator(seed: 5)
        var (y, a, b, g): ([Double], [Double], [Double], [String?]) = ([], [], [], [])
        for group in 0..<20 {
            let (level, slope) = (random.normal(), 0.8 * random.normal())
            for _ in 0..<8 {
                a.append(random.normal())
                b.append(random.normal())
                g.append("g\(group)")
                y.append(3 + level + (2 + slope) * a[a.count - 1] + 0.5 * random.normal())
            }
        }
        return try DataTable([
            .init("y", numbers: y.map { $0 * scale }), .init("a", numbers: a.map { $0 * factor }),
            .init("b", numbers: b),
            .init("g", texts: g),
        ])
    }

    private func answer(
        _ options: [String: OptionValue], formula: String = "y ~ a + b + (a + b || g)", _ table: DataTable,
        monitor: Monitor = .silent
    ) throws -> MixedAnswer {
        let request = try MixedRequest(options.merging(["formula": .text(formula)]) { first, _ in first })
        return try request.run(request.design(of: table), monitor: monitor)
    }

    @Test(
        "units do not matter: a response in thousandths and a column in hundreds give the same model",
        arguments: ["none", "subset", "average", "pgd", "msr3-fast"])
    func units(select: String) throws {
        let options: [String: OptionValue] = ["select": .text(select)]
        let plain = try answer(options, table()).summary
        let scaled = try answer(options, table(y: 1000, a: 0.01)).summary
        #expect(plain.fixed.map(\.selected) == scaled.fixed.map(\.selected))
        #expect(plain.random.map(\.selected) == scaled.random.map(\.selected))
        func expectClose(_ a: Double?, _ b: Double?, _ what: String) {
            #expect(
                abs((a ?? .nan) - (b ?? .nan)) <= 2e-5 * max(abs(b ?? 1), 1e-9),
                "\(what): \(a ?? .nan) for \(b ?? .nan)")
        }
        expectClose(scaled.fixed[1].estimate, plain.fixed[1].estimate * 1000 / 0.01, "a")
        expectClose(scaled.fixed[1].standardError, (plain.fixed[1].standardError ?? 0) * 1000 / 0.01, "its error")
        expectClose(scaled.fixed[1].p, plain.fixed[1].p, "p")
        expectClose(scaled.random[1].estimate, plain.random[1].estimate * 1e6 / 1e-4, "its variance")
        expectClose(scaled.noiseVariance, (plain.noiseVariance ?? 0) * 1e6, "noise")
        // log(1000) a row; REML loses some to the fixed effects, whose units changed as well.
        let shift = 2 * 160 * 6.907755278982137
        expectClose(scaled.minusTwiceLogLikelihood, plain.minusTwiceLogLikelihood + shift, "likelihood")
        expectClose(scaled.bic, plain.bic + shift, "BIC")
    }

    @Test("criteria and likelihoods are those of the units given, standardized or not", arguments: ["ml", "reml"])
    func standardized(estimation: String) throws {
        let options: [String: OptionValue] = ["select": .text("none"), "estimation": .text(estimation)]
        let scaled = try answer(options, table(y: 7, a: 3))
        let raw = try answer(options.merging(["standardize": .text("false")]) { $1 }, table(y: 7, a: 3))
        #expect(scaled.summary.standardized && !raw.summary.standardized)
        let pairs = [
            (scaled.summary.minusTwiceLogLikelihood, raw.summary.minusTwiceLogLikelihood),
            (scaled.summary.minusTwiceRestrictedLogLikelihood ?? 0, raw.summary.minusTwiceRestrictedLogLikelihood ?? 0),
            (scaled.summary.objective, raw.summary.objective), (scaled.fitted[17], raw.fitted[17]),
            (scaled.deviations[1, 3], raw.deviations[1, 3]),
        ]
        for (a, b) in pairs { #expect(abs(a - b) <= 1e-5 * max(1, abs(b)), "\(a) for \(b)") }
        for (name, value) in raw.summary.criteria {
            #expect(abs((scaled.summary.criteria[name] ?? .nan) - value) <= 1e-5 * abs(value), "\(name)")
        }
        #expect((raw.summary.minusTwiceRestrictedLogLikelihood != nil) == (estimation == "reml"))
    }

    @Test("fitted values are the fixed part and the group's departure")
    func fitted() throws {
        let answer = try answer(["select": .text("none")], table())
        let design = answer.design
        for row in [0, 9, 159] {
            let group = row / 8
            var expected = 0.0
            for j in 0..<design.fixed.columns { expected += design.fixed[row, j] * answer.summary.fixed[j].estimate }
            for j in 0..<design.random.columns { expected += design.random[row, j] * answer.deviations[j, group] }
            #expect(abs(answer.fitted[row] - expected) < 1e-9 * max(1, abs(expected)))
        }
        let error = zip(answer.fitted, design.response).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / 160
        #expect((0.1...0.3).contains(error))
    }

    @Test("a known variance of the noise is kept, as a number or a column")
    func knownNoise() throws {
        let number = try answer(["select": .text("none"), "noise-variance": .number(0.25)], table())
        #expect(number.summary.noiseVariance == 0.25 && !number.summary.noiseIsEstimated)
        let column = try DataTable(
            table().columns + [.init("v", numbers: (0..<160).map { $0 % 2 == 0 ? 0.2 : 0.3 })])
        let varying = try answer(["select": .text("none"), "noise-variance": .text("v")], column)
        #expect(varying.summary.noiseVariance == nil)
        #expect(abs(varying.summary.fixed[1].estimate - number.summary.fixed[1].estimate) < 0.05)
    }

    @Test(
        "the reference optimum with known noise, by the request", .enabled(if: Shared.isPresent, "\(Shared.absence)"))
    func reference() throws {
        let file = try HDF5File(Shared.path("reference/mixed-effects/02-ml-known-variance.h5"))
        func matrix(_ name: String) throws -> Matrix {
            let array = try file.doubles(name)
            return Matrix(rows: array.shape[0], columns: array.shape[1]) { array.elements[$0 * array.shape[1] + $1] }
        }
        let offsets = try file.integers("offsets").elements
        let groups = zip(offsets, offsets.dropFirst()).enumerated().flatMap { group, range in
            [String](repeating: "\(group)", count: range.1 - range.0)
        }
        let design = try MixedDesign(
            fixed: matrix("X"), random: matrix("Z"), response: file.doubles("y").elements, groups: groups,
            noiseVariance: file.doubles("variance").elements)
        for standardize in ["true", "false"] {
            let found = try MixedRequest([
                "select": .text("none"), "estimation": .text("ml"), "standardize": .text(standardize),
            ]).run(design).summary
            let expected = try #require(try file.double(attribute: "objective"))
            #expect(abs(found.objective - expected) < 1e-8 * expected)
            for (effect, beta) in zip(found.fixed, try file.doubles("beta").elements) {
                #expect(abs(effect.estimate - beta) < 1e-6)
            }
            for (effect, gamma) in zip(found.random, try file.doubles("gamma").elements) {
                #expect(abs(effect.estimate - gamma) < 1e-5)
            }
        }
    }

    @Test("effects to keep are kept, and hierarchy holds unless it is turned off")
    func rules() throws {
        let kept = try answer(["select": .text("subset"), "keep": .texts(["b", "(Intercept)"])], table()).summary
        #expect(kept.fixed.map(\.selected) == [true, true, true])
        // c has no effect of its own, but one that differs between groups.
        var random = SeededGenerator(seed: 9)
        var (y, c, g): ([Double], [Double], [Double]) = ([], [], [])
        for group in 0..<30 {
            let slope = 2 * Double(group % 2 == 0 ? 1 : -1)
            for k in 0..<10 {
                c.append(Double(k % 5) - 2)
                g.append(Double(group))
                y.append(slope * c[c.count - 1] + 0.3 * random.normal())
            }
        }
        let table = try DataTable([.init("y", numbers: y), .init("c", numbers: c), .init("g", numbers: g)])
        let free = try answer(
            ["select": .text("subset"), "hierarchy": .text("false")], formula: "y ~ c + (0 + c || g)", table
        ).summary
        #expect(free.fixed.map(\.selected) == [true, false] && free.random.map(\.selected) == [true])
        let bound = try answer(["select": .text("subset")], formula: "y ~ c + (0 + c || g)", table).summary
        #expect(bound.fixed.map(\.selected) == [true, true] && bound.random.map(\.selected) == [true])
    }

    @Test("warnings: few groups, correlations that selection leaves out, columns left out")
    func warnings() throws {
        let rows = 0..<48
        let table = try DataTable([
            .init("y", numbers: rows.map { Double($0 % 7) + Double($0 % 4) }),
            .init("a", numbers: rows.map { Double($0 % 5) }),
            .init("twice", numbers: rows.map { 2 * Double($0 % 5) }), .init("g", numbers: rows.map { Double($0 % 4) }),
        ])
        let told = Warnings()
        let found = try answer([:], formula: "y ~ a + twice + (a | g)", table, monitor: told.monitor)
        #expect(found.summary.fixed.map(\.name) == ["(Intercept)", "a"])
        // Not chosen, but told with what the data say of them.
        for effect in found.summary.random {
            #expect(effect.selected && effect.inclusion == nil && (0...1).contains(effect.p ?? -1))
            #expect(effect.lower.map { $0 <= effect.deviation } ?? false)
            #expect(effect.upper.map { $0 > effect.deviation } ?? true)
        }
        let penalized = try answer(["select": .text("newton")], formula: "y ~ a + (a || g)", table).summary
        #expect(penalized.random.allSatisfy { $0.lower == nil })
        for part in ["4 groups are too few", "all random effects are kept", "uncorrelated", "'twice' was left out"] {
            #expect(told.texts.contains { $0.contains(part) }, "\(part)")
        }
    }

    @Test("a formula may lack what options say, and nothing is said twice")
    func formulas() throws {
        let table = try table()
        let whole = try answer(["select": .text("none")], table).summary
        let parts = try answer(
            ["select": .text("none"), "response": .text("y"), "group": .text("g"), "random": .text("a, b")],
            formula: "a + b", table
        ).summary
        #expect(parts.fixed.map(\.estimate) == whole.fixed.map(\.estimate))
        for options in [["group": OptionValue.text("g")], ["fixed": .text("a")], ["response": .text("y")]] {
            #expect(throws: InputError.self) { try answer(options, table) }
        }
    }

    /// Warnings that were given.
    private final class Warnings: @unchecked Sendable {
        private(set) var texts: [String] = []
        var monitor: Monitor { Monitor(isCancelled: { false }, warn: { self.texts.append($0) }) }
    }
}
