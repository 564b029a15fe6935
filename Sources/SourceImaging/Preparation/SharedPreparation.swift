import Synchronization

/// What recordings with one forward and one noise covariance share: the whitened gain and what is seen in the gain, kept from
/// one to the next.
///
/// Conditions of a subject differ in their data and in how many trials they average, and that scales the whitened gain
/// alone. What is taken from here equals what would be computed anew, bit by bit. Memory of one more gain.
public final class SharedPreparation: Sendable {
    private struct Kept {
        let unit: Matrix
        let forward: Forward
        let rows: [Int]
        let orientation: Orientation
        let depth: Double
        let gain: WhitenedGain
    }

    private let keepsGain: Bool
    private let kept = Mutex<Kept?>(nil)
    private let looked = Mutex<(forward: Forward, rows: [Int], findings: UnitPlausibility.GainFindings)?>(nil)

    /// Nothing kept yet.
    public convenience init() { self.init(keepsGain: true) }

    init(keepsGain: Bool) { self.keepsGain = keepsGain }

    /// The whitened gain, as ``WhitenedGain/init(whitener:forward:rows:orientation:depth:parallelism:)`` makes it.
    func gain(
        _ whitener: Whitener, forward: Forward, rows: [Int], orientation: Orientation, depth: Double,
        parallelism: Parallelism
    ) -> WhitenedGain {
        let same = kept.withLock { kept in
            kept.flatMap { kept in
                kept.forward.isSame(as: forward) && kept.rows == rows && kept.orientation == orientation
                    && kept.depth == depth && kept.unit == whitener.unit ? kept.gain : nil
            }
        }
        var gain =
            same
            ?? WhitenedGain(
                whitener: whitener.unit, forward: forward, rows: rows, orientation: orientation, depth: depth,
                parallelism: parallelism)
        if keepsGain, same == nil {
            let new = gain
            kept.withLock {
                $0 = Kept(
                    unit: whitener.unit, forward: forward, rows: rows, orientation: orientation, depth: depth, gain: new
                )
            }
        }
        gain.scale(by: whitener.factor)
        return gain
    }
}

extension SharedPreparation {
    /// What is seen in some rows of a gain, as `look` says it.
    func findings(
        _ forward: Forward, rows: [Int], _ look: () -> UnitPlausibility.GainFindings
    ) -> UnitPlausibility.GainFindings {
        let known = looked.withLock { looked in
            looked.flatMap { $0.forward.isSame(as: forward) && $0.rows == rows ? $0.findings : nil }
        }
        if let known { return known }
        let findings = look()
        if keepsGain { looked.withLock { $0 = (forward, rows, findings) } }
        return findings
    }
}

extension Forward {
    /// Whether two are one and the same value in memory: no number is compared.
    fileprivate func isSame(as other: Forward) -> Bool {
        stored.isSame(as: other.stored)
    }
}
