import Glibc

/// How sharply a selection curve singles out its choice.
///
/// What counts as equally good is a stated part of the gain: of what the criterion falls from its largest finite value at
/// a λ not below the choice to its minimum.
public struct CurveShape: Sendable, Equatable, Codable {
    /// Part of the gain within which values count as equally good.
    public let tolerance: Double
    /// Separate stretches of λ in which the criterion is within the tolerance of its minimum.
    public let wells: Int
    /// The smallest λ over λ_max of the stretch that holds the choice; between points the curve is taken to be straight
    /// in log λ.
    public let flatFrom: Double
    /// The largest λ over λ_max of that stretch.
    public let flatTo: Double

    /// From this ratio of ``flatTo`` to ``flatFrom`` on a curve counts as very flat.
    public static let flatFactor = 4.0

    /// Whether the criterion hardly depends on λ over a wide range.
    public var isVeryFlat: Bool { flatTo >= Self.flatFactor * flatFrom }

    private enum CodingKeys: String, CodingKey {
        case tolerance, wells
        case flatFrom = "flat_from"
        case flatTo = "flat_to"
    }
}

extension SelectionCurve {
    /// How sharply the curve singles out its choice; nil where it is no curve over λ: λ was given or is not one number,
    /// fewer than three values are finite, or the criterion never rises above its minimum.
    ///
    /// - Parameter tolerance: part of the gain within which values count as equally good.
    public func shape(tolerance: Double = 0.005) -> CurveShape? {
        guard axis == .lambda, origin != .given else { return nil }
        let drawn = points.indices.filter {
            points[$0].criterion.isFinite && points[$0].ratio > 0 && points[$0].ratio.isFinite
        }
        guard drawn.count >= 3, let place = drawn.firstIndex(of: chosenIndex) else { return nil }
        let known = drawn.map { points[$0] }
        let lowest = chosen.criterion
        let gain = (known[...place].map(\.criterion).max() ?? lowest) - lowest
        guard gain > 0 else { return nil }
        let level = lowest + tolerance * gain
        let isLow = known.map { $0.criterion <= level }
        let wells = isLow.indices.count { isLow[$0] && ($0 == 0 || !isLow[$0 - 1]) }
        /// The end of the stretch on one side, in log λ.
        func end(_ step: Int) -> Double {
            var i = place
            while known.indices.contains(i + step), isLow[i + step] { i += step }
            let inside = (log(known[i].ratio), known[i].criterion)
            guard known.indices.contains(i + step) else { return inside.0 }
            let outside = (log(known[i + step].ratio), known[i + step].criterion)
            return inside.0 + (outside.0 - inside.0) * (level - inside.1) / (outside.1 - inside.1)
        }
        return CurveShape(tolerance: tolerance, wells: wells, flatFrom: exp(end(1)), flatTo: exp(end(-1)))
    }
}
