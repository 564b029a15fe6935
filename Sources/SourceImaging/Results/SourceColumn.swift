/// A number that is told of every source: a column of `sources.tsv` and of the table in the terminal, a key of the JSON
/// summary, a dataset of `estimate.h5`, a field of the struct for MATLAB.
///
/// ``all`` is the one list that each of them reads: a column added there is told everywhere.
public struct SourceColumn: Sendable {
    /// Which estimates have a column: all, those whose sources were refined, those whose choice was repeated.
    public enum Presence: Sendable { case always, refined, repeated }

    /// A name in one kind of output, with the unit there, and what values in SI units are multiplied by for it.
    public typealias Label = (name: String, factor: Double)

    /// A column of the table in the terminal.
    public struct Heading: Sendable {
        /// How values are rounded: to decimals or to significant digits.
        public enum Digits: Sendable { case decimals(Int), significant(Int) }

        /// Name above the column.
        public let name: String
        /// Unit below the name.
        public let unit: String
        /// What values in SI units are multiplied by.
        public let factor: Double
        /// How values are rounded.
        public let digits: Digits
        /// Whether 0 stands for nothing and is told as such.
        public var hidesZero = false
    }

    /// Name in `estimate.h5` and MATLAB, whose values are in SI units.
    public let name: String
    /// SI unit; empty for a pure number.
    public var unit = ""
    /// What it is, a phrase.
    public let meaning: String
    /// Which estimates have it.
    public var presence = Presence.always
    /// In `sources.tsv`.
    public let table: Label
    /// In the JSON summary; nil where that does not have it.
    public let summary: Label?
    /// In the terminal; nil where there is no room for it.
    public var heading: Heading?
    /// Whether `estimate.h5` and MATLAB have it by this name; what follows from what they hold may be left out.
    public var isStored = true
    /// Puts a value that was read into a source; nil where it follows from others.
    public var restore: (@Sendable (inout EstimatedSource, Double) -> Void)?
    /// Value in SI units of a source of an estimate with these times, s; nil where it is unknown.
    public let value: @Sendable (_ source: EstimatedSource, _ times: [Double]) -> Double?

    /// Every column, in the order of `sources.tsv`.
    public static let all = single + SourceInterval.all.flatMap(\.columns)

    /// All but the bounds of intervals.
    private static let single: [SourceColumn] = [
        SourceColumn(
            name: "peak_amplitude", unit: "A·m", meaning: "largest dipole magnitude over time, not negative",
            table: ("peak_nAm", 1e9), summary: ("peak_nAm", 1e9),
            heading: Heading(name: "peak", unit: "nAm", factor: 1e9, digits: .significant(3))
        ) { source, _ in source.amplitudes.columns > 0 ? source.peakAmplitude : nil },
        SourceColumn(
            name: "peak_time", unit: "s", meaning: "when it occurs", table: ("peak_time_s", 1),
            summary: ("peak_time_s", 1), heading: Heading(name: "at", unit: "ms", factor: 1000, digits: .decimals(1))
        ) { $0.peakTime(in: $1) },
        direction("x", 0), direction("y", 1), direction("z", 2),
        SourceColumn(
            name: "field", meaning: "norm of the whitened field that the source explains alone", table: ("field", 1),
            summary: ("field", 1), restore: { $0.field = $1 }
        ) { source, _ in source.field },
        SourceColumn(
            name: "share", meaning: "part of the whitened data's power that the source explains alone",
            table: ("share_percent", 100), summary: ("share", 1),
            heading: Heading(name: "share", unit: "%", factor: 100, digits: .decimals(1)), restore: { $0.share = $1 }
        ) { source, _ in source.share },
        SourceColumn(
            name: "extent", unit: "m", meaning: "extent of the patch that the source stands for, 0 for a point",
            presence: .refined, table: ("extent_mm", 1000), summary: ("extent_mm", 1000),
            heading: Heading(name: "patch", unit: "mm", factor: 1000, digits: .decimals(0), hidesZero: true),
            restore: { $0.extent = $1 }
        ) { source, _ in source.extent },
        SourceColumn(
            name: "times_noise",
            meaning: "how many times what noise makes a source explain it explains beyond the others",
            presence: .refined, table: ("times_noise", 1), summary: ("times_noise", 1),
            heading: Heading(name: "noise", unit: "×", factor: 1, digits: .significant(2)),
            restore: { $0.timesNoise = $1 }
        ) { source, _ in source.timesNoise },
        halfAxis(0, heading: Heading(name: "±", unit: "mm", factor: 1000, digits: .decimals(0))),
        halfAxis(1), halfAxis(2),
        SourceColumn(
            name: "region_volume", unit: "m³", meaning: "volume of the region that holds the source",
            presence: .refined, table: ("region_volume_cm3", 1e6), summary: ("region_volume_cm3", 1e6), isStored: false
        ) { source, _ in source.region?.volume },
        SourceColumn(
            name: "probability", meaning: "probability that it is a source at all", presence: .refined,
            table: ("probability", 1), summary: ("probability", 1),
            heading: Heading(name: "prob", unit: "%", factor: 100, digits: .decimals(0)),
            restore: { $0.probability = $1 }
        ) { source, _ in source.probability },
        SourceColumn(
            name: "found_fraction", meaning: "part of the repeats that find the source again", presence: .repeated,
            table: ("found_fraction", 1), summary: ("found_fraction", 1),
            heading: Heading(name: "found", unit: "%", factor: 100, digits: .decimals(0)), isStored: false
        ) { source, _ in source.stability?.found },
        SourceColumn(
            name: "position_spread", unit: "m", meaning: "root mean square distance at which they find it",
            presence: .repeated, table: ("position_spread_mm", 1000), summary: ("position_spread_mm", 1000),
            heading: Heading(name: "spread", unit: "mm", factor: 1000, digits: .decimals(1)), isStored: false
        ) { source, _ in source.stability?.positionSpread },
        SourceColumn(
            name: "peak_spread", meaning: "standard deviation of its peak over the mean, where they find it",
            presence: .repeated, table: ("peak_spread", 1), summary: ("peak_spread", 1),
            heading: Heading(name: "of peak", unit: "%", factor: 100, digits: .decimals(0)), isStored: false
        ) { source, _ in source.stability?.amplitudeSpread },
    ]

    private static func halfAxis(_ rank: Int, heading: Heading? = nil) -> SourceColumn {
        SourceColumn(
            name: "half_axis_\(rank + 1)", unit: "m",
            meaning: "half-axis \(rank + 1) of the region that holds the source, the longest first",
            presence: .refined, table: ("half_axis_\(rank + 1)_mm", 1000), summary: nil, heading: heading,
            isStored: false
        ) { source, _ in source.region?.halfAxes[rank] }
    }

    private static func direction(_ axis: String, _ component: Int) -> SourceColumn {
        SourceColumn(
            name: "direction_\(axis)", meaning: "\(axis) of the unit vector of the dipole at its peak",
            table: ("direction_\(axis)", 1), summary: nil, isStored: false
        ) { source, _ in source.peakDirection?[component] }
    }
}

extension Estimate {
    /// Whether its sources have a column.
    public func has(_ column: SourceColumn) -> Bool {
        switch column.presence {
        case .always: true
        case .refined: refinement != nil
        case .repeated: stability != nil
        }
    }
}
