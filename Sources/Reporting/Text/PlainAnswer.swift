import SourceImaging

/// The result of a localization in a few sentences.
enum PlainAnswer {
    /// How many sources are told one by one.
    private static let toldSources = 3

    /// What was found, where, when, how strong and how sure; one paragraph.
    static func text(_ estimate: Estimate) -> String {
        guard let first = estimate.sources.first else {
            return estimate.noSourcesText + " (\(estimate.windowText))."
        }
        let count = estimate.sources.count
        let number = ["One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"]
        let many = number.indices.contains(count - 1) ? number[count - 1] : String(count)
        var sentences = [
            "\(many) source\(count == 1 ? " explains" : "s explain") "
                + "\(NumberText.percent(estimate.goodnessOfFit)) of the power of the whitened data in the window of "
                + "\(estimate.windowText)."
        ]
        sentences.append(
            (count == 1 ? "It lies" : "The strongest lies") + " \(whereabouts(first))\(peak(first, estimate))."
                + (surety(first).map { " \($0)" } ?? ""))
        for (place, source) in estimate.sources.dropFirst().prefix(toldSources - 1).enumerated() {
            sentences.append("Source \(place + 2) lies \(whereabouts(source))\(peak(source, estimate)).")
        }
        if count > toldSources { sentences.append("The table below has the others.") }
        return sentences.joined(separator: " ")
    }

    /// `in the right hemisphere at (52, 16, 70) ± 12 mm, a patch of 8 mm`.
    private static func whereabouts(_ source: EstimatedSource) -> String {
        let side =
            switch source.hemisphere {
            case .left: "in the left hemisphere "
            case .right: "in the right hemisphere "
            case .volume: "in the volume "
            case nil: ""
            }
        let spread = source.region?.halfAxes.first.flatMap(\.finite).map {
            " ± \(NumberText.fixed($0 * 1000, 0))"
        }
        return "\(side)at \(source.position.place.dropLast(3))\(spread ?? "") mm\(source.patchText)"
    }

    /// `, and peaks at 92 ms with 45 nAm (38–52)`.
    private static func peak(_ source: EstimatedSource, _ estimate: Estimate) -> String {
        guard let peak = source.peakMoment?.finite, let time = source.peakTime(in: estimate.times)?.finite else {
            return ""
        }
        let range = source.amplitudeInterval.map {
            " (\(NumberText.range($0.lowerBound * 1e9, $0.upperBound * 1e9)))"
        }
        return ", and peaks at \(NumberText.typographic(NumberText.fixed(time * 1000, 0))) ms with "
            + "\(NumberText.readable(peak, 2)) nAm\(range ?? "")"
    }

    /// How likely it is a source at all, where that is less than sure.
    private static func surety(_ source: EstimatedSource) -> String? {
        guard let probability = source.probability, probability.isFinite, probability < 0.995 else { return nil }
        return "That it is a source at all has a probability of \(NumberText.percent(probability))."
    }
}
