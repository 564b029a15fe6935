/// When two names mean the same channel.
public enum NameMatching: String, Sendable, CaseIterable {
    /// Letter by letter.
    case exact
    /// Also where they differ by upper and lower case, blanks and other separators, or what programs put before or behind a
    /// name (`EEG 001` and `EEG001`, `FP1` and `Fp1.`, `MLC11-2908` and `MLC11`, `EEG Fp1-Ref` and `Fp1`), as long as only one
    /// channel answers.
    case loose

    /// How two names differ that loose matching takes for one.
    enum Difference: String {
        case letterCase = "upper and lower case"
        case separators = "blanks or other separators"
        case affix = "what stands before or behind the name"

        /// The least of the differences that account for all; nil where the names are not alike at all.
        init?(_ one: String, _ other: String) {
            for (difference, form) in Self.forms where form(one) == form(other) {
                self = difference
                return
            }
            return nil
        }

        /// What is left of a name when a difference, and those before it, count for nothing.
        static let forms: [(Difference, @Sendable (String) -> String)] = [
            (.letterCase, { $0.lowercased() }), (.separators, { bare($0) }), (.affix, { core($0) }),
        ]

        /// Lower case, without blanks, dots, underscores and hyphens.
        private static func bare(_ name: String) -> String {
            name.lowercased().filter { !$0.isWhitespace && !"._-".contains($0) }
        }

        /// Without the serial number that CTF puts behind a name, the reference that EDF does, and the kind before it.
        private static func core(_ name: String) -> String {
            var parts = name.lowercased().split(separator: "-", omittingEmptySubsequences: false).map {
                bare(String($0))
            }
            if parts.count > 1, let last = parts.last, isSerial(last) || references.contains(last) {
                parts.removeLast()
            }
            let whole = parts.joined()
            // A number alone is no name: `EEG 001` is not `MEG 001`.
            for kind in ["eeg", "meg"] where whole.hasPrefix(kind) {
                let rest = whole.dropFirst(kind.count)
                if rest.first?.isLetter == true { return String(rest) }
            }
            return whole
        }

        private static func isSerial(_ text: String) -> Bool { text.count >= 3 && text.allSatisfy(\.isNumber) }
        private static let references: Set = ["ref", "le", "re", "ar", "a1", "a2", "m1", "m2", "avg", "av"]
    }

    /// For each name its place among others, nil where there is none: the same name, or with loose matching one that is
    /// like it, where each is like no other.
    public func places(of names: [String], among others: [String]) -> [Int?] {
        let place = Dictionary(others.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        var found = names.map { place[$0] }
        guard self == .loose else { return found }
        for (_, form) in Difference.forms {
            // Alike to one alone, of all there are, matched already or not.
            let taken = Set(found.compactMap(\.self))
            let own = Dictionary(grouping: names.indices) { form(names[$0]) }
            let candidates = Dictionary(grouping: others.indices) { form(others[$0]) }
            for (key, group) in own where group.count == 1 && found[group[0]] == nil {
                if let one = candidates[key], one.count == 1, !taken.contains(one[0]) { found[group[0]] = one[0] }
            }
        }
        return found
    }
}
