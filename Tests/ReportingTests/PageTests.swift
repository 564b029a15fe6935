import Foundation
import Pages
import Testing

@testable import Reporting
@testable import SourceImaging

@Suite("Pages")
struct PageTests {
    /// The sample with places of its candidates and, where asked for, with sensors on a helmet.
    private static func estimate(_ sample: SampleEstimate, hasHelmet: Bool = true) throws -> Estimate {
        var estimate = try sample()
        estimate.candidates = try SourceSpace(positions: sample.candidates, frame: .head)
        if hasHelmet, let data = estimate.sensorData {
            let sensors = try Sensors(
                names: data.sensors.names, kinds: data.sensors.kinds,
                locations: Helmet.locations(of: data.sensors.kinds))
            estimate.sensorData = SensorData(sensors: sensors, measured: data.measured, explained: data.explained)
        }
        return estimate
    }

    @Test("The same estimate makes the same bytes, whatever the time that it took")
    func reproducible() throws {
        let first = try Self.estimate(SampleEstimate(noiseStretches: 3, regionRadius: 0.015))
        var second = first
        second.seconds = StageSeconds(load: 1, prepare: 2, solve: 3, total: 6)
        let pages = try [first, second].map {
            try SubjectPage.html([.init(name: "tones", estimate: $0)], heading: "sub-01")
        }
        #expect(pages[0] == pages[1])
        #expect(pages[0].utf8.count < 700_000)
    }

    @Test("A page loads nothing, has one main heading, no level left out, and no id twice")
    func structure() throws {
        let estimate = try Self.estimate(SampleEstimate(repeats: 5, noiseStretches: 3, regionRadius: 0.015))
        let page = try SubjectPage.html(
            [.init(name: "a", estimate: estimate), .init(name: "b", estimate: estimate)], heading: "sub-01",
            options: .init(failures: [("c", "no epochs")]))
        #expect(!page.contains("https://") && !page.contains("src=") && !page.contains("@import"))
        #expect(
            page.components(separatedBy: "http://").count - 1 == page.components(
                separatedBy: "xmlns=\"http://www.w3.org/2000/svg\""
            ).count - 1)
        let levels = page.matches(of: #/<h([1-6])[ >]/#).compactMap { Int($0.output.1) }
        #expect(levels.first == 1 && levels.count { $0 == 1 } == 1)
        #expect(zip(levels, levels.dropFirst()).allSatisfy { $1 <= $0 + 1 })
        let ids = page.matches(of: #/ id="([^"]+)"/#).map { String($0.output.1) }
        #expect(Set(ids).count == ids.count)
        for target in page.matches(of: #/(?:href="#|labelledby="|describedby="|data-surface="|data-sources=")([^"]+)"/#)
        {
            #expect(ids.contains(String(target.output.1)))
        }
        let heads = page.matches(of: #/<th[ >]/#).count
        #expect(heads > 20 && heads == page.matches(of: #/<th scope=/#).count)
        #expect(page.matches(of: #/<svg /#).count == page.matches(of: #/role="img"/#).count)
        // Both conditions share one brain.
        #expect(ids.count { $0.hasPrefix("surface-") } == 1)
        #expect(page.contains("no epochs"))
    }

    @Test("Names with markup stay text, also within scripts")
    func markup() throws {
        let name = "</script><script>alert(1)</script>"
        var estimate = try Self.estimate(SampleEstimate(subject: name, condition: "<b>&"))
        estimate.warnings = [name]
        let page = try SubjectPage.html(
            [.init(name: name, estimate: estimate, links: [(name, "a%20b")])], heading: name)
        #expect(!page.contains("<script>alert") && !page.contains("<b>&"))
        #expect(page.contains("&lt;/script&gt;"))
    }

    @Test("What a result does not hold is said in words")
    func absences() throws {
        var estimate = try SampleEstimate(sourceCount: 0)()
        let unplaced = try SubjectPage.html([.init(name: "", estimate: estimate)], heading: "x")
        #expect(unplaced.contains("does not hold where the candidate sources lie"))
        #expect(unplaced.contains("does not say where its sensors are"))
        #expect(unplaced.contains("No sources: nothing in this window stands out"))
        #expect(unplaced.contains(">Condition 1<"))
        estimate.sensorData = nil
        let blind = try SubjectPage.html([.init(name: "a", estimate: estimate)], heading: "x")
        #expect(
            blind.contains("does not hold what the sensors measured") && !blind.contains("data-figure=\"butterfly\""))
        #expect(throws: InputError.self) { try SubjectPage.html([], heading: "x") }
    }

    @Test("Every estimate that figures survive makes a page", arguments: FigureCase.all)
    func survived(_ figureCase: FigureCase) throws {
        let estimate = try figureCase.estimate()
        let page = try SubjectPage.html([.init(name: "a", estimate: estimate)], heading: "x")
        #expect(page.hasSuffix("</html>\n"))
    }

    @Test("The answer tells number, place, time and size of the strongest sources")
    func answer() throws {
        let estimate = try SampleEstimate(sourceCount: 4, noiseStretches: 3, regionRadius: 0.015)()
        let text = PlainAnswer.text(estimate)
        #expect(text.hasPrefix("Four sources explain 62 % of the power") || text.hasPrefix("Four sources explain 63 %"))
        #expect(
            text.contains("The strongest lies in the \(estimate.sources[0].hemisphere?.name ?? "") hemisphere at ("))
        #expect(
            text.contains(" ms with ") && text.contains(" nAm (") && text.hasSuffix("The table below has the others."))
    }

    @Test("The compact butterfly of 366 channels stays below 200 kB")
    func butterfly() throws {
        let svg = ButterflyFigure.svg(try SampleEstimate()(), detail: .compact)
        #expect(svg.utf8.count < 200_000)
        let document = try #require(SVGDocument(svg))
        #expect(document.pathPoints.count == 3 * 366)
    }

    @Test("A simplified curve stays within the tolerance of every point")
    func simplified() {
        var generator = SeededGenerator(seed: 4)
        var y = 50.0
        let points = (0..<400).map { place -> Point in
            y += generator.normal()
            return place == 200 ? .gap : Point(Double(place), y)
        }
        let kept = Curve.simplified(points, tolerance: 1.5)
        #expect(kept.count < 250 && kept.count { !$0.isFinite } == 1)
        let finite = kept.filter(\.isFinite)
        for point in points where point.isFinite {
            guard let next = finite.firstIndex(where: { $0.x >= point.x }), next > 0 else { continue }
            let (a, b) = (finite[next - 1], finite[next])
            let height = a.y + (b.y - a.y) * (point.x - a.x) / (b.x - a.x)
            #expect(abs(height - point.y) <= 1.5 + 1e-9)
        }
    }
}

/// Sensors on the upper part of a sphere, as a helmet has them.
enum Helmet {
    /// Directions spread evenly from the top down to below the ears.
    static func directions(_ count: Int) -> [SIMD3<Double>] {
        (0..<count).map { place in
            let height = 1 - 1.25 * (Double(place) + 0.5) / Double(count)
            let (across, turn) = ((1 - height * height).squareRoot(), 2.399963 * Double(place))
            return SIMD3(across * cos(turn), across * sin(turn), height)
        }
    }

    /// Positions and axes, channels × 12: gradiometers in pairs at one place.
    static func locations(of kinds: [SensorKind]) -> Matrix {
        var places: [SIMD3<Double>] = []
        for kind in SensorKind.allCases {
            let count = kinds.count { $0 == kind }
            let sites = kind == .grad ? (count + 1) / 2 : count
            let all = directions(sites).map { $0 * 0.12 + SIMD3(0, 0.01, 0.04) }
            places += (0..<count).map { all[kind == .grad ? $0 / 2 : $0] }
        }
        return Matrix(rows: kinds.count, columns: 12) { $1 < 3 ? places[$0][$1] : 0 }
    }
}

@Suite("Maps over the head")
struct SensorMapTests {
    /// The radial field of a tangential dipole in a sphere, up to a factor, in directions at 0.12 m.
    private static func field(_ directions: [SIMD3<Double>]) -> [Double] {
        let (place, moment) = (SIMD3(0.03, 0.02, 0.05), SIMD3(0.3, 1, -0.58))
        return directions.map { direction in
            let offset = direction * 0.12 - place
            let cross = SIMD3(
                moment.y * offset.z - moment.z * offset.y, moment.z * offset.x - moment.x * offset.z,
                moment.x * offset.y - moment.y * offset.x)
            return (cross * direction).sum() / pow((offset * offset).sum(), 1.5)
        }
    }

    @Test("A dipolar field is met at the sensors and between them, to a few percent of its range")
    func dipole() throws {
        let directions = Helmet.directions(102)
        let map = try #require(SensorMap(directions.map { $0 * 0.12 + SIMD3(0.01, -0.02, 0.03) }))
        let values = Self.field(directions)
        let range = (values.max() ?? 0) - (values.min() ?? 0)
        let column = Matrix(rows: 102, columns: 1, elements: values)
        let met = map.atSensors(column)
        for (place, value) in values.enumerated() { #expect(abs(met[place, 0] - value) < 0.02 * range) }
        let between = Array(Helmet.directions(331).prefix(290))
        let fitted = map.interpolated(column, at: between)
        for (place, value) in Self.field(between).enumerated() {
            #expect(abs(fitted[place, 0] - value) < 0.06 * range)
        }
    }

    @Test("A constant stays constant, within the outline")
    func constant() throws {
        let map = try #require(SensorMap(Helmet.directions(60).map { $0 * 0.1 }))
        let grid = map.grid(Matrix(rows: 60, columns: 1, repeating: 3.5), cells: 40)
        #expect(grid.values.elements.allSatisfy { abs($0 - 3.5) < 1e-12 })
        #expect(grid.places.count > 1200 && grid.places.count < 1400)
        #expect(map.places.allSatisfy { ($0 * $0).sum() < 1 })
        // Front is up: a sensor at the nose lies there.
        let nose = try #require(
            Helmet.directions(60).indices.max { Helmet.directions(60)[$0].y < Helmet.directions(60)[$1].y })
        #expect(map.places[nose].y > 0.6)
    }

    @Test("Sensors in a plane, too few, or at one place have no map")
    func unfit() {
        #expect(SensorMap(Helmet.directions(7).map { $0 * 0.1 }) == nil)
        #expect(SensorMap((0..<30).map { SIMD3(Double($0 % 6), Double($0 / 6), 0) * 0.02 }) == nil)
        #expect(SensorMap([SIMD3<Double>](repeating: SIMD3(0.1, 0, 0), count: 20)) == nil)
    }

    @Test("The figure has a pair of maps a kind and time, gradiometers as lengths, at most 10 kB a map")
    func figure() throws {
        var estimate = try SampleEstimate()()
        let data = try #require(estimate.sensorData)
        let sensors = try Sensors(
            names: data.sensors.names, kinds: data.sensors.kinds, locations: Helmet.locations(of: data.sensors.kinds))
        estimate.sensorData = SensorData(sensors: sensors, measured: data.measured, explained: data.explained)
        guard case .figure(let svg) = TopographyFigure.figure(estimate) else {
            Issue.record("no figure")
            return
        }
        let document = try #require(SVGDocument(svg))
        let maps = document.elements.count { $0.name == "circle" } / 2
        #expect(maps == 3 * document.text.count { $0 == "measured" || $0 == "explained" } && maps >= 6)
        #expect(svg.utf8.count < 10_000 * maps)
        #expect(document.text.contains { $0.hasSuffix(" fT/cm") } && document.text.contains("of each pair"))
        let box = try #require(document.viewBox)
        let (x, _) = document.coordinates
        #expect(x.allSatisfy { ($0 ?? .infinity) <= box.width - 6 })
    }
}

@Suite("Surfaces with fewer triangles")
struct SurfaceDecimationTests {
    /// A sphere of triangles about a centre.
    private static func sphere(_ centre: SIMD3<Double>, rings: Int) -> (
        positions: [SIMD3<Double>], triangles: [SIMD3<Int32>]
    ) {
        let columns = 2 * rings
        var (positions, triangles) = ([SIMD3<Double>](), [SIMD3<Int32>]())
        for ring in 0...rings {
            for column in 0..<columns {
                let (polar, turn) = (.pi * Double(ring) / Double(rings), .pi * Double(column) / Double(rings))
                positions.append(
                    centre + 0.04 * SIMD3(sin(polar) * cos(turn), sin(polar) * sin(turn), cos(polar)))
            }
        }
        for ring in 0..<rings {
            for column in 0..<columns {
                let next = (column + 1) % columns
                let (a, b) = (Int32(ring * columns + column), Int32(ring * columns + next))
                triangles += [SIMD3(a, a + Int32(columns), b), SIMD3(b, a + Int32(columns), b + Int32(columns))]
            }
        }
        return (positions, triangles)
    }

    @Test("A fine surface keeps its shape with as many triangles as allowed, its parts apart")
    func reduced() {
        let (left, right) = (Self.sphere(SIMD3(-0.041, 0, 0), rings: 80), Self.sphere(SIMD3(0.041, 0, 0), rings: 80))
        let shift = Int32(left.positions.count)
        let surface = TriangleSurface(
            positions: left.positions + right.positions,
            parts: left.positions.map { _ in 0 } + right.positions.map { _ in 1 },
            triangles: left.triangles + right.triangles.map { $0 &+ SIMD3(repeating: shift) })
        let reduced = SurfaceDecimation.reduced(surface, toAtMost: 8000)
        #expect(reduced.triangles.count <= 8000 && reduced.triangles.count > 4000)
        #expect(abs(reduced.area / surface.area - 1) < 0.03)
        for (position, part) in zip(reduced.positions, reduced.parts) {
            let offset = position - SIMD3(part == 0 ? -0.041 : 0.041, 0, 0)
            #expect(abs((offset * offset).sum().squareRoot() - 0.04) < 0.0005)
        }
        for triangle in reduced.triangles {
            #expect(Set((0..<3).map { reduced.parts[Int(triangle[$0])] }).count == 1)
        }
    }

    @Test("A small surface stays as it is, without corners that no triangle uses or that cannot be drawn")
    func small() {
        let positions = [SIMD3(0, 0, 0), SIMD3(0.01, 0, 0), SIMD3(0, 0.01, 0), SIMD3(.nan, 0, 0), SIMD3(0, 0, 0.01)]
        let surface = TriangleSurface(
            positions: positions, parts: [0, 0, 0, 0, 0],
            triangles: [SIMD3(0, 1, 2), SIMD3(0, 1, 3), SIMD3(0, 1, 9), SIMD3(-1, 1, 2), SIMD3(1, 1, 2)])
        let reduced = SurfaceDecimation.reduced(surface, toAtMost: 100)
        #expect(reduced.triangles == [SIMD3(0, 1, 2)] && reduced.positions == Array(positions.prefix(3)))
        let none = SurfaceDecimation.reduced(TriangleSurface(positions: [], parts: [], triangles: []), toAtMost: 1)
        #expect(none.triangles.isEmpty)
    }
}
