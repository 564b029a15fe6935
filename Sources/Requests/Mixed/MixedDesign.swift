/// A model of mixed effects with its numbers: named columns of fixed and random effects, rows sorted by group.
public struct MixedDesign: Sendable {
    /// What is explained.
    public let responseName: String
    /// What tells the groups.
    public let groupName: String
    /// X: rows × fixed effects, in the caller's units.
    public let fixed: Matrix
    /// Names of the fixed effects, as R and `lme4` name them.
    public let fixedNames: [String]
    /// Z: rows × random effects.
    public let random: Matrix
    /// Names of the random effects.
    public let randomNames: [String]
    /// Which of the columns given each fixed effect is; columns that say nothing beside those before them are left out.
    public let fixedColumns: [Int]
    /// Likewise of random effects.
    public let randomColumns: [Int]
    /// y.
    public let response: [Double]
    /// Variance of the noise of each row, where it is known.
    public let noiseVariance: [Double]?
    /// Names of the groups, in the order in which they first appear.
    public let groups: [String]
    /// The first row of each group, and the number of rows.
    public let offsets: [Int]
    /// The row of the caller's table that each row is.
    public let rows: [Int]
    /// How many rows were left out since a cell was missing.
    public let missingRows: Int
    /// Whether random effects may be correlated.
    public let isCorrelated: Bool
    /// Of each random effect the fixed effect of the same column, if there is one.
    public let partners: [Int?]
    /// The column of ones among the fixed effects.
    public let intercept: Int?
    /// Levels that the effects of categories are compared with.
    public let references: [Reference]
    /// What the caller should know: columns that were left out, a sentence each.
    public let notes: [String]

    /// The level that a factor's effects are compared with.
    public struct Reference: Sendable, Equatable, Encodable {
        /// Name of the factor.
        public let factor: String
        /// Its first level.
        public let level: String
    }

    /// Variances of the noise that are known.
    public enum Noise: Sendable, Equatable {
        /// The same for all rows.
        case variance(Double)
        /// A column of the table.
        case column(String)
    }

    /// The design of a formula and a table.
    ///
    /// Rows with a missing cell in a column that is used are left out; so are columns that say nothing beside those before
    /// them, which ``notes`` tell.
    /// - Throws: ``InputError`` for columns that are not there or hold the wrong thing, and models that cannot be estimated.
    /// - Complexity: O(rows · columns²).
    public init(_ formula: Formula, of table: DataTable, noise: Noise? = nil) throws(InputError) {
        guard let responseName = formula.response else {
            throw InputError(.formula, found: "no response", expected: "one before '~'")
        }
        let (random, group) = try Self.merged(formula.random)
        let response = try table.column(responseName, as: .response)
        let groups = try table.column(group, as: .group)
        guard try response.isNumeric(in: table) else {
            throw InputError(
                at: .input(.table), found: "words in column '\(responseName)'",
                expected: "numbers, since it is the response")
        }
        var used = [response, groups]
        for factor in formula.fixed.factors { used.append(try table.column(factor.column, as: .fixed)) }
        for factor in random.terms.factors { used.append(try table.column(factor.column, as: .random)) }
        var noiseColumn: DataTable.Column?
        if case .column(let name)? = noise { noiseColumn = try table.column(name, as: .noiseVariance) }
        if let noiseColumn { used.append(noiseColumn) }
        let complete = (0..<table.rowCount).filter { row in !used.contains { $0.isMissing(row) } }
        guard !complete.isEmpty else {
            throw InputError(
                at: .input(.table), found: "a missing cell in every row",
                expected: "rows with \(Self.listed(used.map(\.name)))")
        }
        let sorted = Self.sorted(complete.map { groups.label($0) ?? "" })
        let rows = sorted.order.map { complete[$0] }
        let fixed = try ModelMatrix(formula.fixed, of: table, rows: rows, as: .fixed)
        let varying = try ModelMatrix(random.terms, of: table, rows: rows, as: .random)
        var variances: [Double]?
        switch noise {
        case .variance(let variance): variances = [Double](repeating: variance, count: rows.count)
        case .column: variances = noiseColumn.map { column in rows.map { column.numbers[$0] } }
        case nil: break
        }
        var notes: [String] = []
        for note in fixed.notes + varying.notes where !notes.contains(note) { notes.append(note) }
        try self.init(
            responseName: responseName, groupName: group, fixed: fixed.columns.map(\.values),
            fixedNames: fixed.columns.map(\.name), random: varying.columns.map(\.values),
            randomNames: varying.columns.map(\.name), response: rows.map { response.numbers[$0] },
            noiseVariance: variances, groups: sorted.names, offsets: sorted.offsets, rows: rows,
            missingRows: table.rowCount - rows.count, isCorrelated: random.isCorrelated,
            references: (fixed.references + varying.references).map { Reference(factor: $0.factor, level: $0.level) },
            notes: notes)
    }

    /// The design of arrays, whose columns are taken as they are.
    ///
    /// - Parameters:
    ///   - fixed: X, rows × fixed effects.
    ///   - random: Z, rows × random effects.
    ///   - response: y.
    ///   - groups: of which group each row is.
    ///   - noiseVariance: of each row, where it is known.
    ///   - fixedNames: `x0`, `x1` … where nil.
    ///   - randomNames: names of the fixed effects of the same numbers, else `z0`, `z1` … where nil.
    /// - Throws: ``InputError``.
    public init(
        fixed: Matrix, random: Matrix, response: [Double], groups: [String], noiseVariance: [Double]? = nil,
        fixedNames: [String]? = nil, randomNames: [String]? = nil, isCorrelated: Bool = false
    ) throws(InputError) {
        let count = response.count
        for (name, found) in [
            ("fixed", fixed.rows), ("random", random.rows), ("groups", groups.count),
            ("noise-variance", noiseVariance?.count ?? count),
        ] where found != count {
            throw InputError(name, found: "\(found) rows", expected: "\(count), as the response")
        }
        for (name, matrix) in [("fixed", fixed), ("random", random)] {
            if let (row, column) = matrix.firstNonFinite {
                throw InputError(
                    name, found: "NaN or infinity at row \(row), column \(column)", expected: "finite numbers")
            }
        }
        if let row = response.firstIndex(where: { !$0.isFinite }) {
            throw InputError("response", found: "NaN or infinity at row \(row)", expected: "finite numbers")
        }
        let own = fixedNames ?? (0..<fixed.columns).map { "x\($0)" }
        let others =
            randomNames
            ?? (0..<random.columns).map { j in
                let column = random.column(j)
                return (0..<fixed.columns).first { fixed.column($0) == column }.map { own[$0] } ?? "z\(j)"
            }
        guard own.count == fixed.columns, others.count == random.columns else {
            throw InputError(
                "names", found: "\(own.count) and \(others.count)",
                expected: "\(fixed.columns) of fixed and \(random.columns) of random effects")
        }
        let sorted = Self.sorted(groups)
        let (x, z) = (fixed.rows(sorted.order), random.rows(sorted.order))
        try self.init(
            responseName: "response", groupName: "group", fixed: (0..<x.columns).map { x.column($0) }, fixedNames: own,
            random: (0..<z.columns).map { z.column($0) }, randomNames: others,
            response: sorted.order.map { response[$0] },
            noiseVariance: noiseVariance.map { all in sorted.order.map { all[$0] } },
            groups: sorted.names, offsets: sorted.offsets, rows: sorted.order, missingRows: 0,
            isCorrelated: isCorrelated,
            references: [], notes: [])
    }

    private init(
        responseName: String, groupName: String, fixed: [[Double]], fixedNames: [String], random: [[Double]],
        randomNames: [String], response: [Double], noiseVariance: [Double]?, groups: [String], offsets: [Int],
        rows: [Int], missingRows: Int, isCorrelated: Bool, references: [Reference], notes: [String]
    ) throws(InputError) {
        self.responseName = responseName
        self.groupName = groupName
        self.response = response
        self.noiseVariance = noiseVariance
        self.groups = groups
        self.offsets = offsets
        self.rows = rows
        self.missingRows = missingRows
        self.isCorrelated = isCorrelated
        var notes = notes
        func independent(_ columns: [[Double]], _ names: [String], _ what: String) -> (Matrix, [Int]) {
            let all = Matrix(rows: response.count, columns: columns.count, elements: columns.flatMap(\.self))
            let ones = columns.firstIndex { $0.allSatisfy { $0 == 1 } }
            let left = Aliases.found(all, names: names, intercept: ones)
            notes += left.map { "the \(what) effect '\(names[$0.column])' was left out: \($0.reason)" }
            let kept = columns.indices.filter { column in !left.contains { $0.column == column } }
            return (all.columns(kept), kept)
        }
        let (x, own) = independent(fixed, fixedNames, "fixed")
        let (z, others) = independent(random, randomNames, "random")
        let (ownNames, otherNames) = (own.map { fixedNames[$0] }, others.map { randomNames[$0] })
        (self.fixed, self.fixedNames, self.random, self.randomNames) = (x, ownNames, z, otherNames)
        (fixedColumns, randomColumns) = (own, others)
        intercept = (0..<x.columns).first { j in (0..<x.rows).allSatisfy { x[$0, j] == 1 } }
        partners = otherNames.map { ownNames.firstIndex(of: $0) }
        var seen: Set<String> = []
        self.references = references.filter { seen.insert($0.factor).inserted }
        self.notes = notes
        try checkRows()
    }

    /// Throws for models that no data of this size can tell.
    private func checkRows() throws(InputError) {
        let (n, m) = (response.count, groups.count)
        guard fixed.columns + random.columns > 0 else {
            throw InputError(at: .input(.table), found: "no effect", expected: "a fixed or a random one")
        }
        guard m > 1 || random.columns == 0 else {
            throw InputError(
                at: .input(.table), found: "one group in '\(groupName)'", expected: "several, or no random effects")
        }
        if let noiseVariance {
            guard let row = noiseVariance.firstIndex(where: { !($0 > 0 && $0.isFinite) }) else { return }
            throw InputError(
                .noiseVariance, found: "\(noiseVariance[row])", expected: "positive numbers")
        }
        guard n > fixed.columns else {
            throw InputError(
                at: .input(.table), found: "\(n) rows for \(fixed.columns) fixed effects", expected: "more rows",
                advice: "or the variance of the noise: \(.noiseVariance)")
        }
        guard m < n || random.columns == 0 else {
            throw InputError(
                at: .input(.table), found: "one row in each group of '\(groupName)'",
                expected: "several in some, so that groups can be told from noise",
                advice: "or the variance of the noise: \(.noiseVariance)")
        }
    }

    /// Random terms of one group as one.
    private static func merged(_ random: [Formula.RandomTerms]) throws(InputError) -> (
        Formula.RandomTerms, group: String
    ) {
        guard let first = random.first else {
            throw InputError(
                .formula, found: "no random term", expected: "one, such as (1 | subject)")
        }
        guard random.allSatisfy({ $0.group == first.group }) else {
            let names = Set(random.map(\.group)).sorted().map { "'\($0)'" }
            throw InputError(
                .formula, found: "groups by \(names.joined(separator: " and "))", expected: "one column of groups",
                advice: "nested or crossed groups are not supported")
        }
        guard random.count > 1 else { return (first, first.group) }
        guard random.allSatisfy({ !$0.isCorrelated || $0.terms.products.count + ($0.terms.hasIntercept ? 1 : 0) == 1 })
        else {
            throw InputError(
                .formula, found: "several random terms, one of which is correlated",
                expected: "one (… | \(first.group))",
                advice: "write || for effects that are not correlated")
        }
        var products: [[Formula.Factor]] = []
        for term in random {
            for product in term.terms.products where !products.contains(product) { products.append(product) }
        }
        let terms = Formula.Terms(hasIntercept: random.contains { $0.terms.hasIntercept }, products: products)
        return (Formula.RandomTerms(terms: terms, group: first.group, isCorrelated: false), first.group)
    }

    /// Rows by groups, in the order in which groups first appear, and rows within them as they are.
    static func sorted(_ labels: [String]) -> (order: [Int], names: [String], offsets: [Int]) {
        var places: [String: Int] = [:]
        var members: [[Int]] = []
        var names: [String] = []
        for (row, label) in labels.enumerated() {
            if let place = places[label] {
                members[place].append(row)
            } else {
                places[label] = members.count
                members.append([row])
                names.append(label)
            }
        }
        return (members.flatMap(\.self), names, members.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) })
    }

    private static func listed(_ names: [String]) -> String {
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }.map { "'\($0)'" }.joined(separator: ", ")
    }
}
