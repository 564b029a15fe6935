import Foci
import Foundation
import TestSupport
import Testing

/// Two closed half balls of triangles, as candidate sources in the head frame.
private func cortex(rings: Int, columns: Int) throws -> SourceSpace {
    var (positions, hemispheres, triangles) = ([SIMD3<Double>](), [Hemisphere](), [SIMD3<Int32>]())
    for side in [-1.0, 1] {
        let first = Int32(positions.count)
        for ring in 0...rings {
            for column in 0..<columns {
                let (polar, turn) = (
                    Double.pi * Double(ring) / Double(rings), 2 * Double.pi * Double(column) / Double(columns)
                )
                positions.append(
                    SIMD3(
                        side * 0.035 + 0.03 * sin(polar) * cos(turn), 0.07 * sin(polar) * sin(turn),
                        0.05 + 0.05 * cos(polar)))
                hemispheres.append(side < 0 ? .left : .right)
            }
        }
        func corner(_ ring: Int, _ column: Int) -> Int32 { first + Int32(ring * columns + column % columns) }
        for ring in 0..<rings {
            for column in 0..<columns {
                let (a, b) = (corner(ring, column), corner(ring, column + 1))
                let (c, d) = (corner(ring + 1, column), corner(ring + 1, column + 1))
                triangles += [SIMD3(a, c, b), SIMD3(b, c, d)]
            }
        }
    }
    var space = try SourceSpace(positions: positions, hemispheres: hemispheres, frame: .head)
    space.triangles = triangles
    return space
}

@Suite("The page of a subject")
struct PageTests {
    private static let estimate = Result {
        let data = try Sample.simulated.get()
        var settings = LocalizationSettings()
        settings.preparation.window = 0.05...0.15
        var estimate = try Localization(settings).run(
            recording: data.recording, forward: data.forward, covariance: data.covariance)
        estimate.candidates = try cortex(rings: 70, columns: 70)
        return estimate
    }

    /// The page of two conditions, in a folder of its own.
    private static func page(in folder: TemporaryFolder) throws -> String {
        let estimate = try estimate.get()
        let html = try SubjectPage.html(
            [
                .init(name: "left", estimate: estimate, links: [("the result", "estimate.h5")]),
                .init(name: "right", estimate: estimate),
            ], heading: "sub-01")
        return try folder.write("page.html", Array(html.utf8))
    }

    @Test("is drawn by a browser without a message, and turns by keys", .enabled(if: Browser.isPresent))
    func drawn() throws {
        let folder = try TemporaryFolder()
        let path = try Self.page(in: folder)
        let script = """
            <script>
            addEventListener("load", () => {
              const canvas = document.querySelector(".brain canvas");
              const press = (key) => canvas.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
              const note = (name) => { document.body.dataset[name] = canvas.dataset.angle; };
              note("before");
              press("ArrowLeft");
              press("ArrowUp");
              note("after");
              document.querySelector("tr[data-source='1'] button").click();
              document.querySelector("[data-view='left']").click();
              note("left");
            });
            </script>
            """
        let html = String(decoding: try folder.read("page.html"), as: UTF8.self)
        let copy = try folder.write(
            "copy.html", Array(html.replacingOccurrences(of: "</body>", with: script + "</body>").utf8))
        let visit = try Browser.visit(copy, in: folder.path)
        #expect(visit.messages == [])
        #expect(visit.document.components(separatedBy: "data-state=\"drawn\"").count == 3)
        #expect(visit.document.components(separatedBy: "class=\"selected\"").count == 2)
        func noted(_ name: String) throws -> [Int] {
            let found = try #require(visit.document.firstMatch(of: try Regex("data-\(name)=\"([-0-9 ]+)\"")))
            return try #require(found.output[1].substring).split(separator: " ").compactMap { Int($0) }
        }
        let (before, after) = (try noted("before"), try noted("after"))
        try #require(before.count == 2 && after.count == 2)
        #expect(after[0] - before[0] == 10 && after[1] - before[1] == -10)
        // At once, since the browser of tests asks for reduced motion.
        let left = try noted("left")
        #expect(left == [-90, 0])
        #expect(path.hasSuffix("page.html"))
    }

    @Test("holds every figure, below a megabyte, and prints", .enabled(if: Browser.isPresent))
    func printed() throws {
        let folder = try TemporaryFolder()
        let path = try Self.page(in: folder)
        let html = String(decoding: try folder.read("page.html"), as: UTF8.self)
        #expect(html.utf8.count < 1_000_000)
        for figure in ["glass-brain", "time-courses", "topography", "butterfly", "selection"] {
            #expect(html.components(separatedBy: "<figure data-figure=\"\(figure)\">").count == 3, "\(figure)")
        }
        let pdf = try Browser.pdf(path, in: folder.path)
        #expect(pdf.starts(with: Array("%PDF".utf8)) && pdf.count > 50_000)
    }

    @Test("is written by 'foci report' beside the result, with links, and replaced only with --force")
    func command() throws {
        let workspace = try Workspace()
        expectSuccess(try workspace.localize("--window", "0.05", "0.15", "--quiet"))
        let first = try workspace.foci("report", "result/estimate.h5")
        expectSuccess(first)
        #expect(first.output == "result/report.html\n")
        let page = try workspace.text("result/report.html")
        #expect(page.hasPrefix("<!DOCTYPE html>") && page.contains("href=\"sources.tsv\""))
        expectRefusal(
            try workspace.foci("report", "result/estimate.h5"), naming: ["result/report.html", "exists", "--force"])
        expectSuccess(try workspace.foci("report", "result/estimate.h5", "--force"))
        #expect(try workspace.text("result/report.html") == page)
        expectSuccess(
            try workspace.foci("report", "result/estimate.h5", "result/estimate.h5", "--output", "two pages.html"))
        let two = try workspace.text("two pages.html")
        #expect(two.contains("href=\"result/sources.tsv\"") && two.contains("id=\"condition-2\""))
        expectRefusal(
            try workspace.foci("report", "forward.h5", "--output", "x.html"), naming: ["forward.h5"])
    }
}
