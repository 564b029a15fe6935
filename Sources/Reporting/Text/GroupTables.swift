import SourceImaging

/// The tables of a group: `clusters.tsv` and `amplitudes.tsv`.
public enum GroupTables {
    /// What stands for all conditions together in the column `condition`.
    static let allConditions = "all conditions"

    /// Names of the columns of `clusters.tsv`, in order.
    public static let clusterColumns = [
        "condition", "cluster", "subjects", "of", "expected_by_chance", "p", "x_mm", "y_mm", "z_mm", "space",
        "hemisphere",
        "spread_mm", "peak_mean_nAm", "peak_sd_nAm", "latency_mean_s", "latency_sd_s", "names",
    ]

    /// Names of the columns of `amplitudes.tsv`, in order.
    public static let amplitudeColumns = [
        "subject", "condition", "cluster", "found", "amplitude_nAm", "latency_s", "distance_mm", "extent_mm",
        "probability",
    ]

    /// Tab-separated values: a header, then a row a cluster, first those of all conditions together, then those of each
    /// where there are several. Names of subjects are separated by `;`. Missing values read `n/a`.
    public static func clusters(_ group: GroupResult) -> String {
        var sets = [
            (name: group.conditions.count > 1 ? allConditions : group.conditions.first?.name ?? "", set: group.pooled)
        ]
        if group.conditions.count > 1 { sets += group.conditions.map { ($0.name, $0.clusters) } }
        let rows = sets.flatMap { name, set in
            set.clusters.enumerated().map { number, cluster in
                [cell(name), String(number + 1), String(cluster.subjects.count), String(set.subjects.count)]
                    + [cluster.expectedSubjects, cluster.chance].map(TabSeparated.number)
                    + TabSeparated.millimetres(cluster.centre)
                    + [
                        group.space.name, cluster.hemisphere?.name ?? NumberText.missing,
                        TabSeparated.number(cluster.spread * 1000),
                    ]
                    + [
                        cluster.amplitude.map { $0.mean * 1e9 }, cluster.amplitude?.deviation.map { $0 * 1e9 },
                        cluster.latency?.mean, cluster.latency?.deviation,
                    ].map(TabSeparated.number)
                    + [cluster.subjects.map(cell).joined(separator: ";")]
            }
        }
        return TabSeparated.text(header: clusterColumns, rows: rows)
    }

    /// Tab-separated values: a header, then a row for each subject, condition and cluster of all conditions together, for
    /// models of mixed effects. Where nothing is found `found` and the amplitude are 0 and the rest reads `n/a`.
    public static func amplitudes(_ group: GroupResult) -> String {
        let rows = group.table.rows.map { row in
            [cell(row.subject), cell(row.condition), String(row.cluster), row.finding == nil ? "0" : "1"]
                + [
                    row.amplitude * 1e9, row.finding?.latency, row.finding.map { $0.distance * 1000 },
                    row.finding?.extent.map { $0 * 1000 }, row.finding?.probability,
                ].map(TabSeparated.number)
        }
        return TabSeparated.text(header: amplitudeColumns, rows: rows)
    }

    private static func cell(_ name: String) -> String { name.isEmpty ? NumberText.missing : name.onOneLine }
}
