import SourceImaging

/// The table of the regions of sources, `regions.tsv`: what a person loads to see where each source may be.
public enum RegionTable {
    /// Names of the columns, in order: rank of the source in the estimate, from 1, then a candidate of its region as
    /// ``SourceTable`` tells a source.
    public static let columns = ["rank", "index", "x_mm", "y_mm", "z_mm", "hemisphere", "vertex"]

    /// Tab-separated values: a header, then a row a candidate of each region, source after source. Missing values read
    /// `n/a`.
    ///
    /// - Parameter candidates: those of the forward model that the estimate was made with; what it does not have is left
    ///   out.
    public static func tsv(_ estimate: Estimate, candidates: SourceSpace) -> String {
        let rows = estimate.sources.enumerated().flatMap { rank, source in
            (source.region?.vertices ?? []).filter(candidates.positions.indices.contains).map { index in
                [String(rank + 1), String(index)] + TabSeparated.millimetres(candidates.positions[index])
                    + [
                        candidates.hemispheres?[index].name ?? NumberText.missing,
                        candidates.vertices.map { String($0[index]) } ?? NumberText.missing,
                    ]
            }
        }
        return TabSeparated.text(header: columns, rows: rows)
    }
}
