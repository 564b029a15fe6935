import CFoci
import Reporting
import Requests

/// What a page may be told.
let pageOptions: [(name: String, help: String)] = [
    ("heading", "text: what the page is of"), ("names", "texts: one a result; their conditions unless given"),
]

/// `foci_page` as `foci.h` documents it.
@c @implementation
public func foci_page(
    _ results: UnsafePointer<OpaquePointer?>?, _ count: Int64, _ options: OpaquePointer?,
    _ page: UnsafeMutablePointer<OpaquePointer?>?
) -> foci_status {
    attempt {
        let target = try target(page)
        guard let results, (1...10_000).contains(count) else {
            throw InputError("page", found: "\(count) results", expected: "1 to 10000, and their address")
        }
        let values = options == nil ? Values() : try object(Values.self, options, "options")
        try values.check("page", pageOptions)
        let names = try values.texts("names")
        guard names.map({ $0.count == Int(count) }) ?? true else {
            throw InputError("names", found: "\(names?.count ?? 0)", expected: "\(count), one a result")
        }
        let entries = try (0..<Int(count)).map { place in
            guard let estimate = try object(Answer.self, results[place], "results").estimate else {
                throw InputError("results", found: "one that is no localization", expected: "results of foci_localize")
            }
            return SubjectPage.Entry(name: names?[place] ?? estimate.condition, estimate: estimate)
        }
        let heading = try values.text("heading") ?? entries[0].estimate.subject
        let content = try SubjectPage.content(entries, heading: heading.isEmpty ? "Sources" : heading)
        var parts = Answer.Parts()
        parts.texts = ["json": { try content.json() }, "template": { content.template }]
        target.pointee = handle(Answer(parts))
    }
}
