import Requests

/// A model of mixed effects in words and two tables, for people.
public enum MixedReading {
    /// All of it.
    public static func text(_ summary: MixedSummary) -> String {
        var parts = [opening(summary), table(fixedHeader(summary), fixedRows(summary))]
        if !summary.random.isEmpty || summary.noiseVariance != nil {
            parts.append(table(randomHeader(summary), randomRows(summary)))
        }
        let left = leftOut(summary)
        if !left.isEmpty { parts.append(left) }
        parts.append(closing(summary))
        return parts.joined(separator: "\n\n")
    }

    /// A probability as tests have it.
    static func probability(_ p: Double) -> String {
        guard p.isFinite else { return NumberText.missing }
        return p < 1e-4 ? "< 0.0001" : NumberText.fixed(p, p < 0.1 ? 4 : 2)
    }

    private static func opening(_ summary: MixedSummary) -> String {
        let inside = summary.fixed.count(where: \.selected)
        let varying = summary.random.count(where: \.selected)
        let missing = summary.missingRows
        return
            "\(summary.response) in \(summary.rows.counted("row")) of \(summary.groups.counted("group")) (\(summary.group))"
            + (missing > 0 ? "; \(missing.counted("row")) with missing cells left out" : "") + ".\n"
            + "\(inside) of \(summary.fixed.count.counted("fixed effect")) and \(varying) of "
            + "\(summary.random.count.counted("random effect")) are in the model"
            + (summary.select == "none" ? "." : ", \(how(summary)).")
    }

    private static func how(_ summary: MixedSummary) -> String {
        switch summary.select {
        case "average": "those that are more probable than not, averaged over models"
        case "subset": "the best subset by BIC that exchange finds"
        default:
            "chosen by \(summary.select) with penalty \(summary.penalty ?? "") at λ = "
                + NumberText.readable(summary.lambda ?? .nan)
                + (summary.eta.map { ", η = \(NumberText.readable($0))" } ?? "")
        }
    }

    private static func fixedHeader(_ summary: MixedSummary) -> [String] {
        [
            "fixed effect", "estimate", "error", "\(NumberText.significant(summary.confidence * 100, 4)) % interval",
            "p (Holm)", "inclusion",
        ]
    }

    private static func fixedRows(_ summary: MixedSummary) -> [[String]] {
        summary.fixed.filter(\.selected).map { effect in
            [
                effect.name.onOneLine, number(effect.estimate), effect.standardError.map(number) ?? "",
                effect.interval.map { "\(number($0.lowerBound)) to \(number($0.upperBound))" } ?? "",
                effect.pHolm.map(probability) ?? "", effect.inclusion.map { NumberText.fixed($0, 2) } ?? "",
            ]
        }
    }

    private static func randomHeader(_ summary: MixedSummary) -> [String] {
        [
            "differs between groups", "deviation", "\(NumberText.significant(summary.confidence * 100, 4)) % interval",
            "variance", "p", "inclusion",
        ]
    }

    private static func randomRows(_ summary: MixedSummary) -> [[String]] {
        summary.random.filter(\.selected).map { effect in
            [
                effect.name.onOneLine, number(effect.deviation),
                effect.lower.map { low in "\(number(low)) " + (effect.upper.map { "to \(number($0))" } ?? "on") } ?? "",
                number(effect.estimate), effect.p.map(probability) ?? "",
                effect.inclusion.map { NumberText.fixed($0, 2) } ?? "",
            ]
        }
            + (summary.noiseVariance.map {
                [
                    [
                        "(noise\(summary.noiseIsEstimated ? "" : ", given"))", number($0.squareRoot()), "", number($0),
                        "", "",
                    ]
                ]
            } ?? [])
    }

    /// What is not in the model, with its probability where that is known.
    private static func leftOut(_ summary: MixedSummary) -> String {
        func names(_ effects: [(name: String, inclusion: Double?)]) -> String {
            effects.prefix(20).map { effect in
                effect.name.onOneLine + (effect.inclusion.map { " (\(NumberText.fixed($0, 2)))" } ?? "")
            }.joined(separator: ", ") + (effects.count > 20 ? ", … (\(effects.count))" : "")
        }
        let fixed = summary.fixed.filter { !$0.selected }.map { (name: $0.name, inclusion: $0.inclusion) }
        let random = summary.random.filter { !$0.selected }.map { (name: $0.name, inclusion: $0.inclusion) }
        return [
            fixed.isEmpty ? nil : "Not in the model: \(names(fixed))",
            random.isEmpty ? nil : "The same in all groups: \(names(random))",
        ].compactMap(\.self).joined(separator: "\n")
    }

    private static func closing(_ summary: MixedSummary) -> String {
        var lines: [String] = []
        for pair in summary.correlations ?? [] {
            lines.append(
                "correlation of \(pair.first) and \(pair.second) over groups: \(NumberText.fixed(pair.correlation, 2))")
        }
        for reference in summary.references {
            lines.append("'\(reference.factor)' is compared with '\(reference.level)'".onOneLine)
        }
        lines.append(
            "−2 log likelihood \(NumberText.fixed(summary.minusTwiceLogLikelihood, 3)) (ML)"
                + (summary.minusTwiceRestrictedLogLikelihood.map { ", \(NumberText.fixed($0, 3)) (REML)" } ?? "")
                + "; BIC \(NumberText.fixed(summary.bic, 3)) without constants")
        lines.append(
            "Wald tests with \(NumberText.fixed(summary.degreesOfFreedom, 0)) degrees of freedom"
                + (summary.select == "none" ? "" : "; they take the model as given, not chosen"))
        return lines.joined(separator: "\n")
    }

    private static func number(_ value: Double) -> String { NumberText.typographic(NumberText.readable(value, 4)) }

    /// Columns side by side, the first to the left and the others to the right; those without a value are left out.
    private static func table(_ header: [String], _ rows: [[String]]) -> String {
        let used = header.indices.filter { column in column < 2 || rows.contains { !$0[column].isEmpty } }
        let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
        return ([header] + rows).map { row in
            used.map { column in
                let room = String(repeating: " ", count: widths[column] - row[column].count)
                return column == 0 ? row[column] + room : room + row[column]
            }.joined(separator: "   ")
        }.joined(separator: "\n")
    }
}
