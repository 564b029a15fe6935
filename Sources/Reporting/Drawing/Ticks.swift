import Glibc

/// Places on an axis that carry a number, at round values.
struct Ticks {
    /// Ascending values.
    let values: [Double]
    /// Text of each value.
    let labels: [String]

    /// Multiples of 1, 2 or 5 times a power of ten that cover a range: the first is at or below its lower bound, the
    /// last at or above its upper one.
    ///
    /// - Parameter intervals: how many intervals to aim at; there are at most two more.
    static func covering(_ range: ClosedRange<Double>, intervals: Int = 4) -> Ticks {
        linear(range, intervals) { low, high, step in
            // A hair of tolerance: 0.3 / 0.1 is not quite 3.
            (Int((low / step + 1e-9).rounded(.down)), Int((high / step - 1e-9).rounded(.up)))
        }
    }

    /// The same multiples, but only those that lie within the range.
    static func within(_ range: ClosedRange<Double>, intervals: Int = 6) -> Ticks {
        linear(range, intervals) { low, high, step in
            (Int((low / step - 1e-9).rounded(.up)), Int((high / step + 1e-9).rounded(.down)))
        }
    }

    private static func linear(
        _ range: ClosedRange<Double>, _ intervals: Int,
        _ multiples: (_ low: Double, _ high: Double, _ step: Double) -> (first: Int, last: Int)
    ) -> Ticks {
        let range = drawable(range)
        let rough = (range.upperBound - range.lowerBound) / Double(max(1, intervals))
        var exponent = Int(log10(rough).rounded(.down))
        let fraction = rough / pow(10, Double(exponent))
        var unit = 1
        switch fraction {
        case ..<1.000001: unit = 1
        case ..<2.000001: unit = 2
        case ..<5.000001: unit = 5
        default: exponent += 1
        }
        // Dividing by a power of ten is exact where multiplying by a negative one is not.
        let power = pow(10, Double(abs(exponent)))
        func value(_ multiple: Int) -> Double {
            let whole = Double(multiple) * Double(unit)
            return exponent < 0 ? whole / power : whole * power
        }
        let (first, last) = multiples(range.lowerBound, range.upperBound, value(1))
        guard first <= last else { return Ticks(values: [], labels: []) }
        let values = (first...last).map(value)
        return Ticks(values: values, labels: labels(values, exponent: exponent))
    }

    /// Round values of a logarithmic axis within a positive range: 1, 2, 5 a decade, or powers of ten where those
    /// would be too many.
    static func logarithmic(_ range: ClosedRange<Double>, atMost limit: Int = 10) -> Ticks {
        let low = max(range.lowerBound, 1e-300)
        let high = max(range.upperBound, low)
        let decades = Int(log10(low).rounded(.down))...Int(log10(high).rounded(.up))
        func values(_ factors: [Double], every step: Int) -> [Double] {
            var values: [Double] = []
            for decade in stride(from: decades.lowerBound, through: decades.upperBound, by: step) {
                let power = pow(10, Double(abs(decade)))
                for factor in factors {
                    let value = decade < 0 ? factor / power : factor * power
                    if value >= low * (1 - 1e-9), value <= high * (1 + 1e-9) { values.append(value) }
                }
            }
            return values
        }
        var chosen = values([1, 2, 5], every: 1)
        if chosen.count < 3 { chosen = values([1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9], every: 1) }
        if chosen.count < 2 { return within(low...high, intervals: 4) }
        var step = 1
        while chosen.count > limit {
            chosen = values([1], every: step)
            step += 1
        }
        return Ticks(values: chosen, labels: chosen.map { NumberText.typographic(shortest($0)) })
    }

    /// A range that can be drawn: finite, neither empty nor so narrow that numbers on it would need more than seven
    /// digits, and not so wide that its length overflows.
    static func drawable(_ range: ClosedRange<Double>) -> ClosedRange<Double> {
        let limit = 1e300
        let low = min(max(range.lowerBound, -limit), limit)
        let high = max(low, min(max(range.upperBound, -limit), limit))
        let size = max(abs(low), abs(high))
        if size < 1e-280 { return -1...1 }
        let middle = low / 2 + high / 2
        if high - low < 1e-6 * size { return (middle - 0.1 * size)...(middle + 0.1 * size) }
        return low...high
    }

    private static func shortest(_ value: Double) -> String {
        value >= 1e-3 && value < 1e5 ? NumberText.significant(value, 6) : NumberText.scientific(value, 3)
    }

    private static func labels(_ values: [Double], exponent: Int) -> [String] {
        let size = values.map(abs).max() ?? 0
        guard exponent >= -4, size < 1e6 else {
            let digits = size > 0 ? max(1, Int(log10(size).rounded(.down)) - exponent + 1) : 1
            return values.map { NumberText.typographic($0 == 0 ? "0" : NumberText.scientific($0, digits)) }
        }
        return values.map { NumberText.typographic(NumberText.fixed($0, max(0, -exponent))) }
    }
}
