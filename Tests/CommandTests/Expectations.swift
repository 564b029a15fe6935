import Foundation
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// Expects that the program refused its input: exit code 2, nothing on standard output, one line on standard error that
/// names what is wrong.
func expectRefusal(
    _ outcome: Program.Outcome, naming parts: [String], sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(outcome.status == 2, "\(outcome.errors)", sourceLocation: sourceLocation)
    #expect(outcome.output.isEmpty, sourceLocation: sourceLocation)
    #expect(outcome.errorLines.count == 1, "\(outcome.errors)", sourceLocation: sourceLocation)
    #expect(outcome.errors.hasPrefix("foci: ") && outcome.errors.hasSuffix("\n"), sourceLocation: sourceLocation)
    for part in parts {
        #expect(outcome.errors.contains(part), "'\(part)' in: \(outcome.errors)", sourceLocation: sourceLocation)
    }
}

/// Expects that the program was content: exit code 0 and nothing on standard error.
func expectSuccess(_ outcome: Program.Outcome, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(outcome.status == 0, "\(outcome.errors)", sourceLocation: sourceLocation)
    #expect(outcome.errors == "", sourceLocation: sourceLocation)
}

/// Names of the elements of an XML text in document order; nil unless it is well-formed.
func xmlElements(_ text: String) -> [String]? {
    final class Collector: NSObject, XMLParserDelegate {
        var names: [String] = []

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            names.append(name)
        }
    }
    let collector = Collector()
    let parser = XMLParser(data: Data(text.utf8))
    parser.delegate = collector
    return parser.parse() ? collector.names : nil
}
