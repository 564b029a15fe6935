/// The constraint that at most so many fixed effects, and at most so many variances, are not zero. Effects of weight zero are
/// free and do not count.
///
/// It is no sum over effects (``EffectPenalty/isSeparable``): its proximal operator keeps the largest magnitudes of a part.
/// Effect by effect it costs nothing.
public struct L0Limit: EffectPenalty, Equatable {
    /// How many fixed effects may differ from zero.
    public let fixed: Int
    /// How many variances may be positive.
    public let variances: Int

    /// - Parameters: 0 or more; a limit above the number of effects is none.
    /// - Throws: ``InvalidEffectPenalty``.
    public init(fixed: Int, variances: Int) throws(InvalidEffectPenalty) {
        for (name, limit) in [("number of fixed effects", fixed), ("number of random effects", variances)]
        where limit < 0 {
            throw .shape(name: name, value: Double(limit), expected: "0 or more")
        }
        self.fixed = fixed
        self.variances = variances
    }

    /// Sets of so many nonzeros are not convex.
    public var isConvex: Bool { false }
    /// It counts all effects of a part.
    public var isSeparable: Bool { false }

    /// 0: what ``shrink(_:weights:step:of:)`` lets through is allowed.
    public func value(_ magnitude: Double, weight: Double) -> Double { 0 }

    /// The magnitude.
    public func proximal(_ magnitude: Double, weight: Double, step: Double) -> Double { magnitude }

    /// Flat; no slope moves an effect that is zero.
    public func derivatives(_ magnitude: Double, weight: Double) -> (first: Double, second: Double) {
        (magnitude > 0 || weight == 0 ? 0 : .infinity, 0)
    }

    /// Keeps the largest magnitudes, among equals the first.
    ///
    /// - Complexity: O(n · magnitudes to go).
    public func shrink(
        _ magnitudes: UnsafeMutableBufferPointer<Double>, weights: UnsafeBufferPointer<Double>, step: Double,
        of part: EffectPart
    ) {
        var excess = -(part == .fixed ? fixed : variances)
        for j in magnitudes.indices where magnitudes[j] > 0 && weights[j] > 0 { excess += 1 }
        // The smallest goes, the last of equals first: no memory is needed, and effects are few.
        while excess > 0 {
            var smallest: Int?
            for j in magnitudes.indices where magnitudes[j] > 0 && weights[j] > 0 {
                if let s = smallest, magnitudes[j] > magnitudes[s] { continue }
                smallest = j
            }
            guard let smallest else { return }
            magnitudes[smallest] = 0
            excess -= 1
        }
    }
}
