import Foundation
import Pages
import SourceImaging
import Testing

@testable import Reporting

@Suite("The page, the figures and the tables of a group")
struct GroupPageTests {
    static let cases: [SampleGroup] = [
        SampleGroup(), SampleGroup(conditions: [""]), SampleGroup(subjects: 1), SampleGroup(hasCandidates: false),
        SampleGroup(hasOwnHeads: true), SampleGroup(others: 0, frequencies: []),
        SampleGroup(names: { "<b>\($0)</b>\"\u{301}\t&" }),
        SampleGroup(conditions: (0..<10).map { "condition with a long name \($0)" }, permutations: 20),
        SampleGroup(subjects: 30, others: 9, frequencies: [], permutations: 0),
    ]

    /// A page read by a parser of XML: what is well-formed there is so in HTML; what HTML does not close is closed.
    static func document(_ html: String) throws -> SVGDocument {
        let closed = html.replacing("<!DOCTYPE html>\n", with: "")
            .replacing(try Regex("<meta ([^>]*)>")) { "<meta \($0[1].substring ?? "")/>" }
        return try #require(SVGDocument(closed))
    }

    @Test("Every figure is SVG within its view box", arguments: cases.indices)
    func figures(_ number: Int) throws {
        let group = try Self.cases[number]()
        let spreads = group.pooled.clusters.indices.prefix(GroupPage.spreadFigures).compactMap {
            ClusterSpreadFigure.svg(group, cluster: $0)
        }
        #expect(spreads.count == min(group.pooled.clusters.count, GroupPage.spreadFigures))
        for svg in [DensityFigure.svg(group)] + spreads {
            let document = try #require(SVGDocument(svg))
            #expect(document.elements.dropFirst().prefix(2).map(\.name) == ["title", "desc"])
            #expect(!svg.contains("nan") && !svg.contains("inf\""))
            let box = try #require(document.viewBox)
            let (x, y) = document.coordinates
            #expect(x.allSatisfy { $0.map { $0 >= 0 && $0 <= box.width } ?? false })
            #expect(y.allSatisfy { $0.map { $0 >= 0 && $0 <= box.height } ?? false })
            for text in document.elements where text.name == "text" && text.attributes["text-anchor"] == nil {
                let x = Double(text.attributes["x"] ?? "") ?? 0
                let width = TextMetrics.width(text.text, size: Double(text.attributes["font-size"] ?? "") ?? 0)
                #expect(x + width <= box.width + 3, "'\(text.text)'")
            }
        }
        #expect(ClusterSpreadFigure.svg(group, cluster: group.pooled.clusters.count) == nil)
    }

    @Test("The page is whole: sections, figures, a row for each estimate", arguments: cases.indices)
    func structure(_ number: Int) throws {
        let group = try Self.cases[number]()
        let html = try GroupPage.html(group, heading: "A group", failures: [("sub-99 <x>", "no file & none")])
        let document = try Self.document(html)
        func count(_ name: String) -> Int { document.elements.count { $0.name == name } }
        #expect(count("h1") == 1 && document.elements.first?.attributes["lang"] == "en")
        let figures = 1 + min(group.pooled.clusters.count, GroupPage.spreadFigures)
        #expect(count("svg") == figures && count("figure") == figures)
        #expect(document.elements.filter { $0.name == "svg" }.allSatisfy { $0.attributes["role"] == "img" })
        #expect(document.elements.filter { $0.name == "th" }.allSatisfy { $0.attributes["scope"] != nil })
        let sets = group.conditions.count > 1 ? [group.pooled] + group.conditions.map(\.clusters) : [group.pooled]
        let listed = sets.map { min($0.clusters.count, 20) }
        let heads = listed.count { $0 > 0 } + 2
        #expect(count("tr") == heads + listed.reduce(0, +) + group.members.count + 1)
        let ids = document.elements.compactMap { $0.attributes["id"] }
        #expect(Set(ids).count == ids.count)
        let named = document.elements.compactMap { $0.attributes["aria-labelledby"] }
        #expect(Set(named).isSubset(of: ids))
        // Nothing from elsewhere, no script.
        #expect(
            !html.contains("<script") && !html.contains("src=") && !html.contains("url(") && !html.contains("@import"))
        #expect(html.contains("1 failed") && html.contains("sub-99 &lt;x&gt;"))
        #expect(html == (try GroupPage.html(group, heading: "A group", failures: [("sub-99 <x>", "no file & none")])))
    }

    @Test("Names are text, never markup")
    func escaping() throws {
        let sample = SampleGroup(subjects: 6, conditions: ["<i>x"], names: { "<b>\($0)\"\u{301}onclick=" })
        let group = try sample()
        let first = try #require(group.members.first)
        let html = try GroupPage.html(
            group, heading: "<script>alert(1)</script>\"\u{301}", pages: [first.key: "a\"\u{301} onclick=\"b.html"],
            failures: [("<u>", "{{heading}}</td>")], skipped: [("<s>", "done")])
        let document = try Self.document(html)
        let known: Set = [
            "html", "head", "meta", "title", "style", "body", "header", "main", "section", "div", "p", "ul", "li", "h1",
            "h2", "h3", "figure", "table", "thead", "tbody", "tr", "th", "td", "a", "span", "strong", "details",
            "summary",
            "svg", "desc", "g", "rect", "line", "circle", "path", "text", "tspan",
        ]
        #expect(Set(document.elements.map(\.name)).isSubset(of: known))
        #expect(!document.elements.contains { $0.attributes.keys.contains("onclick") })
        let links = document.elements.filter { $0.name == "a" }
        #expect(links.map { $0.attributes["href"] } == ["a\"\u{301} onclick=\"b.html"])
        #expect(html.contains("{{heading}}&lt;/td&gt;"))
    }

    @Test("Chance, caveats and outliers are told")
    func told() throws {
        let group = try SampleGroup()()
        let html = try GroupPage.html(group, heading: "A group")
        #expect(html.contains("12 subjects, 2 conditions (deviant; standard). 24 estimates done, 0 failed."))
        #expect(html.contains("drawn 200 times") && html.contains("within 15 mm"))
        #expect(html.contains("goodness of fit 11 % (median"))
        #expect(
            html.contains("12 subjects, p 0.0050") && !html.contains("id=\"failures\"") && !html.contains("Before you"))
        let heads = try GroupPage.html(try SampleGroup(hasOwnHeads: true)(), heading: "A group")
        #expect(heads.contains("within about a centimetre") && heads.contains("within 20 mm"))
        let old = try GroupPage.html(try SampleGroup(hasCandidates: false)(), heading: "A group")
        #expect(old.contains("What chance would do is not known") && !old.contains("By chance: the number"))
    }

    @Test("Two hundred estimates make a page below 1 MB")
    func size() throws {
        let group = try SampleGroup(
            subjects: 50, conditions: ["a", "b", "c", "d"], others: 3, candidateCount: 500, permutations: 10)()
        let html = try GroupPage.html(group, heading: "A group")
        #expect(html.utf8.count < 1_000_000, "\(html.utf8.count) bytes")
    }

    @Test("The density shows every cluster three times, filled where chance does not make it")
    func density() throws {
        let group = try SampleGroup()()
        let document = try #require(SVGDocument(DensityFigure.svg(group)))
        let discs = document.elements.filter { $0.name == "circle" && $0.attributes["fill-opacity"] != nil }
        let drawn = group.pooled.clusters.prefix(DensityFigure.drawnClusters)
        #expect(discs.count == 3 * drawn.count)
        let hollow = discs.count { $0.attributes["fill"] == "#ffffff" }
        #expect(hollow == 3 * drawn.count { ($0.chance ?? 1) > 0.05 } && hollow < discs.count)
        let shaded = document.elements.filter { DensityFigure.shades.contains($0.attributes["fill"] ?? "") }
        // Of the largest density there is one view; of the smallest all three.
        #expect(shaded.contains { $0.attributes["fill"] == DensityFigure.shades.last })
        #expect(shaded.count { $0.attributes["fill"] == DensityFigure.shades.first } >= 3)
    }

    @Test("Tables have a row a cluster, and a row for each estimate and cluster")
    func tables() throws {
        let group = try SampleGroup(names: { "s\t\($0)" })()
        func cells(_ tsv: String) -> [[Substring]] {
            tsv.split(separator: "\n").map { $0.split(separator: "\t", omittingEmptySubsequences: false) }
        }
        let clusters = cells(GroupTables.clusters(group))
        let all = ([group.pooled] + group.conditions.map(\.clusters)).reduce(0) { $0 + $1.clusters.count }
        #expect(clusters.count == 1 + all && clusters.allSatisfy { $0.count == GroupTables.clusterColumns.count })
        #expect(clusters[1].prefix(4) == ["all conditions", "1", "12", "12"] && clusters[1][5] == "0.00497512")
        let amplitudes = cells(GroupTables.amplitudes(group))
        #expect(amplitudes.count == 1 + group.members.count * group.pooled.clusters.count)
        #expect(amplitudes.allSatisfy { $0.count == GroupTables.amplitudeColumns.count })
        let missing = amplitudes.filter { $0[3] == "0" }
        #expect(!missing.isEmpty && missing.allSatisfy { $0[4...] == ["0", "n/a", "n/a", "n/a", "n/a"] })
        let files = try GroupFiles.files(group, heading: "A group")
        #expect(files.map(\.name) == ["clusters.tsv", "amplitudes.tsv", "density.svg", "group.html"])
        #expect(files.allSatisfy { !$0.text.isEmpty })
    }
}
