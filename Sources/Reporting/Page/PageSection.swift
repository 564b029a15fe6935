/// A part of a page: sentences, figures and tables under a heading.
public struct PageSection: Sendable, Equatable, Codable {
    /// What leads to it on the page: lower-case letters, digits and hyphens; unique on the page.
    public var id: String
    /// Its heading.
    public var title: String
    /// Sentences above the figures, a paragraph each.
    public var paragraphs: [String]
    /// What the user should know before trusting it, one line each.
    public var warnings: [String] = []
    /// SVG documents of this program, whose text is escaped; they are not escaped again.
    public var figures: [String] = []
    /// Tables below the figures.
    public var tables: [Table] = []
    /// Sentences at the end, in small print, a paragraph each.
    public var notes: [String] = []

    /// A section without figures and tables.
    public init(id: String, title: String, paragraphs: [String]) {
        self.id = id
        self.title = title
        self.paragraphs = paragraphs
    }

    /// A table.
    public struct Table: Sendable, Equatable, Codable {
        /// Its heading.
        public var title: String
        /// Its columns.
        public var columns: [Column]
        /// A row an array, a cell a column; the first cell of a row is its name.
        public var rows: [[Cell]]

        /// A table.
        public init(title: String, columns: [Column], rows: [[Cell]]) {
            self.title = title
            self.columns = columns
            self.rows = rows
        }
    }

    /// A column of a table.
    public struct Column: Sendable, Equatable, Codable {
        /// Its heading.
        public var name: String
        /// Whether its cells are numbers, which end at the right.
        public var isNumber: Bool

        /// A column of numbers, or of words.
        public init(_ name: String, isNumber: Bool = true) {
            self.name = name
            self.isNumber = isNumber
        }
    }

    /// A cell of a table.
    public struct Cell: Sendable, Equatable, Codable, ExpressibleByStringLiteral {
        /// What it says.
        public var text: String
        /// A file that it leads to, relative to the page; nil for none.
        public var link: String?
        /// Whether it stands out, in bold.
        public var isMarked: Bool

        /// A cell of text.
        public init(_ text: String, link: String? = nil, isMarked: Bool = false) {
            self.text = text
            self.link = link
            self.isMarked = isMarked
        }

        /// A cell of text.
        public init(stringLiteral text: String) { self.init(text) }
    }
}

/// A section as the template names it.
struct PageSectionContent: Encodable {
    struct Column: Encodable {
        let name: Markup
        let isNumber: Bool
    }

    struct Cell: Encodable {
        let text, link: Markup
        let hasLink, isMarked, isNumber, isName: Bool
    }

    struct Row: Encodable { let cells: [Cell] }

    struct Table: Encodable {
        let id: String
        let title: Markup
        let columns: [Column]
        let rows: [Row]
    }

    let id: String
    let title: Markup
    let paragraphs, warnings, figures, notes: [Markup]
    let hasWarnings: Bool
    let tables: [Table]

    init(_ section: PageSection) {
        let id = String(
            section.id.unicodeScalars.filter {
                $0.isASCII && ($0.properties.isAlphabetic || "0"..."9" ~= $0 || $0 == "-")
            })
        self.id = id
        title = Markup(section.title)
        paragraphs = section.paragraphs.map { Markup($0) }
        warnings = section.warnings.map { Markup($0) }
        hasWarnings = !warnings.isEmpty
        figures = section.figures.map { Markup(figure: $0) }
        notes = section.notes.map { Markup($0) }
        tables = section.tables.enumerated().map { number, table in
            Table(
                id: "\(id)-\(number + 1)", title: Markup(table.title),
                columns: table.columns.map { Column(name: Markup($0.name), isNumber: $0.isNumber) },
                rows: table.rows.map { row in
                    Row(
                        cells: zip(row, table.columns).enumerated().map { place, pair in
                            let (cell, column) = pair
                            return Cell(
                                text: Markup(cell.text), link: Markup(cell.link ?? ""), hasLink: cell.link != nil,
                                isMarked: cell.isMarked, isNumber: column.isNumber && place > 0, isName: place == 0)
                        })
                })
        }
    }
}
