import Foundation
import SourceImaging

/// Choosing which candidate sources are active.
enum ActiveSites {
    /// Random sources that can be seen and told apart: alternating between the hemispheres, at least a distance apart,
    /// and not deeper or more radial than most.
    ///
    /// A source is eligible when the whitened field of its dipole along the normal is at least the median over all
    /// sources, for MEG and for EEG alone. Without this rule the figures of merit would mostly tell how many of the
    /// sources happened to be invisible.
    /// - Parameters:
    ///   - count: number of active sources.
    ///   - visibility: for each modality, the squared norm of the whitened field of each source.
    /// - Returns: indices of sources, in the order in which they were chosen.
    /// - Throws: ``InputError`` when no place is found for all.
    static func choose(
        _ count: Int, among sources: SourceSpace, visibility: [[Double]], minimumDistance: Double,
        _ generator: inout SeededGenerator
    ) throws(InputError) -> [Int] {
        guard count > 0 else { return [] }
        let medians = visibility.map { norms in norms.sorted()[norms.count / 2] }
        let eligible = sources.positions.indices.filter { j in
            zip(visibility, medians).allSatisfy { $0[j] >= $1 }
        }
        let left = eligible.filter { sources.hemispheres?[$0] == .left }
        let right = eligible.filter { sources.hemispheres?[$0] != .left }
        // Greedy placement can block itself; a new start is cheap.
        for _ in 0..<200 {
            var sides = generator.uniform() < 0.5 ? [left, right] : [right, left]
            var chosen: [Int] = []
            while chosen.count < count {
                let side = chosen.count % 2
                sides[side].removeAll { candidate in
                    chosen.contains {
                        $0 == candidate
                            || (sources.positions[$0] - sources.positions[candidate]).length < minimumDistance
                    }
                }
                guard let next = sides[side].randomElement(using: &generator) else { break }
                chosen.append(next)
            }
            if chosen.count == count { return chosen }
        }
        throw InputError(
            "active sources",
            found: String(
                format: "no place for %d sources %.0f mm apart among %d that can be seen", count,
                minimumDistance * 1000, eligible.count),
            advice: "ask for fewer, a smaller distance or more candidate sources")
    }
}
