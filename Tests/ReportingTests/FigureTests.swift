import Foundation
import SourceImaging
import Testing

@testable import Reporting

/// An estimate that a figure must survive, by name.
struct FigureCase: Sendable, CustomTestStringConvertible {
    let name: String
    let sample: SampleEstimate
    var corrupt: @Sendable (inout Matrix) -> Void = { _ in }
    var candidates: Int?

    var testDescription: String { name }

    func estimate() throws -> Estimate {
        var estimate = try sample()
        if var data = estimate.sensorData {
            corrupt(&data.measured)
            estimate.sensorData = data
        }
        return estimate
    }

    /// The same with coefficients of its amplitudes in two windows.
    static func inTimeAndFrequency(_ estimate: Estimate) throws -> Estimate {
        var estimate = estimate
        guard !estimate.times.isEmpty else { return estimate }
        let frame = try GaborFrame(
            [.init(length: 8, step: 2), .init(length: 24, step: 6)], samples: estimate.times.count)
        estimate.timeFrequency = TimeFrequencyRecord(
            frame: frame, samplingFrequency: 600, firstTime: estimate.times[0], rho: 0.3)
        for s in estimate.sources.indices {
            estimate.sources[s].coefficients = frame.analysis(estimate.sources[s].amplitudes.transposed)
        }
        return estimate
    }

    /// The figures of the case, by name.
    func figures() throws -> [(name: String, svg: String)] {
        let estimate = try estimate()
        var repeated = estimate
        sample.repeatChoice(of: &repeated)
        let stability = try #require(repeated.stability)
        let positions = candidates.map { Array(sample.candidates.prefix($0)) } ?? sample.candidates
        return [
            ("butterfly", ButterflyFigure.svg(estimate)), ("time courses", TimeCourseFigure.svg(estimate)),
            ("selection", SelectionFigure.svg(estimate)),
            ("glass brain", GlassBrainFigure.svg(estimate, candidates: positions)),
            ("stability", StabilityFigure.svg(repeated, stability)),
        ] + (SpectrogramFigure.svg(try Self.inTimeAndFrequency(estimate)).map { [("spectrograms", $0)] } ?? [])
    }

    static let all: [FigureCase] = [
        FigureCase(name: "typical", sample: SampleEstimate()),
        FigureCase(
            name: "free orientation, 24 sources", sample: SampleEstimate(seed: 5, sourceCount: 24, orientations: 3)),
        FigureCase(name: "no sources", sample: SampleEstimate(sourceCount: 0)),
        FigureCase(name: "one source, one sample", sample: SampleEstimate(sourceCount: 1, times: [0.1])),
        FigureCase(name: "no sample", sample: SampleEstimate(times: [])),
        FigureCase(name: "fixed λ", sample: SampleEstimate(criteria: [22_000], criterionName: "fixed")),
        FigureCase(name: "all zero", sample: SampleEstimate(scale: 0)),
        FigureCase(name: "huge", sample: SampleEstimate(scale: 1e290)),
        FigureCase(name: "tiny", sample: SampleEstimate(scale: 1e-290)),
        FigureCase(name: "NaN scale", sample: SampleEstimate(scale: .nan)),
        FigureCase(
            name: "constant data", sample: SampleEstimate(sourceCount: 0),
            corrupt: { $0 = Matrix(rows: $0.rows, columns: $0.columns, repeating: 1e-13) }),
        FigureCase(
            name: "holes in the data", sample: SampleEstimate(),
            corrupt: { data in
                for k in stride(from: 0, to: data.elements.count, by: 7) {
                    data.elements[k] = k % 2 == 0 ? .nan : .infinity
                }
            }),
        FigureCase(
            name: "infinite criteria",
            sample: SampleEstimate(criteria: [5, .infinity, 3, -.infinity, 2, .nan, 4], chosenIndex: 4)),
        FigureCase(
            name: "only infinite criteria", sample: SampleEstimate(criteria: [.infinity, .nan], chosenIndex: 0)),
        FigureCase(name: "constant criterion", sample: SampleEstimate(criteria: [7, 7, 7])),
        FigureCase(
            name: "names with markup",
            sample: SampleEstimate(subject: "<a & \"b\">", condition: "c\u{0}\u{1B}[2J'\n]]>")),
        FigureCase(name: "long names", sample: SampleEstimate(condition: String(repeating: "attention ", count: 60))),
        FigureCase(name: "EEG alone", sample: SampleEstimate(channels: [(.eeg, 1)])),
        FigureCase(name: "one λ a source", sample: SampleEstimate(criteria: [9, 5, .infinity, 2], axis: .evaluation)),
        FigureCase(name: "many repeats", sample: SampleEstimate(sourceCount: 12, repeats: 200)),
        FigureCase(
            name: "error bars", sample: SampleEstimate(sourceCount: 8, noiseStretches: 3, regionRadius: 0.015)),
        FigureCase(
            name: "regions as large as the head",
            sample: SampleEstimate(sourceCount: 8, noiseStretches: 3, regionRadius: 0.1)),
        FigureCase(
            name: "regions of one candidate, huge peaks",
            sample: SampleEstimate(scale: 1e290, noiseStretches: 3, regionRadius: 1e-9)),
        FigureCase(name: "no candidates", sample: SampleEstimate(), candidates: 0),
        FigureCase(name: "one candidate", sample: SampleEstimate(), candidates: 1),
    ]
}

extension Estimate {
    /// The same estimate with other data or sources.
    func with(measured: Matrix? = nil, sources: [EstimatedSource]? = nil) -> Estimate {
        var estimate = self
        if let measured { estimate.sensorData?.measured = measured }
        if let sources { estimate.sources = sources }
        return estimate
    }
}

@Suite("Figures")
struct FigureTests {
    @Test("Every figure is self-contained SVG within its view box", arguments: FigureCase.all)
    func wellFormed(_ figureCase: FigureCase) throws {
        for (name, svg) in try figureCase.figures() {
            let document = try #require(SVGDocument(svg), "\(name) is not well-formed XML")
            let root = try #require(document.elements.first)
            #expect(root.name == "svg" && root.attributes["version"] == "1.1")
            #expect(document.elements.dropFirst().prefix(2).map(\.name) == ["title", "desc"])
            let known: Set = ["svg", "title", "desc", "g", "rect", "line", "circle", "path", "text", "tspan"]
            #expect(Set(document.elements.map(\.name)).isSubset(of: known))
            #expect(document.elements.allSatisfy { $0.attributes.keys.allSatisfy { !$0.contains("href") } })
            #expect(!svg.contains("nan") && !svg.contains("inf\"") && !svg.contains("n/a\""))

            let box = try #require(document.viewBox)
            let (x, y) = document.coordinates
            #expect(!x.isEmpty && x.allSatisfy { $0.map { $0 >= 0 && $0 <= box.width } ?? false }, "\(name)")
            #expect(!y.isEmpty && y.allSatisfy { $0.map { $0 >= 0 && $0 <= box.height } ?? false }, "\(name)")
            // Text must end within the figure, too; widths are estimates on the wide side.
            for text in document.elements where text.name == "text" && text.attributes["transform"] == nil {
                let x = Double(text.attributes["x"] ?? "") ?? 0
                let width = TextMetrics.width(text.text, size: Double(text.attributes["font-size"] ?? "") ?? 0)
                let right =
                    switch text.attributes["text-anchor"] {
                    case "end": x
                    case "middle": x + width / 2
                    default: x + width
                    }
                #expect(right <= box.width + 3 && right - width >= -3, "\(name): '\(text.text)'")
            }
        }
    }

    @Test("A source is drawn where its coefficients are, at its frequency and time; without any there is no figure")
    func spectrogram() throws {
        var estimate = try SampleEstimate(sourceCount: 1)()
        #expect(SpectrogramFigure.svg(estimate) == nil)
        let times = estimate.times
        let old = estimate.sources[0]
        // 75 Hz, at 100 ms.
        let burst = Matrix(rows: 1, columns: times.count) { _, t in
            cos(2 * .pi * 75 * times[t]) * exp(-pow((times[t] - 0.1) / 0.008, 2))
        }
        estimate.sources = [
            EstimatedSource(
                index: old.index, position: old.position, hemisphere: old.hemisphere, vertex: old.vertex,
                amplitudes: burst, axes: old.axes, field: old.field, share: old.share)
        ]
        let svg = try #require(SpectrogramFigure.svg(try FigureCase.inTimeAndFrequency(estimate)))
        let found = svg.firstMatch(of: #/most at ([0-9]+) Hz and ([0-9]+) ms/#).map { (Int($0.1), Int($0.2)) }
        let peak = try #require(found)
        #expect(peak.0 == 75 && abs((peak.1 ?? 0) - 100) <= 4, "\(peak)")
    }

    @Test("The same estimate gives the same bytes", arguments: FigureCase.all.prefix(3))
    func deterministic(_ figureCase: FigureCase) throws {
        let first = try figureCase.figures()
        let second = try figureCase.figures()
        #expect(first.map(\.svg) == second.map(\.svg))
    }

    @Test("Large recordings make files below 1.5 MB, with every channel in them")
    func size() throws {
        let times = (0..<600).map { Double($0) / 1000 }
        let estimate = try SampleEstimate(times: times)()
        // Pure noise as large as the axis is the worst case: every step is long.
        var generator = SeededGenerator(seed: 3)
        let svg = ButterflyFigure.svg(estimate.with(measured: generator.normal(rows: 366, columns: 600) * 1e-9))
        #expect(svg.utf8.count < 1_500_000)
        let document = try #require(SVGDocument(svg))
        #expect(document.pathPoints.count == 3 * 366)
    }

    @Test("A butterfly keeps the extremes of what was measured")
    func butterflyExtremes() throws {
        var data = Matrix(rows: 1, columns: 5000)
        data[0, 1234] = 40e-6
        data[0, 4321] = -10e-6
        let times = (0..<5000).map { Double($0) / 1000 }
        let estimate = try SampleEstimate(sourceCount: 0, times: times, channels: [(.eeg, 1)])().with(measured: data)
        let document = try #require(SVGDocument(ButterflyFigure.svg(estimate)))
        let y = try #require(document.pathPoints.first ?? nil).map(\.y)
        let labels = document.elements.filter { $0.name == "text" && $0.attributes["text-anchor"] == "end" }
        func height(_ label: String) throws -> Double {
            let element = try #require(labels.first { $0.text == label })
            return try #require(Double(element.attributes["y"] ?? "")) - 3.8
        }
        // The spikes reach the heights of their axis labels: +40 µV and −10 µV.
        #expect(abs(try #require(y.min()) - height("40")) <= 0.15)
        #expect(abs(try #require(y.max()) - height("−10")) <= 0.15)
    }

    @Test(
        "Every source is drawn three times in the glass brain, the strongest with numbers", arguments: [1, 5, 15, 24])
    func everySource(_ count: Int) throws {
        let sample = SampleEstimate(sourceCount: count)
        let document = try #require(SVGDocument(GlassBrainFigure.svg(try sample(), candidates: sample.candidates)))
        let discs = document.elements.filter { $0.name == "circle" && $0.attributes["fill-opacity"] != nil }
        #expect(discs.count == 3 * count)
        for rank in 1...min(count, GlassBrainFigure.numberedSources) {
            // Per view once with its rim, and once in the legend.
            #expect(document.elements.filter { $0.name == "text" && $0.text == String(rank) }.count == 7)
        }
        #expect(document.text.contains { $0.hasPrefix("and 9 weaker") } == (count == 24))
    }

    @Test("A patch has a ring of its extent, to scale, in all three views; a point has none")
    func patches() throws {
        let sample = SampleEstimate(sourceCount: 3, noiseStretches: 3)
        let svg = GlassBrainFigure.svg(try sample(), candidates: sample.candidates)
        let document = try #require(SVGDocument(svg))
        func number(_ element: SVGDocument.Element, _ name: String) -> Double {
            Double(element.attributes[name] ?? "") ?? .nan
        }
        let rings = document.elements.filter { $0.name == "circle" && $0.attributes["fill"] == "none" }
        let bar = try #require(document.elements.first { $0.name == "line" && $0.attributes["stroke-width"] == "2" })
        let millimetre = abs(number(bar, "x2") - number(bar, "x1")) / 20
        #expect(rings.count == 6)
        for (k, ring) in rings.enumerated() {
            #expect(abs(number(ring, "r") / millimetre - [5, 8][k % 2]) < 0.1)
        }
        #expect(svg.contains("ring: extent of a patch") && svg.contains("a patch of 8 mm"))
        let plain = SampleEstimate(sourceCount: 3)
        let without = GlassBrainFigure.svg(try plain(), candidates: plain.candidates)
        #expect(!without.contains("patch"))
    }

    @Test("A region has an ellipse in all three views, behind the discs, that holds its members", arguments: [1, 8])
    func regions(count: Int) throws {
        let sample = SampleEstimate(sourceCount: count, noiseStretches: 3, regionRadius: 0.015)
        let estimate = try sample()
        let svg = GlassBrainFigure.svg(estimate, candidates: sample.candidates)
        let document = try #require(SVGDocument(svg))
        let isEllipse = document.elements.map { $0.name == "path" && $0.attributes["fill-opacity"] != nil }
        let ellipses = document.elements.indices.filter { isEllipse[$0] }
        let discs = document.elements.indices.filter {
            document.elements[$0].name == "circle" && document.elements[$0].attributes["fill-opacity"] != nil
        }
        try #require(ellipses.count == 3 * count && discs.count == 3 * count)
        let paths = zip(document.elements.filter { $0.name == "path" }, document.pathPoints).filter {
            $0.0.attributes["fill-opacity"] != nil
        }
        let bar = try #require(document.elements.first { $0.name == "line" && $0.attributes["stroke-width"] == "2" })
        let ends = try ["x1", "x2"].map { try #require(Double(bar.attributes[$0] ?? "")) }
        let millimetre = (ends[1] - ends[0]) / 20
        for view in 0..<3 {
            let part = (count * view)..<(count * (view + 1))
            #expect((ellipses[part].max() ?? 0) < (discs[part].min() ?? 0))
            for (place, source) in estimate.sources.enumerated() {
                let colour = Palette.source(place)
                let points = try #require(paths[part].first { $0.0.attributes["fill"] == colour }?.1)
                let axes = try #require(source.region?.axes)
                // As wide and as high as the ellipsoid is along the axes of the view.
                for (k, component) in [(0, view == 0 ? 1 : 0), (1, view == 2 ? 1 : 2)] {
                    let half = 1000 * axes.reduce(0) { $0 + $1[component] * $1[component] }.squareRoot()
                    let values = points.map { $0[k] }
                    let size = try #require(values.max()) - (try #require(values.min()))
                    #expect(abs(size / (2 * half * millimetre) - 1) < 0.02, "view \(view), source \(place)")
                }
            }
        }
        #expect(svg.contains("ellipse: 95 % region") && document.text.contains { $0.contains(" ± ") })
        #expect(document.elements[2].text.contains("mm (95 %)"))
        let plain = SampleEstimate(sourceCount: 3, noiseStretches: 3)
        #expect(!GlassBrainFigure.svg(try plain(), candidates: plain.candidates).contains("ellipse"))
    }

    @Test("The views of the glass brain have the left on the left and the front where it is marked")
    func orientation() throws {
        let positions = [SIMD3(-0.05, 0.02, 0.04), SIMD3(0.05, 0.02, 0.04), SIMD3(0, 0.07, 0.04), SIMD3(0, 0.02, 0.09)]
        let sample = SampleEstimate(sourceCount: 4)
        let estimate = try sample()
        let sources = zip(estimate.sources, positions).map { source, position in
            EstimatedSource(
                index: source.index, position: position, hemisphere: nil, vertex: nil, amplitudes: source.amplitudes,
                axes: nil, field: source.field, share: source.share)
        }
        let svg = GlassBrainFigure.svg(estimate.with(sources: sources), candidates: sample.candidates)
        let document = try #require(SVGDocument(svg))
        let discs = document.elements.filter { $0.name == "circle" && $0.attributes["fill-opacity"] != nil }
        let places = discs.compactMap { disc -> SIMD2<Double>? in
            guard let x = Double(disc.attributes["cx"] ?? ""), let y = Double(disc.attributes["cy"] ?? "") else {
                return nil
            }
            return SIMD2(x, y)
        }
        try #require(places.count == 12)
        let (side, back, top) = (Array(places[0..<4]), Array(places[4..<8]), Array(places[8..<12]))
        // From the left: front to the left, up is up; left and right coincide.
        #expect(side[2].x < side[0].x && side[3].y < side[0].y && side[0] == side[1])
        // From behind: left on the left.
        #expect(back[0].x < back[2].x && back[2].x < back[1].x && back[3].y < back[0].y)
        // From above: left on the left, front up.
        #expect(top[0].x < top[1].x && top[2].y < top[0].y)
        // One scale for all: 100 mm from left to right, 50 mm from bottom to top.
        #expect(abs((back[1].x - back[0].x) - 2 * (back[0].y - back[3].y)) < 0.3)
        #expect(abs((back[1].x - back[0].x) - (top[1].x - top[0].x)) < 0.3)
        // And the bar is a fifth of it.
        let bar = try #require(document.elements.first { $0.name == "line" && $0.attributes["stroke-width"] == "2" })
        let length = (Double(bar.attributes["x2"] ?? "") ?? 0) - (Double(bar.attributes["x1"] ?? "") ?? 0)
        #expect(abs(5 * length - (back[1].x - back[0].x)) < 0.6)
    }

    @Test("Time courses: a line and a legend entry a source, up to eight")
    func timeCourses() throws {
        for (count, drawn) in [(1, 1), (8, 8), (12, 8)] {
            let estimate = try SampleEstimate(sourceCount: count)()
            let document = try #require(SVGDocument(TimeCourseFigure.svg(estimate)))
            #expect(document.pathPoints.count == drawn)
            for source in estimate.sources.prefix(drawn) { #expect(document.text.contains(source.place)) }
            #expect(document.text.contains("Dipole moment (nAm)"))
        }
        let free = try #require(SVGDocument(TimeCourseFigure.svg(try SampleEstimate(orientations: 3)())))
        #expect(free.text.contains("Dipole moment, magnitude (nAm)"))
    }

    @Test("Whiskers reach over the intervals of peaks, whichever their sign")
    func whiskers() throws {
        var estimate = try SampleEstimate(sourceCount: 1, noiseStretches: 3, regionRadius: 0.01)()
        for sign in [1.0, -1] {
            let source = estimate.sources[0]
            var flipped = EstimatedSource(
                index: 0, position: source.position, hemisphere: nil, vertex: nil,
                amplitudes: source.amplitudes * sign, axes: nil, field: 1, share: 1)
            flipped.amplitudeInterval = source.amplitudeInterval
            estimate.sources = [flipped]
            let document = try #require(SVGDocument(TimeCourseFigure.svg(estimate)))
            func number(_ element: SVGDocument.Element, _ name: String) -> Double {
                Double(element.attributes[name] ?? "") ?? .nan
            }
            let bars = document.elements.filter { $0.name == "line" && $0.attributes["stroke-width"] == "1.2" }
            try #require(bars.count == 3)
            let labels = document.elements.filter { $0.name == "text" && $0.attributes["text-anchor"] == "end" }
            let zero = try #require(labels.first { $0.text == "0" })
            let lengths = [number(bars[0], "y1"), number(bars[0], "y2")].map { sign * (number(zero, "y") - 3.8 - $0) }
            #expect(abs((lengths.max() ?? 0) / (lengths.min() ?? 0) - 1.15 / 0.8) < 0.01)
            #expect(document.text.contains { $0.hasSuffix("whiskers: 95 % intervals of peak and time") })
        }
    }

    @Test("Without sources the figures say so")
    func noSources() throws {
        let sample = SampleEstimate(sourceCount: 0)
        let estimate = try sample()
        for svg in [TimeCourseFigure.svg(estimate), GlassBrainFigure.svg(estimate, candidates: sample.candidates)] {
            #expect(svg.contains("No sources: nothing in this window stands out"))
        }
        let given = try SampleEstimate(sourceCount: 0, criteria: [1], criterionName: "fixed")()
        #expect(TimeCourseFigure.svg(given).contains("none is active at the given λ"))
    }

    @Test("The selection figure marks the choice at its place and flags an edge")
    func selection() throws {
        let estimate = try SampleEstimate(atGridEdge: true)()
        let document = try #require(SVGDocument(SelectionFigure.svg(estimate)))
        let ring = try #require(document.elements.first { $0.name == "circle" && $0.attributes["fill"] == "none" })
        let curve = try #require(document.pathPoints.first ?? nil)
        // The minimum of the curve is the lowest point on the canvas, and the ring is round it.
        let lowest = try #require(curve.max { $0.y < $1.y })
        #expect(abs((Double(ring.attributes["cx"] ?? "") ?? 0) - lowest.x) <= 0.5)
        #expect(abs((Double(ring.attributes["cy"] ?? "") ?? 0) - lowest.y) <= 0.5)
        #expect(document.text.contains { $0.contains("at the edge") })
        #expect(document.text.contains("chosen: λ = 0.142 λmax"))
        #expect(!SelectionFigure.svg(try SampleEstimate()()).contains("at the edge"))
    }

    @Test("Points with an infinite criterion are left out, the others stay")
    func infiniteCriteria() throws {
        let estimate = try SampleEstimate(criteria: [5, .infinity, 3, -.infinity, 2, .nan, 4], chosenIndex: 4)()
        let document = try #require(SVGDocument(SelectionFigure.svg(estimate)))
        let paths = document.pathPoints.compactMap { $0?.count }
        #expect(paths == [4, 7, 7])
    }

    @Test("Where every source has a λ of its own the axis is the number of the evaluation")
    func evaluations() throws {
        let estimate = try SampleEstimate(criteria: [9, 5, 4, 2], chosenIndex: 3, axis: .evaluation)()
        let document = try #require(SVGDocument(SelectionFigure.svg(estimate)))
        #expect(document.text.contains("Evaluation") && document.text.contains("chosen: evaluation 4"))
        #expect(!document.text.contains { $0.contains("λmax") })
        let points = try #require(document.pathPoints.first ?? nil)
        #expect(points.map(\.x) == points.map(\.x).sorted() && points.count == 4)
    }

    @Test("The stability figure has a bar as long as the part of repeats, a dot a repeat, and what the estimate lacks")
    func stability() throws {
        let sample = SampleEstimate(sourceCount: 3, repeats: 20)
        let estimate = try sample()
        let stability = try #require(estimate.stability)
        let document = try #require(SVGDocument(StabilityFigure.svg(estimate, stability)))
        let bars = document.elements.filter { $0.name == "rect" }.dropFirst().compactMap {
            Double($0.attributes["width"] ?? "")
        }
        let sources = estimate.sources.compactMap(\.stability)
        let parts = sources.map(\.found) + stability.others.map(\.found)
        try #require(bars.count == parts.count)
        for (bar, part) in zip(bars, parts) { #expect(abs(bar / 178 - part) < 0.002) }
        let dots = document.elements.filter { $0.attributes["fill-opacity"] != nil }
        #expect(dots.count == 2 * sources.reduce(0) { $0 + $1.distances.count { $0 != nil } })
        #expect(document.text.count { $0 == "not in the result" } == 2)
        #expect(document.text.contains { $0.hasPrefix("20 repeats of the whole choice with a bootstrap of epochs") })
        let many = SampleEstimate(sourceCount: 12, repeats: 3)
        let estimates = try many()
        #expect(
            StabilityFigure.svg(estimates, try #require(estimates.stability)).contains("4 weaker sources not shown"))
    }
}
