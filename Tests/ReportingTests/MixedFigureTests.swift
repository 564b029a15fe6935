import Requests
import Testing

@testable import Reporting

@Suite("Figures and tables of mixed effects")
struct MixedFigureTests {
    /// Expects that a figure can be read, and lies within its canvas.
    private func document(_ svg: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> SVGDocument {
        let document = try #require(SVGDocument(svg), sourceLocation: sourceLocation)
        let (x, y) = document.coordinates
        let box = try #require(document.viewBox, sourceLocation: sourceLocation)
        #expect(x.allSatisfy { $0.map { (0...box.width).contains($0) } ?? false }, sourceLocation: sourceLocation)
        #expect(y.allSatisfy { $0.map { (0...box.height).contains($0) } ?? false }, sourceLocation: sourceLocation)
        return document
    }

    private let rows: [ForestFigure.Row] = [
        .init(name: "dose", estimate: 2, interval: 1...3, note: "0.0012"),
        .init(name: "sham <&> \"x\"", estimate: -1, interval: -4...2, isSelected: false),
        .init(name: "unknown", estimate: .nan, interval: nil, isSelected: false),
    ]

    @Test("a forest has a dot an estimate and a line an interval, at their places along one axis")
    func forest() throws {
        let figure = try document(ForestFigure.svg(rows, title: "Effects", axis: "ms", noteTitle: "p"))
        let dots = figure.elements.filter { $0.name == "circle" }.compactMap {
            $0.attributes["cx"].flatMap(Double.init)
        }
        #expect(dots.count == 2)
        // Intervals are lines of width 2: 1…3 ends as far from 2 on both sides, and −1 lies three times as far from 2 as 1 does.
        let lines = figure.elements.filter { $0.name == "line" && $0.attributes["stroke-width"] == "2" }
        #expect(lines.count == 2)
        let ends = lines.compactMap { line in
            line.attributes["x1"].flatMap(Double.init).flatMap { first in
                line.attributes["x2"].flatMap(Double.init).map { (first, $0) }
            }
        }
        #expect(abs((ends[0].0 + ends[0].1) / 2 - dots[0]) < 0.11)
        #expect(abs((dots[0] - dots[1]) - 3 * (ends[0].1 - dots[0])) < 0.4)
        for text in ["dose", "sham <&> \"x\"", "unknown", "0.0012", "p", "ms"] {
            #expect(figure.text.contains(text), "\(text)")
        }
        #expect(figure.text.contains { $0.contains("pale: not in the model") })
    }

    @Test("bars of inclusion are as long as probabilities, coloured above one half")
    func inclusion() throws {
        let figure = try document(
            InclusionFigure.svg(
                [
                    .init(name: "a", fixed: 1, random: 0.25), .init(name: "b", fixed: 0.5, random: nil),
                    .init(name: "c", fixed: nil, random: .nan),
                ], title: "Which"))
        let bars = figure.elements.filter { $0.name == "rect" && $0.attributes["height"] == "12" }
        let widths = bars.compactMap { $0.attributes["width"].flatMap(Double.init) }
        #expect(widths.count == 3 && abs(widths[1] - widths[0] / 2) < 0.11 && abs(widths[2] - widths[0] / 4) < 0.11)
        #expect(Set(bars.compactMap { $0.attributes["fill"] }) == [Palette.explained, Palette.measured])
    }

    @Test("paths go from the smallest to the largest λ, names beside those that are in the model")
    func paths() throws {
        let lambdas = [10.0, 1, 0.1]
        let figure = try document(
            CoefficientPathFigure.svg(
                [
                    .init(
                        axis: "Fixed",
                        lines: [
                            .init(name: "in", values: [0, 1, 2], isSelected: true),
                            .init(name: "out", values: [0, 0, -1], isSelected: false),
                        ]), .init(axis: "Variances", lines: [.init(name: "v", values: [0, 0, 3], isSelected: true)]),
                    .init(axis: "None", lines: []),
                ], lambdas: lambdas, chosen: 1, title: "Path"))
        #expect(figure.text.contains("in") && figure.text.contains("v") && !figure.text.contains("out"))
        #expect(!figure.text.contains("None"))
        let points = figure.pathPoints.compactMap(\.self).filter { $0.count == 3 }
        #expect(points.count == 3 && points.allSatisfy { $0[0].x < $0[1].x && $0[1].x < $0[2].x })
        // "in" falls with λ, in equal steps.
        let falling = try #require(points.first { $0[0].y < $0[1].y && $0[1].y < $0[2].y })
        #expect(abs((falling[1].y - falling[0].y) - (falling[2].y - falling[1].y)) < 0.31)
    }

    @Test("nothing to draw is said, and many or extreme rows stay within the canvas")
    func extremes() throws {
        for svg in [
            ForestFigure.svg([], title: "t", axis: "a"), InclusionFigure.svg([], title: "t"),
            CoefficientPathFigure.svg([], lambdas: [], chosen: nil, title: "t"),
            CoefficientPathFigure.svg(
                [.init(axis: "a", lines: [.init(name: "n", values: [1], isSelected: true)])], lambdas: [1], chosen: nil,
                title: "t"),
        ] {
            #expect(try document(svg).text.contains { $0.hasPrefix("There is no") })
        }
        let many = (0..<200).map { k in
            ForestFigure.Row(
                name: String(repeating: "long name ", count: 20), estimate: k == 0 ? 1e300 : Double(k),
                interval: k == 1 ? -Double.infinity ... .infinity : nil)
        }
        let figure = try document(ForestFigure.svg(many, title: "t", axis: "a"))
        #expect(figure.text.contains { $0.contains("140 more rows not shown") })
        let lines = (0..<80).map {
            CoefficientPathFigure.Line(name: "n\($0)", values: [0, .nan, 1e-300], isSelected: true)
        }
        _ = try document(
            CoefficientPathFigure.svg(
                [.init(axis: "a", lines: lines)], lambdas: [1, .infinity, 2], chosen: .nan, title: "t"))
    }

    @Test("a model's tables and words hold its numbers")
    func model() throws {
        var random = SeededGenerator(seed: 2)
        let (x, g) = ((0..<60).map { _ in random.normal() }, (0..<60).map { "s\($0 / 5)" })
        let u = (0..<12).map { _ in random.normal() }
        let table = try DataTable([
            .init("y", numbers: (0..<60).map { 2 * x[$0] + u[$0 / 5] + 0.1 * random.normal() }), .init("x", numbers: x),
            .init("idle", numbers: (0..<60).map { _ in random.normal() }), .init("g", texts: g),
        ])
        var request = MixedRequest()
        request.formula = "y ~ x + idle + (1 || g)"
        let answer = try request.run(request.design(of: table))
        let fixed = MixedTables.fixed(answer.summary).split(separator: "\n").map { $0.split(separator: "\t") }
        #expect(fixed.count == 4 && fixed.allSatisfy { $0.count == MixedTables.fixedColumns.count })
        #expect(Double(fixed[2][1]) == answer.summary.fixed[1].estimate)
        #expect(fixed[3][8] == "0" && fixed[3][2] == "n/a")
        let groups = MixedTables.groups(answer).split(separator: "\n").map { $0.split(separator: "\t") }
        #expect(groups.count == 13 && groups[1][0] == "s0" && groups[1][1] == "5")
        #expect(Double(groups[1][2]) == answer.deviations[0, 0])
        #expect(MixedTables.selection(answer.summary) == nil && MixedFigures.paths(answer) == nil)
        let text = MixedReading.text(answer.summary)
        for part in [
            "60 rows of 12 groups (g)", "2 of 3 fixed effects and 1 of 1 random effect", "Not in the model: idle (",
            "inclusion", "(noise)", "REML",
        ] { #expect(text.contains(part), "\(part) in \(text)") }
        let figure = try document(MixedFigures.effects(answer))
        #expect(figure.text.contains("x") && !figure.text.contains("(Intercept)"))
        #expect(try document(#require(MixedFigures.inclusion(answer))).text.contains("(Intercept)"))
    }
}
