/// HTML as it stands in a page.
///
/// Templates name it without escaping: implementations of Mustache differ in what they escape a character into, and some
/// miss one that has an accent on it. What is text is escaped here, scalar by scalar.
struct Markup: Sendable, Equatable, Encodable, CustomStringConvertible {
    /// The HTML.
    let description: String

    /// A text, on one line.
    init(_ text: String) { description = SVGCanvas.escaped(text.onOneLine) }

    /// What is HTML already.
    init(html: String) { description = html }

    /// The figure of an SVG document.
    init(figure: String) { description = SVGCanvas.inline(figure) }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
