import SourceImaging

/// The page of a group: what was run, where subjects share sources and what chance would make of it, and every estimate.
public enum GroupPage {
    /// How many clusters have a figure of their spread.
    static let spreadFigures = 8

    /// One HTML document that needs nothing else: figures, style and all. The same input gives the same bytes.
    ///
    /// - Parameters:
    ///   - heading: of the page.
    ///   - pages: the page of each member, relative to this one, by ``GroupMember/key``; may lack some.
    ///   - failures: what could not be estimated, and why.
    ///   - skipped: what was not tried, and why.
    ///   - sections: what analyses over all subjects found.
    /// - Returns: a template and what it names.
    /// - Complexity: that of the figures, and O(members · clusters).
    public static func content(
        _ group: GroupResult, heading: String, pages: [String: String] = [:],
        failures: [(name: String, reason: String)] = [], skipped: [(name: String, reason: String)] = [],
        sections: [PageSection] = []
    ) -> PageContent {
        PageContent(
            template: PackageResources.group_mustache,
            GroupPageContent(
                group, heading: heading, pages: pages, failures: failures, skipped: skipped, sections: sections))
    }
}

/// What the template names. A `String` holds no sign that HTML knows, but for the style.
private struct GroupPageContent: Encodable {
    /// A row of a table that says why.
    struct Reason: Encodable {
        let name, reason: Markup
    }

    /// A table of clusters.
    struct Clusters: Encodable {
        let id: String
        let title: Markup
        let rows: [Row]
        let isEmpty: Bool
        let note: Markup

        struct Row: Encodable {
            let number, count, of: Int
            let colour: String
            let place, expected, chance, spread, peak, latency, names: Markup
            let isBeyondChance: Bool
        }
    }

    /// An estimate.
    struct Member: Encodable {
        let subject, condition, link: Markup
        let hasLink: Bool
        let sources, rank, warnings: Int
        let fit, noise, lambda: Markup
        let outliers: [Markup]
    }

    let css, style: String
    let heading, run, space, method, chance: Markup
    let warnings: [Markup]
    let hasWarnings: Bool
    let density: Markup
    let tables: [Clusters]
    let spreads: [Markup]
    let hasSpreads: Bool
    let members: [Member]
    let judged: Markup
    let failures: [Reason]
    let hasFailures: Bool
    let skipped: [Reason]
    let hasSkipped: Bool
    let sections: [PageSectionContent]

    init(
        _ group: GroupResult, heading: String, pages: [String: String], failures: [(name: String, reason: String)],
        skipped: [(name: String, reason: String)], sections: [PageSection]
    ) {
        (css, style) = (PageContent.style, PageContent.sectionStyle)
        self.heading = Markup(heading)
        run = Markup(Self.run(group, failed: failures.count, skipped: skipped.count))
        space = Markup(group.space.text)
        method = Markup(Self.method(group))
        chance = Markup(Self.chance(group.pooled))
        warnings = group.warnings.map { Markup($0) }
        hasWarnings = !warnings.isEmpty
        density = Markup(figure: DensityFigure.svg(group))
        tables = Self.tables(group)
        spreads = (0..<GroupPage.spreadFigures).compactMap { number in
            ClusterSpreadFigure.svg(group, cluster: number).map { Markup(figure: $0) }
        }
        hasSpreads = !spreads.isEmpty
        let outliers = Dictionary(
            grouping: group.outliers, by: { GroupMember.key(subject: $0.subject, condition: $0.condition) })
        members = group.members.map { member in
            Member(member, group, pages[member.key], outliers[member.key] ?? [])
        }
        judged = Markup(Self.judged)
        self.failures = failures.map { Reason(name: Markup($0.name), reason: Markup($0.reason)) }
        hasFailures = !failures.isEmpty
        self.skipped = skipped.map { Reason(name: Markup($0.name), reason: Markup($0.reason)) }
        hasSkipped = !skipped.isEmpty
        self.sections = sections.map { PageSectionContent($0) }
    }

    // MARK: Sentences

    private static func run(_ group: GroupResult, failed: Int, skipped: Int) -> String {
        let conditions = group.conditions.map(\.name).filter { !$0.isEmpty }
        let names = conditions.prefix(12).joined(separator: "; ") + (conditions.count > 12 ? "; …" : "")
        return group.pooled.subjects.count.counted("subject") + ", " + group.conditions.count.counted("condition")
            + (names.isEmpty ? "" : " (\(names))") + ". " + group.members.count.counted("estimate")
            + " done, \(failed) failed"
            + (skipped > 0 ? ", \(skipped) skipped" : "") + "."
    }

    private static func method(_ group: GroupResult) -> String {
        "A cluster is a place where at least two subjects have a source within "
            + "\(NumberText.readable(group.pooled.radius * 1000, 2)) mm of one of them; the place of most subjects is taken "
            + "first, then the next among the sources that are left. A subject counts once."
    }

    private static func chance(_ clusters: SourceClusters) -> String {
        guard !clusters.largestByChance.isEmpty else { return "" }
        return
            "By chance: the number of subjects that have a source there when each source lies anywhere among the candidates "
            + "of its own subject. p: how often the largest cluster of such sources, drawn \(clusters.largestByChance.count) "
            + "times, has as many subjects or more anywhere, so it holds for all clusters of a table together. It speaks "
            + "against sources anywhere, not against what draws every estimate to the same places, such as the surface or "
            + "where the sensors are. Sources of a subject in several conditions are drawn apart, although they often lie "
            + "together: over all conditions p is cautious."
    }

    private static var judged: String {
        "A value is marked where it is further than \(NumberText.readable(GroupOutlier.limit, 2)) robust standard "
            + "deviations (1.4826 times the median absolute deviation) from the median of its condition; where most "
            + "values are alike, further than a tenth of the median. Conditions with fewer than "
            + "\(GroupOutlier.fewest) estimates are not judged."
    }

    // MARK: Tables

    private static func tables(_ group: GroupResult) -> [Clusters] {
        guard group.conditions.count > 1 else {
            return [Clusters(group.pooled, id: "clusters-0", title: "Clusters", hasColours: true)]
        }
        let single = group.conditions.enumerated().map { place, condition in
            Clusters(
                condition.clusters, id: "clusters-\(place + 1)",
                title: "Condition \(group.conditionName(condition.name))")
        }
        return [Clusters(group.pooled, id: "clusters-0", title: "All conditions together", hasColours: true)] + single
    }
}

extension GroupPageContent.Clusters {
    /// How many clusters are listed.
    private static let most = 20

    /// - Parameter hasColours: whether numbers are ringed in the colours of the figures.
    init(_ set: SourceClusters, id: String, title: String, hasColours: Bool = false) {
        self.id = id
        self.title = Markup(title)
        rows = set.clusters.prefix(Self.most).enumerated().map { number, cluster in
            Row(
                number: number + 1, count: cluster.subjects.count, of: set.subjects.count,
                colour: hasColours ? Palette.source(number) : Palette.measured, place: Markup(cluster.place),
                expected: Markup(cluster.expectedSubjects.map { NumberText.fixed($0, 1) } ?? NumberText.missing),
                chance: Markup(cluster.chance.map { NumberText.readable($0, 2) } ?? NumberText.missing),
                spread: Markup(NumberText.fixed(cluster.spread * 1000, 0)),
                peak: Markup(cluster.amplitude?.text(1e9, decimals: 1) ?? NumberText.missing),
                latency: Markup(cluster.latency?.text(1000, decimals: 0) ?? NumberText.missing),
                names: Markup(cluster.subjects.joined(separator: ", ")),
                isBeyondChance: cluster.isBeyondChance)
        }
        isEmpty = rows.isEmpty
        let hidden = set.clusters.count - rows.count
        note = Markup(
            "\(set.otherSources.counted("source")) of \(set.memberCount.counted("estimate")) "
                + "\(set.otherSources == 1 ? "stands" : "stand") for no cluster."
                + (hidden > 0 ? " \(hidden.counted("cluster")) of no more subjects: in clusters.tsv." : ""))
    }
}

extension GroupPageContent.Member {
    init(_ member: GroupMember, _ group: GroupResult, _ page: String?, _ found: [GroupOutlier]) {
        subject = Markup(member.subject.isEmpty ? NumberText.missing : member.subject)
        condition = Markup(group.conditionName(member.condition))
        link = Markup(page ?? "")
        hasLink = page != nil
        (sources, rank, warnings) = (member.sources.count, member.rank, member.warnings.count)
        fit = Markup(NumberText.percent(member.goodnessOfFit))
        noise = Markup(NumberText.readable(member.noiseDeviation))
        lambda = Markup(NumberText.readable(member.lambdaRatio, 2))
        outliers = found.map { Markup($0.text) }
    }
}
