import Glibc

/// Where a refined source may be, and what it may look like there: the profile likelihood of its place.
struct Whereabouts: Sendable {
    /// Blocks that hold it with a probability of ``level``, in ascending order.
    let candidates: [Int]
    /// Smallest and largest extent of the patches in them, m.
    let extents: ClosedRange<Double>
    /// Standard deviation of the logarithm of its amplitude from one candidate to the next.
    let amplitudeSpread: Double

    static let level = 0.95
    /// Of χ² with three degrees of freedom at that level.
    private static let quantile = 7.815

    /// Part of what a source explains that tells nothing of its place: the shape of a patch is never that of the truth, and an
    /// error of shape lies in the few directions in which neighbours differ.
    private static let shapeError = 0.04

    private init(candidates: [Int], extents: ClosedRange<Double>, amplitudeSpread: Double) {
        (self.candidates, self.extents, self.amplitudeSpread) = (candidates, extents, amplitudeSpread)
    }

    /// From the scores of all atoms in the place of a source.
    ///
    /// The likelihood of an atom is exp(s/2φ) with its score s. φ is the level of the noise plus the part of the source's
    /// own power by which a wrong gain, whose error is spread over all rows, and a wrong shape may change the scores. Those
    /// are kept whose likelihood is not below that of the best by more than three coordinates explain by chance (Wilks 1938):
    /// their number plays no part, as it would where the many atoms far away add up.
    ///
    /// - Parameters:
    ///   - scores: a family an array, a number a block.
    ///   - extents: of the families, m.
    ///   - noise: level of the noise, as a variance of whitened data.
    ///   - gainError: relative error of the gain.
    ///   - rows: of the whitened data.
    ///   - gains: norm of what a unit of amplitude, in A·m, makes the sensors see of an atom, as the scores.
    init?(
        _ scores: [[Double]], extents: [Double], noise: Double, gainError: Double, rows: Int, gains: [[Double]]
    ) {
        let best = scores.reduce(0) { $1.reduce($0, max) }
        guard best > 0, noise > 0 else { return nil }
        let level = noise + (Self.shapeError + gainError * gainError / Double(max(1, rows))) * best
        var atoms: [(f: Int, j: Int, weight: Double)] = []
        for (f, own) in scores.enumerated() {
            for (j, score) in own.enumerated() where score > 0 && best - score <= Self.quantile * level {
                atoms.append((f, j, exp((score - best) / (2 * level))))
            }
        }
        candidates = Set(atoms.map(\.j)).sorted()
        let sum = atoms.reduce(0) { $0 + $1.weight }
        var byExtent = [Double](repeating: 0, count: extents.count)
        var (mass, first, second) = (0.0, 0.0, 0.0)
        for atom in atoms {
            byExtent[atom.f] += atom.weight
            let gain = gains[atom.f][atom.j]
            guard gain > 0 else { continue }
            let size = 0.5 * log(scores[atom.f][atom.j]) - log(gain)
            mass += atom.weight
            first += atom.weight * size
            second += atom.weight * size * size
        }
        let likely = extents.indices.filter { byExtent[$0] > 0.025 * sum }.map { extents[$0] }
        self.extents = (likely.min() ?? 0)...(likely.max() ?? 0)
        amplitudeSpread = mass > 0 ? max(0, second / mass - first * first / (mass * mass)).squareRoot() : 0
    }
}

extension Whereabouts {
    /// Of a source of some extent that is told as a block.
    fileprivate func including(_ block: Int, _ extent: Double) -> Whereabouts {
        Whereabouts(
            candidates: Set(candidates + [block]).sorted(),
            extents: min(extent, extents.lowerBound)...max(extent, extents.upperBound),
            amplitudeSpread: amplitudeSpread)
    }
}

extension SourceChoice.Refining {
    /// Where each of some sources may be.
    func whereabouts(_ selected: SourceChoice.Selected, _ response: Matrix) -> [Whereabouts?] {
        let power = dictionary.power(of: response)
        let gains = dictionary.families.indices.map { f in
            shapes.sources.positions.indices.map { j in
                let weight = shapes.weight(of: j)
                return weight > 0 ? dictionary.size(of: .init(family: f, block: j)) / weight : 0
            }
        }
        let profiles = dictionary.profiles(
            of: selected.atoms, in: selected.dictionary, as: selected.owners, power)
        return selected.sources.enumerated().map { i, source in
            profiles.flatMap {
                Whereabouts(
                    $0[i], extents: Patches.extents, noise: noise, gainError: selected.gainError ?? 0,
                    rows: response.rows, gains: gains)
            }?.including(source.owner, FinePlaces.extents[source.atom.family])
        }
    }
}

extension EstimatedSource {
    /// Sets its error bars.
    ///
    /// - Parameters:
    ///   - worth: where it may be, and how likely it is one at all.
    ///   - deviation: standard deviation of its amplitude at the peak by the noise, A·m.
    ///   - gainError: relative error of the gain.
    ///   - sources: of the forward.
    ///   - spacing: between neighbours of the source space, m.
    ///   - times: of the samples, s.
    mutating func setErrorBars(
        _ worth: SourceChoice.Worth, deviation: Double, gainError: Double, _ sources: SourceSpace, spacing: Double,
        times: [Double]
    ) {
        probability = worth.probability
        guard let whereabouts = worth.whereabouts else { return }
        // All members alike: weighted by how likely they are, the far ones would stretch the ellipsoid beyond the head.
        let members = whereabouts.candidates.map {
            (index: $0, position: sources.positions[$0], weight: 1.0)
        }
        region = try? SourceRegion(
            level: Whereabouts.level, members: members,
            cellVolumes: members.map { _ in spacing * spacing * spacing }, spacing: spacing)
        extentInterval = whereabouts.extents
        guard amplitudes.columns > 0, deviation.isFinite else { return }
        let course = timeCourse.map(abs)
        let (peak, sample) = (course[peakSample], peakSample)
        let relative = whereabouts.amplitudeSpread * whereabouts.amplitudeSpread + gainError * gainError
        let half = 1.96 * (deviation * deviation + relative * peak * peak).squareRoot()
        amplitudeInterval = max(0, peak - half)...(peak + half)
        // Samples whose amplitude noise could make the largest: two amplitudes differ by √2 of the deviation of one.
        let least = peak - 1.96 * 2.0.squareRoot() * deviation
        var (from, to) = (sample, sample)
        while from > 0, course[from - 1] >= least { from -= 1 }
        while to + 1 < course.count, course[to + 1] >= least { to += 1 }
        if times.indices.contains(from), times.indices.contains(to) { latencyInterval = times[from]...times[to] }
    }
}
