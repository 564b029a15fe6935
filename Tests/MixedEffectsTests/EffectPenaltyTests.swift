import Glibc
import LinearAlgebra
import MixedEffects
import Testing

/// A penalty of random parameters, with a name for messages.
struct DrawnPenalty: CustomTestStringConvertible, Sendable {
    let name: String
    let draw: @Sendable (inout SeededGenerator) throws -> any EffectPenalty
    var testDescription: String { name }

    /// A number between 10^−1.5 and 10^1.5.
    static func number(_ random: inout SeededGenerator) -> Double { pow(10, 3 * random.uniform() - 1.5) }

    static let plain = [
        DrawnPenalty(name: "L1") { try L1Penalty(lambda: number(&$0)) },
        DrawnPenalty(name: "L0") { try L0Penalty(lambda: number(&$0)) },
        DrawnPenalty(name: "CAD") { try CADPenalty(lambda: number(&$0), knot: number(&$0)) },
        DrawnPenalty(name: "SCAD") {
            try SCADPenalty(lambda: number(&$0), knot: number(&$0), ratio: 1.05 + number(&$0))
        },
        DrawnPenalty(name: "MCP") { try MCPPenalty(lambda: number(&$0), knot: number(&$0)) },
        DrawnPenalty(name: "elastic L1") { try ElasticPenalty(L1Penalty(lambda: number(&$0)), ridge: number(&$0)) },
        DrawnPenalty(name: "elastic SCAD") {
            try ElasticPenalty(SCADPenalty(lambda: number(&$0), knot: number(&$0)), ridge: number(&$0))
        },
        DrawnPenalty(name: "scaled CAD") {
            try ScaledPenalty(CADPenalty(lambda: number(&$0), knot: number(&$0)), factor: number(&$0))
        },
    ]

    static let relaxed = [
        DrawnPenalty(name: "Huber") { try MoreauEnvelope(L1Penalty(lambda: number(&$0)), strength: number(&$0)) },
        DrawnPenalty(name: "relaxed L0") {
            try MoreauEnvelope(L0Penalty(lambda: number(&$0)), strength: number(&$0))
        },
        DrawnPenalty(name: "relaxed CAD") {
            try MoreauEnvelope(CADPenalty(lambda: number(&$0), knot: number(&$0)), strength: number(&$0))
        },
        DrawnPenalty(name: "relaxed SCAD") {
            try MoreauEnvelope(SCADPenalty(lambda: number(&$0), knot: number(&$0)), strength: number(&$0))
        },
        DrawnPenalty(name: "relaxed MCP") {
            try MoreauEnvelope(MCPPenalty(lambda: number(&$0), knot: number(&$0)), strength: number(&$0))
        },
    ]
}

/// The lowest of a dense grid over [0, end] and of zero, refined by golden section around the best point of the grid.
private func lowest(upTo end: Double, _ f: (Double) -> Double) -> (at: Double, value: Double) {
    let count = 4000
    let grid = (0...count).map { end * Double($0) / Double(count) }
    let best = grid.indices.min { f(grid[$0]) < f(grid[$1]) } ?? 0
    var (low, high) = (grid[max(0, best - 1)], grid[min(count, best + 1)])
    let golden = 0.5 * (5.0.squareRoot() - 1)
    for _ in 0..<80 {
        let (a, b) = (high - golden * (high - low), low + golden * (high - low))
        if f(a) < f(b) { high = b } else { low = a }
    }
    return [0, grid[best], low, high, end].map { ($0, f($0)) }.min { $0.1 < $1.1 } ?? (0, f(0))
}

/// What ``EffectPenalty`` promises, of every penalty there is.
@Suite("Penalties of effects")
struct EffectPenaltyTests {
    @Test(
        "the proximal operator finds the lowest point of a dense grid",
        arguments: DrawnPenalty.plain + DrawnPenalty.relaxed)
    func proximal(_ drawn: DrawnPenalty) throws {
        var random = SeededGenerator(seed: 5)
        for draw in 0..<300 {
            let penalty = try drawn.draw(&random)
            let (step, magnitude) = (DrawnPenalty.number(&random), 3 * DrawnPenalty.number(&random))
            let weight = draw % 10 == 0 ? 0 : DrawnPenalty.number(&random)
            func objective(_ t: Double) -> Double {
                step * penalty.value(t, weight: weight) + 0.5 * (t - magnitude) * (t - magnitude)
            }
            let found = penalty.proximal(magnitude, weight: weight, step: step)
            let brute = lowest(upTo: magnitude, objective)
            #expect(found >= 0 && found <= magnitude)
            #expect(
                objective(found) <= brute.value + 1e-12 * (magnitude * magnitude),
                "draw \(draw): \(penalty), m \(magnitude), w \(weight), step \(step): \(found) rather than \(brute.at)")
            if weight == 0, !(penalty is ElasticPenalty<L1Penalty>), !(penalty is ElasticPenalty<SCADPenalty>) {
                #expect(found == magnitude)
            }
        }
    }

    @Test("an envelope is the lowest of penalty and distance", arguments: DrawnPenalty.plain)
    func envelope(_ drawn: DrawnPenalty) throws {
        func check(_ base: some EffectPenalty, _ random: inout SeededGenerator) throws {
            let strength = DrawnPenalty.number(&random)
            let envelope = try MoreauEnvelope(base, strength: strength)
            let (t, weight) = (3 * DrawnPenalty.number(&random), DrawnPenalty.number(&random))
            let brute = lowest(upTo: t) { w in
                base.value(w, weight: weight) + 0.5 * strength * (t - w) * (t - w)
            }
            #expect(abs(envelope.value(t, weight: weight) - brute.value) <= 1e-9 * (1 + brute.value))
        }
        var random = SeededGenerator(seed: 6)
        for _ in 0..<100 { try check(drawn.draw(&random), &random) }
    }

    @Test("derivatives are those of the value", arguments: DrawnPenalty.plain + DrawnPenalty.relaxed)
    func derivatives(_ drawn: DrawnPenalty) throws {
        var random = SeededGenerator(seed: 7)
        var smooth = 0
        for _ in 0..<300 {
            let penalty = try drawn.draw(&random)
            let (t, weight) = (DrawnPenalty.number(&random), DrawnPenalty.number(&random))
            let h = 1e-5 * t
            func value(_ t: Double) -> Double { penalty.value(t, weight: weight) }
            let slopes = penalty.derivatives(t, weight: weight)
            let first = (value(t + h) - value(t - h)) / (2 * h)
            let second =
                (penalty.derivatives(t + h, weight: weight).first - penalty.derivatives(t - h, weight: weight).first)
                / (2 * h)
            // Across a knot the second derivative jumps, and of CAD and L0's envelopes the first.
            let left = penalty.derivatives(t - 2 * h, weight: weight)
            let right = penalty.derivatives(t + 2 * h, weight: weight)
            guard abs(left.second - right.second) <= 1e-3 * (abs(left.second) + abs(right.second)),
                abs(left.first - right.first) <= 1e-3 * (abs(left.first) + abs(right.first))
            else { continue }
            smooth += 1
            #expect(abs(slopes.first - first) <= 1e-6 * (abs(first) + value(t) / t), "\(penalty) at \(t)")
            #expect(abs(slopes.second - second) <= 1e-5 * (abs(second) + abs(first) / t), "\(penalty) at \(t)")
            let near = penalty.derivatives(1e-12, weight: weight).first
            let atZero = penalty.derivatives(0, weight: weight).first
            #expect(atZero == .infinity || abs(atZero - near) <= 1e-6 * (near + 1))
        }
        #expect(smooth > 200)
    }

    @Test("the slope's change with λ", arguments: EffectPenaltyKind.all.map(\.name))
    func slopeByLambda(_ name: String) throws {
        let kind = try #require(EffectPenaltyKind.named(name))
        func compare(_ at: (Double) throws -> any EffectPenalty, _ t: Double) throws {
            let h = 1e-6
            let (above, below) = (try at(exp(h)), try at(exp(-h)))
            let difference =
                (above.derivatives(t, weight: 0.7).first - below.derivatives(t, weight: 0.7).first) / (2 * h)
            #expect(abs(try at(1).slopeByLogLambda(t, weight: 0.7) - difference) <= 1e-6 * (1 + abs(difference)))
        }
        func relaxed(_ base: some EffectPenalty) throws -> any EffectPenalty {
            try MoreauEnvelope(base, strength: 40)
        }
        for t in [0.011, 0.13, 0.37, 0.62, 1.3, 4] {
            try compare({ try kind.penalty(lambda: 3 * $0) }, t)
            try compare({ try relaxed(kind.penalty(lambda: 3 * $0)) }, t)
            let ridged: (Double) throws -> any EffectPenalty = {
                try ElasticPenalty(L1Penalty(lambda: $0), ridge: 2)
            }
            try compare(ridged, t)
        }
    }

    @Test("a limit keeps the largest of a part, and all that are free")
    func limit() throws {
        let limit = try L0Limit(fixed: 2, variances: 0)
        func shrunk(_ values: [Double], _ weights: [Double], _ part: EffectPart) -> [Double] {
            var values = values
            values.withUnsafeMutableBufferPointer { values in
                weights.withUnsafeBufferPointer { limit.shrink(values, weights: $0, step: 3, of: part) }
            }
            return values
        }
        let ones = [Double](repeating: 1, count: 5)
        #expect(shrunk([3, 1, 4, 1, 5], ones, .fixed) == [0, 0, 4, 0, 5])
        #expect(shrunk([2, 2, 2, 0, 1], ones, .fixed) == [2, 2, 0, 0, 0])
        #expect(shrunk([3, 1, 4, 1, 5], [1, 0, 1, 0, 1], .fixed) == [0, 1, 4, 1, 5])
        #expect(shrunk([3, 1, 4, 1, 5], ones, .variances) == [0, 0, 0, 0, 0])
        #expect(shrunk([0, 0, 7, 0, 0], ones, .fixed) == [0, 0, 7, 0, 0])
        #expect(throws: InvalidEffectPenalty.self) { try MoreauEnvelope(limit, strength: 1) }
    }

    @Test("impossible parameters are refused with a line that says why")
    func invalid() {
        #expect(throws: InvalidEffectPenalty.lambda(-1)) { try L1Penalty(lambda: -1) }
        #expect(throws: InvalidEffectPenalty.self) { try L0Penalty(lambda: .nan) }
        #expect(throws: InvalidEffectPenalty.self) { try CADPenalty(lambda: 1, knot: 0) }
        #expect(throws: InvalidEffectPenalty.self) { try SCADPenalty(lambda: 1, knot: 1, ratio: 1) }
        #expect(throws: InvalidEffectPenalty.self) { try MCPPenalty(lambda: .infinity, knot: 1) }
        #expect(throws: InvalidEffectPenalty.self) { try ElasticPenalty(L1Penalty(lambda: 1), ridge: -1) }
        #expect(throws: InvalidEffectPenalty.self) { try MoreauEnvelope(L1Penalty(lambda: 1), strength: 0) }
        #expect(throws: InvalidEffectPenalty.self) { try L0Limit(fixed: -1, variances: 2) }
        #expect(
            InvalidEffectPenalty.lambda(-1).description == "λ is -1.0; expected 0 or a positive number")
    }

    @Test("every kind makes its penalty; names are unique")
    func kinds() throws {
        #expect(EffectPenaltyKind.all.map(\.name).sorted() == ["adaptive-l1", "cad", "l0", "l1", "mcp", "scad"])
        #expect(EffectPenaltyKind.named("lasso") == nil)
        #expect(EffectPenaltyKind.all.filter(\.isAdaptive).map(\.name) == ["adaptive-l1"])
        for kind in EffectPenaltyKind.all {
            // Proportional to λ.
            let (one, three) = (try kind.penalty(lambda: 1), try kind.penalty(lambda: 3))
            for t in [0, 0.1, 0.4, 1, 5.0] {
                #expect(abs(three.value(t, weight: 0.6) - 3 * one.value(t, weight: 0.6)) < 1e-14)
            }
        }
        #expect(try (EffectPenaltyKind.named("cad")?.penalty(lambda: 2, knot: 7) as? CADPenalty)?.knot == 7)
    }
}
