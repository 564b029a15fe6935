import ArgumentParser
import Foci
import Foundation

/// `foci report`: estimates of one subject as a page for a browser.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Show results as a page for a browser.",
        discussion: """
            One HTML file that needs nothing beside it: the brain to turn, figures,
            the table of sources, the checklist and the certificate. Several files
            become sections of one page, in the order given.

            EXAMPLES
              foci report result/estimate.h5
                  Write result/report.html.
              foci report left/estimate.h5 right/estimate.h5 --output sub-01.html
                  Two conditions on one page.
            """)

    @Argument(help: ArgumentHelp("Results of 'foci localize'.", valueName: "estimate"))
    var estimates: [String]

    @Option(
        help: ArgumentHelp(
            "The page to write; must not exist. (default: report.html beside the first result)", valueName: "page"))
    var output: String?

    @Option(
        help: ArgumentHelp(
            "The NiiVue library (niivue.umd.js), to have the brain drawn by it, too.", valueName: "file"))
    var niivue: String?

    @Flag(help: "Replace a page that exists.")
    var force = false

    mutating func run() throws {
        let page = output ?? (Self.folder(of: estimates[0]) + "report.html")
        guard force || !FileManager.default.fileExists(atPath: page) else {
            throw InputError(
                page, found: "a file that exists", expected: "a new one",
                advice: "choose another name, or replace it with --force")
        }
        var entries: [SubjectPage.Entry] = []
        for path in estimates {
            let estimate = try FileFormats.open(path).estimate(ReadingOptions())
            entries.append(
                .init(
                    name: estimate.condition.isEmpty ? path : estimate.condition, estimate: estimate,
                    links: Self.links(beside: path, from: page)))
        }
        let subjects = Set(entries.map(\.estimate.subject))
        let subject = subjects.count == 1 ? subjects.first ?? "" : subjects.sorted().joined(separator: ", ")
        let html = try SubjectPage.html(
            entries, heading: subject.isEmpty ? "Sources" : subject,
            options: .init(niivue: try niivue.map(Self.script)))
        try AtomicFile.write(Array(html.utf8), to: page)
        try Terminal.result(page)
    }

    /// The text of a script.
    private static func script(_ path: String) throws(InputError) -> String {
        guard let data = FileManager.default.contents(atPath: path), let text = String(data: data, encoding: .utf8)
        else {
            throw InputError(path, found: "no file that can be read as text", expected: "niivue.umd.js")
        }
        return text
    }

    /// The folder of a path with a slash at its end; empty where the path has none.
    private static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    }

    /// Files that `foci localize` writes, and what each is.
    private static let files = [
        ("estimate.h5", "the whole result, HDF5"), ("sources.tsv", "table of sources"),
        ("regions.tsv", "candidates of each source's region"), ("selection.tsv", "every λ that was tried"),
        ("stability.tsv", "what repeats found"), ("sources.svg", "figure: sources in the brain"),
        ("timecourses.svg", "figure: time courses"),
        ("spectrograms.svg", "figure: sources in time and frequency"), ("sensors.svg", "figure: sensors"),
        ("selection.svg", "figure: choice of λ"), ("stability.svg", "figure: stability"),
    ]

    /// The result itself and what lies beside it, relative to the page.
    private static func links(beside path: String, from page: String) -> [(title: String, target: String)] {
        let place = folder(of: path)
        let name = String(path.dropFirst(place.count))
        let known = files.contains { $0.0 == name } ? files : [(name, "the whole result")] + files.dropFirst()
        return known.compactMap { file, meaning in
            guard FileManager.default.fileExists(atPath: place + file) else { return nil }
            return ("\(file): \(meaning)", relative(place + file, to: page))
        }
    }

    /// How a page names a file: relative, percent-encoded.
    private static func relative(_ path: String, to page: String) -> String {
        let target = URL(fileURLWithPath: path).standardizedFileURL.pathComponents
        let base = URL(fileURLWithPath: page).standardizedFileURL.deletingLastPathComponent().pathComponents
        let common = zip(target, base).prefix { $0 == $1 }.count
        let steps = [String](repeating: "..", count: base.count - common) + target.dropFirst(common)
        // Without the colon, which would make the first step a scheme.
        let allowed = CharacterSet.urlPathAllowed.subtracting(CharacterSet(charactersIn: ":;"))
        return steps.map { $0.addingPercentEncoding(withAllowedCharacters: allowed) ?? $0 }.joined(separator: "/")
    }
}
