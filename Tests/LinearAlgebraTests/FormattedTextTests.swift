import Foundation
import LinearAlgebra
import Testing

@Suite("Numbers in texts")
struct FormattedTextTests {
    @Test(
        "Numbers are written as by Foundation", arguments: ["%.3g", "%.0f", "%.2f", "%.1e", "%.17g", "a %.4g s – %% µ"])
    func agreement(_ format: String) {
        var random = SeededGenerator(seed: 8)
        let values = (0..<200).map { _ in random.normal() * pow(10, 40 * random.uniform() - 20) }
        for value in values + [
            0, -0.0, .infinity, -.infinity, .nan, 0.5, 1.5, 2.5, Double.leastNonzeroMagnitude, .greatestFiniteMagnitude,
        ] {
            #expect(String(printf: format, value) == String(format: format, value))
        }
    }

    @Test("Several values, whole ones and none; a text may be as long as it wants")
    func several() {
        #expect(String(printf: "#%02lx%02lx, %d of %ld", 255, 7, Int32(-3), Int.max) == "#ff07, -3 of \(Int.max)")
        #expect(String(printf: "é → ∞") == "é → ∞")
        #expect(String(printf: "") == "")
        let long = String(printf: "%.100f|%.0f", 0.5, 1e300)
        #expect(long.hasPrefix("0.5" + String(repeating: "0", count: 99) + "|1"))
        #expect(long.utf8.count == 102 + 1 + 301 && Double(long.split(separator: "|")[1]) == 1e300)
    }

    /// A locale with decimal commas, of this thread alone; nil where the system has none.
    private static var decimalComma: locale_t? {
        let names = ["de_DE.UTF-8", "fr_FR.UTF-8", "de_DE"]
        return names.lazy.compactMap { name in newlocale(1 << LC_NUMERIC, name, nil) }.first
    }

    @Test(
        "The decimal mark is a dot where the program's is a comma, which it stays",
        .enabled(if: decimalComma != nil, "no locale with decimal commas is installed"))
    func decimalMark() throws {
        let comma = try #require(Self.decimalComma)
        let outer = uselocale(comma)
        defer {
            uselocale(outer)
            freelocale(comma)
        }
        #expect(String(printf: "%.1f", 0.5) == "0.5")
        #expect(String(cString: localeconv().pointee.decimal_point) == ",")
    }
}
