import SourceImaging

/// The tables of a comparison of subjects by transport: `map.tsv` and `distances.tsv`.
public enum TransportTables {
    /// Names of the columns of the map, in order.
    public static let mapColumns = ["x_mm", "y_mm", "z_mm", "candidate", "mass", "mass_of_largest"]

    /// Names of the columns of the distances, in order.
    public static let distanceColumns = ["subject", "other", "distance_mm", "reach_mm"]

    /// Names of the columns of the subjects, in order.
    public static let subjectColumns = ["subject", "sources", "mean_distance_mm", "in_group_map"]

    /// Tab-separated values: a header, then a row a position of the group map that has a thousandth or more of the largest
    /// mass, the largest first. Positions are in the common space; `candidate` numbers those of the space from 0 and reads
    /// `n/a` where subjects do not share them.
    public static func map(_ transport: GroupTransport) -> String {
        let largest = transport.mass.max() ?? 0
        let order = transport.mass.indices.filter { transport.mass[$0] >= 1e-3 * largest && largest > 0 }
            .sorted { (-transport.mass[$0], $0) < (-transport.mass[$1], $1) }
        return TabSeparated.text(
            header: mapColumns,
            rows: order.map { place in
                TabSeparated.millimetres(transport.positions[place])
                    + [transport.candidates.map { String($0[place]) } ?? NumberText.missing]
                    + [transport.mass[place], transport.mass[place] / largest].map(TabSeparated.number)
            })
    }

    /// Tab-separated values: a header, then a row for each two subjects.
    public static func distances(_ transport: GroupTransport) -> String {
        let names = transport.subjects
        let rows = names.indices.flatMap { s in
            names.indices.dropFirst(s + 1).map { t in
                [names[s].onOneLine, names[t].onOneLine]
                    + [transport.distances[s, t] * 1000, transport.settings.reach * 1000].map(TabSeparated.number)
            }
        }
        return TabSeparated.text(header: distanceColumns, rows: rows)
    }

    /// Tab-separated values: a header, then a row a subject: its mean distance from the others, and what part of its map has a
    /// counterpart in the group's. Those without sources have `n/a`.
    public static func subjects(_ transport: GroupTransport) -> String {
        let means = transport.meanDistances
        let rows = transport.subjects.indices.map { s in
            [transport.subjects[s].onOneLine, String(transport.maps[s].positions.count)]
                + [means.isEmpty ? nil : means[s] * 1000, transport.shared[s]].map(TabSeparated.number)
        }
        let others = transport.withoutSources.map { [$0.onOneLine, "0", NumberText.missing, NumberText.missing] }
        return TabSeparated.text(header: subjectColumns, rows: rows + others)
    }
}
