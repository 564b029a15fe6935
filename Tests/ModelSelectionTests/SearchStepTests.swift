import Foundation
import Testing

@testable import ModelSelection

/// Searches on functions written down, without a problem behind them.
@Suite("Steps of a search")
struct SearchStepTests {
    private static func point(
        _ log: Double, _ value: Double, gradient: Double? = nil, residual: Double = 0, slope: Double? = nil,
        activeCount: Int = 1
    ) -> SearchPoint {
        SearchPoint(
            logs: [log], value: value, gradient: gradient.map { [$0] }, degreesOfFreedom: nil,
            squaredResidual: residual, activeCount: activeCount, saturation: 0, columnsPerRow: 0, residualSlope: slope,
            relativeGap: 0, innerSolves: 1, epochs: 0, fullPasses: 0, seconds: 0)
    }

    /// All that a search evaluates, and how many slopes it asks for.
    private func drive(
        _ search: some Search, from start: Double, in domain: SearchDomain, _ evaluate: (Double) -> SearchPoint
    ) -> (points: [SearchPoint], end: SearchEnd?, slopes: Int) {
        var memory = search.begin(at: [start], in: domain)
        var (points, slopes): ([SearchPoint], Int) = ([], 0)
        while points.count < 200 {
            switch search.next(after: points, memory: &memory, in: domain) {
            case .evaluate(let logs, let gradient, _):
                points.append(evaluate(logs[0]))
                slopes += gradient ? 1 : 0
            case .end(let end): return (points, end, slopes)
            }
        }
        return (points, nil, slopes)
    }

    @Test("a line ends no further from the minimum than its resolution, wherever the minimum lies")
    func line() {
        for k in 0...200 {
            let minimum = Double(k) / 200
            for power in [1.0, 2, 4] {
                var line = BrentLine(from: 0.4, within: 0...1, stride: 0.2, resolution: 0.01)
                var count = 0
                while let x = line.next(), count < 100 {
                    line.tell(pow(abs(x - minimum), power))
                    count += 1
                }
                #expect(abs(line.best - minimum) <= 0.01, "\(minimum), power \(power): \(line.best)")
                #expect(count < 60)
            }
        }
    }

    @Test("a path whose λ is but a start ends where the next step should gain nothing, and never asks for a slope")
    func enough() throws {
        let domain = SearchDomain(lower: [-7], upper: [0])
        func rough(_ value: (Double) -> Double) -> (points: [SearchPoint], end: SearchEnd?, slopes: Int) {
            drive(PathSearch.rough, from: 0, in: domain) { Self.point($0, value($0)) }
        }
        // Parabolas with their minimum after as many steps: less than half a step is left.
        for steps in [9.3, 12.1, 14.45, 20.3] {
            let found = rough { pow($0 / log(0.8) - steps, 2) }
            let last = try #require(found.points.last).logs[0] / log(0.8)
            #expect(found.slopes == 0 && found.end == .enough, "\(steps): \(last)")
            #expect(last <= steps && steps - last < 0.5, "\(steps): \(last)")
        }
        // What falls on and on by as large a part has no minimum near, however little that is.
        for fall in [0.9, 0.6] {
            let found = rough { pow(fall, $0 / log(0.8)) }
            #expect(found.end == .edge && found.slopes == 0 && found.points.last?.logs == [-7])
        }
    }

    /// Two wells, the lower one behind a jump of the degrees of freedom.
    private static func jumping(_ x: Double) -> SearchPoint {
        let residual = 40 * exp(1.2 * x) + (x > -2.9 ? 8 : 8 * exp(6 * (x + 2.9)))
        let freedom = 2 * exp(-0.6 * x) - 2 + (x < -3.3 ? 6 : 0)
        return point(x, residual + freedom, residual: residual, slope: 1)
    }

    /// Two smooth wells.
    private static func smooth(_ x: Double) -> SearchPoint {
        func well(_ middle: Double, _ width: Double) -> Double { exp(-pow((x - middle) / width, 2)) }
        return point(x, 10 * (1 - well(-1, 0.5) - 1.3 * well(-3, 0.6) + 0.02 * x * x))
    }

    @Test("the lower of two wells is found from either side, within 15 evaluations", arguments: [-0.2, -3, -4.5])
    func wells(_ start: Double) throws {
        let domain = SearchDomain(lower: [-5], upper: [0])
        for curve in [Self.jumping, Self.smooth] {
            let lowest = (0...5000).reduce(Double.infinity) { min($0, curve(-Double($1) / 1000).value) }
            let found = drive(BrentSearch(), from: start, in: domain, curve)
            let best = try #require(found.points.map(\.value).min())
            #expect(best <= lowest + 0.4, "\(best - lowest)")
            #expect(found.points.count <= 15 && found.end == .converged)
        }
    }

    @Test("Adam's first step has its full length, also after steps down from where nothing is active")
    func adam() throws {
        let domain = SearchDomain(lower: [-5], upper: [0])
        let found = drive(AdamSearch(rate: 0.3), from: 0, in: domain) { x in
            x > -1.2 ? Self.point(x, 9, gradient: 0, activeCount: 0) : Self.point(x, x, gradient: 1)
        }
        let first = try #require(found.points.firstIndex { $0.activeCount > 0 })
        #expect(first == 3)
        #expect(abs(found.points[first].logs[0] - found.points[first + 1].logs[0] - 0.3) < 1e-12)
    }

    @Test("the path ends at the lower bound of the domain and says that the minimum may lie beyond")
    func edge() throws {
        let domain = SearchDomain(lower: [-2], upper: [0])
        let found = drive(PathSearch(), from: 0, in: domain) { Self.point($0, $0, gradient: 1) }
        #expect(found.end == .edge)
        #expect(found.points.map { $0.logs[0] }.min() == -2)
        #expect(Set(found.points.map { $0.logs[0] }).count == found.points.count)
    }

    @Test(
        "a path past a clear minimum stops early, and its choice is the minimum to the resolution",
        arguments: [-1.3, -2.2, -3.1])
    func path(_ minimum: Double) throws {
        let domain = SearchDomain(lower: [-5], upper: [0])
        let found = drive(PathSearch(), from: 0, in: domain) {
            let d = $0 - minimum
            return Self.point($0, d * d + 0.1 * d * d * d, gradient: 2 * d + 0.3 * d * d)
        }
        let best = try #require(found.points.min { $0.value < $1.value })
        #expect(abs(best.logs[0] - minimum) <= 0.04 && found.end == .converged)
        // One point past the minimum on the way down, and a refinement by parabolas.
        #expect(found.points.count { $0.logs[0] < minimum - 0.25 } <= 1)
        #expect(found.points.count <= 15)
    }

    @Test("a record that no search wrote is refused, not trusted")
    func records() throws {
        var record = SearchRecord(
            search: "brent", subject: "", domain: SearchDomain(lower: [-1], upper: [0]), start: [0])
        record.points = [Self.point(0, 1)]
        let text = String(decoding: try record.json(), as: UTF8.self)
        #expect(try SearchRecord(json: Data(text.utf8)) == record)
        for (found, replaced) in [
            ("\"lower\":[-1]", "\"lower\":[1]"), ("\"lower\":[-1]", "\"lower\":[\"nan\"]"),
            ("\"lower\":[-1]", "\"lower\":[]"), ("\"innerSolves\":1", "\"innerSolves\":9223372036854775807"),
            ("\"epochs\":0", "\"epochs\":-1"),
        ] {
            let broken = text.replacingOccurrences(of: found, with: replaced)
            #expect(broken != text)
            #expect(throws: DecodingError.self, "\(replaced)") { try SearchRecord(json: Data(broken.utf8)) }
        }
    }
}
