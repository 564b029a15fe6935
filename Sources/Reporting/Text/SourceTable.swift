import SourceImaging

/// The table of sources, `sources.tsv`.
public enum SourceTable {
    /// Names of the columns, in order.
    ///
    /// `direction_x`, `direction_y` and `direction_z` are the unit vector of the dipole at its peak; `field` is the norm
    /// of the whitened field that the source explains alone. `extent_mm` (0 for a point) and `times_noise`, how many times
    /// what noise makes a source explain it explains beyond the others, are missing where sources were not refined.
    public static let columns = [
        "rank", "index", "x_mm", "y_mm", "z_mm", "frame", "hemisphere", "vertex", "peak_nAm", "peak_time_s",
        "direction_x",
        "direction_y", "direction_z", "field", "share_percent", "extent_mm", "times_noise",
    ]

    /// Names of the columns that follow where the choice was repeated: the part of the repeats that find the source again,
    /// the root mean square distance at which they do, and the standard deviation of its peak over the mean.
    public static let stabilityColumns = ["found_fraction", "position_spread_mm", "peak_spread"]

    /// Tab-separated values: a header, then a row a source in the order of the estimate. Missing and non-finite values
    /// read `n/a`, as in BIDS. Positions are written to 1 µm, the rest to six significant digits.
    ///
    /// - Complexity: O(sources · samples).
    public static func tsv(_ estimate: Estimate) -> String {
        let rows = estimate.sources.enumerated().map { place, source in
            let peak = source.peak(times: estimate.times)
            let position = source.millimetres
            func number(_ value: Double?) -> String {
                value.map { NumberText.significant($0, 6) } ?? NumberText.missing
            }
            let stability = estimate.stability.map { $0.sources[place] }
            return [
                String(place + 1), String(source.index), NumberText.fixed(position.x, 3),
                NumberText.fixed(position.y, 3),
                NumberText.fixed(position.z, 3), estimate.frame.rawValue, source.hemisphere?.name ?? NumberText.missing,
                source.vertex.map { String($0) } ?? NumberText.missing, number(peak?.moment), number(peak?.time),
                number(peak?.direction?.x), number(peak?.direction?.y), number(peak?.direction?.z),
                number(source.field),
                number(source.share * 100), number(source.extent.map { $0 * 1000 }), number(source.timesNoise),
            ]
                + (stability.map {
                    [number($0.found), number($0.positionSpread.map { $0 * 1000 }), number($0.amplitudeSpread)]
                } ?? [])
        }
        return TabSeparated.text(header: columns + (estimate.stability == nil ? [] : stabilityColumns), rows: rows)
    }
}

/// Rows of cells as tab-separated lines.
enum TabSeparated {
    static func text(header: [String], rows: [[String]]) -> String {
        ([header] + rows).map { $0.joined(separator: "\t") + "\n" }.joined()
    }
}
