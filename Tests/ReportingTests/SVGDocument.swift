import Foundation

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// A figure read back by an XML parser.
struct SVGDocument {
    struct Element {
        let name: String
        let attributes: [String: String]
        var text = ""
    }

    /// Elements in document order.
    let elements: [Element]

    /// Nil when the text is not well-formed XML.
    init?(_ svg: String) {
        let collector = Collector()
        let parser = XMLParser(data: Data(svg.utf8))
        parser.delegate = collector
        guard parser.parse() else { return nil }
        elements = collector.elements
    }

    var viewBox: (width: Double, height: Double)? {
        let numbers = elements.first?.attributes["viewBox"]?.split(separator: " ").compactMap { Double($0) } ?? []
        return numbers.count == 4 ? (numbers[2], numbers[3]) : nil
    }

    /// What a reader sees, titles included.
    var text: [String] { elements.map(\.text).filter { !$0.isEmpty } }

    /// The pen's places along all paths, absolute.
    var pathPoints: [[SIMD2<Double>]?] {
        elements.filter { $0.name == "path" }.map { Self.points($0.attributes["d"] ?? "") }
    }

    /// Every coordinate that stands in an attribute or a path; nil in it where one is not a number.
    var coordinates: (x: [Double?], y: [Double?]) {
        var (x, y): ([Double?], [Double?]) = ([], [])
        for element in elements where element.name != "svg" {
            for name in ["x", "x1", "x2", "cx"] { element.attributes[name].map { x.append(Double($0)) } }
            for name in ["y", "y1", "y2", "cy"] { element.attributes[name].map { y.append(Double($0)) } }
        }
        for path in pathPoints {
            guard let path else { return ([nil], [nil]) }
            x += path.map(\.x)
            y += path.map(\.y)
        }
        return (x, y)
    }

    /// The points of path data made of M, m, l, h and z; nil when it holds anything else.
    private static func points(_ data: String) -> [SIMD2<Double>]? {
        var points: [SIMD2<Double>] = []
        var command: Character = " "
        var numbers: [Double] = []
        var token = ""
        func close() -> Bool {
            if !token.isEmpty {
                guard let value = Double(token.replacingOccurrences(of: "-.", with: "-0.")) else { return false }
                numbers.append(value)
                token = ""
            }
            return true
        }
        func take() -> Bool {
            switch (command, numbers.count) {
            case ("M", 2): points.append(SIMD2(numbers[0], numbers[1]))
            case ("l", 2), ("m", 2): points.append((points.last ?? .zero) + SIMD2(numbers[0], numbers[1]))
            case ("h", 1): points.append((points.last ?? .zero) + SIMD2(numbers[0], 0))
            default: return false
            }
            numbers = []
            return true
        }
        for character in data {
            switch character {
            case "M", "m", "l", "h", "z":
                guard close(), numbers.isEmpty || take() else { return nil }
                command = character
            case " ", "-":
                guard close() else { return nil }
                if numbers.count == 2, !take() { return nil }
                if character == "-" { token = "-" }
            case "0"..."9", ".": token.append(character)
            default: return nil
            }
        }
        guard close(), numbers.isEmpty || take() else { return nil }
        return points
    }

    private final class Collector: NSObject, XMLParserDelegate {
        var elements: [Element] = []
        private var open: [Int] = []

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            open.append(elements.count)
            elements.append(Element(name: name, attributes: attributes))
        }

        func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
            open.removeLast()
        }

        func parser(_ parser: XMLParser, foundCharacters string: String) {
            // A subscript belongs to the line of text that it stands in.
            guard let place = open.last(where: { elements[$0].name != "tspan" }) else { return }
            elements[place].text += string.trimmingCharacters(in: .newlines)
        }
    }
}
