/// The design of rows that subjects have several of, for responses that are all explained by the same formula: fixed effects,
/// and those of them that differ between subjects.
///
/// Categories are compared with their first level, centred (``ModelMatrix``): the intercept is the mean over levels, which keeps
/// what subjects differ in apart from how they differ in its effects. Numbers are standardized, so that effects are those of
/// one standard deviation.
public struct RepeatedDesign: Sendable, Equatable {
    /// X: rows × fixed effects, rows in the order of ``rows``.
    public let fixed: Matrix
    /// Names of its columns.
    public let fixedNames: [String]
    /// Z: rows × random effects.
    public let random: Matrix
    /// Names of its columns.
    public let randomNames: [String]
    /// For each random effect the fixed one of the same column; nil where there is none.
    public let partners: [Int?]
    /// The column of ones among the fixed effects; nil without one.
    public let intercept: Int?
    /// Names of the subjects, a group each.
    public let groups: [String]
    /// The first row of each subject, then the number of rows.
    public let offsets: [Int]
    /// The row of the table that each row is: by subject, in the order in which they first appear.
    public let rows: [Int]
    /// What the caller should know, a sentence each.
    public let notes: [String]

    /// The design of a formula.
    ///
    /// - Parameters:
    ///   - formula: its response is not used; random effects are of the column `group`, and not correlated.
    ///   - table: which has the columns; rows with missing cells in those used are left out, which ``notes`` tell.
    ///   - group: the column of subjects.
    /// - Throws: ``InputError`` for a formula that names what is not there, or groups by something else.
    /// - Complexity: O(rows · columns²).
    public init(_ formula: Formula, of table: DataTable, group: String) throws(InputError) {
        if let other = formula.random.first(where: { $0.group != group }) {
            throw InputError(
                .formula, found: "random effects of '\(other.group)'", expected: "of '\(group)'")
        }
        var notes: [String] = []
        if formula.random.contains(where: { $0.isCorrelated && $0.terms.products.count > 0 }) {
            notes.append("Random effects are taken as not correlated with each other, as with ||.")
        }
        let own = try table.column(group, as: .group)
        let factors = formula.fixed.factors + formula.random.flatMap(\.terms.factors)
        var used = [own]
        for factor in factors { used.append(try table.column(factor.column, as: .formula)) }
        let complete = (0..<table.rowCount).filter { row in !used.contains { $0.isMissing(row) } }
        guard !complete.isEmpty else {
            throw InputError(
                .formula, found: "a missing cell in every row", expected: "values of what it names",
                advice: "see that subjects are called alike in all tables")
        }
        let left = Set((0..<table.rowCount).compactMap { own.label($0) }).subtracting(
            complete.compactMap { own.label($0) }
        ).sorted()
        if !left.isEmpty {
            notes.append(
                "\(left.count) subjects are left out, of whom something that the formula names is not known: "
                    + left.prefix(8).joined(separator: ", ") + (left.count > 8 ? ", …" : "") + ".")
        } else if complete.count < table.rowCount {
            notes.append("\(table.rowCount - complete.count) rows are left out, of which something is not known.")
        }
        let sorted = MixedDesign.sorted(complete.map { own.label($0) ?? "" })
        let rows = sorted.order.map { complete[$0] }
        let standardized = try table.standardized(factors, over: rows, &notes)
        let x = try ModelMatrix(formula.fixed, of: standardized, rows: rows, as: .formula, isCentred: true)
        var z: [ModelMatrix.Column] = []
        for random in formula.random {
            let more = try ModelMatrix(random.terms, of: standardized, rows: rows, as: .formula, isCentred: true)
            z += more.columns.filter { column in !z.contains { $0.name == column.name } }
        }
        for note in x.notes where !notes.contains(note) { notes.append(note) }
        for (factor, level) in x.references { notes.append("'\(factor)' is compared with '\(level)'.") }
        (fixed, fixedNames) = Self.independent(x.columns, rows.count, "fixed", &notes)
        (random, randomNames) = Self.independent(z, rows.count, "random", &notes)
        intercept = fixedNames.firstIndex(of: ModelMatrix.intercept)
        partners = randomNames.map { [fixedNames] in fixedNames.firstIndex(of: $0) }
        (groups, offsets, self.rows, self.notes) = (sorted.names, sorted.offsets, rows, notes)
        guard fixed.columns > 0 else {
            throw InputError(.formula, found: "no effect", expected: "an intercept at least")
        }
    }

    private static func independent(
        _ columns: [ModelMatrix.Column], _ rows: Int, _ what: String, _ notes: inout [String]
    ) -> (Matrix, [String]) {
        let all = Matrix(rows: rows, columns: columns.count, elements: columns.flatMap(\.values))
        let names = columns.map(\.name)
        let left = Aliases.found(all, names: names, intercept: names.firstIndex(of: ModelMatrix.intercept))
        notes += left.map { "The \(what) effect '\(names[$0.column])' is left out: \($0.reason)." }
        let kept = columns.indices.filter { column in !left.contains { $0.column == column } }
        return (all.columns(kept), kept.map { names[$0] })
    }
}

extension DataTable {
    /// The table with numbers of factors less their mean, over their standard deviation.
    ///
    /// - Parameters:
    ///   - factors: those that are no categories, of numbers, are changed.
    ///   - rows: mean and deviation are over these.
    fileprivate func standardized(
        _ factors: [Formula.Factor], over rows: [Int], _ notes: inout [String]
    ) throws(InputError) -> DataTable {
        var columns = columns
        for name in Set(factors.filter { !$0.isCategory }.map(\.column)).sorted() {
            guard let place = columns.firstIndex(where: { $0.name == name }), try columns[place].isNumeric(in: self)
            else { continue }
            let numbers = columns[place].numbers
            let values = rows.map { numbers[$0] }
            let mean = values.reduce(0, +) / Double(values.count)
            let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            let deviation = (squares / Double(max(1, values.count - 1))).squareRoot()
            guard deviation > 0, deviation.isFinite else { continue }
            columns[place] = Column(name, numbers: numbers.map { ($0 - mean) / deviation })
            notes.append(
                "'\(name)' is standardized: "
                    + String(printf: "mean %.4g, standard deviation %.4g.", mean, deviation))
        }
        return try DataTable(columns)
    }
}
