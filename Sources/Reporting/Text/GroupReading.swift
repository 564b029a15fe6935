import SourceImaging

extension SourceCluster {
    /// Where it is, for people: `right (52, 16, 70) mm`.
    var place: String { (hemisphere.map { $0.name + " " } ?? "") + centre.place }

    /// Probability that chance makes as much, for people: `p 0.004`; empty where unknown.
    var chanceText: String { chance.map { "p " + NumberText.readable($0, 2) } ?? "" }

    /// Whether chance makes as much in one of twenty groups at most.
    var isBeyondChance: Bool { chance.map { $0 <= 0.05 } ?? false }
}

extension SourceCluster.Moments {
    /// Mean and standard deviation for people, in a unit that `factor` makes of SI: `24 ± 8`.
    func text(_ factor: Double, decimals: Int) -> String {
        let mean = NumberText.typographic(NumberText.fixed(self.mean * factor, decimals))
        return mean + (deviation.map { " ± " + NumberText.fixed($0 * factor, decimals) } ?? "")
    }
}

extension GroupOutlier {
    /// What stands out, in words: `rank 120 (median 302, z −9.1)`.
    var text: String {
        let isPart = quantity == .goodnessOfFit
        func number(_ value: Double) -> String { isPart ? NumberText.percent(value) : NumberText.readable(value) }
        let score = score.map { ", z " + NumberText.typographic(NumberText.fixed($0, 1)) } ?? ""
        return "\(quantity.rawValue) \(number(value)) (median \(number(median))\(score))"
    }
}

extension CommonSpace {
    /// What compares in it, a sentence.
    var text: String {
        switch self {
        case .shared(let frame):
            "All subjects have the same candidate sources (a template brain): positions compare directly, in the frame "
                + "‘\(frame.rawValue)’."
        case .transformed:
            "Positions were taken to MNI coordinates by a transform for each subject."
        case .head(let frame):
            "Positions are in each subject’s own coordinates (‘\(frame.rawValue)’): they compare within about a centimetre."
        }
    }
}

extension GroupResult {
    /// Names of the conditions; what has no name reads `n/a`.
    func conditionName(_ name: String) -> String { name.isEmpty ? NumberText.missing : name.onOneLine }

    /// Where candidate sources lie in the common space to the right, in front and above, mm: of one member where all share
    /// them, else of all; a part where there are many.
    var outline: [SIMD3<Double>] {
        let most = 20_000
        var spaces = members.compactMap { member in member.candidates.map { (member.subject, $0) } }
        if case .shared = space { spaces = Array(spaces.prefix(1)) }
        let count = spaces.reduce(0) { $0 + $1.1.count }
        let step = max(1, (count + most - 1) / most)
        return spaces.flatMap { subject, candidates in
            stride(from: 0, to: candidates.count, by: step).map {
                space.position(candidates.positions[$0], of: subject)
            }
        }.filter(BrainViews.isInHead).map { space.axes.rightAnteriorSuperior($0) * 1000 }
    }
}
