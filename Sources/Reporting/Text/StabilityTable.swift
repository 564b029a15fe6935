import SourceImaging

/// The table of what repeats of the choice found, `stability.tsv`.
public enum StabilityTable {
    /// Names of the columns, in order.
    ///
    /// `rank` is that of the source in the estimate, `n/a` for a place where repeats find a source that the estimate does
    /// not have; `found_fraction` the part of the repeats that have a source there; `position_spread_mm` the root mean
    /// square distance of those sources; `peak_mean_nAm` the mean of their peaks, `peak_spread` the standard deviation over
    /// that mean.
    public static let columns = [
        "rank", "index", "x_mm", "y_mm", "z_mm", "found_fraction", "position_spread_mm", "peak_mean_nAm", "peak_spread",
    ]

    /// Tab-separated values: a header, a row a source in the order of the estimate, then a row a place without one.
    /// Missing values read `n/a`.
    public static func tsv(_ estimate: Estimate, _ stability: Stability) -> String {
        let known = estimate.sources.enumerated().map { rank, source in
            let found = source.stability
            let peaks = found?.amplitudes.compactMap(\.self) ?? []
            let mean = peaks.isEmpty ? nil : peaks.reduce(0, +) / Double(peaks.count)
            return [String(rank + 1), String(source.index)] + TabSeparated.millimetres(source.position)
                + [
                    found?.found, found?.positionSpread.map { $0 * 1000 }, mean.map { $0 * 1e9 },
                    found?.amplitudeSpread,
                ].map(TabSeparated.number)
        }
        let others = stability.others.map { other in
            [NumberText.missing, String(other.index)] + TabSeparated.millimetres(other.position)
                + [other.found, other.positionSpread * 1000, nil, nil].map(TabSeparated.number)
        }
        return TabSeparated.text(header: columns, rows: known + others)
    }
}
