import Requests

/// Who drives whom, in words and as a table.
public enum DynamicsReading {
    /// Names of the columns of `connections.tsv`, in order.
    public static let columns = [
        "from", "to", "influence", "p", "fdr", "selected", "confirmed", "frequency",
    ]

    /// A row a connection, target after target. Missing values read `n/a`.
    public static func table(_ summary: DynamicsSummary) -> String {
        func exact(_ value: Double?) -> String { value.map { "\($0)" } ?? NumberText.missing }
        return TabSeparated.text(
            header: columns,
            rows: summary.connections.map { connection in
                [
                    connection.from.onOneLine, connection.to.onOneLine, exact(connection.influence),
                    exact(connection.p),
                    exact(connection.fdr), connection.selected ? "1" : "0",
                    connection.confirmed.map { $0 ? "1" : "0" } ?? NumberText.missing, exact(connection.frequency),
                ]
            })
    }

    /// A sentence on what was found.
    public static func opening(_ summary: DynamicsSummary) -> String {
        let claimed = summary.connections.filter(\.selected)
        let confirmed = claimed.count { $0.confirmed == true }
        return
            "\(claimed.count) of \(summary.connections.count) possible connections between "
            + "\(summary.variables.count) variables are claimed"
            + (claimed.contains { $0.confirmed != nil } ? ", \(confirmed) confirmed by reversed time" : "")
            + ": model \(summary.model) of order \(summary.order), \(summary.samples.counted("sample")) in "
            + "\(summary.epochs.counted("epoch")) at \(NumberText.significant(1 / summary.interval, 4)) Hz."
    }

    /// All of it, for people.
    public static func text(_ summary: DynamicsSummary) -> String {
        var lines = [opening(summary)]
        for connection in summary.connections.filter(\.selected).sorted(by: { $0.influence > $1.influence }) {
            lines.append(
                "  \(connection.from.onOneLine) → \(connection.to.onOneLine): \(NumberText.significant(connection.influence, 3))"
                    + (connection.fdr.map { ", p (FDR) \(MixedReading.probability($0))" } ?? "")
                    + (connection.confirmed.map { $0 ? ", confirmed" : ", not confirmed" } ?? "")
                    + (connection.frequency.map { ", in \(NumberText.percent($0)) of resamples" } ?? ""))
        }
        if let near = summary.forecast.first, let far = summary.forecast.last {
            lines.append(
                "Held-out epochs: \(NumberText.percent(near.explained)) of the variance explained "
                    + "\(NumberText.significant(1000 * near.time, 3)) ms ahead, \(NumberText.percent(far.explained)) "
                    + "\(NumberText.significant(1000 * far.time, 3)) ms ahead.")
        }
        return lines.joined(separator: "\n")
    }
}
