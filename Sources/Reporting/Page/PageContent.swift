import SourceImaging

/// What a page shows: a Mustache template and the values that it names.
///
/// Templates are sections and unescaped variables, and lists, texts and flags are what they name; so every implementation of
/// Mustache makes the same bytes of them.
public struct PageContent: Sendable {
    /// The template.
    public let template: String
    /// What it names.
    package let value: any Encodable & Sendable

    init(template: [UInt8], _ value: any Encodable & Sendable) {
        self.template = Self.text(template).replacing(
            "{{> section}}\n", with: Self.text(PackageResources.section_mustache))
        self.value = value
    }

    /// What the template names as one line of JSON. What is left out there is not to be shown.
    ///
    /// - Throws: ``InputError`` where a value cannot be written.
    public func json() throws(InputError) -> String {
        do {
            return try JSON.text(value, isIndented: false)
        } catch {
            throw InputError("page", found: "a page that cannot be written as JSON: \(error)")
        }
    }

    /// What every page is set in.
    static var style: String { text(PackageResources.page_css) }

    /// What pages are set in that are sections below each other.
    static var sectionStyle: String { text(PackageResources.sections_css) }

    /// The text of a file that is compiled in.
    static func text(_ resource: [UInt8]) -> String { String(decoding: resource, as: UTF8.self) }
}
