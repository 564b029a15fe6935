/// A map from values to a few colours, that stay in order for colour-blind readers and in grey.
struct ColourScale {
    /// Values at the two ends; values beyond them have the colour of the end.
    let domain: ClosedRange<Double>
    /// Colours `#rrggbb` of equal steps of the domain, ascending.
    let colours: [String]

    /// From blue by white to red: for values of both signs, 0 in the middle.
    ///
    /// - Parameter limit: largest magnitude, positive.
    static func diverging(limit: Double) -> ColourScale {
        ColourScale(
            domain: -limit...limit,
            colours: blended([(5, 60, 120), (67, 147, 195), (247, 247, 247), (214, 96, 77), (125, 10, 35)], count: 13))
    }

    /// From white by orange to dark red: for values from 0.
    ///
    /// - Parameter limit: largest value, positive.
    static func sequential(limit: Double) -> ColourScale {
        ColourScale(
            domain: 0...limit,
            colours: blended([(255, 252, 240), (253, 200, 120), (227, 102, 43), (128, 20, 20)], count: 11))
    }

    /// Which colour a value has.
    func step(_ value: Double) -> Int {
        let part = (value - domain.lowerBound) / (domain.upperBound - domain.lowerBound)
        return min(max(Int((min(max(part, 0), 1) * Double(colours.count)).rounded(.down)), 0), colours.count - 1)
    }

    /// So many colours on the way from the first of some stops to the last.
    private static func blended(_ stops: [SIMD3<Double>], count: Int) -> [String] {
        (0..<count).map { place in
            let along = Double(place) / Double(count - 1) * Double(stops.count - 1)
            let first = min(Int(along), stops.count - 2)
            let colour = stops[first] + (stops[first + 1] - stops[first]) * (along - Double(first))
            return String(
                printf: "#%02lx%02lx%02lx", Int(colour.x.rounded()), Int(colour.y.rounded()), Int(colour.z.rounded()))
        }
    }

    private static func blended(_ stops: [(Double, Double, Double)], count: Int) -> [String] {
        blended(stops.map { SIMD3($0.0, $0.1, $0.2) }, count: count)
    }
}
