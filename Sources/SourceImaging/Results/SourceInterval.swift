/// A 95 % interval that is told of every source: two columns, lower and upper bound, and a pair in the JSON summary.
///
/// ``all`` is the one list of them; an interval added there is told everywhere. An upper bound may be infinite.
public struct SourceInterval: Sendable {
    /// Name of the quantity in `estimate.h5` and MATLAB, followed there by `_low` and `_high`.
    public let name: String
    /// SI unit.
    public let unit: String
    /// What lies within it, a phrase.
    public let meaning: String
    /// Name, unit and factor in `sources.tsv` (`peak_low_nAm`) and the JSON summary (`peak_interval_nAm`).
    public let label: (name: String, unit: String, factor: Double)
    /// Where a source has it.
    public let path: WritableKeyPath<EstimatedSource, ClosedRange<Double>?> & Sendable

    /// Every interval, in the order of the columns.
    public static let all = [
        SourceInterval(
            name: "peak_amplitude", unit: "A·m", meaning: "the largest dipole magnitude", label: ("peak", "nAm", 1e9),
            path: \.amplitudeInterval),
        SourceInterval(
            name: "peak_time", unit: "s", meaning: "the time of the peak", label: ("latency", "ms", 1000),
            path: \.latencyInterval),
        SourceInterval(
            name: "extent", unit: "m", meaning: "the extent of the patch", label: ("extent", "mm", 1000),
            path: \.extentInterval),
    ]

    /// Name in the JSON summary.
    public var summaryName: String { "\(label.name)_interval_\(label.unit)" }

    /// Bounds of a source in the unit of the label; nil where they are unknown.
    public func bounds(of source: EstimatedSource) -> [Double]? {
        source[keyPath: path].map { [$0.lowerBound * label.factor, $0.upperBound * label.factor] }
    }

    /// The two bounds as columns.
    var columns: [SourceColumn] {
        [
            // The lower bound comes first and leaves the upper one open.
            bound("low", "lower", { $0.lowerBound }, { $1...(.infinity) }),
            bound(
                "high", "upper", { $0.upperBound },
                { interval, high in interval.map { $0.lowerBound...max($0.lowerBound, high) } }),
        ]
    }

    private func bound(
        _ side: String, _ word: String, _ value: @escaping @Sendable (ClosedRange<Double>) -> Double,
        _ restored: @escaping @Sendable (ClosedRange<Double>?, Double) -> ClosedRange<Double>?
    ) -> SourceColumn {
        let path = path
        return SourceColumn(
            name: "\(name)_\(side)", unit: unit, meaning: "\(word) bound of the 95 % interval of \(meaning)",
            presence: .refined, table: ("\(label.name)_\(side)_\(label.unit)", label.factor), summary: nil,
            restore: { $0[keyPath: path] = restored($0[keyPath: path], $1) }
        ) { source, _ in source[keyPath: path].map(value) }
    }
}
