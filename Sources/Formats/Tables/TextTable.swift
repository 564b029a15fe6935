import HDF5
import SourceImaging

/// A table of text: a line of column names, and rows with a cell for each.
///
/// Cells are separated by tabs, commas or semicolons, whichever the first line has most of (tabs before all others); a cell may
/// stand in double quotes, which may then hold separators and line breaks, and double quotes as two. Spaces around cells do
/// not count, nor do empty lines. A row with more or fewer cells than columns is an error: what is read is never shifted.
public struct TextTable: Sendable, Equatable {
    /// What separates cells.
    public enum Separator: Sendable, CaseIterable {
        case tab, semicolon, comma

        /// The character.
        public var byte: UInt8 {
            switch self {
            case .tab: UInt8(ascii: "\t")
            case .semicolon: UInt8(ascii: ";")
            case .comma: UInt8(ascii: ",")
            }
        }

        var name: String {
            switch self {
            case .tab: "tabs"
            case .semicolon: "semicolons"
            case .comma: "commas"
            }
        }
    }

    /// Names of the columns, each once; what has no name is empty.
    public let header: [String]
    /// The cells of each column, from the first row to the last.
    public let columns: [[String]]
    /// The line of the text that each row begins in, from 1; the header has its own.
    public let lines: [Int]
    /// What separates cells.
    public let separator: Separator

    /// Bytes beyond which a file is refused.
    private static let mostBytes = 1 << 29

    /// Number of rows below the header.
    public var rowCount: Int { lines.count }

    /// The cells of a row.
    public func row(_ index: Int) -> [String] { columns.map { $0[index] } }

    /// Whether a cell says that nothing is known: it is empty, or `n/a` as in BIDS, or `NA`, `N/A` or `NaN`.
    public static func isMissing(_ cell: String) -> Bool {
        cell.utf8.count <= 3 && ["", "n/a", "N/A", "NA", "NaN", "nan"].contains(cell)
    }

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: of a text file in UTF-8, with or without a byte order mark.
    ///   - separator: what separates cells; told by the first line where nil.
    /// - Throws: ``InputError`` that names the file, and the line where a line is wrong.
    /// - Complexity: O(bytes).
    public static func read(_ path: String, separator: Separator? = nil) throws(InputError) -> TextTable {
        let input = try reading(InputFile(path))
        return try within(path) { () throws(InputError) in
            guard input.byteCount <= mostBytes else {
                throw InputError("", found: "\(input.byteCount) bytes", expected: "a table of at most \(mostBytes)")
            }
            let source = ByteSource(input)
            return try TextTable(source.read(source.count, at: 0), separator: separator)
        }
    }

    /// Reads text.
    ///
    /// - Parameters:
    ///   - bytes: in UTF-8.
    ///   - separator: what separates cells; told by the first line where nil.
    /// - Throws: ``InputError`` whose place is empty, or the line where a line is wrong.
    public init(_ bytes: [UInt8], separator: Separator? = nil) throws(InputError) {
        var lines = TextLines(try Self.text(bytes), separator: .tab)
        self.separator = separator ?? lines.likelySeparator()
        lines.separator = self.separator.byte
        guard let header = try lines.next() else {
            throw InputError("", found: "no line of text", expected: "a line of column names, and rows below it")
        }
        try Self.check(header, in: lines.start)
        var columns = [[String]](repeating: [], count: header.count)
        var numbers: [Int] = []
        while let cells = try lines.next() {
            guard cells.count == header.count else {
                throw InputError(
                    "line \(lines.start)", found: cells.count == 1 ? "1 cell" : "\(cells.count) cells",
                    expected: "\(header.count), one a column, with \(self.separator.name) between")
            }
            numbers.append(lines.start)
            for (place, cell) in cells.enumerated() { columns[place].append(cell) }
        }
        self.header = header
        self.columns = columns
        self.lines = numbers
    }

    /// The bytes without a byte order mark, if they are text in UTF-8.
    private static func text(_ bytes: [UInt8]) throws(InputError) -> ArraySlice<UInt8> {
        let expected = "a table of text in UTF-8"
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw InputError("", found: "text in UTF-16", expected: expected, advice: "save it as UTF-8")
        }
        if bytes.starts(with: [0x50, 0x4B, 3, 4]) {
            throw InputError(
                "", found: "a spreadsheet or another zipped file", expected: expected,
                advice: "save it as CSV or as text with tabs")
        }
        guard !bytes.contains(0), String(validating: bytes, as: UTF8.self) != nil else {
            throw InputError("", found: "bytes that are no text in UTF-8", expected: expected)
        }
        return bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
    }

    private static func check(_ header: [String], in line: Int) throws(InputError) {
        var places: [String: Int] = [:]
        for (place, name) in header.enumerated() where !name.isEmpty {
            if let other = places.updateValue(place, forKey: name) {
                throw InputError(
                    "line \(line)", found: "column '\(name)' twice, as \(other + 1) and as \(place + 1)",
                    expected: "each name once")
            }
        }
    }
}

/// Cells of text, line by line.
private struct TextLines {
    private let bytes: ArraySlice<UInt8>
    private var place: Int
    private var line = 1
    var separator: UInt8
    /// The line that the last cells began in.
    private(set) var start = 1

    private static let (quote, newline, carriage) = (UInt8(ascii: "\""), UInt8(ascii: "\n"), UInt8(ascii: "\r"))

    init(_ bytes: ArraySlice<UInt8>, separator: TextTable.Separator) {
        self.bytes = bytes
        self.separator = separator.byte
        place = bytes.startIndex
    }

    /// Tabs if the first line has one outside of quotes, else semicolons or commas, whichever are more.
    func likelySeparator() -> TextTable.Separator {
        var counts: [UInt8: Int] = [:]
        var (isQuoted, hasText) = (false, false)
        for byte in bytes {
            if byte == Self.quote { isQuoted.toggle() }
            if !isQuoted, byte == Self.newline || byte == Self.carriage {
                if hasText { break }
                counts = [:]
                continue
            }
            if byte != UInt8(ascii: " "), byte != UInt8(ascii: "\t") { hasText = true }
            if !isQuoted { counts[byte, default: 0] += 1 }
        }
        func count(_ separator: TextTable.Separator) -> Int { counts[separator.byte] ?? 0 }
        if count(.tab) > 0 { return .tab }
        return count(.semicolon) > count(.comma) ? .semicolon : .comma
    }

    /// The cells of the next line that is not empty; nil at the end.
    mutating func next() throws(InputError) -> [String]? {
        while place < bytes.endIndex {
            start = line
            let cells = try self.cells()
            if cells.count > 1 || cells.first?.isEmpty == false { return cells }
        }
        return nil
    }

    private mutating func cells() throws(InputError) -> [String] {
        var cells: [String] = []
        while true {
            skipBlanks()
            let isQuoted = place < bytes.endIndex && bytes[place] == Self.quote
            cells.append(isQuoted ? try quoted() : plain())
            guard place < bytes.endIndex else { return cells }
            let byte = bytes[place]
            place += 1
            if byte == separator { continue }
            if byte == Self.carriage, place < bytes.endIndex, bytes[place] == Self.newline { place += 1 }
            line += 1
            return cells
        }
    }

    private func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || (byte == UInt8(ascii: "\t") && separator != byte)
    }

    private mutating func skipBlanks() {
        while place < bytes.endIndex, isBlank(bytes[place]) { place += 1 }
    }

    private func endsCell(_ byte: UInt8) -> Bool {
        byte == separator || byte == Self.newline || byte == Self.carriage
    }

    /// A cell without quotes, up to what ends it.
    private mutating func plain() -> String {
        let first = place
        while place < bytes.endIndex, !endsCell(bytes[place]) { place += 1 }
        var last = place
        while last > first, isBlank(bytes[last - 1]) { last -= 1 }
        return String(decoding: bytes[first..<last], as: UTF8.self)
    }

    /// A cell in quotes, up to what ends it.
    private mutating func quoted() throws(InputError) -> String {
        let opened = line
        var content: [UInt8] = []
        place += 1
        while place < bytes.endIndex {
            let byte = bytes[place]
            place += 1
            if byte == Self.quote {
                if place < bytes.endIndex, bytes[place] == Self.quote {
                    place += 1
                } else {
                    skipBlanks()
                    guard place == bytes.endIndex || endsCell(bytes[place]) else {
                        throw InputError(
                            "line \(line)", found: "text after a closing quote", expected: "the end of the cell",
                            advice: "write a quote within quotes as two")
                    }
                    return String(decoding: content, as: UTF8.self)
                }
            }
            if byte == Self.newline
                || (byte == Self.carriage && (place == bytes.endIndex || bytes[place] != Self.newline))
            {
                line += 1
            }
            content.append(byte)
        }
        throw InputError(
            "line \(opened)", found: "a quote that is not closed", expected: "another at the end of its cell")
    }
}
