import Mustache
import SourceImaging

/// The templates of pages, and the style that they share.
enum PageTemplate {
    /// What every page is set in.
    static var style: String { text(PackageResources.page_css) }

    /// A page from its template and what that names.
    ///
    /// - Throws: ``InputError`` where the template is no Mustache.
    static func render(_ template: [UInt8], _ content: Any) throws(InputError) -> String {
        do {
            return try MustacheTemplate(string: text(template)).render(content)
        } catch {
            throw InputError("page", found: "a template that cannot be read: \(error)")
        }
    }

    /// The text of a file that is compiled in.
    static func text(_ resource: [UInt8]) -> String { String(decoding: resource, as: UTF8.self) }
}
