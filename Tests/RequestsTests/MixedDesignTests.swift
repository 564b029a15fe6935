import Testing

@testable import Requests

@Suite("Model matrices")
struct MixedDesignTests {
    /// Six rows: numbers x = 1…6, categories c = b, a, c, b, a, c and d = u, u, u, v, v, v, two groups.
    private func table(_ more: [DataTable.Column] = []) throws -> DataTable {
        try DataTable(
            [
                .init("y", numbers: [1, 4, 2, 8, 5, 7]), .init("x", numbers: [1, 2, 3, 4, 5, 6]),
                .init("c", texts: ["b", "a", "c", "b", "a", "c"]), .init("d", texts: ["u", "u", "u", "v", "v", "v"]),
                .init("k", texts: ["10", "9", "10", "9", "10", "9"]),
                .init("g", texts: ["B", "B", "A", "A", "B", "A"]),
            ] + more)
    }

    private func columns(_ formula: String, _ table: DataTable) throws -> [String: [Double]] {
        let matrix = try ModelMatrix(Formula(formula).fixed, of: table, rows: Array(0..<table.rowCount), as: .fixed)
        return Dictionary(uniqueKeysWithValues: matrix.columns.map { ($0.name, $0.values) })
    }

    private func names(_ formula: String, _ table: DataTable) throws -> [String] {
        try ModelMatrix(Formula(formula).fixed, of: table, rows: Array(0..<table.rowCount), as: .fixed).columns
            .map(\.name)
    }

    @Test("categories are compared with the first of their sorted levels")
    func treatment() throws {
        let found = try columns("y ~ c + x", table())
        #expect(try names("y ~ c + x", table()) == ["(Intercept)", "cb", "cc", "x"])
        #expect(found["cb"] == [1, 0, 0, 1, 0, 0] && found["cc"] == [0, 0, 1, 0, 0, 1])
        #expect(found["x"] == [1, 2, 3, 4, 5, 6] && found["(Intercept)"] == [1, 1, 1, 1, 1, 1])
    }

    @Test(
        "the coding of R: a column a level where the rest of a term is not there before",
        arguments: [
            ("y ~ 0 + c", ["ca", "cb", "cc"]), ("y ~ 0 + c + d", ["ca", "cb", "cc", "dv"]),
            ("y ~ 0 + x + d", ["x", "du", "dv"]), ("y ~ c*d", ["(Intercept)", "cb", "cc", "dv", "cb:dv", "cc:dv"]),
            ("y ~ d + d:c", ["(Intercept)", "dv", "du:cb", "dv:cb", "du:cc", "dv:cc"]),
            ("y ~ c*x", ["(Intercept)", "cb", "cc", "x", "cb:x", "cc:x"]),
            ("y ~ x + x:d", ["(Intercept)", "x", "x:dv"]), ("y ~ x:d", ["(Intercept)", "x:du", "x:dv"]),
            ("y ~ 0 + c:d", ["ca:du", "cb:du", "cc:du", "ca:dv", "cb:dv", "cc:dv"]),
            ("y ~ factor(k) + k", ["(Intercept)", "factor(k)10", "k"]),
        ])
    func coding(formula: String, expected: [String]) throws {
        #expect(try names(formula, table()) == expected)
    }

    @Test("products are products, row by row")
    func products() throws {
        let found = try columns("y ~ c*d*x", table())
        #expect(found["cb:dv"] == [0, 0, 0, 1, 0, 0])
        #expect(found["cc:dv:x"] == [0, 0, 0, 0, 0, 6])
        #expect(found["cb:x"] == [1, 0, 0, 4, 0, 0])
        #expect(found.count == 2 * 3 * 2)
    }

    @Test("rows are sorted by group in the order of appearance, and the way back is known")
    func groups() throws {
        let design = try MixedDesign(Formula("y ~ x + (1 + x || g)"), of: table())
        #expect(design.groups == ["B", "A"] && design.offsets == [0, 3, 6] && design.rows == [0, 1, 4, 2, 3, 5])
        #expect(design.response == [1, 4, 5, 2, 8, 7] && design.fixed.column(1) == [1, 2, 5, 3, 4, 6])
        #expect(design.fixedNames == ["(Intercept)", "x"] && design.randomNames == ["(Intercept)", "x"])
        #expect(design.partners == [0, 1] && design.intercept == 0 && !design.isCorrelated)
        let split = try MixedDesign(Formula("y ~ x + (1 | g) + (0 + x | g)"), of: table())
        #expect(split.random == design.random && !split.isCorrelated)
        #expect(try MixedDesign(Formula("y ~ x + (x | g)"), of: table()).isCorrelated)
        let random = try MixedDesign(Formula("y ~ 1 + (0 + d || g)"), of: table())
        #expect(random.randomNames == ["du", "dv"] && random.partners == [nil, nil])
    }

    @Test("rows with missing cells of columns that are used are left out, of others not")
    func missing() throws {
        let table = try table([
            .init("z", texts: ["1.5", nil, "2", "0", "-1e0", "3"]),
            .init("unused", texts: [nil, nil, nil, nil, nil, nil]),
            .init("v", numbers: [1, 1, 2, .nan, 1, 1]),
        ])
        let design = try MixedDesign(Formula("y ~ z + (1 | g)"), of: table, noise: .column("v"))
        #expect(design.missingRows == 2 && design.rows == [0, 4, 2, 5] && design.fixed.column(1) == [1.5, -1, 2, 3])
        #expect(design.noiseVariance == [1, 1, 2, 1])
        // The level of a row that is left out is no level.
        let shrunk = try self.table([.init("w", texts: ["p", nil, "q", "q", "p", "q"])])
        #expect(try MixedDesign(Formula("y ~ w + (1 | g)"), of: shrunk).fixedNames == ["(Intercept)", "wq"])
    }

    @Test("columns that say nothing new are left out, and why is told")
    func aliases() throws {
        let table = try table([
            .init("one", numbers: [3, 3, 3, 3, 3, 3]), .init("none", numbers: [0, 0, 0, 0, 0, 0]),
            .init("twice", numbers: [2, 4, 6, 8, 10, 12]), .init("again", numbers: [1, 2, 3, 4, 5, 6]),
            .init("sum", numbers: [2, 3, 4, 5, 6, 7]), .init("same", texts: ["w", "w", "w", "w", "w", "w"]),
        ])
        let design = try MixedDesign(
            Formula("y ~ x + one + none + twice + again + sum + same + (1 + one || g)"), of: table)
        #expect(design.fixedNames == ["(Intercept)", "x"] && design.randomNames == ["(Intercept)"])
        for part in [
            "'one' was left out: it is the same in all rows", "'none' was left out: it is 0",
            "'twice' was left out: it is a multiple of 'x'",
            "'again' was left out: it is the same as 'x'", "'sum' was left out: it is a combination",
            "no value but 'w'",
        ] { #expect(design.notes.contains { $0.contains(part) }, "\(part) in \(design.notes)") }
        #expect(design.notes.count == 7)
        // R keeps the columns of a product whose margins are missing, and drops what depends on others.
        let full = try MixedDesign(Formula("y ~ d:x + x + (1 | g)"), of: self.table())
        #expect(full.fixedNames == ["(Intercept)", "x", "dv:x"])
    }

    @Test(
        "models that cannot be are refused, and say why",
        arguments: [
            ("y ~ ages + (1 | g)", "no column 'ages' in the table; expected 'age'"),
            ("y ~ x + (1 | grp)", "no column 'grp'"),
            ("d ~ x + (1 | g)", "words"), ("y ~ x", "no random term"), ("x + (1 | g)", "no response"),
            ("y ~ x + (1 | g) + (1 | d)", "groups by 'd' and 'g'"), ("y ~ x + (1 | single)", "one group"),
            ("y ~ x + (1 | each)", "one row in each group"), ("y ~ mixed + (1 | g)", "'oops'"),
            ("y ~ comma + (1 | g)", "decimal points"), ("y ~ c*d*x + (1 | g)", "6 rows for 6 fixed effects"),
            ("y ~ (x | g) + (d | g)", "several random terms"), ("y ~ nothing + (1 | g)", "missing cell in every row"),
        ])
    func refused(formula: String, part: String) throws {
        let table = try table([
            .init("age", numbers: [30, 31, 32, 33, 34, 39]), .init("single", texts: ["s", "s", "s", "s", "s", "s"]),
            .init("each", texts: ["1", "2", "3", "4", "5", "6"]),
            .init("mixed", texts: ["1", "2", "oops", "3", "4", "5"]),
            .init("comma", texts: ["1,5", "2,5", "0,5", "1,0", "2,0", "3,0"]),
            .init("nothing", texts: [nil, nil, nil, nil, nil, nil]),
        ])
        #expect {
            try MixedDesign(Formula(formula), of: table)
        } throws: { "\($0)".contains(part) }
    }

    @Test("numbers have decimal points, no infinities, and words keep their zeros")
    func cells() throws {
        let column = DataTable.Column("n", texts: ["1", "-2.5e3", ".5", "+3", nil])
        #expect(column.numbers[..<4] == [1, -2500, 0.5, 3] && column.firstWord == nil && column.isMissing(4))
        for word in ["inf", "infinity", "0x10", "nan", "1 2", "--1", "1e999"] {
            #expect(DataTable.Column("n", texts: [word]).firstWord == 0, "\(word)")
        }
        let table = try DataTable([
            .init("y", numbers: [1, 2, 3, 4]), .init("id", texts: ["01", "1", "01", "1"]),
            .init("t", numbers: [0, 1, 1, 0]),
        ])
        #expect(try MixedDesign(Formula("y ~ t + (1 | id)"), of: table).groups == ["01", "1"])
        #expect(throws: InputError.self) { try DataTable([.init("a", numbers: [1]), .init("a", numbers: [1])]) }
        #expect(throws: InputError.self) { try DataTable([.init("a", numbers: [1]), .init("b", numbers: [1, 2])]) }
        #expect(throws: InputError.self) { try DataTable([]) }
    }

    @Test("arrays are taken as they are; random effects are named after the fixed effects of the same numbers")
    func arrays() throws {
        let x = Matrix(rows: 4, columns: 2, elements: [1, 1, 1, 1, 0.5, 2, 1, 7])
        let z = Matrix(rows: 4, columns: 2, elements: [0.5, 2, 1, 7, 3, 1, 0, 2])
        let design = try MixedDesign(fixed: x, random: z, response: [1, 2, 3, 4], groups: ["b", "a", "b", "a"])
        #expect(
            design.fixedNames == ["x0", "x1"] && design.randomNames == ["x1", "z1"] && design.partners == [1, nil])
        #expect(
            design.rows == [0, 2, 1, 3] && design.response == [1, 3, 2, 4] && design.fixed.column(1) == [0.5, 1, 2, 7])
        #expect(throws: InputError.self) {
            try MixedDesign(fixed: x, random: z, response: [1, 2, 3], groups: ["b", "a", "b"])
        }
        #expect(throws: InputError.self) {
            try MixedDesign(fixed: x, random: z, response: [1, 2, .nan, 3], groups: ["b", "a", "b", "a"])
        }
        #expect(throws: InputError.self) {
            try MixedDesign(
                fixed: x, random: z, response: [1, 2, 3, 4], groups: ["b", "a", "b", "a"], noiseVariance: [1, 1, 0, 1])
        }
    }
}
