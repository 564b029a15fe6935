/// A point of a drawing, px, y downwards. Not finite: the pen is lifted.
typealias Point = SIMD2<Double>

extension Point {
    /// Where the pen is lifted.
    static let gap = Point(.nan, .nan)

    /// Whether this is a place on the canvas.
    var isFinite: Bool { x.isFinite && y.isFinite }
}

/// How a line is drawn.
struct Stroke {
    var colour = Palette.ink
    var width = 1.0
    var opacity = 1.0
    /// Lengths of dashes and gaps; empty for a solid line.
    var dash: [Double] = []
}

/// How text is set.
struct TextStyle {
    enum Anchor: String {
        case start, middle, end
    }

    var size = 11.0
    var anchor = Anchor.start
    var bold = false
    var colour = Palette.ink
    /// Reads from bottom to top.
    var upwards = false

    static let legend = TextStyle(size: 12)
    static let note = TextStyle(size: 12, colour: Palette.quiet)
}

/// A piece of text, or of a subscript.
struct TextRun {
    let text: String
    let isSubscript: Bool

    static func plain(_ text: String) -> TextRun { TextRun(text: text, isSubscript: false) }
    static func sub(_ text: String) -> TextRun { TextRun(text: text, isSubscript: true) }
}

/// Writes one self-contained SVG 1.1 document: no scripts, no fonts or images from elsewhere.
///
/// Coordinates are rounded to 0.1 px and clamped to the canvas; what is not finite is not drawn. The same calls give the
/// same bytes.
struct SVGCanvas {
    let width: Double
    let height: Double
    private var bytes: [UInt8] = []

    /// An empty white canvas.
    ///
    /// - Parameters:
    ///   - title: what the figure shows, in a few words.
    ///   - description: what a person who cannot see the figure should know.
    init(width: Double, height: Double, title: String, description: String) {
        self.width = width.rounded()
        self.height = height.rounded()
        let size = "width=\"\(Int(self.width))\" height=\"\(Int(self.height))\""
        write("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
        write("<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" \(size) ")
        write("viewBox=\"0 0 \(Int(self.width)) \(Int(self.height))\" role=\"img\" ")
        write("font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n")
        write("<title>\(Self.escaped(title))</title>\n<desc>\(Self.escaped(description))</desc>\n")
        write("<rect x=\"0\" y=\"0\" \(size) fill=\"#ffffff\"/>\n")
    }

    /// The finished document.
    var document: String { String(decoding: bytes, as: UTF8.self) + "</svg>\n" }

    /// The figure of a document as it stands within HTML: without the declaration, which only a file of its own has.
    static func inline(_ document: String) -> String {
        document.split(separator: "?>\n", maxSplits: 1).last.map(String.init) ?? document
    }

    // MARK: Shapes

    mutating func line(_ from: Point, _ to: Point, _ stroke: Stroke) {
        guard from.isFinite, to.isFinite else { return }
        write("<line")
        attribute("x1", from.x, upTo: width)
        attribute("y1", from.y, upTo: height)
        attribute("x2", to.x, upTo: width)
        attribute("y2", to.y, upTo: height)
        write("\(Self.attributes(stroke))/>\n")
    }

    /// Lines through points; a gap starts a new piece, a single point becomes a dot.
    ///
    /// - Parameter grid: what coordinates are rounded to, tenths of a px.
    mutating func polylines(_ lines: [[Point]], _ stroke: Stroke, grid: Int = 1) {
        write("<g fill=\"none\"\(Self.attributes(stroke)) stroke-linejoin=\"round\" stroke-linecap=\"round\">\n")
        for line in lines where line.contains(where: \.isFinite) {
            write("<path d=\"")
            pathData(line, closed: false, grid: grid)
            write("\"/>\n")
        }
        write("</g>\n")
    }

    /// Level lines of one colour and height: each from its start to the right.
    ///
    /// - Parameters:
    ///   - runs: starts at the middle of the left edge, and lengths, px.
    ///   - height: px.
    mutating func runs(_ runs: [(start: Point, length: Double)], height: Double, colour: String) {
        guard !runs.isEmpty else { return }
        write("<path fill=\"none\"\(Self.attributes(Stroke(colour: colour, width: height))) d=\"")
        jumps(runs, grid: 1)
        write("\"/>\n")
    }

    /// A filled area within closed rings.
    mutating func area(_ rings: [[Point]], fill: String, opacity: Double = 1, _ stroke: Stroke) {
        guard rings.contains(where: { $0.contains(where: \.isFinite) }) else { return }
        write(
            "<path fill=\"\(fill)\"\(Self.fillOpacity(opacity))\(Self.attributes(stroke)) stroke-linejoin=\"round\" d=\""
        )
        for ring in rings { pathData(ring, closed: true) }
        write("\"/>\n")
    }

    mutating func rectangle(_ box: Box, fill: String, _ stroke: Stroke? = nil) {
        guard [box.left, box.top, box.right, box.bottom].allSatisfy(\.isFinite), box.right > box.left,
            box.bottom > box.top
        else { return }
        write("<rect")
        attribute("x", box.left, upTo: width)
        attribute("y", box.top, upTo: height)
        attribute("width", box.right - box.left, upTo: width)
        attribute("height", box.bottom - box.top, upTo: height)
        write(" fill=\"\(fill)\"\(stroke.map { Self.attributes($0) } ?? "")/>\n")
    }

    mutating func circle(_ centre: Point, radius: Double, fill: String, opacity: Double = 1, _ stroke: Stroke? = nil) {
        guard centre.isFinite, radius.isFinite, radius >= 0 else { return }
        write("<circle")
        attribute("cx", centre.x, upTo: width)
        attribute("cy", centre.y, upTo: height)
        attribute("r", radius, upTo: min(width, height))
        write(" fill=\"\(fill)\"\(Self.fillOpacity(opacity))\(stroke.map { Self.attributes($0) } ?? "")/>\n")
    }

    /// Dots of one colour and size, at whole pixels: there are many of them.
    mutating func dots(_ centres: [Point], diameter: Double, colour: String) {
        let finite = centres.filter(\.isFinite)
        guard !finite.isEmpty else { return }
        write(
            "<path fill=\"none\"\(Self.attributes(Stroke(colour: colour, width: diameter))) stroke-linecap=\"round\" d=\""
        )
        jumps(finite.map { ($0, 0) }, grid: 10)
        write("\"/>\n")
    }

    // MARK: Text

    /// Text whose baseline starts, is centred or ends at a point.
    mutating func text(_ text: String, at point: Point, _ style: TextStyle = TextStyle()) {
        self.text([.plain(text)], at: point, style)
    }

    /// Text with subscripts.
    mutating func text(_ runs: [TextRun], at point: Point, _ style: TextStyle = TextStyle()) {
        guard point.isFinite else { return }
        write("<text")
        attribute("x", point.x, upTo: width)
        attribute("y", point.y, upTo: height)
        write(" font-size=\"\(NumberText.significant(style.size, 3))\" fill=\"\(style.colour)\"")
        if style.anchor != .start { write(" text-anchor=\"\(style.anchor.rawValue)\"") }
        if style.bold { write(" font-weight=\"bold\"") }
        if style.upwards {
            write(" transform=\"rotate(-90 ")
            number(tenths(point.x, upTo: width))
            write(" ")
            number(tenths(point.y, upTo: height))
            write(")\"")
        }
        write(">")
        write(Self.markup(runs, size: style.size))
        write("</text>\n")
    }

    /// Text on a white rim that keeps it readable on lines.
    mutating func rimmedText(_ text: String, at point: Point, _ style: TextStyle) {
        rimmedText([.plain(text)], at: point, style)
    }

    /// Text with subscripts on a white rim, which is a copy behind the text: `paint-order` is not SVG 1.1.
    mutating func rimmedText(_ runs: [TextRun], at point: Point, _ style: TextStyle) {
        guard point.isFinite else { return }
        write("<g fill=\"none\" stroke=\"#ffffff\" stroke-width=\"3\" stroke-linejoin=\"round\">\n")
        var rim = style
        rim.colour = "#ffffff"
        self.text(runs, at: point, rim)
        write("</g>\n")
        self.text(runs, at: point, style)
    }

    private static func markup(_ runs: [TextRun], size: Double) -> String {
        var result = ""
        var lowered = false
        let drop = NumberText.fixed(size * 0.25, 1)
        for run in runs {
            let smaller = run.isSubscript ? " font-size=\"\(NumberText.fixed(size * 0.75, 1))\"" : ""
            if run.isSubscript == lowered && !lowered {
                result += escaped(run.text)
            } else {
                let shift = run.isSubscript == lowered ? "" : " dy=\"\(run.isSubscript ? "" : "-")\(drop)\""
                result += "<tspan\(shift)\(smaller)>\(escaped(run.text))</tspan>"
            }
            lowered = run.isSubscript
        }
        return result
    }

    /// Text that can stand in XML 1.0: markup escaped, characters that XML forbids and line breaks replaced by spaces.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{FFFE}", "\u{FFFF}": result += " "
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    // MARK: Bytes

    private mutating func write(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private static func attributes(_ stroke: Stroke) -> String {
        var result = " stroke=\"\(stroke.colour)\" stroke-width=\"\(NumberText.significant(stroke.width, 3))\""
        if stroke.opacity < 1 { result += " stroke-opacity=\"\(NumberText.significant(stroke.opacity, 3))\"" }
        if !stroke.dash.isEmpty {
            result +=
                " stroke-dasharray=\"\(stroke.dash.map { NumberText.significant($0, 3) }.joined(separator: ","))\""
        }
        return result
    }

    private static func fillOpacity(_ opacity: Double) -> String {
        opacity < 1 ? " fill-opacity=\"\(NumberText.significant(opacity, 3))\"" : ""
    }

    private mutating func attribute(_ name: String, _ value: Double, upTo limit: Double) {
        write(" \(name)=\"")
        number(tenths(value, upTo: limit))
        write("\"")
    }

    /// A finite coordinate in units of 0.1 px, clamped to the canvas.
    private func tenths(_ value: Double, upTo limit: Double) -> Int {
        Int((min(max(value, 0), limit) * 10).rounded())
    }

    /// The nearest multiple of a grid.
    private func rounded(_ value: Int, to grid: Int) -> Int { (value + grid / 2) / grid * grid }

    /// Tenths as a decimal number in the fewest bytes: 123 → 12.3, 120 → 12, −3 → −.3.
    private mutating func number(_ tenths: Int) {
        if tenths < 0 { bytes.append(UInt8(ascii: "-")) }
        let size = tenths.magnitude
        if size >= 10 || size == 0 { write(String(size / 10)) }
        if size % 10 != 0 {
            bytes.append(UInt8(ascii: "."))
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: size % 10))
        }
    }

    /// Level lines, the pen moved from each to the next by relative steps.
    private mutating func jumps(_ runs: [(start: Point, length: Double)], grid: Int) {
        var pen: (x: Int, y: Int)?
        for run in runs {
            let (x, y) = (
                rounded(tenths(run.start.x, upTo: width), to: grid),
                rounded(tenths(run.start.y, upTo: height), to: grid)
            )
            let end = tenths(run.start.x + run.length, upTo: width)
            let (penX, penY) = pen ?? (0, 0)
            write(pen == nil ? "M" : "m")
            number(x - penX)
            if y >= penY { bytes.append(UInt8(ascii: " ")) }
            number(y - penY)
            let length = run.length > 0 ? end - x : 0
            write("h")
            number(length)
            pen = (x + length, y)
        }
    }

    /// Moves and lines with relative steps, a third of the bytes that absolute ones take. The pen's place is kept in
    /// integers, so steps do not drift.
    private mutating func pathData(_ points: [Point], closed: Bool, grid: Int = 1) {
        var pen: (x: Int, y: Int)?
        var isDot = false
        for point in points {
            guard point.isFinite else {
                if isDot { write("h0") }
                (pen, isDot) = (nil, false)
                continue
            }
            let (x, y) = (
                rounded(tenths(point.x, upTo: width), to: grid), rounded(tenths(point.y, upTo: height), to: grid)
            )
            if let (penX, penY) = pen {
                guard x != penX || y != penY else { continue }
                // The letter only where the command changes; a minus sign separates by itself.
                if isDot { write("l") }
                if !isDot, x >= penX { bytes.append(UInt8(ascii: " ")) }
                number(x - penX)
                if y >= penY { bytes.append(UInt8(ascii: " ")) }
                number(y - penY)
                isDot = false
            } else {
                write("M")
                number(x)
                bytes.append(UInt8(ascii: " "))
                number(y)
                isDot = true
            }
            pen = (x, y)
        }
        if isDot { write("h0") }
        if closed, pen != nil { write("z") }
    }
}
