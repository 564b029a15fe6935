extension Comparison: CustomStringConvertible {
    /// Counts, errors and a row a source, in plain English; sources are numbered from 1.
    public var description: String {
        func number(_ value: Double, _ digits: Int) -> String { String(printf: "%.\(digits)f", value) }
        func right(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        func count(_ n: Int, _ noun: String) -> String { n == 1 ? "1 \(noun)" : "\(n) \(noun)s" }
        let trueCount = foundCount + missedCount
        var lines = [
            "\(count(trueCount, "true source")): \(foundCount) found within \(number(radius, 1)) mm, "
                + "\(missedCount) missed; \(count(falseCount, "false source"))."
        ]
        if let meanError, let medianError, let maximumError {
            lines.append(
                "Localization error: mean \(number(meanError, 1)) mm, median \(number(medianError, 1)) mm, "
                    + "largest \(number(maximumError, 1)) mm.")
        }
        let scores = [("precision", precision), ("recall", recall), ("F1", f1)].compactMap { (name, value) in
            value.map { "\(name) \(number($0, 2))" }
        }
        if !scores.isEmpty {
            let sentence = scores.joined(separator: ", ")
            lines.append(sentence.prefix(1).uppercased() + sentence.dropFirst() + ".")
        }
        if let transportDistance {
            lines.append(
                "Transport: \(number(transportDistance, 1)) mm (how far amplitude has to move, as root mean square; what has no "
                    + "counterpart within \(number(reach, 1)) mm counts as that).")
        }
        guard trueCount + falseCount > 0 else { return lines.joined(separator: "\n") }

        func row(_ cells: [String]) -> String {
            let widths = [5, 6, 8, 8, 8, 10, 13]
            return zip(cells, widths).map { right($0, $1) }.joined()
        }
        func place(_ position: SIMD3<Double>) -> [String] {
            [position.x, position.y, position.z].map { number($0, 1) }
        }
        func nearest(_ distance: Double?, _ side: String) -> String {
            distance.map { ", nearest \(side) source at \(number($0, 1)) mm" } ?? ""
        }
        lines += ["", row(["true", "found", "x mm", "y mm", "z mm", "error mm", "correlation"])]
        let byTruth =
            matches.map { m in
                (
                    m.trueSource,
                    row(
                        ["\(m.trueSource + 1)", "\(m.foundSource + 1)"] + place(m.truePosition)
                            + [number(m.error, 1), m.correlation.map { number($0, 2) } ?? "-"])
                )
            }
            + missedSources.map { u in
                (
                    u.source,
                    row(["\(u.source + 1)", "-"] + place(u.position)) + "    missed" + nearest(u.nearest, "found")
                )
            }
        lines += byTruth.sorted { $0.0 < $1.0 }.map(\.1)
        lines += falseSources.map { u in
            row(["-", "\(u.source + 1)"] + place(u.position)) + "    false" + nearest(u.nearest, "true")
        }
        return lines.joined(separator: "\n")
    }
}
