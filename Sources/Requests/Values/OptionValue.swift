/// What a caller gives for an option: a text as on a command line, or a number.
public enum OptionValue: Sendable, Equatable {
    case text(String)
    case number(Double)
    case numbers([Double])
    case texts([String])

    /// The value as somebody would read it.
    private var text: String {
        switch self {
        case .text(let text): "'\(text)'"
        case .number(let number): "\(number)"
        case .numbers(let numbers): "\(numbers.count) numbers"
        case .texts(let texts): "\(texts.count) texts"
        }
    }

    private func wrong(_ name: SettingName, _ expected: String) -> InputError {
        InputError(name, found: text, expected: expected)
    }

    /// A number, also one that is given as text.
    ///
    /// - Throws: ``InputError`` for anything else, NaN included.
    func number(_ name: SettingName) throws(InputError) -> Double {
        switch self {
        case .number(let number) where !number.isNaN: return number
        case .text(let text):
            guard let number = Double(text), !number.isNaN else { throw wrong(name, "a number") }
            return number
        default: throw wrong(name, "a number")
        }
    }

    /// A whole number.
    ///
    /// - Throws: ``InputError`` for anything else.
    func count(_ name: SettingName) throws(InputError) -> Int {
        guard let count = Int(exactly: try number(name)) else { throw wrong(name, "a whole number") }
        return count
    }

    /// A seed.
    ///
    /// - Throws: ``InputError`` unless it is a whole number from 0 on.
    func seed(_ name: SettingName) throws(InputError) -> UInt64 {
        if case .text(let text) = self, let seed = UInt64(text) { return seed }
        guard let seed = UInt64(exactly: try number(name)) else { throw wrong(name, "a whole number from 0 on") }
        return seed
    }

    /// `true` or `false`; of numbers, 1 or 0.
    ///
    /// - Throws: ``InputError`` for anything else.
    func flag(_ name: SettingName) throws(InputError) -> Bool {
        switch self {
        case .text("true"), .number(1): return true
        case .text("false"), .number(0): return false
        default: throw wrong(name, "true or false")
        }
    }

    /// A text.
    ///
    /// - Throws: ``InputError`` for an array.
    func text(_ name: SettingName) throws(InputError) -> String {
        switch self {
        case .text(let text): return text
        case .number(let number): return Int(exactly: number).map { "\($0)" } ?? "\(number)"
        case .numbers, .texts: throw wrong(name, "a text")
        }
    }

    /// Texts; one alone may hold several with commas between.
    ///
    /// - Throws: ``InputError`` for an array.
    func texts(_ name: SettingName) throws(InputError) -> [String] {
        if case .texts(let texts) = self { return texts }
        return try text(name).split(separator: ",").map { $0.trimmingBlanks }.filter { !$0.isEmpty }
    }

    /// Numbers; one alone is an array of one.
    ///
    /// - Throws: ``InputError`` for a text that is no number.
    func numbers(_ name: SettingName) throws(InputError) -> [Double] {
        if case .numbers(let numbers) = self { return numbers }
        return [try number(name)]
    }

    /// Whole numbers; one alone is an array of one.
    ///
    /// - Throws: ``InputError`` for anything else.
    func counts(_ name: SettingName) throws(InputError) -> [Int] {
        let counts = try numbers(name).map { Int(exactly: $0) }
        guard counts.allSatisfy({ $0 != nil }) else { throw wrong(name, "whole numbers") }
        return counts.compactMap(\.self)
    }

    /// Two times in seconds, the first not after the second.
    ///
    /// - Throws: ``InputError`` for anything else.
    func times(_ name: SettingName) throws(InputError) -> ClosedRange<Double> {
        guard case .numbers(let times) = self, times.count == 2, times[0].isFinite, times[1].isFinite,
            times[0] <= times[1]
        else { throw wrong(name, "two times in seconds, the first not after the second") }
        return times[0]...times[1]
    }

    /// A member of a family by its name.
    ///
    /// - Throws: ``InputError`` that names all, for another one.
    func kind<Kind: NamedKind>(_ name: SettingName, _ names: (Kind) -> String) throws(InputError) -> Kind {
        guard case .text(let text) = self, let kind = Kind.named(text) else {
            throw wrong(name, "one of \(Kind.all.map(names).joined(separator: ", "))")
        }
        return kind
    }

    /// One of a few words.
    ///
    /// - Throws: ``InputError`` that names them, for another one.
    func word<Word: RawRepresentable & CaseIterable>(_ name: SettingName) throws(InputError) -> Word
    where Word.RawValue == String {
        guard case .text(let text) = self, let word = Word(rawValue: text) else {
            throw wrong(name, "one of \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return word
    }
}

extension Substring {
    /// Without blanks at both ends.
    fileprivate var trimmingBlanks: String {
        var text = self
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
