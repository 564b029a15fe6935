/// The columns that terms of a formula make of the rows of a table, named and coded as R does it.
///
/// Numbers are one column. Categories are one column for each level but the first (treatment coding), or for each level where
/// the term without them is not part of a term before it, or where they are the first categories of a formula without
/// intercept (Chambers & Hastie 1992, p. 38). Levels are sorted: as numbers where all are, else by their characters. In
/// products the first factor changes fastest.
struct ModelMatrix {
    /// One column of it.
    struct Column {
        /// As R names it.
        let name: String
        let values: [Double]
    }

    /// `(Intercept)` first, then by terms.
    private(set) var columns: [Column] = []
    /// The first level of each factor of categories that has others: what those are compared with.
    private(set) var references: [(factor: String, level: String)] = []
    /// What the caller should know, a sentence each.
    private(set) var notes: [String] = []

    /// Name of the column of ones.
    static let intercept = "(Intercept)"
    /// Levels beyond which a column cannot be meant as categories.
    private static let mostLevels = 1000

    /// A factor in the rows that are used.
    private enum Coded {
        case numbers([Double])
        /// The level of each row, and the names of all.
        case levels([Int], [String])

        var isCategory: Bool { if case .levels = self { true } else { false } }
    }

    /// Makes the columns.
    ///
    /// - Parameters:
    ///   - terms: what they are of.
    ///   - table: which has the columns.
    ///   - rows: those to use, none with missing cells.
    ///   - setting: what the caller has to correct where something is wrong.
    ///   - isCentred: whether the columns of categories that are compared with the first have the mean of their levels taken
    ///     away: effects stay differences from the first, and what they are multiplied with is that of all levels alike.
    /// - Throws: ``InputError`` for a column that is not in the table, or numbers among which are words.
    /// - Complexity: O(rows · columns).
    init(
        _ terms: Formula.Terms, of table: DataTable, rows: [Int], as setting: SettingName, isCentred: Bool = false
    ) throws(InputError) {
        var coded: [Formula.Factor: Coded] = [:]
        for factor in terms.factors { coded[factor] = try Self.coded(factor, table, rows, setting) }
        for factor in terms.factors {
            guard case .levels(_, let names)? = coded[factor], let first = names.first else { continue }
            if names.count > 1 {
                references.append((factor.text, first))
            } else {
                notes.append("'\(factor.column)' has no value but '\(first)' and was left out")
            }
        }
        if terms.hasIntercept {
            columns.append(Column(name: Self.intercept, values: [Double](repeating: 1, count: rows.count)))
        }
        var isFullDue = !terms.hasIntercept
        for (place, product) in terms.products.enumerated() {
            var parts: [[Column]] = []
            for factor in product {
                guard let known = coded[factor] else { continue }
                var isFull = Self.isFull(factor, in: product, after: terms.products[..<place])
                if isFullDue, known.isCategory { (isFull, isFullDue) = (true, false) }
                parts.append(Self.columns(factor, known, isFull: isFull, isCentred: isCentred))
            }
            columns += Self.products(parts)
        }
    }

    private static func coded(
        _ factor: Formula.Factor, _ table: DataTable, _ rows: [Int], _ setting: SettingName
    ) throws(InputError) -> Coded {
        let column = try table.column(factor.column, as: setting)
        if !factor.isCategory, try column.isNumeric(in: table) {
            if let row = rows.first(where: { column.numbers[$0].isInfinite }) {
                throw InputError(
                    at: .input(.table), found: "an infinite number in column '\(factor.column)', \(table.place(row))",
                    expected: "a finite one")
            }
            return .numbers(rows.map { column.numbers[$0] })
        }
        let labels = rows.map { column.label($0) ?? "" }
        var levels = Array(Set(labels))
        guard levels.count <= mostLevels else {
            throw InputError(
                at: .input(.table),
                found: "\(levels.count) different values that are no numbers in column '\(factor.column)'",
                expected: "numbers, or at most \(mostLevels) categories")
        }
        let numbers = Dictionary(levels.map { ($0, Double($0) ?? .nan) }) { first, _ in first }
        if numbers.values.contains(where: \.isNaN) {
            levels.sort { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
        } else {
            levels.sort { (numbers[$0] ?? 0, $0) < (numbers[$1] ?? 0, $1) }
        }
        let places = Dictionary(levels.enumerated().map { ($0.element, $0.offset) }) { first, _ in first }
        return .levels(labels.map { places[$0] ?? 0 }, levels)
    }

    /// Whether categories need a column for every level: what is left of the term without them is in no term before it.
    private static func isFull(
        _ factor: Formula.Factor, in product: [Formula.Factor], after before: ArraySlice<[Formula.Factor]>
    ) -> Bool {
        let rest = product.filter { $0 != factor }
        return !rest.isEmpty && !before.contains { earlier in rest.allSatisfy(earlier.contains) }
    }

    private static func columns(
        _ factor: Formula.Factor, _ coded: Coded, isFull: Bool, isCentred: Bool
    ) -> [Column] {
        switch coded {
        case .numbers(let numbers): return [Column(name: factor.text, values: numbers)]
        case .levels(let codes, let names):
            let mean = isCentred && !isFull ? 1 / Double(names.count) : 0
            return names.indices.dropFirst(isFull ? 0 : 1).map { level in
                Column(name: factor.text + names[level], values: codes.map { ($0 == level ? 1 : 0) - mean })
            }
        }
    }

    private static func products(_ parts: [[Column]]) -> [Column] {
        guard var result = parts.first else { return [] }
        for part in parts.dropFirst() {
            result = part.flatMap { second in
                result.map { first in
                    Column(
                        name: "\(first.name):\(second.name)", values: zip(first.values, second.values).map { $0 * $1 })
                }
            }
        }
        return result
    }
}

extension DataTable.Column {
    /// Whether it holds numbers; false where it holds words.
    ///
    /// - Throws: ``InputError`` where it holds both.
    func isNumeric(in table: DataTable) throws(InputError) -> Bool {
        guard let firstWord, let word = label(firstWord) else { return true }
        let isDecimalComma = word.contains(",") && word.allSatisfy { $0.isNumber || "+-,eE.".contains($0) }
        if hasNumbers || isDecimalComma {
            throw InputError(
                at: .input(.table), found: "'\(word)' in column '\(name)', \(table.place(firstWord))",
                expected: isDecimalComma ? "decimal points" : "a number, as in other rows",
                advice: isDecimalComma ? "" : "factor(\(name)) takes them all as categories")
        }
        return false
    }
}
