import Foci

/// Conditions that are made of others, such as a difference of two averages, by what they are called.
enum CombinedConditions {
    /// Stands for another name.
    private static let part = "\0"
    private static let signs: Set<Substring> = ["minus", "plus", "vs", "vs.", "-", "−", "–", "+", "×", "*"]

    /// The names that are nothing but two other names at least, numbers, and signs with spaces around them: `a minus b`,
    /// `0.5 × a + 0.5 × b`.
    ///
    /// - Returns: in the order of the names.
    static func among(_ names: [String]) -> [String] {
        let names = names.filter { !$0.isEmpty }
        return names.filter { name in
            var rest = name
            // Longest first: what is a part of another name is not taken out of it.
            for other in names.sorted(by: { ($1.count, $0) < ($0.count, $1) }) where other != name {
                rest = rest.split(separator: other, omittingEmptySubsequences: false).joined(separator: part)
            }
            let words = rest.split { $0.isWhitespace || "()".contains($0) }
            return words.count { $0 == part } > 1 && words.contains(where: signs.contains)
                && words.allSatisfy { $0 == part || signs.contains($0) || Double($0) != nil }
        }
    }
}

extension GroupInput {
    /// The same without conditions that are made of others, and which these are.
    ///
    /// - Throws: ``InputError`` where the others cannot be compared.
    func withoutCombined() throws(InputError) -> (input: GroupInput, left: [String]) {
        let left = CombinedConditions.among(Set(recordings.map(\.condition)).sorted())
        guard !left.isEmpty else { return (self, []) }
        let kept = recordings.indices.filter { !left.contains(recordings[$0].condition) }
        var settings = group.settings
        settings.permutations = 0
        let rest = try GroupResult(kept.map { group.members[$0] }, transforms: transforms, settings: settings)
        return (
            GroupInput(
                folder: folder, recordings: kept.map { recordings[$0] }, group: rest, settings: self.settings,
                transforms: transforms, recipe: recipe, fingerprint: fingerprint), left
        )
    }
}
