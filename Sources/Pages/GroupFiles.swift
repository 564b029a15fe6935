import Reporting
import SourceImaging

/// The files that a group is told in.
public enum GroupFiles {
    /// `clusters.tsv`, `amplitudes.tsv`, `density.svg` and `group.html`, which lie in one folder; the same input gives the
    /// same bytes. Parameters: those of ``GroupPage/content(_:heading:pages:failures:skipped:sections:)``.
    ///
    /// - Throws: ``InputError`` where the template is no Mustache.
    public static func files(
        _ group: GroupResult, heading: String, pages: [String: String] = [:],
        failures: [(name: String, reason: String)] = [], skipped: [(name: String, reason: String)] = [],
        sections: [PageSection] = []
    ) throws(InputError) -> [(name: String, text: String)] {
        [
            ("clusters.tsv", GroupTables.clusters(group)), ("amplitudes.tsv", GroupTables.amplitudes(group)),
            ("density.svg", DensityFigure.svg(group)),
            (
                "group.html",
                try GroupPage.html(
                    group, heading: heading, pages: pages, failures: failures, skipped: skipped, sections: sections)
            ),
        ]
    }
}
