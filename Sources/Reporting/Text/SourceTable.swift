import SourceImaging

/// The table of sources, `sources.tsv`.
public enum SourceTable {
    /// Which source a row is of: its rank in the estimate, from 1, and where it lies.
    private static let place = ["rank", "index", "x_mm", "y_mm", "z_mm", "frame", "hemisphere", "vertex"]

    /// Names of the columns, in order, where the choice was not repeated; the numbers are those of ``SourceColumn/all``.
    public static let columns = place + SourceColumn.all.filter { $0.presence != .repeated }.map(\.table.name)

    /// Tab-separated values: a header, then a row a source in the order of the estimate. Missing and non-finite values
    /// read `n/a`, as in BIDS. Positions are written to 1 µm, the rest to six significant digits.
    ///
    /// - Complexity: O(sources · samples).
    public static func tsv(_ estimate: Estimate) -> String {
        let numbers = SourceColumn.all.filter { $0.presence != .repeated || estimate.has($0) }
        let rows = estimate.sources.enumerated().map { rank, source in
            [String(rank + 1), String(source.index)] + TabSeparated.millimetres(source.position)
                + [
                    estimate.frame.rawValue, source.hemisphere?.name ?? NumberText.missing,
                    source.vertex.map { String($0) } ?? NumberText.missing,
                ]
                + numbers.map { column in
                    TabSeparated.number(column.value(source, estimate.times).map { $0 * column.table.factor })
                }
        }
        return TabSeparated.text(header: place + numbers.map(\.table.name), rows: rows)
    }
}

/// Rows of cells as tab-separated lines.
enum TabSeparated {
    static func text(header: [String], rows: [[String]]) -> String {
        ([header] + rows).map { $0.joined(separator: "\t") + "\n" }.joined()
    }

    /// A cell of six significant digits.
    static func number(_ value: Double?) -> String {
        value.map { NumberText.significant($0, 6) } ?? NumberText.missing
    }

    /// Three cells of a position in m: mm, to 1 µm.
    static func millimetres(_ position: SIMD3<Double>) -> [String] {
        [position.x, position.y, position.z].map { NumberText.fixed($0 * 1000, 3) }
    }
}
