import Foundation
import Testing

@testable import SourceImaging

@Suite("Comparison of an estimate with the truth")
struct ComparisonTests {
    static let times = (0..<60).map { Double($0) / 600 }
    static let up = SIMD3<Double>(0, 0, 1)

    static func wave(_ frequency: Double, _ times: [Double] = times) -> [Double] {
        times.map { 2e-8 * sin(2 * .pi * frequency * $0) }
    }

    static func known(
        _ position: SIMD3<Double>, direction: SIMD3<Double> = up, waveform: [Double] = wave(10)
    ) -> Truth.Source {
        Truth.Source(index: 0, position: position, direction: direction, waveform: waveform)
    }

    static func truth(_ sources: [Truth.Source], times: [Double] = times, frame: CoordinateFrame = .head) -> Truth {
        Truth(sources: sources, times: times, frame: frame, settings: [])
    }

    static func found(
        _ position: SIMD3<Double>, rows: [[Double]] = [wave(10)], axes: [SIMD3<Double>]? = [up]
    ) -> EstimatedSource {
        EstimatedSource(
            index: 0, position: position, hemisphere: nil, vertex: nil,
            amplitudes: Matrix(rows: rows.count, columns: rows.first?.count ?? 0) { rows[$0][$1] }, axes: axes,
            field: 1, share: 1)
    }

    // MARK: - Assignment

    /// The best of all assignments, by trying each: most pairs, then the least sum.
    static func bruteForce(_ distances: [[Double]], within radius: Double) -> (pairs: Int, sum: Double) {
        func best(_ row: Int, _ used: Set<Int>) -> (pairs: Int, sum: Double) {
            guard row < distances.count else { return (0, 0) }
            var result = best(row + 1, used)
            for (column, d) in distances[row].enumerated() where d <= radius && !used.contains(column) {
                let rest = best(row + 1, used.union([column]))
                let candidate = (pairs: rest.pairs + 1, sum: rest.sum + d)
                if candidate.pairs > result.pairs || (candidate.pairs == result.pairs && candidate.sum < result.sum) {
                    result = candidate
                }
            }
            return result
        }
        return best(0, [])
    }

    @Test("matching is optimal, against all assignments", arguments: 0..<60)
    func matchingIsOptimal(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        let rows = 1 + Int(generator.uniform() * 6)
        let columns = 1 + Int(generator.uniform() * 6)
        let distances = (0..<rows).map { _ in (0..<columns).map { _ in generator.uniform() } }
        for radius in [0.1, 0.3, 0.6, 1] {
            let partners = Assignment.mostPairs(distances, within: radius)
            let pairs = partners.enumerated().compactMap { (row, column) in column.map { (row, $0) } }
            #expect(partners.count == rows)
            #expect(Set(pairs.map(\.1)).count == pairs.count)
            #expect(pairs.allSatisfy { distances[$0.0][$0.1] <= radius })
            let best = Self.bruteForce(distances, within: radius)
            #expect(pairs.count == best.pairs)
            #expect(abs(pairs.reduce(0) { $0 + distances[$1.0][$1.1] } - best.sum) < 1e-12)
        }
    }

    @Test("two pairs are better than one near pair")
    func mostPairsFirst() throws {
        // The middle true source is nearest to the first found one; taking it would leave the other true source alone.
        let comparison = try Comparison(
            found: [Self.found(SIMD3(0.010, 0, 0)), Self.found(SIMD3(0.020, 0, 0))], times: Self.times, frame: .head,
            truth: Self.truth([Self.known(SIMD3(0, 0, 0)), Self.known(SIMD3(0.011, 0, 0))]))
        #expect(comparison.matches.map(\.foundSource) == [0, 1])
        #expect(abs((comparison.meanError ?? 0) - 9.5) < 1e-9)
    }

    // MARK: - Figures of merit

    @Test("counts, errors and scores of a mixed result")
    func mixedResult() throws {
        let truth = Self.truth([
            Self.known(SIMD3(-0.04, 0, 0.06)), Self.known(SIMD3(0.04, 0.01, 0.06)), Self.known(SIMD3(0, 0.06, 0.05)),
        ])
        let found = [
            Self.found(SIMD3(0.04, 0.01, 0.066)), Self.found(SIMD3(-0.04, 0.003, 0.064)),
            Self.found(SIMD3(0, -0.05, 0.04)), Self.found(SIMD3(-0.04, 0.003, 0.068)),
        ]
        let comparison = try Comparison(found: found, times: Self.times, frame: .head, truth: truth)
        #expect(comparison.matches.map(\.trueSource) == [0, 1])
        #expect(comparison.matches.map(\.foundSource) == [1, 0])
        #expect(comparison.missedSources.map(\.source) == [2])
        #expect(comparison.falseSources.map(\.source) == [2, 3])
        #expect((comparison.foundCount, comparison.missedCount, comparison.falseCount) == (2, 1, 2))
        #expect(abs(comparison.matches[0].error - 5) < 1e-9)
        #expect(abs(comparison.matches[1].error - 6) < 1e-9)
        #expect(abs((comparison.meanError ?? 0) - 5.5) < 1e-9)
        #expect(abs((comparison.medianError ?? 0) - 5.5) < 1e-9)
        #expect(abs((comparison.maximumError ?? 0) - 6) < 1e-9)
        #expect(comparison.precision == 0.5)
        #expect(comparison.recall == 2.0 / 3)
        #expect(comparison.f1 == 4.0 / 7)
        // The nearest true source of the second false one is the left one, though that has a partner.
        #expect(abs((comparison.falseSources[1].nearest ?? 0) - 73.0.squareRoot()) < 1e-9)
        let text = comparison.description
        #expect(text.hasPrefix("3 true sources: 2 found within 15.0 mm, 1 missed; 2 false sources.\n"))
        #expect(text.contains("Localization error: mean 5.5 mm, median 5.5 mm, largest 6.0 mm."))
        #expect(text.contains("Precision 0.50, recall 0.67, F1 0.57."))
        #expect(text.contains("    1     2   -40.0     0.0    60.0       5.0         1.00"))
        #expect(text.split(separator: "\n").count == 10)
    }

    @Test("a source at the radius is found, one beyond is not")
    func radius() throws {
        let truth = Self.truth([Self.known(SIMD3(0, 0, 0.0625))])
        let source = [Self.found(SIMD3(0, 0, 0.0))]
        #expect(
            try Comparison(found: source, times: Self.times, frame: .head, truth: truth, radius: 0.0625).foundCount == 1
        )
        let apart = try Comparison(found: source, times: Self.times, frame: .head, truth: truth, radius: 0.0624)
        #expect((apart.foundCount, apart.missedCount, apart.falseCount) == (0, 1, 1))
        #expect(apart.missedSources.first?.nearest == 62.5)
    }

    @Test("swapping found and true swaps missed and false")
    func symmetry() throws {
        var generator = SeededGenerator(seed: 5)
        func places(_ n: Int) -> [SIMD3<Double>] {
            (0..<n).map { _ in SIMD3(generator.uniform(), generator.uniform(), generator.uniform()) * 0.05 }
        }
        for _ in 0..<20 {
            let (a, b) = (places(4), places(7))
            let one = try Comparison(
                found: a.map { Self.found($0) }, times: Self.times, frame: .head,
                truth: Self.truth(b.map { Self.known($0) }))
            let other = try Comparison(
                found: b.map { Self.found($0) }, times: Self.times, frame: .head,
                truth: Self.truth(a.map { Self.known($0) }))
            #expect(one.foundCount == other.foundCount)
            #expect(one.missedCount == other.falseCount)
            #expect(one.precision == other.recall)
            #expect(one.f1 == other.f1)
            #expect(abs((one.meanError ?? 0) - (other.meanError ?? 0)) < 1e-9)
        }
    }

    @Test("nothing found, nothing true")
    func empty() throws {
        let one = Self.truth([Self.known(.zero)])
        let missed = try Comparison(found: [], times: Self.times, frame: .head, truth: one)
        #expect((missed.foundCount, missed.missedCount, missed.falseCount) == (0, 1, 0))
        #expect(missed.precision == nil && missed.recall == 0 && missed.f1 == 0 && missed.meanError == nil)
        #expect(missed.missedSources.first?.nearest == nil)
        let noise = try Comparison(
            found: [Self.found(.zero)], times: Self.times, frame: .head, truth: Self.truth([]))
        #expect((noise.foundCount, noise.missedCount, noise.falseCount) == (0, 0, 1))
        #expect(noise.precision == 0 && noise.recall == nil && noise.f1 == 0)
        let nothing = try Comparison(found: [], times: [], frame: .head, truth: Self.truth([], times: []))
        #expect(nothing.precision == nil && nothing.recall == nil && nothing.f1 == nil)
        #expect(missed.transportDistance == 30 && noise.transportDistance == 30 && nothing.transportDistance == nil)
        #expect(nothing.description == "0 true sources: 0 found within 15.0 mm, 0 missed; 0 false sources.")
    }

    // MARK: - Transport

    @Test("transport goes by amplitude at the estimate's times", arguments: [1.0, 0.1])
    func transport(strength: Double) throws {
        // The second true source is only strong after the window, the first 6 mm from the found one.
        let late = zip(Self.times, Self.wave(10)).map { $0 > 0.05 ? 100 * $1 : strength * $1 }
        let truth = Self.truth([Self.known(.zero), Self.known(SIMD3(0, 0.08, 0), waveform: late)])
        let early = Self.times.filter { $0 <= 0.05 }
        let comparison = try Comparison(
            found: [Self.found(SIMD3(0.006, 0, 0), rows: [Self.wave(10, early)])], times: early, frame: .head,
            truth: truth, reach: 0.02)
        let expected = ((36 + 400 * strength) / (1 + strength)).squareRoot()
        #expect(abs((comparison.transportDistance ?? 0) - expected) < 1e-9)
        #expect(comparison.reach == 20)
    }

    // MARK: - Waveforms

    @Test("a free dipole is projected on the true direction, so that the sign counts", arguments: [1.0, -1])
    func projection(sign: Double) throws {
        let direction = SIMD3<Double>(1, 2, 2) / 3
        let truth = Self.truth([Self.known(.zero, direction: direction)])
        // Along the true direction the true waveform, across it a larger one that must not matter.
        let across = SIMD3<Double>(0, 1, -1)
        let disturbance = Self.wave(40).map { 3 * $0 }
        let rows = (0..<3).map { axis in
            zip(Self.wave(10), disturbance).map { sign * $0 * direction[axis] + $1 * across[axis] }
        }
        let axes = [SIMD3<Double>(1, 0, 0), SIMD3(0, 1, 0), SIMD3(0, 0, 1)]
        let comparison = try Comparison(
            found: [Self.found(.zero, rows: rows, axes: axes)], times: Self.times, frame: .head, truth: truth)
        #expect(abs((comparison.matches.first?.correlation ?? 0) - sign) < 1e-12)
        // Without axes three rows have no direction.
        let unknown = try Comparison(
            found: [Self.found(.zero, rows: rows, axes: nil)], times: Self.times, frame: .head, truth: truth)
        #expect(unknown.matches.count == 1 && unknown.matches.first?.correlation == nil)
    }

    @Test("the truth is interpolated to the estimate's times, which may reach beyond it")
    func interpolation() throws {
        let linear = Self.times.map { 3 * $0 - 0.1 }
        for time in [0.0, 0.0123, 0.05, 59.0 / 600] {
            let value = try #require(Comparison.interpolate(linear, Self.times, at: time))
            #expect(abs(value - (3 * time - 0.1)) < 1e-15)
        }
        #expect(Comparison.interpolate(linear, Self.times, at: -0.01) == nil)
        #expect(Comparison.interpolate(linear, Self.times, at: 0.11) == nil)
        let coarse = (0..<80).map { -0.05 + Double($0) / 450 }
        let comparison = try Comparison(
            found: [Self.found(.zero, rows: [Self.wave(10, coarse)])], times: coarse, frame: .head,
            truth: Self.truth([Self.known(.zero)]))
        #expect((comparison.matches.first?.correlation ?? 0) > 0.9999)
    }

    @Test("correlation against its definition; none of a constant")
    func correlation() throws {
        var generator = SeededGenerator(seed: 9)
        let a = (0..<50).map { _ in generator.normal() }
        let b = a.map { 0.5 * $0 + generator.normal() }
        let n = Double(a.count)
        let (ma, mb) = (a.reduce(0, +) / n, b.reduce(0, +) / n)
        var (ab, aa, bb) = (0.0, 0.0, 0.0)
        for (x, y) in zip(a, b) {
            ab += (x - ma) * (y - mb)
            aa += (x - ma) * (x - ma)
            bb += (y - mb) * (y - mb)
        }
        let expected = ab / (aa * bb).squareRoot()
        #expect(abs(try #require(Comparison.pearson(a, b)) - expected) < 1e-13)
        let shifted = a.map { 1e-9 * (7 - 3 * $0) }
        #expect(abs(try #require(Comparison.pearson(shifted, b)) + expected) < 1e-12)
        #expect(Comparison.pearson([0.1, 0.1, 0.1], [1, 2, 3]) == nil)
        #expect(Comparison.pearson([0, 0], [1, 2]) == nil)
        #expect(Comparison.pearson([1], [2]) == nil)
    }

    // MARK: - Errors and JSON

    @Test("what cannot be compared is an error, not a number")
    func errors() {
        let one = Self.truth([Self.known(.zero)])
        let source = [Self.found(.zero)]
        func fails(
            _ place: String, _ found: [EstimatedSource] = source, _ times: [Double] = Self.times,
            _ frame: CoordinateFrame = .head, _ truth: Truth = one, _ radius: Double = 0.015
        ) {
            let error = #expect(throws: InputError.self) {
                try Comparison(found: found, times: times, frame: frame, truth: truth, radius: radius)
            }
            #expect(error?.place == .named(place))
        }
        fails("frame", source, Self.times, .mri)
        fails("times", source, Self.times.map { $0 + 1 })
        fails("radius", source, Self.times, .head, one, 0)
        fails("radius", source, Self.times, .head, one, .nan)
        fails("estimate: source 0", source, [0])
        fails("estimate: source 0", [Self.found(SIMD3(.nan, 0, 0))])
        fails("estimate: source 0", [Self.found(SIMD3(40, 0, 0))])
        fails("estimate: source 0", [Self.found(.zero, axes: [Self.up, Self.up])])
        fails("estimate: source 0", [Self.found(.zero, rows: [Self.wave(10).map { $0 / 0 }])])
        fails("estimate: times", source, Self.times.reversed())
        fails("truth: times", source, Self.times, .head, Self.truth([Self.known(.zero, waveform: [])], times: []))
        fails("truth: source 0", source, Self.times, .head, Self.truth([Self.known(.zero, waveform: [1])]))
        fails("truth: source 0", source, Self.times, .head, Self.truth([Self.known(SIMD3(0, .infinity, 0))]))
    }

    @Test("JSON has snake-case keys with units and reads back")
    func json() throws {
        let comparison = try Comparison(
            found: [Self.found(SIMD3(0, 0.003, 0.004))], times: Self.times, frame: .head,
            truth: Self.truth([Self.known(.zero), Self.known(SIMD3(0.05, 0, 0))]))
        let data = try JSONEncoder().encode(comparison)
        #expect(try JSONDecoder().decode(Comparison.self, from: data) == comparison)
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(object["found"] as? Int == 1)
        #expect(object["missed"] as? Int == 1)
        #expect(object["false"] as? Int == 0)
        #expect(abs((object["mean_error_mm"] as? Double ?? 0) - 5) < 1e-9)
        // Half of the amplitude is 5 mm off, of the other half there is none within the reach.
        let distance = try #require(object["transport_distance_mm"] as? Double)
        #expect(abs(distance - ((25.0 + 900) / 2).squareRoot()) < 1e-9)
        #expect(object["transport_reach_mm"] as? Double == 30)
        #expect(comparison.description.contains("Transport: 21.5 mm"))
    }
}
