import Glibc

/// The candidate sources of several subjects in one space, and what those of one say of those of another.
struct JointPlaces: Sendable {
    /// How the positions of subjects came into one space.
    enum Space: Sendable, Equatable {
        /// As ``CommonSpace`` has it: shared candidates, or transforms to MNI.
        case common(CommonSpace)
        /// Affinely, onto the first subject, by where the candidates lie.
        case aligned(CoordinateFrame)
    }

    let space: Space
    /// Of each subject the candidates in the common space, m.
    let positions: [[SIMD3<Double>]]
    /// The first subject that has the same candidates as each; itself where none before it has.
    let twins: [Int]

    /// A source that says something of others: a candidate of a subject, and how much it counts.
    typealias Weighted = (index: Int, weight: Double)

    /// Brings the candidates of subjects into one space.
    ///
    /// - Parameters:
    ///   - spaces: of the subjects.
    ///   - common: of their positions; own coordinates are aligned affinely.
    ///   - names: of the subjects, for their transforms.
    init(_ spaces: [SourceSpace], in common: CommonSpace, names: [String]) {
        var twins: [Int] = []
        for s in spaces.indices {
            let isAlone: Bool = if case .transformed = common { true } else { false }
            twins.append(
                isAlone ? s : spaces.indices.first { spaces[$0].positions == spaces[s].positions } ?? s)
        }
        var positions: [[SIMD3<Double>]] = []
        for s in spaces.indices {
            if twins[s] < s {
                positions.append(positions[twins[s]])
            } else if case .head = common, s > 0 {
                let map = AffineAlignment(from: spaces[s].positions, to: spaces[0].positions)
                positions.append(spaces[s].positions.map(map.apply))
            } else {
                positions.append(spaces[s].positions.map { common.position($0, of: names[s]) })
            }
        }
        self.positions = positions
        self.twins = twins
        space = if case .head(let frame) = common { .aligned(frame) } else { .common(common) }
    }

    /// Where positions compare, in words.
    var name: String {
        switch space {
        case .common(let space): space.name
        case .aligned(let frame): "own \(frame.rawValue), aligned"
        }
    }

    /// A Gaussian of distance is left out beyond so many widths.
    private static let reach = 4.5

    /// Adds weight·exp(−d²/2σ²) of sources to the candidates of a subject.
    private func add(
        _ sources: [(position: SIMD3<Double>, weight: Double)], width: Double, to subject: Int, _ map: inout [Double]
    ) {
        let (limit, factor) = (Self.reach * Self.reach * width * width, -0.5 / (width * width))
        positions[subject].withUnsafeBufferPointer { positions in
            map.withUnsafeMutableBufferPointer { map in
                for (place, weight) in sources where weight > 0 {
                    for i in positions.indices {
                        let d = positions[i] - place
                        let square = (d * d).sum()
                        if square < limit { map[i] += weight * exp(factor * square) }
                    }
                }
            }
        }
    }

    /// The mean over subjects of what each explains, blurred: m of ``CoupledReweighting``, at the candidates of each.
    ///
    /// - Parameters:
    ///   - powers: of each subject a number a candidate.
    ///   - width: σ of the Gaussian, m.
    func blurred(_ powers: [[Double]], width: Double) -> [[Double]] {
        let sources = powers.enumerated().flatMap { s, powers in
            powers.indices.filter { powers[$0] > 0 }.map { (positions[s][$0], powers[$0] / Double(positions.count)) }
        }
        var maps: [[Double]] = []
        for s in positions.indices {
            if twins[s] < s {
                maps.append(maps[twins[s]])
            } else {
                var map = [Double](repeating: 0, count: positions[s].count)
                add(sources, width: width, to: s, &map)
                maps.append(map)
            }
        }
        return maps
    }

    /// By how many times a source of a subject is likelier at each of its candidates than were all alike, as the sources of
    /// the other subjects say: (1 − ρ) + ρ·density, of mean one.
    ///
    /// The density is that of a kernel around the sources of the others, each normalized over the subject's own candidates.
    ///
    /// - Parameters:
    ///   - subject: whose candidates; its own sources say nothing.
    ///   - sources: of each subject.
    ///   - width: σ of the kernel, m.
    ///   - coupling: ρ.
    /// - Returns: nil where no other subject has a source near any candidate.
    func ratios(_ subject: Int, _ sources: [[Weighted]], width: Double, coupling: Double) -> [Double]? {
        let count = positions[subject].count
        var density = [Double](repeating: 0, count: count)
        var total = 0.0
        for s in sources.indices where s != subject {
            for source in sources[s] where source.weight > 0 {
                var own = [Double](repeating: 0, count: count)
                add([(positions[s][source.index], 1)], width: width, to: subject, &own)
                let sum = own.reduce(0, +)
                guard sum > 0 else { continue }
                for i in own.indices where own[i] > 0 { density[i] += source.weight * own[i] / sum }
                total += source.weight
            }
        }
        guard total > 0 else { return nil }
        return density.map { (1 - coupling) + coupling * $0 * Double(count) / total }
    }
}
