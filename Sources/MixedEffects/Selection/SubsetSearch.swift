import LinearAlgebra

/// Best subsets by exchange: effects are flipped one at a time, the best first, then swapped, one in for one out, until nothing
/// lowers 2L + k log N.
public struct SubsetSearch: Sendable {
    /// Which models may be chosen.
    public var rules: SelectionRules
    /// Whether effects are swapped, too, where no flip helps.
    public var swaps: Bool
    /// Moves at most.
    public var maximumMoves: Int

    /// See the properties.
    public init(rules: SelectionRules = .init(), swaps: Bool = true, maximumMoves: Int = 1000) {
        self.rules = rules
        self.swaps = swaps
        self.maximumMoves = maximumMoves
    }

    /// Searches.
    ///
    /// - Parameters:
    ///   - fits: models, with what is known of them.
    ///   - start: where to begin.
    /// - Returns: a model that no flip (and no swap) improves.
    /// - Complexity: O(moves · (p + q)) fits, O((p + q)²) for a round of swaps.
    public func run(_ fits: SupportFits, from start: Support) -> SupportFits.Scored {
        var support = start
        rules.mend(&support)
        var best = fits.model(support)
        for _ in 0..<maximumMoves {
            let count = support.fixed.count + support.random.count
            let flips = (0..<count).compactMap { rules.flipped(best.support, $0) }
            if let better = Self.best(flips, fits, than: best) {
                best = better
                continue
            }
            guard swaps else { break }
            let inside = (0..<count).filter { best.support[$0] }
            let outside = (0..<count).filter { !best.support[$0] }
            let pairs = inside.flatMap { out in
                outside.compactMap { into -> Support? in
                    // In both orders the rules may say otherwise: what is to go, goes last.
                    guard let grown = rules.flipped(best.support, into), grown[out],
                        let swapped = rules.flipped(grown, out), swapped[into]
                    else { return nil }
                    return swapped
                }
            }
            guard let better = Self.best(pairs, fits, than: best) else { break }
            best = better
        }
        return best
    }

    private static func best(
        _ supports: [Support], _ fits: SupportFits, than best: SupportFits.Scored
    ) -> SupportFits.Scored? {
        var found: SupportFits.Scored?
        for support in supports {
            let scored = fits.model(support, near: best)
            // Ties and rounding move nothing.
            if scored.bic < (found ?? best).bic - 1e-7 { found = scored }
        }
        return found
    }
}
