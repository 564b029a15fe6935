import Requests

/// The tables of a model of mixed effects: `fixed.tsv`, `random.tsv`, `groups.tsv` and `selection.tsv`. Missing values read `n/a`.
public enum MixedTables {
    /// Names of the columns of `fixed.tsv`, in order.
    public static let fixedColumns = [
        "effect", "estimate", "standard_error", "lower", "upper", "t", "p", "p_holm", "selected", "inclusion",
        "penalized",
    ]

    /// Names of the columns of `random.tsv`, in order.
    public static let randomColumns = [
        "effect", "variance", "deviation", "lower", "upper", "p", "selected", "inclusion", "penalized",
    ]

    /// Names of the columns of `selection.tsv`, in order.
    public static let selectionColumns = ["lambda", "eta", "bic", "fixed", "random"]

    /// A row a fixed effect.
    public static func fixed(_ summary: MixedSummary) -> String {
        TabSeparated.text(
            header: fixedColumns,
            rows: summary.fixed.map { effect in
                [effect.name.onOneLine]
                    + [
                        effect.estimate, effect.standardError, effect.lower, effect.upper, effect.statistic, effect.p,
                        effect.pHolm,
                    ].map(exact) + [effect.selected ? "1" : "0", exact(effect.inclusion), exact(effect.penalized)]
            })
    }

    /// A row a random effect, and one of the noise where its variance is one number.
    public static func random(_ summary: MixedSummary) -> String {
        let noise = summary.noiseVariance.map {
            [["(noise)", exact($0), exact($0.squareRoot())] + [String](repeating: NumberText.missing, count: 6)]
        }
        return TabSeparated.text(
            header: randomColumns,
            rows: summary.random.map { effect in
                [
                    effect.name.onOneLine, exact(effect.estimate), exact(effect.deviation), exact(effect.lower),
                    exact(effect.upper), exact(effect.p), effect.selected ? "1" : "0", exact(effect.inclusion),
                    exact(effect.penalized),
                ]
            } + (noise ?? []))
    }

    /// A row a group: its rows, and its departure from each effect, named after it.
    public static func groups(_ answer: MixedAnswer) -> String {
        let design = answer.design
        return TabSeparated.text(
            header: [design.groupName.onOneLine, "rows"] + design.randomNames.map(\.onOneLine),
            rows: design.groups.indices.map { group in
                [design.groups[group].onOneLine, String(design.offsets[group + 1] - design.offsets[group])]
                    + answer.deviations.column(group).map { exact($0) }
            })
    }

    /// A row a λ that was tried; nil where there was none.
    public static func selection(_ summary: MixedSummary) -> String? {
        summary.trials.map { trials in
            TabSeparated.text(
                header: selectionColumns,
                rows: trials.map {
                    [$0.lambda, $0.eta, $0.criterion].map(exact) + [String($0.fixedCount), String($0.randomCount)]
                })
        }
    }

    /// A number in the fewest digits that read back as it.
    private static func exact(_ value: Double?) -> String { value.map(NumberText.exact) ?? NumberText.missing }
}
