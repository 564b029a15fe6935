/// Which columns of a table explain which, as `lme4` writes it (Bates et al. 2015): `y ~ a*b + (1 + a | subject)`.
public struct Formula: Sendable, Equatable {
    /// A column in a term.
    public struct Factor: Hashable, Sendable {
        /// The name of the column.
        public let column: String
        /// Whether its values are categories, whatever they are: `factor(column)`.
        public let isCategory: Bool

        /// How names of effects begin.
        var text: String { isCategory ? "factor(\(column))" : column }
    }

    /// Terms, each a product of factors.
    public struct Terms: Sendable, Equatable {
        /// Whether there is an intercept.
        public let hasIntercept: Bool
        /// Single factors first, then products of two and so on; within these in the order of the formula.
        public let products: [[Factor]]

        /// All factors, in the order of the terms.
        var factors: [Factor] {
            var seen: Set<Factor> = []
            return products.flatMap(\.self).filter { seen.insert($0).inserted }
        }
    }

    /// What differs between groups: `(terms | group)`.
    public struct RandomTerms: Sendable, Equatable {
        /// What differs.
        public let terms: Terms
        /// The column that says of which group a row is.
        public let group: String
        /// Whether the differences may be correlated: `|`, but not `||`.
        public let isCorrelated: Bool
    }

    /// The column that is explained; nil where the formula begins with its right side.
    public let response: String?
    /// What is the same for all groups.
    public let fixed: Terms
    /// What differs between groups.
    public let random: [RandomTerms]

    /// A formula from its text.
    ///
    /// `a + b` are both, `a:b` is their product, `a*b` is `a + b + a:b`, `(a + b)^2` are all products of at most two, `- a` takes a
    /// term away, `- 1` or `+ 0` the intercept; `factor(a)` are the categories of numbers; names that are not made of letters,
    /// digits, dots and underscores stand in `` ` ``.
    ///
    /// - Throws: ``InputError`` that tells where the text stops making sense.
    public init(_ text: String) throws(InputError) {
        var parser = try FormulaParser(text)
        self = try parser.formula()
    }

    init(response: String?, fixed: Terms, random: [RandomTerms]) {
        self.response = response
        self.fixed = fixed
        self.random = random
    }

    /// A formula of lists of terms, with both intercepts unless `0` is among the terms.
    ///
    /// - Parameters:
    ///   - response: a column.
    ///   - group: a column.
    ///   - fixed: names of columns, or terms such as `a*b`.
    ///   - random: likewise.
    ///   - isCorrelated: whether random effects may be.
    ///   - isName: whether there is a column of a name.
    /// - Throws: ``InputError`` as ``init(_:)`` does.
    init(
        response: String, group: String, fixed: [String], random: [String], isCorrelated: Bool,
        isName: (String) -> Bool
    ) throws(InputError) {
        func sum(_ terms: [String]) -> String {
            (["1"] + terms.map { isName($0) ? "`\($0)`" : $0 }).joined(separator: " + ")
        }
        self = try Formula(
            "`\(response)` ~ \(sum(fixed)) + (\(sum(random)) \(isCorrelated ? "|" : "||") `\(group)`)")
    }
}

/// Reads formulas.
private struct FormulaParser {
    private enum Token: Equatable {
        case name(String)
        case number(Int)
        case sign(String)

        var text: String {
            switch self {
            case .name(let name): "'\(name)'"
            case .number(let number): "'\(number)'"
            case .sign(let sign): "'\(sign)'"
            }
        }
    }

    /// Terms while they are read: factors by their numbers, ascending; `constant` is a lone 0 or 1.
    private struct Sum {
        private(set) var products: [[Int]] = []
        var intercept: Bool?
        var constant: Int?
        var random: [Formula.RandomTerms] = []

        private var known: Set<[Int]> = []

        init(_ products: [[Int]] = [], constant: Int? = nil, random: [Formula.RandomTerms] = []) {
            self.constant = constant
            self.random = random
            add(products)
        }

        /// Adds terms that are not there yet.
        mutating func add(_ more: [[Int]]) {
            for product in more where known.insert(product).inserted { products.append(product) }
        }

        mutating func remove(_ some: [[Int]]) {
            known.subtract(some)
            products.removeAll { !known.contains($0) }
        }
    }

    private var tokens: ArraySlice<Token> = []
    private var factors: [Formula.Factor] = []

    /// Terms of a formula beyond which nobody would want them.
    private static let mostTerms = 1000

    init(_ text: String) throws(InputError) {
        var rest = text[...]
        while let character = rest.first {
            if character.isWhitespace {
                rest.removeFirst()
            } else if character == "`" {
                rest.removeFirst()
                guard let end = rest.firstIndex(of: "`"), end > rest.startIndex else {
                    throw InputError(
                        .formula, found: "a name that begins with ` and does not end", expected: "another `")
                }
                tokens.append(.name(String(rest[..<end])))
                rest = rest[rest.index(after: end)...]
            } else if character.isLetter || character == "." || character == "_" {
                let name = rest.prefix { $0.isLetter || $0.isNumber || $0 == "." || $0 == "_" }
                tokens.append(.name(String(name)))
                rest = rest.dropFirst(name.count)
            } else if character.isASCII, character.isNumber {
                let digits = rest.prefix { $0.isASCII && $0.isNumber }
                guard let number = Int(digits) else {
                    throw InputError(.formula, found: "the number \(digits)", expected: "0 or 1")
                }
                tokens.append(.number(number))
                rest = rest.dropFirst(digits.count)
            } else {
                let sign = rest.hasPrefix("||") ? "||" : String(character)
                guard "~+-*:^()||".contains(sign) else {
                    throw InputError(
                        .formula, found: "'\(character)'", expected: "names and ~ + - * : ^ ( ) |",
                        advice: "names of other characters stand in ` `")
                }
                tokens.append(.sign(sign))
                rest = rest.dropFirst(sign.count)
            }
        }
    }

    private mutating func take(_ sign: String) -> Bool {
        guard tokens.first == .sign(sign) else { return false }
        tokens.removeFirst()
        return true
    }

    private func unexpected(_ expected: String) -> InputError {
        InputError(.formula, found: tokens.first.map(\.text) ?? "its end", expected: expected)
    }

    // MARK: The grammar, from the loosest sign to the tightest

    mutating func formula() throws(InputError) -> Formula {
        var response: String?
        if case .name(let name)? = tokens.first, tokens.dropFirst().first == .sign("~") {
            response = name
            tokens.removeFirst(2)
        } else if tokens.contains(.sign("~")), tokens.first != .sign("~") {
            throw InputError(.formula, found: "more than a name before '~'", expected: "the name of one column")
        } else {
            _ = take("~")
        }
        let sum = try sum()
        guard tokens.isEmpty else { throw unexpected("a sign and another term") }
        return Formula(response: response, fixed: terms(sum), random: sum.random)
    }

    private func terms(_ sum: Sum) -> Formula.Terms {
        // Stable: terms of one size stay in the order in which they were written.
        let sorted = sum.products.enumerated().sorted { ($0.element.count, $0.offset) < ($1.element.count, $1.offset) }
        return Formula.Terms(
            hasIntercept: sum.intercept ?? true, products: sorted.map { $0.element.map { factors[$0] } })
    }

    private mutating func sum() throws(InputError) -> Sum {
        var result = Sum()
        var isNegative = take("-")
        if !isNegative { _ = take("+") }
        while true {
            let part = try product()
            if let constant = part.constant {
                result.intercept = (constant == 1) != isNegative
            } else if isNegative {
                guard part.random.isEmpty else { throw InputError(.formula, found: "'-' before a random term") }
                result.remove(part.products)
                if let intercept = part.intercept { result.intercept = !intercept }
            } else {
                result.add(part.products)
                result.random += part.random
                if let intercept = part.intercept { result.intercept = intercept }
            }
            guard result.products.count <= Self.mostTerms else {
                throw InputError(.formula, found: "more than \(Self.mostTerms) terms", expected: "fewer")
            }
            if take("+") { isNegative = false } else if take("-") { isNegative = true } else { return result }
        }
    }

    private mutating func product() throws(InputError) -> Sum {
        var left = try interaction()
        while take("*") {
            let right = try interaction()
            try check(left, right, "*")
            let crossed = Self.crossed(left.products, right.products)
            left.add(right.products)
            left.add(crossed)
        }
        return left
    }

    private mutating func interaction() throws(InputError) -> Sum {
        var left = try power()
        while take(":") {
            let right = try power()
            try check(left, right, ":")
            left = Sum(Self.crossed(left.products, right.products))
        }
        return left
    }

    private mutating func power() throws(InputError) -> Sum {
        let base = try primary()
        guard take("^") else { return base }
        guard case .number(let exponent)? = tokens.first, (1...10).contains(exponent) else {
            throw unexpected("a whole number after '^'")
        }
        tokens.removeFirst()
        var result = base
        for _ in 1..<exponent {
            try check(result, base, "^")
            result.add(Self.crossed(result.products, base.products))
        }
        return result
    }

    private func check(_ left: Sum, _ right: Sum, _ sign: String) throws(InputError) {
        let isPlain = [left, right].allSatisfy { $0.constant == nil && $0.random.isEmpty && $0.intercept == nil }
        guard isPlain, left.products.count * right.products.count <= Self.mostTerms else {
            throw InputError(
                .formula, found: isPlain ? "too many products at '\(sign)'" : "a number or a random term at '\(sign)'",
                expected: "columns")
        }
    }

    private static func crossed(_ left: [[Int]], _ right: [[Int]]) -> [[Int]] {
        left.flatMap { a in right.map { b in Set(a).union(b).sorted() } }
    }

    private mutating func primary() throws(InputError) -> Sum {
        guard let token = tokens.popFirst() else {
            throw InputError(.formula, found: "its end", expected: "a column")
        }
        switch token {
        case .number(let number):
            guard number <= 1 else { throw InputError(.formula, found: "the number \(number)", expected: "0 or 1") }
            return Sum(constant: number)
        case .name(let name):
            guard take("(") else { return Sum([[number(of: .init(column: name, isCategory: false))]]) }
            guard name == "factor", case .name(let column)? = tokens.popFirst(), take(")") else {
                throw InputError(
                    .formula, found: "'\(name)('", expected: "factor(column)",
                    advice: "other functions of a column have to be columns of the table")
            }
            return Sum([[number(of: .init(column: column, isCategory: true))]])
        case .sign("("):
            let inner = try sum()
            if tokens.first == .sign("|") || tokens.first == .sign("||") { return try random(inner) }
            guard take(")") else { throw unexpected("')'") }
            return inner
        case .sign:
            throw InputError(.formula, found: token.text, expected: "a column")
        }
    }

    private mutating func random(_ inner: Sum) throws(InputError) -> Sum {
        guard inner.random.isEmpty else { throw InputError(.formula, found: "a random term within another") }
        let isCorrelated = tokens.popFirst() == .sign("|")
        guard case .name(let group)? = tokens.popFirst() else {
            throw InputError(.formula, found: "no column behind '|'", expected: "the column that tells the groups")
        }
        guard take(")") else {
            throw InputError(
                .formula, found: tokens.first.map { "\($0.text) behind the group '\(group)'" } ?? "its end",
                expected: "')'", advice: "groups are of one column; nested or crossed ones are not supported")
        }
        return Sum(random: [.init(terms: terms(inner), group: group, isCorrelated: isCorrelated)])
    }

    /// The number of a factor: its place among those that were met.
    private mutating func number(of factor: Formula.Factor) -> Int {
        if let known = factors.firstIndex(of: factor) { return known }
        factors.append(factor)
        return factors.count - 1
    }
}
