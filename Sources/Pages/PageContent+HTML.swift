import Mustache
import Reporting
import SourceImaging

extension PageContent {
    /// The page: an HTML document.
    ///
    /// - Throws: ``InputError`` where the template is no Mustache.
    public func html() throws(InputError) -> String {
        do {
            return try MustacheTemplate(string: template).render(value)
        } catch {
            throw InputError("page", found: "a template that cannot be read: \(error)")
        }
    }
}

extension SubjectPage {
    /// One page for all conditions of a subject, an HTML document; see ``content(_:heading:options:)``.
    public static func html(
        _ entries: [Entry], heading: String, options: Options = Options()
    ) throws(InputError) -> String {
        try content(entries, heading: heading, options: options).html()
    }
}

extension GroupPage {
    /// One HTML document that needs nothing else; see ``content(_:heading:pages:failures:skipped:sections:)``.
    ///
    /// - Throws: ``InputError`` where the template is no Mustache.
    public static func html(
        _ group: GroupResult, heading: String, pages: [String: String] = [:],
        failures: [(name: String, reason: String)] = [], skipped: [(name: String, reason: String)] = [],
        sections: [PageSection] = []
    ) throws(InputError) -> String {
        try content(
            group, heading: heading, pages: pages, failures: failures, skipped: skipped, sections: sections
        ).html()
    }
}
