import Requests

/// The figures of a model of mixed effects.
public enum MixedFigures {
    /// Fixed effects with their intervals, the intercept left out: it has another unit than all others.
    public static func effects(_ answer: MixedAnswer) -> String {
        let summary = answer.summary
        let hasInclusion = summary.fixed.contains { $0.inclusion != nil }
        let rows = summary.fixed.enumerated().compactMap { place, effect -> ForestFigure.Row? in
            guard place != answer.design.intercept else { return nil }
            return ForestFigure.Row(
                name: effect.name, estimate: effect.selected ? effect.estimate : .nan, interval: effect.interval,
                isSelected: effect.selected,
                note: hasInclusion
                    ? effect.inclusion.map { NumberText.fixed($0, 2) } ?? ""
                    : effect.pHolm.map { MixedReading.probability($0) } ?? "")
        }
        return ForestFigure.svg(
            rows, title: "What explains \(summary.response)",
            axis: "Effect on \(summary.response), with \(NumberText.percent(summary.confidence)) intervals",
            noteTitle: hasInclusion ? "Inclusion" : "p (Holm)")
    }

    /// How probable each effect is; nil where models were not averaged.
    public static func inclusion(_ answer: MixedAnswer) -> String? {
        let summary = answer.summary
        guard
            summary.fixed.contains(where: { $0.inclusion != nil })
                || summary.random.contains(where: { $0.inclusion != nil })
        else { return nil }
        let random = Dictionary(summary.random.map { ($0.name, $0.inclusion) }) { first, _ in first }
        let own = summary.fixed.map {
            InclusionFigure.Row(name: $0.name, fixed: $0.inclusion, random: random[$0.name] ?? nil)
        }
        let names = Set(summary.fixed.map(\.name))
        let others = summary.random.filter { !names.contains($0.name) }.map {
            InclusionFigure.Row(name: $0.name, fixed: nil, random: $0.inclusion)
        }
        return InclusionFigure.svg(own + others, title: "Which effects \(summary.response) needs")
    }

    /// Estimates over λ; nil where there was no path.
    public static func paths(_ answer: MixedAnswer) -> String? {
        guard let path = answer.path else { return nil }
        let summary = answer.summary
        func lines(_ values: Matrix, _ names: [(String, Bool)], without left: Int?) -> [CoefficientPathFigure.Line] {
            names.enumerated().filter { $0.offset != left }.map { place, effect in
                .init(name: effect.0, values: values.row(place), isSelected: effect.1)
            }
        }
        return CoefficientPathFigure.svg(
            [
                .init(
                    axis: "Fixed effects",
                    lines: lines(
                        path.fixed, summary.fixed.map { ($0.name, $0.selected) }, without: answer.design.intercept)),
                .init(
                    axis: "Variances",
                    lines: lines(path.random, summary.random.map { ($0.name, $0.selected) }, without: nil)),
            ], lambdas: path.lambdas, chosen: path.chosen, title: "Effects on \(summary.response) along λ")
    }
}

extension MixedSummary.Fixed {
    /// Where the effect lies; nil where it is not in the model.
    var interval: ClosedRange<Double>? {
        guard let lower, let upper, lower <= upper else { return nil }
        return lower...upper
    }
}
