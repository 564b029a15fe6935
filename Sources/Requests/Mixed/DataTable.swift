/// Named columns of numbers or words, cells of which may be missing.
public struct DataTable: Sendable {
    /// One column.
    public struct Column: Sendable {
        /// Its name.
        public let name: String
        /// A number a row; NaN where the cell is missing or a word.
        public let numbers: [Double]
        /// A text a row, nil where missing; nil for a column that was given as numbers.
        private let words: [String?]?
        /// The first row whose cell is neither missing nor a number.
        let firstWord: Int?
        /// Whether a cell is a number.
        let hasNumbers: Bool

        /// A column of numbers; NaN for what is missing.
        public init(_ name: String, numbers: [Double]) {
            self.name = name
            self.numbers = numbers
            words = nil
            firstWord = nil
            hasNumbers = true
        }

        /// A column of text, nil for what is missing: of numbers where all else are finite numbers with decimal points.
        public init(_ name: String, texts: [String?]) {
            self.name = name
            numbers = texts.map { $0.flatMap(Self.number) ?? .nan }
            words = texts
            firstWord = texts.indices.first { [numbers] in texts[$0] != nil && numbers[$0].isNaN }
            hasNumbers = numbers.contains { !$0.isNaN }
        }

        /// How many cells it has.
        var count: Int { numbers.count }

        /// Whether a cell is missing.
        func isMissing(_ row: Int) -> Bool { words.map { $0[row] == nil } ?? numbers[row].isNaN }

        /// A cell as text; nil where it is missing.
        func label(_ row: Int) -> String? {
            if let words { return words[row] }
            let number = numbers[row]
            return number.isNaN ? nil : Int(exactly: number).map { "\($0)" } ?? "\(number)"
        }

        private static func number(_ text: String) -> Double? {
            // Neither infinities nor hexadecimal numbers, which Swift reads, too.
            guard let first = text.utf8.first, !(first >= UInt8(ascii: "A")),
                !text.utf8.contains(where: { $0 == UInt8(ascii: "x") || $0 == UInt8(ascii: "i") }),
                let number = Double(text), number.isFinite
            else { return nil }
            return number
        }
    }

    /// In the order of the table.
    public let columns: [Column]
    /// Cells of each column.
    public let rowCount: Int
    /// The line of a file that each row is of; nil where there is no file.
    private let lines: [Int]?
    private let places: [String: Int]

    /// A table.
    ///
    /// - Parameters:
    ///   - columns: of as many cells each; one without a name cannot be asked for.
    ///   - lines: the line of a file that each row is of, for messages.
    /// - Throws: ``InputError`` for columns of different lengths, a name that stands twice, or a table without rows.
    public init(_ columns: [Column], lines: [Int]? = nil) throws(InputError) {
        rowCount = columns.first?.count ?? 0
        var places: [String: Int] = [:]
        for (place, column) in columns.enumerated() {
            guard column.count == rowCount else {
                throw InputError(
                    "column '\(column.name)'", found: "\(column.count) cells",
                    expected: "\(rowCount), as in '\(columns[0].name)'")
            }
            guard column.name.isEmpty || places.updateValue(place, forKey: column.name) == nil else {
                throw InputError("column '\(column.name)'", found: "it stands twice", expected: "each name once")
            }
        }
        guard rowCount > 0 else {
            throw InputError(
                at: .input(.table), found: columns.isEmpty ? "no column" : "no row below the header", expected: "some")
        }
        self.columns = columns
        self.lines = lines
        self.places = places
    }

    /// A column by its name.
    ///
    /// - Throws: ``InputError`` that offers the names that are nearest.
    func column(_ name: String, as setting: SettingName) throws(InputError) -> Column {
        if let place = places[name] { return columns[place] }
        let names = columns.map(\.name).filter { !$0.isEmpty }
        let near = NearestNames.of(name, among: names)
        throw InputError(
            setting, found: "no column '\(name)' in the table",
            expected: near.isEmpty
                ? "one of " + Self.listed(names)
                : near.map { "'\($0)'" }.joined(separator: " or "))
    }

    /// Whether there is a column of a name.
    func hasColumn(_ name: String) -> Bool { places[name] != nil }

    /// How messages call a row.
    func place(_ row: Int) -> String { lines.map { "line \($0[row])" } ?? "row \(row)" }

    private static func listed(_ names: [String]) -> String {
        names.prefix(12).joined(separator: ", ") + (names.count > 12 ? ", … (\(names.count) in all)" : "")
    }
}
