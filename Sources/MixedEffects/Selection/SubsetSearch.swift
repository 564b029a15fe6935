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

    /// How much better than it looks a model may be, in 2L: what looks worse than the present one by more is not fitted until
    /// the end, when all flips are.
    private static let doubt = 3.0

    /// Searches.
    ///
    /// - Parameters:
    ///   - fits: models, with what is known of them.
    ///   - start: where to begin.
    /// - Returns: a model that no flip improves, and no swap that looks as if it might.
    /// - Complexity: O(moves) fits, and O(p + q) at the end.
    public func run(_ fits: SupportFits, from start: Support) -> SupportFits.Scored {
        var support = start
        rules.mend(&support)
        var best = fits.model(support)
        for _ in 0..<maximumMoves {
            if let better = bestFlip(fits, best, doubt: Self.doubt) ?? bestFlip(fits, best, doubt: .infinity)
                ?? (swaps ? bestSwap(fits, best) : nil)
            {
                best = better
            } else {
                break
            }
        }
        return best
    }

    private func bestFlip(
        _ fits: SupportFits, _ best: SupportFits.Scored, doubt: Double
    ) -> SupportFits.Scored? {
        guard best.bic.isFinite else { return Self.best(flips(best), fits, than: best) }
        let outlook = fits.outlook(best)
        let worth = flips(best).filter { flipped in
            // With a fixed effect its random effects go, too: the sum is a bound on what each alone says.
            let change = outlook.flips.indices.reduce(0) { sum, k in
                flipped[k] == best.support[k] ? sum : sum + outlook.flips[k]
            }
            let size = Double(flipped.count - best.support.count)
            return 2 * change + size * fits.charge < doubt
        }
        return Self.best(worth, fits, than: best)
    }

    private func flips(_ best: SupportFits.Scored) -> [Support] {
        (0..<(best.support.fixed.count + best.support.random.count)).compactMap { rules.flipped(best.support, $0) }
    }

    private func bestSwap(_ fits: SupportFits, _ best: SupportFits.Scored) -> SupportFits.Scored? {
        guard best.bic.isFinite else { return nil }
        var pairs: [Support] = []
        fits.outlook(best, withSwaps: true).forEachSwap { out, into, change in
            guard 2 * change < Self.doubt else { return }
            // In both orders the rules may say otherwise: what is to go, goes last.
            guard let grown = rules.flipped(best.support, into), grown[out],
                let swapped = rules.flipped(grown, out), swapped[into]
            else { return }
            pairs.append(swapped)
        }
        return Self.best(pairs, fits, than: best)
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
