import Foundation
import Pages
import TestSupport
import Testing

@testable import Reporting
@testable import SourceImaging

@Suite("What pages are made of")
struct PageContentTests {
    /// Every sign that an implementation of Mustache might escape in its own way, alone and with an accent on it.
    private static let signs = #"<b>'&"`=/{{x}}</b> "# + "\"\u{301}'\u{301}<\u{338}&\u{301}"

    /// Pages that together show all that templates have.
    private static func contents() throws -> [PageContent] {
        var rich = try SampleEstimate(
            subject: signs, condition: signs, warnings: [signs], repeats: 5, noiseStretches: 3, regionRadius: 0.015)()
        rich.candidates = try SourceSpace(positions: SampleEstimate().candidates, frame: .head)
        let data = try #require(rich.sensorData)
        rich.sensorData = SensorData(
            sensors: try Sensors(
                names: data.sensors.names, kinds: data.sensors.kinds,
                locations: Helmet.locations(of: data.sensors.kinds)),
            measured: data.measured, explained: data.explained)
        rich.preparation.checks = HealthCheck.Mark.allCases.map {
            HealthCheck(name: "\($0) \(signs)", mark: $0, finding: signs, advice: $0 == .ok ? "" : signs)
        }
        rich.settings = [Setting("--window", signs)]
        var bare = try SampleEstimate(sourceCount: 0)()
        bare.sensorData = nil
        bare.settings = []
        let entries = [
            SubjectPage.Entry(name: signs, estimate: rich, links: [(signs, "a%20b'"), ("figures", "sources.svg")]),
            SubjectPage.Entry(
                name: "",
                estimate: try FigureCase.inTimeAndFrequency(try SampleEstimate(orientations: 3, repeats: 3)())),
            SubjectPage.Entry(name: "none", estimate: bare),
        ]
        let subjects = [
            try SubjectPage.content(
                entries, heading: signs,
                options: .init(niivue: "'</script>' + \"<!--\"", failures: [(signs, signs), ("c", "no epochs")])),
            try SubjectPage.content([entries[1]], heading: "sub-01", options: .init(niivue: "")),
            try SubjectPage.content([], heading: "sub-02", options: .init(failures: [("a", "no covariance")])),
        ]
        let groups = try GroupPageTests.cases.map { try $0() } + [SampleGroup(names: { signs + "\($0)" })()]
        return subjects
            + groups.map { group in
                let pages = [group.members.first?.key, group.members.last?.key].compactMap { $0 }
                return GroupPage.content(
                    group, heading: signs, pages: Dictionary(pages.map { ($0, signs) }) { first, _ in first },
                    failures: [(signs, signs)], skipped: [(signs, signs)], sections: [section(signs)])
            } + groups.prefix(1).map { GroupPage.content($0, heading: "A group") }
    }

    private static func section(_ signs: String) -> PageSection {
        var section = PageSection(id: "any", title: signs, paragraphs: [signs, "two"])
        section.warnings = [signs]
        section.figures = ["<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>"]
        section.tables = [
            PageSection.Table(
                title: signs, columns: [.init(signs, isNumber: false), .init("b")],
                rows: [[.init(signs, link: signs, isMarked: true), "1"], ["c", .init(signs)]])
        ]
        section.notes = [signs]
        return section
    }

    @Test(
        "pystache makes the same bytes of the JSON of a page, and pages show all that templates name",
        .enabled(if: PythonEnvironment.isPresent, Comment(rawValue: PythonEnvironment.absence)))
    func elsewhere() throws {
        let folder = try TemporaryFolder()
        let contents = try Self.contents()
        for (number, content) in contents.enumerated() {
            try folder.write("\(number).mustache", content.template.utf8)
            try folder.write("\(number).json", try content.json().utf8)
        }
        let said = try PythonEnvironment.run(
            """
            import json, pathlib, re
            import pystache

            renderer = pystache.Renderer()
            named, known = set(), {"."}

            def walk(value):
                if isinstance(value, dict):
                    known.update(value)
                for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
                    walk(part)

            for path in pathlib.Path(".").glob("*.mustache"):
                template = path.read_bytes().decode()
                value = json.loads(path.with_suffix(".json").read_bytes())
                path.with_suffix(".html").write_bytes(renderer.render(template, value).encode())
                tags = re.findall(r"{{+([#^/]?)([^}]*)}}+", template)
                assert len(re.findall(r"(?<!{){{[^{#^/]", template)) == 0, "a tag that escapes"
                named.update(name for _, name in tags)
                walk(value)
            print(*sorted(named - known))
            """, in: folder.path)
        #expect(said == "\n", "named, but in no page")
        for (number, content) in contents.enumerated() {
            let bytes = Array(try content.html().utf8)
            #expect(bytes.count > 5000)
            #expect(try folder.read("\(number).html") == bytes, "page \(number)")
        }
    }

    @Test("A text is escaped sign by sign and stands on one line; HTML and figures stand as they are")
    func markup() throws {
        #expect(Markup("a\n\"\u{301}<'&>").description == "a &quot;\u{301}&lt;&#39;&amp;&gt;")
        #expect(Markup(html: "<b>").description == "<b>")
        #expect(Markup(figure: "<?xml version=\"1.0\"?>\n<svg></svg>\n").description == "<svg></svg>\n")
        #expect(try JSON.text(["a": Markup("'")], isIndented: false) == "{\"a\":\"&#39;\"}")
    }
}
