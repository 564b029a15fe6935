import Testing

@testable import Requests

@Suite("Formulas")
struct FormulaTests {
    /// Terms as text, products with colons, the intercept as 1.
    private func text(_ terms: Formula.Terms) -> [String] {
        (terms.hasIntercept ? ["1"] : []) + terms.products.map { $0.map(\.text).joined(separator: ":") }
    }

    @Test(
        "fixed terms, expanded and ordered as R does",
        arguments: [
            ("y ~ a", ["1", "a"]), ("y ~ 1", ["1"]), ("y ~ 0 + a", ["a"]), ("y ~ a - 1", ["a"]), ("y ~ -1 + a", ["a"]),
            ("y ~ a + 0 + 1", ["1", "a"]), ("y~a*b", ["1", "a", "b", "a:b"]), ("y ~ a:b + a", ["1", "a", "a:b"]),
            ("y ~ b:a + a + b", ["1", "a", "b", "b:a"]), ("y ~ a + b + a", ["1", "a", "b"]),
            ("y ~ a*b*c", ["1", "a", "b", "c", "a:b", "a:c", "b:c", "a:b:c"]),
            ("y ~ a*b*c - a:b:c", ["1", "a", "b", "c", "a:b", "a:c", "b:c"]),
            ("y ~ (a + b + c)^2", ["1", "a", "b", "c", "a:b", "a:c", "b:c"]),
            ("y ~ a:(b + c)", ["1", "a:b", "a:c"]), ("y ~ a*b:c", ["1", "a", "b:c", "a:b:c"]),
            ("y ~ (a + b)*(c)", ["1", "a", "b", "c", "a:c", "b:c"]), ("y ~ a:a", ["1", "a"]),
            ("y ~ `reaction time` * größe.2", ["1", "reaction time", "größe.2", "reaction time:größe.2"]),
            ("y ~ factor(a) + a", ["1", "factor(a)", "a"]), ("~ a", ["1", "a"]), ("a", ["1", "a"]),
        ])
    func fixed(formula: String, terms: [String]) throws {
        let formula = try Formula(formula)
        #expect(text(formula.fixed) == terms)
        #expect(formula.random.isEmpty)
    }

    @Test("random terms with and without correlations")
    func random() throws {
        let formula = try Formula("rt ~ a*b + (1 + a | subject) + (0+b||subject) + c")
        #expect(formula.response == "rt" && text(formula.fixed) == ["1", "a", "b", "c", "a:b"])
        #expect(formula.random.map { text($0.terms) } == [["1", "a"], ["b"]])
        #expect(formula.random.map(\.isCorrelated) == [true, false])
        #expect(formula.random.map(\.group) == ["subject", "subject"])
        #expect(text(try Formula("y ~ a + (a*b - a:b | `the group`)").random[0].terms) == ["1", "a", "b"])
    }

    @Test(
        "what makes no sense is told, with the place",
        arguments: [
            ("y ~", "its end"), ("y ~ a +", "its end"), ("y ~ a b", "'b'"), ("y ~ (a", "its end"), ("y ~ a)", "')'"),
            ("y ~ a $ b", "'$'"), ("y ~ 2", "number 2"), ("y ~ a*1", "a number"), ("log(y) ~ a", "before '~'"),
            ("y ~ log(a)", "'log('"), ("y ~ (1 | a/b)", "'/'"), ("y ~ (1 | a:b)", "':' behind the group 'a'"),
            ("y ~ (1 | )", "no column behind"), ("y ~ ((1 | a) | b)", "within another"), ("y ~ `a", "begins with `"),
            ("y ~ a - (1 | b)", "'-' before a random term"), ("y ~ a ^ b", "'b'"), ("y ~ a ~ b", "'~'"),
            ("y ~ a * (1 | g)", "random term at '*'"), ("y ~ 99999999999999999999", "number"), ("", "its end"),
        ])
    func wrong(formula: String, part: String) {
        #expect {
            try Formula(formula)
        } throws: { "\($0)".contains(part) && "\($0)".hasPrefix("formula: ") }
    }

    @Test("terms beyond reason are refused at once")
    func endless() {
        let many = (0..<60).map { "x\($0)" }.joined(separator: " * ")
        #expect(throws: InputError.self) { try Formula("y ~ \(many)") }
        #expect(throws: InputError.self) { try Formula("y ~ (\(many.replacing("*", with: "+")))^10") }
    }

    @Test("lists of terms make the same formula")
    func lists() throws {
        let made = try Formula(
            response: "my y", group: "s", fixed: ["a*b", "odd name"], random: ["a"], isCorrelated: false,
            isName: { $0 == "odd name" })
        #expect(made == (try Formula("`my y` ~ a*b + `odd name` + (1 + a || s)")))
        let none = try Formula(
            response: "y", group: "s", fixed: ["0", "a"], random: ["0", "a"], isCorrelated: true, isName: { _ in false }
        )
        #expect(none == (try Formula("y ~ 0 + a + (0 + a | s)")))
    }

    @Test("names that were meant, by the letters in which they differ")
    func nearest() {
        #expect(NearestNames.of("conditon", among: ["age", "condition", "subject"]) == ["condition"])
        #expect(NearestNames.of("AGE", among: ["age", "page", "cage", "stage"]).first == "age")
        #expect(NearestNames.of("subject", among: ["x", "y"]).isEmpty)
        #expect(NearestNames.distance(Array("abcd"), Array("abdc")) == 1)
        #expect(NearestNames.distance(Array(""), Array("abc")) == 3)
        #expect(NearestNames.distance(Array("kitten"), Array("sitting")) == 3)
    }
}
