import Glibc

/// Numbers as text: the same on every machine and in every locale, with a dot as decimal mark.
package enum NumberText {
    /// What stands where a value is missing or not finite.
    package static let missing = "n/a"

    /// A value with a fixed number of decimals; scientific from 1e15, where decimals mean nothing.
    static func fixed(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite else { return missing }
        guard abs(value) < 1e15 else { return significant(value, 6) }
        return unsignedZero(String(printf: "%.\(max(0, decimals))f", value))
    }

    /// A value with so many significant digits, without trailing zeros.
    static func significant(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite else { return missing }
        return unsignedZero(String(printf: "%.\(max(1, digits))g", value))
    }

    /// The shortest text that reads back as exactly this value.
    static func exact(_ value: Double) -> String {
        guard value.isFinite else { return missing }
        return value == 0 ? "0" : "\(value)"
    }

    /// A share of one as a percentage; a decimal only below ten.
    static func percent(_ share: Double) -> String {
        let value = share * 100
        return fixed(value, value != 0 && abs(value) < 9.95 ? 1 : 0) + (value.isFinite ? " %" : "")
    }

    /// For people: a range with as many decimals, two at most, as tell its ends apart; one number where they are the same.
    static func range(_ low: Double, _ high: Double) -> String {
        guard high.isFinite else { return "\(readable(low, 2)) or more" }
        let width = high - low
        let decimals = width >= 3 ? 0 : width >= 0.3 ? 1 : 2
        let (first, last) = (fixed(low, decimals), fixed(high, decimals))
        return first == last ? first : first + (low < 0 ? " to " : "–") + last
    }

    /// For people: so many significant digits, but never fewer than the integer part has.
    static func readable(_ value: Double, _ digits: Int = 3) -> String {
        guard value.isFinite else { return missing }
        guard value != 0 else { return "0" }
        let size = abs(value)
        guard size >= 1e-3, size < 1e6 else { return scientific(value, digits) }
        let integerDigits = size < 1 ? 0 : Int(log10(size)) + 1
        let leadingZeros = size < 0.1 ? Int(-log10(size)) : 0
        return fixed(value, max(0, digits - integerDigits + leadingZeros))
    }

    /// Mantissa and power of ten as print has them: 1.5×10⁻⁷.
    static func scientific(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite else { return missing }
        let parts = String(printf: "%.\(max(0, digits - 1))e", value).split(separator: "e")
        guard parts.count == 2, let exponent = Int(parts[1]) else { return significant(value, digits) }
        var mantissa = String(parts[0])
        if mantissa.contains(".") {
            while mantissa.hasSuffix("0") { mantissa.removeLast() }
            if mantissa.hasSuffix(".") { mantissa.removeLast() }
        }
        let superscripts: [Character: Character] = [
            "-": "⁻", "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷", "8": "⁸",
            "9": "⁹",
        ]
        return mantissa + "×10" + String(String(exponent).map { superscripts[$0] ?? $0 })
    }

    /// A hyphen that stands for minus, as print has it.
    package static func typographic(_ text: String) -> String {
        text.replacing("-", with: "−")
    }

    private static func unsignedZero(_ text: String) -> String {
        text.hasPrefix("-") && !text.contains(where: { ("1"..."9").contains($0) }) ? String(text.dropFirst()) : text
    }
}

extension String {
    /// The text on one line without control characters, so that a name from a file can neither break a table nor
    /// steer a terminal.
    package var onOneLine: String {
        String(
            unicodeScalars.map { scalar -> Character in
                switch scalar.properties.generalCategory {
                case .control, .lineSeparator, .paragraphSeparator, .format: " "
                default: Character(scalar)
                }
            })
    }
}

extension Double {
    /// The value, or nil when it is NaN or infinite.
    var finite: Double? { isFinite ? self : nil }
}
