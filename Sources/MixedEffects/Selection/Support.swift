import LinearAlgebra

/// Which effects a model has.
public struct Support: Hashable, Sendable {
    /// Whether each fixed effect is in: p values.
    public var fixed: [Bool]
    /// Whether each random effect is in: q values.
    public var random: [Bool]

    /// See the properties.
    public init(fixed: [Bool], random: [Bool]) {
        self.fixed = fixed
        self.random = random
    }

    /// All effects that are not 0.
    public init(_ effects: Effects, threshold: Double = 0) {
        fixed = effects.fixed.map { abs($0) > threshold }
        random = effects.variances.map { $0 > threshold }
    }

    /// Number of effects.
    public var count: Int { fixed.count(where: \.self) + random.count(where: \.self) }

    /// Effect `k` of all, fixed ones first.
    subscript(k: Int) -> Bool {
        get { k < fixed.count ? fixed[k] : random[k - fixed.count] }
        set { if k < fixed.count { fixed[k] = newValue } else { random[k - fixed.count] = newValue } }
    }

    var fixedIndices: [Int] { fixed.indices.filter { fixed[$0] } }
    var randomIndices: [Int] { random.indices.filter { random[$0] } }
}

/// Which models may be chosen.
public struct SelectionRules: Sendable {
    /// Fixed effects that every model has, such as the intercept.
    public var keptFixed: Set<Int>
    /// Random effects that every model has.
    public var keptRandom: Set<Int>
    /// For each random effect the fixed effect of the same column: the random one only where the fixed one is (a departure from
    /// something). Nil where it has none; an empty list asks for no hierarchy.
    public var parents: [Int?]

    /// See the properties.
    public init(keptFixed: Set<Int> = [], keptRandom: Set<Int> = [], parents: [Int?] = []) {
        self.keptFixed = keptFixed
        self.keptRandom = keptRandom
        self.parents = parents
    }

    /// Groups below which random effects are not chosen, but all kept: so few carry no choice of variances.
    public static let fewestGroups = 8

    /// The same rules for so many groups: where they are too few, every random effect is kept, and asks for no fixed one.
    ///
    /// - Parameters:
    ///   - groups: how many there are.
    ///   - randomCount: number of random effects.
    public func with(groups: Int, randomCount: Int) -> SelectionRules {
        groups < Self.fewestGroups ? SelectionRules(keptFixed: keptFixed, keptRandom: Set(0..<randomCount)) : self
    }

    /// Makes a support one of those that may be chosen.
    func mend(_ support: inout Support) {
        for k in keptFixed { support.fixed[k] = true }
        for k in keptRandom { support.random[k] = true }
        for (k, parent) in parents.enumerated() where support.random[k] {
            guard let parent, !support.fixed[parent] else { continue }
            if keptRandom.contains(k) { support.fixed[parent] = true } else { support.random[k] = false }
        }
    }

    /// Whether a support is one of those that may be chosen.
    func allow(_ support: Support) -> Bool {
        keptFixed.allSatisfy { support.fixed[$0] } && keptRandom.allSatisfy { support.random[$0] }
            && parents.enumerated().allSatisfy { k, parent in
                !support.random[k] || parent.map { support.fixed[$0] } ?? true
            }
    }

    /// Whether effect `k` of all may be flipped, and what becomes of the support: with a fixed effect its random effects go, with
    /// a random one its fixed effect comes.
    func flipped(_ support: Support, _ k: Int) -> Support? {
        let p = support.fixed.count
        let isKept = k < p ? keptFixed.contains(k) : keptRandom.contains(k - p)
        guard !isKept else { return nil }
        var flipped = support
        flipped[k].toggle()
        if k >= p, flipped[k], k - p < parents.count, let parent = parents[k - p] {
            flipped.fixed[parent] = true
        }
        if k < p, !flipped[k] {
            for (random, parent) in parents.enumerated() where parent == k {
                if keptRandom.contains(random) { return nil }
                flipped.random[random] = false
            }
        }
        return flipped
    }
}
