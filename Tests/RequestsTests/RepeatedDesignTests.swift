import Foundation
import Testing

@testable import Requests

@Suite("The design of rows that subjects have several of")
struct RepeatedDesignTests {
    /// Three subjects, three conditions each, the second subject first.
    static func table(_ change: (inout [[String?]]) -> Void = { _ in }) throws -> DataTable {
        var cells: [[String?]] = [[], [], []]
        for (subject, age) in [("s2", "30"), ("s1", "50"), ("s3", "40")] {
            for condition in ["b", "a", "c"] {
                cells[0].append(subject)
                cells[1].append(condition)
                cells[2].append(age)
            }
        }
        change(&cells)
        return try DataTable(zip(["subject", "condition", "age"], cells).map { .init($0, texts: $1) })
    }

    static func design(_ formula: String, _ table: DataTable) throws -> RepeatedDesign {
        try RepeatedDesign(Formula(formula), of: table, group: "subject")
    }

    @Test("conditions are compared with the first, centred; numbers are standardized")
    func coding() throws {
        let design = try Self.design("amplitude ~ condition*age + (condition | subject)", Self.table())
        #expect(
            design.fixedNames == ["(Intercept)", "conditionb", "conditionc", "age", "conditionb:age", "conditionc:age"])
        #expect(design.randomNames == ["(Intercept)", "conditionb", "conditionc"])
        #expect(design.partners == [0, 1, 2] && design.intercept == 0)
        #expect(design.groups == ["s2", "s1", "s3"] && design.offsets == [0, 3, 6, 9] && design.rows == Array(0..<9))
        // Ages 30, 50, 40, three rows each, have a standard deviation of √75 over rows.
        let ages = [-10, 10, 0].map { $0 / 75.0.squareRoot() }
        for row in 0..<9 {
            let b = (row % 3 == 0 ? 1 : 0) - 1.0 / 3
            let expected = [1, b, (row % 3 == 2 ? 1 : 0) - 1.0 / 3, ages[row / 3], b * ages[row / 3]]
            for (column, value) in expected.enumerated() { #expect(abs(design.fixed[row, column] - value) < 1e-12) }
        }
        #expect(design.notes.contains { $0.contains("'age' is standardized: mean 40, standard deviation 8.66") })
        #expect(design.notes.contains("'condition' is compared with 'a'."))
    }

    @Test("effects are differences from the first condition, the intercept is the mean over conditions")
    func meaning() throws {
        let design = try Self.design("~ condition + (1 | subject)", Self.table())
        // y = 2, 5, 11 in a, b, c: the coefficients are their mean, 3 and 9.
        let y = Matrix(rows: 9, columns: 1) { row, _ in [5, 2, 11][row % 3] }
        let x = design.fixed
        let solved = try Cholesky(Matrix.product(x, transposed: true, x)).solve(Matrix.product(x, transposed: true, y))
        #expect(zip(solved.elements, [6, 3, 9]).allSatisfy { abs($0 - $1) < 1e-12 })
    }

    @Test("subjects of whom something is not known are left out and told, and so are columns that say nothing")
    func missing() throws {
        let table = try Self.table { cells in
            for row in 3..<6 { cells[2][row] = nil }
        }
        let design = try Self.design("~ condition + age + (condition | subject)", table)
        #expect(design.groups == ["s2", "s3"] && design.rows == [0, 1, 2, 6, 7, 8])
        #expect(design.notes.contains { $0.contains("1 subjects are left out") && $0.contains("s1") })
        #expect(try Self.design("~ condition + (1 | subject)", table).groups.count == 3)
        let one = try Self.table { cells in cells[2] = cells[2].map { _ in "40" } }
        let same = try Self.design("~ age + (1 | subject)", one)
        #expect(same.fixedNames == ["(Intercept)"] && same.notes.contains { $0.contains("'age' is left out") })
        let none = try Self.table { cells in cells[2] = cells[2].map { _ in nil } }
        #expect(throws: InputError.self) { try Self.design("~ age + (1 | subject)", none) }
    }

    @Test(
        "what a formula asks for and there is not is told",
        arguments: [
            ("~ condition + (1 | site)", "site"), ("~ agee + (1 | subject)", "agee"),
            ("~ 0 + (1 | subject)", "no effect"),
        ])
    func wrong(_ formula: String, _ text: String) throws {
        let table = try Self.table()
        let error = #expect(throws: InputError.self) { try Self.design(formula, table) }
        #expect(error?.description.contains(text) ?? false)
    }
}
