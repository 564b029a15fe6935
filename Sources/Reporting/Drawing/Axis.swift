import Glibc

/// A map from values to places on the canvas.
struct Axis {
    enum Scale {
        case linear, logarithmic
    }

    let scale: Scale
    /// Values at the two ends.
    let domain: ClosedRange<Double>
    /// Place of the lower bound of `domain`, px.
    let start: Double
    /// Place of its upper bound, px.
    let end: Double
    let ticks: Ticks

    /// A linear axis that ends at round values, for amplitudes.
    static func covering(
        _ values: ClosedRange<Double>, from start: Double, to end: Double, intervals: Int = 4
    ) -> Axis {
        let ticks = Ticks.covering(values, intervals: intervals)
        let drawable = Ticks.drawable(values)
        let low = min(ticks.values.first ?? drawable.lowerBound, drawable.lowerBound)
        let high = max(ticks.values.last ?? drawable.upperBound, drawable.upperBound)
        return Axis(scale: .linear, domain: low...high, start: start, end: end, ticks: ticks)
    }

    /// A linear axis that ends where the values do, for time.
    static func exact(_ values: ClosedRange<Double>, from start: Double, to end: Double, intervals: Int = 6) -> Axis {
        let domain = Ticks.drawable(values)
        return Axis(
            scale: .linear, domain: domain, start: start, end: end, ticks: Ticks.within(domain, intervals: intervals))
    }

    /// A logarithmic axis over positive values, with a margin of 4 % at both ends.
    static func logarithmic(_ values: ClosedRange<Double>, from start: Double, to end: Double) -> Axis {
        var low = log10(max(values.lowerBound, 1e-290))
        var high = log10(max(values.upperBound, 1e-290))
        if high - low < 0.05 { (low, high) = (low - 0.3, high + 0.3) }
        let margin = 0.04 * (high - low)
        let domain = pow(10, low - margin)...pow(10, min(high + margin, 300))
        return Axis(scale: .logarithmic, domain: domain, start: start, end: end, ticks: Ticks.logarithmic(domain))
    }

    /// Where a value lies, px; NaN for a value that the axis cannot show. Values outside the domain lie at its ends.
    func position(_ value: Double) -> Double {
        guard value.isFinite else { return .nan }
        let fraction: Double
        switch scale {
        case .linear:
            // Halves, because the length of the domain may overflow.
            fraction =
                (value / 2 - domain.lowerBound / 2) / (domain.upperBound / 2 - domain.lowerBound / 2)
        case .logarithmic:
            guard value > 0 else { return .nan }
            fraction = log(value / domain.lowerBound) / log(domain.upperBound / domain.lowerBound)
        }
        return start + min(max(fraction, 0), 1) * (end - start)
    }
}

extension Sequence where Element == Double {
    /// Smallest and largest finite value; nil when there is none.
    var finiteRange: ClosedRange<Double>? {
        var range: ClosedRange<Double>?
        for value in self where value.isFinite {
            if let known = range {
                if value < known.lowerBound {
                    range = value...known.upperBound
                } else if value > known.upperBound {
                    range = known.lowerBound...value
                }
            } else {
                range = value...value
            }
        }
        return range
    }
}

extension ClosedRange<Double> {
    /// The smallest range that holds this one and a value.
    func including(_ value: Double) -> ClosedRange<Double> {
        Swift.min(lowerBound, value)...Swift.max(upperBound, value)
    }
}
