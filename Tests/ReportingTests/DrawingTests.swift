import Foundation
import SourceImaging
import Testing

@testable import Reporting

@Suite("Drawing kit")
struct DrawingTests {
    private static let ranges: [ClosedRange<Double>] = [
        0...1, -1...1, 0.3...0.4, -37.2...812, 0...0, 5...5, -5...(-5), 1e-12...3e-12, -2e15...7e15,
        1_000_000...1_000_001,
        -1e300...1e300, -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude,
        0...Double.leastNormalMagnitude, 99.99...100.01,
    ]

    @Test("Ticks are round, evenly spaced, few, and cover the range", arguments: ranges)
    func ticks(_ range: ClosedRange<Double>) throws {
        let ticks = Ticks.covering(range, intervals: 5)
        let drawable = Ticks.drawable(range)
        try #require(ticks.values.count >= 3)
        #expect(ticks.values.count <= 8 && ticks.labels.count == ticks.values.count)
        let step = ticks.values[1] - ticks.values[0]
        #expect(ticks.values[0] <= drawable.lowerBound + 1e-6 * step)
        #expect((ticks.values.last ?? 0) >= drawable.upperBound - 1e-6 * step)
        let mantissa = step / pow(10, floor(log10(step * 1.0000001)))
        #expect([1, 2, 5].contains { abs(mantissa - $0) < 1e-6 * $0 })
        for (a, b) in zip(ticks.values, ticks.values.dropFirst()) { #expect(abs((b - a) / step - 1) < 1e-6) }
        #expect(Set(ticks.labels).count == ticks.labels.count, "two ticks read the same")
        #expect(
            Ticks.within(range).values.allSatisfy {
                $0 >= drawable.lowerBound - step && $0 <= drawable.upperBound + step
            })
    }

    @Test("A tick's label reads as its value", arguments: ranges.filter { $0.upperBound < 1e6 && $0.upperBound > 1e-3 })
    func labels(_ range: ClosedRange<Double>) {
        let ticks = Ticks.covering(range)
        for (value, label) in zip(ticks.values, ticks.labels) {
            let read = Double(label.replacingOccurrences(of: "−", with: "-"))
            #expect(read.map { abs($0 - value) <= 1e-9 * max(1, abs(value)) } ?? false, "\(label)")
        }
    }

    @Test("Logarithmic ticks lie in the range", arguments: [0.01...1.0, 0.2...0.21, 1e-9...1, 0.5...1, 1e-280...1e280])
    func logarithmicTicks(_ range: ClosedRange<Double>) {
        let ticks = Ticks.logarithmic(range)
        #expect((2...10).contains(ticks.values.count))
        #expect(ticks.values.allSatisfy { range.contains($0) || abs($0 / range.upperBound - 1) < 1e-6 })
        #expect(ticks.values == ticks.values.sorted() && Set(ticks.labels).count == ticks.labels.count)
    }

    @Test("An axis maps its ends to its ends, keeps order and never gives a place to NaN")
    func axis() {
        let linear = Axis.exact(-2...8, from: 100, to: 300)
        #expect(linear.position(-2) == 100 && linear.position(8) == 300 && linear.position(3) == 200)
        #expect(linear.position(1e9) == 300 && linear.position(.nan).isNaN && linear.position(.infinity).isNaN)
        let upward = Axis.covering(0...9, from: 300, to: 100)
        #expect(upward.position(2) > upward.position(3))
        let log = Axis.logarithmic(0.01...1, from: 0, to: 100)
        #expect(abs(log.position(0.1) - 50) < 1e-9)
        #expect(log.position(0).isNaN && log.position(-1).isNaN)
    }

    @Test("Decimation keeps ends and extremes and the limit", arguments: [10, 101, 400])
    func decimation(_ limit: Int) {
        var generator = SeededGenerator(seed: 8)
        let points = (0..<5000).map { Point(Double($0), generator.normal()) }
        let few = Curve.decimated(points, limit: limit)
        #expect(few.count <= limit)
        #expect(few.first == points.first && few.last == points.last)
        #expect(few.map(\.y).max() == points.map(\.y).max() && few.map(\.y).min() == points.map(\.y).min())
        #expect(zip(few, few.dropFirst()).allSatisfy { $0.x <= $1.x })
        #expect(Curve.decimated(Array(points.prefix(limit)), limit: limit).count == limit)
    }

    /// Area within rings, by the shoelace formula; rings that turn the other way count negative.
    private func area(_ rings: [[Point]]) -> Double {
        var doubled = 0.0
        for ring in rings {
            for (a, b) in zip(ring, ring.dropFirst() + ring.prefix(1)) { doubled += a.x * b.y - b.x * a.y }
        }
        return doubled / 2
    }

    @Test("The outline of a filled disc is that disc, grown by the margin")
    func discOutline() throws {
        var points: [Point] = []
        for x in stride(from: -50.0, through: 50, by: 4) {
            for y in stride(from: -50.0, through: 50, by: 4) where x * x + y * y <= 2500 { points.append(Point(x, y)) }
        }
        let outline = Silhouette(points, reach: 12, margin: 3)
        try #require(outline.rings.count == 1)
        let radii = outline.rings[0].map { ($0 * $0).sum().squareRoot() }
        #expect((radii.min() ?? 0) > 48 && (radii.max() ?? 99) < 55)
        let expected = Double.pi * 52.5 * 52.5
        #expect(abs(abs(area(outline.rings)) / expected - 1) < 0.06)
    }

    @Test("The outline follows a concave cloud, fills a hole and encloses every point")
    func concaveOutline() throws {
        var generator = SeededGenerator(seed: 4)
        var bay: [Point] = []
        var annulus: [Point] = []
        for _ in 0..<4000 {
            let point = Point(120 * generator.uniform() - 60, 120 * generator.uniform() - 60)
            if point.x < 0 || point.y < 0 { bay.append(point) }
            let radius = (point * point).sum().squareRoot()
            if radius > 40, radius < 60 { annulus.append(point) }
        }
        let l = Silhouette(bay, reach: 10, margin: 3)
        #expect(abs(abs(area(l.rings)) / (0.75 * 126 * 126) - 1) < 0.06, "a convex hull would have 17 % more")
        let filled = Silhouette(annulus, reach: 10, margin: 3)
        #expect(filled.rings.count == 1)
        #expect(abs(area(filled.rings)) > 0.95 * Double.pi * 60 * 60)
        for point in bay {
            let ring = l.rings[0].map { $0 - point }
            var turns = 0.0
            for (a, b) in zip(ring, ring.dropFirst() + ring.prefix(1)) {
                turns += atan2(a.x * b.y - a.y * b.x, a.x * b.x + a.y * b.y)
            }
            #expect(abs(abs(turns) - 2 * .pi) < 1e-6, "\(point) lies outside")
        }
    }

    @Test("An outline of nothing, of one point and of points at infinity")
    func degenerateOutline() {
        #expect(Silhouette([], reach: 10, margin: 3).rings.isEmpty)
        #expect(Silhouette([Point(3, 4)], reach: 10, margin: 3).rings.count == 1)
        #expect(Silhouette([Point(.nan, 0), Point(0, .infinity)], reach: 10, margin: 3).rings.isEmpty)
        #expect(Silhouette([Point(-1e308, 0), Point(1e308, 0)], reach: 10, margin: 3).rings.isEmpty)
    }

    @Test("Labels do not overlap while there is room")
    func labels() {
        var layout = LabelLayout(bounds: Box(left: 0, top: 0, right: 200, bottom: 200))
        let boxes = (0..<12).map { place in
            let centre = layout.place(width: 14, height: 11, near: Point(100 + Double(place), 100), clearance: 6)
            return Box(centre: centre, width: 14, height: 11)
        }
        for i in boxes.indices {
            #expect(boxes[i].outside(layout.bounds) < 1e-9)
            for j in 0..<i { #expect(boxes[i].overlap(boxes[j]) < 1e-9, "\(i) and \(j)") }
        }
    }

    @Test(
        "Numbers for people",
        arguments: [
            (0, "0"), (0.1418, "0.142"), (0.01418, "0.0142"), (1.04, "1.04"), (254.3, "254"), (12345.6, "12346"),
            (-0.5, "-0.500"), (1.5e-7, "1.5×10⁻⁷"), (2.5e9, "2.5×10⁹"), (.nan, "n/a"), (.infinity, "n/a"),
        ] as [(Double, String)])
    func readable(_ value: Double, _ text: String) {
        #expect(NumberText.readable(value) == text)
    }

    @Test("Fixed decimals have no negative zero and bounded length")
    func fixed() {
        #expect(NumberText.fixed(-0.0001, 2) == "0.00" && NumberText.fixed(-1.005, 1) == "-1.0")
        #expect(NumberText.fixed(1e300, 3).count < 12)
        #expect(
            NumberText.percent(0) == "0 %" && NumberText.percent(0.0312) == "3.1 %"
                && NumberText.percent(0.42) == "42 %")
    }
}
