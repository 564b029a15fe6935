import SourceImaging

/// Joint localizations of a group, one a condition, in words and tables.
public struct JointReport: Sendable {
    /// A condition by its name, which may be empty, with what was found.
    public let conditions: [(name: String, result: JointResult)]
    /// The joint estimates of all conditions brought together.
    public let group: GroupResult

    /// Within which distance two sources of one subject count as one, m.
    static let same = 0.010

    /// A report; `group` holds a member for each subject of each condition.
    public init(conditions: [(name: String, result: JointResult)], group: GroupResult) {
        self.conditions = conditions
        self.group = group
    }

    /// Sources of an estimate that another of the same subject does not have.
    private static func beyond(_ estimate: Estimate, _ other: Estimate) -> Int {
        estimate.sources.count { source in
            !other.sources.contains { isWithin(same, $0.position, source.position) }
        }
    }

    private static func isWithin(_ reach: Double, _ a: SIMD3<Double>, _ b: SIMD3<Double>) -> Bool {
        ((a - b) * (a - b)).sum() <= reach * reach
    }

    // MARK: Tables for programs

    /// Names of the columns of `subjects.tsv`, in order.
    public static let subjectColumns = [
        "condition", "subject", "sources_alone", "sources_together", "new", "gone", "goodness_of_fit_alone",
        "goodness_of_fit_together", "agreement", "kernel_mm",
    ]

    /// Tab-separated values: a header, then a row a subject and condition. Missing values read `n/a`.
    public func subjects() -> String {
        let rows = conditions.flatMap { name, result in
            result.subjects.map { subject in
                [
                    cell(name), cell(subject.name), String(subject.separate.sources.count),
                    String(subject.joint.sources.count), String(Self.beyond(subject.joint, subject.separate)),
                    String(Self.beyond(subject.separate, subject.joint)),
                ]
                    + [
                        subject.separate.goodnessOfFit, subject.joint.goodnessOfFit, subject.agreement,
                        result.kernelWidth.map { $0 * 1000 },
                    ].map(TabSeparated.number)
            }
        }
        return TabSeparated.text(header: Self.subjectColumns, rows: rows)
    }

    /// Names of the columns of `kernel.tsv`, in order.
    public static let kernelColumns = ["condition", "kernel_mm", "log_odds", "chosen"]

    /// Tab-separated values: a header, then a row a condition and kernel width that was tried.
    public func kernels() -> String {
        let rows = conditions.flatMap { name, result in
            result.widths.map { width, score in
                [cell(name), TabSeparated.number(width * 1000), TabSeparated.number(score)]
                    + [width == result.kernelWidth ? "1" : "0"]
            }
        }
        return TabSeparated.text(header: Self.kernelColumns, rows: rows)
    }

    private func cell(_ name: String) -> String { name.isEmpty ? NumberText.missing : name.onOneLine }

    // MARK: The page

    /// What the page of the group tells.
    ///
    /// - Parameter link: path of what a subject and condition lead to, relative to the page; nil for none.
    public func section(link: (_ subject: String, _ condition: String) -> String?) -> PageSection {
        var section = PageSection(id: "joint", title: "Localized together", paragraphs: paragraphs)
        section.warnings = Set(conditions.flatMap { $0.result.warnings }).sorted()
        section.figures = [DensityFigure.svg(group)]
        section.tables = [places, subjectTable(link)]
        section.notes = [
            "Alone: from a subject’s own data. Together: from its own data, with the sources of the others as a prior of where "
                + "they lie. New, gone: sources further than \(Int(Self.same * 1000)) mm from any of the other estimate. "
                + "Agreement: mean logarithm of by how many times the sources that a subject shows alone are likelier where "
                + "the others have theirs; below zero it stands out. A subject that stands out keeps its own sources: they "
                + "have to explain a little more."
        ]
        return section
    }

    private var paragraphs: [String] {
        let kernels = conditions.map { name, result in
            let width =
                result.kernelWidth.map { NumberText.readable($0 * 1000, 2) + " mm" } ?? "none: nothing is shared"
            return conditions.count > 1 ? "\(width) (\(group.conditionName(name)))" : width
        }
        let (alone, together) = conditions.reduce((0, 0)) { sum, condition in
            condition.result.subjects.reduce(sum) {
                ($0.0 + $1.separate.sources.count, $0.1 + $1.joint.sources.count)
            }
        }
        return [
            "All subjects were localized together: where other subjects have a source, it takes less to show one. Each keeps "
                + "its own data, positions and amplitudes. Width of the kernel over which places count as one: "
                + kernels.joined(separator: ", ")
                + ". Positions: \(conditions.first?.result.space ?? group.space.name). "
                + "\(alone.counted("source")) alone, \(together) together."
        ]
    }

    /// Where the joint sources of subjects lie together, and how many had one there alone.
    private var places: PageSection.Table {
        let clusters = group.pooled
        let rows = clusters.clusters.prefix(20).enumerated().map { number, cluster -> [PageSection.Cell] in
            let alone = conditions.reduce(into: Set<String>()) { found, condition in
                for subject in condition.result.subjects
                where subject.separate.sources.contains(where: {
                    Self.isWithin(
                        clusters.radius, group.space.position($0.position, of: subject.name), cluster.centre)
                }) { found.insert(subject.name) }
            }
            return [
                .init("\(number + 1)"), .init(cluster.place),
                .init("\(alone.count) of \(clusters.subjects.count)"),
                .init(
                    "\(cluster.subjects.count) of \(clusters.subjects.count)",
                    isMarked: cluster.subjects.count > alone.count),
                .init(NumberText.fixed(cluster.spread * 1000, 0)),
                .init(cluster.amplitude?.text(1e9, decimals: 1) ?? NumberText.missing),
                .init(cluster.latency?.text(1000, decimals: 0) ?? NumberText.missing),
            ]
        }
        return PageSection.Table(
            title: "Places, alone and together",
            columns: [
                .init("Place", isNumber: false), .init("Where", isNumber: false), .init("Alone"), .init("Together"),
                .init("Spread, mm"), .init("Peak, nAm"), .init("At, ms"),
            ], rows: rows)
    }

    private func subjectTable(_ link: (_ subject: String, _ condition: String) -> String?) -> PageSection.Table {
        let rows = conditions.flatMap { name, result in
            result.subjects.map { subject -> [PageSection.Cell] in
                [
                    .init(subject.name, link: link(subject.name, name)), .init(group.conditionName(name)),
                    .init("\(subject.separate.sources.count)"), .init("\(subject.joint.sources.count)"),
                    .init("\(Self.beyond(subject.joint, subject.separate))"),
                    .init("\(Self.beyond(subject.separate, subject.joint))"),
                    .init(NumberText.percent(subject.separate.goodnessOfFit)),
                    .init(NumberText.percent(subject.joint.goodnessOfFit)),
                    .init(
                        subject.agreement.map { NumberText.typographic(NumberText.fixed($0, 1)) } ?? NumberText.missing,
                        isMarked: subject.agreement.map { $0 < 0 } ?? false),
                ]
            }
        }
        return PageSection.Table(
            title: "Subjects, alone and together",
            columns: [
                .init("Subject", isNumber: false), .init("Condition", isNumber: false), .init("Sources alone"),
                .init("Together"), .init("New"), .init("Gone"), .init("Fit alone"), .init("Fit together"),
                .init("Agreement"),
            ], rows: rows)
    }
}
